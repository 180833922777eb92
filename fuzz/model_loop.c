/* SPDX-License-Identifier: MIT */
/*
 * The model's loop: turns and time.
 *
 * A turn runs the tasks that were ready when it began, first come first. When none is ready, time
 * goes on to the earliest deadline. When the main task has ended, what is ready then still runs
 * once; then every task left is cancelled and runs to its end.
 */
#include <string.h>
#include "model.h"

static void turn(struct model *model)
{
    int snapshot[MAX_TASKS], count = model->ready_count;
    memcpy(snapshot, model->ready, sizeof snapshot);
    model->ready_count = 0;
    for (int i = 0; i < count; i++)
        model_step(model, snapshot[i]);
}

/* The timer that is to fire next: its owner, and the scope or NONE for a sleep. */
static int64_t first_timer(struct model *model, int *task_number, int *frame_number)
{
    int64_t first = NEVER;
    uint64_t order = 0;
    for (int i = 0; i < model->task_count; i++) {
        struct task *task = &model->tasks[i];
        for (int k = NONE; !task->done && k <= task->depth; k++) {
            int64_t deadline = k == NONE ? task->deadline : task->frames[k].deadline;
            uint64_t own = k == NONE ? task->order : task->frames[k].order;
            if (deadline == NEVER || deadline > first || (deadline == first && own > order))
                continue;
            first = deadline;
            order = own;
            *task_number = i;
            *frame_number = k;
        }
    }
    return first;
}

/* False if nothing can happen any more. */
static bool pass_time(struct model *model)
{
    int task = NONE, frame = NONE;
    int64_t next = first_timer(model, &task, &frame);
    if (next == NEVER)
        return false;
    model->now = next;
    while (first_timer(model, &task, &frame) == next) {
        if (frame == NONE)
            model_wake(model, task, 0);
        else
            model_expire(model, task, frame);
    }
    return true;
}

/* What eddy_run does after its main task. */
static void close_loop(struct model *model)
{
    turn(model);
    model->closing = true;
    for (int i = 0; i < model->task_count; i++)
        if (!model->tasks[i].done)
            model_cancel_task(model, i);
}

bool model_run(struct model *model, const struct program *program, struct trace *trace)
{
    memset(model, 0, sizeof *model);
    trace->count = 0;
    model->program = program;
    model->trace = trace;
    int code;
    (void)model_create(model, 0, NONE, &code);
    model->tasks[0].owned = true;
    while (model_living(model)) {
        while (!model->ready_count)
            if (!pass_time(model))
                return false;
        turn(model);
        if (model->tasks[0].done && !model->closing)
            close_loop(model);
    }
    int handles = 0;
    for (int i = 1; i < model->task_count; i++) {
        const struct task *task = &model->tasks[i];
        if (task->owned || task->released)
            continue;
        handles++;
        model->lost_failures += task->result < 0 && !task->cancelled && !task->seen;
    }
    trace_add(trace, MAIN_RESULT, 0, model->tasks[0].result, 0);
    trace_add(trace, LOST_FAILURES, NONE, model->lost_failures, 0);
    trace_add(trace, LOST_HANDLES, NONE, handles, 0);
    return true;
}
