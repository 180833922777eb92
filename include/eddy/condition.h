/* SPDX-License-Identifier: MIT */
/*
 * Condition: wait, with a lock held, until somebody says that something has changed.
 * asyncio.Condition.
 *
 *     static eddy_lock lock = EDDY_LOCK_INIT;
 *     static eddy_condition changed = EDDY_CONDITION_INIT(&lock);
 *
 *     eddy_with_condition (&changed, &err) {             // takes the lock
 *         while (!ready && err == 0)
 *             err = eddy_condition_wait(&changed);       // gives it up meanwhile
 *         ...
 *     }
 *
 *     eddy_with_condition (&changed, &err) {             // elsewhere
 *         ready = true;
 *         eddy_condition_notify(&changed, 1);
 *     }
 *
 * A waiter that was notified queues for the lock at once and returns 0 once it has it: a cancel
 * that arrives in between doesn't take the notification away, it is delivered at the next wait.
 * Several conditions may share a lock. The lock must outlive them.
 */
#ifndef EDDY_CONDITION_H
#define EDDY_CONDITION_H

#include <eddy/base.h>
#include <eddy/lock.h>

EDDY_BEGIN_DECLS

typedef struct eddy_condition {
    eddy_lock *lock_;
    uint64_t private_[7];
} eddy_condition;

#define EDDY_CONDITION_INIT(lock)                                                                  \
    {                                                                                              \
        (lock),                                                                                    \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Tells whether what is waited for has come. Called with the lock held; must not suspend. */
typedef bool eddy_predicate(void *context);

/* Gives the lock up, suspends until notified, and takes the lock again, behind those who queue for
 * it. It always returns with the lock held, also after a cancel and however long that takes:
 * 0, -ECANCELED, -EPERM if the calling task doesn't hold the lock, -EINVAL. */
EDDY_API EDDY_ASYNC int eddy_condition_wait(eddy_condition *condition);

/* Waits until predicate(context) is true, asking it before the first wait and after each
 * notification: asyncio's wait_for(). 0 once it is true, without suspending if it is at once, also
 * in a cancelled scope; errors as eddy_condition_wait. */
EDDY_API EDDY_ASYNC int eddy_condition_wait_until(eddy_condition *condition,
                                                  eddy_predicate *predicate, void *context);

/* Wakes the first `count` waiters, or all; with fewer, those there are. They run once the caller
 * has released the lock, one after the other. Doesn't suspend. 0, -EPERM if the calling task
 * doesn't hold the lock, -EINVAL. */
EDDY_API int eddy_condition_notify(eddy_condition *condition, size_t count);
EDDY_API int eddy_condition_notify_all(eddy_condition *condition);

EDDY_API bool eddy_held_condition_(struct eddy_held_ *held, eddy_condition *condition, int *error);

EDDY_END_DECLS

/* eddy_with_lock on the condition's lock: a refused acquire skips the body and err says so. */
#define eddy_with_condition(condition, error) EDDY_HELD_(eddy_held_condition_, condition, error)

#endif
