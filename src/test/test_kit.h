/* SPDX-License-Identifier: MIT */
/*
 * The kit from inside: what its parts share.
 *
 *     test.c          the tests of the program, and main
 *     test_options.c  the command line
 *     test_run.c      one test on one system, as a cmocka test
 *     test_torture.c  the same by the thousand: --seeds, --sweep, --fault
 *     test_hang.c     the end of a run that takes too long
 *     test_check.c    checks;  findings.c: what they write down
 */
#ifndef EDDY_SRC_TEST_TEST_KIT_H
#define EDDY_SRC_TEST_TEST_KIT_H

#include "eddy/fault.h"
#include "eddy/test.h"

struct test {
    struct test *next;
    const char *name;
    int (*body)(void);   /* or */
    void (*plain)(void); /* this */
    struct eddy_test_options options;
    const char *file;
    int line;
};

/* Where a test runs. */
enum test_system { TEST_EPOLL, TEST_URING, TEST_SIM, TEST_SYSTEMS };
extern const char *const test_system_names[TEST_SYSTEMS];

/* One test there. */
struct variant {
    const struct test *test;
    enum test_system system;
    char name[256]; /* "queue_order[epoll]", or plain if there is but one system */
};

enum test_mode { TEST_ONCE, TEST_SEEDS, TEST_SEED, TEST_SWEEP, TEST_FAULT };

/* What the command line asks for. */
struct test_plan {
    const char *program;
    enum test_mode mode;
    bool systems[TEST_SYSTEMS];
    bool systems_given; /* by --engine or $EDDY_ENGINE */
    bool list;
    uint64_t seeds;
    uint64_t seed;
    enum eddy_sim_order order;
    bool checks; /* of all tests count, whatever those say */
    enum eddy_fault_kind fault;
    char *const *names; /* of tests; none: all */
    size_t name_count;
};

/* 0, or the exit status of a program that is done: 1 after an error was printed, and on --help. */
int test_options_parse(int argc, char **argv, struct test_plan *ret_plan, bool *ret_done);

/* The variants that the plan asks for, in the tests' order: how many, -ENOMEM, or -ENOENT with a
 * line on stderr for a name that no test has. The array is for free(). */
ssize_t test_choose(const struct test_plan *plan, struct variant **ret_variants);

/* Whether it can run there at all. */
bool test_runs_on(const struct test *test, enum test_system system);

/* ---- running ---- */

/* As a cmocka group; what it returns. */
int test_run_group(const char *program, struct variant *variants, size_t count);

/* For loops that are made from here on: $EDDY_ENGINE. */
void test_set_system(enum test_system system);

/* One loop with the test's body in it, or with any other function. On sim by the seed, and with
 * options->sim.order. */
int test_run_loop(int (*function)(void), const struct eddy_test_options *options,
                  enum test_system system, uint64_t seed);

/* The modes that run each test many times: the exit status. */
int test_torture(const struct test_plan *plan, const struct variant *variants, size_t count);

/* ---- hangs ---- */

/* From now on there are so many real seconds (0: 50); then the thread's tasks are printed, and the
 * process ends with TEST_HANG_STATUS. `hint` is how to have it again, or "". */
enum { TEST_HANG_STATUS = 124 }; /* as timeout(1) has it */
void test_hang_watch(const char *name, const char *hint, double seconds);
void test_hang_over(void);

#endif
