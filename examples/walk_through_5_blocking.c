/* SPDX-License-Identifier: MIT */
/*
 * Walk-through, example 5: two tasks that block. 3 seconds again, and nothing overlaps.
 * Tutorial: Corey Schafer's, "Blocking the Event Loop with Synchronous Code".
 *
 *     async def async_function(delay):
 *         print(f"Doing something with {delay}")
 *         time.sleep(delay)                 # blocking call
 *         print(f"Done with {delay}")
 *         return f"async result of {delay}"
 *
 * Two tasks as in example 3; the sleep alone is another one. It doesn't suspend the task, so nobody
 * else can run. And when task 1 is done, task 2 has been ready for longer than the main task that
 * awaited task 1: "Doing something with 2" comes before "Task 1 fully complete". (The tutorial's
 * listing has it the other way round; its text is right, and so is Python.)
 */
#include <stdio.h>
#include <eddy.h>

struct async_function {
    int delay;
};

static EDDY_ASYNC int async_function(struct async_function *a)
{
    printf("Doing something with %d\n", a->delay);
    int r = eddy_blocking_sleep(a->delay); /* the mistake */
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
    printf("['async result of %d', 'async result of %d']\n", result1, result2);
    printf("Finished in %.2f seconds\n", eddy_time() - start);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
