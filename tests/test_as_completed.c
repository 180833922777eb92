/* SPDX-License-Identifier: MIT */
/* as_completed: tasks in the order of their ends. */
#include "support/test.h"

static int release_all(eddy_task *const *tasks, size_t count)
{
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = eddy_task_release(tasks[i]);
    return r;
}

TEST(rule_140_the_tasks_themselves_come_in_the_order_of_their_ends)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 3, .result = 3),
                          eddy_create_task(nap, .seconds = 1, .result = 1),
                          eddy_create_task(nap, .seconds = 2, .result = 2)};
    int err = 1;
    eddy_as_completed (task, tasks, 3, EDDY_FOREVER, &err) {
        int result = eddy_task_result(task);
        note("%d@%g", result, eddy_time());
        CHECK(task == tasks[result % 3]);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("1@1 2@2 3@3");
    return release_all(tasks, 3);
}

TEST(rule_140_done_ones_come_first_and_duplicates_once)
{
    eddy_task *a = eddy_create_task(nap, .result = 1), *b = eddy_create_task(nap, .result = 2);
    eddy_task *c = eddy_create_task(nap, .seconds = 2, .result = 3);
    CHECK_INT(eddy_await(b), 2);
    eddy_task *tasks[] = {c, b, a, b, c, a};
    for (int round = 0; round < 2; round++) { /* nothing of the first is left for the second */
        int err;
        eddy_as_completed (task, tasks, 6, 5, &err)
            note("%d", eddy_task_result(task));
        CHECK_INT(err, 0);
    }
    CHECK_NOTES("2 1 3 3 2 1");
    CHECK_TIME(2);
    return release_all((eddy_task *[]){a, b, c}, 3);
}

TEST(no_tasks_no_rounds)
{
    int err = 1;
    eddy_as_completed (task, NULL, 0, EDDY_FOREVER, &err)
        note("%p", (void *)task);
    CHECK_INT(err, 0);
    CHECK_NOTES("");
    return 0;
}

TEST(rule_141_the_timeout_ends_the_loop_and_the_others_go_on)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 1, .name = "a"),
                          eddy_create_task(nap, .seconds = 2, .name = "b"),
                          eddy_create_task(nap, .seconds = 3, .name = "c")};
    int err, rounds = 0;
    eddy_as_completed (task, tasks, 3, 1.5, &err)
        rounds += eddy_task_done(task);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(rounds, 1);
    CHECK_TIME(1.5);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "2 tasks");
    CHECK_INT(eddy_wait(tasks, 3, EDDY_ALL_COMPLETED, EDDY_FOREVER), 3);
    CHECK_NOTES("a b c");
    eddy_as_completed (task, tasks, 3, 0, &err) /* all are there: no time is needed */
        rounds++;
    CHECK(err == 0 && rounds == 4);
    return release_all(tasks, 3);
}

TEST(rule_141_each_task_not_finished_is_a_timeout_of_its_own)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 1), eddy_create_task(nap, .seconds = 2),
                          eddy_create_task(nap, .seconds = 3)};
    eddy_completed all EDDY_CLEANUP_(eddy_completed_close) = {{0}};
    eddy_task *task = NULL;
    CHECK_INT(eddy_completed_open(&all, tasks, 3, 1.5), 0);
    CHECK_INT(eddy_sleep(2.5), 0); /* the second is too late, though done */
    CHECK_INT(eddy_completed_next(&all, &task), 1);
    CHECK(task == tasks[0]);
    CHECK_INT(eddy_completed_next(&all, &task), -ETIMEDOUT);
    CHECK_INT(eddy_completed_next(&all, &task), -ETIMEDOUT);
    CHECK_INT(eddy_completed_next(&all, &task), 0);
    CHECK_TIME(2.5);
    eddy_completed_close(&all);
    CHECK_INT(eddy_await(tasks[2]), 0);
    return release_all(tasks, 3);
}

TEST(rule_142_an_iteration_can_be_interrupted_and_taken_up_again)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 1, .result = 1),
                          eddy_create_task(nap, .seconds = 4, .result = 4),
                          eddy_create_task(nap, .seconds = 2, .result = 2)};
    eddy_completed all EDDY_CLEANUP_(eddy_completed_close) = {{0}};
    eddy_task *task = NULL;
    CHECK_INT(eddy_completed_open(&all, tasks, 3, EDDY_FOREVER), 0);
    CHECK_INT(eddy_completed_next(&all, &task), 1);
    CHECK_INT(eddy_task_result(task), 1);
    CHECK_INT(eddy_wait_for(eddy_completed_next(&all, &task), 0.5), -ETIMEDOUT);
    CHECK_TIME(1.5);
    CHECK_INT(eddy_sleep(1.5), 0);
    CHECK_INT(eddy_wait_for(eddy_completed_next(&all, &task), 0), 1); /* at hand: not refused */
    CHECK_INT(eddy_task_result(task), 2);
    CHECK_INT(eddy_completed_next(&all, &task), 1);
    CHECK_INT(eddy_task_result(task), 4);
    CHECK_INT(eddy_completed_next(&all, &task), 0);
    eddy_completed_close(&all);
    eddy_completed_close(&all);
    CHECK_INT(eddy_completed_next(&all, &task), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_completed_next");
    return release_all(tasks, 3);
}

TEST(break_continue_and_return_are_those_of_a_loop)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 1, .result = 1),
                          eddy_create_task(nap, .seconds = 2, .result = 2),
                          eddy_create_task(nap, .seconds = 3, .result = 3)};
    int err;
    eddy_as_completed (task, tasks, 3, 9, &err) {
        int r = eddy_task_result(task);
        if (r == 1)
            continue;
        note("%d", r);
        break;
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("2");
    CHECK_TIME(2);
    eddy_as_completed (task, tasks, 3, 9, &err) {
        eddy_as_completed (inner, &task, 1, 9, NULL)
            note("%d", eddy_task_result(inner));
        if (eddy_task_result(task) == 2)
            err = -EDOM; /* ends it as an error of the body */
    }
    CHECK_INT(err, -EDOM);
    CHECK_NOTES("1 2");
    eddy_as_completed (task, tasks, 3, 9, NULL)
        if (eddy_task_result(task) == 3)
            return release_all(tasks, 3);
    CHECK(!"left by the return");
    return 0;
}

struct iterate {
    eddy_task **tasks;
    size_t count;
    int *err;
};

static int iterate(struct iterate *a)
{
    eddy_as_completed (task, a->tasks, a->count, EDDY_FOREVER, a->err)
        note("%d", eddy_task_result(task));
    return *a->err;
}

TEST(a_cancel_ends_the_loop_and_the_tasks_go_on)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 1, .result = 1),
                          eddy_create_task(nap, .seconds = 5, .result = 5)};
    int err = 0;
    eddy_task *loop = eddy_create_task(iterate, .tasks = tasks, .count = 2, .err = &err);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK(eddy_task_cancel(loop));
    CHECK_INT(eddy_await(loop), -ECANCELED);
    CHECK_INT(err, -ECANCELED);
    CHECK_TIME(2);
    CHECK_INT(eddy_await(tasks[1]), 5);
    CHECK_NOTES("1");
    CHECK_INT(eddy_task_release(loop), 0);
    return release_all(tasks, 2);
}

ORDERED_TEST(a_task_that_ended_before_the_cancel_is_handed_out)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1, .result = 1);
    int err = 0;
    eddy_task *loop = eddy_create_task(iterate, .tasks = &task, .count = 1, .err = &err);
    CHECK_INT(eddy_await(task), 1); /* the loop is queued behind */
    CHECK(eddy_task_cancel(loop));
    CHECK_INT(eddy_await(loop), 0);
    CHECK_NOTES("1");
    CHECK_INT(eddy_task_release(loop), 0);
    return eddy_task_release(task);
}

struct next {
    eddy_completed *completed;
};

static int next(struct next *a)
{
    eddy_task *task = NULL;
    return eddy_completed_next(a->completed, &task);
}

ORDERED_TEST(one_waits_at_a_time_and_a_close_wakes_it)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1);
    static eddy_completed all; /* the other may find it closed, if a check leaves */
    CHECK_INT(eddy_completed_open(&all, &task, 1, EDDY_FOREVER), 0);
    eddy_task *other = eddy_create_task(next, .completed = &all);
    turns(2);
    eddy_task *got = NULL;
    CHECK_INT(eddy_completed_next(&all, &got), -EBUSY);
    CHECK_REPORT(EDDY_LOG_MISUSE, "another task");
    eddy_completed_close(&all);
    CHECK_INT(eddy_await(other), -EPIPE);
    CHECK_INT(eddy_await(task), 0);
    return release_all((eddy_task *[]){task, other}, 2);
}

TEST(bad_input_runs_no_round)
{
    int err = 0;
    eddy_task *task = eddy_create_task(nap, .seconds = 0), *with_null[] = {task, NULL};
    eddy_as_completed (one, with_null, 2, 1, &err)
        note("%p", (void *)one);
    CHECK_INT(err, -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    eddy_as_completed (one, &task, 1, NAN, &err)
        note("%p", (void *)one);
    CHECK_INT(err, -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "number");
    CHECK_INT(eddy_completed_open(NULL, &task, 1, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK_INT(eddy_await(task), 0);
    CHECK_INT(eddy_task_release(task), 0);
    eddy_as_completed (one, &task, 1, 1, &err)
        note("%p", (void *)one);
    CHECK_INT(err, -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "released");
    CHECK_NOTES("");
    return 0;
}
