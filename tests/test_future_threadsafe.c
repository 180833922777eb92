/* SPDX-License-Identifier: MIT */
/* Futures that another thread finishes. */
#define TEST_DEFAULTS .real_system = true
#include "other_thread.h"

static void sets_result(struct other *other)
{
    EXPECT_INT(eddy_future_set_result_threadsafe(other->future, "value"), 0);
}

TEST_WITH(rule_037_a_future_is_finished_by_another_thread, REAL)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(meanwhile(sets_result, eddy_future_share(future)), 0);
    void *value = NULL;
    CHECK_INT(eddy_future_await(future, &value), 0);
    CHECK_TEXT(value, "value");
    eddy_future_release(future);
    return 0;
}

static void sets_error(struct other *other)
{
    EXPECT_INT(eddy_future_set_error_threadsafe(other->future, -EIO), 0);
}

static void cancels(struct other *other)
{
    EXPECT_INT(eddy_future_cancel_threadsafe(other->future), 0);
}

TEST_WITH(rule_037_or_fails_or_is_cancelled, REAL)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(meanwhile(sets_error, eddy_future_share(future)), 0);
    CHECK_INT(eddy_future_result(future, NULL), -EIO);
    eddy_future_release(future);
    future = eddy_future_new();
    CHECK_INT(meanwhile(cancels, eddy_future_share(future)), 0);
    CHECK(eddy_future_cancelled(future));
    CHECK_INT(eddy_future_await(future, NULL), -ECANCELED);
    eddy_future_release(future);
    return 0;
}

static void sees_the_cancel(struct other *other)
{
    EXPECT(eddy_future_cancelled(other->future));
    EXPECT_INT(eddy_future_set_result_threadsafe(other->future, "late"), -EALREADY);
    eddy_failure_clear();
}

TEST_WITH(rule_037_a_cancel_on_the_loops_side_is_seen_by_the_thread, REAL)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_wait_for(eddy_future_await(future, NULL), 0.01), -ETIMEDOUT);
    CHECK_INT(meanwhile(sees_the_cancel, eddy_future_share(future)), 0);
    eddy_future_release(future);
    return 0;
}

static void is_second(struct other *other)
{
    EXPECT_INT(eddy_future_set_result_threadsafe(other->future, "first"), 0);
    EXPECT_INT(eddy_future_set_error_threadsafe(other->future, -EIO), -EALREADY);
    eddy_failure_clear();
}

TEST_WITH(of_two_outcomes_the_first_counts, REAL)
{
    eddy_future *future = eddy_future_new();
    CHECK(eddy_future_share(future) == future); /* one reference for each of the two */
    CHECK_INT(meanwhile(is_second, eddy_future_share(future)), 0);
    void *value = NULL;
    CHECK_INT(eddy_future_result(future, &value), 0);
    CHECK_TEXT(value, "first");
    eddy_future_release(future);
    return 0;
}

static eddy_future *outliving;

static int shares_and_leaves(void)
{
    eddy_future *future = eddy_future_new();
    outliving = eddy_future_share(future);
    CHECK(outliving == future);
    eddy_future_release(future);
    return 0;
}

PLAIN_TEST(a_future_outlives_its_loop)
{
    EXPECT_INT(test_run(shares_and_leaves), 0);
    EXPECT(!eddy_future_done(outliving));
    EXPECT_INT(eddy_future_set_result_threadsafe(outliving, "late"), -ESHUTDOWN);
    eddy_failure_clear();
    EXPECT_INT(test_run(shares_and_leaves), 0);
    eddy_future_release(outliving);
}

TEST(bad_input_of_shared_futures)
{
    eddy_future *future = eddy_future_new();
    CHECK(!eddy_future_share(NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK_INT(eddy_future_set_result_threadsafe(NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK_INT(eddy_future_set_result_threadsafe(eddy_future_keep(future), NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "never shared");
    CHECK_INT(eddy_future_set_error_threadsafe(eddy_future_share(future), 5), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "negative");
    CHECK_INT(eddy_future_set_result_threadsafe(eddy_future_share(future), "x"),
              0); /* own thread */
    CHECK(!eddy_future_done(future));
    turns(2);
    CHECK(eddy_future_done(future));
    eddy_future_release(future);
    return 0;
}
