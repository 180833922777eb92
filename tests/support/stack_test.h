/* SPDX-License-Identifier: MIT */
/*
 * What the tests of stacks share: a pool for each test, a child for what can't be undone, and a
 * main that runs all of it once a kind of guard.
 */
#ifndef EDDY_TESTS_SUPPORT_STACK_TEST_H
#define EDDY_TESTS_SUPPORT_STACK_TEST_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "stack.h"

enum { KIB = 1024, MANY = 300 };

static struct stack_pool pool;
static struct stack *stacks[MANY];
static size_t page;
static bool guard_install_masked; /* this run is the one with mprotect */

static inline int setup(void **state)
{
    (void)state;
    page = (size_t)sysconf(_SC_PAGESIZE);
    return stack_pool_init(&pool, 64 * KIB, 0);
}

static inline int teardown(void **state)
{
    (void)state;
    stack_pool_destroy(&pool);
    return 0;
}

static inline void take(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        stacks[i] = stack_take(&pool);
        assert_non_null(stacks[i]);
    }
}

/* ---- in a child, for what can't be undone ---- */

static char output[16 * KIB]; /* what the child wrote to stderr */

/* Runs function in a child: its wait status. */
static inline int in_child(void (*function)(void))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[1]);
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's and ASan's */
        (void)signal(SIGBUS, SIG_DFL);
        function();
        exit(0);
    }
    (void)close(ends[1]);
    size_t used = 0;
    for (ssize_t size = 1; size > 0; used += (size_t)size) {
        size = read(ends[0], output + used, sizeof output - 1 - used);
        assert_true(size >= 0);
    }
    output[used] = '\0';
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

#define check(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                             \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static inline void assert_exited(int status, int code)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("status %#x, output: %s", (unsigned)status, output);
}

static inline void assert_killed(int status, int number)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != number)
        fail_msg("status %#x, output: %s", (unsigned)status, output);
}

/* ---- running ---- */

/* The mask is read once a process, so each kind of guard gets a process of its own. */
static inline int run_once_a_guard(int (*run_group)(const char *name))
{
    bool failed = false;
    for (int masked = 0; masked < 2; masked++) {
        pid_t child = fork();
        if (child == 0) {
            guard_install_masked = masked;
            if (masked)
                (void)setenv("EDDY_MASK", "guard-install", 1);
            exit(run_group(masked ? "guards by mprotect" : "the best guards there are"));
        }
        int status = -1;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            failed = true;
    }
    return failed;
}

#endif
