/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static void say(void *text)
{
    printf("%s\n", (const char *)text);
}

static int program(void)
{
    eddy_call_later(2.0, say, "two seconds later");
    eddy_handle *never = eddy_call_later(1.0, say, "never");
    eddy_call_soon(say, "soon");
    printf("first\n");
    if (!eddy_handle_cancel(never))
        return -EIO;
    return eddy_sleep(3.0);
}

int main(void)
{
    return eddy_run(program) < 0;
}
