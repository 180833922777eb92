/* SPDX-License-Identifier: MIT */
/*
 * Lock: one task at a time, first come, first served. asyncio.Lock.
 *
 *     static eddy_lock lock = EDDY_LOCK_INIT;
 *     int err;
 *     eddy_with_lock (&lock, &err) { counter++; }
 *
 * A release hands the lock to the first waiter at once, so a newcomer can't overtake it, and a
 * waiter that was handed the lock keeps it even if it is cancelled before it runs.
 */
#ifndef EDDY_LOCK_H
#define EDDY_LOCK_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_lock {
    uint64_t private_[6];
} eddy_lock;

#define EDDY_LOCK_INIT                                                                             \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Takes the lock, suspending while another task holds it. A free lock is taken without suspending,
 * even in a cancelled scope. 0, -ECANCELED, -EDEADLK if this task holds it already, -EINVAL. */
EDDY_API EDDY_ASYNC int eddy_lock_acquire(eddy_lock *lock);

/* Gives it to the first waiter or frees it. Any task may release. Doesn't suspend. 0, -EINVAL,
 * -EPERM if it isn't held. */
EDDY_API int eddy_lock_release(eddy_lock *lock);

EDDY_API bool eddy_lock_locked(const eddy_lock *lock);

struct eddy_held_ {
    void *object; /* NULL once released, or if it was never acquired */
    int *error;
    int (*release)(void *);
};
EDDY_API bool eddy_held_lock_(struct eddy_held_ *held, eddy_lock *lock, int *error);
EDDY_API void eddy_held_cleanup_(struct eddy_held_ *held);

EDDY_END_DECLS

/* Runs the block with the lock held and releases it on every way out. If the acquire is refused
 * (-ECANCELED) the body is skipped and err says so. break inside ends the block. */
#define eddy_with_lock(lock, error) EDDY_HELD_(eddy_held_lock_, lock, error)
#define EDDY_HELD_(acquire, object, error)                                                         \
    EDDY_HELD_BLOCK_(EDDY_UNIQUE_(eddy_held_at_), EDDY_UNIQUE_(eddy_once_), acquire, object, error)
#define EDDY_HELD_BLOCK_(memory, once, acquire, object, error)                                     \
    for (struct eddy_held_ memory EDDY_CLEANUP_(eddy_held_cleanup_),                               \
         *once = acquire(&memory, object, error) ? &memory : (struct eddy_held_ *)0;               \
         once; once = (struct eddy_held_ *)0)

#endif
