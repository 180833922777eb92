/* SPDX-License-Identifier: MIT */
/*
 * Locks from inside: what a condition needs to give its lock up and to get it back.
 */
#ifndef EDDY_SRC_LOCK_H
#define EDDY_SRC_LOCK_H

#include "eddy/lock.h"
#include "waiters.h"

struct lock {
    struct waiters waiters; /* of struct lock_waiter; the loop is also that of the holder */
    struct task *holder;    /* NULL: free; may have ended without a release */
    uint64_t sequence;      /* of the holder, whose memory may have become another task's */
};

_Static_assert(sizeof(struct lock) <= sizeof(eddy_lock), "eddy_lock is too small");

struct lock_waiter {
    struct waiter waiter;
    int code; /* what its wait ends with, once it has the lock */
};

static inline struct lock *lock_of(const eddy_lock *memory)
{
    return (struct lock *)(uintptr_t)memory;
}

static inline bool lock_held_by(const struct lock *lock, const struct task *task)
{
    return lock->holder == task && task && lock->sequence == task->slot->sequence;
}

/* Queues a wait that can't be cut short any more: it is finished with `code` as soon as the lock
 * was given to its task, at once if it is free. */
void lock_queue(struct lock *lock, struct lock_waiter *waiter, int code);

/* Gives it to the first waiter, or frees it. */
void lock_pass_on(struct lock *lock);

/* Takes it for the current task, which waits for it whatever is cancelled. Returns `code`. */
int lock_take_back(struct lock *lock, int code);

#endif
