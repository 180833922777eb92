/* SPDX-License-Identifier: MIT */
/* wait_for: an expression inside a timeout. The rest of rules 120 to 124 is in test_scope. */
#include "support/test.h"

static int calls;

static int call_that_counts(void)
{
    calls++;
    return eddy_sleep(0) < 0 ? -ECANCELED : 7;
}

TEST(rule_120_the_task_is_cancelled_and_waited_for)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 9, .name = "a", .cleanup = 2);
    CHECK_INT(eddy_wait_for(eddy_await(task), 1), -ETIMEDOUT);
    CHECK_TIME(3);
    CHECK_NOTES("!a");
    CHECK(eddy_task_cancelled(task));
    return eddy_task_release(task);
}

TEST(rule_121_no_time_at_all)
{
    calls = 0;
    eddy_task *task = eddy_create_task(nap, .result = 3);
    CHECK_INT(eddy_await(task), 3);
    CHECK_INT(eddy_wait_for(eddy_await(task), 0), 3);
    CHECK_INT(eddy_wait_for(eddy_await(task), -1), 3);
    CHECK_INT(eddy_wait_for(call_that_counts(), 0), -ETIMEDOUT); /* to its first wait, no further */
    CHECK_INT(calls, 1);
    CHECK_INT(eddy_wait_for(call_that_counts(), 1), 7);
    return eddy_task_release(task);
}

TEST(rule_125_a_shielded_task_goes_on)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 3, .name = "a", .result = 5);
    CHECK_INT(eddy_wait_for(eddy_shield(task), 1), -ETIMEDOUT);
    CHECK_TIME(1);
    CHECK_INT(eddy_wait_for(eddy_shield(task), 0), -ETIMEDOUT);
    CHECK_NOTES("");
    CHECK_INT(eddy_wait_for(eddy_shield(task), 9), 5);
    CHECK_NOTES("a");
    CHECK_TIME(3);
    CHECK_INT(eddy_wait_for(eddy_shield(task), 0), 5);
    return eddy_task_release(task);
}

TEST(of_two_within_each_other_the_shorter_counts)
{
    CHECK_INT(eddy_wait_for(eddy_wait_for(eddy_sleep(9), 3), 1), -ETIMEDOUT);
    CHECK_TIME(1);
    CHECK_INT(eddy_wait_for(eddy_wait_for(eddy_sleep(9), 1), 3), -ETIMEDOUT);
    CHECK_TIME(2);
    return 0;
}
