/* SPDX-License-Identifier: MIT */
/*
 * What the tests of stacks share: a pool for each test, and a main that runs all of it once a kind
 * of guard.
 */
#ifndef EDDY_TESTS_SUPPORT_STACK_TEST_H
#define EDDY_TESTS_SUPPORT_STACK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "child.h"
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
