/* SPDX-License-Identifier: MIT */
/*
 * Lock. A release hands over to the first waiter at once: who was handed the lock holds it, even
 * if a cancel arrives before it runs.
 */
#include "eddy/lock.h"
#include "log.h"
#include "task.h"

struct lock {
    struct list waiters; /* of struct lock_wait */
    uint64_t held;
    struct task *holder; /* while held by a task; another may release it */
    uint64_t holder_sequence;
};

_Static_assert(sizeof(struct lock) <= sizeof(eddy_lock), "eddy_lock is too small");

struct lock_wait {
    struct wait wait;
    struct lock *lock;
};

static struct lock *lock_of(const eddy_lock *memory)
{
    return (struct lock *)(uintptr_t)memory;
}

static void lock_give(struct lock *lock, struct task *task)
{
    lock->held = 1;
    lock->holder = task;
    lock->holder_sequence = task->slot->sequence;
}

static bool lock_abort(struct wait *wait)
{
    list_remove(&container_of(wait, struct lock_wait, wait)->lock->waiters, &wait->link);
    return true;
}

int eddy_lock_acquire(eddy_lock *memory)
{
    struct lock *lock = lock_of(memory);
    struct task *task = task_current();
    if (!lock || !task)
        return log_misuse(-EINVAL, "eddy_lock_acquire",
                          lock ? "called outside a task" : "NULL lock");
    if (!lock->held) { /* then nobody waits either */
        lock_give(lock, task);
        return 0;
    }
    if (lock->holder == task && lock->holder_sequence == task->slot->sequence)
        return log_misuse(-EDEADLK, "eddy_lock_acquire", "this task holds the lock already");
    struct lock_wait wait = {.lock = lock};
    int r = wait_begin(&wait.wait, "lock", lock_abort);
    if (r < 0)
        return r;
    list_append(&lock->waiters, &wait.wait.link);
    return wait_park(&wait.wait);
}

int eddy_lock_release(eddy_lock *memory)
{
    struct lock *lock = lock_of(memory);
    if (!lock)
        return log_misuse(-EINVAL, "eddy_lock_release", "NULL lock");
    if (!lock->held)
        return log_misuse(-EPERM, "eddy_lock_release", "the lock isn't held");
    struct link *first = list_take_first(&lock->waiters);
    if (!first) {
        lock->held = 0;
        lock->holder = NULL;
        return 0;
    }
    struct wait *wait = container_of(first, struct wait, link);
    lock_give(lock, wait->task);
    wait_finish(wait, 0);
    return 0;
}

bool eddy_lock_locked(const eddy_lock *memory)
{
    return memory && lock_of(memory)->held;
}

/* ---- the blocks of lock and semaphore ---- */

static int held_lock_release(void *lock)
{
    return eddy_lock_release(lock);
}

bool eddy_held_lock_(struct eddy_held_ *held, eddy_lock *lock, int *error)
{
    int r = eddy_lock_acquire(lock);
    *held = (struct eddy_held_){
        .object = r == 0 ? lock : NULL, .error = error, .release = held_lock_release};
    if (error)
        *error = r;
    return r == 0;
}

void eddy_held_cleanup_(struct eddy_held_ *held)
{
    if (held->object)
        (void)held->release(held->object);
    held->object = NULL;
}
