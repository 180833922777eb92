/* SPDX-License-Identifier: MIT */
/*
 * Tests of coroutines (library eddy-test, on cmocka): a test that is a task.
 *
 *     #include <eddy/test.h>
 *
 *     EDDY_TEST(a_queue_keeps_its_order)
 *     {
 *         ...
 *         EDDY_CHECK_INT(eddy_queue_get(queue, &item), 0);
 *         return 0;
 *     }
 *
 *     EDDY_TEST_MAIN()
 *
 * The body is the main task of a fresh loop with a virtual clock, so no test sleeps for real. Each
 * test runs once an engine of this machine, and on the simulated system (sim.h). It fails if a
 * check does, if it doesn't return 0, if it leaves a task, a handle, a timer, a descriptor, a
 * pool's job, a held lock or memory behind, if the log has a warning or an error that
 * EDDY_CHECK_REPORT didn't ask for, or if it takes longer than its patience: then the tasks and
 * what they wait for are printed.
 *
 * cmocka's assertions longjmp, which must not cross a task's stack. So in tasks and callbacks use
 * these checks: one that fails is written down, and cmocka hears of it when the loop has ended.
 * EDDY_CHECK... then leaves the task by `return EDDY_TEST_FAILED`; EDDY_EXPECT... goes on, for
 * callbacks and loops.
 *
 * The same tests are scenarios for every other kind of run. ./test_program --help:
 *
 *     --engine epoll,sim      on these only; also by EDDY_ENGINE
 *     --seeds N [--order shuffled|priorities]   N simulated runs of each
 *     --seed N                just that one
 *     --sweep                 a cancel at each suspension (sweep.h), of many at 300
 *     --fault memory|engine|storm               each thing that can fail, fails once (fault.h)
 *     --list, NAME...         the tests' names; only these
 *
 * In these runs a check may fail for good reasons (the test was cancelled, or isn't made for
 * another order), so there only the rest counts: no crash, no hang, a result that is an errno, and
 * nothing left behind, unless an EDDY_CHECK... ended a function early, which then hadn't come to
 * its releases. With
 * --seeds the checks of a test do count if it says .any_order. They run on the simulated system,
 * and so leave out what can't run there, unless --engine says where.
 */
#ifndef EDDY_TEST_H
#define EDDY_TEST_H

#include <eddy/run.h>
#include <eddy/sim.h>

EDDY_BEGIN_DECLS

struct eddy_test_options {
    struct eddy_options loop; /* virtual_clock is set unless real_clock */
    bool real_clock;          /* by the system's clock: neither simulated nor swept */
    bool real_system; /* uses descriptors, processes or files of the system: not simulated */
    bool any_order;   /* its checks hold in whatever order ready tasks run */
    bool fifo_only;   /* its tasks count on running in asyncio's order: for no other one */
    bool heavy;       /* --sweep and --fault leave it out: it would take them too long */
    double patience;  /* real seconds, then it has hung; 0: 50 */
    struct eddy_sim_options sim;
};

/* What a check that failed returns from its task. */
#define EDDY_TEST_FAILED (-EBADE)

/* A test; EDDY_TEST_WITH(name, .any_order = true, ...) has options. */
#define EDDY_TEST(name)                                                                            \
    static int name(void);                                                                         \
    __attribute__((__constructor__)) static void name##_register_(void)                            \
    {                                                                                              \
        eddy_test_register_(#name, name, NULL, NULL, __FILE__, __LINE__);                          \
    }                                                                                              \
    static int name(void)
#define EDDY_TEST_WITH(name, ...)                                                                  \
    static int name(void);                                                                         \
    __attribute__((__constructor__)) static void name##_register_(void)                            \
    {                                                                                              \
        EDDY_TEST_OPTIONS_(__VA_ARGS__);                                                           \
        eddy_test_register_(#name, name, NULL, &options_, __FILE__, __LINE__);                     \
    }                                                                                              \
    static int name(void)

/* A test outside of any loop; it may run some with eddy_test_run or eddy_run, and use cmocka's
 * assertions outside of them. Once an engine as well. */
#define EDDY_PLAIN_TEST(name)                                                                      \
    static void name(void);                                                                        \
    __attribute__((__constructor__)) static void name##_register_(void)                            \
    {                                                                                              \
        eddy_test_register_(#name, NULL, name, NULL, __FILE__, __LINE__);                          \
    }                                                                                              \
    static void name(void)
#define EDDY_PLAIN_TEST_WITH(name, ...)                                                            \
    static void name(void);                                                                        \
    __attribute__((__constructor__)) static void name##_register_(void)                            \
    {                                                                                              \
        EDDY_TEST_OPTIONS_(__VA_ARGS__);                                                           \
        eddy_test_register_(#name, NULL, name, &options_, __FILE__, __LINE__);                     \
    }                                                                                              \
    static void name(void)

/* C++ has the designated initialisers, but warns of every field that isn't named. */
#define EDDY_TEST_OPTIONS_(...)                                                                    \
    _Pragma("GCC diagnostic push")                                                                 \
        _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                         \
            const struct eddy_test_options options_ = {__VA_ARGS__};                               \
    _Pragma("GCC diagnostic pop")

#define EDDY_TEST_MAIN()                                                                           \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        return eddy_test_main(argc, argv);                                                         \
    }

/* Runs the tests that the command line asks for: the exit status. */
EDDY_API int eddy_test_main(int argc, char **argv);

/* A loop of its own inside of a plain test: as eddy_run_with, with the log going to the checks. */
EDDY_API int eddy_test_run(int (*function)(void), const struct eddy_test_options *options);

/* Ends the test as skipped, with the reason in the output. Only in a plain test or from the body's
 * own task as `return eddy_test_skip("...")`. */
EDDY_API EDDY_PRINTF(1, 2) int eddy_test_skip(const char *format, ...);

/* ---- checks ---- */

#define EDDY_EXPECT(condition) eddy_test_true_(__FILE__, __LINE__, (condition), #condition)
#define EDDY_EXPECT_INT(actual, expected)                                                          \
    eddy_test_int_(__FILE__, __LINE__, #actual, (long long)(actual), (long long)(expected))
#define EDDY_EXPECT_TEXT(actual, expected)                                                         \
    eddy_test_text_(__FILE__, __LINE__, #actual, actual, expected)
#define EDDY_EXPECT_CONTAINS(actual, part)                                                         \
    eddy_test_contains_(__FILE__, __LINE__, #actual, actual, part)
/* It is so late by the loop's clock, to a microsecond. */
#define EDDY_EXPECT_TIME(seconds) eddy_test_time_(__FILE__, __LINE__, seconds)
/* Everything noted so far is exactly this, with blanks between; forgets it. */
#define EDDY_EXPECT_NOTES(expected) eddy_test_notes_(__FILE__, __LINE__, expected)
/* The oldest warning or error not asked for yet is this event and has this text in its message. */
#define EDDY_EXPECT_REPORT(event, part) eddy_test_report_(__FILE__, __LINE__, event, part)
#define EDDY_EXPECT_NO_REPORT() eddy_test_no_report_(__FILE__, __LINE__)

#define EDDY_CHECK(condition) EDDY_TEST_LEAVE_UNLESS_(EDDY_EXPECT(condition))
#define EDDY_CHECK_INT(actual, expected) EDDY_TEST_LEAVE_UNLESS_(EDDY_EXPECT_INT(actual, expected))
#define EDDY_CHECK_TEXT(actual, expected)                                                          \
    EDDY_TEST_LEAVE_UNLESS_(EDDY_EXPECT_TEXT(actual, expected))
#define EDDY_CHECK_CONTAINS(actual, part)                                                          \
    EDDY_TEST_LEAVE_UNLESS_(EDDY_EXPECT_CONTAINS(actual, part))
#define EDDY_CHECK_TIME(seconds) EDDY_TEST_LEAVE_UNLESS_(EDDY_EXPECT_TIME(seconds))
#define EDDY_CHECK_NOTES(expected) EDDY_TEST_LEAVE_UNLESS_(EDDY_EXPECT_NOTES(expected))
#define EDDY_CHECK_REPORT(event, part) EDDY_TEST_LEAVE_UNLESS_(EDDY_EXPECT_REPORT(event, part))
#define EDDY_CHECK_NO_REPORT() EDDY_TEST_LEAVE_UNLESS_(EDDY_EXPECT_NO_REPORT())

#define EDDY_TEST_LEAVE_UNLESS_(expectation)                                                       \
    do {                                                                                           \
        if (!(expectation))                                                                        \
            return eddy_test_left_();                                                              \
    } while (0)

/* Notes who did what, for EDDY_EXPECT_NOTES. */
EDDY_API EDDY_PRINTF(1, 2) void eddy_test_note(const char *format, ...);

/* Marks the test as failed, at a place: the first one that does is what is printed. False. */
EDDY_API EDDY_PRINTF(3, 4) bool eddy_test_fail(const char *file, int line, const char *format, ...);

/* True once a check failed, or something of the run was disturbed on purpose (--sweep, --fault). */
EDDY_API bool eddy_test_failed(void);

/* Lets every task that is ready run, so many times. */
EDDY_API void eddy_test_turns(int count);

/* What the test may leave to the loop's end: so many of each of tasks, timers, jobs in pools,
 * watched descriptors and held locks. */
EDDY_API void eddy_test_allow_leftovers(size_t count);

/* ---- of the macros ---- */

EDDY_API void eddy_test_register_(const char *name, int (*body)(void), void (*plain)(void),
                                  const struct eddy_test_options *options, const char *file,
                                  int line);
EDDY_API bool eddy_test_true_(const char *file, int line, bool holds, const char *condition);
EDDY_API bool eddy_test_int_(const char *file, int line, const char *what, long long actual,
                             long long expected);
EDDY_API bool eddy_test_text_(const char *file, int line, const char *what, const char *actual,
                              const char *expected);
EDDY_API bool eddy_test_contains_(const char *file, int line, const char *what, const char *actual,
                                  const char *part);
EDDY_API bool eddy_test_time_(const char *file, int line, double seconds);
EDDY_API bool eddy_test_notes_(const char *file, int line, const char *expected);
EDDY_API bool eddy_test_report_(const char *file, int line, enum eddy_log_event event,
                                const char *part);
EDDY_API bool eddy_test_no_report_(const char *file, int line);
/* Notes that a check ended a function early; EDDY_TEST_FAILED. */
EDDY_API int eddy_test_left_(void);

EDDY_END_DECLS
#endif
