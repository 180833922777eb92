/* SPDX-License-Identifier: MIT
 *
 * The least a scheduler can be: a queue of raw tasks that are ready, and who runs. The floors of
 * everything that wakes somebody are made of it.
 *
 * Whoever parks goes straight to the first ready task, never by way of a loop.
 */
#ifndef EDDY_BENCH_RAW_READY_H
#define EDDY_BENCH_RAW_READY_H

#include "raw_task.h"

/* First come, first served; linked through the tasks themselves. */
struct raw_queue {
    struct raw_task *first;
    struct raw_task *last;
};

static inline void raw_queue_append(struct raw_queue *queue, struct raw_task *task)
{
    task->next = NULL;
    if (queue->first == NULL)
        queue->first = task;
    else
        queue->last->next = task;
    queue->last = task;
}

static inline struct raw_task *raw_queue_take(struct raw_queue *queue)
{
    struct raw_task *task = queue->first;
    if (task != NULL)
        queue->first = task->next;
    return task;
}

struct raw_ready {
    struct raw_queue tasks;
    struct raw_task *running;
};

/* Continues the first ready task; returns once somebody made the caller ready and its turn came. */
static inline __attribute__((always_inline)) void raw_park(struct raw_ready *ready)
{
    struct raw_task *self = ready->running;
    ready->running = raw_queue_take(&ready->tasks);
    raw_switch(self, ready->running);
}

#endif
