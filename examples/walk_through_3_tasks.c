/* SPDX-License-Identifier: MIT */
/*
 * Walk-through, example 3: two tasks, waiting at the same time. 2 seconds.
 * Tutorial: Corey Schafer's, "Correct Async Implementation with Task Scheduling".
 *
 *     async def main():
 *         task1 = asyncio.create_task(async_function(1))
 *         task2 = asyncio.create_task(async_function(2))
 *         result1 = await task1
 *         print("Task 1 fully complete")
 *         result2 = await task2
 *         print("Task 2 fully complete")
 *         return [result1, result2]
 *
 * Creating a task only puts it in the queue of those that are ready. Both begin as soon as the main
 * task waits, which it first does in eddy_await(task1): "Doing something with 2" comes before "Done
 * with 1".
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
    int result1 = eddy_await(task1);
    if (result1 >= 0)
        printf("Task 1 fully complete\n");
    int result2 = eddy_await(task2);
    if (result2 >= 0)
        printf("Task 2 fully complete\n");
    eddy_task_release(task1);
    eddy_task_release(task2);
    if (result1 < 0 || result2 < 0)
        return result1 < 0 ? result1 : result2;
    printf("['Result of %d', 'Result of %d']\n", result1, result2);
    printf("Finished in %.2f seconds\n", eddy_time() - start);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
