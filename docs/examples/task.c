/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct fetch {
    const char *what;
    double seconds;
    int *length;
};
static int fetch(struct fetch *a)
{
    int r = eddy_sleep(a->seconds);
    if (r < 0)
        return r;
    printf("%s is here\n", a->what);
    *a->length = 100;
    return 0;
}

static int both(void)
{
    int one = 0, other = 0;
    double start = eddy_time();
    eddy_task *slow = eddy_create_task(fetch, .what = "slow", .seconds = 2, .length = &one);
    eddy_task *quick = eddy_create_task(fetch, .what = "quick", .seconds = 1, .length = &other);

    int r = eddy_await(slow);
    int second = eddy_await(quick); /* done already: doesn't suspend */
    if (r == 0)
        r = second;
    eddy_task_release(slow);
    eddy_task_release(quick);
    printf("%d bytes in %.0f s\n", one + other, eddy_time() - start);
    return r;
}

int main(void)
{
    return eddy_run(both) < 0;
}
