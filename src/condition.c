/* SPDX-License-Identifier: MIT */
/*
 * Condition. A wait moves from one queue to another on its way out, and its task wakes once:
 *
 *     [waiters of the condition] --notify: 0-----------> [waiters of the lock] --> the task runs
 *                                --cancel: -ECANCELED-->
 *
 * In the second queue it can't be cut short any more. So the lock is always held on return, and
 * what came first, notification or cancel, is what the wait ends with.
 */
#include "eddy/condition.h"
#include "lock.h"
#include "log.h"

struct condition {
    eddy_lock *lock; /* first: what EDDY_CONDITION_INIT sets */
    struct waiters waiters;
};

_Static_assert(sizeof(struct condition) <= sizeof(eddy_condition), "eddy_condition is too small");

struct condition_waiter {
    struct lock_waiter waiter;
    struct lock *lock;
};

/* The condition, or NULL with *code set. */
static struct condition *condition_check(eddy_condition *memory, const char *call, int *code)
{
    struct condition *condition = (struct condition *)(void *)memory;
    if (!condition || !condition->lock)
        *code = log_misuse(-EINVAL, call,
                           condition ? "the condition has no lock" : "NULL condition");
    else if (!task_current())
        *code = log_misuse(-EINVAL, call, "called outside a task");
    else if (waiters_foreign(&condition->waiters))
        *code = waiters_misuse(call);
    else if (!lock_held_by(lock_of(condition->lock), task_current()))
        *code = log_misuse(-EPERM, call, "this task doesn't hold the condition's lock");
    else
        return condition;
    return NULL;
}

static bool condition_abort(struct wait *wait)
{
    struct condition_waiter *waiter = container_of(wait, struct condition_waiter,
                                                   waiter.waiter.wait);
    (void)waiters_leave(wait);
    lock_queue(waiter->lock, &waiter->waiter, -ECANCELED);
    return false;
}

int eddy_condition_wait(eddy_condition *memory)
{
    int code = 0;
    struct condition *condition = condition_check(memory, "eddy_condition_wait", &code);
    if (!condition)
        return code;
    struct condition_waiter waiter = {.lock = lock_of(condition->lock)};
    struct wait *wait = &waiter.waiter.waiter.wait;
    lock_pass_on(waiter.lock);
    code = wait_begin(wait, "condition", condition_abort);
    if (code < 0)
        return lock_take_back(waiter.lock, code);
    waiters_append(&condition->waiters, &waiter.waiter.waiter);
    return wait_park(wait);
}

int eddy_condition_wait_until(eddy_condition *memory, eddy_predicate *predicate, void *context)
{
    int code = 0;
    if (!predicate)
        return log_misuse(-EINVAL, "eddy_condition_wait_until", "the predicate is NULL");
    if (!condition_check(memory, "eddy_condition_wait_until", &code))
        return code;
    while (code == 0 && !predicate(context))
        code = eddy_condition_wait(memory);
    return code;
}

static int condition_notify(eddy_condition *memory, size_t count, const char *call)
{
    int code = 0;
    struct condition *condition = condition_check(memory, call, &code);
    if (!condition)
        return code;
    struct waiter *first;
    for (; count && (first = waiters_take(&condition->waiters)); count--)
        lock_queue(lock_of(condition->lock), container_of(first, struct lock_waiter, waiter), 0);
    return 0;
}

int eddy_condition_notify(eddy_condition *memory, size_t count)
{
    return condition_notify(memory, count, "eddy_condition_notify");
}

int eddy_condition_notify_all(eddy_condition *memory)
{
    return condition_notify(memory, SIZE_MAX, "eddy_condition_notify_all");
}

bool eddy_held_condition_(struct eddy_held_ *held, eddy_condition *memory, int *error)
{
    return eddy_held_lock_(held, memory ? memory->lock_ : NULL, error);
}
