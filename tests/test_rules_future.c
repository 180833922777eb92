/* SPDX-License-Identifier: MIT */
/* Rules of futures that no other file holds. */
#include "support/test.h"

/* ---- 31: the list of callbacks may change while it is walked ---- */

static void noted(eddy_future *future, void *name)
{
    EXPECT(eddy_future_done(future));
    note("%s", (const char *)name);
}

static void removes_the_next_and_adds(eddy_future *future, void *unused)
{
    (void)unused;
    note("first");
    EXPECT_INT(eddy_future_remove_done_callback(future, noted, "second"), 0); /* queued already */
    EXPECT_INT(eddy_future_add_done_callback(future, noted, "added"), 0);
}

ORDERED_TEST(rule_031_a_callback_may_add_and_remove_callbacks)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_add_done_callback(future, removes_the_next_and_adds, NULL), 0);
    CHECK_INT(eddy_future_add_done_callback(future, noted, "second"), 0);
    CHECK_INT(eddy_future_add_done_callback(future, noted, "taken back"), 0);
    CHECK_INT(eddy_future_remove_done_callback(future, noted, "taken back"), 1);
    CHECK_INT(eddy_future_set_result(future, NULL), 0);
    CHECK_NOTES("");
    turns(2);
    CHECK_NOTES("first second added");
    eddy_future_release(future);
    return 0;
}

/* ---- 32 ---- */

static void fails(eddy_future *future, void *unused)
{
    (void)unused;
    EXPECT_INT(eddy_future_set_result(future, NULL), -EALREADY);
    EXPECT_INT(eddy_future_set_error(NULL, -EIO), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_future_set_error");
}

ORDERED_TEST(rule_032_a_callback_that_does_wrong_stops_no_other)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_add_done_callback(future, fails, NULL), 0);
    CHECK_INT(eddy_future_add_done_callback(future, noted, "other"), 0);
    CHECK_INT(eddy_future_set_result(future, NULL), 0);
    turns(1);
    CHECK_NOTES("other");
    CHECK_INT(eddy_future_result(future, NULL), 0);
    eddy_future_release(future);
    return 0;
}

/* ---- 34 ---- */

TEST(rule_034_result_and_await_of_a_cancelled_future_are_ECANCELED)
{
    int here = 0;
    void *value = &here;
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_result(future, &value), -EINPROGRESS);
    CHECK(eddy_future_cancel(future));
    CHECK_INT(eddy_future_result(future, &value), -ECANCELED);
    CHECK_INT(eddy_future_await(future, &value), -ECANCELED);
    CHECK(value == &here);    /* untouched */
    CHECK(!eddy_cancelled()); /* the future was cancelled, the task wasn't */
    CHECK_INT(eddy_sleep(1), 0);
    eddy_future_release(future);
    return 0;
}

/* ---- 36 ---- */

TEST(rule_036_the_report_of_a_lost_error_names_the_place_of_creation)
{
    char place[64];
    eddy_future *future = eddy_future_new();
    (void)snprintf(place, sizeof place, "made at test_rules_future.c:%d", __LINE__ - 1);
    CHECK_INT(eddy_future_set_error(future, -EIO), 0);
    eddy_future_release(future);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, place);
    return 0;
}
