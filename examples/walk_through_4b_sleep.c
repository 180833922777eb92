/* SPDX-License-Identifier: MIT */
/*
 * Walk-through, example 4, variation: wait for something else altogether. 2.5 seconds.
 * Tutorial: Corey Schafer's, "Understanding Await Order and Execution", its end.
 *
 *     async def main():
 *         task1 = asyncio.create_task(async_function(1))
 *         task2 = asyncio.create_task(async_function(2))
 *         await asyncio.sleep(2.5)          # awaits neither task
 *         print("Sleep complete")
 *         result1 = await task1
 *         result2 = await task2
 *         return [result1, result2]
 *
 * The tasks run whatever the main task waits for. When the sleep is over both are done, and
 * awaiting them picks up their results without waiting.
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
    double start = eddy_time();
    eddy_task *task1 = eddy_create_task(async_function, .delay = 1);
    eddy_task *task2 = eddy_create_task(async_function, .delay = 2);
    int r = eddy_sleep(2.5);
    if (r == 0)
        printf("Sleep complete\n");
    int result1 = eddy_await(task1);
    int result2 = eddy_await(task2);
    eddy_task_release(task1);
    eddy_task_release(task2);
    if (result1 < 0 || result2 < 0)
        return result1 < 0 ? result1 : result2;
    printf("['async result of %d', 'async result of %d']\n", result1, result2);
    printf("Finished in %.2f seconds\n", eddy_time() - start);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
