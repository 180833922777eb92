/* SPDX-License-Identifier: MIT */
/*
 * Small programs that together use the whole runtime: tasks that wait for several others, a crowd
 * of them, conditions and barriers. See scenarios_task.h.
 */
#ifndef EDDY_TESTS_SUPPORT_SCENARIOS_WAIT_H
#define EDDY_TESTS_SUPPORT_SCENARIOS_WAIT_H

#include <eddy/barrier.h>
#include <eddy/condition.h>
#include <eddy/wait.h>
#include "scenarios_task.h"

/* ---- waiting for several ---- */

TEST_HELPER int scenario_wait(void)
{
    struct dozers dozers;
    int r = dozers_begin(&dozers);
    if (r == 0)
        r = eddy_wait(dozers.tasks, dozers.count, EDDY_FIRST_COMPLETED, EDDY_FOREVER);
    if (r >= 0)
        r = eddy_wait(dozers.tasks, dozers.count, EDDY_ALL_COMPLETED, 2.5);
    dozers_end(&dozers);
    return r;
}

TEST_HELPER int scenario_as_completed(void)
{
    struct dozers dozers;
    int error = 0, seen = 0, r = dozers_begin(&dozers);
    if (r == 0) {
        eddy_as_completed (task, dozers.tasks, dozers.count, 10, &error) {
            if (!eddy_task_done(task))
                wrong("a task that was handed out isn't done");
            seen++;
        }
        if (error == 0 && seen != 4)
            wrong("%d tasks of 4 were handed out", seen);
    }
    dozers_end(&dozers);
    return first_of(r, error);
}

/* ---- more tasks than one mapping has stacks ---- */

enum { CROWD = 70 };

TEST_HELPER int scenario_crowd(void)
{
    struct square jobs[CROWD];
    int error, results[CROWD];
    eddy_with_group (group, &error)
        for (int i = 0; i < CROWD; i++)
            eddy_spawn(group, doze, .seconds = 1);
    if (error < 0)
        return error;
    for (int i = 0; i < CROWD; i++)
        jobs[i] = (struct square){i % 4, 0};
    error = eddy_map(CROWD, square, jobs, CROWD, results);
    for (int i = 0; i < CROWD && error == 0; i++)
        error = results[i];
    return error;
}

/* ---- condition, barrier ---- */

struct shop {
    eddy_lock lock;
    eddy_condition condition;
    int stock, sold;
};

TEST_HELPER bool shop_has_some(void *context)
{
    return ((struct shop *)context)->stock > 0;
}

struct buy {
    struct shop *shop;
};
TEST_HELPER int buy(struct buy *a)
{
    int error;
    eddy_with_condition (&a->shop->condition, &error) {
        error = eddy_condition_wait_until(&a->shop->condition, shop_has_some, a->shop);
        if (error == 0) {
            a->shop->stock--;
            a->shop->sold++;
        } else if (a->shop->stock > 0) { /* the notification may have been this one's */
            (void)eddy_condition_notify(&a->shop->condition, 1);
        }
        if (a->shop->stock < 0)
            wrong("sold what wasn't there");
    }
    return error;
}

struct deliver {
    struct shop *shop;
    int count;
};
TEST_HELPER int deliver(struct deliver *a)
{
    int error, slept = eddy_sleep(1);
    eddy_with_shield (EDDY_FOREVER)
        eddy_with_condition (&a->shop->condition, &error) {
            a->shop->stock += a->count;
            (void)eddy_condition_notify(&a->shop->condition, (size_t)a->count);
        }
    return slept;
}

TEST_HELPER int scenario_condition(void)
{
    struct shop shop = {.lock = EDDY_LOCK_INIT, .condition = EDDY_CONDITION_INIT(&shop.lock)};
    int error;
    eddy_with_group (group, &error) {
        eddy_spawn(group, buy, .shop = &shop);
        eddy_spawn(group, buy, .shop = &shop);
        eddy_spawn(group, deliver, .shop = &shop, .count = 2);
        eddy_spawn(group, buy, .shop = &shop);
        eddy_spawn(group, deliver, .shop = &shop, .count = 1);
    }
    if (shop.sold + shop.stock > 3)
        wrong("%d sold, %d left of 3", shop.sold, shop.stock);
    return error;
}

struct arrive {
    eddy_barrier *barrier;
    double seconds;
};
TEST_HELPER int arrive(struct arrive *a)
{
    int r = eddy_sleep(a->seconds);
    if (r == 0)
        r = eddy_barrier_wait(a->barrier);
    if (r < 0)
        (void)eddy_barrier_abort(a->barrier); /* or the others wait for ever */
    return r < 0 ? r : 0;
}

TEST_HELPER int scenario_barrier(void)
{
    eddy_barrier barrier = EDDY_BARRIER_INIT(3);
    int error;
    eddy_with_group (group, &error)
        for (int i = 0; i < 3; i++)
            eddy_spawn(group, arrive, .barrier = &barrier, .seconds = 1 + i % 2);
    return error;
}

#endif
