/* SPDX-License-Identifier: MIT */
/*
 * Walk-through, first pitfall: two tasks that nobody awaits.
 * Tutorial: Corey Schafer's, "Pitfall 1: Forgetting to Await".
 *
 *     async def main():
 *         task1 = asyncio.create_task(async_function(1))
 *         task2 = asyncio.create_task(async_function(2))
 *         # Missing: await task1, await task2
 *         return None
 *
 * Both take their first step; then the main task is over, and eddy_run() cancels what is left, as
 * asyncio.run() does. Neither gets to "Done". What catches it: a handle that was never given back
 * is reported on stderr, with the line that created the task. And a group can't be left too early.
 */
#include <stdio.h>
#include <eddy.h>

struct async_function {
    int delay;
};

static EDDY_ASYNC int async_function(struct async_function *a)
{
    printf("Doing something with %d\n", a->delay);
    int r = eddy_sleep(a->delay);
    if (r < 0)
        return r;
    printf("Done with %d\n", a->delay);
    return a->delay;
}

static EDDY_ASYNC int main_task(void)
{
    eddy_task *task1 = eddy_create_task(async_function, .delay = 1);
    eddy_task *task2 = eddy_create_task(async_function, .delay = 2);
    /* Missing: eddy_await(task1), eddy_await(task2) and their release. */
    (void)task1;
    (void)task2;
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
