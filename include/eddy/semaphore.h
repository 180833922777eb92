/* SPDX-License-Identifier: MIT */
/*
 * Semaphore: at most so many at a time, first come, first served. asyncio.Semaphore.
 *
 *     static eddy_semaphore limit = EDDY_SEMAPHORE_INIT(10);
 *     eddy_with_semaphore (&limit, &err) { r = fetch(url); }
 *
 * A bounded one takes a release that no acquire belongs to for the mistake it is:
 * asyncio.BoundedSemaphore.
 *
 *     static eddy_bounded_semaphore limit = EDDY_BOUNDED_SEMAPHORE_INIT(10);
 *     eddy_with_bounded_semaphore (&limit, &err) { r = fetch(url); }
 *
 * While tasks wait for it a semaphore belongs to their loop: a call from another one is refused.
 */
#ifndef EDDY_SEMAPHORE_H
#define EDDY_SEMAPHORE_H

#include <eddy/base.h>
#include <eddy/lock.h>

EDDY_BEGIN_DECLS

typedef struct eddy_semaphore {
    uint64_t private_[8];
} eddy_semaphore;

typedef struct eddy_bounded_semaphore {
    uint64_t private_[8];
} eddy_bounded_semaphore;

#define EDDY_SEMAPHORE_INIT(permits)                                                               \
    {                                                                                              \
        {                                                                                          \
            (permits)                                                                              \
        }                                                                                          \
    }
#define EDDY_BOUNDED_SEMAPHORE_INIT(permits)                                                       \
    {                                                                                              \
        {                                                                                          \
            (permits), 1                                                                           \
        }                                                                                          \
    }

/* Takes a permit, suspending while there is none. A free permit is taken without suspending, even
 * in a cancelled scope. A permit handed over is kept even if a cancel arrives before the task runs.
 * 0, -ECANCELED, -EINVAL (also for one made with a negative number of permits). */
EDDY_API EDDY_ASYNC int eddy_semaphore_acquire(eddy_semaphore *semaphore);

/* Hands a permit to the first waiter, or adds it. Any task or callback may. Doesn't suspend. 0,
 * -EINVAL, -EOVERFLOW (more than PTRDIFF_MAX). */
EDDY_API int eddy_semaphore_release(eddy_semaphore *semaphore);

/* True if an acquire would suspend; the permits free now. */
EDDY_API bool eddy_semaphore_locked(const eddy_semaphore *semaphore);
EDDY_API size_t eddy_semaphore_value(const eddy_semaphore *semaphore);

/* The same of a bounded one. A release of more than were acquired is reported, changes nothing and
 * gives -EOVERFLOW. */
EDDY_API EDDY_ASYNC int eddy_bounded_semaphore_acquire(eddy_bounded_semaphore *semaphore);
EDDY_API int eddy_bounded_semaphore_release(eddy_bounded_semaphore *semaphore);
EDDY_API bool eddy_bounded_semaphore_locked(const eddy_bounded_semaphore *semaphore);
EDDY_API size_t eddy_bounded_semaphore_value(const eddy_bounded_semaphore *semaphore);

EDDY_API bool eddy_held_semaphore_(struct eddy_held_ *held, eddy_semaphore *semaphore, int *error);
EDDY_API bool eddy_held_bounded_semaphore_(struct eddy_held_ *held,
                                           eddy_bounded_semaphore *semaphore, int *error);

EDDY_END_DECLS

/* As eddy_with_lock: a refused acquire skips the body and err says so. */
#define eddy_with_semaphore(semaphore, error) EDDY_HELD_(eddy_held_semaphore_, semaphore, error)
#define eddy_with_bounded_semaphore(semaphore, error)                                              \
    EDDY_HELD_(eddy_held_bounded_semaphore_, semaphore, error)

#endif
