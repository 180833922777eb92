/* SPDX-License-Identifier: MIT */
/* Rules of the loop that no other file holds: starting, ending, what a callback may do wrong. */
#define TEST_DEFAULTS .real_system = true
#include <pthread.h>
#include "loop.h"
#include "support/test.h"

static int returns_7(void)
{
    return 7;
}

static int breaks(void)
{
    return eddy_fail(-EIO, "broke");
}

static void noted(void *name)
{
    note("%s", (const char *)name);
}

/* ---- 13: there is no stop(); a loop ends with its main task, and lets that turn finish ---- */

static void noted_and_again(void *name)
{
    noted(name);
    EXPECT(eddy_call_soon(noted, "too late"));
}

static int schedules_and_ends(void)
{
    CHECK(eddy_call_soon(noted_and_again, "soon"));
    CHECK(eddy_call_later(0, noted, "later"));
    return 3;
}

PLAIN_TEST(rule_013_the_turn_in_which_main_ends_is_finished_and_no_other_begun)
{
    eddy_test_allow_leftovers(1);
    EXPECT_INT(test_run(schedules_and_ends), 3);
    EXPECT_NOTES("soon");
}

PLAIN_TEST(rule_014_run_returns_mains_result_or_its_failure)
{
    EXPECT_INT(test_run(returns_7), 7);
    EXPECT_INT(test_run(breaks), -EIO);
    EXPECT_TEXT(eddy_failure_message(eddy_last_failure()), "broke");
    eddy_failure_clear();
}

/* ---- 15 ---- */

static void *runs_elsewhere(void *result)
{
    struct eddy_options options = {.virtual_clock = true, .quiet = true};
    *(int *)result = eddy_run_with(&options, returns_7);
    return NULL;
}

TEST(rule_015_a_loop_in_a_loop_of_this_thread_is_an_error_in_another_thread_it_is_not)
{
    CHECK_INT(eddy_run(returns_7), -EBUSY);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a loop runs on this thread already");
    const eddy_loop *loop = eddy_current_loop();
    pthread_t thread;
    int result = 0;
    CHECK_INT(pthread_create(&thread, NULL, runs_elsewhere, &result), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(result, 7);
    CHECK(eddy_current_loop() == loop);
    return 0;
}

/* ---- 16: what leaves a loop early is an interrupt ---- */

static int interrupted_with_callbacks_left(void)
{
    CHECK(eddy_call_later(1, noted, "stale"));
    CHECK_INT(raise(SIGINT), 0);
    int r = eddy_sleep(0.5);
    CHECK(eddy_call_later(0, noted, "stale"));
    return r;
}

static int sleeps_long(void)
{
    return eddy_sleep(10);
}

PLAIN_TEST(rule_016_after_an_interrupt_a_new_run_has_no_stale_callbacks)
{
    eddy_test_allow_leftovers(2);
    EXPECT_INT(test_run(interrupted_with_callbacks_left), -EINTR);
    EXPECT_INT(test_run(sleeps_long), 0);
    EXPECT_NOTES("");
}

/* ---- 17: a callback returns nothing, so all it can do is to leave a failure behind ---- */

static void fails(void *unused)
{
    (void)unused;
    (void)eddy_fail(-EIO, "in a callback");
    (void)eddy_lock_release(NULL); /* and a misuse */
}

TEST(rule_017_a_failing_callback_is_reported_and_the_loop_goes_on)
{
    CHECK(eddy_call_soon(fails, NULL));
    CHECK(eddy_call_soon(noted, "next"));
    (void)eddy_fail(-ENOENT, "main's own");
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("next");
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_lock_release");
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "main's own"); /* undisturbed */
    return 0;
}

/* ---- 258: a callback belongs to the loop of the thread that asks ---- */

static void *calls_from_another_thread(void *unused)
{
    EXPECT(!eddy_call_soon(noted, "never"));
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
    EXPECT(!eddy_call_later(1, noted, "never"));
    EXPECT(!eddy_call_at(1, noted, "never"));
    return unused;
}

TEST(rule_258_a_call_from_a_wrong_thread_is_an_error)
{
    pthread_t thread;
    test_stderr_begin();
    int r = pthread_create(&thread, NULL, calls_from_another_thread, NULL);
    if (r == 0)
        r = pthread_join(thread, NULL);
    const char *text = test_stderr_end();
    CHECK_INT(r, 0);
    CHECK_INT(test_count_lines(text), 3);
    CHECK_CONTAINS(text, "eddy_call_soon: called outside a loop");
    CHECK_CONTAINS(text, "eddy_call_later: called outside a loop");
    CHECK_CONTAINS(text, "eddy_call_at: called outside a loop");
    CHECK_INT(eddy_sleep(5), 0);
    CHECK_NOTES("");
    return 0;
}
