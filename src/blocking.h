/* SPDX-License-Identifier: MIT */
/*
 * Whose clock a blocking sleep goes by on a thread that runs no loop.
 */
#ifndef EDDY_SRC_BLOCKING_H
#define EDDY_SRC_BLOCKING_H

#include <stdint.h>
#include "private.h"

/* Saturates. */
static inline int64_t time_add(int64_t time, int64_t nanoseconds)
{
    return time > INT64_MAX - nanoseconds ? INT64_MAX : time + nanoseconds;
}

struct blocking_clock {
    void (*sleep)(struct blocking_clock *clock, int64_t nanoseconds);
};

/* Set while a job of a loop with a virtual clock runs on this thread; NULL: the system's clock. */
extern EDDY_PRIVATE _Thread_local struct blocking_clock *blocking_clock;

#endif
