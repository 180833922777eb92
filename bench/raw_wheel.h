/* SPDX-License-Identifier: MIT
 *
 * The least a timer can be: a plain hierarchical wheel.
 *
 *     level 0:  64 slots of 1 tick      a timer goes to the level of the highest bit in which its
 *     level 1:  64 slots of 64 ticks    deadline differs from now, into the slot its deadline
 *     ...                               names there; a bitmap per level says which are occupied
 *
 * It never turns: nothing comes due in a block, as with timeouts that almost never fire.
 */
#ifndef EDDY_BENCH_RAW_WHEEL_H
#define EDDY_BENCH_RAW_WHEEL_H

#include <stdint.h>

struct raw_timer_link {
    struct raw_timer_link *next;
    struct raw_timer_link *previous;
};

struct raw_timer {
    struct raw_timer_link link; /* first, so that a link is its timer */
    uint64_t deadline;
    uint32_t level;
    uint32_t slot;
};

/* Empties the one wheel there is. */
void raw_wheel_prepare(uint64_t now);
void raw_wheel_set(struct raw_timer *timer, uint64_t deadline);
void raw_wheel_cancel(struct raw_timer *timer);

/* CLOCK_MONOTONIC. */
uint64_t raw_clock_nanoseconds(void);

#endif
