/* SPDX-License-Identifier: MIT */
/*
 * Walk-through, second pitfall: waiting a little, and hoping. 1.1 seconds.
 * Tutorial: Corey Schafer's, "Pitfall 2: Script Ending Before Tasks Complete".
 *
 *     async def main():
 *         task1 = asyncio.create_task(async_function(1))
 *         task2 = asyncio.create_task(async_function(2))
 *         result1 = await task1
 *         print('Task 1 fully completed')
 *         result2 = await asyncio.sleep(0.1)        # task 2 takes 2 seconds
 *         print("Task 2 fully completed")
 *         return [result1, result2]                 # without the result of task 2
 *
 * The last line printed isn't true: task 2 was still waiting, and is cancelled when the main task
 * ends. "Done with 2" never comes. As before, its handle is reported on stderr.
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
    (void)task2; /* Missing: eddy_await(task2). */
    int result1 = eddy_await(task1);
    if (result1 >= 0)
        printf("Task 1 fully completed\n");
    int result2 = eddy_sleep(0.1);
    if (result2 >= 0)
        printf("Task 2 fully completed\n");
    eddy_task_release(task1);
    if (result1 < 0 || result2 < 0)
        return result1 < 0 ? result1 : result2;
    printf("Finished in %.2f seconds\n", eddy_time() - start);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
