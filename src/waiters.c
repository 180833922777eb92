/* SPDX-License-Identifier: MIT */
/*
 * Tasks that wait in a lock, an event, a queue ...: joining, leaving, waking.
 */
#include "waiters.h"
#include "log.h"

int waiters_misuse(const char *call)
{
    return log_misuse(-EINVAL, call, "tasks of another loop use it; use eddy_call_soon_threadsafe");
}

bool waiters_leave(struct wait *wait)
{
    struct waiters *waiters = container_of(wait, struct waiter, wait)->waiters;
    waiters->count--;
    list_remove(&waiters->list, &wait->link);
    return true;
}

int waiters_wait(struct waiters *waiters, struct waiter *waiter, const char *what, const char *call)
{
    if (!task_current())
        return task_missing(call);
    if (waiters_foreign(waiters))
        return waiters_misuse(call);
    int r = wait_begin(&waiter->wait, what, waiters_leave);
    if (r < 0)
        return r;
    waiters_append(waiters, waiter);
    return wait_park(&waiter->wait);
}

void waiters_wake_all(struct waiters *waiters, int code)
{
    struct waiter *waiter;
    while ((waiter = waiters_take(waiters)))
        wait_finish(&waiter->wait, code);
}
