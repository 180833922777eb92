/* SPDX-License-Identifier: MIT */
/*
 * Two blocking functions at once, each in a thread: 2 seconds, not 3.
 * Tutorial: Corey Schafer's, "Using Threads for Blocking IO".
 *
 *     task1 = asyncio.create_task(asyncio.to_thread(sync_function, 1))
 *     task2 = asyncio.create_task(asyncio.to_thread(sync_function, 2))
 *     result1 = await task1
 *     print("Task 1 fully complete")
 *     result2 = await task2
 *     print("Task 2 fully complete")
 *
 * eddy_to_thread() suspends the task that calls it, so two at once are two tasks. "Doing something"
 * is printed by the task: two threads that begin at the same moment could do it in either order.
 */
#include <stdio.h>
#include <eddy.h>

struct sync_function {
    int delay;
};

static int sync_function(struct sync_function *a)
{
    int r = eddy_blocking_sleep(a->delay); /* blocks its thread, and nobody else */
    if (r < 0)
        return r;
    printf("Done with %d\n", a->delay);
    return a->delay;
}

static EDDY_ASYNC int in_thread(struct sync_function *a)
{
    printf("Doing something with %d\n", a->delay);
    return eddy_to_thread(sync_function, a);
}

static EDDY_ASYNC int main_task(void)
{
    double start = eddy_time();
    eddy_task *task1 = eddy_create_task_as(in_thread, struct sync_function, .delay = 1);
    eddy_task *task2 = eddy_create_task_as(in_thread, struct sync_function, .delay = 2);
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
    printf("['result of %d', 'result of %d']\n", result1, result2);
    printf("Finished in %.1f seconds\n", eddy_time() - start);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
