/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static int parse_port(int port)
{
    if (port < 1)
        return eddy_fail(-EINVAL, "bad port %d", port);
    return port;
}

static int configure(void)
{
    int r = parse_port(-4);
    if (r < 0)
        return eddy_fail_from(r, "can't read the configuration"); /* raise ... from error */
    return 0;
}

static int program(void)
{
    int r = configure();
    const eddy_failure *failure = eddy_last_failure();
    printf("%s: %s\n", eddy_error_name(r), eddy_failure_message(failure));
    printf("  because: %s, in %s\n", eddy_failure_message(eddy_failure_cause(failure)),
           eddy_failure_task(failure));
    return 0;
}

int main(void)
{
    return eddy_run(program) < 0;
}
