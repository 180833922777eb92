/* SPDX-License-Identifier: MIT */
/*
 * A bound on the time of one call, in one line.
 * Tutorial: the short guide, "Cancellation and timeouts".
 *
 *     await asyncio.wait_for(some_async_call(), timeout=3.0)
 *
 * eddy_wait_for() is an expression: the call's own result, or -ETIMEDOUT when the time was up
 * first. The first call here is quick enough, the second is not.
 */
#include <stdio.h>
#include <eddy.h>

static EDDY_ASYNC int some_async_call(double seconds)
{
    return eddy_sleep(seconds);
}

static EDDY_ASYNC int bounded(double seconds)
{
    double start = eddy_time();
    int r = eddy_wait_for(some_async_call(seconds), 3.0);
    if (r < 0 && r != -ETIMEDOUT)
        return r;
    printf("a call of %.1f s: %s after %.1f s\n", seconds, r == 0 ? "done" : "gave up",
           eddy_time() - start);
    return 0;
}

static EDDY_ASYNC int main_task(void)
{
    int r = bounded(1.0);
    return r < 0 ? r : bounded(10.0);
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
