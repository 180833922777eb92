/* SPDX-License-Identifier: MIT */
/*
 * Gather, two ways: of plain calls and of tasks.
 * Tutorial: Corey Schafer's, "Using asyncio.gather()".
 *
 *     coroutines = [fetch_data(i) for i in range(1, 3)]
 *     results = await asyncio.gather(*coroutines, return_exceptions=True)
 *     print(f"Coroutine Results: {results}")
 *
 *     tasks = [asyncio.create_task(fetch_data(i)) for i in range(1, 3)]
 *     results = await asyncio.gather(*tasks, return_exceptions=True)
 *     print(f"Task Results: {results}")
 *
 * Who only wants the results needs no tasks by hand: eddy_map() calls the function for each element
 * of an array, as tasks, at most so many at once. Tasks can be named, watched and cancelled. Either
 * way the results stand in the order of the calls, although the first call is the last to finish.
 */
#include <stdio.h>
#include <eddy.h>

struct fetch_data {
    int param;
};

static EDDY_ASYNC int fetch_data(struct fetch_data *a)
{
    int r = eddy_sleep(1.0 / a->param);
    return r < 0 ? r : a->param;
}

static EDDY_ASYNC int gather_calls(void)
{
    struct fetch_data jobs[] = {{.param = 1}, {.param = 2}};
    int results[2];
    int r = eddy_map(2, fetch_data, jobs, 2, results);
    if (r == 0)
        printf("Coroutine Results: ['Result of %d', 'Result of %d']\n", results[0], results[1]);
    return r;
}

static EDDY_ASYNC int gather_tasks(void)
{
    eddy_task *tasks[2];
    int results[2];
    tasks[0] = eddy_create_task(fetch_data, .param = 1);
    tasks[1] = eddy_create_task(fetch_data, .param = 2);
    int r = eddy_gather(tasks, 2, results, EDDY_RETURN_EXCEPTIONS);
    eddy_task_release(tasks[0]);
    eddy_task_release(tasks[1]);
    if (r == 0)
        printf("Task Results: ['Result of %d', 'Result of %d']\n", results[0], results[1]);
    return r;
}

static EDDY_ASYNC int main_task(void)
{
    int r = gather_calls();
    return r < 0 ? r : gather_tasks();
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
