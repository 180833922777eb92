/* SPDX-License-Identifier: MIT */
/*
 * One of four tasks fails: its group cancels the other three and hands on the failure.
 * Tutorial: TechPulse guide, "gather() vs TaskGroup".
 *
 *     async def risky(n):
 *         if n == 2:
 *             raise ValueError("boom at " + str(n))
 *         await asyncio.sleep(1)
 *         return n
 *
 *     try:
 *         async with asyncio.TaskGroup() as tg:
 *             results = [tg.create_task(risky(i)) for i in range(4)]
 *     except* ValueError as eg:
 *         for exc in eg.exceptions:
 *             print("caught:", exc)
 *
 * eddy_fail() is `raise`: it returns the code and keeps the message beside it. The block of a group
 * doesn't end before all its tasks have, and this one ends at once, not after a second.
 */
#include <stdio.h>
#include <eddy.h>

struct risky {
    int n;
};

static EDDY_ASYNC int risky(struct risky *a)
{
    if (a->n == 2)
        return eddy_fail(-EINVAL, "boom at %d", a->n);
    int r = eddy_sleep(1.0);
    return r < 0 ? r : a->n;
}

static EDDY_ASYNC int main_task(void)
{
    int err;
    eddy_with_group (group, &err) {
        for (int i = 0; i < 4; i++)
            eddy_spawn(group, risky, .n = i);
    }
    if (err != -EINVAL)
        return err;

    const eddy_failure *one = NULL;
    while ((one = eddy_failure_match(eddy_last_failure(), -EINVAL, one)))
        printf("caught: %s\n", eddy_failure_message(one));
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
