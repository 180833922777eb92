/* SPDX-License-Identifier: MIT */
/*
 * The timer wheel. A time is read as eight digits of six bits, then the bits within a tick:
 *
 *      level   7      6      5      4      3      2      1      0     within a tick
 *           |......|......|......|......|......|......|......|......|...............|
 *
 * A timer's level is that of the highest digit in which its deadline differs from the wheel's time;
 * its slot is the deadline's digit there. The digits above are the wheel's own. Hence all timers of
 * a level are earlier than those of the next, a slot's earlier than the next slot's, and no slot in
 * use lies before the wheel's own digit: the first bit of the first level in use leads to the
 * earliest timer.
 *
 * A turn changes some digits, the highest of them at level `top`. What the new time passes lies in
 * the levels below top and in top's slots before the new digit. The slot at the new digit is
 * entered: its timers now agree with the wheel in that digit too, and are filed again further down.
 * Levels above top notice nothing.
 */
#include <assert.h>
#include <string.h>
#include "timer.h"

enum {
    TICK_BITS = 15,
    DIGIT_BITS = 6,
    LEVEL_DUE = TIMER_LEVELS, /* a level of its own for timers on the way to fire */
    WALK_LIMIT = 16,          /* timers looked at for the exact minimum: each may be a cache miss */
};

#define NEXT_UNKNOWN INT64_MIN

_Static_assert(TICK_BITS + DIGIT_BITS * TIMER_LEVELS == 63, "the levels cover all times");
_Static_assert(TIMER_SLOTS == 1 << DIGIT_BITS, "a slot for each value of a digit");

static uint64_t tick_of(int64_t time)
{
    return (uint64_t)time >> TICK_BITS;
}

/* The level of the highest digit in which two ticks differ; 0 also if they don't. */
static unsigned level_of(uint64_t a, uint64_t b)
{
    return (63 - (unsigned)__builtin_clzll((a ^ b) | (TIMER_SLOTS - 1))) / DIGIT_BITS;
}

static unsigned digit_of(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (level * DIGIT_BITS)) % TIMER_SLOTS;
}

static bool fires_before(const struct timer *a, const struct timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->sequence < b->sequence;
}

static void take_out(struct timer_link *list, struct timer *timer)
{
    if (timer->next)
        timer->next->previous = timer->previous;
    else
        list->last = timer->previous;
    if (timer->previous)
        timer->previous->next = timer->next;
    else
        list->first = timer->next;
}

/* A deadline in the past goes to the slot of the wheel's own tick, which every turn looks at. */
static void file(struct timer_wheel *wheel, struct timer *timer)
{
    uint64_t now = tick_of(wheel->now);
    uint64_t tick = timer->deadline > wheel->now ? tick_of(timer->deadline) : now;
    unsigned level = level_of(tick, now), slot = digit_of(tick, level);
    timer->level = (uint8_t)level;
    timer->slot = (uint8_t)slot;
    wheel->occupied[level] |= UINT64_C(1) << slot;
    timer_append(&wheel->slots[level][slot], timer);
}

void timer_wheel_init(struct timer_wheel *wheel, int64_t now)
{
    assert(now >= 0);
    memset(wheel, 0, sizeof *wheel);
    wheel->now = now;
    wheel->next = NEXT_UNKNOWN;
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, int64_t deadline)
{
    assert(!timer_is_set(timer));
    timer->deadline = deadline;
    timer->sequence = wheel->sequence++;
    file(wheel, timer);
    wheel->count++;
    if (deadline < wheel->next)
        wheel->next = wheel->next_last = deadline;
}

void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
    if (!timer_is_set(timer))
        return;

    bool due = timer->level == LEVEL_DUE;
    struct timer_link *list = due ? &wheel->due : &wheel->slots[timer->level][timer->slot];
    take_out(list, timer);
    if (!list->first && !due)
        wheel->occupied[timer->level] &= ~(UINT64_C(1) << timer->slot);

    timer->level = TIMER_NOT_SET;
    wheel->count--;
    if (timer->deadline <= wheel->next_last)
        wheel->next = NEXT_UNKNOWN;
}

/* The earliest deadline in a list of at most `limit` timers; false if there are more. */
static bool earliest(const struct timer_link *list, size_t limit, int64_t *ret_deadline)
{
    int64_t deadline = TIMER_NEVER;
    for (const struct timer *timer = list->first; timer; timer = timer->next) {
        if (limit-- == 0)
            return false;
        if (timer->deadline < deadline)
            deadline = timer->deadline;
    }
    *ret_deadline = deadline;
    return true;
}

/* Fills in `next` from the first slot in use. */
static void find_next(struct timer_wheel *wheel)
{
    unsigned level = 0;
    while (level < TIMER_LEVELS && !wheel->occupied[level])
        level++;
    if (level == TIMER_LEVELS) {
        wheel->next = wheel->next_last = TIMER_NEVER;
        return;
    }

    unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
    unsigned shift = level * DIGIT_BITS;
    uint64_t tick = ((tick_of(wheel->now) >> shift) & ~(uint64_t)(TIMER_SLOTS - 1)) | slot;
    int64_t start = (int64_t)(tick << shift << TICK_BITS);

    /* Of a crowded slot the start will do: the turn that enters it deals its timers out over lower
     * levels. But the slot that the wheel is in has no start to wait for. */
    const struct timer_link *list = &wheel->slots[level][slot];
    if (earliest(list, start > wheel->now ? WALK_LIMIT : SIZE_MAX, &wheel->next)) {
        wheel->next_last = wheel->next;
    } else {
        wheel->next = start;
        wheel->next_last = start + ((INT64_C(1) << (shift + TICK_BITS)) - 1);
    }
}

int64_t timer_next(struct timer_wheel *wheel)
{
    if (wheel->next == NEXT_UNKNOWN)
        find_next(wheel);
    const struct timer *due = wheel->due.first; /* asked by a callback, with others still to fire */
    return due && due->deadline < wheel->next ? due->deadline : wheel->next;
}

static struct timer *merge(struct timer *a, struct timer *b)
{
    struct timer *first, **end = &first;
    while (a && b) {
        struct timer **earlier = fires_before(b, a) ? &b : &a;
        *end = *earlier;
        end = &(*earlier)->next;
        *earlier = *end;
    }
    *end = a ? a : b;
    return first;
}

/* Merge sort from the bottom up. runs[i] is a sorted list of 2^i timers or none: adding one timer
 * is adding one to a binary number, where a carry is a merge. */
static void sort(struct timer_link *list)
{
    struct timer *runs[64] = {NULL};
    for (struct timer *timer = list->first, *next; timer; timer = next) {
        next = timer->next;
        timer->next = NULL;
        struct timer *run = timer;
        size_t i = 0;
        for (; runs[i]; i++) {
            run = merge(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }

    struct timer *first = NULL, *last = NULL;
    for (size_t i = 0; i < 64; i++)
        first = merge(runs[i], first);
    for (struct timer *timer = first; timer; timer = timer->next) {
        timer->previous = last;
        last = timer;
    }
    *list = (struct timer_link){first, last};
}

/* False if it came out of order. */
static bool append_due(struct timer_wheel *wheel, struct timer *timer)
{
    bool in_order = !wheel->due.last || !fires_before(timer, wheel->due.last);
    timer->level = LEVEL_DUE;
    timer_append(&wheel->due, timer);
    return in_order;
}

/* Empties a slot that the wheel passes or enters: what is due goes to the due ones, the rest is
 * filed again. False if a due one came out of order. */
static bool empty_slot(struct timer_wheel *wheel, unsigned level, unsigned slot)
{
    bool in_order = true;
    struct timer *timer = wheel->slots[level][slot].first, *next;
    wheel->slots[level][slot] = (struct timer_link){NULL, NULL};
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    for (; timer; timer = next) {
        next = timer->next;
        if (timer->deadline > wheel->now)
            file(wheel, timer);
        else
            in_order &= append_due(wheel, timer);
    }
    return in_order;
}

/* The same at level 0, where what isn't due belongs to the wheel's own tick, and stays: a virtual
 * clock jumps from timer to timer within a tick, and would file the rest again each time. */
static bool take_due(struct timer_wheel *wheel, unsigned slot)
{
    bool in_order = true;
    struct timer_link *list = &wheel->slots[0][slot];
    for (struct timer *timer = list->first, *next; timer; timer = next) {
        next = timer->next;
        if (timer->deadline > wheel->now)
            continue;
        take_out(list, timer);
        in_order &= append_due(wheel, timer);
    }
    if (!list->first)
        wheel->occupied[0] &= ~(UINT64_C(1) << slot);
    return in_order;
}

size_t timer_turn(struct timer_wheel *wheel, int64_t now)
{
    assert(!wheel->due.first);
    uint64_t old_tick = tick_of(wheel->now);
    if (now > wheel->now)
        wheel->now = now;
    if (wheel->next <= wheel->now)
        wheel->next = NEXT_UNKNOWN;

    uint64_t tick = tick_of(wheel->now);
    unsigned top = level_of(tick, old_tick);
    bool in_order = true;
    for (unsigned level = 0; level <= top; level++) {
        uint64_t slots = wheel->occupied[level];
        if (level == top)
            slots &= (UINT64_C(2) << digit_of(tick, level)) - 1; /* up to and including the digit */
        for (; slots; slots &= slots - 1) {
            unsigned slot = (unsigned)__builtin_ctzll(slots);
            in_order &= level ? empty_slot(wheel, level, slot) : take_due(wheel, slot);
        }
    }
    if (!in_order)
        sort(&wheel->due);
    if (__builtin_expect(wheel->ties != NULL, 0))
        wheel->ties(wheel);

    size_t fired = 0;
    for (struct timer *timer; (timer = wheel->due.first); fired++) {
        timer_cancel(wheel, timer);
        timer->fire(timer);
    }
    return fired;
}
