/* SPDX-License-Identifier: MIT */
/*
 * Semaphore: at most so many at a time, first come, first served. asyncio.Semaphore.
 *
 *     static eddy_semaphore limit = EDDY_SEMAPHORE_INIT(10);
 *     eddy_with_semaphore (&limit, &err) { r = fetch(url); }
 */
#ifndef EDDY_SEMAPHORE_H
#define EDDY_SEMAPHORE_H

#include <eddy/base.h>
#include <eddy/lock.h>

EDDY_BEGIN_DECLS

typedef struct eddy_semaphore {
    uint64_t private_[6];
} eddy_semaphore;

#define EDDY_SEMAPHORE_INIT(permits)                                                               \
    {                                                                                              \
        {                                                                                          \
            (permits)                                                                              \
        }                                                                                          \
    }

/* Takes a permit, suspending while there is none or others wait. A free permit is taken without
 * suspending. A permit handed over is kept even if a cancel arrives before the task runs.
 * 0, -ECANCELED, -EINVAL. */
EDDY_API EDDY_ASYNC int eddy_semaphore_acquire(eddy_semaphore *semaphore);

/* Hands a permit to the first waiter, or adds it. Doesn't suspend. 0, -EINVAL, -EOVERFLOW. */
EDDY_API int eddy_semaphore_release(eddy_semaphore *semaphore);

/* True if an acquire would suspend; the permits free now. */
EDDY_API bool eddy_semaphore_locked(const eddy_semaphore *semaphore);
EDDY_API size_t eddy_semaphore_value(const eddy_semaphore *semaphore);

EDDY_API bool eddy_held_semaphore_(struct eddy_held_ *held, eddy_semaphore *semaphore, int *error);

EDDY_END_DECLS

/* As eddy_with_lock: a refused acquire skips the body and err says so. */
#define eddy_with_semaphore(semaphore, error) EDDY_HELD_(eddy_held_semaphore_, semaphore, error)

#endif
