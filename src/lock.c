/* SPDX-License-Identifier: MIT */
/*
 * Lock. A release hands over to the first waiter at once: who was handed the lock holds it, even
 * if a cancel arrives before it runs.
 */
#include "lock.h"
#include "log.h"

/* Only a harness asks, and a count would be half of what a free lock costs. */
static inline void lock_count(struct eddy_loop *loop, int change)
{
    if (__builtin_expect(loop->harness != NULL, 0))
        loop->locks_held += change;
}

static inline void lock_give(struct lock *lock, struct task *task)
{
    lock_count(task->loop, !lock->holder);
    lock->holder = task;
    lock->sequence = task->slot->sequence;
    lock->waiters.loop = task->loop;
}

int eddy_lock_acquire(eddy_lock *memory)
{
    struct lock *lock = lock_of(memory);
    struct task *task = task_current();
    if (!lock || !task)
        return log_misuse(-EINVAL, "eddy_lock_acquire",
                          lock ? "called outside a task" : "NULL lock");
    if (!lock->holder) { /* then nobody waits either */
        lock_give(lock, task);
        return 0;
    }
    if (lock_held_by(lock, task))
        return log_misuse(-EDEADLK, "eddy_lock_acquire", "this task holds the lock already");
    if (lock->waiters.loop != task->loop)
        return waiters_misuse("eddy_lock_acquire");
    struct lock_waiter waiter = {.code = 0};
    return waiters_wait(&lock->waiters, &waiter.waiter, "lock", "eddy_lock_acquire");
}

/* With the lock held by somebody. */
static void lock_queue_behind(struct lock *lock, struct lock_waiter *waiter, int code)
{
    waiter->waiter.wait.abort = NULL;
    waiter->waiter.wait.what = "lock";
    waiter->code = code;
    waiters_append(&lock->waiters, &waiter->waiter);
}

void lock_queue(struct lock *lock, struct lock_waiter *waiter, int code)
{
    if (lock->holder) {
        lock_queue_behind(lock, waiter, code);
        return;
    }
    lock_give(lock, waiter->waiter.wait.task);
    wait_finish(&waiter->waiter.wait, code);
}

int lock_take_back(struct lock *lock, int code)
{
    if (!lock->holder) {
        lock_give(lock, task_current());
        return code;
    }
    struct lock_waiter waiter;
    (void)wait_begin_shielded(&waiter.waiter.wait, "lock");
    lock_queue_behind(lock, &waiter, code);
    return wait_park(&waiter.waiter.wait);
}

/* Inlined, since a release that finds nobody waiting is the common one. */
static inline void lock_hand_on(struct lock *lock)
{
    struct waiter *first = waiters_take(&lock->waiters);
    if (!first) {
        if (loop_self && lock->waiters.loop == loop_self)
            lock_count(loop_self, -1);
        lock->holder = NULL;
        return;
    }
    lock_give(lock, first->wait.task);
    wait_finish(&first->wait, container_of(first, struct lock_waiter, waiter)->code);
}

void lock_pass_on(struct lock *lock)
{
    lock_hand_on(lock);
}

int eddy_lock_release(eddy_lock *memory)
{
    struct lock *lock = lock_of(memory);
    if (!lock)
        return log_misuse(-EINVAL, "eddy_lock_release", "NULL lock");
    if (!lock->holder)
        return log_misuse(-EPERM, "eddy_lock_release", "the lock isn't held");
    if (waiters_foreign(&lock->waiters))
        return waiters_misuse("eddy_lock_release");
    lock_hand_on(lock);
    return 0;
}

bool eddy_lock_locked(const eddy_lock *memory)
{
    return memory && lock_of(memory)->holder;
}

/* ---- the blocks of lock, condition and semaphore ---- */

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
