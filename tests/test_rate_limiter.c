/* SPDX-License-Identifier: MIT */
/* Rate limiter: how much and when, to the nanosecond by the virtual clock. */
#include "support/test.h"

struct taker {
    eddy_rate_limiter *limiter;
    const char *name;
    double tokens;
    double *when;
};

static int taker(struct taker *a)
{
    int r = eddy_rate_limiter_acquire(a->limiter, a->tokens > 0 ? a->tokens : 1);
    if (a->name)
        note("%s%s", r < 0 ? "!" : "", a->name);
    if (a->when)
        *a->when = eddy_time();
    return r;
}

ORDERED_TEST(the_burst_goes_at_once_and_then_so_many_a_second)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(10, 3);
    double when[8], start = eddy_time();
    int err;
    CHECK(eddy_rate_limiter_tokens(&limiter) == 3);
    eddy_with_group (g, &err) {
        for (int i = 0; i < 8; i++)
            eddy_spawn(g, taker, .limiter = &limiter, .when = &when[i]);
    }
    for (int i = 0; i < 8; i++)
        CHECK(fabs(when[i] - start - (i < 3 ? 0 : (i - 2) * 0.1)) < 1e-8);
    CHECK(fabs(eddy_rate_limiter_tokens(&limiter)) < 1e-6);
    CHECK_INT(eddy_sleep(0.15), 0);
    CHECK(fabs(eddy_rate_limiter_tokens(&limiter) - 1.5) < 1e-6);
    CHECK_INT(eddy_sleep(100), 0);
    CHECK(eddy_rate_limiter_tokens(&limiter) == 3); /* no more than the burst */
    return err;
}

TEST(tokens_at_hand_cost_no_trip_through_the_loop)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(1, 2);
    eddy_task *other = eddy_create_task(nap, .name = "other");
    int err;
    eddy_with_timeout (0, &err) {
        EXPECT_INT(eddy_rate_limiter_acquire(&limiter, 2), 0); /* also in a cancelled scope */
        EXPECT_INT(eddy_rate_limiter_acquire(&limiter, 1), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_NOTES("");
    CHECK_INT(eddy_await(other), 0);
    return eddy_task_release(other);
}

TEST(it_does_not_drift)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(3, 1); /* a third of a second: no whole ns */
    double start = eddy_time();
    for (int i = 0; i <= 30000; i++)
        CHECK_INT(eddy_rate_limiter_acquire(&limiter, 1), 0);
    CHECK(fabs(eddy_time() - start - 10000) < 1e-6);
    return 0;
}

ORDERED_TEST(first_come_first_served_also_if_a_small_one_would_fit)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(1, 5);
    int err;
    CHECK_INT(eddy_rate_limiter_acquire(&limiter, 3), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, taker, .limiter = &limiter, .name = "large", .tokens = 4);
        eddy_spawn(g, taker, .limiter = &limiter, .name = "small", .tokens = 1);
        turns(1);
        EXPECT_INT(eddy_rate_limiter_acquire_nowait(&limiter, 1), -EAGAIN);
        EXPECT_INT(eddy_sleep(1.5), 0);
        EXPECT_NOTES("");
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_NOTES("large");
    }
    CHECK_NOTES("small");
    CHECK_TIME(3);
    return err;
}

ORDERED_TEST(a_cancelled_waiter_takes_nothing_and_lets_the_next_go)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(1, 5);
    int err;
    CHECK_INT(eddy_rate_limiter_acquire(&limiter, 3), 0);
    eddy_with_group (g, &err) {
        eddy_task *large = eddy_spawn(g, taker, .limiter = &limiter, .name = "large", .tokens = 5);
        eddy_spawn(g, taker, .limiter = &limiter, .name = "b", .tokens = 2);
        eddy_task *c = eddy_spawn(g, taker, .limiter = &limiter, .name = "c", .tokens = 2);
        eddy_spawn(g, taker, .limiter = &limiter, .name = "d", .tokens = 1);
        turns(1);
        EXPECT(eddy_task_cancel(c)); /* in the middle: nobody's turn changes */
        EXPECT(eddy_task_cancel(large));
        turns(1);
        EXPECT_NOTES("!c b !large");
    }
    CHECK_NOTES("d");
    CHECK_TIME(1);
    return err;
}

ORDERED_TEST(one_that_was_served_keeps_its_tokens_although_a_cancel_arrives)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(1, 1);
    int err;
    CHECK_INT(eddy_rate_limiter_acquire(&limiter, 1), 0);
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, taker, .limiter = &limiter, .name = "a");
        eddy_spawn(g, taker, .limiter = &limiter, .name = "b");
        turns(1);
        EXPECT_INT(eddy_blocking_sleep(1), 0);
        turns(1); /* the body is ready before the timer makes a so */
        EXPECT_NOTES("");
        EXPECT(eddy_task_cancel(a));
        turns(1);
        EXPECT_NOTES("a");
    }
    CHECK_NOTES("b");
    CHECK_TIME(2);
    return err;
}

TEST(the_try_form_takes_or_says_EAGAIN)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(2, 1);
    CHECK_INT(eddy_rate_limiter_acquire_nowait(&limiter, 1), 0);
    CHECK_INT(eddy_rate_limiter_acquire_nowait(&limiter, 0.5), -EAGAIN);
    CHECK_INT(eddy_sleep(0.25), 0);
    CHECK_INT(eddy_rate_limiter_acquire_nowait(&limiter, 0.5), 0);
    CHECK_INT(eddy_rate_limiter_acquire_nowait(&limiter, 0.1), -EAGAIN);
    return 0;
}

TEST(bad_input)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(1, 2);
    eddy_rate_limiter wrong[] = {EDDY_RATE_LIMITER_INIT(0, 1), EDDY_RATE_LIMITER_INIT(1, 0),
                                 EDDY_RATE_LIMITER_INIT(-1, 1), EDDY_RATE_LIMITER_INIT(NAN, 1),
                                 EDDY_RATE_LIMITER_INIT(INFINITY, 1)};
    const double tokens[] = {0, -1, 2.1, NAN, INFINITY};
    for (int i = 0; i < 5; i++) {
        CHECK_INT(eddy_rate_limiter_acquire(&wrong[i], 0.1), -EINVAL);
        CHECK_REPORT(EDDY_LOG_MISUSE, "a limiter of");
        CHECK_INT(eddy_rate_limiter_acquire(&limiter, tokens[i]), -EINVAL);
        CHECK_REPORT(EDDY_LOG_MISUSE, "tokens of a limiter of 2 at once");
        CHECK_INT(eddy_rate_limiter_acquire_nowait(&limiter, tokens[i]), -EINVAL);
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_rate_limiter_acquire_nowait");
    }
    CHECK_INT(eddy_rate_limiter_acquire(NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL limiter");
    CHECK(eddy_rate_limiter_tokens(NULL) == 0 && eddy_rate_limiter_tokens(&limiter) == 2);
    return 0;
}

static eddy_rate_limiter kept = EDDY_RATE_LIMITER_INIT(1, 1);

static int take_twice(void)
{
    EXPECT_INT(eddy_sleep(5), 0);
    int r = eddy_rate_limiter_acquire(&kept, 1);
    return r < 0 ? r : eddy_rate_limiter_acquire(&kept, 1);
}

PLAIN_TEST(a_limiter_may_be_used_in_one_run_after_the_other)
{
    EXPECT_INT(test_run(take_twice), 0);
    EXPECT_INT(test_run(take_twice), 0); /* whose clock begins anew */
}

ORDERED_TEST(a_storm_of_cancels_keeps_the_rate)
{
    enum { TASKS = 200 };
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(100, 1);
    eddy_task *tasks[TASKS];
    double when[TASKS], last = -1;
    int err, served = 0;
    unsigned random = 5;
    eddy_with_group (g, &err) {
        for (int i = 0; i < TASKS; i++) {
            when[i] = -1;
            tasks[i] = eddy_spawn(g, taker, .limiter = &limiter, .when = &when[i]);
        }
        turns(1);
        while (eddy_group_size(g)) {
            random = random * 1103515245 + 12345;
            (void)eddy_task_cancel(tasks[(random >> 16) % TASKS]);
            EXPECT_INT(eddy_sleep(0.004), 0);
        }
        for (int i = 0; i < TASKS; i++) {
            if (eddy_task_cancelled(tasks[i]))
                continue;
            EXPECT(last < 0 || when[i] - last > 0.01 - 1e-8);
            last = when[i];
            served++;
        }
        EXPECT(fabs(last - (served - 1) * 0.01) < 1e-6); /* and none was late */
    }
    CHECK(served > 20 && served < TASKS);
    return err;
}
