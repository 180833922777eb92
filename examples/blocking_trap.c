/* SPDX-License-Identifier: MIT */
/*
 * The blocking trap: a call that waits without telling the loop stops every other task, too.
 * Tutorial: TechPulse guide, "The Blocking Call Trap".
 *
 *     async def bad():
 *         time.sleep(2)                                     # blocks the whole event loop
 *
 *     async def good():
 *         await asyncio.sleep(2)                            # yields to the loop
 *
 *     async def good_blocking_lib():
 *         await asyncio.to_thread(some_blocking_function)   # blocks a thread, not the loop
 *
 * A heart beats every 0.1 s beside each of the three; what it sees is the longest gap between two
 * beats. eddy_blocking_sleep() stands for any call that blocks: read(), a query, a long loop.
 */
#include <stdio.h>
#include <eddy.h>

static double longest_gap;

static EDDY_ASYNC int heart(void)
{
    int r;
    do {
        double last_beat = eddy_time();
        r = eddy_sleep(0.1);
        double gap = eddy_time() - last_beat;
        if (gap > longest_gap)
            longest_gap = gap;
    } while (r == 0);
    return r;
}

static EDDY_ASYNC int bad(void)
{
    return eddy_blocking_sleep(2.0);
}

static EDDY_ASYNC int good(void)
{
    return eddy_sleep(2.0);
}

struct some_blocking_function {
    double seconds;
};

static int some_blocking_function(struct some_blocking_function *a)
{
    return eddy_blocking_sleep(a->seconds);
}

static EDDY_ASYNC int good_blocking_library(void)
{
    struct some_blocking_function job = {.seconds = 2.0};
    return eddy_to_thread(some_blocking_function, &job);
}

static EDDY_ASYNC int watch(const char *name, int (*function)(void))
{
    longest_gap = 0;
    int err;
    eddy_with_group (group, &err) {
        eddy_spawn(group, heart);
        err = eddy_sleep(0); /* let it begin */
        if (err == 0)
            err = function();
        eddy_group_cancel(group); /* the heart would beat for ever */
    }
    if (err == 0)
        printf("%-24s longest gap between two beats: %.1f s\n", name, longest_gap);
    return err;
}

static EDDY_ASYNC int main_task(void)
{
    int r = watch("bad()", bad);
    if (r == 0)
        r = watch("good()", good);
    if (r == 0)
        r = watch("good_blocking_library()", good_blocking_library);
    return r;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
