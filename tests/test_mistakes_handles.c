/* SPDX-License-Identifier: MIT */
/* Beginners' mistakes with handles and groups: NULL, stale, of somebody else, or forgotten. */
#include "support/test.h"

struct fetch {
    int n;
};
static int fetch(struct fetch *a)
{
    return a->n;
}

static int tick(void)
{
    return eddy_sleep(1);
}

/* ---- handles and groups: NULL, stale, of somebody else ---- */

TEST(null_handles_are_an_error_and_no_crash)
{
    char text[8];
    CHECK_INT(eddy_await(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_await: the task is NULL, in Task-1 (EINVAL)");
    CHECK_INT(eddy_task_wait(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_wait: the task is NULL");
    CHECK_INT(eddy_task_result(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_result: the task is NULL");
    CHECK(!eddy_task_done(NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_done: the task is NULL");
    CHECK(!eddy_task_cancel(NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_cancel: the task is NULL");
    CHECK_INT(eddy_task_release(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_release: the task is NULL");
    CHECK_INT(eddy_detach(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_detach: the task is NULL");
    CHECK_TEXT(eddy_task_name(NULL), "");
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_name: the task is NULL");
    CHECK_INT(eddy_task_describe(NULL, text, sizeof text), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_describe: the task is NULL");
    eddy_task *none[1] = {NULL};
    CHECK_INT(eddy_gather(none, 1, NULL, EDDY_RAISE_FIRST), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_gather: the task is NULL");
    return 0;
}

TEST(a_null_group_is_an_error_and_no_crash)
{
    eddy_group *none = NULL;
    CHECK(eddy_spawn(none, tick) == NULL);
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_MISUSE,
                                               "eddy_spawn: the group is NULL, at ");
    CHECK(record);
    CHECK_CONTAINS(record->message, "test_mistakes_handles.c:");
    CHECK(eddy_spawn(none, fetch, .n = 1) == NULL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_spawn: the group is NULL");
    eddy_group_cancel(NULL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_group_cancel: NULL group");
    CHECK_INT(eddy_group_size(NULL), 0);
    return 0;
}

TEST(a_handle_that_was_released_is_recognised)
{
    eddy_task *task = eddy_create_task(fetch, .n = 3);
    CHECK_INT(eddy_await(task), 3);
    CHECK_INT(eddy_task_release(task), 0);
    eddy_task *other = eddy_create_task(fetch, .n = 4); /* it gets the same place */
    CHECK_INT(eddy_await(task), -ESRCH);
    CHECK_REPORT(
        EDDY_LOG_MISUSE,
        "eddy_await: this task's handle was released, or its group has ended, in Task-1 (ESRCH)");
    CHECK(!eddy_task_cancel(task));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_cancel: this task's handle was released");
    CHECK_INT(eddy_task_release(task), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_release: this task's handle was released");
    CHECK_INT(eddy_await(other), 4); /* and wasn't hit by any of that */
    return eddy_task_release(other);
}

TEST(a_handle_released_while_the_task_runs_is_not_released_twice)
{
    eddy_task *task = eddy_create_task(tick);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_INT(eddy_task_release(task), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_release: this task's handle was released already");
    return eddy_sleep(2);
}

TEST(a_handle_of_a_group_that_ended_is_recognised)
{
    eddy_task *child = NULL;
    int err;
    eddy_with_group (g, &err) {
        child = eddy_spawn(g, fetch, .n = 3);
        CHECK_INT(eddy_await(child), 3);
        CHECK_INT(eddy_task_release(child), -EPERM);
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_release: this ");
    }
    CHECK_INT(eddy_await(child), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "its group has ended");
    CHECK_INT(eddy_task_result(child), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE,
                 "eddy_task_result: this task's handle was released, or its group has ended");
    return err;
}

struct keeps_group {
    eddy_group *group;
    double seconds;
};
static int keeps_group(struct keeps_group *a)
{
    int r = eddy_sleep(a->seconds);
    if (r < 0)
        return r;
    EXPECT(eddy_spawn(a->group, tick) == NULL);
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -ESRCH);
    return 0;
}

TEST(a_spawn_after_the_end_of_the_group_is_refused)
{
    struct eddy_group memory; /* as a block has it, but here for the test to look at afterwards */
    eddy_group_open_(&memory, (struct eddy_group_options){0}, EDDY_SITE_("group"));
    eddy_task *task = eddy_create_task(keeps_group, .group = &memory, .seconds = 1);
    (void)eddy_group_leave_(&memory, false);
    CHECK_INT(eddy_await(task), 0);
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_MISUSE,
                                               "eddy_spawn: the group has ended, at ");
    CHECK(record);
    CHECK_CONTAINS(record->message, "(ESRCH)");
    eddy_group_cancel(&memory);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_group_cancel: the group has ended");
    CHECK_INT(eddy_group_size(&memory), 0);
    return eddy_task_release(task);
}

static eddy_task *kept;

static int keep_a_task(void)
{
    kept = eddy_current_task();
    return 0;
}

static int await_the_kept_task(void)
{
    CHECK_INT(eddy_await(kept), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE,
                 "eddy_await: this task belongs to another loop, or to one that ended");
    return 0;
}

PLAIN_TEST(a_handle_of_a_loop_that_ended_is_recognised)
{
    EXPECT_INT(test_run(keep_a_task), 0);
    EXPECT_INT(test_run(await_the_kept_task), 0);
}

TEST(a_task_that_awaits_itself_is_told)
{
    CHECK_INT(eddy_await(eddy_current_task()), -EDEADLK);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_await: a task can't wait for itself, in Task-1 (EDEADLK)");
    CHECK_INT(eddy_task_wait(eddy_current_task()), -EDEADLK);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_wait: a task can't wait for itself");
    return 0;
}

/* ---- things forgotten ---- */

static int fails(void)
{
    return eddy_fail(-EIO, "the disk is gone");
}

static int forgets_a_failed_task(void)
{
    return eddy_task_release(eddy_create_task(fails)) < 0 ? -EBADE : eddy_sleep(1);
}

PLAIN_TEST(a_failure_nobody_looked_at_is_reported)
{
    EXPECT_INT(test_run(forgets_a_failed_task), 0);
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_TASK_LOST, "(fails, spawned at ");
    if (record) {
        EXPECT_CONTAINS(record->message, "failed and nobody waited for it");
        EXPECT_CONTAINS(record->failure, "the disk is gone");
    }
}

static int forgets_a_handle(void)
{
    eddy_task *task = eddy_create_task(fetch, .n = 1);
    return task ? eddy_sleep(1) : -EBADE;
}

PLAIN_TEST(a_handle_nobody_released_is_reported)
{
    EXPECT_INT(test_run(forgets_a_handle), 0);
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_HANDLE_LOST, "(fetch, created at ");
    if (record)
        EXPECT_CONTAINS(record->message,
                        "was never released; use eddy_task_release or eddy_detach");
}
