/* SPDX-License-Identifier: MIT */
/*
 * Event. Setting it finishes every wait at once; a clear that follows doesn't bring them back.
 */
#include "eddy/event.h"
#include "log.h"
#include "task.h"

struct event {
    struct list waiters;
    uint64_t set;
};

_Static_assert(sizeof(struct event) <= sizeof(eddy_event), "eddy_event is too small");

struct event_wait {
    struct wait wait;
    struct event *event;
};

static struct event *event_of(const eddy_event *memory)
{
    return (struct event *)(uintptr_t)memory;
}

static bool event_abort(struct wait *wait)
{
    list_remove(&container_of(wait, struct event_wait, wait)->event->waiters, &wait->link);
    return true;
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
    struct event_wait wait = {.event = event};
    int r = wait_begin(&wait.wait, "event", event_abort);
    if (r < 0)
        return r;
    list_append(&event->waiters, &wait.wait.link);
    return wait_park(&wait.wait);
}

void eddy_event_set(eddy_event *memory)
{
    struct event *event = event_of(memory);
    if (!event) {
        log_misuse(-EINVAL, "eddy_event_set", "NULL event");
        return;
    }
    event->set = 1;
    struct link *link;
    while ((link = list_take_first(&event->waiters)))
        wait_finish(container_of(link, struct wait, link), 0);
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
