/* SPDX-License-Identifier: MIT
 *
 * The floors' timer wheel.
 */
#include "raw_wheel.h"

#include <stddef.h>
#include <time.h>

enum { LEVEL_BITS = 6, SLOTS = 1 << LEVEL_BITS, LEVELS = 8, TICK_BITS = 16 /* 65.5 us */ };

static struct {
    uint64_t now; /* in ticks */
    uint64_t occupied[LEVELS];
    struct raw_timer_link slots[LEVELS][SLOTS];
} wheel;

uint64_t raw_clock_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void raw_wheel_set(struct raw_timer *timer, uint64_t deadline)
{
    /* Rounded up: a timer may be late by a tick, never early. */
    uint64_t tick = (deadline >> TICK_BITS) + 1;
    uint64_t apart = (tick ^ wheel.now) | 1;
    uint32_t level = (uint32_t)(63 - __builtin_clzll(apart)) / LEVEL_BITS;
    uint32_t slot = tick >> (level * LEVEL_BITS) & (SLOTS - 1);
    struct raw_timer_link *head = &wheel.slots[level][slot];

    timer->deadline = deadline;
    timer->level = level;
    timer->slot = slot;
    timer->link.next = head;
    timer->link.previous = head->previous;
    head->previous->next = &timer->link;
    head->previous = &timer->link;
    wheel.occupied[level] |= UINT64_C(1) << slot;
}

void raw_wheel_cancel(struct raw_timer *timer)
{
    struct raw_timer_link *next = timer->link.next;
    struct raw_timer_link *previous = timer->link.previous;

    next->previous = previous;
    previous->next = next;
    /* Both neighbours one and the same link: the head of a slot now empty, or a lone timer. */
    if (next == previous)
        if (next == &wheel.slots[timer->level][timer->slot])
            wheel.occupied[timer->level] &= ~(UINT64_C(1) << timer->slot);
}

void raw_wheel_prepare(uint64_t now)
{
    wheel.now = now >> TICK_BITS;
    for (size_t level = 0; level < LEVELS; level++) {
        wheel.occupied[level] = 0;
        for (size_t slot = 0; slot < SLOTS; slot++) {
            struct raw_timer_link *head = &wheel.slots[level][slot];
            head->next = head->previous = head;
        }
    }
}
