/* SPDX-License-Identifier: MIT */
/*
 * The timer wheel: an intrusive, hierarchical, bitmapped wheel of 8 levels of 64 slots.
 *
 * A timer is filed under the highest six bits in which its tick differs from the wheel's, so that
 * set and cancel are O(1) and far timers are touched once a level on their way down. Due timers
 * fire in the order of (deadline, sequence): equal deadlines in insertion order.
 *
 * Times are nanoseconds, not negative. A tick is 2^15 ns (33 us), because eight times six bits
 * above it are just the 63 bits of a time: no deadline is too far. Finer order comes from a sort.
 */
#ifndef EDDY_SRC_TIMER_H
#define EDDY_SRC_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "private.h"

#define TIMER_NEVER INT64_MAX

enum {
    TIMER_LEVELS = 8,
    TIMER_SLOTS = 64,
    TIMER_NOT_SET = UINT8_MAX, /* in place of a level */
};

struct timer {
    struct timer *next, *previous; /* in its list; NULL at the ends */
    int64_t deadline;              /* as it was set, still to be read in fire() */
    uint64_t sequence;
    void (*fire)(struct timer *timer); /* it is no longer set when this is called */
    uint8_t level, slot;
};

struct timer_link {
    struct timer *first, *last;
};

static inline void timer_append(struct timer_link *list, struct timer *timer)
{
    timer->next = NULL;
    timer->previous = list->last;
    if (list->last)
        list->last->next = timer;
    else
        list->first = timer;
    list->last = timer;
}

struct timer_wheel {
    int64_t now;       /* the time up to which the wheel was turned */
    int64_t next;      /* what timer_next said, unless something has come between */
    int64_t next_last; /* cancelling a deadline up to this one makes `next` unknown */
    uint64_t sequence;
    size_t count;                            /* timers set */
    struct timer_link due;                   /* taken out by the turn under way and not yet fired */
    void (*ties)(struct timer_wheel *wheel); /* eddy-test's: reorders equal deadlines in `due` */
    uint64_t occupied[TIMER_LEVELS];         /* a bit a slot */
    struct timer_link slots[TIMER_LEVELS][TIMER_SLOTS];
};

void timer_wheel_init(struct timer_wheel *wheel, int64_t now);

/* Sets a timer that isn't set. A deadline in the past fires at the next turn. */
EDDY_PRIVATE void timer_set(struct timer_wheel *wheel, struct timer *timer, int64_t deadline);

/* Takes it out; harmless if it isn't set. */
EDDY_PRIVATE void timer_cancel(struct timer_wheel *wheel, struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->level != TIMER_NOT_SET;
}

static inline void timer_init(struct timer *timer, void (*fire)(struct timer *))
{
    timer->fire = fire;
    timer->level = TIMER_NOT_SET;
}

/* A time at which the wheel wants to be turned: never later than the earliest deadline, exact when
 * few timers share its slot, else the start of the slot. TIMER_NEVER without timers. */
EDDY_PRIVATE int64_t timer_next(struct timer_wheel *wheel);

/* Turns the wheel to `now` and fires, in order, every timer with deadline <= now. Returns how many
 * fired. A fired one may set and cancel any timer, and free its own: what it sets waits for the
 * next turn, what it cancels doesn't fire. It may not turn the wheel. A clock that went back is
 * taken as standing still. */
size_t timer_turn(struct timer_wheel *wheel, int64_t now);

#endif
