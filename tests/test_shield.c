/* SPDX-License-Identifier: MIT */
/* Shields, cancellation that stays until its scope is left, patience with those who ignore it. */
#include "support/test.h"

struct shielded {
    double shield, sleep;
};
static int shielded(struct shielded *a)
{
    int r = 0;
    eddy_with_shield (a->shield) {
        EXPECT(!eddy_cancelled());
        r = eddy_sleep(a->sleep);
        note("%s@%g", r < 0 ? "cut" : "slept", eddy_time());
    }
    note("%s", eddy_cancelled() ? "cancelled" : "free");
    return r < 0 ? r : eddy_sleep(1);
}

TEST(a_shield_keeps_a_cancel_out_until_it_ends)
{
    eddy_task *task = eddy_create_task(shielded, .shield = 10, .sleep = 5);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_NOTES("slept@5 cancelled");
    CHECK_TIME(5);
    return eddy_task_release(task);
}

TEST(a_shield_lets_the_cancel_in_when_its_time_is_over)
{
    eddy_task *task = eddy_create_task(shielded, .shield = 3, .sleep = 5);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_NOTES("cut@3 cancelled");
    return eddy_task_release(task);
}

TEST(a_cancel_after_the_shields_time_comes_in_at_once)
{
    eddy_task *task = eddy_create_task(shielded, .shield = 3, .sleep = 9);
    CHECK_INT(eddy_sleep(4), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_NOTES("cut@4 cancelled");
    return eddy_task_release(task);
}

TEST(a_shield_whose_time_is_over_cancels_nothing_by_itself)
{
    eddy_task *task = eddy_create_task(shielded, .shield = 3, .sleep = 5);
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("slept@5 free");
    return eddy_task_release(task);
}

TEST(rule_114_inside_a_shield_a_new_timeout_works_after_cancellation)
{
    int outer, inner;
    eddy_with_timeout (1, &outer) {
        EXPECT_INT(eddy_sleep(5), -ECANCELED);
        eddy_with_shield (10) {
            EXPECT_INT(eddy_sleep(2), 0);
            eddy_with_timeout (2, &inner) {
                EXPECT_INT(eddy_sleep(5), -ECANCELED);
            }
            EXPECT_INT(inner, -ETIMEDOUT);
            EXPECT_INT(eddy_sleep(1), 0);
        }
        EXPECT_INT(eddy_sleep(0), -ECANCELED);
    }
    CHECK_INT(outer, -ETIMEDOUT);
    CHECK_TIME(6);
    return 0;
}

TEST(what_happens_in_a_shield_is_no_interruption_outside)
{
    int outer, inner;
    eddy_with_timeout (1, &outer) {
        eddy_with_shield (10) {
            EXPECT_INT(eddy_sleep(2), 0);
            eddy_with_timeout (1, &inner) {
                EXPECT_INT(eddy_sleep(5), -ECANCELED);
            }
            EXPECT_INT(inner, -ETIMEDOUT);
        }
    }
    CHECK_INT(outer, 0); /* it fired, and interrupted nothing */
    return 0;
}

/* ---- cancellation that stays; patience with those who ignore it ---- */

TEST(an_expired_timeout_refuses_until_it_is_left)
{
    int err;
    eddy_with_timeout (1, &err) {
        EXPECT_INT(eddy_sleep(5), -ECANCELED);
        EXPECT_INT(eddy_sleep(0), -ECANCELED);
        EXPECT_INT(eddy_sleep(5), -ECANCELED);
        EXPECT(eddy_cancelled());
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK(!eddy_cancelled());
    return 0;
}

struct counter {
    int *turns;
    bool *stop;
};
static int counter(struct counter *a)
{
    int r = 0;
    for (; r == 0 && !*a->stop; ++*a->turns)
        r = eddy_sleep(0);
    return r;
}

ORDERED_TEST(after_a_hundred_refusals_each_further_one_yields)
{
    int others = 0, err;
    bool stop = false;
    eddy_task *other = eddy_create_task(counter, .turns = &others, .stop = &stop);
    turns(1);
    others = 0;
    eddy_with_timeout (0, &err) {
        for (int i = 0; i < 100; i++)
            EXPECT_INT(eddy_sleep(1), -ECANCELED);
        EXPECT_INT(others, 0);
        EXPECT_NO_REPORT();
        for (int i = 0; i < 50; i++)
            EXPECT_INT(eddy_sleep(1), -ECANCELED);
        EXPECT_INT(others, 50);
    }
    CHECK_INT(err, -ETIMEDOUT);
    struct test_record *report = EXPECT_REPORT(EDDY_LOG_CANCEL_IGNORED, ", spawned at");
    CHECK(report);
    CHECK_TEXT(report->task, "Task-1");
    CHECK_INT(test_count_records(EDDY_LOG_CANCEL_IGNORED), 1); /* once */
    stop = true;
    CHECK_INT(eddy_await(other), 0);
    return eddy_task_release(other);
}

TEST(a_task_that_ignores_its_cancellation_is_reported_once)
{
    int err;
    for (int round = 0; round < 3; round++) {
        eddy_with_timeout (0, &err) {
            for (int i = 0; i < 150; i++)
                EXPECT_INT(eddy_sleep(1), -ECANCELED);
        }
        CHECK_INT(eddy_sleep(1), 0);
    }
    CHECK_REPORT(EDDY_LOG_CANCEL_IGNORED, "goes on");
    CHECK_NO_REPORT();
    return 0;
}

/* ---- shielding a task that is awaited ---- */

struct shields {
    eddy_task *task;
};

static int shields(struct shields *a)
{
    int r = eddy_shield(a->task);
    note("%d%s", r, eddy_cancelled() ? "!" : "");
    return r;
}

TEST(rule_126_a_shield_passes_result_and_error_through)
{
    eddy_task *good = eddy_create_task(nap, .seconds = 1, .result = 5);
    eddy_task *bad = eddy_create_task(nap, .seconds = 2, .name = "bad", .result = -EIO);
    CHECK_INT(eddy_shield(good), 5);
    CHECK_INT(eddy_shield(bad), -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "bad failed");
    CHECK_TIME(2);
    CHECK_NOTES("bad");
    CHECK_INT(eddy_task_release(good), 0);
    return eddy_task_release(bad); /* its failure was seen */
}

TEST(rule_127_a_cancelled_waiter_leaves_the_inner_task_running)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 3, .name = "inner", .result = 5);
    eddy_task *outer = eddy_create_task(shields, .task = inner);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(outer));
    CHECK_INT(eddy_await(outer), -ECANCELED);
    CHECK_TIME(1);
    CHECK(eddy_task_cancelled(outer) && !eddy_task_done(inner));
    CHECK_INT(eddy_await(inner), 5);
    CHECK_NOTES("-125! inner");
    CHECK_INT(eddy_task_release(inner), 0);
    return eddy_task_release(outer);
}

TEST(rule_127_cancelling_the_inner_task_ends_the_shield)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 3, .name = "inner");
    eddy_task *outer = eddy_create_task(shields, .task = inner);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(inner));
    CHECK_INT(eddy_await(outer), -ECANCELED);
    CHECK_NOTES("!inner -125"); /* it wasn't the outer one that was cancelled */
    CHECK_INT(eddy_task_release(inner), 0);
    return eddy_task_release(outer);
}

TEST(rule_128_a_shield_of_a_done_task_returns_it)
{
    eddy_task *task = eddy_create_task(nap, .result = 5);
    CHECK_INT(eddy_await(task), 5);
    CHECK_INT(eddy_shield(task), 5);
    int err, r = 0;
    eddy_with_timeout (0, &err)
        r = eddy_shield(task); /* not refused: there is nothing to wait for */
    CHECK(err == 0 && r == 5);
    return eddy_task_release(task);
}

TEST(rule_129_an_error_after_the_outer_was_cancelled_is_reported_once)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 3, .name = "inner", .result = -EIO);
    eddy_task *outers[] = {eddy_create_task(shields, .task = inner),
                           eddy_create_task(shields, .task = inner)};
    CHECK_INT(eddy_sleep(1), 0);
    for (int i = 0; i < 2; i++) {
        CHECK(eddy_task_cancel(outers[i]));
        CHECK_INT(eddy_await(outers[i]), -ECANCELED);
        CHECK_INT(eddy_task_release(outers[i]), 0);
    }
    CHECK_INT(eddy_task_release(inner), 0);
    CHECK_INT(eddy_sleep(3), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "failed and nobody waited");
    CHECK_NO_REPORT();
    CHECK_NOTES("-125! -125! inner");
    return 0;
}

TEST(rule_129_a_result_after_the_outer_was_cancelled_is_not_reported)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 3, .name = "inner", .result = 4);
    CHECK_INT(eddy_wait_for(eddy_shield(inner), 1), -ETIMEDOUT);
    CHECK_INT(eddy_task_release(inner), 0);
    CHECK_INT(eddy_sleep(3), 0);
    CHECK_NOTES("inner");
    return 0;
}

ORDERED_TEST(an_inner_task_done_before_the_cancel_gives_its_result)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 1, .result = 5);
    eddy_task *outer = eddy_create_task(shields, .task = inner);
    CHECK_INT(eddy_await(inner), 5); /* outer is queued behind */
    CHECK(eddy_task_cancel(outer));
    CHECK_INT(eddy_await(outer), 5);
    CHECK_NOTES("5!");
    CHECK_INT(eddy_task_release(inner), 0);
    return eddy_task_release(outer);
}

ORDERED_TEST(a_shield_of_NULL_itself_or_a_stale_task)
{
    CHECK_INT(eddy_shield(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_shield");
    CHECK_INT(eddy_shield(eddy_current_task()), -EDEADLK);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_shield");
    eddy_task *task = eddy_create_task(nap, .seconds = 0);
    CHECK_INT(eddy_detach(task), 0);
    turns(2);
    CHECK_INT(eddy_shield(task), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_shield");
    return 0;
}
