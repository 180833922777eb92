/* SPDX-License-Identifier: MIT */
/*
 * What the tests of process pools share: functions for workers, and tasks that run them in `pool`.
 * The program's own main calls main_with_process_pools.
 */
#ifndef EDDY_TESTS_SUPPORT_PROCESS_POOL_TEST_H
#define EDDY_TESTS_SUPPORT_PROCESS_POOL_TEST_H

#define TEST_DEFAULTS .real_system = true
#define TEST_OWN_MAIN
#include "process_state.h"
#include "test.h"

TEST_HELPER int main_with_process_pools(int argc, char **argv)
{
    if (eddy_process_pool_init() < 0 || eddy_process_pool_init() < 0) {
        eddy_failure_print(eddy_last_failure(), stderr);
        return 1;
    }
    return eddy_test_main(argc, argv);
}

/* ---- functions for workers ---- */

struct sum {
    int a, b, sum;
    pid_t pid, parent;
};
TEST_HELPER int sum(struct sum *a)
{
    a->sum = a->a + a->b;
    a->pid = getpid();
    a->parent = getppid();
    return a->a;
}

/* Says that it runs, by a byte in a pipe, and then blocks until it is killed, or let go. */
struct block {
    int say, wait;
    int result;
};
TEST_HELPER int block(struct block *a)
{
    char byte = 0;
    if (write(a->say, &byte, 1) != 1 || read(a->wait, &byte, 1) < 0)
        return -errno;
    return a->result;
}

/* ---- tasks ---- */

static eddy_pool *pool;

#define PROCESSES(number) (&(const struct eddy_process_pool_options){.processes = (number)})

/* Pipes that workers know: made before any worker, kept for good. */
static int said[2] = {-1, -1}, let_go[2] = {-1, -1};

__attribute__((__constructor__(101))) static void make_pipes(void)
{
    if (pipe(said) < 0 || pipe(let_go) < 0)
        abort();
}

TEST_HELPER void wait_until_said(int count)
{
    char byte;
    while (count-- > 0)
        if (read(said[0], &byte, 1) != 1)
            abort();
}

TEST_HELPER void let_go_of(int count)
{
    while (count-- > 0)
        if (write(let_go[1], "", 1) != 1)
            abort();
}

struct blocker {
    int result;
};
TEST_HELPER int blocker(struct blocker *a)
{
    struct block job = {said[1], let_go[0], a->result};
    int r = eddy_run_in(pool, block, &job);
    note("%d", r);
    return r;
}

struct summer {
    int count;
};
TEST_HELPER int summer(struct summer *a)
{
    for (int i = 0; i < a->count; i++) {
        struct sum job = {.a = i, .b = 1};
        int r = eddy_run_in(pool, sum, &job);
        if (r != i || job.sum != i + 1)
            return eddy_fail(-EPROTO, "%d in round %d", r, i);
    }
    return 0;
}

TEST_HELPER int use_pool(void)
{
    struct summer jobs = {10};
    return summer(&jobs);
}

#endif
