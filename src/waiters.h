/* SPDX-License-Identifier: MIT */
/*
 * Tasks that wait in a lock, an event, a queue ..., first come, first served.
 *
 * Who is woken is served: whatever it waited for is its own before it runs, and a cancel that
 * comes later finds it no longer here. So nothing can be lost between a wake-up and its task.
 *
 * While somebody waits, the primitive belongs to the loop of those who do (rule 165): a call from
 * elsewhere would queue a task in a loop that doesn't expect it, and is refused.
 */
#ifndef EDDY_SRC_WAITERS_H
#define EDDY_SRC_WAITERS_H

#include "eddy/event.h"
#include "list.h"
#include "task.h"

struct waiters {
    struct list list;             /* of struct waiter */
    const struct eddy_loop *loop; /* of their tasks, while there are any */
    size_t count;
};

/* On the parked task's stack; what it wants handed to it stands behind, in a struct around this. */
struct waiter {
    struct wait wait;
    struct waiters *waiters;
    bool (*claim)(struct waiter *waiter); /* of one without a task: false if it has been served
                                             elsewhere, and is to be passed over */
};

/* event.c: of an event that isn't set, for eddy_select. */
struct waiters *event_waiters(eddy_event *event);

/* Reports that the call came from another loop than that of the waiters: -EINVAL. */
int waiters_misuse(const char *call);

/* Suspends the current task until it is woken: the code it was woken with, -ECANCELED, -EINVAL. */
int waiters_wait(struct waiters *waiters, struct waiter *waiter, const char *what,
                 const char *call);

/* Wakes all with this code. */
void waiters_wake_all(struct waiters *waiters, int code);

/* For the `abort` of a wait: takes it out. True, as abort says it with. */
bool waiters_leave(struct wait *wait);

/* Do tasks of another loop wait? */
static inline bool waiters_foreign(const struct waiters *waiters)
{
    return waiters->list.first && waiters->loop != loop_self;
}

static inline void waiters_append(struct waiters *waiters, struct waiter *waiter)
{
    waiter->waiters = waiters;
    waiters->loop = loop_self;
    waiters->count++;
    list_append(&waiters->list, &waiter->wait.link);
}

/* The first one, taken out and to be finished by the caller, or NULL. */
static inline struct waiter *waiters_take(struct waiters *waiters)
{
    struct link *link;
    while ((link = list_take_first(&waiters->list))) {
        struct waiter *waiter = container_of(link, struct waiter, wait.link);
        waiters->count--;
        if (waiter->wait.task || waiter->claim(waiter))
            return waiter;
    }
    return NULL;
}

#endif
