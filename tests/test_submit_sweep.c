/* SPDX-License-Identifier: MIT */
/*
 * Submissions and runners, with a cancel at each of their suspensions, each allocation and each
 * call to the system failing once, and in 1,000 shuffled orders: each submission comes to an end
 * that its holder hears of, and a runner is there for the next run whatever became of the last.
 */
#define TEST_DEFAULTS .real_system = true
#include "support/survive.h"

/* ---- submissions ---- */

enum { SUBMISSIONS = 4 };

/* What is asked from a job of the simulated pool, which for the library is another thread. */
struct asker {
    eddy_loop *loop;
    eddy_submission *submissions[SUBMISSIONS];
    int *began, *ended;
};

struct submitted {
    int number;
    int *began, *ended;
};

static int submitted(struct submitted *a)
{
    ++*a->began;
    int r = eddy_sleep(a->number % 2);
    ++*a->ended;
    return r < 0 ? r : a->number == 3 ? eddy_fail(-EIO, "the third") : a->number;
}

static int asks(struct asker *a)
{
    for (int i = 0; i < SUBMISSIONS; i++)
        a->submissions[i] = eddy_submit(a->loop, submitted, .number = i, .began = a->began,
                                        .ended = a->ended);
    if (a->submissions[1])
        (void)eddy_submission_cancel(a->submissions[1]);
    return 0;
}

/* When the loop has begun them. */
static int cancels_the_last(struct asker *a)
{
    if (a->submissions[SUBMISSIONS - 1])
        (void)eddy_submission_cancel(a->submissions[SUBMISSIONS - 1]);
    return 0;
}

static bool all_done(const struct asker *a)
{
    for (int i = 0; i < SUBMISSIONS; i++)
        if (a->submissions[i] && !eddy_submission_done(a->submissions[i]))
            return false;
    return true;
}

/* From where the askers asked: nobody waits, for all are done. */
static int looks(struct asker *a)
{
    for (int i = 0; i < SUBMISSIONS; i++) {
        eddy_submission *submission = a->submissions[i];
        if (!submission)
            continue;
        wrong_if(eddy_submission_wait(submission, 0) != 0, "a submission has no end");
        int r = eddy_submission_result(submission);
        wrong_if(r >= 0 && r != i, "a submission has another's result");
        wrong_if(r == -EINPROGRESS, "a submission that is done has no result");
        wrong_if(i == 1 && r == 1 && eddy_submission_cancel(submission),
                 "one that is done could be cancelled");
        eddy_submission_release(submission);
    }
    eddy_failure_clear();
    return 0;
}

/* The asker's wait may be cancelled; its submissions come to their ends all the same. */
static int scenario_submit(void)
{
    int began = 0, ended = 0;
    struct asker asker = {.loop = eddy_current_loop(), .began = &began, .ended = &ended};
    int r = eddy_to_thread(asks, &asker);
    if (r == 0 && (r = eddy_sleep(0.5)) == 0)
        r = eddy_to_thread(cancels_the_last, &asker);
    eddy_with_shield (EDDY_FOREVER)
        for (int i = 0; i < 100 && !all_done(&asker); i++)
            wrong_if(eddy_sleep(0.5) < 0, "a shielded sleep was cut short");
    wrong_if(!all_done(&asker), "a submission never came to its end");
    wrong_if(began != ended, "a submitted task has not ended");
    (void)looks(&asker);
    return r;
}

/* ---- a loop that ends before its submissions do ---- */

static struct asker outlived;
static int outlived_began, outlived_ended;

static int asks_beside(void)
{
    return eddy_to_thread(asks, &outlived);
}

/* Before they are asked for, between that and their arrival, or after it, as chance has it. */
static int ends_soon(void)
{
    outlived.loop = eddy_current_loop();
    outlived.began = &outlived_began;
    outlived.ended = &outlived_ended;
    eddy_test_allow_leftovers(SUBMISSIONS + 1);
    eddy_task *task = eddy_create_task(asks_beside);
    int r = eddy_sleep(0);
    if (r == 0)
        r = eddy_sleep(0);
    return task ? eddy_detach(task) + r : -ENOMEM;
}

static int scenario_submit_to_a_loop_that_ends(void)
{
    struct eddy_options options = {.virtual_clock = true, .quiet = true, .log = test_log};
    outlived = (struct asker){.loop = NULL};
    outlived_began = outlived_ended = 0;
    int r = eddy_run_with(&options, ends_soon);
    wrong_if(!all_done(&outlived), "the loop ended, and a submission didn't");
    wrong_if(outlived_began != outlived_ended, "a task outlived its loop");
    (void)looks(&outlived);
    eddy_failure_clear();
    return r == -ECANCELED ? 0 : r;
}

/* ---- runners ---- */

static int ends;

static int stays(void)
{
    int r = eddy_sleep(3);
    ends++;
    return r;
}

/* Leaves a task to the next run. */
static int first_run(void)
{
    eddy_task *task = eddy_create_task(stays);
    if (!task)
        return -ENOMEM;
    int r = eddy_sleep(1);
    return eddy_detach(task) + r;
}

static int second_run(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, nap, struct nap, .seconds = 1);
        eddy_spawn_as(g, nap, struct nap, .seconds = 2);
    }
    return err;
}

static eddy_local color = EDDY_LOCAL_INIT;

static int third_run(void)
{
    int r = eddy_local_set(&color, "red", NULL);
    return r < 0 ? r : eddy_sleep(1);
}

static int (*const runs[])(void) = {first_run, second_run, third_run, second_run};
enum { RUNS = sizeof runs / sizeof runs[0] };

struct run_number {
    size_t number;
};
static int run_number(struct run_number *a)
{
    return runs[a->number]();
}

static int scenario_runner(void)
{
    struct eddy_options options = {.virtual_clock = true, .quiet = true, .log = test_log};
    int result = 0;
    eddy_runner runner;
    ends = 0;
    wrong_if(eddy_runner_open(&runner, &options) < 0, "a runner can't be opened");
    for (size_t i = 0; i < RUNS; i++) {
        int r = eddy_runner_run(&runner, run_number, .number = i);
        wrong_if(r == -ESHUTDOWN, "a failed run closed the runner");
        if (result == 0 && r != -ECANCELED)
            result = r;
    }
    wrong_if(eddy_runner_close(&runner) < 0, "a runner can't be closed");
    wrong_if(ends > 1, "a task ended twice");
    wrong_if(eddy_local_get(&color), "a run's local leaked into the thread");
    eddy_failure_clear();
    return result;
}

/* ---- the runs ---- */

SURVIVES(submit)
SURVIVES_PLAIN(submit_to_a_loop_that_ends)
SURVIVES_PLAIN(runner)
