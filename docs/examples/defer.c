/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static void leave(const char *room)
{
    printf("left the %s\n", room);
}

static int visit(void)
{
    printf("in the hall\n");
    eddy_defer(leave, "hall");
    printf("in the kitchen\n");
    eddy_defer(leave, "kitchen");
    return eddy_sleep(60.0);
}

static int program(void)
{
    int r = eddy_wait_for(visit(), 1.0);
    printf("%s\n", eddy_error_name(r));
    return 0;
}

int main(void)
{
    return eddy_run(program) < 0;
}
