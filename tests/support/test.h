/* SPDX-License-Identifier: MIT */
/*
 * The project's own tests on eddy-test (eddy/test.h says what a test is), under shorter names, and
 * with the internal functions of library and kit at hand.
 *
 *     TEST(rule_040_create_task_does_not_run_the_body)
 *     {
 *         eddy_task *task = eddy_create_task(nap, .name = "a");
 *         CHECK_NOTES("");
 *         CHECK_INT(eddy_await(task), 0);
 *         CHECK_NOTES("a");
 *         return eddy_task_release(task);
 *     }
 *
 * A program whose tests use the system beneath them (descriptors, processes, threads of their own,
 * the real clock) says so before it includes this: they aren't simulated then.
 *
 *     #define TEST_DEFAULTS .real_system = true
 *     #include "support/test.h"
 */
#ifndef EDDY_TESTS_SUPPORT_TEST_H
#define EDDY_TESTS_SUPPORT_TEST_H

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <eddy.h>
#include <eddy/test.h>
#include "support/entries.h"
#include "test/findings.h"

#define TEST_HELPER __attribute__((__unused__)) static

#define TEST_FAILED EDDY_TEST_FAILED

/* Under these tools each task costs a lot: fewer of them. */
#if defined(__SANITIZE_THREAD__) || defined(EDDY_HAVE_VALGRIND)
#define TEST_FEW_TASKS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_FEW_TASKS 1
#endif
#endif
#ifndef TEST_FEW_TASKS
#define TEST_FEW_TASKS 0
#endif

#ifndef TEST_DEFAULTS
#define TEST_DEFAULTS .patience = 0
#endif

/* A TEST holds in whatever order ready tasks run, which `./test_x --seeds 300` tells; an
 * ORDERED_TEST in asyncio's only; a FIFO_TEST even leaves tasks behind, or waits for ever, in
 * another. A HEAVY_TEST has too many suspensions to be swept. A REAL_TEST isn't simulated, an
 * ANYWHERE_TEST is although the file's others aren't. TEST_WITH's options are the loop's; its clock
 * is real unless they say. */
#define TEST(name) EDDY_TEST_WITH(name, .any_order = true, TEST_DEFAULTS)
#define ORDERED_TEST(name) EDDY_TEST_WITH(name, TEST_DEFAULTS)
#define FIFO_TEST(name) EDDY_TEST_WITH(name, .fifo_only = true, TEST_DEFAULTS)
#define HEAVY_TEST(name) EDDY_TEST_WITH(name, .any_order = true, .heavy = true, TEST_DEFAULTS)
#define REAL_TEST(name) EDDY_TEST_WITH(name, .real_system = true)
#define ANYWHERE_TEST(name) EDDY_TEST_WITH(name, .any_order = true)
#define TEST_WITH(name, ...)                                                                       \
    EDDY_TEST_WITH(name, TEST_DEFAULTS, .loop = {__VA_ARGS__},                                     \
                   .real_clock = !((struct eddy_options){__VA_ARGS__}).virtual_clock)

/* A test outside any loop; it may run some with test_run. */
#define PLAIN_TEST(name) EDDY_PLAIN_TEST_WITH(name, TEST_DEFAULTS)
#define REAL_PLAIN_TEST(name) EDDY_PLAIN_TEST_WITH(name, .real_system = true)
#define ANYWHERE_PLAIN_TEST(name) EDDY_PLAIN_TEST(name)

#define EXPECT EDDY_EXPECT
#define EXPECT_INT EDDY_EXPECT_INT
#define EXPECT_TEXT EDDY_EXPECT_TEXT
#define EXPECT_CONTAINS EDDY_EXPECT_CONTAINS
#define EXPECT_TIME EDDY_EXPECT_TIME
#define EXPECT_NOTES EDDY_EXPECT_NOTES
#define EXPECT_NO_REPORT EDDY_EXPECT_NO_REPORT
/* The record, or NULL. */
#define EXPECT_REPORT(event, part) findings_report(__FILE__, __LINE__, event, part)

#define CHECK EDDY_CHECK
#define CHECK_INT EDDY_CHECK_INT
#define CHECK_TEXT EDDY_CHECK_TEXT
#define CHECK_CONTAINS EDDY_CHECK_CONTAINS
#define CHECK_TIME EDDY_CHECK_TIME
#define CHECK_NOTES EDDY_CHECK_NOTES
#define CHECK_REPORT EDDY_CHECK_REPORT
#define CHECK_NO_REPORT EDDY_CHECK_NO_REPORT

#define note(...) eddy_test_note(__VA_ARGS__)
#define turns(count) eddy_test_turns(count)
#define test_failure eddy_test_fail
#define test_log findings_log
#define test_record finding_record
#define test_next_report findings_next_report
#define test_count_records findings_count
#define test_state (*findings_here())

TEST_HELPER int test_run_with(int (*function)(void), struct eddy_options loop)
{
    struct eddy_test_options options = {TEST_DEFAULTS};
    options.loop = loop;
    options.real_clock = !loop.virtual_clock;
    return eddy_test_run(function, &options);
}

TEST_HELPER int test_run(int (*function)(void))
{
    return test_run_with(function, (struct eddy_options){.virtual_clock = true});
}

TEST_HELPER size_t test_count_descriptors(void)
{
    return count_entries("/proc/self/fd");
}

/* Ends a plain test of what the watchdog sees: under an emulator /proc, and a peek at memory, tell
 * of the emulator. */
#define TEST_NOT_EMULATED()                                                                        \
    do {                                                                                           \
        if (getenv("EDDY_EMULATOR")) {                                                             \
            printf("SKIP: the watchdog asks /proc, which tells of the emulator\n");                \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

/* Unless the program has its own, which then calls eddy_test_main. */
#ifndef TEST_OWN_MAIN
EDDY_TEST_MAIN()
#endif

/* ---- stderr, for what has no log to go to ---- */

static int test_stderr = -1;
static FILE *test_stderr_file;

TEST_HELPER void test_stderr_begin(void)
{
    (void)fflush(stderr);
    test_stderr = dup(STDERR_FILENO);
    test_stderr_file = tmpfile();
    if (test_stderr < 0 || !test_stderr_file || dup2(fileno(test_stderr_file), STDERR_FILENO) < 0)
        abort();
}

/* What was written to stderr since; valid until the next call. */
TEST_HELPER const char *test_stderr_end(void)
{
    static char text[4096];
    (void)fflush(stderr);
    rewind(test_stderr_file);
    text[fread(text, 1, sizeof text - 1, test_stderr_file)] = '\0';
    (void)dup2(test_stderr, STDERR_FILENO);
    (void)close(test_stderr);
    (void)fclose(test_stderr_file);
    return text;
}

TEST_HELPER size_t test_count_lines(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* ---- tasks that many tests need ---- */

/* Sleeps, notes its name and ends with `result`. Cancelled it notes "!name"; with `cleanup` it
 * then takes so many seconds more, and ends with `at_cancel` if that isn't 0. */
struct nap {
    double seconds;
    const char *name;
    int result;
    double cleanup;
    int at_cancel;
};

TEST_HELPER int nap(struct nap *a)
{
    int r = eddy_sleep(a->seconds);
    if (a->name)
        note("%s%s", r < 0 ? "!" : "", a->name);
    if (r < 0) {
        if (a->cleanup > 0)
            eddy_with_shield (EDDY_FOREVER) {
                EXPECT_INT(eddy_sleep(a->cleanup), 0);
            }
        return a->at_cancel ? a->at_cancel : r;
    }
    return a->result < 0 ? eddy_fail(a->result, "%s failed", a->name) : a->result;
}

/* Cancels a task after so many seconds. */
struct cancel_later {
    eddy_task *task;
    double seconds;
};

TEST_HELPER int cancel_later(struct cancel_later *a)
{
    int r = eddy_sleep(a->seconds);
    EXPECT(eddy_task_cancel(a->task));
    return r;
}

#endif
