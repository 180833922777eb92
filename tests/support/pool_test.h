/* SPDX-License-Identifier: MIT */
/*
 * What the tests of thread pools share: functions for threads, one of which waits at a gate, and
 * tasks that run them.
 */
#ifndef EDDY_TESTS_SUPPORT_POOL_TEST_H
#define EDDY_TESTS_SUPPORT_POOL_TEST_H

#include <pthread.h>
#include <time.h>
#include "test.h"

struct sum {
    int a, b, sum;
};
TEST_HELPER int sum(struct sum *a)
{
    a->sum = a->a + a->b;
    return a->a;
}

struct refuse {
    int code;
    bool story;
};
TEST_HELPER int refuse(struct refuse *a)
{
    errno = EXDEV;
    return a->story ? eddy_fail(a->code, "bad %d", a->code) : a->code;
}

/* Opened and shut: what blocks until a test lets it go on, and is counted. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int inside, most_inside, passed;
};

#define GATE_SHUT                                                                                  \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0, 0                        \
    }

struct pass {
    struct gate *gate;
    int result;
};
TEST_HELPER int pass(struct pass *a)
{
    struct gate *gate = a->gate;
    pthread_mutex_lock(&gate->lock);
    if (++gate->inside > gate->most_inside)
        gate->most_inside = gate->inside;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    gate->inside--;
    gate->passed++;
    int result = a->result;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    return result;
}

TEST_HELPER void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* Blocks the loop: until so many jobs are inside. */
TEST_HELPER void gate_wait_inside(struct gate *gate, int inside)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->inside != inside)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

TEST_HELPER void gate_wait_passed(struct gate *gate, int passed)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->passed < passed)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

struct go_through {
    eddy_pool *pool;
    struct gate *gate;
    int result;
};
TEST_HELPER int go_through(struct go_through *a)
{
    struct pass job = {a->gate, a->result};
    int r = eddy_run_in(a->pool, pass, &job);
    note("%d", r);
    return r;
}

struct snooze {
    double seconds;
};
TEST_HELPER int snooze(struct snooze *a)
{
    return eddy_blocking_sleep(a->seconds);
}

struct snooze_in {
    eddy_pool *pool;
    double seconds;
    const char *name;
};
TEST_HELPER int snooze_in(struct snooze_in *a)
{
    struct snooze job = {a->seconds};
    int r = eddy_run_in(a->pool, snooze, &job);
    note("%s@%g", a->name, eddy_time());
    return r;
}

TEST_HELPER double real_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
