/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>
#include <eddy/sweep.h>

static eddy_lock lock = EDDY_LOCK_INIT;

static int careless(void)
{
    int r = eddy_lock_acquire(&lock);
    if (r < 0)
        return r;
    r = eddy_sleep(1.0);
    if (r < 0)
        return r; /* and the lock? */
    return eddy_lock_release(&lock);
}

static int careful(void)
{
    int err;
    eddy_with_lock (&lock, &err)
        err = eddy_sleep(1.0);
    return err;
}

static int lock_is_free(void)
{
    bool held = eddy_lock_locked(&lock);
    lock = (eddy_lock)EDDY_LOCK_INIT; /* for the next run */
    return held ? eddy_fail(-EBADE, "the lock is held for ever") : 0;
}

int main(void)
{
    int r = eddy_sweep_cancel(careless, .check = lock_is_free, .quiet = true);
    printf("careless: %s\n", r < 0 ? "found" : "not found");
    r = eddy_sweep_cancel(careful, .check = lock_is_free, .quiet = true);
    printf("careful: %s\n", r < 0 ? "broken" : "passed");
    return 0;
}
