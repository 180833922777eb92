/* SPDX-License-Identifier: MIT */
/*
 * A thread's wait on a condition variable with an end, by the clock that nobody sets.
 */
#ifndef EDDY_SRC_THREAD_WAIT_H
#define EDDY_SRC_THREAD_WAIT_H

#include <pthread.h>
#include <time.h>
#include "loop.h"

/* Its timed waits end by the monotonic clock. */
static inline void thread_wait_init(pthread_cond_t *changed)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

/* So many seconds from now, for pthread_cond_timedwait. */
static inline struct timespec thread_wait_end(double seconds)
{
    int64_t at = clock_monotonic() + seconds_to_nanoseconds(seconds);
    return (struct timespec){.tv_sec = (time_t)(at / NANOSECONDS), .tv_nsec = at % NANOSECONDS};
}

#endif
