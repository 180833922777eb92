/* SPDX-License-Identifier: MIT */
/* Race: staggered attempts, the first success wins. */
#include "support/test.h"

struct attempt {
    double seconds;
    int result;
    double cleanup;
    bool stubborn; /* succeeds although cancelled */
    int made;      /* what it leaves in its job */
};

static int attempt(struct attempt *a)
{
    note("+%g", eddy_time());
    int r = a->seconds > 0 ? eddy_sleep(a->seconds) : 0;
    if (r < 0) {
        note("!");
        if (a->cleanup > 0)
            eddy_with_shield (EDDY_FOREVER) {
                EXPECT_INT(eddy_sleep(a->cleanup), 0);
            }
        if (!a->stubborn)
            return r;
    }
    a->made = 1;
    return a->result < 0 ? eddy_fail(a->result, "attempt failed") : a->result;
}

TEST(rule_143_one_that_succeeds)
{
    struct attempt jobs[] = {{.seconds = 1, .result = 7}};
    int results[1];
    CHECK_INT(eddy_race(0.5, attempt, jobs, 1, results), 0);
    CHECK_INT(results[0], 7);
    CHECK_NOTES("+0");
    CHECK_TIME(1);
    return 0;
}

TEST(rule_143_the_next_begins_when_the_one_before_has_failed)
{
    struct attempt jobs[] = {
        {.seconds = 1, .result = -EIO}, {.seconds = 1, .result = 5}, {.seconds = 0}};
    int results[3];
    CHECK_INT(eddy_race(10, attempt, jobs, 3, results), 1);
    CHECK(results[0] == -EIO && results[1] == 5 && results[2] == -EINPROGRESS);
    CHECK_NOTES("+0 +1");
    CHECK_TIME(2);
    return 0;
}

TEST(rule_143_or_when_the_delay_has_passed_and_the_rest_is_cancelled)
{
    struct attempt jobs[] = {{.seconds = 9, .cleanup = 2},
                             {.seconds = 1.5, .result = 5},
                             {.seconds = 9},
                             {.seconds = 9}};
    int results[4];
    CHECK_INT(eddy_race(1, attempt, jobs, 4, results), 1);
    CHECK(results[0] == -ECANCELED && results[1] == 5);
    CHECK(results[2] == -ECANCELED && results[3] == -EINPROGRESS);
    CHECK_NOTES("+0 +1 +2 ! !");
    CHECK_TIME(4.5); /* and joined */
    return 0;
}

TEST(rule_143_an_older_failure_does_not_change_the_pace)
{
    struct attempt jobs[] = {{.seconds = 1.5, .result = -EIO}, {.seconds = 9}, {.seconds = 0.1}};
    CHECK_INT(eddy_race(1, attempt, jobs, 3, NULL), 2);
    CHECK_NOTES("+0 +1 +2 !");
    CHECK_TIME(2.1);
    return 0;
}

TEST(rule_143_without_a_delay_only_failure_lets_the_next_begin)
{
    struct attempt jobs[] = {{.seconds = 100, .result = -EIO}, {.seconds = 1, .result = 1}};
    CHECK_INT(eddy_race(EDDY_FOREVER, attempt, jobs, 2, NULL), 1);
    CHECK_NOTES("+0 +100");
    struct attempt at_once[] = {{.seconds = 3}, {.seconds = 1}, {.seconds = 2}};
    CHECK_INT(eddy_race(0, attempt, at_once, 3, NULL), 1);
    CHECK_NOTES("+101 +101 +101 ! !");
    CHECK_TIME(102);
    return 0;
}

TEST(rule_143_none_that_succeeds)
{
    struct attempt jobs[] = {{.seconds = 1, .result = -EIO}, {.seconds = 3, .result = -EPIPE}};
    int results[2];
    CHECK_INT(eddy_race(0.5, attempt, jobs, 2, results), -EIO);
    CHECK(results[0] == -EIO && results[1] == -EPIPE);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 2);
    CHECK_NOTES("+0 +0.5");
    CHECK_TIME(3.5);
    return 0;
}

TEST(rule_143_none_at_all)
{
    CHECK_INT(eddy_race(1, attempt, (struct attempt *)NULL, 0, NULL), -ENOENT);
    eddy_failure_clear();
    return 0;
}

ORDERED_TEST(rule_144_of_two_winners_in_one_tick_the_first_is_kept)
{
    struct attempt jobs[] = {{.seconds = 2, .result = 3}, {.seconds = 1, .result = 4}};
    int results[2];
    CHECK_INT(eddy_race(1, attempt, jobs, 2, results), 0);
    CHECK(results[0] == 3 && results[1] == -ECANCELED);
    CHECK(jobs[0].made && jobs[1].made); /* what the second made is the caller's to free */
    CHECK_NOTES("+0 +1");
    CHECK_TIME(2);
    return 0;
}

struct racer {
    struct attempt *jobs;
    size_t count;
    int *results;
    double cancel_after;
};

static int racer(struct racer *a)
{
    int r = eddy_race(1, attempt, a->jobs, a->count, a->results);
    note("=%d", r);
    return r;
}

TEST(rule_144_a_timeout_is_one_also_when_attempts_have_failed)
{
    struct attempt jobs[] = {{.result = -ECONNREFUSED}, {.seconds = 100}};
    int results[2], err;
    eddy_with_timeout (5, &err)
        err = eddy_race(1, attempt, jobs, 2, results);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(results[0], -ECONNREFUSED);
    CHECK_INT(results[1], -ECANCELED);
    CHECK_TIME(5);
    CHECK_NOTES("+0 +0 !");
    return 0;
}

TEST(rule_144_a_cancel_from_outside_passes)
{
    struct attempt jobs[] = {
        {.seconds = 9, .cleanup = 1}, {.seconds = 9, .stubborn = true}, {.seconds = 9}};
    int results[3];
    eddy_task *task = eddy_create_task(racer, .jobs = jobs, .count = 3, .results = results);
    CHECK_INT(eddy_sleep(1.5), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK(eddy_task_cancelled(task));
    CHECK_TIME(2.5);
    CHECK(results[0] == -ECANCELED && results[1] == -ECANCELED && results[2] == -EINPROGRESS);
    CHECK(jobs[1].made);
    CHECK_NOTES("+0 +1 ! ! =-125");
    return eddy_task_release(task);
}

TEST(a_victory_beats_a_later_cancel)
{
    struct attempt jobs[] = {{.seconds = 9, .cleanup = 5}, {.seconds = 1, .result = 4}};
    eddy_task *task = eddy_create_task(racer, .jobs = jobs, .count = 2);
    CHECK_INT(eddy_sleep(3), 0); /* won, and waits for the loser's clean-up */
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), 1);
    CHECK_TIME(7);
    CHECK_NOTES("+0 +1 ! =1");
    CHECK_INT(eddy_task_release(task), 0);
    int r = eddy_wait_for(eddy_race(1, attempt, jobs, 2, NULL), 3); /* 2 s to win, 7 to clean up */
    CHECK_INT(r, 1);
    CHECK_NOTES("+7 +8 !");
    return 0;
}

TEST(a_race_in_a_cancelled_scope_begins_nothing_that_runs)
{
    struct attempt jobs[] = {{.seconds = 1}, {.seconds = 1}};
    int results[2], err, r = 0;
    eddy_with_timeout (0, &err)
        r = eddy_race(1, attempt, jobs, 2, results);
    CHECK(r == -ECANCELED && err == -ETIMEDOUT);
    CHECK(results[0] == -ECANCELED && results[1] == -EINPROGRESS);
    CHECK_NOTES("");
    return 0;
}

static int crowded(void)
{
    struct attempt jobs[] = {{.seconds = 9}, {.seconds = 9}};
    int results[2];
    CHECK_INT(eddy_race(1, attempt, jobs, 2, results), -EAGAIN);
    CHECK(results[0] == -ECANCELED && results[1] == -EINPROGRESS);
    CHECK_NOTES("+0 !");
    CHECK_TIME(1);
    eddy_failure_clear();
    return 0;
}

PLAIN_TEST(an_attempt_that_can_not_be_begun_ends_the_race)
{
    EXPECT_INT(test_run_with(crowded, (struct eddy_options){.virtual_clock = true, .max_tasks = 2}),
               0);
}

TEST(bad_input_of_races)
{
    struct attempt jobs[] = {{.seconds = 1}};
    CHECK_INT(eddy_race(NAN, attempt, jobs, 1, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "number");
    CHECK_INT(eddy_race(1, attempt, (struct attempt *)NULL, 1, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK_NOTES("");
    return 0;
}
