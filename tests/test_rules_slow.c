/* SPDX-License-Identifier: MIT */
/* Rule 257: a step that keeps its loop from everything else is told while it happens, and after. */
#define TEST_DEFAULTS .real_system = true
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include "sanitizer.h"
#include "support/process.h"
#include "watchdog.h"

/* A threshold well above what a busy machine does to a test by itself. */
#define THRESHOLD 0.2

static void block(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&time, &time) < 0)
        ;
}

static double processor_time(void)
{
    struct timespec used = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void compute(double seconds)
{
    double end = processor_time() + seconds;
    while (processor_time() < end)
        ;
}

struct runs_a_culprit {
    double seconds;
    bool computes;
};
static int culprit(struct runs_a_culprit *a)
{
    if (a->computes)
        compute(a->seconds);
    else
        block(a->seconds);
    return 0;
}

static int runs_a_culprit(struct runs_a_culprit *a)
{
    eddy_task *task = eddy_create_task_as(culprit, struct runs_a_culprit, .seconds = a->seconds,
                                          .computes = a->computes);
    CHECK_INT(eddy_task_set_name(task, "culprit"), 0);
    CHECK_INT(eddy_await(task), 0);
    CHECK_INT(eddy_sleep(0.01), 0); /* over: the log hears of it */
    return eddy_task_release(task);
}

/* What came on stderr while it ran; the log goes to the findings. */
static const char *stderr_of(struct eddy_options options, double seconds, bool computes)
{
    options.quiet = true;
    options.log = test_log;
    test_stderr_begin();
    int r = eddy_run_with(&options, runs_a_culprit, .seconds = seconds, .computes = computes);
    const char *text = test_stderr_end();
    EXPECT_INT(r, 0);
    return text;
}

PLAIN_TEST(rule_257_a_blocking_step_is_told_while_it_happens_and_when_it_is_over)
{
    TEST_NOT_EMULATED();
    const char *text = stderr_of((struct eddy_options){.slow_step = THRESHOLD}, 0.6, false);
    EXPECT_CONTAINS(text, "eddy: warning: task 'culprit' (culprit at test_rules_slow.c:");
    EXPECT_CONTAINS(text, " and still does: blocked in ");
    EXPECT_CONTAINS(text, "eddy_to_thread");
    EXPECT_INT(test_count_lines(text), 1);
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "task 'culprit' (culprit at ");
    EXPECT(record && record->level == EDDY_LOG_WARNING);
    EXPECT(record && record->seconds >= 0.5 && record->seconds < 10);
    EXPECT_CONTAINS(record ? record->message : "", "blocked in ");
}

PLAIN_TEST(rule_257_a_computing_step_is_told_as_such)
{
    TEST_NOT_EMULATED();
    const char *text = stderr_of((struct eddy_options){.slow_step = THRESHOLD}, 0.8, true);
    EXPECT_CONTAINS(text, "task 'culprit' (culprit at test_rules_slow.c:");
    EXPECT_CONTAINS(text, " and still does: computing");
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "computing");
}

/* Both are ready in the same turn. */
static int runs_two_culprits(void)
{
    eddy_task *tasks[2];
    for (int i = 0; i < 2; i++) {
        tasks[i] = eddy_create_task_as(culprit, struct runs_a_culprit, .seconds = 0.6);
        CHECK_INT(eddy_task_set_name(tasks[i], i ? "second" : "first"), 0);
    }
    CHECK_INT(eddy_gather(tasks, 2, NULL, EDDY_RAISE_FIRST), 0);
    return eddy_task_release(tasks[0]) + eddy_task_release(tasks[1]);
}

PLAIN_TEST(rule_257_each_of_two_slow_steps_within_one_turn_is_told)
{
    TEST_NOT_EMULATED();
    struct eddy_options options = {.slow_step = THRESHOLD, .log = test_log};
    test_stderr_begin();
    int r = eddy_run_with(&options, runs_two_culprits);
    const char *text = test_stderr_end();
    EXPECT_INT(r, 0);
    EXPECT_CONTAINS(text, "task 'first' (culprit at test_rules_slow.c:");
    EXPECT_CONTAINS(text, "task 'second' (culprit at test_rules_slow.c:");
    EXPECT_INT(test_count_lines(text), 2);
    for (int i = 0; i < 2; i++) {
        struct test_record *record = EXPECT_REPORT(EDDY_LOG_SLOW_STEP,
                                                   i ? "task 'second'" : "task 'first'");
        EXPECT(record && record->seconds >= 0.5 && record->seconds < 10);
    }
}

static void blocks_in_a_callback(void *unused)
{
    (void)unused;
    block(EDDY_ASAN || EDDY_TSAN ? 1.5 : 0.5);
}

static int has_a_blocking_callback(void)
{
    CHECK(eddy_call_soon(blocks_in_a_callback, NULL));
    return eddy_sleep(0.01);
}

PLAIN_TEST(rule_257_a_callback_is_told_too_and_the_threshold_is_a_tenth_of_a_second)
{
    struct eddy_options options = {.log = test_log};
    test_stderr_begin();
    int r = eddy_run_with(&options, has_a_blocking_callback);
    const char *text = test_stderr_end();
    EXPECT_INT(r, 0);
    EXPECT_CONTAINS(text, "a callback (asked for at test_rules_slow.c:");
    EXPECT_CONTAINS(text, ") has kept its loop for ");
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "a callback (asked for at test_rules_slow.c:");
}

static int blocks_at_the_very_end(void)
{
    block(0.5);
    return 0;
}

PLAIN_TEST(rule_257_the_main_task_that_blocks_and_ends_is_told)
{
    TEST_NOT_EMULATED();
    struct eddy_options options = {.slow_step = THRESHOLD, .log = test_log};
    test_stderr_begin();
    int r = eddy_run_with(&options, blocks_at_the_very_end);
    EXPECT_CONTAINS(test_stderr_end(), "task 'Task-1' (blocks_at_the_very_end at ");
    EXPECT_INT(r, 0);
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "task 'Task-1' (blocks_at_the_very_end at ");
}

PLAIN_TEST(rule_257_a_virtual_clock_and_a_negative_threshold_switch_it_off)
{
    TEST_NOT_EMULATED();
    EXPECT_TEXT(stderr_of((struct eddy_options){.slow_step = -1}, 0.3, false), "");
    EXPECT_TEXT(stderr_of((struct eddy_options){.virtual_clock = true}, 0.3, false), "");
    const char *text = stderr_of((struct eddy_options){.virtual_clock = true, .slow_step = 0.1},
                                 0.5, false);
    EXPECT_CONTAINS(text, "blocked in "); /* unless it is asked for */
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "culprit");
    struct eddy_options bad = {.slow_step = NAN, .quiet = true};
    EXPECT_INT(eddy_run_with(&bad, blocks_at_the_very_end), -EINVAL);
    eddy_failure_clear();
}

static int sleeps_and_spins(void)
{
    int r = eddy_sleep(0.3);
    for (int i = 0; i < 100 && r == 0; i++) {
        block(0.004);
        r = eddy_sleep(0);
    }
    return r;
}

PLAIN_TEST(many_short_steps_and_long_sleeps_are_none_of_its_business)
{
    EXPECT_INT(test_run_with(sleeps_and_spins, (struct eddy_options){.slow_step = THRESHOLD}), 0);
    EXPECT_NO_REPORT();
}

/* After so long a sleep the watchdog rests as well, and is awake again in time. */
static int blocks_after_a_rest(void)
{
    int r = eddy_sleep(1.5);
    block(0.6);
    return r < 0 ? r : eddy_sleep(0.01);
}

PLAIN_TEST(after_a_rest_it_watches_again)
{
    TEST_NOT_EMULATED();
    struct eddy_options options = {.slow_step = THRESHOLD, .log = test_log};
    test_stderr_begin();
    int r = eddy_run_with(&options, blocks_after_a_rest);
    EXPECT_CONTAINS(test_stderr_end(), "blocked in ");
    EXPECT_INT(r, 0);
    EXPECT_REPORT(EDDY_LOG_SLOW_STEP, "blocks_after_a_rest");
}

/* ---- the thread comes and goes with the loops ---- */

static size_t threads(void)
{
    return count_entries("/proc/self/task");
}

/* The same, once the thread that lingers has gone. */
static size_t threads_settled(size_t expected)
{
    for (int i = 0; i < 2000 && threads() != expected; i++)
        (void)usleep(1000);
    return threads();
}

static int counts_threads(void)
{
    return (int)threads();
}

static pthread_t both[2];
static void *runs_a_loop(void *unused)
{
    struct eddy_options options = {.quiet = true};
    for (int i = 0; i < 20; i++)
        if (eddy_run_with(&options, counts_threads) < 2)
            return &both;
    return unused;
}

PLAIN_TEST(its_thread_comes_and_goes_with_the_loops)
{
    struct eddy_options real = {.quiet = true}, off = {.slow_step = -1, .quiet = true};
    (void)watchdog_runs(); /* the last test's thread doesn't linger any more, */
    (void)usleep(10000);   /* nor does /proc show it */
    size_t before = threads();
    EXPECT_INT(eddy_run_with(&off, counts_threads), before);
    EXPECT_INT(eddy_run_with(&real, counts_threads), before + 1);
    EXPECT_INT(threads_settled(before), before);
    void *wrong = NULL;
    for (int i = 0; i < 2; i++)
        EXPECT_INT(pthread_create(&both[i], NULL, runs_a_loop, NULL), 0);
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_join(both[i], &wrong) == 0 && !wrong);
    EXPECT_INT(threads_settled(before), before);
}

static int does_nothing(void)
{
    return 0;
}

/* The fastest of many, of the time of a run that does nothing. */
static double empty_run(double slow_step)
{
    struct eddy_options options = {.slow_step = slow_step, .quiet = true};
    double fastest = 1e9;
    for (int i = 0; i < 200; i++) {
        double begin = eddy_time();
        EXPECT_INT(eddy_run_with(&options, does_nothing), 0);
        double took = eddy_time() - begin;
        fastest = took < fastest ? took : fastest;
    }
    return fastest;
}

PLAIN_TEST(a_run_waits_neither_for_its_start_nor_for_its_end)
{
    if (EDDY_TSAN || EDDY_ASAN) {
        printf("SKIP: a sanitizer makes its own time\n");
        skip();
    }
    double without = empty_run(-1), with = empty_run(0);
    EXPECT(with < 2 * without + 25e-6); /* starting and joining a thread takes more */
}

static int runs_in_a_fork(void)
{
    (void)!eddy_sleep(0.01);
    pid_t child = fork();
    if (child == 0) {
        struct eddy_options options = {.quiet = true};
        int r = eddy_run_with(&options, counts_threads);
        _exit(r == 2 && threads_settled(1) == 1 ? 42 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 42 ? 0 : -EIO;
}

PLAIN_TEST(a_fork_has_a_watchdog_of_its_own)
{
    TEST_NOT_EMULATED();
    if (EDDY_TSAN) {
        printf("SKIP: the thread sanitizer refuses threads after a fork\n");
        skip();
    }
    EXPECT_INT(test_run_with(runs_in_a_fork, (struct eddy_options){.slow_step = 5}), 0);
}
