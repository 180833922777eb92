/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 10: going on after a cancellation.
 * Tutorial: the short guide, "Propagate cancellations and handle CancelledError explicitly".
 *
 *     try:
 *         while True:
 *             await asyncio.sleep(0.5)
 *     except asyncio.CancelledError:
 *         # cleanup here
 *         raise
 *
 * A cancelled task has every wait refused until it returns. One that doesn't look at what a call
 * returned goes round and round. What catches it: the compiler, if the result is dropped; here it
 * is looked at for nothing, and after a hundred refusals in a row the runtime says so on stderr,
 * and lets the others run in between.
 */
#include <stdio.h>
#include <eddy.h>

struct worker {
    int swallows;
    int *refused;
};

static EDDY_ASYNC int worker(struct worker *a)
{
    while (*a->refused < 500) {
        int r = eddy_sleep(0.5);
        if (r < 0)
            ++*a->refused;
        if (r < 0 && !a->swallows)
            return r;
    }
    return -ECANCELED;
}

static EDDY_ASYNC int cancel_after_a_while(const char *name, int swallows)
{
    int refused = 0;
    eddy_task *task = eddy_create_task(worker, .swallows = swallows, .refused = &refused);
    int r = eddy_sleep(1.75);
    eddy_task_cancel(task);
    int result = eddy_await(task);
    printf("%s: %s after %d refused waits\n", name, eddy_error_name(result), refused);
    eddy_task_release(task);
    return r;
}

static EDDY_ASYNC int main_task(void)
{
    int r = cancel_after_a_while("wrong", 1);
    return r < 0 ? r : cancel_after_a_while("correct", 0);
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
