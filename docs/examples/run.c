/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct greet {
    const char *name;
};
static int greet(struct greet *a)
{
    double start = eddy_time();
    int r = eddy_sleep(60.0);
    if (r < 0)
        return r;
    printf("Hello, %s, after %.0f s\n", a->name, eddy_time() - start);
    return 7;
}

int main(void)
{
    /* A minute that takes no time: the clock jumps. */
    struct eddy_options options = {.virtual_clock = true};
    int r = eddy_run_with(&options, greet, .name = "Ann");
    printf("the main task returned %d\n", r);
    return r != 7;
}
