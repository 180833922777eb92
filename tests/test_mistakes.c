/* SPDX-License-Identifier: MIT */
/*
 * Beginners' mistakes, and what they are told. Those with blocks are in test_mistakes_blocks, with
 * handles and groups in test_mistakes_handles; the compile-time half in detail is
 * test_arguments_compile.
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

static int tick(void)
{
    return eddy_sleep(1);
}

static eddy_lock lock = EDDY_LOCK_INIT;

/* ---- while compiling ---- */

REAL_PLAIN_TEST(wrong_field_type_or_function_is_an_error_that_names_the_function)
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

REAL_PLAIN_TEST(a_dropped_result_is_a_warning)
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
REAL_PLAIN_TEST(clang_refuses_a_jump_into_a_block)
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

REAL_PLAIN_TEST(an_error_variable_nobody_reads_is_for_the_lint)
{
    NOT_YET("the lint");
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

ORDERED_TEST(ignoring_a_cancel_is_reported_once_and_never_a_hang)
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

ORDERED_TEST(a_callback_is_no_task)
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

REAL_PLAIN_TEST(a_stack_overflow_names_the_task)
{
    if (EDDY_ASAN || EDDY_TSAN) {
        printf("SKIP: under a sanitizer the fault is the sanitizer's to report\n");
        skip();
    }
    run_child(run_too_deep);
    EXPECT_DEATH(SIGSEGV, "stack overflow in task 'diver' (256 KiB, spawned at ");
    EXPECT_CONTAINS(process.text, "test_mistakes.c:");
}

/* ---- blocking ---- */

static int descriptors[2];

static int sleeps_for_real(void)
{
    return (int)sleep(1);
}

static int reads_for_real(void)
{
    char byte;
    return read(descriptors[0], &byte, 1) == 1 ? 0 : -EIO;
}

/* The other end of the pipe, in a thread. */
static int writes_late(int *descriptor)
{
    (void)sleep(1);
    return write(*descriptor, "x", 1) == 1 ? 0 : -EIO;
}

static int blocks(void)
{
    int err = 0;
    eddy_with_group (g, &err)
        eddy_spawn(g, sleeps_for_real);
    if (err < 0 || (err = eddy_sleep(0.01)) < 0)
        return err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, reads_for_real);
        err = eddy_to_thread(writes_late, &descriptors[1]);
    }
    return err < 0 ? err : eddy_sleep(0.01);
}

REAL_PLAIN_TEST(a_blocking_call_in_a_task_is_told_by_the_watchdog)
{
    TEST_NOT_EMULATED();
    struct eddy_options options = {.slow_step = 0.2, .log = test_log, .quiet = true};
    EXPECT_INT(pipe(descriptors), 0);
    test_stderr_begin();
    int r = eddy_run_with(&options, blocks);
    const char *text = test_stderr_end();
    EXPECT_INT(r, 0);
    EXPECT_CONTAINS(text, "eddy: warning: task 'Task-2' (sleeps_for_real at test_mistakes.c:");
    EXPECT_CONTAINS(text, "eddy: warning: task 'Task-3' (reads_for_real at test_mistakes.c:");
    EXPECT_CONTAINS(text, " and still does: blocked in ");
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "(sleeps_for_real at ");
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "(reads_for_real at ");
    (void)close(descriptors[0]);
    (void)close(descriptors[1]);
}
