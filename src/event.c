/* SPDX-License-Identifier: MIT */
/*
 * Event. Setting it finishes every wait at once; a clear that follows doesn't bring them back.
 */
#include "eddy/event.h"
#include "log.h"
#include "waiters.h"

struct event {
    struct waiters waiters;
    uint64_t set;
};

_Static_assert(sizeof(struct event) <= sizeof(eddy_event), "eddy_event is too small");

static struct event *event_of(const eddy_event *memory)
{
    return (struct event *)(uintptr_t)memory;
}

int eddy_event_wait(eddy_event *memory)
{
    struct event *event = event_of(memory);
    if (!event)
        return log_misuse(-EINVAL, "eddy_event_wait", "NULL event");
    if (!task_current())
        return task_missing("eddy_event_wait");
    if (event->set)
        return 0;
    struct waiter waiter;
    return waiters_wait(&event->waiters, &waiter, "event", "eddy_event_wait");
}

void eddy_event_set(eddy_event *memory)
{
    struct event *event = event_of(memory);
    if (!event) {
        log_misuse(-EINVAL, "eddy_event_set", "NULL event");
        return;
    }
    if (waiters_foreign(&event->waiters)) {
        waiters_misuse("eddy_event_set");
        return;
    }
    event->set = 1;
    waiters_wake_all(&event->waiters, 0);
}

void eddy_event_clear(eddy_event *memory)
{
    if (memory)
        event_of(memory)->set = 0;
    else
        log_misuse(-EINVAL, "eddy_event_clear", "NULL event");
}

bool eddy_event_is_set(const eddy_event *memory)
{
    return memory && event_of(memory)->set;
}

struct waiters *event_waiters(eddy_event *memory)
{
    return &event_of(memory)->waiters;
}
