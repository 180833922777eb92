/* SPDX-License-Identifier: MIT */
/*
 * Barrier: so many tasks wait for each other, then all go on. asyncio.Barrier.
 *
 *     static eddy_barrier start = EDDY_BARRIER_INIT(3);
 *     r = eddy_barrier_wait(&start);      // returns once three tasks have come
 *     if (r == 0)
 *         print("all are here");          // exactly one of them gets 0
 *
 * The barrier can be used again at once: who comes after the last one waits for the next round.
 */
#ifndef EDDY_BARRIER_H
#define EDDY_BARRIER_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_barrier {
    uint64_t private_[8];
} eddy_barrier;

/* For so many tasks: 1 to INT_MAX. */
#define EDDY_BARRIER_INIT(parties)                                                                 \
    {                                                                                              \
        {                                                                                          \
            (parties)                                                                              \
        }                                                                                          \
    }

/* Suspends until as many tasks as the barrier is for are in this call; the last one doesn't suspend
 * and lets the others go. Each gets another number from 0 up, in the order in which they came.
 * -ECANCELED: this task is no longer counted, and the others wait on; a task that was let go keeps
 * its number even if a cancel arrives before it runs. -EPIPE: the barrier was reset while this task
 * waited, or is broken. -EINVAL. */
EDDY_API EDDY_ASYNC int eddy_barrier_wait(eddy_barrier *barrier);

/* Makes the barrier as new: those who wait get -EPIPE. Doesn't suspend. 0, -EINVAL. */
EDDY_API int eddy_barrier_reset(eddy_barrier *barrier);

/* Breaks the barrier: those who wait, and all to come until a reset, get -EPIPE. For when one of
 * the parties can't come any more. Doesn't suspend. 0, -EINVAL. */
EDDY_API int eddy_barrier_abort(eddy_barrier *barrier);

/* How many tasks it is for; how many wait in it now; whether it is broken. */
EDDY_API size_t eddy_barrier_parties(const eddy_barrier *barrier);
EDDY_API size_t eddy_barrier_waiting(const eddy_barrier *barrier);
EDDY_API bool eddy_barrier_broken(const eddy_barrier *barrier);

EDDY_END_DECLS
#endif
