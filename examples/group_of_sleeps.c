/* SPDX-License-Identifier: MIT */
/*
 * The smallest group: two sleeps at once take as long as the longer one.
 * Tutorial: the short guide, "Structured concurrency patterns".
 *
 *     async with asyncio.TaskGroup() as tg:
 *         tg.create_task(asyncio.sleep(1))
 *         tg.create_task(asyncio.sleep(2))
 *
 * Nothing to await, release or forget: the tasks of a group end before its block does.
 */
#include <stdio.h>
#include <eddy.h>

struct nap {
    double seconds;
};

static EDDY_ASYNC int nap(struct nap *a)
{
    return eddy_sleep(a->seconds);
}

static EDDY_ASYNC int main_task(void)
{
    double start = eddy_time();
    int err;
    eddy_with_group (group, &err) {
        eddy_spawn(group, nap, .seconds = 1);
        eddy_spawn(group, nap, .seconds = 2);
    }
    if (err < 0)
        return err;
    printf("both done after %.1f s\n", eddy_time() - start);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
