/* SPDX-License-Identifier: MIT */
/*
 * Three tasks wait at the same time: a second in all, not three.
 * Tutorial: the short guide, "Minimal example".
 *
 *     async def fetch(idx: int):
 *         print(f"Start {idx}")
 *         await asyncio.sleep(1)            # Simulate I/O
 *         print(f"Done {idx}")
 *         return idx
 *
 *     async def main():
 *         tasks = [asyncio.create_task(fetch(i)) for i in range(3)]
 *         results = await asyncio.gather(*tasks)
 *         print(results)
 */
#include <stdio.h>
#include <eddy.h>

struct fetch {
    int index;
};

static EDDY_ASYNC int fetch(struct fetch *a)
{
    printf("Start %d\n", a->index);
    int r = eddy_sleep(1.0); /* stands for I/O */
    if (r < 0)
        return r;
    printf("Done %d\n", a->index);
    return a->index;
}

static EDDY_ASYNC int main_task(void)
{
    eddy_task *tasks[3];
    int results[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = eddy_create_task(fetch, .index = i);
    int r = eddy_gather(tasks, 3, results, EDDY_RAISE_FIRST);
    for (int i = 0; i < 3; i++)
        eddy_task_release(tasks[i]);
    if (r < 0)
        return r;
    printf("[%d, %d, %d]\n", results[0], results[1], results[2]);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
