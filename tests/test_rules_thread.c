/* SPDX-License-Identifier: MIT */
/* Rules of threads and of the end of a run that no other file holds. */
#define TEST_DEFAULTS .real_system = true
#include "support/test.h"

struct work {
    double seconds;
    int result;
};

static int work(struct work *a)
{
    EXPECT_INT(eddy_blocking_sleep(a->seconds), 0);
    return a->result < 0 ? eddy_fail(a->result, "the thread failed") : a->result;
}

TEST(rule_241_the_loop_goes_on_while_a_thread_works_and_its_error_comes_back)
{
    eddy_task *other = eddy_create_task(nap, .seconds = 1, .name = "other");
    struct work good = {.seconds = 2, .result = 5}, bad = {.seconds = 1, .result = -EIO};
    CHECK_INT(eddy_to_thread(work, &good), 5);
    CHECK_NOTES("other");
    CHECK_TIME(2);
    CHECK_INT(eddy_to_thread(work, &bad), -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "the thread failed");
    CHECK_INT(eddy_await(other), 0);
    return eddy_task_release(other);
}

/* ---- 249: leftovers first, which may still use threads; then the threads ---- */

static int says_goodbye_in_a_thread(void)
{
    EXPECT_INT(eddy_sleep(10), -ECANCELED);
    eddy_with_shield (EDDY_FOREVER) {
        struct work last = {.seconds = 1, .result = 3};
        EXPECT_INT(eddy_to_thread(work, &last), 3);
        note("goodbye@%g", eddy_time());
    }
    return -ECANCELED;
}

static int leaves_one_that_needs_a_thread(void)
{
    eddy_test_allow_leftovers(1);
    struct work first = {.seconds = 0};
    CHECK_INT(eddy_to_thread(work, &first), 0);
    CHECK_INT(eddy_detach(eddy_create_task(says_goodbye_in_a_thread)), 0);
    return eddy_sleep(1);
}

PLAIN_TEST(rule_249_leftover_tasks_end_before_the_threads_are_joined)
{
    EXPECT_INT(test_run(leaves_one_that_needs_a_thread), 0);
    EXPECT_NOTES("goodbye@2");
}
