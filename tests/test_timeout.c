/* SPDX-License-Identifier: MIT */
/* Timeouts with a name: asked and moved. What every timeout does is in test_scope. */
#include "support/test.h"

TEST(rule_107_without_a_deadline_when_is_forever)
{
    int err;
    eddy_with_timeout_as (timeout, EDDY_FOREVER, &err) {
        CHECK(eddy_timeout_when(timeout) == EDDY_FOREVER && !eddy_timeout_expired(timeout));
        CHECK_INT(eddy_sleep(1000), 0);
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_sleep(1), 0);
    eddy_with_timeout_as (timeout, 2.5, &err)
        CHECK(fabs(eddy_timeout_when(timeout) - 1003.5) < 1e-6);
    CHECK_INT(err, 0);
    return 0;
}

TEST(rule_106_expired_says_whose_time_is_over)
{
    int err, inner_err, r;
    eddy_with_timeout_as (outer, 2, &err) {
        eddy_with_timeout_as (inner, 5, &inner_err) {
            r = eddy_sleep(9);
            CHECK(r == -ECANCELED && eddy_timeout_expired(outer) && !eddy_timeout_expired(inner));
        }
        CHECK_INT(inner_err, -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    return 0;
}

TEST(rule_108_in_the_past_it_has_expired_before_the_first_wait)
{
    int err;
    eddy_with_timeout_as (timeout, -1, &err) {
        CHECK(eddy_timeout_expired(timeout) && eddy_timeout_when(timeout) == -1);
        CHECK_INT(eddy_sleep(0), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    return 0;
}

TEST(rule_110_both_are_expired_with_the_same_deadline)
{
    int err, inner_err = 1;
    eddy_with_timeout_as (outer, 1, &err)
        eddy_with_timeout_as (inner, 1, &inner_err) {
            CHECK_INT(eddy_sleep(2), -ECANCELED);
            CHECK_INT(eddy_sleep(0), -ECANCELED);
            CHECK(eddy_timeout_expired(outer) && eddy_timeout_expired(inner));
        }
    CHECK(err == -ETIMEDOUT && inner_err == -ECANCELED);
    return 0;
}

TEST(rule_116_a_timeout_error_of_the_body_leaves_it_unexpired)
{
    int err;
    eddy_with_timeout_as (timeout, 1, &err) {
        err = eddy_fail(-ETIMEDOUT, "mine");
        CHECK(!eddy_timeout_expired(timeout));
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "mine");
    return 0;
}

TEST(rule_117_reschedule_moves_the_end)
{
    int err;
    eddy_with_timeout_as (timeout, 1, &err) {
        CHECK_INT(eddy_timeout_reschedule(timeout, 3), 0);
        CHECK(eddy_timeout_when(timeout) == 3);
        CHECK_INT(eddy_sleep(2), 0);
        CHECK_INT(eddy_sleep(2), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(3);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "timed out after 3 s");

    eddy_with_timeout_as (timeout, EDDY_FOREVER, &err) { /* from none, and to an earlier one */
        CHECK_INT(eddy_timeout_reschedule(timeout, 9), 0);
        CHECK_INT(eddy_timeout_reschedule(timeout, 5), 0);
        CHECK_INT(eddy_sleep(9), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(5);

    eddy_with_timeout_as (timeout, 1, &err) { /* and away */
        CHECK_INT(eddy_timeout_reschedule(timeout, EDDY_FOREVER), 0);
        CHECK(eddy_timeout_when(timeout) == EDDY_FOREVER);
        CHECK_INT(eddy_sleep(5), 0);
    }
    CHECK_INT(err, 0);

    eddy_with_timeout_as (timeout, 1, &err) { /* into the past: now */
        CHECK_INT(eddy_timeout_reschedule(timeout, 2), 0);
        CHECK(eddy_timeout_expired(timeout));
        CHECK_INT(eddy_sleep(0), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(10);
    return 0;
}

TEST(rule_117_an_expired_one_can_not_be_moved)
{
    int err;
    eddy_with_timeout_as (timeout, 1, &err) {
        CHECK_INT(eddy_sleep(2), -ECANCELED);
        CHECK_INT(eddy_timeout_reschedule(timeout, 9), -EALREADY);
        CHECK_INT(eddy_timeout_reschedule(timeout, EDDY_FOREVER), -EALREADY);
        CHECK_INT(eddy_sleep(2), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(1);
    return 0;
}

TEST(rule_117_nor_can_one_whose_block_is_not_run)
{
    static eddy_timeout memory; /* what the macro would have */
    CHECK_INT(eddy_timeout_reschedule(&memory, 1), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "block");
    CHECK(eddy_timeout_when(&memory) == EDDY_FOREVER && !eddy_timeout_expired(&memory));
    eddy_scope_enter_(&memory, EDDY_SCOPE_TIMEOUT_, 1, NULL, EDDY_SITE_("timeout"));
    CHECK(eddy_timeout_when(&memory) == 1);
    eddy_scope_leave_(&memory, false);
    CHECK_INT(eddy_timeout_reschedule(&memory, 1), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "block");
    CHECK_INT(eddy_timeout_reschedule(NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK(eddy_timeout_when(NULL) == EDDY_FOREVER && !eddy_timeout_expired(NULL));
    CHECK_INT(eddy_sleep(3), 0); /* no timer was left behind */
    return 0;
}

TEST(NaN_moves_nothing)
{
    int err;
    eddy_with_timeout_as (timeout, 1, &err) {
        CHECK_INT(eddy_timeout_reschedule(timeout, NAN), -EINVAL);
        CHECK_REPORT(EDDY_LOG_MISUSE, "number");
        CHECK_INT(eddy_sleep(2), -ECANCELED);
    }
    CHECK_TIME(1);
    CHECK_INT(err, -ETIMEDOUT);
    return 0;
}

struct shorten {
    eddy_timeout *timeout;
};

static int shorten(struct shorten *a)
{
    return eddy_timeout_reschedule(a->timeout, eddy_time());
}

TEST(another_task_may_move_it_and_wakes_who_waits)
{
    int err;
    eddy_with_timeout_as (timeout, 10, &err) {
        CHECK_INT(eddy_detach(eddy_create_task(shorten, .timeout = timeout)), 0);
        CHECK_INT(eddy_sleep(9), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(0);
    return 0;
}

TEST(rule_119_a_moved_one_that_is_left_early_leaves_no_timer)
{
    int err;
    eddy_with_timeout_as (timeout, 5, &err)
        CHECK_INT(eddy_timeout_reschedule(timeout, 1), 0);
    CHECK_INT(err, 0);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK(!eddy_cancelled());
    return 0;
}

PLAIN_TEST(rule_118_outside_a_task_it_can_not_be_moved)
{
    int err, ran = 0;
    test_stderr_begin();
    eddy_with_timeout_as (timeout, 1, &err) {
        ran++;
        EXPECT_INT(eddy_timeout_reschedule(timeout, 2), -ESRCH);
        EXPECT(!eddy_timeout_expired(timeout));
    }
    EXPECT_CONTAINS(test_stderr_end(), "outside a task");
    EXPECT_INT(err, -EINVAL);
    EXPECT_INT(ran, 1);
}
