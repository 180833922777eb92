/* SPDX-License-Identifier: MIT */
/*
 * What the behaviour tests share: a cmocka test that is a task.
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
 * The body is the main task of a loop with a virtual clock, so no test sleeps for real. A test
 * fails if a check does, if it doesn't return 0, if it leaves a task, a handle or a descriptor
 * behind, or if the log has a warning or an error that CHECK_REPORT didn't ask for.
 *
 * cmocka's assertions longjmp, which must not cross a task's stack. So in tasks and callbacks a
 * check that fails is only written down; cmocka hears of it when eddy_run has returned. CHECK...
 * then leaves the task, EXPECT... goes on (for callbacks and loops).
 */
#ifndef EDDY_TESTS_SUPPORT_TEST_H
#define EDDY_TESTS_SUPPORT_TEST_H

#include <dirent.h>
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

#define TEST_HELPER __attribute__((__unused__)) static

/* What a check that failed returns from its task. */
#define TEST_FAILED (-EBADE)

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

#define TEST(name) TEST_WITH(name, .virtual_clock = true)
#define TEST_WITH(name, ...)                                                                       \
    static int name##_body(void);                                                                  \
    PLAIN_TEST(name)                                                                               \
    {                                                                                              \
        EXPECT_INT(test_run_with(name##_body, (struct eddy_options){__VA_ARGS__}), 0);             \
    }                                                                                              \
    static int name##_body(void)

/* A test outside any loop; it may run some with test_run. */
#define PLAIN_TEST(name)                                                                           \
    static void name##_plain(void);                                                                \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        test_restore_crashes();                                                                    \
        name##_plain();                                                                            \
        test_assert_clean();                                                                       \
    }                                                                                              \
    __attribute__((__constructor__)) static void name##_register(void)                             \
    {                                                                                              \
        test_register(#name, name);                                                                \
    }                                                                                              \
    static void name##_plain(void)

#define EXPECT(condition) test_true(__FILE__, __LINE__, (condition), #condition)
#define EXPECT_INT(actual, expected)                                                               \
    test_int(__FILE__, __LINE__, #actual, (long long)(actual), (long long)(expected))
#define EXPECT_TEXT(actual, expected) test_text(__FILE__, __LINE__, #actual, actual, expected)
#define EXPECT_CONTAINS(actual, part) test_contains(__FILE__, __LINE__, #actual, actual, part)
#define EXPECT_TIME(seconds) test_time(__FILE__, __LINE__, seconds)
/* Everything noted so far is exactly this; forgets it. */
#define EXPECT_NOTES(expected) test_notes_are(__FILE__, __LINE__, expected)
/* The oldest warning or error not asked for yet is this event and has this text in its message. */
#define EXPECT_REPORT(event, part) test_report(__FILE__, __LINE__, event, part)
#define EXPECT_NO_REPORT() test_no_report(__FILE__, __LINE__)

#define TEST_LEAVE_UNLESS(expectation)                                                             \
    do {                                                                                           \
        if (!(expectation))                                                                        \
            return TEST_FAILED;                                                                    \
    } while (0)
#define CHECK(condition) TEST_LEAVE_UNLESS(EXPECT(condition))
#define CHECK_INT(actual, expected) TEST_LEAVE_UNLESS(EXPECT_INT(actual, expected))
#define CHECK_TEXT(actual, expected) TEST_LEAVE_UNLESS(EXPECT_TEXT(actual, expected))
#define CHECK_CONTAINS(actual, part) TEST_LEAVE_UNLESS(EXPECT_CONTAINS(actual, part))
#define CHECK_TIME(seconds) TEST_LEAVE_UNLESS(EXPECT_TIME(seconds))
#define CHECK_NOTES(expected) TEST_LEAVE_UNLESS(EXPECT_NOTES(expected))
#define CHECK_REPORT(event, part) TEST_LEAVE_UNLESS(EXPECT_REPORT(event, part))
#define CHECK_NO_REPORT() TEST_LEAVE_UNLESS(EXPECT_NO_REPORT())

/* A log record, copied. */
struct test_record {
    enum eddy_log_level level;
    enum eddy_log_event event;
    char message[256], task[64], failure[64];
    double seconds;
    int code;
    bool asked_for;
};

enum { TEST_RECORDS = 256, TEST_PATIENCE = 50 /* seconds a test */ };

static struct test_state {
    const char *file; /* of the first check that failed, or NULL */
    int line;
    char why[1024];
    char notes[2048];
    struct test_record records[TEST_RECORDS];
    size_t record_count;
    size_t created, finished; /* tasks */
    size_t leftovers;         /* tasks that the body may leave to eddy_run */
    size_t descriptors;       /* open before the run */
} test_state;

TEST_HELPER bool __attribute__((__format__(__printf__, 3, 4)))
test_failure(const char *file, int line, const char *format, ...)
{
    if (test_state.file)
        return false;
    test_state.file = file;
    test_state.line = line;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(test_state.why, sizeof test_state.why, format, arguments);
    va_end(arguments);
    return false;
}

TEST_HELPER bool test_true(const char *file, int line, bool holds, const char *condition)
{
    return holds || test_failure(file, line, "not so: %s", condition);
}

TEST_HELPER bool test_int(const char *file, int line, const char *what, long long actual,
                          long long expected)
{
    return actual == expected ||
           test_failure(file, line, "%s is %lld%s%s, not %lld%s%s", what, actual,
                        actual < 0 ? " -" : "", actual < 0 ? eddy_error_name((int)actual) : "",
                        expected, expected < 0 ? " -" : "",
                        expected < 0 ? eddy_error_name((int)expected) : "");
}

TEST_HELPER bool test_text(const char *file, int line, const char *what, const char *actual,
                           const char *expected)
{
    return (actual && strcmp(actual, expected) == 0) ||
           test_failure(file, line, "%s is '%s', not '%s'", what, actual ? actual : "NULL",
                        expected);
}

TEST_HELPER bool test_contains(const char *file, int line, const char *what, const char *actual,
                               const char *part)
{
    return (actual && strstr(actual, part)) || test_failure(file, line, "%s is '%s', without '%s'",
                                                            what, actual ? actual : "NULL", part);
}

TEST_HELPER bool test_time(const char *file, int line, double seconds)
{
    return fabs(eddy_time() - seconds) < 1e-6 ||
           test_failure(file, line, "it is %.6f s, not %.6f s", eddy_time(), seconds);
}

/* ---- notes: who did what, in which order ---- */

TEST_HELPER void __attribute__((__format__(__printf__, 1, 2))) note(const char *format, ...)
{
    size_t used = strlen(test_state.notes), size = sizeof test_state.notes;
    if (used && used + 1 < size) {
        test_state.notes[used++] = ' ';
        test_state.notes[used] = '\0';
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(test_state.notes + used, size - used, format, arguments);
    va_end(arguments);
}

TEST_HELPER bool test_notes_are(const char *file, int line, const char *expected)
{
    bool same = test_text(file, line, "what was noted", test_state.notes, expected);
    test_state.notes[0] = '\0';
    return same;
}

/* ---- the log ---- */

TEST_HELPER void test_log(void *context, const struct eddy_log_record *record)
{
    (void)context;
    test_state.created += record->event == EDDY_LOG_TASK_CREATED;
    test_state.finished += record->event == EDDY_LOG_TASK_FINISHED;
    size_t room = record->level < EDDY_LOG_WARNING ? TEST_RECORDS / 2 : TEST_RECORDS;
    if (test_state.record_count >= room)
        return;
    struct test_record *copy = &test_state.records[test_state.record_count++];
    *copy = (struct test_record){.level = record->level,
                                 .event = record->event,
                                 .seconds = record->seconds,
                                 .code = record->code};
    (void)snprintf(copy->message, sizeof copy->message, "%s", record->message);
    (void)snprintf(copy->task, sizeof copy->task, "%s", record->task);
    (void)snprintf(copy->failure, sizeof copy->failure, "%s",
                   eddy_failure_message(record->failure));
}

/* The oldest record from warnings up that wasn't asked for yet, or NULL. */
TEST_HELPER struct test_record *test_next_report(void)
{
    for (size_t i = 0; i < test_state.record_count; i++) {
        struct test_record *record = &test_state.records[i];
        if (record->level >= EDDY_LOG_WARNING && !record->asked_for)
            return record;
    }
    return NULL;
}

TEST_HELPER bool test_no_report(const char *file, int line)
{
    const struct test_record *record = test_next_report();
    return !record || test_failure(file, line, "the log says: %s", record->message);
}

TEST_HELPER struct test_record *test_report(const char *file, int line, enum eddy_log_event event,
                                            const char *part)
{
    struct test_record *record = test_next_report();
    if (!record) {
        test_failure(file, line, "the log has nothing about '%s'", part);
        return NULL;
    }
    record->asked_for = true;
    if (record->event == event && strstr(record->message, part))
        return record;
    test_failure(file, line, "the log says '%s' (event %d), not '%s' (event %d)", record->message,
                 (int)record->event, part, (int)event);
    return NULL;
}

TEST_HELPER size_t test_count_records(enum eddy_log_event event)
{
    size_t count = 0;
    for (size_t i = 0; i < test_state.record_count; i++)
        count += test_state.records[i].event == event;
    return count;
}

/* ---- running ---- */

TEST_HELPER size_t test_count_descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        count++;
    if (directory)
        (void)closedir(directory);
    return count;
}

struct test_body {
    int (*function)(void);
};

static int test_body(struct test_body *a)
{
    int r = a->function();
    size_t others = eddy_all_tasks(NULL, 0) - 1;
    if (others > test_state.leftovers)
        test_failure(__FILE__, __LINE__, "the test left %zu tasks behind", others);
    return r;
}

/* Runs the function as a main task, with the log going to test_state. May be called several times
 * in a test; test_assert_clean() at its end tells cmocka what went wrong. */
TEST_HELPER int test_run_with(int (*function)(void), struct eddy_options options)
{
    options.log = test_log;
    options.quiet = true;
    if (!test_state.descriptors)
        test_state.descriptors = test_count_descriptors();
    return eddy_run_with(&options, test_body, .function = function);
}

TEST_HELPER int test_run(int (*function)(void))
{
    return test_run_with(function, (struct eddy_options){.virtual_clock = true});
}

TEST_HELPER int test_setup(void **state)
{
    (void)state;
    memset(&test_state, 0, sizeof test_state);
    (void)alarm(TEST_PATIENCE); /* a hang is a failure, not a wait */
    return 0;
}

TEST_HELPER void test_assert_clean(void)
{
    if (test_state.created != test_state.finished)
        test_failure(__FILE__, __LINE__, "%zu tasks created, %zu finished", test_state.created,
                     test_state.finished);
    size_t descriptors = test_count_descriptors();
    if (test_state.descriptors && descriptors != test_state.descriptors)
        test_failure(__FILE__, __LINE__, "%zu descriptors before, %zu after",
                     test_state.descriptors, descriptors);
    test_no_report(__FILE__, __LINE__);
    if (!test_state.file)
        return;
    print_error("%s\n", test_state.why);
    _fail(test_state.file, test_state.line);
}

/* ---- the program: all tests of the file, or those named on the command line ---- */

static struct CMUnitTest tests[100];
static size_t test_count;

TEST_HELPER void test_register(const char *name, CMUnitTestFunction function)
{
    if (test_count == sizeof tests / sizeof tests[0])
        abort();
    tests[test_count++] = (struct CMUnitTest){
        .name = name, .test_func = function, .setup_func = test_setup};
}

/* cmocka catches crashes and longjmps out of them, across stacks and past sanitizers: undone. */
static const int test_crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
static struct sigaction test_crash_actions[4];

TEST_HELPER void test_restore_crashes(void)
{
    for (int i = 0; i < 4; i++)
        (void)sigaction(test_crash_signals[i], &test_crash_actions[i], NULL);
}

int main(int argc, char **argv)
{
    for (int i = 0; i < 4; i++)
        (void)sigaction(test_crash_signals[i], NULL, &test_crash_actions[i]);
    size_t chosen = argc > 1 ? 0 : test_count;
    for (size_t i = 0; i < test_count; i++)
        for (int k = 1; k < argc; k++)
            if (strcmp(argv[k], tests[i].name) == 0)
                tests[chosen++] = tests[i];
    return _cmocka_run_group_tests("tests", tests, chosen, NULL, NULL);
}

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

__attribute__((__unused__)) static int nap(struct nap *a)
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

__attribute__((__unused__)) static int cancel_later(struct cancel_later *a)
{
    int r = eddy_sleep(a->seconds);
    EXPECT(eddy_task_cancel(a->task));
    return r;
}

/* Lets every task that is ready run, so many times. */
TEST_HELPER void turns(int count)
{
    while (count-- > 0)
        EXPECT_INT(eddy_sleep(0), 0);
}

#endif
