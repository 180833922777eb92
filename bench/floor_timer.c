/* SPDX-License-Identifier: MIT
 *
 * The floor of setting and cancelling a timer: a plain hierarchical wheel, and the clock read that
 * turns a delay into a deadline.
 *
 *     level 0:  64 slots of 1 tick      a timer goes to the level of the highest bit in which its
 *     level 1:  64 slots of 64 ticks    deadline differs from now, into the slot its deadline
 *     ...                               names there; a bitmap per level says which are occupied
 *
 * The wheel never turns here: nothing comes due in a block, as with timeouts that almost never
 * fire. 512 other timers are armed all the time, so that slots are neither all empty nor alone.
 */
#include <time.h>

#include "floors.h"
#include "stopwatch.h"
#include "workload.h"

enum { LEVEL_BITS = 6, SLOTS = 1 << LEVEL_BITS, LEVELS = 8, TICK_BITS = 16 /* 65.5 us */ };

struct link {
    struct link *next;
    struct link *previous;
};

struct timer {
    struct link link; /* first, so that a link is its timer */
    uint64_t deadline;
    uint32_t level;
    uint32_t slot;
};

static struct {
    uint64_t now; /* in ticks */
    uint64_t occupied[LEVELS];
    struct link slots[LEVELS][SLOTS];
} wheel;

static uint64_t clock_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static __attribute__((noinline)) void wheel_set(struct timer *timer, uint64_t deadline)
{
    /* Rounded up: a timer may be late by a tick, never early. */
    uint64_t tick = (deadline >> TICK_BITS) + 1;
    uint64_t apart = (tick ^ wheel.now) | 1;
    uint32_t level = (uint32_t)(63 - __builtin_clzll(apart)) / LEVEL_BITS;
    uint32_t slot = tick >> (level * LEVEL_BITS) & (SLOTS - 1);
    struct link *head = &wheel.slots[level][slot];

    timer->deadline = deadline;
    timer->level = level;
    timer->slot = slot;
    timer->link.next = head;
    timer->link.previous = head->previous;
    head->previous->next = &timer->link;
    head->previous = &timer->link;
    wheel.occupied[level] |= UINT64_C(1) << slot;
}

static __attribute__((noinline)) void wheel_cancel(struct timer *timer)
{
    struct link *next = timer->link.next;
    struct link *previous = timer->link.previous;

    next->previous = previous;
    previous->next = next;
    /* Both neighbours one and the same link: the head of a slot now empty, or a lone timer. */
    if (next == previous)
        if (next == &wheel.slots[timer->level][timer->slot])
            wheel.occupied[timer->level] &= ~(UINT64_C(1) << timer->slot);
}

static void wheel_prepare(uint64_t now)
{
    wheel.now = now >> TICK_BITS;
    for (size_t level = 0; level < LEVELS; level++) {
        wheel.occupied[level] = 0;
        for (size_t slot = 0; slot < SLOTS; slot++) {
            struct link *head = &wheel.slots[level][slot];
            head->next = head->previous = head;
        }
    }
}

static int run_timer(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    static struct timer live[WORKLOAD_LIVE_TIMERS];
    struct timer timer;
    struct stopwatch watch;
    bool reads_clock = self->parameter != 0;
    uint64_t now = clock_nanoseconds();

    wheel_prepare(now);
    for (size_t i = 0; i < WORKLOAD_LIVE_TIMERS; i++)
        wheel_set(&live[i], now + workload_delay_milliseconds(i * 7919) * 1000000);

    stopwatch_start(&watch);
    for (uint64_t i = 0; i < operations; i++) {
        if (reads_clock)
            now = clock_nanoseconds();
        wheel_set(&timer, now + workload_delay_milliseconds(i) * 1000000);
        wheel_cancel(&timer);
    }
    stopwatch_stop(&watch, operations, ret_sample);
    return 0;
}

const struct contender floor_timer_contenders[] = {
    {.group = "timer",
     .name = "raw wheel + clock_gettime",
     .is_floor = true,
     .run = run_timer,
     .parameter = 1},
    {.group = "timer", .name = "raw wheel alone", .run = run_timer},
    {.name = NULL},
};
