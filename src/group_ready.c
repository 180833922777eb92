/* SPDX-License-Identifier: MIT */
/*
 * A child's readiness: trio's nursery.start().
 *
 *      spawner  --eddy_spawn_ready--> | parked ............... | value
 *      child                            --- eddy_ready(value) -^ -------->
 *
 * The wait is in a list of the group, where the child looks itself up: so no task is larger for it.
 */
#include "cancellation.h"
#include "group.h"
#include "log.h"
#include "task.h"

struct ready {
    struct link link; /* in the group's */
    struct wait wait;
    struct join join; /* in case it ends before */
    struct group *group;
    struct task *child;
    int outcome;
    bool is_ready, cancelled;
    struct eddy_failure *failure;
};

/* The cancel goes on to the child, and its end is waited for. From here on it can't be ready. */
static bool ready_abort(struct wait *wait)
{
    struct ready *ready = container_of(wait, struct ready, wait);
    list_remove(&ready->group->readies, &ready->link);
    ready->cancelled = true;
    wait->abort = NULL;
    task_cancel(ready->child);
    return false;
}

static void ready_ended(struct join *join, const struct task_slot *slot)
{
    struct ready *ready = container_of(join, struct ready, join);
    if (!ready->cancelled)
        list_remove(&ready->group->readies, &ready->link);
    bool failed = slot->result < 0 && !slot->cancelled;
    ready->outcome = failed ? slot->result : ready->cancelled ? -ECANCELED : -EPIPE;
    ready->failure = failed ? failure_keep(slot->failure) : NULL;
    wait_finish(&ready->wait, ready->outcome == -ECANCELED ? -ECANCELED : 0);
}

static int ready_outcome(struct ready *ready, const struct eddy_site_ *site)
{
    if (ready->is_ready)
        return ready->outcome;
    if (ready->failure)
        failure_set(ready->failure);
    else if (ready->outcome == -EPIPE)
        eddy_fail_(-EPIPE, false, site->file, site->line, "%s ended before it was ready",
                   site->function);
    return ready->outcome;
}

int eddy_spawn_ready_(eddy_group *memory, eddy_function_ *function, const void *arguments,
                      size_t size, enum eddy_arguments_kind_ kind, const struct eddy_site_ *site)
{
    if (!task_current())
        return task_missing("eddy_spawn_ready");
    struct ready ready = {.group = group_of(memory)};
    int r = wait_begin(&ready.wait, "a task to be ready", ready_abort);
    if (r < 0)
        return r;
    int code = 0;
    const eddy_task *handle = eddy_spawn_(memory, function, arguments, size, kind, site);
    if (!handle) {
        const struct eddy_failure *failure = *failure_slot();
        return failure ? failure->code : -ENOMEM;
    }
    ready.child = slot_find(handle, "", &code)->task;
    ready.wait.awaits = ready.child;
    ready.join = (struct join){.done = ready_ended, .waiter = ready.wait.task};
    list_append(&ready.child->joiners, &ready.join.link);
    list_append(&ready.group->readies, &ready.link);
    (void)wait_park(&ready.wait);
    return ready_outcome(&ready, site);
}

int eddy_ready(int value)
{
    struct task *task = task_current();
    if (!task)
        return task_missing("eddy_ready");
    if (value < 0)
        return log_misuse(-EINVAL, "eddy_ready", "%d is an error; return it instead", value);
    for (struct link *link = task->group ? task->group->readies.first : NULL; link;
         link = link->next) {
        struct ready *ready = container_of(link, struct ready, link);
        if (ready->child != task)
            continue;
        list_remove(&task->group->readies, link);
        list_remove(&task->joiners, &ready->join.link);
        ready->is_ready = true;
        ready->outcome = value;
        wait_finish(&ready->wait, 0);
        return 0;
    }
    return 0;
}
