/* SPDX-License-Identifier: MIT */
/*
 * Walk-through, example 4: awaiting in reverse changes nothing but the last two lines.
 * Tutorial: Corey Schafer's, "Understanding Await Order and Execution".
 *
 *     async def main():
 *         task1 = asyncio.create_task(async_function(1))
 *         task2 = asyncio.create_task(async_function(2))
 *         result2 = await task2             # task 2 first
 *         print("Task 2 fully complete")
 *         result1 = await task1
 *         print("Task 1 fully complete")
 *         return [result1, result2]
 *
 * To await a task isn't to run it next: the loop runs whoever is ready, in the order in which they
 * became ready. It only says that this task goes no further before that one is done. Task 1 has
 * long been done by the time it is awaited, and its result is just picked up.
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
    int result2 = eddy_await(task2);
    if (result2 >= 0)
        printf("Task 2 fully complete\n");
    int result1 = eddy_await(task1);
    if (result1 >= 0)
        printf("Task 1 fully complete\n");
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
