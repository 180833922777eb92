/* SPDX-License-Identifier: MIT */
/*
 * Thirty-five items, at most ten at once: a semaphore keeps the crowd out.
 * Tutorial: Mastering Asyncio, "Ignoring Backpressure".
 *
 *     async def bounded_process(items):
 *         semaphore = asyncio.Semaphore(10)         # Limit concurrency
 *
 *         async def process_one(item):
 *             async with semaphore:
 *                 return await process(item)
 *
 *         return await asyncio.gather(*[process_one(i) for i in items])
 *
 * All the tasks exist from the start; those without a permit wait for one, in order. Where there
 * are more items than one wants tasks, eddy_map(10, ...) has the limit built in.
 */
#include <stdio.h>
#include <eddy.h>

enum { ITEMS = 35 };

static eddy_semaphore semaphore = EDDY_SEMAPHORE_INIT(10);
static int at_once, most_at_once;

static EDDY_ASYNC int process(void)
{
    at_once++;
    if (at_once > most_at_once)
        most_at_once = at_once;
    int r = eddy_sleep(1.0);
    at_once--;
    return r;
}

static EDDY_ASYNC int process_one(void)
{
    int err;
    eddy_with_semaphore (&semaphore, &err) {
        err = process();
    }
    return err;
}

static EDDY_ASYNC int main_task(void)
{
    double start = eddy_time();
    int err;
    eddy_with_group (group, &err) {
        for (int i = 0; i < ITEMS; i++)
            eddy_spawn(group, process_one);
    }
    if (err < 0)
        return err;
    printf("%d items in %.1f s\n", ITEMS, eddy_time() - start);
    printf("at most %d at once\n", most_at_once);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
