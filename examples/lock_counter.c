/* SPDX-License-Identifier: MIT */
/*
 * A hundred tasks count to a hundred, if each finishes its turn before the next one begins.
 * Tutorial: TechPulse guide, "Async Context Managers and Locks".
 *
 *     async def increment():
 *         global counter
 *         async with lock:
 *             current = counter
 *             await asyncio.sleep(0)        # simulate a yield point
 *             counter = current + 1
 *
 * All tasks run on one thread, so nothing can come between two lines, unless one of them waits.
 * Without the lock all hundred read 0 before the first of them writes 1.
 */
#include <stdio.h>
#include <eddy.h>

static int counter;
static eddy_lock lock = EDDY_LOCK_INIT;

static EDDY_ASYNC int increment_without_lock(void)
{
    int current = counter;
    int r = eddy_sleep(0); /* a yield point: everybody who is ready gets a turn */
    if (r < 0)
        return r;
    counter = current + 1;
    return 0;
}

static EDDY_ASYNC int increment(void)
{
    int err;
    eddy_with_lock (&lock, &err) {
        err = increment_without_lock();
    }
    return err;
}

static EDDY_ASYNC int main_task(void)
{
    int err;
    eddy_with_group (careless, &err) {
        for (int i = 0; i < 100; i++)
            eddy_spawn(careless, increment_without_lock);
    }
    if (err < 0)
        return err;
    printf("without the lock: %d\n", counter);

    counter = 0;
    eddy_with_group (careful, &err) {
        for (int i = 0; i < 100; i++)
            eddy_spawn(careful, increment);
    }
    if (err < 0)
        return err;
    printf("with the lock: %d\n", counter);
    return 0;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
