/* SPDX-License-Identifier: MIT */
/* Map: fan-out with a limit, fan-in. */
#include "support/test.h"

struct job {
    double seconds;
    int result;
    int square; /* the answer: the argument struct travels both ways */
    bool cancel_self;
};

static int active, most_active;

static int work(struct job *a)
{
    if (++active > most_active)
        most_active = active;
    if (a->cancel_self)
        (void)eddy_task_cancel(eddy_current_task());
    int r = eddy_sleep(a->seconds);
    active--;
    if (r < 0)
        return r;
    a->square = a->result * a->result;
    return a->result < 0 ? eddy_fail(a->result, "job failed") : a->result;
}

static int noting(struct job *a)
{
    note("%d", a->result);
    return work(a);
}

ORDERED_TEST(map_runs_every_job_at_most_limit_at_a_time_started_in_order)
{
    struct job jobs[6];
    int results[6];
    for (int i = 0; i < 6; i++)
        jobs[i] = (struct job){.seconds = 6 - i, .result = i};
    most_active = 0;
    CHECK_INT(eddy_map(2, noting, jobs, 6, results), 0);
    CHECK_INT(most_active, 2);
    CHECK_NOTES("0 1 2 3 4 5");
    for (int i = 0; i < 6; i++) {
        CHECK_INT(results[i], i);
        CHECK_INT(jobs[i].square, i * i);
    }
    /* 0 for 6 s beside 1 for 5 s; 2 (4) from 5, 3 (3) from 6, 4 (2) from 9, 5 (1) from 9 */
    CHECK_TIME(11);
    return 0;
}

TEST(a_limit_above_the_count_or_of_one_and_no_jobs)
{
    struct job jobs[3] = {{.seconds = 1}, {.seconds = 1}, {.seconds = 1}};
    int results[3];
    CHECK_INT(eddy_map(SIZE_MAX, work, jobs, 3, results), 0);
    CHECK_TIME(1);
    CHECK_INT(eddy_map(1, work, jobs, 3, NULL), 0);
    CHECK_TIME(4);
    CHECK_INT(eddy_map(1, work, jobs, 0, results), 0);
    struct job *none = NULL;
    CHECK_INT(eddy_map(1, work, none, 0, NULL), 0);
    CHECK_TIME(4);
    return 0;
}

TEST(with_results_every_job_runs_whatever_fails)
{
    struct job jobs[4] = {{.seconds = 2, .result = -EIO},
                          {.seconds = 1, .result = -EPIPE},
                          {.seconds = 1, .result = 3},
                          {.seconds = 1, .result = 4}};
    int results[4];
    CHECK_INT(eddy_map(2, work, jobs, 4, results), 0); /* failures are in the results */
    CHECK(results[0] == -EIO && results[1] == -EPIPE && results[2] == 3 && results[3] == 4);
    CHECK_TIME(3);
    return 0;
}

ORDERED_TEST(without_results_the_first_failure_cancels_the_rest)
{
    struct job jobs[4] = {
        {.seconds = 9}, {.seconds = 1, .result = -EIO}, {.seconds = 9}, {.seconds = 0}};
    CHECK_INT(eddy_map(2, noting, jobs, 4, NULL), -EIO);
    CHECK_TIME(1);
    CHECK_NOTES("0 -5");
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_failure_match(eddy_last_failure(), -EIO, NULL)),
               "job failed");
    CHECK_INT(active, 0); /* all joined */
    return 0;
}

TEST(a_cancel_from_outside_cancels_and_joins_all)
{
    struct job jobs[4] = {
        {.seconds = 1, .result = 1}, {.seconds = 9}, {.seconds = 9}, {.seconds = 9}};
    int results[4], err;
    eddy_with_timeout (3, &err) {
        EXPECT_INT(eddy_map(2, work, jobs, 4, results), -ECANCELED);
        EXPECT_INT(active, 0);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(3);
    CHECK_INT(results[0], 1);
    for (int i = 1; i < 4; i++)
        CHECK_INT(results[i], -ECANCELED);
    return 0;
}

TEST(a_job_that_cancels_itself_takes_no_other_job_with_it)
{
    struct job jobs[3] = {{.seconds = 1, .cancel_self = true},
                          {.seconds = 1, .result = 2},
                          {.seconds = 1, .result = 3}};
    int results[3];
    CHECK_INT(eddy_map(1, work, jobs, 3, results), 0);
    CHECK_INT(results[0], -ECANCELED);
    CHECK_INT(results[1], 2); /* every job runs */
    CHECK_INT(results[2], 3);
    return 0;
}

static int own_task(struct job *a)
{
    static eddy_task *before;
    eddy_task *self = eddy_current_task();
    a->square = self != before;
    before = self;
    return eddy_sleep(0);
}

TEST(each_job_is_a_task_of_its_own)
{
    struct job jobs[3] = {{.seconds = 0}};
    CHECK_INT(eddy_map(1, own_task, jobs, 3, NULL), 0);
    CHECK(jobs[0].square && jobs[1].square && jobs[2].square);
    return 0;
}

HEAVY_TEST(jobs_that_never_suspend_all_run)
{
    enum { COUNT = 20000 };
    static struct job jobs[COUNT];
    static int results[COUNT];
    for (int i = 0; i < COUNT; i++)
        jobs[i].result = i;
    CHECK_INT(eddy_map(4, work, jobs, COUNT, results), 0);
    for (int i = 0; i < COUNT; i++)
        CHECK_INT(results[i], i);
    return 0;
}

TEST(bad_arguments_of_map)
{
    struct job jobs[1] = {{.seconds = 0}}, *none = NULL;
    CHECK_INT(eddy_map(0, work, jobs, 1, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "limit of 0");
    CHECK_INT(eddy_map(1, work, none, 1, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_map");
    return 0;
}

struct killer {
    eddy_task *spare;
};
static int killer(struct killer *a)
{
    for (int i = 0; i < 20; i++) {
        eddy_task *tasks[10];
        size_t count = eddy_all_tasks(tasks, 10);
        for (size_t k = 0; k < count && k < 10; k++)
            if (tasks[k] != a->spare && tasks[k] != eddy_current_task())
                (void)eddy_task_cancel(tasks[k]);
        int r = eddy_sleep(0);
        if (r < 0)
            return r;
    }
    return 0;
}

ORDERED_TEST(jobs_cancelled_before_they_start_do_not_stop_the_map)
{
    struct job jobs[4] = {{.seconds = 1}, {.seconds = 1}, {.seconds = 1}, {.seconds = 1}};
    int results[4] = {0}, err;
    eddy_task *task = eddy_create_task(killer, .spare = eddy_current_task());
    eddy_with_timeout (5, &err) {
        EXPECT_INT(eddy_map(2, noting, jobs, 4, results), 0);
    }
    CHECK_INT(err, 0);
    for (int i = 0; i < 4; i++)
        CHECK_INT(results[i], -ECANCELED);
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("");
    return eddy_task_release(task);
}
