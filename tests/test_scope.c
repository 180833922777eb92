/* SPDX-License-Identifier: MIT */
/* Scopes: timeouts, ways out of a block, wait_for. */
#include "support/test.h"

/* ---- timeouts ---- */

TEST(rule_106_a_timeout_that_fired_ends_with_ETIMEDOUT)
{
    int err = 99, r = 0;
    eddy_with_timeout (2, &err) {
        EXPECT_INT(err, 0); /* at entry */
        r = eddy_sleep(10);
    }
    CHECK_INT(r, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(2);
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -ETIMEDOUT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "2 s");
    CHECK_CONTAINS(eddy_failure_file(eddy_last_failure()), "test_scope.c");
    CHECK(!eddy_cancelled());
    return eddy_sleep(1); /* absorbed: the task goes on */
}

TEST(rule_106_timeout_at_takes_a_time)
{
    int err;
    CHECK_INT(eddy_sleep(3), 0);
    eddy_with_timeout_at (4.5, &err) {
        EXPECT_INT(eddy_sleep(10), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(4.5);
    eddy_with_timeout_at (4.0, &err) { /* has passed */
        EXPECT_INT(eddy_sleep(10), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(4.5);
    return 0;
}

TEST(rule_107_forever_never_fires)
{
    int err;
    eddy_with_timeout (EDDY_FOREVER, &err) {
        CHECK_INT(eddy_sleep(1e9), 0);
    }
    CHECK_INT(err, 0);
    eddy_with_timeout (1, NULL) { /* no error variable is fine */
        CHECK_INT(eddy_sleep(2), -ECANCELED);
    }
    return eddy_sleep(1);
}

TEST(rule_108_zero_or_past_fires_at_the_first_wait)
{
    const double seconds[] = {0, -1, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        int err;
        eddy_with_timeout (seconds[i], &err) {
            EXPECT_INT(eddy_sleep(0), -ECANCELED);
        }
        CHECK_INT(err, -ETIMEDOUT);
    }
    CHECK_TIME(0);
    return 0;
}

TEST(rule_109_a_block_that_never_suspends_is_not_interrupted)
{
    int err;
    eddy_lock lock = EDDY_LOCK_INIT;
    eddy_with_timeout (0, &err) {
        EXPECT(eddy_cancelled());
        EXPECT_INT(eddy_lock_acquire(&lock), 0); /* needn't suspend */
    }
    CHECK_INT(err, 0);
    return eddy_lock_release(&lock);
}

TEST(rule_110_nested_with_the_same_deadline_only_the_outermost_times_out)
{
    int outer, inner;
    eddy_with_timeout (1, &outer) {
        eddy_with_timeout (1, &inner) {
            EXPECT_INT(eddy_sleep(5), -ECANCELED);
        }
        EXPECT_INT(inner, -ECANCELED);
    }
    CHECK_INT(outer, -ETIMEDOUT);
    CHECK_TIME(1);
    return 0;
}

TEST(rule_111_inner_first_and_the_outer_still_guards)
{
    int outer, inner;
    eddy_with_timeout (3, &outer) {
        eddy_with_timeout (1, &inner) {
            EXPECT_INT(eddy_sleep(5), -ECANCELED);
        }
        EXPECT_INT(inner, -ETIMEDOUT);
        EXPECT(!eddy_cancelled());
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_TIME(2);
        EXPECT_INT(eddy_sleep(5), -ECANCELED);
    }
    CHECK_INT(outer, -ETIMEDOUT);
    CHECK_TIME(3);
    return 0;
}

struct timed {
    double limit, sleep;
    int *err;
};
static int timed(struct timed *a)
{
    int r = 0;
    eddy_with_timeout (a->limit, a->err)
        r = eddy_sleep(a->sleep);
    return *a->err < 0 ? *a->err : r;
}

TEST(rule_112_a_foreign_cancel_is_no_timeout)
{
    int err = 0;
    eddy_task *task = eddy_create_task(timed, .limit = 10, .sleep = 20, .err = &err);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK(eddy_task_cancelled(task));
    CHECK_INT(err, -ECANCELED);
    return eddy_task_release(task);
}

static void cancel_callback(void *task)
{
    EXPECT(eddy_task_cancel(task));
}

ORDERED_TEST(rule_113_cancel_and_expiry_in_one_tick_the_cancel_wins)
{
    int err = 0;
    eddy_task *task = eddy_create_task(timed, .limit = 1, .sleep = 20, .err = &err);
    CHECK(eddy_call_later(1, cancel_callback, task)); /* set first, so it runs before the task */
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK(eddy_task_cancelled(task));
    CHECK_INT(err, -ECANCELED);
    CHECK_TIME(1);
    return eddy_task_release(task);
}

TEST(rule_115_another_error_because_of_the_interruption_passes)
{
    int err = 0;
    eddy_with_timeout (1, &err) {
        if (eddy_sleep(5) < 0)
            err = eddy_fail(-EIO, "broke off");
    }
    CHECK_INT(err, -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "broke off");
    return 0;
}

TEST(rule_116_a_timeout_error_of_the_body_itself_passes)
{
    int err = 0;
    eddy_with_timeout (10, &err) {
        err = eddy_wait_for(eddy_sleep(5), 1);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(1);
    return 0;
}

TEST(rule_119_leaving_early_removes_the_timer)
{
    int err;
    for (int i = 0; i < 1000; i++) /* the timers lie on this stack: a left one would be seen */
        eddy_with_timeout (1, &err) {
            CHECK_INT(eddy_sleep(0), 0);
        }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_sleep(5), 0);
    CHECK(!eddy_cancelled());
    return 0;
}

TEST(one_variable_serves_body_and_block)
{
    int r;
    eddy_with_timeout (1, &r) {
        r = eddy_sleep(0.5);
    }
    CHECK_INT(r, 0);
    eddy_with_timeout (1, &r) {
        r = 7;
    }
    CHECK_INT(r, 7);
    eddy_with_timeout (1, &r) {
        r = eddy_sleep(2);
    }
    CHECK_INT(r, -ETIMEDOUT);
    eddy_with_timeout (1, &r) {
        (void)!eddy_sleep(2);
        r = 7; /* a value in spite of the timeout: the body's word counts */
    }
    CHECK_INT(r, 7);
    return 0;
}

TEST(NaN_runs_the_body_without_a_limit)
{
    int err;
    eddy_with_timeout (NAN, &err) {
        CHECK_INT(eddy_sleep(1), 0);
        note("ran");
    }
    CHECK_INT(err, -EINVAL);
    CHECK_NOTES("ran");
    CHECK_REPORT(EDDY_LOG_MISUSE, "timeout");
    return 0;
}

static void block_in_callback(void *unused)
{
    (void)unused;
    int err = 0;
    eddy_with_timeout (1, &err) {
        note("ran");
    }
    EXPECT_INT(err, -EINVAL);
}

ORDERED_TEST(outside_a_task_a_block_says_so_and_its_body_runs)
{
    CHECK(eddy_call_soon(block_in_callback, NULL));
    turns(1);
    CHECK_NOTES("ran");
    CHECK_REPORT(EDDY_LOG_MISUSE, "outside a task");
    return 0;
}

/* ---- ways out of a block ---- */

static int leaves_by_return(void)
{
    eddy_with_timeout (1, NULL) {
        int r = eddy_sleep(5);
        if (r < 0)
            return r; /* -ECANCELED, though nobody cancels the task */
    }
    return 0;
}

TEST(leaving_an_expired_timeout_by_return_becomes_ETIMEDOUT_and_is_reported)
{
    eddy_task *task = eddy_create_task(leaves_by_return);
    CHECK_INT(eddy_await(task), -ETIMEDOUT);
    CHECK(!eddy_task_cancelled(task));
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -ETIMEDOUT);
    CHECK_REPORT(EDDY_LOG_NOTE, "left by return");
    return eddy_task_release(task);
}

static int returns_value(int depth)
{
    int err;
    eddy_with_timeout (1, &err) {
        eddy_with_shield (5) {
            eddy_with_timeout (2, &err) {
                if (depth == 3)
                    return 3;
                goto out;
            }
        }
    }
    return -1;
out:
    return 4;
}

TEST(return_and_goto_out_of_blocks_leave_them_properly)
{
    CHECK_INT(returns_value(3), 3);
    CHECK_INT(returns_value(2), 4);
    CHECK(!eddy_cancelled());
    CHECK_INT(eddy_sleep(10), 0);
    return 0;
}

TEST(break_and_continue_end_the_block_only)
{
    int err, rounds = 0;
    for (int i = 0; i < 3; i++) {
        eddy_with_timeout (1, &err) {
            if (i == 0)
                break;
            if (i == 1)
                continue;
            note("last");
        }
        CHECK_INT(err, 0);
        rounds++;
    }
    CHECK_INT(rounds, 3);
    CHECK_NOTES("last");
    eddy_with_timeout (1, &err) {
        (void)!eddy_sleep(2);
        break;
    }
    CHECK_INT(err, -ETIMEDOUT); /* also after a break */
    return eddy_sleep(1);
}

/* ---- wait_for ---- */

struct answers {
    int value, error;
};
static int answers(struct answers *a)
{
    if (eddy_sleep(10) < 0)
        return a->error ? eddy_fail(a->error, "while cancelled") : a->value;
    return 0;
}

TEST(rule_120_wait_for_cancels_the_task_and_waits_for_it)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 10, .name = "inner", .cleanup = 3);
    CHECK_INT(eddy_wait_for(eddy_await(task), 2), -ETIMEDOUT);
    CHECK_TIME(5);
    CHECK(eddy_task_cancelled(task));
    CHECK_NOTES("!inner");
    CHECK_INT(eddy_wait_for(eddy_sleep(1), 2), 0);
    CHECK_INT(eddy_wait_for(5, 2), 5);
    return eddy_task_release(task);
}

static EDDY_ASYNC int64_t much(int64_t result)
{
    return eddy_sleep(1) < 0 ? -ECANCELED : result;
}

TEST(rule_120_wait_for_gives_what_does_not_fit_an_int)
{
    int64_t more = INT64_C(5) << 32;
    CHECK(eddy_wait_for(much(more), 2) == more);
    CHECK(eddy_wait_for(eddy_wait_for(much(more), 2), 3) == more);
    CHECK(eddy_wait_for(much(more), 0.5) == -ETIMEDOUT);
    CHECK(eddy_wait_for(much(-EIO), 2) == -EIO);
    CHECK(eddy_wait_for(much(0), 2) == 0);
    return 0;
}

ORDERED_TEST(rule_121_zero_timeout_a_done_task_gives_its_result_another_is_not_started)
{
    eddy_task *done = eddy_create_task(nap, .result = 4);
    turns(2);
    eddy_task *fresh = eddy_create_task(nap, .name = "fresh");
    CHECK_INT(eddy_wait_for(eddy_await(done), 0), 4);
    CHECK_INT(eddy_wait_for(eddy_await(done), -1), 4);
    CHECK_INT(eddy_wait_for(eddy_await(fresh), 0), -ETIMEDOUT);
    CHECK_NOTES("");
    CHECK_TIME(0);
    return eddy_task_release(done) + eddy_task_release(fresh);
}

TEST(rule_122_a_value_or_another_error_in_answer_to_the_cancel_is_the_result)
{
    eddy_task *value = eddy_create_task(answers, .value = 5);
    eddy_task *error = eddy_create_task(answers, .error = -EIO);
    CHECK_INT(eddy_wait_for(eddy_await(value), 1), 5);
    CHECK_INT(eddy_wait_for(eddy_await(error), 1), -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "while cancelled");
    return eddy_task_release(value) + eddy_task_release(error);
}

struct wait_for_task {
    eddy_task *task;
    double seconds;
};
static int wait_for_task(struct wait_for_task *a)
{
    return eddy_wait_for(eddy_await(a->task), a->seconds);
}

TEST(rule_123_cancelling_the_waiter_cancels_the_inner_task)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 10);
    eddy_task *outer = eddy_create_task(wait_for_task, .task = inner, .seconds = 5);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(outer));
    CHECK_INT(eddy_await(outer), -ECANCELED);
    CHECK(eddy_task_cancelled(outer) && eddy_task_cancelled(inner));
    return eddy_task_release(inner) + eddy_task_release(outer);
}

ORDERED_TEST(rule_124_inner_done_and_waiter_cancelled_in_one_tick_the_value_wins)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 1, .result = 9);
    eddy_task *outer = eddy_create_task(wait_for_task, .task = inner, .seconds = 5);
    eddy_task *cancel_it = eddy_create_task(cancel_later, .task = outer, .seconds = 1);
    CHECK_INT(eddy_await(outer), 9);
    CHECK_INT(eddy_await(inner), 9);
    return eddy_task_release(inner) + eddy_task_release(outer) +
           (eddy_await(cancel_it) + eddy_task_release(cancel_it));
}

TEST(rule_125_a_wait_that_only_waits_leaves_the_task_running)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 3, .result = 2);
    CHECK_INT(eddy_wait_for(eddy_task_wait(task), 1), -ETIMEDOUT);
    CHECK_INT(eddy_wait_for(eddy_task_wait(task), 0), -ETIMEDOUT);
    CHECK(!eddy_task_done(task));
    CHECK_INT(eddy_await(task), 2);
    CHECK_TIME(3);
    return eddy_task_release(task);
}
