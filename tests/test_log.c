/* SPDX-License-Identifier: MIT */
/* The log: what the runtime has to say, and to whom. */
#include "support/test.h"

static const struct test_record *find(enum eddy_log_event event, const char *task)
{
    for (size_t i = 0; i < test_state.record_count; i++)
        if (test_state.records[i].event == event && strcmp(test_state.records[i].task, task) == 0)
            return &test_state.records[i];
    return NULL;
}

TEST(creations_and_ends_with_durations_and_codes)
{
    eddy_task *good = eddy_create_task(nap, .seconds = 1.5, .result = 4);
    eddy_task *bad = eddy_create_task(nap, .seconds = 1, .name = "bad", .result = -EIO);
    eddy_task *cut = eddy_create_task(nap, .seconds = 9);
    const struct test_record *record = find(EDDY_LOG_TASK_CREATED, "Task-2");
    CHECK(record);
    CHECK_INT(record->level, EDDY_LOG_DEBUG);
    CHECK_CONTAINS(record->message, "nap");
    CHECK_CONTAINS(record->message, "test_log.c:");
    CHECK(!strchr(record->message, '\n'));
    CHECK_INT(eddy_await(good), 4);
    CHECK_INT(eddy_await(bad), -EIO);
    CHECK(eddy_task_cancel(cut));
    CHECK_INT(eddy_await(cut), -ECANCELED);
    record = find(EDDY_LOG_TASK_FINISHED, "Task-2");
    CHECK(record && fabs(record->seconds - 1.5) < 1e-6);
    CHECK_INT(record->level, EDDY_LOG_DEBUG);
    CHECK_INT(record->code, 4);
    CHECK_CONTAINS(record->message, "1.500 s");
    record = find(EDDY_LOG_TASK_FINISHED, "Task-3");
    CHECK(record);
    CHECK_INT(record->code, -EIO);
    CHECK_TEXT(record->failure, "bad failed");
    record = find(EDDY_LOG_TASK_FINISHED, "Task-4");
    CHECK(record);
    CHECK_CONTAINS(record->message, "cancelled");
    CHECK_NOTES("bad");
    return eddy_task_release(good) + eddy_task_release(bad) + eddy_task_release(cut);
}

TEST(a_misuse_names_call_task_and_code)
{
    CHECK_INT(eddy_lock_release(NULL), -EINVAL);
    struct test_record *report = EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_lock_release");
    CHECK(report);
    CHECK_INT(report->level, EDDY_LOG_ERROR);
    CHECK_TEXT(report->task, "Task-1");
    CHECK_CONTAINS(report->message, "Task-1");
    CHECK_INT(report->code, -EINVAL);
    return 0;
}

static int context_seen;
static void with_context(void *context, const struct eddy_log_record *record)
{
    context_seen += *(int *)context == 42 && record->message;
}

static int nothing(void)
{
    return 0;
}

PLAIN_TEST(the_handler_gets_its_context)
{
    int context = 42;
    context_seen = 0;
    struct eddy_options options = {.log = with_context, .log_context = &context};
    EXPECT_INT(eddy_run_with(&options, nothing), 0);
    EXPECT(context_seen >= 2); /* main's creation and end */
}

static int misuses_and_loses(void)
{
    (void)!eddy_lock_acquire(NULL);
    eddy_task *task = eddy_create_task(nap, .name = "lost", .result = -EIO);
    (void)eddy_detach(task);
    return eddy_sleep(1);
}

PLAIN_TEST(without_a_handler_warnings_and_errors_go_to_stderr)
{
    struct eddy_options options = {.virtual_clock = true};
    test_stderr_begin();
    int r = eddy_run_with(&options, misuses_and_loses);
    const char *text = test_stderr_end();
    EXPECT_INT(r, 0);
    EXPECT_CONTAINS(text, "eddy: error: eddy_lock_acquire: ");
    EXPECT_CONTAINS(text, "nobody waited for it");
    EXPECT_CONTAINS(text, "EIO: lost failed");
    EXPECT(!strstr(text, "created"));
    EXPECT_NOTES("lost");
    test_stderr_begin();
    EXPECT_INT(eddy_run_with(&options, nothing), 0);
    EXPECT_TEXT(test_stderr_end(), ""); /* and the rest nowhere */
}

PLAIN_TEST(debug_says_creations_and_ends_on_stderr)
{
    struct eddy_options options = {.virtual_clock = true, .debug = true};
    test_stderr_begin();
    int r = eddy_run_with(&options, nothing);
    const char *text = test_stderr_end();
    EXPECT_INT(r, 0);
    EXPECT_CONTAINS(text, "Task-1' created: nothing() at ");
    EXPECT_CONTAINS(text, "Task-1' finished after 0.000 s");
    EXPECT_INT(setenv("EDDY_DEBUG", "1", 1), 0);
    options.debug = false;
    test_stderr_begin();
    r = eddy_run_with(&options, nothing);
    text = test_stderr_end();
    EXPECT_INT(unsetenv("EDDY_DEBUG"), 0);
    EXPECT_INT(r, 0);
    EXPECT_CONTAINS(text, "created");
}

static int breaks(void)
{
    int err;
    for (;;) {
        eddy_with_timeout (1, &err) {
            break;
        }
        return err;
    }
}

PLAIN_TEST(debug_notes_a_break_in_a_block)
{
    struct eddy_options options = {.virtual_clock = true, .debug = true};
    EXPECT_INT(test_run_with(breaks, options), 0);
    bool noted = false;
    for (size_t i = 0; i < test_state.record_count; i++)
        noted |= test_state.records[i].event == EDDY_LOG_NOTE &&
                 strstr(test_state.records[i].message, "break") &&
                 strstr(test_state.records[i].message, "test_log.c");
    EXPECT(noted);
}

PLAIN_TEST(outside_a_loop_a_misuse_is_one_line_on_stderr)
{
    test_stderr_begin();
    EXPECT_INT(eddy_sleep(1), -EINVAL);
    const char *text = test_stderr_end();
    EXPECT_INT(test_count_lines(text), 1);
    EXPECT_CONTAINS(text, "eddy_sleep");
    EXPECT_CONTAINS(text, "outside a task");
}
