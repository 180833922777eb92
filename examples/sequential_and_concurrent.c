/* SPDX-License-Identifier: MIT */
/*
 * Five fetches of a second each: one after the other, then all at once. 5 seconds against 1.
 * Tutorial: TechPulse guide, "Coroutines vs Tasks".
 *
 *     async def fetch(n):
 *         await asyncio.sleep(1)
 *         return n * 2
 *
 *     results = [await fetch(i) for i in range(5)]                      # sequential
 *
 *     tasks = [asyncio.create_task(fetch(i)) for i in range(5)]         # concurrent
 *     results = await asyncio.gather(*tasks)
 *
 * Calling fetch() runs it here and now, in this task. eddy_create_task() hands it to the event
 * loop: it takes turns with the others while this task goes on. The arguments of a task are a
 * struct named after its function; a task's result is an int, and negative means it failed.
 */
#include <stdio.h>
#include <eddy.h>

enum { COUNT = 5 };

struct fetch {
    int n;
};

static EDDY_ASYNC int fetch(struct fetch *a)
{
    int r = eddy_sleep(1.0);
    return r < 0 ? r : a->n * 2;
}

static void report(const char *name, double start, const int results[COUNT])
{
    printf("%s: %.2f\n", name, eddy_time() - start);
    for (int i = 0; i < COUNT; i++)
        printf("%s%d%s", i == 0 ? "[" : ", ", results[i], i == COUNT - 1 ? "]\n" : "");
}

static EDDY_ASYNC int sequential(void)
{
    double start = eddy_time();
    int results[COUNT];
    for (int i = 0; i < COUNT; i++) {
        results[i] = fetch(&(struct fetch){.n = i});
        if (results[i] < 0)
            return results[i];
    }
    report("sequential", start, results);
    return 0;
}

static EDDY_ASYNC int concurrent(void)
{
    double start = eddy_time();
    eddy_task *tasks[COUNT];
    int results[COUNT];
    for (int i = 0; i < COUNT; i++)
        tasks[i] = eddy_create_task(fetch, .n = i);
    int r = eddy_gather(tasks, COUNT, results, EDDY_RAISE_FIRST);
    for (int i = 0; i < COUNT; i++)
        eddy_task_release(tasks[i]);
    if (r < 0)
        return r;
    report("concurrent", start, results);
    return 0;
}

int main(void)
{
    return eddy_run(sequential) < 0 || eddy_run(concurrent) < 0;
}
