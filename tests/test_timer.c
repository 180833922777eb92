/* SPDX-License-Identifier: MIT */
/* The timer wheel, against a model: a sorted array. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "timer.h"

#define TICK (INT64_C(1) << 15)
#define SECOND INT64_C(1000000000)
#define YEAR (366 * 24 * 3600 * SECOND)

static uint64_t random_state;

static uint64_t random_number(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t random_below(size_t limit)
{
    return (size_t)(random_number() % limit);
}

/* Below 2^bits, each order of magnitude as likely as the others. */
static int64_t random_span(unsigned bits)
{
    return (int64_t)(random_number() >> (64 - bits) >> random_below(bits));
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* ---- the model ---- */

enum { ENTRIES = 400 };

struct entry {
    struct timer timer;
    int64_t deadline;
    bool set, due;
};

static struct {
    struct timer_wheel wheel;
    struct entry entries[ENTRIES];
    struct entry
        *sorted[ENTRIES]; /* the set ones by deadline, equal ones in the order of setting */
    size_t count;
    size_t fired;
    unsigned bits; /* deadlines and steps of the clock are below 2^bits */
} model;

static void model_insert(struct entry *entry)
{
    size_t at = model.count++;
    for (; at > 0 && model.sorted[at - 1]->deadline > entry->deadline; at--)
        model.sorted[at] = model.sorted[at - 1];
    model.sorted[at] = entry;
    entry->set = true;
    entry->due = false;
}

static void model_remove(struct entry *entry)
{
    size_t at = 0;
    while (model.sorted[at] != entry)
        at++;
    model.count--;
    memmove(&model.sorted[at], &model.sorted[at + 1], (model.count - at) * sizeof(struct entry *));
    entry->set = false;
}

static int64_t random_deadline(void)
{
    switch (random_below(20)) {
    case 0:
        return model.wheel.now - random_span(model.bits);
    case 1:
        return model.wheel.now;
    case 2:
        return random_below(10) ? add(model.wheel.now, TICK) / TICK * TICK : INT64_MAX;
    case 3:
        return random_below(10) ? model.wheel.now + 1 : INT64_MIN;
    case 4:
    case 5:
    case 6: /* one that another timer has, or had */
        return model.entries[random_below(ENTRIES)].deadline;
    default:
        return add(model.wheel.now, random_span(model.bits));
    }
}

static void set_or_cancel(void)
{
    struct entry *entry = &model.entries[random_below(ENTRIES)];
    assert_int_equal(timer_is_set(&entry->timer), entry->set);
    if (entry->set || random_below(8) == 0) {
        timer_cancel(&model.wheel, &entry->timer);
        if (entry->set)
            model_remove(entry);
    } else {
        entry->deadline = random_deadline();
        timer_set(&model.wheel, &entry->timer, entry->deadline);
        model_insert(entry);
    }
    assert_int_equal(timer_is_set(&entry->timer), entry->set);
}

static void check_next(void)
{
    int64_t next = timer_next(&model.wheel);
    assert_int_equal(model.wheel.count, model.count);
    if (model.count == 0)
        assert_true(next == TIMER_NEVER);
    else if (model.count <= 16 || next <= model.wheel.now)
        assert_true(next == model.sorted[0]->deadline);
    else
        assert_true(next <= model.sorted[0]->deadline);
}

static void fired(struct timer *timer)
{
    struct entry *entry = (struct entry *)(void *)timer; /* its first member */
    size_t first = 0;
    while (first < model.count && !model.sorted[first]->due)
        first++;
    assert_true(first < model.count);
    assert_ptr_equal(model.sorted[first], entry);
    assert_false(timer_is_set(timer));
    assert_true(timer->deadline == entry->deadline);
    model_remove(entry);
    model.fired++;
    while (random_below(3) == 0)
        set_or_cancel();
    if (random_below(4) == 0)
        assert_true(timer_next(&model.wheel) <=
                    (model.count ? model.sorted[0]->deadline : INT64_MAX));
}

static void turn(int64_t now)
{
    int64_t before = model.wheel.now;
    for (size_t i = 0; i < model.count; i++)
        model.sorted[i]->due = model.sorted[i]->deadline <= (now > before ? now : before);
    model.fired = 0;
    size_t count = timer_turn(&model.wheel, now);
    assert_int_equal(count, model.fired);
    assert_true(model.wheel.now == (now > before ? now : before));
    for (size_t i = 0; i < model.count; i++)
        assert_false(model.sorted[i]->due);
}

static void test_model(void **state)
{
    (void)state;
    size_t steps = 0, total = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        random_state = seed;
        memset(&model, 0, sizeof model);
        model.bits = 12 + (unsigned)(seed * 7 % 48); /* from a few ticks to ten years and more */
        timer_wheel_init(&model.wheel, seed % 4 ? random_span(62) : 0);
        for (size_t i = 0; i < ENTRIES; i++)
            timer_init(&model.entries[i].timer, fired);
        /* Some wheels stay almost empty, where timer_next must be exact. */
        unsigned turns = seed % 3 == 0 ? 2 : seed % 3 == 1 ? 20 : 200;
        for (size_t i = 0; i < 5000; i++, steps++) {
            if (random_below(turns)) {
                set_or_cancel();
            } else {
                int64_t now = model.wheel.now, next = timer_next(&model.wheel);
                switch (random_below(8)) {
                case 0:
                    turn(now - random_span(model.bits)); /* the clock goes back */
                    break;
                case 1:
                    turn(add(now, random_span(model.bits)));
                    break;
                case 2:
                    turn(now);
                    break;
                case 3:
                    turn(add(now, random_span(12)));
                    break;
                default:
                    turn(next == TIMER_NEVER ? now : next);
                }
                total += model.fired;
            }
            check_next();
        }
        for (size_t i = 0; i < ENTRIES; i++)
            timer_cancel(&model.wheel, &model.entries[i].timer);
        for (size_t i = 0; i < TIMER_LEVELS; i++)
            assert_int_equal(model.wheel.occupied[i], 0);
        assert_int_equal(model.wheel.count, 0);
    }
    assert_int_equal(steps, 300000);
    assert_true(total > 20000);
}

/* ---- one thing at a time ---- */

enum { MANY = 1000 };

static struct timer_wheel wheel;
static struct timer timers[MANY];
static size_t order[2 * MANY], order_count;

static void note(struct timer *timer)
{
    order[order_count++] = (size_t)(timer - timers);
}

static int setup(void **state)
{
    (void)state;
    timer_wheel_init(&wheel, 1000 * SECOND);
    for (size_t i = 0; i < MANY; i++)
        timer_init(&timers[i], note);
    order_count = 0;
    return 0;
}

/* Sleeps from one timer_next to the next until every timer fired; returns how often it woke up. */
static size_t run_all(void)
{
    size_t turns = 0;
    while (wheel.count) {
        int64_t next = timer_next(&wheel);
        assert_true(next != TIMER_NEVER);
        size_t count = timer_turn(&wheel, next);
        assert_true(count ||
                    timer_next(&wheel) > wheel.now); /* the same again would be a busy loop */
        turns++;
    }
    assert_true(timer_next(&wheel) == TIMER_NEVER);
    return turns;
}

static void test_equal_deadlines(void **state)
{
    (void)state;
    /* Set while the deadline is far and while it is near, so that they are filed on many levels. */
    int64_t deadline = wheel.now + 10 * SECOND;
    for (size_t i = 0; i < MANY; i++) {
        timer_set(&wheel, &timers[i], deadline);
        assert_int_equal(timer_turn(&wheel, deadline - (10 * SECOND >> (i * 34 / MANY))), 0);
    }
    assert_int_equal(timer_turn(&wheel, deadline - 1), 0);
    assert_int_equal(timer_turn(&wheel, deadline), MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(order[i], i);
}

static void test_order_within_tick(void **state)
{
    (void)state;
    int64_t start = wheel.now / TICK * TICK + 5 * TICK;
    for (size_t i = 0; i < MANY; i++)
        timer_set(&wheel, &timers[i], start + (int64_t)(i * 7919 % MANY));
    assert_int_equal(timer_turn(&wheel, start + TICK), MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(order[i] * 7919 % MANY, i);
}

static void test_never_early(void **state)
{
    (void)state;
    for (int64_t span = 1; span < 100 * YEAR; span = span * 3 + 1) {
        int64_t deadline = wheel.now + span;
        timer_set(&wheel, &timers[0], deadline);
        assert_true(timer_next(&wheel) == deadline);
        assert_int_equal(timer_turn(&wheel, deadline - 1), 0);
        assert_true(timer_next(&wheel) == deadline);
        assert_int_equal(timer_turn(&wheel, deadline), 1);
        assert_true(timer_next(&wheel) == TIMER_NEVER);
        order_count = 0;
    }
}

static void test_far_deadlines(void **state)
{
    (void)state;
    const int64_t far[] = {YEAR, 100 * YEAR, 146 * YEAR, 200 * YEAR, INT64_MAX - 1, INT64_MAX};
    const size_t count = sizeof far / sizeof far[0];
    for (size_t i = 0; i < count; i++)
        timer_set(&wheel, &timers[count - 1 - i], far[i]);
    assert_true(timer_next(&wheel) == far[0]);
    assert_int_equal(timer_turn(&wheel, INT64_MAX - 1), count - 1);
    assert_int_equal(timer_turn(&wheel, INT64_MAX), 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(order[i], count - 1 - i);
}

static void test_few_wakeups(void **state)
{
    (void)state;
    /* A few: each wake-up is for a deadline. */
    for (size_t i = 0; i < 16; i++)
        timer_set(&wheel, &timers[i], wheel.now + 30 * YEAR + (int64_t)i * SECOND);
    assert_int_equal(run_all(), 16);

    /* A crowd at one far deadline: at most one more a level. */
    for (size_t i = 0; i < MANY; i++)
        timer_set(&wheel, &timers[i], wheel.now + 30 * YEAR);
    assert_true(run_all() <= 1 + TIMER_LEVELS);
    order_count = 0;

    /* A crowd at as many deadlines within the wheel's own tick, each of which is exact. */
    assert_int_equal(timer_turn(&wheel, wheel.now / TICK * TICK + TICK), 0);
    for (size_t i = 0; i < MANY; i++)
        timer_set(&wheel, &timers[i], wheel.now + 1 + (int64_t)i * 10);
    assert_int_equal(run_all(), MANY);
    order_count = 0;

    /* A crowd over an hour: one each, and a few for the slots on the way. */
    for (size_t i = 0; i < MANY; i++)
        timer_set(&wheel, &timers[i], wheel.now + (int64_t)i * 4 * SECOND);
    assert_true(run_all() <= MANY + 64);
}

static void test_next_after_cancel(void **state)
{
    (void)state;
    int64_t deadline = wheel.now + 100 * SECOND;
    for (size_t i = 0; i < 100; i++)
        timer_set(&wheel, &timers[i], deadline + (int64_t)i);
    assert_true(timer_next(&wheel) <= deadline); /* a crowded slot */
    for (size_t i = 0; i < 95; i++)
        timer_cancel(&wheel, &timers[i]);
    assert_true(timer_next(&wheel) == deadline + 95);
    timer_cancel(&wheel, &timers[95]);
    assert_true(timer_next(&wheel) == deadline + 96);
    timer_set(&wheel, &timers[0], deadline);
    assert_true(timer_next(&wheel) == deadline);
    timer_cancel(&wheel, &timers[0]);
    assert_true(timer_next(&wheel) == deadline + 96);
    for (size_t i = 96; i < 100; i++)
        timer_cancel(&wheel, &timers[i]);
    assert_true(timer_next(&wheel) == TIMER_NEVER);
    timer_cancel(&wheel, &timers[0]); /* harmless */
    assert_int_equal(wheel.count, 0);
}

static void test_clock_going_back(void **state)
{
    (void)state;
    int64_t now = wheel.now;
    timer_set(&wheel, &timers[0], now + SECOND);
    assert_int_equal(timer_turn(&wheel, now - 1000 * SECOND), 0);
    assert_true(wheel.now == now);
    assert_int_equal(timer_turn(&wheel, INT64_MIN), 0);
    timer_set(&wheel, &timers[1], now - SECOND); /* due, whatever the clock says */
    assert_true(timer_next(&wheel) == now - SECOND);
    assert_int_equal(timer_turn(&wheel, now - 10 * SECOND), 1);
    assert_int_equal(timer_turn(&wheel, now + SECOND), 1);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 0);
}

static void set_again(struct timer *timer)
{
    note(timer);
    timer_set(&wheel, timer, wheel.now); /* already due */
}

static void test_set_in_callback(void **state)
{
    (void)state;
    timer_init(&timers[0], set_again);
    timer_set(&wheel, &timers[0], wheel.now);
    for (size_t i = 1; i <= 5; i++) {
        assert_true(timer_next(&wheel) <= wheel.now);
        assert_int_equal(timer_turn(&wheel, wheel.now), 1); /* once a turn, and not for ever */
        assert_int_equal(order_count, i);
    }
}

static void cancel_others(struct timer *timer)
{
    note(timer);
    for (size_t i = 0; i < MANY; i++) /* before and behind it in the batch, itself, and far ones */
        if (i % 10)
            timer_cancel(&wheel, &timers[i]);
}

static void test_cancel_in_callback(void **state)
{
    (void)state;
    timer_init(&timers[35], cancel_others);
    for (size_t i = 0; i < MANY; i++)
        timer_set(&wheel, &timers[i], wheel.now + (i < 100 ? 0 : YEAR));
    assert_int_equal(timer_turn(&wheel, wheel.now), 36 + 6);
    assert_int_equal(order[35], 35);
    for (size_t i = 36; i < 42; i++)
        assert_int_equal(order[i], (i - 32) * 10);
    assert_int_equal(wheel.count, 90);
}

static void free_own(struct timer *timer)
{
    free(timer);
}

static void test_free_in_callback(void **state)
{
    (void)state;
    for (size_t i = 0; i < 50; i++) {
        struct timer *timer = malloc(sizeof *timer);
        timer_init(timer, free_own);
        timer_set(&wheel, timer, wheel.now + SECOND - (int64_t)(i % 7));
    }
    assert_int_equal(timer_turn(&wheel, wheel.now + SECOND), 50);
}

static void test_allocates_nothing(void **state)
{
    (void)state;
    size_t before = mallinfo2().uordblks;
    for (size_t round = 0; round < 100; round++) {
        for (size_t i = 0; i < MANY; i++)
            timer_set(&wheel, &timers[i], wheel.now + (int64_t)(i * 7919 % MANY) * SECOND / 100);
        for (size_t i = 0; i < MANY; i += 2)
            timer_cancel(&wheel, &timers[i]);
        assert_int_equal(timer_turn(&wheel, wheel.now + 10 * SECOND), MANY / 2);
        order_count = 0;
    }
    assert_int_equal(mallinfo2().uordblks, before);
    assert_true(sizeof wheel < 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test_setup(test_equal_deadlines, setup),
        cmocka_unit_test_setup(test_order_within_tick, setup),
        cmocka_unit_test_setup(test_never_early, setup),
        cmocka_unit_test_setup(test_far_deadlines, setup),
        cmocka_unit_test_setup(test_few_wakeups, setup),
        cmocka_unit_test_setup(test_next_after_cancel, setup),
        cmocka_unit_test_setup(test_clock_going_back, setup),
        cmocka_unit_test_setup(test_set_in_callback, setup),
        cmocka_unit_test_setup(test_cancel_in_callback, setup),
        cmocka_unit_test_setup(test_free_in_callback, setup),
        cmocka_unit_test_setup(test_allocates_nothing, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
