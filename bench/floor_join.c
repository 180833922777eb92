/* SPDX-License-Identifier: MIT
 *
 * The floors of waiting for tasks to end.
 *
 *     group gather    make 1000 tasks ready, each stores its result, the last one continues us; an
 *                     operation is one task: stack out, prepare, switch, store, count, stack back
 *     group cancel    100 tasks sleep, each with a timer in the wheel; an operation takes one's
 *                     timer out, makes it ready and parks until it has returned
 */
#include <errno.h>
#include <stdbool.h>

#include "floors.h"
#include "raw_ready.h"
#include "raw_wheel.h"
#include "stopwatch.h"
#include "workload.h"

enum { STACK_STRIDE = 64 * 1024 };

static struct raw_ready ready;
static struct raw_task outside;
static struct raw_task *pool; /* the warmest stack first */
static struct raw_stacks stacks;

static struct raw_task *pool_take(raw_entry *entry)
{
    struct raw_task *task = pool;
    pool = task->next;
    raw_task_prepare(task, entry);
    return task;
}

static void pool_put(struct raw_task *task)
{
    task->next = pool;
    pool = task;
}

static int pool_open(size_t count)
{
    int error = raw_stacks_map(&stacks, count, STACK_STRIDE);
    if (error < 0)
        return error;
    pool = NULL;
    for (size_t i = 0; i < count; i++)
        pool_put(raw_stacks_task(&stacks, i, raw_stacks_colour(i)));
    ready = (struct raw_ready){.running = &outside};
    return 0;
}

/* Gather */

static uint64_t results[WORKLOAD_GATHERED_TASKS];
static uint64_t pending;

static WORKLOAD_OPAQUE uint64_t work(void)
{
    return 1;
}

static void gathered_entry(struct raw_task *self)
{
    *(uint64_t *)self->context = work();
    pool_put(self);
    if (--pending == 0)
        raw_queue_append(&ready.tasks, &outside);
    raw_park(&ready);
    __builtin_unreachable();
}

static WORKLOAD_OPAQUE void gather(void)
{
    pending = WORKLOAD_GATHERED_TASKS;
    for (size_t i = 0; i < WORKLOAD_GATHERED_TASKS; i++) {
        struct raw_task *task = pool_take(gathered_entry);
        task->context = &results[i];
        raw_queue_append(&ready.tasks, task);
    }
    raw_park(&ready);
}

static int run_gather(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    uint64_t rounds = operations / WORKLOAD_GATHERED_TASKS + 1, sum = 0;
    struct stopwatch watch;

    (void)self;
    int error = pool_open(WORKLOAD_GATHERED_TASKS);
    if (error < 0)
        return error;
    gather(); /* so that the stacks are touched */

    stopwatch_start(&watch);
    for (uint64_t i = 0; i < rounds; i++) {
        gather();
        sum += results[i % WORKLOAD_GATHERED_TASKS];
    }
    stopwatch_stop(&watch, rounds * WORKLOAD_GATHERED_TASKS, ret_sample);
    raw_stacks_unmap(&stacks);
    return sum == rounds ? 0 : -EBADMSG;
}

/* Cancel */

struct sleeper {
    struct raw_timer timer;
    struct raw_task *task;
    bool cancelled;
};

static struct sleeper sleepers[WORKLOAD_RING_TASKS];
static uint64_t cancelled_count;

static WORKLOAD_OPAQUE void sleep_until_cancelled(struct sleeper *sleeper)
{
    raw_wheel_set(&sleeper->timer, raw_clock_nanoseconds() + UINT64_C(3600000000000));
    raw_park(&ready);
    cancelled_count += sleeper->cancelled;
}

static void sleeping_entry(struct raw_task *self)
{
    sleep_until_cancelled(self->context);
    pool_put(self);
    raw_queue_append(&ready.tasks, &outside); /* who joins */
    raw_park(&ready);
    __builtin_unreachable();
}

static void fall_asleep(void)
{
    for (size_t i = 0; i < WORKLOAD_RING_TASKS; i++) {
        sleepers[i] = (struct sleeper){.task = pool_take(sleeping_entry)};
        sleepers[i].task->context = &sleepers[i];
        raw_queue_append(&ready.tasks, sleepers[i].task);
    }
    raw_queue_append(&ready.tasks, &outside);
    raw_park(&ready);
}

static WORKLOAD_OPAQUE void cancel_and_join(struct sleeper *sleeper)
{
    raw_wheel_cancel(&sleeper->timer);
    sleeper->cancelled = true;
    raw_queue_append(&ready.tasks, sleeper->task);
    raw_park(&ready);
}

static int run_cancel(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    uint64_t rounds = operations / WORKLOAD_RING_TASKS + 1;
    struct stopwatch watch;

    (void)self;
    int error = pool_open(WORKLOAD_RING_TASKS);
    if (error < 0)
        return error;
    raw_wheel_prepare(raw_clock_nanoseconds());
    cancelled_count = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        fall_asleep();
        stopwatch_start(&watch);
        for (size_t k = 0; k < WORKLOAD_RING_TASKS; k++)
            cancel_and_join(&sleepers[k]);
        stopwatch_stop_adding(&watch, WORKLOAD_RING_TASKS, ret_sample);
    }
    raw_stacks_unmap(&stacks);
    return cancelled_count == rounds * WORKLOAD_RING_TASKS ? 0 : -EBADMSG;
}

const struct contender floor_join_contenders[] = {
    {.group = "gather",
     .name = "raw pooled stacks and a counter",
     .is_floor = true,
     .run = run_gather},
    {.group = "cancel",
     .name = "raw wheel, ready queue, two switches",
     .is_floor = true,
     .run = run_cancel},
    {.name = NULL},
};
