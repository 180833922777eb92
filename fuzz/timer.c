/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing the timer wheel (src/timer.h) against a list that is kept sorted: the same timers fire,
 * in the order of deadline and setting, none is lost, and timer_next is never later than the
 * earliest.
 *
 * The bytes are taken one by one: what to do, with which timer, with which time. Those that a
 * firing timer's callback does come from the same bytes.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "timer.h"

enum { ENTRIES = 64 };

struct entry {
    struct timer timer; /* first */
    int64_t deadline;
    bool set;
    bool due; /* to be fired by the turn under way */
};

static struct {
    const uint8_t *bytes;
    size_t left;
    struct timer_wheel wheel;
    struct entry entries[ENTRIES];
    struct entry *sorted[ENTRIES]; /* the set ones, by deadline and then by setting */
    size_t count, fired;
} state;

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- bytes ---- */

static uint8_t next_byte(void)
{
    if (!state.left)
        return 0;
    state.left--;
    return *state.bytes++;
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? b < 0 ? INT64_MIN : INT64_MAX : sum;
}

/* Any order of magnitude: one byte of digits, shifted. */
static int64_t next_span(void)
{
    int64_t digits = next_byte();
    unsigned shift = next_byte() % 56;
    return digits << shift;
}

static int64_t next_time(void)
{
    const int64_t tick = INT64_C(1) << 15;
    int64_t now = state.wheel.now;
    switch (next_byte() % 10) {
    case 0:
        return now;
    case 1:
        return add(now, 1);
    case 2:
        return now - 1;
    case 3:
        return add(now, tick) / tick * tick; /* where the next tick begins, or one before */
    case 4:
        return add(now, -next_span());
    case 5:
        return state.entries[next_byte() % ENTRIES].deadline; /* one that another has, or had */
    case 6:
        return add(state.entries[next_byte() % ENTRIES].deadline, -1);
    case 7:
        return next_byte() % 2 ? INT64_MAX : INT64_MAX - 1;
    default:
        return add(now, next_span());
    }
}

/* ---- the list ---- */

static void insert(struct entry *entry)
{
    size_t at = state.count++;
    for (; at > 0 && state.sorted[at - 1]->deadline > entry->deadline; at--)
        state.sorted[at] = state.sorted[at - 1];
    state.sorted[at] = entry;
    entry->set = true;
    entry->due = false;
}

static void take_out(struct entry *entry)
{
    size_t at = 0;
    while (state.sorted[at] != entry)
        at++;
    state.count--;
    memmove(&state.sorted[at], &state.sorted[at + 1], (state.count - at) * sizeof(struct entry *));
    entry->set = false;
}

/* ---- steps ---- */

static void set_or_cancel(void)
{
    struct entry *entry = &state.entries[next_byte() % ENTRIES];
    MUST(timer_is_set(&entry->timer) == entry->set);
    if (entry->set) {
        timer_cancel(&state.wheel, &entry->timer);
        take_out(entry);
        timer_cancel(&state.wheel, &entry->timer); /* harmless */
    } else {
        entry->deadline = next_time();
        timer_set(&state.wheel, &entry->timer, entry->deadline);
        insert(entry);
    }
    MUST(timer_is_set(&entry->timer) == entry->set);
    MUST(state.wheel.count == state.count);
}

static void check_next(void)
{
    int64_t next = timer_next(&state.wheel);
    if (!state.count)
        MUST(next == TIMER_NEVER);
    else if (state.count <= 16 || next <= state.wheel.now)
        MUST(next == state.sorted[0]->deadline);
    else
        MUST(next <= state.sorted[0]->deadline);
}

static void fire(struct timer *timer)
{
    struct entry *entry = (struct entry *)(void *)timer;
    size_t first = 0;
    while (first < state.count && !state.sorted[first]->due)
        first++;
    MUST(first < state.count && state.sorted[first] == entry);
    MUST(!timer_is_set(timer) && timer->deadline == entry->deadline);
    take_out(entry);
    state.fired++;
    for (uint8_t steps = next_byte() % 4; steps > 0; steps--)
        set_or_cancel();
    MUST(timer_next(&state.wheel) <= (state.count ? state.sorted[0]->deadline : TIMER_NEVER));
}

static void turn(int64_t now)
{
    int64_t before = state.wheel.now, after = now > before ? now : before;
    for (size_t i = 0; i < state.count; i++)
        state.sorted[i]->due = state.sorted[i]->deadline <= after;
    state.fired = 0;
    size_t fired = timer_turn(&state.wheel, now);
    MUST(fired == state.fired);
    MUST(state.wheel.now == after);
    for (size_t i = 0; i < state.count; i++)
        MUST(!state.sorted[i]->due);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    memset(&state, 0, sizeof state);
    state.bytes = bytes;
    state.left = size;
    timer_wheel_init(&state.wheel, next_span());
    for (size_t i = 0; i < ENTRIES; i++)
        timer_init(&state.entries[i].timer, fire);
    while (state.left) {
        switch (next_byte() % 8) {
        case 0:
            turn(next_time());
            break;
        case 1:
            if (state.count)
                turn(timer_next(&state.wheel));
            break;
        default:
            set_or_cancel();
        }
        check_next();
    }
    turn(INT64_MAX); /* what is left comes out */
    return 0;
}
