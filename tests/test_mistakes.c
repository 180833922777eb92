/* SPDX-License-Identifier: MIT */
/*
 * Beginners' mistakes, and what they are told. The compile-time half in detail is test_arguments.
 */
#include <errno.h>
#include <sys/resource.h>
#include "sanitizer.h"
#include "support/process.h"

#define NOT_YET(reason)                                                                            \
    do {                                                                                           \
        printf("SKIP: later issue: %s\n", reason);                                                 \
        skip();                                                                                    \
    } while (0)

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

/* ---- while compiling ---- */

PLAIN_TEST(wrong_field_type_or_function_is_an_error_that_names_the_function)
{
    static const struct mistake mistakes[] = {
        {"wrong_field", "eddy_spawn(g, fetch, .m = 1);", REFUSED, "struct fetch", NULL},
        {"wrong_type", "eddy_spawn(g, fetch, .n = \"one\");", REFUSED,
         "initialization of 'int' from 'char *' makes integer from pointer without a cast",
         "incompatible pointer to integer conversion initializing 'int'"},
        {"wrong_function", "eddy_spawn(g, wrong, .n = 1);", REFUSED,
         "eddy: wrong was given arguments, so it must be: int wrong(struct wrong *)", NULL},
        {"wrong_form", "eddy_spawn(g, fetch);", REFUSED,
         "eddy: fetch was given no arguments, so it must be: int fetch(void)", NULL},
    };
    mistakes_check(mistakes, sizeof mistakes / sizeof mistakes[0], "-std=gnu11",
                   "#include <eddy.h>\n"
                   "struct fetch { int n; };\n"
                   "int fetch(struct fetch *a);\n"
                   "struct wrong { int n; };\n"
                   "int wrong(int n);\n"
                   "void use(eddy_group *g);\n"
                   "void use(eddy_group *g)\n{\n",
                   "}\n");
}

PLAIN_TEST(a_dropped_result_is_a_warning)
{
    static const struct mistake mistakes[] = {
        {"of_a_suspending_call", "eddy_sleep(1.0);", WARNED, "unused-result", NULL},
        {"of_wait_for", "eddy_wait_for(eddy_sleep(1.0), 2.0);", WARNED, "unused-result", NULL},
        {"of_a_created_task", "eddy_create_task(tick);", WARNED, "unused-result", NULL},
        {"of_an_own_function", "slow();", WARNED, "unused-result", NULL},
    };
    mistakes_check(mistakes, sizeof mistakes / sizeof mistakes[0], "-std=gnu11",
                   "#include <eddy.h>\n"
                   "int tick(void);\n"
                   "EDDY_ASYNC int slow(void);\n"
                   "void use(void);\n"
                   "void use(void)\n{\n",
                   "}\n");
}

/* gcc has no check of its own for cleanup variables: there the header's word has to do. */
PLAIN_TEST(clang_refuses_a_jump_into_a_block)
{
    static const char text[] = "#include <eddy.h>\n"
                               "int use(int n);\n"
                               "int use(int n)\n{\n"
                               "    if (n)\n        goto inside;\n"
                               "    eddy_with_timeout (1.0, NULL) {\n"
                               "    inside:\n        n++;\n    }\n"
                               "    return n;\n}\n";
    compilers_find();
    if (!compilers[CLANG][0])
        skip();
    EXPECT_INT(compile_end(compile_start(CLANG, "-std=gnu11", text)), REFUSED);
    EXPECT_CONTAINS(process.text,
                    "jump bypasses initialization of variable with __attribute__((cleanup))");
}

PLAIN_TEST(an_error_variable_nobody_reads_is_for_the_lint)
{
    NOT_YET("the lint");
}

/* ---- break, continue, return, goto, longjmp ---- */

/* Only in debug: a break in a block can be meant. */
static int break_in_blocks(void)
{
    int err, rounds = 0;
    for (int i = 0; i < 3; i++) {
        eddy_with_timeout (1.0, &err) {
            if (i == 0)
                break; /* ends the block, not the loop */
            if (i == 1)
                continue;
        }
        rounds++;
    }
    EXPECT_INT(rounds, 3);
    EXPECT_INT(err, 0);
    eddy_with_shield (1.0)
        break;
    eddy_with_group (g, &err) {
        eddy_spawn(g, tick);
        break;
    }
    return err;
}

static size_t count_notes(const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < test_state.record_count; i++)
        count += test_state.records[i].event == EDDY_LOG_NOTE &&
                 strstr(test_state.records[i].message, part) != NULL;
    return count;
}

TEST_WITH(break_in_a_block_is_noted_in_debug, .virtual_clock = true, .debug = true)
{
    CHECK_INT(break_in_blocks(), 0);
    CHECK_INT(count_notes("break or continue ended the timeout block at "), 1);
    CHECK_INT(count_notes("break or continue ended the shield block at "), 1);
    CHECK_INT(count_notes("break or continue ended the group block at "), 1);
    CHECK_INT(count_notes("test_mistakes.c:"), 3);
    return 0;
}

TEST(break_in_a_block_is_not_noted_otherwise)
{
    CHECK_INT(break_in_blocks(), 0);
    CHECK_INT(count_notes("break"), 0);
    return 0;
}

static eddy_lock lock = EDDY_LOCK_INIT;

TEST(break_in_a_lock_block_releases_the_lock)
{
    int err;
    eddy_with_lock (&lock, &err)
        break;
    CHECK(!eddy_lock_locked(&lock));
    eddy_with_lock (&lock, &err)
        continue;
    CHECK(!eddy_lock_locked(&lock));
    return err;
}

TEST(break_in_a_group_block_still_joins_the_children)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, tick);
        break;
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_all_tasks(NULL, 0), 1); /* the main task alone */
    double start = eddy_time();
    eddy_with_group (g, &err) {
        eddy_spawn(g, tick);
        continue; /* as the end of the body: nobody is cancelled */
    }
    CHECK_INT(eddy_all_tasks(NULL, 0), 1);
    CHECK_TIME(start + 1);
    return err;
}

static int return_inside_a_timeout(void)
{
    eddy_with_timeout (1.0, NULL) {
        int r = eddy_sleep(10);
        if (r < 0)
            return r; /* err is out of reach: nobody turns it into -ETIMEDOUT */
    }
    return 0;
}

TEST(return_inside_a_timeout_becomes_etimedout_and_the_place_is_reported)
{
    eddy_task *task = eddy_create_task(return_inside_a_timeout);
    CHECK_INT(eddy_await(task), -ETIMEDOUT);
    CHECK_TIME(1);
    CHECK(!eddy_task_cancelled(task));
    const eddy_failure *failure = eddy_last_failure();
    CHECK_INT(eddy_failure_code(failure), -ETIMEDOUT);
    CHECK_CONTAINS(eddy_failure_file(failure), "test_mistakes.c");
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_NOTE, "an expired timeout block at ");
    CHECK(record);
    CHECK_CONTAINS(record->message, "test_mistakes.c:");
    CHECK_CONTAINS(record->message, "was left by return, so the task's result is -ETIMEDOUT");
    CHECK_CONTAINS(record->message, "eddy_wait_for has no such trap");
    return eddy_task_release(task);
}

TEST(return_of_a_value_inside_a_timeout_stays_the_value)
{
    int r = eddy_wait_for(return_inside_a_timeout(), 20.0);
    CHECK_INT(r, -ECANCELED); /* in a call, not a task: the caller sees what was returned */
    return 0;
}

static int goto_out_of_nested_blocks(int depth)
{
    int outer, inner, held;
    eddy_with_group (g, &outer) {
        eddy_spawn(g, tick);
        eddy_with_timeout (5.0, &inner) {
            eddy_with_lock (&lock, &held) {
                eddy_with_shield (1.0) {
                    if (depth == 4)
                        goto out;
                }
                if (depth == 3)
                    goto out;
            }
            if (depth == 2)
                goto out;
        }
        if (depth == 1)
            goto out;
    }
out:
    EXPECT(!eddy_lock_locked(&lock));
    return eddy_cancelled() ? -EBADE : 0;
}

TEST(goto_out_of_nested_blocks_is_fine)
{
    for (int depth = 0; depth <= 4; depth++) {
        double before = eddy_time();
        CHECK_INT(goto_out_of_nested_blocks(depth), 0);
        CHECK(eddy_time() == (depth ? before : before + 1)); /* jumped out of: cancelled */
        CHECK_INT(eddy_sleep(0), 0);
    }
    return 0;
}

static int longjmp_across_a_block(void)
{
    static jmp_buf place;
    volatile int err;
    eddy_with_timeout (5.0, (int *)&err) {
        if (setjmp(place) == 0)
            eddy_with_shield (1.0)
                longjmp(place, 1);
    }
    return 0;
}

static void run_longjmp_across_a_block(void)
{
    (void)eddy_run(longjmp_across_a_block);
}

PLAIN_TEST(longjmp_across_a_block_aborts_with_a_message)
{
    run_child(run_longjmp_across_a_block);
    EXPECT_DEATH(SIGABRT, "eddy: fatal: a timeout block entered at ");
    EXPECT_CONTAINS(process.text, "test_mistakes.c:");
    EXPECT_CONTAINS(process.text,
                    "was left across a block inside it (goto or longjmp?), in Task-1");
}

static int longjmp_out_of_a_block(void)
{
    static jmp_buf place;
    if (setjmp(place) == 0)
        eddy_with_timeout (5.0, NULL)
            longjmp(place, 1);
    return 0;
}

static void run_longjmp_out_of_a_block(void)
{
    (void)eddy_run(longjmp_out_of_a_block);
}

static int longjmp_and_enter_again(void)
{
    static jmp_buf place;
    (void)setjmp(place);
    eddy_with_timeout (5.0, NULL)
        longjmp(place, 1);
    return 0;
}

static void run_longjmp_and_enter_again(void)
{
    (void)eddy_run(longjmp_and_enter_again);
}

PLAIN_TEST(longjmp_out_of_a_block_aborts_at_the_end_or_the_next_entry)
{
    run_child(run_longjmp_out_of_a_block);
    EXPECT_DEATH(
        SIGABRT,
        "eddy: fatal: a task ended inside a block that it never left (longjmp?), in Task-1");
    run_child(run_longjmp_and_enter_again);
    EXPECT_DEATH(SIGABRT, "eddy: fatal: the timeout block at ");
    EXPECT_CONTAINS(process.text,
                    "was entered again though it was never left (longjmp?), in Task-1");
}

/* ---- cancellation ignored ---- */

static int stubborn(void)
{
    int refused = 0;
    while (refused < 100000) {
        int r = eddy_sleep(1);
        refused += r == -ECANCELED;
        if (eddy_time() > 1.5) /* the loop's clock goes on, and so do the others */
            break;
    }
    return refused > 100 ? -ECANCELED : refused;
}

TEST(ignoring_a_cancel_is_reported_once_and_never_a_hang)
{
    eddy_task *task = eddy_create_task(stubborn);
    CHECK_INT(eddy_task_set_name(task, "mule"), 0);
    turns(1);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_sleep(2), 0); /* this wait isn't starved */
    CHECK(eddy_task_done(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_CANCEL_IGNORED,
                                               "task 'mule' (stubborn, spawned at ");
    CHECK(record);
    CHECK_CONTAINS(record->message, "test_mistakes.c:");
    CHECK_CONTAINS(record->message, "was cancelled and goes on: 100 waits in a row were refused");
    CHECK_INT(record->level, EDDY_LOG_WARNING);
    CHECK_NO_REPORT();
    return eddy_task_release(task);
}

static int claims_to_be_cancelled(void)
{
    return -ECANCELED;
}

TEST(ecanceled_though_nothing_cancelled_it_is_a_failure)
{
    eddy_task *task = eddy_create_task(claims_to_be_cancelled);
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK(!eddy_task_cancelled(task));
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -ECANCELED);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "returned -ECANCELED, though nothing cancelled it");
    CHECK_INT(eddy_task_release(task), 0);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, claims_to_be_cancelled);
        eddy_spawn(g, tick);
    }
    CHECK_INT(err, -ECANCELED);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 1);
    return 0;
}

/* ---- outside a task, outside a loop ---- */

static void expect_line(const char *part)
{
    const char *text = test_stderr_end();
    EXPECT_CONTAINS(text, "eddy: error: ");
    EXPECT_CONTAINS(text, part);
    EXPECT_INT(test_count_lines(text), 1);
}

PLAIN_TEST(awaiting_outside_a_task_says_so_in_one_line)
{
    test_stderr_begin();
    EXPECT_INT(eddy_sleep(1), -EINVAL);
    expect_line("eddy_sleep: awaited outside a task (EINVAL)");

    static eddy_event event = EDDY_EVENT_INIT;
    test_stderr_begin();
    EXPECT_INT(eddy_event_wait(&event), -EINVAL);
    expect_line("outside a task (EINVAL)");

    test_stderr_begin();
    EXPECT_INT(eddy_lock_acquire(&lock), -EINVAL);
    expect_line("eddy_lock_acquire: called outside a task (EINVAL)");

    test_stderr_begin();
    EXPECT_INT(eddy_gather(NULL, 0, NULL, EDDY_RAISE_FIRST), -EINVAL);
    expect_line("eddy_gather: called outside a task (EINVAL)");

    test_stderr_begin();
    EXPECT(eddy_create_task(tick) == NULL);
    expect_line("eddy_create_task: called outside a loop, at ");
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
    eddy_failure_clear();
}

PLAIN_TEST(blocks_outside_a_task_say_so_and_let_their_body_run)
{
    int err = 1, ran = 0;
    test_stderr_begin();
    eddy_with_timeout (1.0, &err)
        ran++;
    expect_line("timeout: used outside a task, at ");
    EXPECT_INT(err, -EINVAL);
    EXPECT_INT(ran, 1);

    test_stderr_begin();
    eddy_with_group (g, &err)
        ran++;
    expect_line("eddy_with_group: used outside a task, at ");
    EXPECT_INT(err, -EINVAL);
    EXPECT_INT(ran, 2);

    test_stderr_begin();
    eddy_with_lock (&lock, &err) /* a body without its lock is skipped */
        ran++;
    expect_line("eddy_lock_acquire: called outside a task");
    EXPECT_INT(err, -EINVAL);
    EXPECT_INT(ran, 2);

    test_stderr_begin();
    EXPECT_INT(eddy_wait_for(7, 1.0), 7);
    expect_line("timeout: used outside a task, at ");
    eddy_failure_clear();
}

static void sleep_in_callback(void *argument)
{
    *(int *)argument = eddy_sleep(1);
}

TEST(a_callback_is_no_task)
{
    int result = 0;
    CHECK(eddy_call_soon(sleep_in_callback, &result));
    turns(2);
    CHECK_INT(result, -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sleep: awaited outside a task (EINVAL)");
    return 0;
}

TEST(a_second_eddy_run_in_a_loop_is_refused)
{
    CHECK_INT(eddy_run(tick), -EBUSY);
    struct test_record *record = EXPECT_REPORT(
        EDDY_LOG_MISUSE,
        "eddy_run: a loop runs on this thread already: call the function, or spawn it, at ");
    CHECK(record);
    CHECK_CONTAINS(record->message, "test_mistakes.c:");
    CHECK_CONTAINS(record->message, "(EBUSY)");
    return 0;
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
    CHECK_CONTAINS(record->message, "test_mistakes.c:");
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

/* ---- locks and queues ---- */

TEST(a_lock_taken_twice_by_one_task_is_a_deadlock_told)
{
    int err = 0, inner = 0, ran = 0;
    eddy_with_lock (&lock, &err)
        eddy_with_lock (&lock, &inner)
            ran++;
    CHECK_INT(err, 0);
    CHECK_INT(inner, -EDEADLK);
    CHECK_INT(ran, 0);
    CHECK_REPORT(EDDY_LOG_MISUSE,
                 "eddy_lock_acquire: this task holds the lock already, in Task-1 (EDEADLK)");
    CHECK(!eddy_lock_locked(&lock));
    CHECK_INT(eddy_lock_release(&lock), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_lock_release: the lock isn't held");
    return 0;
}

TEST(an_item_of_the_wrong_size_is_an_error_with_both_sizes)
{
    eddy_queue queue;
    char small = 1;
    int item = 2;
    CHECK_INT(eddy_queue_open(&queue, sizeof item, 10), 0);
    CHECK_INT(eddy_queue_put(&queue, &small), -EINVAL);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "eddy_queue_put: an item of 1 bytes for a queue of items of 4 bytes");
    CHECK_REPORT(EDDY_LOG_MISUSE,
                 "eddy_queue_put: an item of 1 bytes for a queue of items of 4 bytes");
    CHECK_INT(eddy_queue_put(&queue, &item), 0);
    CHECK_INT(eddy_queue_get(&queue, &small), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE,
                 "eddy_queue_get: an item of 1 bytes for a queue of items of 4 bytes");
    CHECK_INT(eddy_queue_put_nowait(&queue, &small), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_put_nowait: an item of 1 bytes");
    CHECK_INT(eddy_queue_size(&queue), 1);
    eddy_queue_close(&queue);
    CHECK_INT(eddy_queue_put(&queue, &item), -EPIPE);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_put: the queue isn't open");
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

/* ---- too deep, too long ---- */

static volatile int bottom = -1;

__attribute__((__noinline__)) static int deeper(int n)
{
    volatile char frame[1024];
    if (n == bottom)
        return 0;
    frame[0] = (char)n;
    frame[1023] = (char)(deeper(n + 1) + frame[0]);
    return frame[1023];
}

static int too_deep(void)
{
    return deeper(0);
}

static int has_a_deep_task(void)
{
    eddy_task *task = eddy_create_task(too_deep);
    (void)eddy_task_set_name(task, "diver");
    int r = eddy_await(task);
    eddy_task_release(task);
    return r;
}

static void run_too_deep(void)
{
    static const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)eddy_run(has_a_deep_task);
}

PLAIN_TEST(a_stack_overflow_names_the_task)
{
    if (EDDY_ASAN || EDDY_TSAN) {
        printf("SKIP: under a sanitizer the fault is the sanitizer's to report\n");
        skip();
    }
    run_child(run_too_deep);
    EXPECT_DEATH(SIGSEGV, "stack overflow in task 'diver' (256 KiB, spawned at ");
    EXPECT_CONTAINS(process.text, "test_mistakes.c:");
}

PLAIN_TEST(a_blocking_call_in_a_task_is_for_the_watchdog)
{
    NOT_YET("the watchdog, for sleep() and read() in a task");
}
