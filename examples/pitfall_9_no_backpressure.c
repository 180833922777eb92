/* SPDX-License-Identifier: MIT */
/*
 * Pitfall 9: more work begun than can be done.
 * Tutorial: Mastering Asyncio, "Ignoring Backpressure".
 *
 *     async def bounded_process(items):
 *         semaphore = asyncio.Semaphore(10)       # Limit concurrency
 *
 *         async def process_one(item):
 *             async with semaphore:
 *                 return await process(item)
 *
 *         return await asyncio.gather(*[process_one(i) for i in items])
 *
 * A thousand requests at once, or ten at a time: a group has a limit for that (and eddy_map takes
 * one). What catches it: the cap on tasks, eddy_options.max_tasks, beyond which a spawn says
 * -EAGAIN and how many there are. Below that nothing does. bounded_process.c has the semaphore.
 */
#include <stdio.h>
#include <eddy.h>

struct process {
    int *now, *most;
};

static EDDY_ASYNC int process(struct process *a)
{
    if (++*a->now > *a->most)
        *a->most = *a->now;
    int r = eddy_sleep(1.0);
    --*a->now;
    return r;
}

static EDDY_ASYNC int process_all(const char *name, size_t limit)
{
    double start = eddy_time();
    int err, now = 0, most = 0;
    eddy_with_group (group, &err, .limit = limit) {
        for (int i = 0; i < 1000; i++)
            eddy_spawn(group, process, .now = &now, .most = &most);
    }
    if (err == 0)
        printf("%s: %d at once, %g s\n", name, most, eddy_time() - start);
    return err;
}

static EDDY_ASYNC int main_task(void)
{
    int r = process_all("wrong", 0);
    return r < 0 ? r : process_all("correct", 10);
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
