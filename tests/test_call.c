/* SPDX-License-Identifier: MIT */
/* Callbacks soon, later and at a time, and the handles to take them back. */
#include <malloc.h>
#include "support/test.h"

static void say(void *name)
{
    note("%s", (const char *)name);
}

#define SAY(name) say, (void *)(uintptr_t)(name)

ORDERED_TEST(rule_001_soon_runs_in_the_order_of_the_calls)
{
    CHECK(eddy_call_soon(SAY("a")));
    CHECK(eddy_call_soon(SAY("b")));
    CHECK(eddy_call_soon(SAY("c")));
    CHECK_NOTES("");
    turns(1);
    CHECK_NOTES("a b c");
    return 0;
}

static void say_and_schedule(void *unused)
{
    (void)unused;
    note("a");
    EXPECT(eddy_call_soon(SAY("a2")));
}

ORDERED_TEST(rule_002_what_a_callback_schedules_runs_in_the_next_turn)
{
    CHECK(eddy_call_soon(say_and_schedule, NULL));
    CHECK(eddy_call_soon(SAY("b")));
    turns(1);
    CHECK_NOTES("a b");
    turns(1);
    CHECK_NOTES("a2");
    return 0;
}

static void chain(void *left)
{
    int *count = left;
    note("%d", *count);
    if (*count == 3)
        EXPECT(eddy_call_later(0, SAY("timer")));
    if (--*count)
        EXPECT(eddy_call_soon(chain, left));
}

static int yields(struct nap *a)
{
    for (int i = 0; i < 3; i++) {
        note("%s%d", a->name, i);
        if (i == 0)
            EXPECT(eddy_call_later(0, SAY("timer")));
        int r = eddy_sleep(0);
        if (r < 0)
            return r;
    }
    return 0;
}

ORDERED_TEST(rule_003_timers_that_are_due_are_queued_between_two_turns)
{
    int left = 4;
    CHECK(eddy_call_soon(chain, &left));
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("4 3 2 timer 1"); /* not behind the chain, which always has one more ready */
    eddy_task *task = eddy_create_task_as(yields, struct nap, .name = "y");
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("y0 y1 timer y2");
    return eddy_task_release(task);
}

static eddy_handle *victim;
static void cancel_victim(void *unused)
{
    (void)unused;
    EXPECT(eddy_handle_cancel(victim));
    EXPECT(!eddy_handle_cancel(victim));
}

ORDERED_TEST(rule_005_cancelled_before_its_turn_it_never_runs)
{
    eddy_handle *a = eddy_call_soon(SAY("a"));
    CHECK(eddy_handle_cancel(a));
    CHECK(!eddy_handle_cancel(a));
    CHECK(eddy_call_soon(cancel_victim, NULL)); /* in the same turn, one place before */
    victim = eddy_call_soon(SAY("victim"));
    turns(2);
    CHECK_NOTES("");
    victim = eddy_call_later(1, SAY("timed"));
    CHECK(eddy_handle_cancel(victim));
    CHECK(eddy_call_later(1, cancel_victim, NULL)); /* both timers fire in one turn */
    victim = eddy_call_later(1, SAY("due"));
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_NOTES("");
    return 0;
}

TEST(rule_006_each_runs_exactly_once_and_its_handle_is_stale_then)
{
    eddy_handle *soon = eddy_call_soon(SAY("soon"));
    eddy_handle *later = eddy_call_later(1, SAY("later"));
    CHECK_INT(eddy_sleep(5), 0);
    CHECK_NOTES("soon later");
    CHECK(!eddy_handle_cancel(soon));
    CHECK(!eddy_handle_cancel(later));
    CHECK(eddy_call_soon(SAY("new"))); /* takes a place over; the old handles don't reach it */
    CHECK(eddy_call_later(1, SAY("newer")));
    CHECK(!eddy_handle_cancel(soon));
    CHECK(!eddy_handle_cancel(later));
    CHECK(!eddy_handle_cancel(NULL));
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_NOTES("new newer");
    return 0;
}

static eddy_handle *own;
static void cancel_own(void *unused)
{
    (void)unused;
    EXPECT(!eddy_handle_cancel(own)); /* it runs already */
    note("ran");
}

ORDERED_TEST(a_callback_can_not_cancel_itself)
{
    own = eddy_call_soon(cancel_own, NULL);
    turns(1);
    own = eddy_call_later(1, cancel_own, NULL);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_NOTES("ran ran");
    return 0;
}

static void say_time(void *unused)
{
    (void)unused;
    note("%g", eddy_time());
}

TEST(rule_007_deadlines_in_order_and_at_their_time)
{
    const double seconds[] = {3, 1, 2, 1e-9, 7200, 0.5, 86400, 2.5};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        CHECK(eddy_call_later(seconds[i], say_time, NULL));
    CHECK(eddy_call_at(1.5, say_time, NULL));
    CHECK_INT(eddy_sleep(1e5), 0);
    CHECK_NOTES("1e-09 0.5 1 1.5 2 2.5 3 7200 86400");
    return 0;
}

static void never_early(void *deadline)
{
    EXPECT(eddy_time() >= *(double *)deadline);
    note("x");
}

TEST_WITH(rule_007_never_early_on_the_real_clock, .virtual_clock = false)
{
    double deadlines[20];
    for (int i = 0; i < 20; i++) {
        deadlines[i] = eddy_time() + i * 0.0007;
        CHECK(eddy_call_at(deadlines[i], never_early, &deadlines[i]));
    }
    for (int i = 0; i < 20; i++) {
        double before = eddy_time(), seconds = i * 0.0003;
        CHECK_INT(eddy_sleep(seconds), 0);
        CHECK(eddy_time() - before >= seconds);
    }
    CHECK_INT(eddy_sleep(0.02), 0);
    CHECK_NOTES("x x x x x x x x x x x x x x x x x x x x");
    return 0;
}

ORDERED_TEST(rule_008_equal_deadlines_in_the_order_of_the_calls)
{
    const char *names[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    for (int i = 0; i < 8; i++)
        CHECK(i % 2 ? eddy_call_later(1, SAY(names[i])) : eddy_call_at(1, SAY(names[i])));
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("0 1 2 3 4 5 6 7");
    return 0;
}

static void soon_and_later(void *unused)
{
    (void)unused;
    EXPECT(eddy_call_later(0, SAY("later0")));
    EXPECT(eddy_call_later(-1, SAY("neg1")));
    EXPECT(eddy_call_later(-5, SAY("neg5")));
    EXPECT(eddy_call_later(-INFINITY, SAY("neginf")));
    EXPECT(eddy_call_soon(SAY("soon")));
}

ORDERED_TEST(rule_009_zero_and_negative_delays_go_through_the_timers)
{
    CHECK(eddy_call_soon(soon_and_later, NULL));
    turns(3);
    CHECK_NOTES("soon neginf neg5 neg1 later0");
    CHECK_TIME(0);
    return 0;
}

TEST(rule_010_cancelled_timers_do_not_accumulate)
{
    int rounds = TEST_FEW_TASKS ? 10000 : 1000000;
    size_t before = 0;
    for (int i = 0; i < rounds; i++) {
        eddy_handle *handle = eddy_call_later(1000 + i % 100, SAY("never"));
        CHECK(handle);
        CHECK(eddy_handle_cancel(handle));
        if (i == 100)
            before = mallinfo2().uordblks;
    }
    CHECK(mallinfo2().uordblks <= before + 4096);
    CHECK_INT(eddy_sleep(1e6), 0);
    CHECK_NOTES("");
    return 0;
}

ORDERED_TEST(rule_012_NaN_is_an_error_and_a_huge_delay_is_capped)
{
    CHECK(!eddy_call_later(NAN, SAY("never")));
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_call_later");
    CHECK(!eddy_call_at(NAN, SAY("never")));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_call_at");
    CHECK_INT(eddy_sleep(NAN), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sleep");
    eddy_handle *huge = eddy_call_later(1e300, SAY("huge"));
    eddy_handle *endless = eddy_call_later(INFINITY, SAY("endless"));
    CHECK(huge && endless);
    CHECK_INT(eddy_sleep(99 * 365.25 * 86400), 0);
    CHECK_NOTES("");
    CHECK_INT(eddy_sleep(2 * 365.25 * 86400), 0);
    CHECK_NOTES("huge endless"); /* a hundred years are a hundred years */
    return 0;
}

TEST(a_null_callback_is_an_error)
{
    CHECK(!eddy_call_soon(NULL, NULL));
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_call_soon");
    CHECK(!eddy_call_later(1, NULL, NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_call_later");
    CHECK(!eddy_call_at(1, NULL, NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_call_at");
    return 0;
}

static int schedules_and_ends(void)
{
    CHECK(eddy_call_soon(SAY("soon")));
    CHECK(eddy_call_later(5, SAY("never")));
    return 0;
}

PLAIN_TEST(what_main_scheduled_soon_still_runs_and_the_rest_goes_with_the_loop)
{
    eddy_test_allow_leftovers(1);
    EXPECT_INT(test_run(schedules_and_ends), 0);
    EXPECT_NOTES("soon");
    EXPECT(!eddy_handle_cancel(victim)); /* outside a loop: stale */
}

static eddy_handle *old_handle;
static int make_old(void)
{
    old_handle = eddy_call_later(1, SAY("old"));
    return old_handle ? 0 : -ENOMEM;
}

static int use_old(void)
{
    eddy_handle *fresh = eddy_call_later(1, SAY("fresh"));
    CHECK(fresh);
    CHECK(!eddy_handle_cancel(old_handle));
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_NOTES("fresh");
    return 0;
}

static int nothing(void)
{
    return 0;
}

PLAIN_TEST(a_handle_of_an_earlier_loop_reaches_nothing)
{
    eddy_test_allow_leftovers(1);
    EXPECT_INT(test_run(make_old), 0);
    for (int loops = 1; loops <= 256; loops++) /* until loop ids come round */
        EXPECT_INT(test_run(loops == 1 || loops == 256 ? use_old : nothing), 0);
}

static void count(void *counter)
{
    ++*(int *)counter;
}

FIFO_TEST(a_hundred_thousand_callbacks)
{
    int ran = 0;
    for (int i = 0; i < 100000; i++)
        CHECK(i % 2 ? eddy_call_later(i % 7, count, &ran) : eddy_call_soon(count, &ran));
    CHECK_INT(eddy_sleep(10), 0);
    CHECK_INT(ran, 100000);
    return 0;
}
