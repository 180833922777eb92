/* SPDX-License-Identifier: MIT */
/* wait: some of many tasks. */
#include "support/test.h"

static int release_all(eddy_task *const *tasks, size_t count)
{
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = eddy_task_release(tasks[i]);
    return r;
}

TEST(rule_137_a_wait_wants_tasks_and_a_mode)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1);
    eddy_task *with_null[] = {task, NULL}, *with_self[] = {task, eddy_current_task()};
    CHECK_INT(eddy_wait(NULL, 0, EDDY_ALL_COMPLETED, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no tasks");
    CHECK_INT(eddy_wait(NULL, 1, EDDY_ALL_COMPLETED, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL tasks");
    CHECK_INT(eddy_wait(with_null, 2, EDDY_ALL_COMPLETED, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK_INT(eddy_wait(with_self, 2, EDDY_ALL_COMPLETED, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "itself");
    CHECK_INT(eddy_wait(&task, 1, (enum eddy_wait_mode)3, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "mode");
    CHECK_INT(eddy_wait(&task, 1, EDDY_ALL_COMPLETED, NAN), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "number");
    CHECK_TIME(0);
    CHECK_INT(eddy_await(task), 0);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_INT(eddy_wait(&task, 1, EDDY_ALL_COMPLETED, 1), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "released");
    return 0;
}

TEST(rule_137_a_timeout_is_no_error_and_cancels_nothing)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 1, .name = "a"),
                          eddy_create_task(nap, .seconds = 3, .name = "b")};
    CHECK_INT(eddy_wait(tasks, 2, EDDY_ALL_COMPLETED, 0.5), 0);
    CHECK_TIME(0.5);
    CHECK_INT(eddy_wait(tasks, 2, EDDY_ALL_COMPLETED, 1.5), 1);
    CHECK_TIME(2);
    CHECK(eddy_task_done(tasks[0]) && !eddy_task_done(tasks[1]));
    CHECK_INT(eddy_wait(tasks, 2, EDDY_ALL_COMPLETED, EDDY_FOREVER), 2);
    CHECK_TIME(3);
    CHECK_NOTES("a b");
    return release_all(tasks, 2);
}

static int turns_of_nothing(void)
{
    return 0;
}

ORDERED_TEST(a_timeout_of_nothing_lets_what_is_ready_run_once)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 5), eddy_create_task(turns_of_nothing)};
    CHECK_INT(eddy_wait(tasks, 2, EDDY_ALL_COMPLETED, 0), 1);
    CHECK_TIME(0);
    CHECK_INT(eddy_wait(tasks, 2, EDDY_ALL_COMPLETED, -1), 1);
    CHECK_INT(eddy_await(tasks[0]), 0);
    return release_all(tasks, 2);
}

ORDERED_TEST(rule_138_first_completed_counts_all_that_are_done_by_then)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 1), eddy_create_task(nap, .seconds = 2),
                          eddy_create_task(nap, .seconds = 1)};
    CHECK_INT(eddy_wait(tasks, 3, EDDY_FIRST_COMPLETED, EDDY_FOREVER), 2);
    CHECK_TIME(1);
    CHECK(eddy_task_done(tasks[0]) && !eddy_task_done(tasks[1]) && eddy_task_done(tasks[2]));
    CHECK_INT(eddy_wait(tasks, 3, EDDY_FIRST_COMPLETED, EDDY_FOREVER), 2); /* at once */
    CHECK_TIME(1);
    CHECK_INT(eddy_wait(tasks, 3, EDDY_ALL_COMPLETED, EDDY_FOREVER), 3);
    return release_all(tasks, 3);
}

TEST(rule_138_first_exception_ignores_cancelled_ones)
{
    eddy_task *tasks[] = {
        eddy_create_task(nap, .seconds = 4, .name = "a"),
        eddy_create_task(nap, .seconds = 3, .name = "b", .result = -EIO),
        eddy_create_task(nap, .seconds = 1, .name = "c"),
        eddy_create_task(nap, .seconds = 9, .name = "d"),
    };
    eddy_task *cancel = eddy_create_task(cancel_later, .task = tasks[3], .seconds = 2);
    CHECK_INT(eddy_wait(tasks, 4, EDDY_FIRST_EXCEPTION, EDDY_FOREVER), 3);
    CHECK_TIME(3);
    CHECK_NOTES("c !d b");
    CHECK_INT(eddy_task_result(tasks[1]), -EIO);
    CHECK_INT(eddy_wait(tasks, 4, EDDY_FIRST_EXCEPTION, EDDY_FOREVER), 3); /* a failure is there */
    CHECK_TIME(3);
    CHECK_INT(eddy_wait((eddy_task *[]){tasks[0], tasks[2]}, 2, EDDY_FIRST_EXCEPTION, 9), 2);
    CHECK_TIME(4);
    CHECK_INT(eddy_task_release(cancel), 0);
    return release_all(tasks, 4);
}

TEST(one_that_stands_twice_counts_twice)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1);
    CHECK_INT(eddy_wait((eddy_task *[]){task, task}, 2, EDDY_FIRST_COMPLETED, 5), 2);
    CHECK_TIME(1);
    return eddy_task_release(task);
}

struct waiter {
    eddy_task **tasks;
    size_t count;
    int *result;
};

static int waiter(struct waiter *a)
{
    *a->result = eddy_wait(a->tasks, a->count, EDDY_ALL_COMPLETED, EDDY_FOREVER);
    return *a->result;
}

TEST(rule_139_cancelling_a_wait_leaves_the_tasks_and_takes_its_callbacks_back)
{
    int result = 1;
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 3, .name = "a"),
                          eddy_create_task(nap, .seconds = 4, .name = "b")};
    eddy_task *waiting = eddy_create_task(waiter, .tasks = tasks, .count = 2, .result = &result);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(waiting));
    CHECK_INT(eddy_await(waiting), -ECANCELED);
    CHECK_INT(result, -ECANCELED);
    CHECK_TIME(1);
    CHECK_INT(eddy_wait(tasks, 2, EDDY_ALL_COMPLETED, EDDY_FOREVER), 2); /* nothing of it is left */
    CHECK_NOTES("a b");
    CHECK_INT(eddy_task_release(waiting), 0);
    return release_all(tasks, 2);
}

ORDERED_TEST(a_wait_that_was_over_beats_a_cancel)
{
    int result = 1;
    eddy_task *task = eddy_create_task(nap, .seconds = 1);
    eddy_task *waiting = eddy_create_task(waiter, .tasks = &task, .count = 1, .result = &result);
    CHECK_INT(eddy_await(task), 0); /* the waiter is queued behind */
    CHECK(eddy_task_cancel(waiting));
    CHECK_INT(eddy_await(waiting), 1);
    CHECK_INT(eddy_task_release(waiting), 0);
    return eddy_task_release(task);
}

TEST(a_refused_wait_gives_what_is_there_already)
{
    int err, r = 0, none = 0;
    eddy_task *done = eddy_create_task(nap, .name = "a");
    eddy_task *slow = eddy_create_task(nap, .seconds = 3);
    CHECK_INT(eddy_await(done), 0);
    eddy_with_timeout (0, &err) {
        r = eddy_wait((eddy_task *[]){done, slow}, 2, EDDY_FIRST_COMPLETED, 5);
        none = eddy_wait(&slow, 1, EDDY_FIRST_COMPLETED, 5);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK(r == 1 && none == -ECANCELED);
    CHECK_NOTES("a");
    CHECK_INT(eddy_await(slow), 0);
    CHECK_TIME(3);
    return release_all((eddy_task *[]){done, slow}, 2);
}

TEST(a_failure_that_was_only_waited_for_is_reported_at_release)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1, .name = "a", .result = -EIO);
    CHECK_INT(eddy_wait(&task, 1, EDDY_FIRST_EXCEPTION, 5), 1);
    CHECK_NO_REPORT();
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "nobody waited");
    CHECK_NOTES("a");
    return 0;
}

ORDERED_TEST(a_thousand_tasks)
{
    enum { COUNT = 1000 };
    static eddy_task *tasks[COUNT];
    for (int i = 0; i < COUNT; i++)
        tasks[i] = eddy_create_task(nap, .seconds = 1 + i % 7);
    CHECK_INT(eddy_wait(tasks, COUNT, EDDY_FIRST_COMPLETED, EDDY_FOREVER), 143);
    CHECK_INT(eddy_wait(tasks, COUNT, EDDY_ALL_COMPLETED, EDDY_FOREVER), COUNT);
    CHECK_TIME(7);
    return release_all(tasks, COUNT);
}

PLAIN_TEST(outside_a_task_a_wait_says_so)
{
    test_stderr_begin();
    int r = eddy_wait(NULL, 0, EDDY_ALL_COMPLETED, 0);
    EXPECT_CONTAINS(test_stderr_end(), "eddy_wait");
    EXPECT_INT(r, -EINVAL);
}
