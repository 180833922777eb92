/* SPDX-License-Identifier: MIT */
/* Retry: how often, after how long, and what is kept of what failed. */
#include "support/test.h"

static int tries;

/* Fails `failures` times, then gives 7. */
static int flaky(int failures, int code)
{
    int r = eddy_sleep(0);
    if (r < 0)
        return r;
    if (tries++ < failures)
        return eddy_fail(code, "try %d", tries);
    return 7;
}

TEST(the_first_success_is_the_result)
{
    tries = 0;
    CHECK_INT(eddy_retry(flaky(0, -EIO)), 7);
    CHECK_INT(tries, 1);
    CHECK_TIME(0);
    tries = 0;
    CHECK_INT(eddy_retry(flaky(2, -EIO)), 7);
    CHECK_INT(tries, 3);
    return 0;
}

TEST(the_last_code_is_the_result_and_every_failure_is_a_child)
{
    tries = 0;
    CHECK_INT(eddy_retry(flaky(99, -EIO), .attempts = 4), -EIO);
    CHECK_INT(tries, 4);
    const eddy_failure *failure = eddy_last_failure();
    CHECK_INT(eddy_failure_code(failure), -EIO);
    CHECK_TEXT(eddy_failure_message(failure), "4 attempts failed");
    CHECK_CONTAINS(eddy_failure_file(failure), "test_retry.c");
    CHECK_INT(eddy_failure_count(failure), 4);
    CHECK_TEXT(eddy_failure_message(eddy_failure_child(failure, 0)), "try 1");
    CHECK_TEXT(eddy_failure_message(eddy_failure_child(failure, 3)), "try 4");
    return 0;
}

TEST(a_single_attempt_keeps_its_own_failure)
{
    tries = 0;
    CHECK_INT(eddy_retry(flaky(99, -EIO), .attempts = 1), -EIO);
    CHECK_INT(tries, 1);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "try 1");
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 0);
    return 0;
}

TEST(back_off_doubles_up_to_the_cap)
{
    tries = 0;
    CHECK_INT(eddy_retry(flaky(99, -EIO), .attempts = 7, .base = 1, .cap = 5, .no_jitter = true),
              -EIO);
    CHECK_TIME(1 + 2 + 4 + 5 + 5 + 5);
    tries = 0;
    CHECK_INT(eddy_retry(flaky(2, -EIO), .no_jitter = true), 7); /* defaults: 0.1, 0.2 */
    CHECK_TIME(22.3);
    return 0;
}

static int one_of_many(double *slept)
{
    double start = eddy_time();
    int own = 0, r = eddy_retry(own++ ? 0 : eddy_fail(-EAGAIN, "busy"), .base = 1);
    *slept = eddy_time() - start;
    return r;
}

struct many {
    double *slept;
};

static int many(struct many *a)
{
    return one_of_many(a->slept);
}

TEST(jitter_scatters_those_that_failed_together)
{
    enum { TASKS = 100 };
    double slept[TASKS], sum = 0;
    int err, tenth[10] = {0};
    eddy_with_group (g, &err) {
        for (int i = 0; i < TASKS; i++)
            eddy_spawn(g, many, .slept = &slept[i]);
    }
    for (int i = 0; i < TASKS; i++) {
        CHECK(slept[i] >= 0 && slept[i] <= 1);
        sum += slept[i];
        tenth[(int)(slept[i] * 10) % 10]++;
    }
    CHECK(sum > 35 && sum < 65);
    for (int i = 0; i < 10; i++)
        CHECK(tenth[i] >= 2);
    return err;
}

TEST(only_codes_that_are_named_are_worth_another_attempt)
{
    tries = 0;
    CHECK_INT(eddy_retry(flaky(99, -EIO), .codes = {-EAGAIN, -EPIPE}), -EIO);
    CHECK_INT(tries, 1);
    tries = 0;
    CHECK_INT(eddy_retry(flaky(99, -EPIPE), .codes = {-EAGAIN, -EPIPE}), -EPIPE);
    CHECK_INT(tries, 3);
    tries = 0;
    CHECK_INT(eddy_retry(flaky(99, -EINVAL)), -EINVAL); /* not worth it unless it is named */
    CHECK_INT(tries, 1);
    tries = 0;
    CHECK_INT(eddy_retry(flaky(1, -EINVAL), .codes = {-EINVAL}), 7);
    CHECK_INT(tries, 2);
    tries = 0; /* the second failure isn't worth a third attempt */
    CHECK_INT(eddy_retry(flaky(99, tries ? -EIO : -EAGAIN), .codes = {-EAGAIN}), -EIO);
    CHECK_INT(tries, 2);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 2);
    CHECK_INT(eddy_failure_code(eddy_failure_child(eddy_last_failure(), 0)), -EAGAIN);
    return 0;
}

TEST(a_cancel_in_an_attempt_stops_at_once)
{
    int err;
    tries = 0;
    eddy_with_timeout (1, &err) {
        err = eddy_retry(eddy_sleep(5 + ++tries), .attempts = 10);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(tries, 1);
    CHECK_TIME(1);
    return 0;
}

TEST(a_cancel_between_attempts_stops_at_once_and_keeps_what_failed)
{
    int err, r = 0;
    tries = 0;
    eddy_with_timeout (2, &err) {
        r = eddy_retry(flaky(99, -EIO), .attempts = 10, .base = 1.5, .no_jitter = true);
        const eddy_failure *failure = eddy_last_failure();
        EXPECT_INT(eddy_failure_code(failure), -ECANCELED);
        EXPECT_TEXT(eddy_failure_message(failure), "cancelled after 2 attempts");
        EXPECT_INT(eddy_failure_count(failure), 2);
        EXPECT_INT(eddy_failure_code(eddy_failure_child(failure, 1)), -EIO);
    }
    CHECK_INT(r, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(tries, 2);
    CHECK_TIME(2);
    return 0;
}

static int fail_then_hang(void)
{
    return tries++ ? eddy_sleep(100) : eddy_fail(-EIO, "try 1");
}

TEST(a_cancelled_attempt_is_not_counted_among_those_that_failed)
{
    int err;
    tries = 0;
    eddy_with_timeout (5, &err) {
        EXPECT_INT(eddy_retry(fail_then_hang()), -ECANCELED);
        const eddy_failure *failure = eddy_last_failure();
        EXPECT_INT(eddy_failure_code(failure), -ECANCELED);
        EXPECT_INT(eddy_failure_count(failure), 1);
        EXPECT_INT(eddy_failure_code(eddy_failure_child(failure, 0)), -EIO);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(tries, 2);
    CHECK_TIME(5);
    return 0;
}

TEST(an_attempt_that_succeeds_beats_the_cancel)
{
    int err, r = 0;
    eddy_with_timeout (0, &err) {
        r = eddy_retry(5);
    }
    CHECK_INT(r, 5);
    CHECK_INT(err, 0);
    return 0;
}

TEST(of_many_failures_the_first_99_and_the_last_are_kept)
{
    tries = 0;
    CHECK_INT(eddy_retry(flaky(999, -EIO), .attempts = 150, .cap = 1), -EIO);
    const eddy_failure *failure = eddy_last_failure();
    CHECK_INT(eddy_failure_count(failure), 100);
    CHECK_TEXT(eddy_failure_message(eddy_failure_child(failure, 98)), "try 99");
    CHECK_TEXT(eddy_failure_message(eddy_failure_child(failure, 99)), "try 150");
    CHECK_TEXT(eddy_failure_message(failure), "150 attempts failed");
    return 0;
}

TEST(a_code_without_a_failure_is_kept_too)
{
    CHECK_INT(eddy_retry(-EPIPE, .attempts = 2), -EPIPE);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 2);
    CHECK_INT(eddy_failure_code(eddy_failure_child(eddy_last_failure(), 1)), -EPIPE);
    return 0;
}

TEST(bad_input_makes_no_attempt)
{
    const double wrong[] = {-1, NAN, -INFINITY};
    tries = 0;
    for (int i = 0; i < 3; i++) {
        CHECK_INT(eddy_retry(flaky(0, 0), .base = wrong[i]), -EINVAL);
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_retry");
        CHECK_INT(eddy_retry(flaky(0, 0), .cap = wrong[i]), -EINVAL);
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_retry");
    }
    CHECK_INT(tries, 0);
    return 0;
}

TEST(retries_nest)
{
    tries = 0;
    CHECK_INT(eddy_retry(eddy_retry(flaky(99, -EIO), .attempts = 2), .attempts = 3), -EIO);
    CHECK_INT(tries, 6);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 3);
    CHECK_INT(eddy_failure_count(eddy_failure_child(eddy_last_failure(), 0)), 2);
    return 0;
}
