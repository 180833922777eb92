/* SPDX-License-Identifier: MIT */
/* The rules of scopes, groups and tasks; model.h says how they are written down. */
#include <errno.h>
#include <string.h>
#include <eddy/log.h>
#include "model.h"

static bool shields(const struct frame *frame)
{
    return frame->kind == SCOPE_SHIELD && !frame->expired;
}

bool model_refuses(const struct task *task, int frame)
{
    for (; frame >= 0; frame--) {
        if (task->frames[frame].cancelled)
            return true;
        if (shields(&task->frames[frame]))
            return false;
    }
    return false;
}

bool model_is_refused(const struct task *task)
{
    return model_refuses(task, task->depth);
}

void model_interrupted(struct task *task)
{
    int outermost = NONE;
    for (int i = task->depth; i >= 0; i--) {
        if (task->frames[i].cancelled)
            outermost = i;
        if (shields(&task->frames[i]))
            break;
    }
    for (int i = task->depth; outermost != NONE && i >= outermost; i--)
        task->frames[i].interrupted = true;
}

/* ---- cancelling ---- */

/* Its waits were let through, now they are refused: what the one under way makes of that. */
static void cut_short(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    switch (task->waiting) {
    case NOT_WAITING:
        break;
    case FOR_TIME:
        model_wake(model, number, -ECANCELED);
        break;
    case FOR_END:
        model_stop_waiting_for(model, number, task->awaited);
        model_wake(model, number, -ECANCELED);
        break;
    case FOR_RESULT:
        if (!task->passed_on) {
            task->passed_on = true;
            model_cancel_task(model, task->awaited);
        }
        break;
    case FOR_CHILDREN:
        task->frames[task->depth].interrupted = true;
        model_abort_group(model, task->frames[task->depth].group);
        break;
    }
}

void model_cancel_scope(struct model *model, int number, int frame)
{
    struct task *task = &model->tasks[number];
    bool before = model_is_refused(task);
    task->frames[frame].cancelled = true;
    if (!before && model_is_refused(task))
        cut_short(model, number);
}

void model_expire(struct model *model, int number, int frame)
{
    struct task *task = &model->tasks[number];
    bool before = model_is_refused(task);
    task->frames[frame].expired = true;
    task->frames[frame].deadline = NEVER;
    if (task->frames[frame].kind == SCOPE_TIMEOUT)
        task->frames[frame].cancelled = true;
    if (!before && model_is_refused(task))
        cut_short(model, number);
}

void model_cancel_task(struct model *model, int task)
{
    model_cancel_scope(model, task, 0);
}

/* Children first, as in asyncio. */
void model_abort_group(struct model *model, int number)
{
    struct group *group = &model->groups[number];
    for (int i = 0; i < group->child_count; i++)
        model_cancel_task(model, group->children[i]);
    model_cancel_scope(model, group->owner, group->frame);
}

/* ---- waiting ---- */

void model_make_ready(struct model *model, int task)
{
    model->ready[model->ready_count++] = task;
}

void model_wake(struct model *model, int number, int given)
{
    struct task *task = &model->tasks[number];
    task->waiting = NOT_WAITING;
    task->deadline = NEVER;
    task->given = given;
    model_make_ready(model, number);
}

static void remove_number(int *numbers, int *count, int number)
{
    int at = 0;
    while (numbers[at] != number)
        at++;
    memmove(&numbers[at], &numbers[at + 1], (size_t)(--*count - at) * sizeof *numbers);
}

void model_stop_waiting_for(struct model *model, int task, int awaited)
{
    remove_number(model->tasks[awaited].waiters, &model->tasks[awaited].waiter_count, task);
}

/* ---- tasks ---- */

int model_living(const struct model *model)
{
    int count = 0;
    for (int i = 0; i < model->task_count; i++)
        count += !model->tasks[i].done;
    return count;
}

bool model_is_stale(const struct model *model, int number)
{
    const struct task *task = &model->tasks[number];
    if (task->group != NONE)
        return !model->groups[task->group].open;
    return task->done && task->released;
}

int model_create(struct model *model, int procedure, int group, int *code)
{
    int handles = 0;
    for (int i = 0; i < model->task_count; i++)
        handles += !model_is_stale(model, i);
    if (model_living(model) >= TASKS_CAP || handles >= 2 * TASKS_CAP) {
        *code = -EAGAIN;
        return NONE;
    }
    int number = model->task_count++;
    struct task *task = &model->tasks[number];
    *task = (struct task){
        .procedure = procedure, .group = group, .owned = group != NONE, .deadline = NEVER};
    task->frames[0] = (struct frame){.block = NONE,
                                     .next = model->program->procedures[procedure],
                                     .kind = SCOPE_TASK,
                                     .group = NONE,
                                     .deadline = NEVER};
    if (group != NONE)
        model->groups[group].children[model->groups[group].child_count++] = number;
    model_make_ready(model, number);
    return number;
}

void model_fail_group(struct model *model, int number, int code)
{
    struct group *group = &model->groups[number];
    if (!group->failed++)
        group->code = code;
}

static void child_ends(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    struct group *group = &model->groups[task->group];
    remove_number(group->children, &group->child_count, number);
    if (task->result < 0 && !task->cancelled) {
        task->seen = true;
        model_fail_group(model, task->group, task->result);
        if (!group->runs_all)
            model_abort_group(model, task->group);
    }
    struct task *owner = &model->tasks[group->owner];
    if (!group->child_count && owner->waiting == FOR_CHILDREN && owner->depth == group->frame) {
        if (model_is_refused(owner))
            model_interrupted(owner);
        model_wake(model, group->owner, 0);
    }
}

void model_end(struct model *model, int number, int result)
{
    struct task *task = &model->tasks[number];
    bool asked = task->frames[0].cancelled;
    if (result == -ECANCELED && !asked && task->timed_out_by_return) {
        result = -ETIMEDOUT;
        model_report(model, EDDY_LOG_NOTE);
    }
    task->result = result;
    task->cancelled = result == -ECANCELED && asked;
    task->done = true;
    trace_add(model->trace, task->cancelled ? TASK_CANCELS : TASK_ENDS, number, result, model->now);
    task->seen = number == 0 || task->waiter_count;
    for (int i = 0; i < task->waiter_count; i++)
        model_wake(model, task->waiters[i], 0);
    if (task->group != NONE)
        child_ends(model, number);
    else if (task->released)
        model->lost_failures += result < 0 && !task->cancelled && !task->seen;
}

void model_report(struct model *model, int event)
{
    trace_add(model->trace, REPORT, NONE, event, model->now);
}
