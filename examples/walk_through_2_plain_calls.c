/* SPDX-License-Identifier: MIT */
/*
 * Walk-through, example 2: asynchronous, and not a bit faster. Still 3 seconds.
 * Tutorial: Corey Schafer's, "Converting to Async (Common Mistake)".
 *
 *     async def main():
 *         task1 = fetch_data(1)             # creates a coroutine object
 *         task2 = fetch_data(2)
 *         result1 = await task1             # runs it to its end
 *         print("Task 1 fully complete")
 *         result2 = await task2
 *         print("Task 2 fully complete")
 *         return [result1, result2]
 *
 * eddy_sleep() gives way to other tasks now, but there are none: a call runs in the task that makes
 * it, and that task goes on when the call is over. That is just what awaiting a coroutine does.
 */
#include <stdio.h>
#include <eddy.h>

static EDDY_ASYNC int fetch_data(int param)
{
    printf("Doing something with %d\n", param);
    int r = eddy_sleep(param);
    if (r < 0)
        return r;
    printf("Done with %d\n", param);
    return param;
}

static EDDY_ASYNC int main_task(void)
{
    double start = eddy_time();
    int result1 = fetch_data(1);
    if (result1 < 0)
        return result1;
    printf("Task 1 fully complete\n");
    int result2 = fetch_data(2);
    if (result2 < 0)
        return result2;
    printf("Task 2 fully complete\n");
    printf("['async result of %d', 'async result of %d']\n", result1, result2);
    printf("Finished in %.2f seconds\n", eddy_time() - start);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
