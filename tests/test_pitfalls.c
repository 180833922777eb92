/* SPDX-License-Identifier: MIT */
/*
 * The tutorials' sixteen pitfalls, and what catches each: docs/pitfalls.rst has them in a table.
 * Each test makes the mistake and wants to be told.
 */
#include <pthread.h>
#include <time.h>
#include <eddy/search.h>
#define TEST_DEFAULTS .real_system = true
#include "sanitizer.h"
#include "support/process.h"

/* A threshold well above what a busy machine does to a test by itself. */
#define THRESHOLD 0.2

static int tick(void)
{
    return eddy_sleep(1);
}

struct call {
    int (*function)(void);
};

static int call(struct call *a)
{
    return a->function();
}

/* What the log had to say of a run by the virtual clock. */
static int run(int (*function)(void))
{
    struct eddy_options options = {.virtual_clock = true, .quiet = true, .log = test_log};
    return eddy_run_with(&options, call, .function = function);
}

/* What came on stderr while it ran, by the real clock. */
static const char *watch(int (*function)(void))
{
    struct eddy_options options = {.slow_step = THRESHOLD, .quiet = true, .log = test_log};
    test_stderr_begin();
    int r = eddy_run_with(&options, call, .function = function);
    const char *text = test_stderr_end();
    EXPECT_INT(r, 0);
    return text;
}

/* ---- tasks that nobody waits for ---- */

static const char *const before = "#include <eddy.h>\n"
                                  "int tick(void);\n"
                                  "int job(int *number);\n"
                                  "EDDY_ASYNC int fetch(void);\n"
                                  "void use(int *number);\n"
                                  "void use(int *number)\n{\n    (void)number;\n";

PLAIN_TEST(pitfall_01_a_forgotten_await_is_a_warning_of_the_compiler)
{
    static const struct mistake mistakes[] = {
        {"task", "eddy_create_task(tick);", WARNED, "unused-result", NULL},
        {"call", "fetch();", WARNED, "unused-result", NULL},
    };
    mistakes_check(mistakes, 2, "-std=gnu11", before, "}\n");
}

static int keeps_no_reference(void)
{
    (void)!eddy_create_task(tick);
    return eddy_sleep(2);
}

PLAIN_TEST(pitfall_02_a_task_nobody_holds_runs_all_the_same_and_its_handle_is_missed)
{
    EXPECT_INT(run(keeps_no_reference), 0);
    EXPECT_REPORT(EDDY_LOG_HANDLE_LOST, "the handle of task 'Task-2' (tick, created at ");
}

static char told[256];

static int says_why(void)
{
    int r = eddy_sleep(5);
    (void)snprintf(told, sizeof told, "%s", eddy_failure_message(eddy_last_failure()));
    return r;
}

static int ends_too_early(void)
{
    return eddy_detach(eddy_create_task(says_why)) + eddy_sleep(1);
}

PLAIN_TEST(pitfall_03_tasks_left_at_the_end_are_cancelled_and_told_why)
{
    EXPECT_INT(run(ends_too_early), 0);
    EXPECT_CONTAINS(told, "cancelled because the main task has ended");
}

/* ---- steps that keep the loop ---- */

static int sleeps(void)
{
    struct timespec time = {.tv_nsec = 600000000};
    while (nanosleep(&time, &time) < 0)
        ;
    return 0;
}

static int runs_sleeps(void)
{
    int err;
    eddy_with_group (g, &err)
        eddy_spawn(g, sleeps);
    return err < 0 ? err : eddy_sleep(0.01);
}

PLAIN_TEST(pitfall_04_a_blocking_call_in_a_task_is_told_by_the_watchdog)
{
    TEST_NOT_EMULATED();
    const char *text = watch(runs_sleeps);
    EXPECT_CONTAINS(text, "eddy: warning: task 'Task-2' (sleeps at test_pitfalls.c:");
    EXPECT_CONTAINS(text, "still does: blocked in ");
    EXPECT_CONTAINS(text, "eddy_to_thread");
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "(sleeps at ");
}

static int reply[2];

static void *server(void *unused)
{
    (void)sleeps();
    EXPECT_INT(write(reply[1], "x", 1), 1);
    return unused;
}

/* A driver that knows nothing of tasks. */
static int queries(void)
{
    char byte;
    return read(reply[0], &byte, 1) == 1 ? 0 : -EIO;
}

static int runs_queries(void)
{
    int err;
    eddy_with_group (g, &err)
        eddy_spawn(g, queries);
    return err < 0 ? err : eddy_sleep(0.01);
}

PLAIN_TEST(pitfall_05_a_synchronous_driver_is_told_by_the_watchdog)
{
    TEST_NOT_EMULATED();
    pthread_t thread;
    EXPECT_INT(pipe(reply), 0);
    EXPECT_INT(pthread_create(&thread, NULL, server, NULL), 0);
    const char *text = watch(runs_queries);
    EXPECT_CONTAINS(text, "eddy: warning: task 'Task-2' (queries at test_pitfalls.c:");
    EXPECT_CONTAINS(text, "still does: blocked in ");
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "(queries at ");
    (void)pthread_join(thread, NULL);
    (void)close(reply[0]);
    (void)close(reply[1]);
}

static double processor_time(void)
{
    struct timespec used = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int computes(void)
{
    double end = processor_time() + 0.8;
    while (processor_time() < end)
        ;
    return 0;
}

static int runs_computes(void)
{
    int err;
    eddy_with_group (g, &err)
        eddy_spawn(g, computes);
    return err < 0 ? err : eddy_sleep(0.01);
}

PLAIN_TEST(pitfall_06_computing_in_a_task_is_told_by_the_watchdog)
{
    TEST_NOT_EMULATED();
    const char *text = watch(runs_computes);
    EXPECT_CONTAINS(text, "(computes at test_pitfalls.c:");
    EXPECT_CONTAINS(text, "still does: computing");
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "computing");
}

/* ---- what looks right ---- */

PLAIN_TEST(pitfall_07_sequential_instead_of_concurrent_is_for_the_lint)
{
    printf("SKIP: later issue: the lint\n");
    skip();
}

static int breaks(void)
{
    int r = eddy_sleep(1);
    return r < 0 ? r : eddy_fail(-EIO, "broke");
}

static int loses_errors(void)
{
    int err;
    CHECK_INT(eddy_detach(eddy_create_task(breaks)), 0);
    CHECK_INT(eddy_sleep(2), 0);
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL)
        for (int i = 0; i < 2; i++)
            eddy_spawn(g, breaks);
    CHECK_INT(err, -EIO);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 2);
    eddy_task *tasks[] = {eddy_create_task(breaks), eddy_create_task(breaks)};
    CHECK_INT(eddy_gather(tasks, 2, NULL, EDDY_RAISE_FIRST),
              -EIO); /* rule 131: the rest is silent */
    CHECK_INT(eddy_sleep(2), 0);
    return eddy_task_release(tasks[0]) + eddy_task_release(tasks[1]);
}

PLAIN_TEST(pitfall_08_an_error_nobody_looks_at_is_reported_and_a_group_keeps_all)
{
    EXPECT_INT(run(loses_errors), 0);
    EXPECT_REPORT(EDDY_LOG_TASK_LOST, "task 'Task-2' (breaks, spawned at ");
    EXPECT_NO_REPORT();
}

struct items {
    int count;
};

static int appends(struct items *a)
{
    return ++a->count; /* to its own copy */
}

static int shares_its_arguments(void)
{
    int err, sum = 0;
    struct items items = {0};
    eddy_with_group (g, &err) {
        eddy_task *tasks[] = {eddy_spawn_as(g, appends, struct items, .count = items.count),
                              eddy_spawn_as(g, appends, struct items, .count = items.count)};
        for (int i = 0; i < 2; i++)
            sum += eddy_await(tasks[i]);
    }
    EXPECT_INT(sum, 2);
    EXPECT_INT(items.count, 0);
    return err;
}

PLAIN_TEST(pitfall_09_arguments_are_copies_so_none_is_shared_by_default)
{
    EXPECT_INT(run(shares_its_arguments), 0);
}

/* ---- too long, too much ---- */

static eddy_task *hangs;

static void give_up(void *context, const struct eddy_log_record *record)
{
    test_log(context, record);
    if (record->event == EDDY_LOG_DEADLOCK)
        (void)eddy_task_cancel(hangs);
}

static int waits_for_ever(void)
{
    eddy_event answer = EDDY_EVENT_INIT;
    hangs = eddy_current_task();
    return eddy_event_wait(&answer);
}

PLAIN_TEST(pitfall_10_without_a_timeout_a_wait_that_nobody_can_end_is_a_deadlock_told)
{
    if (getenv("EDDY_EMULATOR")) {
        printf("SKIP: the emulator has a thread of its own, which could call\n");
        skip();
    }
    struct eddy_options options = {.virtual_clock = true, .quiet = true, .log = give_up};
    if (EDDY_TSAN) {
        printf("SKIP: the thread sanitizer has a thread of its own, which could call\n");
        skip();
    }
    EXPECT_INT(eddy_run_with(&options, waits_for_ever), -ECANCELED);
    EXPECT_REPORT(EDDY_LOG_DEADLOCK, "nothing can wake any task: 'Task-1' (waits_for_ever at ");
}

static int begins_too_much(void)
{
    int err;
    eddy_with_group (g, &err)
        for (int i = 0; i < 1000; i++)
            if (!eddy_spawn(g, tick))
                break;
    EXPECT_TEXT(eddy_failure_message(eddy_failure_child(eddy_last_failure(), 0)),
                "can't spawn tick: 100 tasks is the cap (max_tasks)");
    return err;
}

PLAIN_TEST(pitfall_11_more_tasks_than_the_cap_fail_with_a_message)
{
    struct eddy_options options = {
        .virtual_clock = true, .max_tasks = 100, .quiet = true, .log = test_log};
    EXPECT_INT(eddy_run_with(&options, begins_too_much), -EAGAIN);
    eddy_failure_clear();
}

/* Fine as long as the first one is through before the second begins. */
struct increment {
    int *counter, turns;
};

static int increment(struct increment *a)
{
    for (int i = 0; i < a->turns; i++)
        (void)!eddy_sleep(0);
    int now = *a->counter, r = eddy_sleep(0);
    *a->counter = now + 1;
    return r;
}

static int loses_an_update(void)
{
    int err, counter = 0;
    eddy_with_group (g, &err) {
        eddy_spawn(g, increment, .counter = &counter);
        eddy_spawn(g, increment, .counter = &counter, .turns = 2);
    }
    return err < 0 ? err : counter == 2 ? 0 : eddy_fail(-ERANGE, "counter is %d", counter);
}

PLAIN_TEST(pitfall_12_shared_state_without_a_lock_is_found_by_another_order)
{
    const struct eddy_search_options options = {
        .name = "update", .scenario = loses_an_update, .quiet = true};
    struct eddy_search_result found;
    EXPECT_INT(run(loses_an_update), 0); /* right by luck */
    EXPECT_INT(eddy_search(&options, &found), -ERANGE);
    EXPECT_CONTAINS(found.why, "counter is 1");
}

/* ---- cancellation, caches, calls in the wrong place ---- */

static int swallows(void)
{
    for (int i = 0; i < 300; i++)
        if (eddy_sleep(1) < 0)
            continue; /* and goes on */
    return 0;
}

static int cancels_a_swallower(void)
{
    eddy_task *task = eddy_create_task(swallows);
    int r = eddy_sleep(1.5);
    EXPECT(eddy_task_cancel(task));
    EXPECT_INT(eddy_await(task), 0);
    return r + eddy_task_release(task);
}

PLAIN_TEST(pitfall_13_a_swallowed_cancellation_is_reported)
{
    EXPECT_INT(run(cancels_a_swallower), 0);
    EXPECT_REPORT(EDDY_LOG_CANCEL_IGNORED, "task 'Task-2' (swallows, spawned at ");
}

static int awaits_a_task_twice(void)
{
    eddy_task *cached = eddy_create_task(tick);
    EXPECT_INT(eddy_await(cached), 0);
    EXPECT_INT(eddy_await(cached), 0); /* as often as one likes ... */
    EXPECT_INT(eddy_task_release(cached), 0);
    EXPECT_INT(eddy_await(cached), -ESRCH); /* ... but not then */
    return 0;
}

PLAIN_TEST(pitfall_14_a_cached_task_is_stale_and_told)
{
    EXPECT_INT(run(awaits_a_task_twice), 0);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_await: this task's handle was released, or its group");
}

PLAIN_TEST(pitfall_15_a_task_of_a_call_is_an_error_of_the_compiler)
{
    static const struct mistake mistakes[] = {
        {"to_thread", "eddy_task *t = eddy_create_task(eddy_to_thread(job, number)); (void)t;",
         REFUSED, "is a call or a number; name the function alone", NULL},
        {"call", "eddy_task *t = eddy_create_task(fetch()); (void)t;", REFUSED,
         "eddy: fetch() is a call or a number; name the function alone", NULL},
    };
    mistakes_check(mistakes, 2, "-std=gnu11", before, "}\n");
}

PLAIN_TEST(pitfall_16_awaiting_in_synchronous_code_is_told)
{
    test_stderr_begin();
    EXPECT_INT(tick(), -EINVAL);
    EXPECT_CONTAINS(test_stderr_end(), "eddy_sleep: awaited outside a task (EINVAL)");
}
