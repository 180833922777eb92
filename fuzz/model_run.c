/* SPDX-License-Identifier: MIT */
/* The model at work: a task's statements, one by one, until it waits or ends. */
#include <errno.h>
#include <eddy/log.h>
#include "model.h"

enum { PATIENCE = 100 }; /* refusals in a row that cost nothing */

static const struct statement *statement_at(const struct model *model, int index)
{
    return &model->program->statements[index];
}

static struct frame *innermost(struct task *task)
{
    return &task->frames[task->depth];
}

static int64_t deadline_after(const struct model *model, double seconds)
{
    return __builtin_isinf(seconds) ? NEVER : model->now + (int64_t)(2 * seconds);
}

/* ---- outcomes of statements ---- */

/* What the program says is to be done about an error. */
static void obey(struct task *task, const struct statement *statement, int result)
{
    if (result >= 0 || statement->then == THEN_GO_ON)
        return;
    if (statement->then == THEN_LEAVE) {
        innermost(task)->error = result;
        innermost(task)->leaving = true;
    } else {
        task->value = result;
        task->returning = true;
    }
}

/* The statement under way has given its result; the next one is to come. */
static void finish(struct model *model, int number, int result)
{
    struct task *task = &model->tasks[number];
    const struct statement *statement = statement_at(model, innermost(task)->next);
    innermost(task)->next = statement->next;
    trace_add(model->trace, STATEMENT, number, result, model->now);
    obey(task, statement, result);
}

/* A refused wait: true if the task is made to let others run first. */
static bool refuse(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    model_interrupted(task);
    task->given = -ECANCELED;
    if (++task->refusals <= PATIENCE)
        return false;
    if (!task->told)
        model_report(model, EDDY_LOG_CANCEL_IGNORED);
    task->told = true;
    task->refused = true;
    model_make_ready(model, number);
    return true;
}

static void park(struct task *task, enum waiting waiting)
{
    task->waiting = waiting;
    task->refusals = 0;
}

/* ---- statements: true if the task is suspended in it ---- */

static bool sleep_for(struct model *model, int number, double seconds)
{
    struct task *task = &model->tasks[number];
    if (model_is_refused(task)) {
        if (refuse(model, number))
            return true;
        finish(model, number, -ECANCELED);
        return false;
    }
    if (seconds > 0) {
        park(task, FOR_TIME);
        task->deadline = deadline_after(model, seconds);
        task->order = model->order++;
        return true;
    }
    task->refusals = 0;
    task->given = 0;
    model_make_ready(model, number); /* a yield: no wait, so nothing to cut short */
    return true;
}

/* The yields that are left of DO_PERSIST. */
static bool persist(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    while (task->repeats > 0) {
        task->repeats--;
        if (!model_is_refused(task)) {
            task->refusals = 0;
            task->given = 0;
            model_make_ready(model, number);
            return true;
        }
        if (refuse(model, number))
            return true;
    }
    finish(model, number, task->given);
    return false;
}

static int misuse(struct model *model, int code)
{
    model_report(model, EDDY_LOG_MISUSE);
    return code;
}

static bool await_or_wait(struct model *model, int number, int awaited, bool for_result)
{
    struct task *task = &model->tasks[number], *other = &model->tasks[awaited];
    int result = 0;
    if (model_is_stale(model, awaited)) {
        result = misuse(model, -ESRCH);
    } else if (other->done) {
        other->seen = true;
        result = for_result ? other->result : 0;
    } else if (!for_result && model_is_refused(task)) {
        if (refuse(model, number))
            return true;
        result = -ECANCELED;
    } else if (awaited == number) {
        result = misuse(model, -EDEADLK);
    } else {
        task->passed_on = for_result && model_is_refused(task);
        if (task->passed_on) {
            model_interrupted(task);
            model_cancel_task(model, awaited);
        }
        other->waiters[other->waiter_count++] = number;
        task->awaited = awaited;
        park(task, for_result ? FOR_RESULT : FOR_END);
        return true;
    }
    finish(model, number, result);
    return false;
}

static int cancel_task(struct model *model, int victim)
{
    struct task *task = &model->tasks[victim];
    if (model_is_stale(model, victim))
        return misuse(model, 0);
    if (task->done) {
        task->seen = true;
        return 0;
    }
    model_cancel_task(model, victim);
    return 1;
}

static int result_of(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    if (model_is_stale(model, number))
        return misuse(model, -ESRCH);
    if (!task->done)
        return -EINPROGRESS;
    task->seen = true;
    return task->result;
}

static int release(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    if (model_is_stale(model, number))
        return misuse(model, -ESRCH);
    if (task->owned)
        return misuse(model, -EPERM);
    if (task->released)
        return misuse(model, -ESRCH);
    task->released = true;
    if (task->done)
        model->lost_failures += task->result < 0 && !task->cancelled && !task->seen;
    return 0;
}

/* The group that a statement means, or NONE. */
static int group_meant(struct model *model, const struct task *task,
                       const struct statement *statement)
{
    int open[MAX_GROUPS], count = 0, own = NONE;
    for (int i = 0; i < model->group_count; i++)
        if (model->groups[i].open)
            open[count++] = i;
    for (int i = 0; i <= task->depth; i++)
        if (task->frames[i].kind == SCOPE_GROUP)
            own = task->frames[i].group;
    return operand_group(statement, own, open, count);
}

static int spawn(struct model *model, int group, int procedure)
{
    int code = 0;
    if (model->task_count == MAX_TASKS || group == NONE)
        return 0;
    if (model->groups[group].owner != NONE &&
        model->tasks[model->groups[group].owner].frames[model->groups[group].frame].cancelled)
        return -ECANCELED;
    if (model_create(model, procedure, group, &code) == NONE) {
        model_fail_group(model, group, code);
        model_abort_group(model, group);
    }
    return code;
}

static int create(struct model *model, int procedure)
{
    int code = 0;
    if (model->task_count == MAX_TASKS)
        return 0;
    if (model->closing)
        return -ESHUTDOWN;
    (void)model_create(model, procedure, NONE, &code);
    return code;
}

static int observe(struct model *model, int number, int group)
{
    const struct task *task = &model->tasks[number];
    trace_add(model->trace, CANCELLED, number, model_is_refused(task), model->now);
    if (group != NONE)
        trace_add(model->trace, GROUP_SIZE, number, model->groups[group].child_count, model->now);
    trace_add(model->trace, LIVING_TASKS, number, model_living(model), model->now);
    return 0;
}

/* ---- blocks ---- */

static void enter(struct model *model, int number, int block)
{
    struct task *task = &model->tasks[number];
    const struct statement *statement = statement_at(model, block);
    innermost(task)->next = statement->next;
    struct frame *frame = &task->frames[++task->depth];
    *frame = (struct frame){
        .block = block, .next = statement->body, .group = NONE, .deadline = NEVER};
    if (statement->what == DO_GROUP) {
        frame->kind = SCOPE_GROUP;
        frame->group = model->group_count++;
        model->groups[frame->group] = (struct group){.open = true,
                                                     .runs_all = operand_runs_all(statement),
                                                     .owner = number,
                                                     .frame = task->depth};
        return;
    }
    frame->kind = statement->what == DO_SHIELD ? SCOPE_SHIELD : SCOPE_TIMEOUT;
    frame->deadline = deadline_after(model, operand_seconds(statement));
    if (frame->deadline == model->now)
        model_expire(model, number, task->depth);
    else
        frame->order = model->order++;
}

/* What an interrupted scope ends with, if `own` is for an interruption by itself. */
static int outcome(const struct task *task, int own)
{
    return model_refuses(task, task->depth - 1) ? -ECANCELED : own;
}

/* True if the task must wait for the group's children. */
static bool join(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    struct frame *frame = innermost(task);
    struct group *group = &model->groups[frame->group];
    bool refused = model_is_refused(task);
    if (!frame->joining) {
        frame->joining = true;
        frame->body_bad = !task->returning && frame->error < 0 &&
                          !(frame->error == -ECANCELED && refused);
        if (frame->body_bad || task->returning)
            model_abort_group(model, frame->group);
        refused = model_is_refused(task);
    }
    if (refused) {
        model_abort_group(model, frame->group);
        if (group->child_count)
            model_interrupted(task);
    }
    if (!group->child_count)
        return false;
    park(task, FOR_CHILDREN);
    return true;
}

static int scope_code(struct model *model, struct task *task, const struct frame *frame)
{
    const struct group *group = frame->group == NONE ? NULL : &model->groups[frame->group];
    if (group && frame->body_bad)
        return frame->error;
    if (group && group->failed)
        return group->code;
    if (!frame->interrupted || frame->kind == SCOPE_SHIELD)
        return 0;
    return outcome(task, frame->kind == SCOPE_TIMEOUT ? -ETIMEDOUT : 0);
}

/* Leaves the innermost block: true if the task must wait first. */
static bool leave(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    struct frame *frame = innermost(task);
    if (frame->kind == SCOPE_GROUP && join(model, number))
        return true;

    int code = scope_code(model, task, frame), error = frame->error;
    bool writes = frame->kind == SCOPE_GROUP || code;
    if (writes && (error == 0 || error == -ECANCELED))
        error = code;
    if (frame->kind == SCOPE_TIMEOUT && task->returning && code == -ETIMEDOUT)
        task->timed_out_by_return = true;
    if (frame->group != NONE)
        model->groups[frame->group].open = false;
    task->depth--;
    if (!task->returning) {
        trace_add(model->trace, BLOCK, number, error, model->now);
        obey(task, statement_at(model, frame->block), error);
    }
    return false;
}

/* ---- a task ---- */

/* One statement: true if the task is suspended in it. */
static bool perform(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    int index = innermost(task)->next;
    const struct statement *statement = statement_at(model, index);
    int other = statement->operand % model->task_count, result = 0;
    switch (statement->what) {
    case DO_SLEEP:
        return sleep_for(model, number, operand_seconds(statement));
    case DO_PERSIST:
        task->repeats = operand_repeats(statement);
        return persist(model, number);
    case DO_RETURN:
        task->value = operand_code(statement);
        task->returning = true;
        return false;
    case DO_FAIL:
        innermost(task)->error = operand_code(statement);
        innermost(task)->leaving = true;
        return false;
    case DO_GROUP:
        if (model->group_count == MAX_GROUPS)
            break;
        /* fall through */
    case DO_TIMEOUT:
    case DO_DEADLINE:
    case DO_SHIELD:
        enter(model, number, index);
        return false;
    case DO_AWAIT:
    case DO_WAIT:
        return await_or_wait(model, number, other, statement->what == DO_AWAIT);
    case DO_SPAWN:
        result = spawn(model, group_meant(model, task, statement),
                       operand_procedure(model->program, statement));
        break;
    case DO_CREATE:
        result = create(model, operand_procedure(model->program, statement));
        break;
    case DO_CANCEL:
        result = cancel_task(model, other);
        break;
    case DO_RESULT:
        result = result_of(model, other);
        break;
    case DO_RELEASE:
        result = release(model, other);
        break;
    case DO_CANCEL_GROUP:
        if (group_meant(model, task, statement) != NONE)
            model_abort_group(model, group_meant(model, task, statement));
        break;
    default:
        result = observe(model, number, group_meant(model, task, statement));
    }
    finish(model, number, result);
    return false;
}

/* Goes on with the statement in which the task was suspended. */
static bool resume(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    if (innermost(task)->joining)
        return false;
    const struct statement *statement = statement_at(model, innermost(task)->next);
    bool refused = task->refused;
    task->refused = false;
    if (statement->what == DO_PERSIST)
        return persist(model, number);
    int given = task->given;
    if (statement->what == DO_AWAIT)
        given = model->tasks[task->awaited].result;
    if (given == -ECANCELED && model_is_refused(task) && !refused)
        model_interrupted(task);
    finish(model, number, given);
    return false;
}

void model_step(struct model *model, int number)
{
    struct task *task = &model->tasks[number];
    if (!task->begun) {
        task->begun = true;
        if (model_is_refused(task)) {
            model_end(model, number, -ECANCELED);
            return;
        }
        trace_add(model->trace, TASK_BEGINS, number, task->procedure, model->now);
    } else if (resume(model, number)) {
        return;
    }
    for (;;) {
        struct frame *frame = innermost(task);
        bool over = task->returning || frame->leaving || frame->next == NONE;
        if (!over) {
            if (perform(model, number))
                return;
        } else if (task->depth == 0) {
            model_end(model, number, task->returning ? task->value : frame->error);
            return;
        } else if (leave(model, number)) {
            return;
        }
    }
}
