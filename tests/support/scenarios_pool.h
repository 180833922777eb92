/* SPDX-License-Identifier: MIT */
/*
 * Small programs that together use the whole runtime: those of thread and process pools. See
 * scenarios_task.h.
 */
#ifndef EDDY_TESTS_SUPPORT_SCENARIOS_POOL_H
#define EDDY_TESTS_SUPPORT_SCENARIOS_POOL_H

#include "scenarios_task.h"

/* ---- pools ---- */

struct add {
    int a, b, sum;
};
TEST_HELPER int add(struct add *a)
{
    a->sum = a->a + a->b;
    return 0;
}

TEST_HELPER int add_late(struct add *a)
{
    int r = eddy_blocking_sleep(1);
    a->sum = a->a + a->b;
    return r;
}

TEST_HELPER int add_badly(struct add *a)
{
    return eddy_fail(-ERANGE, "%d and %d are too much", a->a, a->b);
}

struct add_in {
    eddy_pool *pool;
    int a;
};
TEST_HELPER int add_in(struct add_in *a)
{
    struct add job = {a->a, 2, 0};
    int r = eddy_run_in(a->pool, add_late, &job);
    if (r == 0 && job.sum != a->a + 2)
        wrong("%d and 2 is %d in a pool", a->a, job.sum);
    return r;
}

TEST_HELPER int scenario_thread(void)
{
    struct add job = {1, 2, 0}, bad = {3, 4, 0}, left = {5, 6, 0};
    int r = eddy_to_thread(add, &job);
    if (r == 0 && job.sum != 3)
        wrong("1 and 2 is %d in a thread", job.sum);
    if (r == 0)
        r = eddy_to_thread_abandon(add, &left);
    if (r == 0)
        r = eddy_to_thread(add_badly, &bad);
    if (r >= 0)
        wrong("a failure in a thread was lost");
    return r == -ERANGE ? 0 : r;
}

TEST_HELPER int pool_of_two(eddy_pool *pool)
{
    int error;
    eddy_with_group (group, &error)
        for (int i = 0; i < 4; i++)
            eddy_spawn(group, add_in, .pool = pool, .a = i);
    eddy_pool_close(pool);
    return error;
}

TEST_HELPER int scenario_thread_pool(void)
{
    eddy_pool *pool;
    int r = eddy_thread_pool_open(&pool, &(struct eddy_thread_pool_options){.threads = 2});
    return r < 0 ? r : pool_of_two(pool);
}

TEST_HELPER int scenario_process_pool(void)
{
    eddy_pool *pool;
    int r = eddy_process_pool_open(&pool, &(struct eddy_process_pool_options){.processes = 2});
    return r < 0 ? r : pool_of_two(pool);
}

#endif
