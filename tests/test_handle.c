/* SPDX-License-Identifier: MIT */
/* Task handles: generations, release and reports, names, descriptions. */
#include "support/test.h"

static void expect_stale(eddy_task *task)
{
    EXPECT_INT(eddy_await(task), -ESRCH);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_await");
    EXPECT_INT(eddy_task_wait(task), -ESRCH);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_wait");
    EXPECT_INT(eddy_task_result(task), -ESRCH);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_result");
    EXPECT(!eddy_task_done(task));
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_done");
    EXPECT(!eddy_task_cancelled(task));
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_cancelled");
    EXPECT(!eddy_task_cancel(task));
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_cancel");
    EXPECT_INT(eddy_task_release(task), -ESRCH);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_release");
    EXPECT_INT(eddy_detach(task), -ESRCH);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_detach");
    EXPECT_TEXT(eddy_task_name(task), "");
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_name");
    EXPECT_INT(eddy_task_set_name(task, "x"), -ESRCH);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_set_name");
    char text[100];
    EXPECT_INT(eddy_task_describe(task, text, sizeof text), -ESRCH);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_describe");
    EXPECT_NO_REPORT();
}

TEST(a_stale_handle_gives_ESRCH_and_a_report_everywhere)
{
    eddy_task *old = eddy_create_task(nap, .result = 1);
    CHECK_INT(eddy_await(old), 1);
    CHECK_INT(eddy_task_release(old), 0);
    expect_stale(old);
    eddy_task *fresh = eddy_create_task(nap, .seconds = 1, .result = 2); /* in the same slot */
    expect_stale(old);
    CHECK(!eddy_task_done(fresh)); /* not reached by any of that */
    CHECK_INT(eddy_await(fresh), 2);
    return eddy_task_release(fresh);
}

TEST(a_handle_released_while_the_task_runs_is_given_back_once)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1, .name = "ran");
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_INT(eddy_task_release(task), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_release");
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_NOTES("ran"); /* the task went on */
    expect_stale(task);
    return 0;
}

TEST(a_waiter_survives_the_release_of_the_handle)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1, .result = 6);
    CHECK_INT(eddy_sleep(0.5), 0);
    CHECK_INT(eddy_detach(task), 0);
    CHECK_INT(eddy_await(task), 6); /* valid as long as the task runs */
    return 0;
}

TEST(a_failure_after_release_is_reported_with_name_place_and_record)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1, .name = "x", .result = -EIO);
    CHECK_INT(eddy_task_set_name(task, "lonely"), 0);
    CHECK_INT(eddy_detach(task), 0);
    CHECK_INT(eddy_sleep(2), 0);
    struct test_record *report = EXPECT_REPORT(EDDY_LOG_TASK_LOST, "test_handle.c");
    CHECK(report);
    CHECK_TEXT(report->task, "lonely");
    CHECK_TEXT(report->failure, "x failed");
    CHECK_INT(report->code, -EIO);
    CHECK_INT(report->level, EDDY_LOG_ERROR);
    CHECK_CONTAINS(report->message, "nap");
    return 0;
}

TEST(a_failure_nobody_looked_at_is_reported_at_release)
{
    eddy_task *unseen = eddy_create_task(nap, .name = "x", .result = -EIO);
    eddy_task *awaited = eddy_create_task(nap, .name = "y", .result = -EIO);
    eddy_task *asked = eddy_create_task(nap, .name = "z", .result = -EIO);
    CHECK_INT(eddy_await(awaited), -EIO);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_task_result(asked), -EIO);
    CHECK_INT(eddy_task_release(awaited), 0);
    CHECK_INT(eddy_task_release(asked), 0);
    CHECK_NO_REPORT();
    CHECK_INT(eddy_task_release(unseen), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "nobody waited for it");
    return 0;
}

TEST(an_interrupted_wait_has_not_seen_the_failure)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 2, .name = "x", .result = -EIO);
    CHECK_INT(eddy_wait_for(eddy_task_wait(task), 1), -ETIMEDOUT);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "nobody waited for it");
    return 0;
}

FIFO_TEST(a_cancelled_task_that_nobody_awaits_is_not_reported)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 10);
    turns(1);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_detach(task), 0);
    turns(2);
    return 0;
}

static int loses_handles(void)
{
    eddy_task *good = eddy_create_task(nap, .result = 1), *bad;
    bad = eddy_create_task(nap, .name = "x", .result = -EIO);
    CHECK(good && bad);
    return eddy_sleep(1);
}

PLAIN_TEST(handles_never_released_are_reported_at_the_end)
{
    EXPECT_INT(test_run(loses_handles), 0);
    EXPECT_REPORT(EDDY_LOG_HANDLE_LOST, "Task-2");
    EXPECT_REPORT(EDDY_LOG_TASK_LOST, "Task-3");
    struct test_record *report = EXPECT_REPORT(EDDY_LOG_HANDLE_LOST, "Task-3");
    EXPECT(report && strstr(report->message, "test_handle.c"));
    EXPECT_NO_REPORT();
}

static eddy_task *kept;
static int keeps(void)
{
    kept = eddy_create_task(nap, .result = 1);
    CHECK_INT(eddy_await(kept), 1);
    return eddy_task_release(kept);
}

static int uses_kept(void)
{
    expect_stale(kept);
    return 0;
}

static int uses_kept_beside_others(void)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1, .result = 5);
    expect_stale(kept);
    CHECK_INT(eddy_await(task), 5);
    return eddy_task_release(task);
}

static int nothing(void)
{
    return 0;
}

PLAIN_TEST(a_handle_of_an_earlier_loop_never_names_another_task)
{
    EXPECT_INT(test_run(keeps), 0);
    EXPECT_INT(test_run(uses_kept), 0);
    for (int loops = 2; loops < 256; loops++)
        EXPECT_INT(test_run(nothing), 0);
    EXPECT_INT(test_run(uses_kept_beside_others), 0); /* loop ids have come round */
}

static int keeps_unreleased(void)
{
    kept = eddy_create_task(nap, .seconds = 9, .result = 1);
    test_state.leftovers = 1;
    return kept ? 0 : -ENOMEM;
}

PLAIN_TEST(nor_one_that_was_never_released)
{
    EXPECT_INT(test_run(keeps_unreleased), 0);
    EXPECT_REPORT(EDDY_LOG_HANDLE_LOST, "never released");
    for (int loops = 1; loops < 256; loops++)
        EXPECT_INT(test_run(nothing), 0);
    EXPECT_INT(test_run(uses_kept_beside_others), 0);
}

/* ---- names and descriptions ---- */

FIFO_TEST(rule_047_names_grow_or_are_given)
{
    CHECK_TEXT(eddy_task_name(eddy_current_task()), "Task-1");
    eddy_task *a = eddy_create_task(nap, .seconds = 0), *b = eddy_create_task(nap, .seconds = 0);
    CHECK_TEXT(eddy_task_name(a), "Task-2");
    CHECK_TEXT(eddy_task_name(b), "Task-3");
    char name[100];
    memset(name, 'n', sizeof name);
    name[99] = '\0';
    CHECK_INT(eddy_task_set_name(a, "short"), 0);
    CHECK_TEXT(eddy_task_name(a), "short");
    CHECK_INT(eddy_task_set_name(a, name), 0);
    CHECK_INT(strlen(eddy_task_name(a)), 63);
    name[0] = 'm'; /* it was copied */
    CHECK_INT(eddy_task_name(a)[0], 'n');
    CHECK_INT(eddy_task_set_name(a, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_set_name");
    CHECK_INT(eddy_await(b), 0);
    CHECK_TEXT(eddy_task_name(b), "Task-3"); /* also afterwards */
    CHECK_INT(eddy_task_release(a), 0);
    return eddy_task_release(b);
}

static const char *describe(eddy_task *task)
{
    static char text[300];
    int length = eddy_task_describe(task, text, sizeof text);
    EXPECT_INT(length, strlen(text));
    return text;
}

struct waits_for {
    eddy_task *task;
    eddy_lock *lock;
};
static int waits_for(struct waits_for *a)
{
    return a->task ? eddy_task_wait(a->task) : eddy_lock_acquire(a->lock);
}

ORDERED_TEST(rule_048_descriptions_say_state_function_place_and_what_it_waits_for)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    CHECK_INT(eddy_lock_acquire(&lock), 0);
    eddy_task *sleeper = eddy_create_task(nap, .seconds = 1, .result = 4);
    eddy_task *locker = eddy_create_task(waits_for, .lock = &lock);
    eddy_task *joiner = eddy_create_task(waits_for, .task = sleeper);
    CHECK_CONTAINS(describe(sleeper), "<Task pending name='Task-2' nap() at ");
    CHECK_CONTAINS(describe(sleeper), "test_handle.c:");
    CHECK_CONTAINS(describe(eddy_current_task()), "<Task running name='Task-1'");
    turns(1);
    CHECK_CONTAINS(describe(sleeper), " waiting for sleep>");
    CHECK_CONTAINS(describe(locker), " waiting for lock>");
    CHECK_CONTAINS(describe(joiner), "waiting for task 'Task-2'");
    CHECK(eddy_task_cancel(locker));
    CHECK_CONTAINS(describe(locker), "<Task cancelling ");
    turns(1);
    CHECK_CONTAINS(describe(locker), "<Task cancelled ");
    CHECK_INT(eddy_await(sleeper), 4);
    CHECK_CONTAINS(describe(sleeper), "<Task finished ");
    CHECK_CONTAINS(describe(sleeper), "result=4");
    char small[10];
    CHECK(eddy_task_describe(sleeper, small, sizeof small) > 20); /* as snprintf does */
    CHECK_TEXT(small, "<Task fin");
    CHECK(eddy_task_describe(sleeper, NULL, 0) > 20);
    CHECK_INT(eddy_await(joiner), 0);
    CHECK_INT(eddy_lock_release(&lock), 0);
    return eddy_task_release(sleeper) + eddy_task_release(locker) + eddy_task_release(joiner);
}
