/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing the heart: bytes are a program of tasks, groups, timeouts, shields and cancels
 * (program.h). It runs on a virtual clock, and what happened must be, to the last event and in the
 * same order, what the model (model.h) says must happen: who runs when, what each call gives, who
 * ends when and with what, what is reported and what is left over.
 *
 *     bytes --> program --+--> model    --> trace --+
 *                         |                         +--> the same?
 *                         +--> runtime  --> trace --+
 *
 * A program whose tasks come to wait for each other in a circle never ends; the model finds that
 * out and the program isn't run.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <eddy.h>
#include "fuzz.h"
#include "model.h"

enum flow { GO_ON, LEAVE, RETURN };

static struct program program;
static struct model model;
static struct trace expected, trace;

static struct {
    eddy_task *tasks[MAX_TASKS];
    int task_count;
    eddy_group *groups[MAX_GROUPS]; /* NULL once left */
    int group_count;
    bool closing;
    int finished;
    int lost_failures, lost_handles;
} run;

/* A task on its way through its procedure. */
struct runner {
    int number;
    int procedure;
    int group; /* its own innermost one, or NONE */
    int value; /* to return */
};

static int64_t half_seconds(void)
{
    return llround(2 * eddy_time());
}

/* ---- the log: ends of tasks and reports ---- */

static int task_number(const char *name)
{
    return atoi(name + strlen("Task-")) - 1;
}

static void log_handler(void *context, const struct eddy_log_record *record)
{
    (void)context;
    if (record->event == EDDY_LOG_TASK_FINISHED) {
        bool cancelled = strstr(record->message, "' cancelled after ");
        trace_add(&trace, cancelled ? TASK_CANCELS : TASK_ENDS, task_number(record->task),
                  record->code, half_seconds());
        run.finished++;
        run.closing |= task_number(record->task) == 0;
    } else if (record->event == EDDY_LOG_TASK_LOST) {
        run.lost_failures++;
    } else if (record->event == EDDY_LOG_HANDLE_LOST) {
        run.lost_handles++;
    } else if (record->level >= EDDY_LOG_WARNING) {
        trace_add(&trace, REPORT, NONE, record->event, half_seconds());
    }
}

/* ---- statements ---- */

static enum flow run_row(struct runner *runner, int first, int *error);

static int group_meant(const struct runner *runner, const struct statement *statement)
{
    int open[MAX_GROUPS], count = 0;
    for (int i = 0; i < run.group_count; i++)
        if (run.groups[i])
            open[count++] = i;
    return operand_group(statement, runner->group, open, count);
}

static int failure_code(void)
{
    return eddy_failure_code(eddy_last_failure());
}

static int procedure(struct runner *a)
{
    trace_add(&trace, TASK_BEGINS, a->number, a->procedure, half_seconds());
    int error = 0;
    a->group = NONE;
    switch (run_row(a, program.procedures[a->procedure], &error)) {
    case RETURN:
        return a->value < 0 && a->number % 2 ? eddy_fail(a->value, "returned") : a->value;
    case LEAVE:
        return error;
    default:
        return 0;
    }
}

static int started(eddy_task *task)
{
    if (!task)
        return failure_code();
    run.tasks[run.task_count++] = task;
    return 0;
}

static int spawn(const struct runner *runner, const struct statement *statement)
{
    int group = group_meant(runner, statement);
    if (group == NONE || run.task_count == MAX_TASKS)
        return 0;
    return started(eddy_spawn_as(run.groups[group], procedure, struct runner,
                                 .number = run.task_count,
                                 .procedure = operand_procedure(&program, statement)));
}

static int create(const struct statement *statement)
{
    if (run.task_count == MAX_TASKS)
        return 0;
    return started(eddy_create_task_as(procedure, struct runner, .number = run.task_count,
                                       .procedure = operand_procedure(&program, statement)));
}

static int persist(const struct statement *statement)
{
    int result = 0;
    for (int i = operand_repeats(statement); i > 0; i--)
        result = eddy_sleep(0);
    return result;
}

static int observe(const struct runner *runner, const struct statement *statement)
{
    int64_t now = half_seconds();
    int group = group_meant(runner, statement);
    trace_add(&trace, CANCELLED, runner->number, eddy_cancelled(), now);
    if (group != NONE)
        trace_add(&trace, GROUP_SIZE, runner->number, (int)eddy_group_size(run.groups[group]), now);
    trace_add(&trace, LIVING_TASKS, runner->number, (int)eddy_all_tasks(NULL, 0), now);
    return 0;
}

static int perform(struct runner *runner, const struct statement *statement)
{
    eddy_task *other = run.tasks[statement->operand % run.task_count];
    int group = group_meant(runner, statement);
    switch (statement->what) {
    case DO_SLEEP:
        return eddy_sleep(operand_seconds(statement));
    case DO_PERSIST:
        return persist(statement);
    case DO_SPAWN:
        return spawn(runner, statement);
    case DO_CREATE:
        return create(statement);
    case DO_CANCEL:
        return eddy_task_cancel(other);
    case DO_AWAIT:
        return eddy_await(other);
    case DO_WAIT:
        return eddy_task_wait(other);
    case DO_RESULT:
        return eddy_task_result(other);
    case DO_RELEASE:
        return statement->operand % 2 ? eddy_task_release(other) : eddy_detach(other);
    case DO_CANCEL_GROUP:
        if (group != NONE)
            eddy_group_cancel(run.groups[group]);
        return 0;
    case DO_OBSERVE:
        return observe(runner, statement);
    default:
        return 0; /* a group too many */
    }
}

/* ---- blocks: left by return, by break, or at their end ---- */

static enum flow in_group(struct runner *runner, const struct statement *statement, int number,
                          int *ret_error)
{
    int error;
    eddy_with_group (group, &error,
                     .policy = operand_runs_all(statement) ? EDDY_RUN_ALL : EDDY_FAIL_FAST) {
        run.groups[number] = group;
        enum flow flow = run_row(runner, statement->body, &error);
        if (flow == RETURN)
            return RETURN;
        if (flow == LEAVE)
            break;
    }
    *ret_error = error;
    return GO_ON;
}

static enum flow in_timeout(struct runner *runner, const struct statement *statement,
                            int *ret_error)
{
    int error;
    eddy_with_timeout (operand_seconds(statement), &error) {
        enum flow flow = run_row(runner, statement->body, &error);
        if (flow == RETURN)
            return RETURN;
        if (flow == LEAVE)
            break;
    }
    *ret_error = error;
    return GO_ON;
}

static enum flow in_deadline(struct runner *runner, const struct statement *statement,
                             int *ret_error)
{
    int error;
    eddy_with_timeout_at (eddy_time() + operand_seconds(statement), &error) {
        enum flow flow = run_row(runner, statement->body, &error);
        if (flow == RETURN)
            return RETURN;
    }
    *ret_error = error;
    return GO_ON;
}

static enum flow in_shield(struct runner *runner, const struct statement *statement, int *ret_error)
{
    int error = 0;
    eddy_with_shield (operand_seconds(statement)) {
        enum flow flow = run_row(runner, statement->body, &error);
        if (flow == RETURN)
            return RETURN;
        if (flow == LEAVE)
            break;
    }
    *ret_error = error;
    return GO_ON;
}

static enum flow run_block(struct runner *runner, const struct statement *statement, int *ret_error)
{
    switch (statement->what) {
    case DO_TIMEOUT:
        return in_timeout(runner, statement, ret_error);
    case DO_DEADLINE:
        return in_deadline(runner, statement, ret_error);
    case DO_SHIELD:
        return in_shield(runner, statement, ret_error);
    default:
        break;
    }
    int outer = runner->group, number = run.group_count++;
    runner->group = number;
    enum flow flow = in_group(runner, statement, number, ret_error);
    run.groups[number] = NULL;
    runner->group = outer;
    return flow;
}

static enum flow obey(struct runner *runner, const struct statement *statement, int result,
                      int *error)
{
    if (result >= 0 || statement->then == THEN_GO_ON)
        return GO_ON;
    if (statement->then == THEN_LEAVE) {
        *error = result;
        return LEAVE;
    }
    runner->value = result;
    return RETURN;
}

static enum flow run_statement(struct runner *runner, const struct statement *statement, int *error)
{
    int result = 0;
    enum event_kind kind = STATEMENT;
    if (statement->what == DO_RETURN) {
        runner->value = operand_code(statement);
        return RETURN;
    }
    if (statement->what == DO_FAIL) {
        *error = operand_code(statement);
        return LEAVE;
    }
    if (is_block(statement->what) &&
        !(statement->what == DO_GROUP && run.group_count == MAX_GROUPS)) {
        kind = BLOCK;
        if (run_block(runner, statement, &result) == RETURN)
            return RETURN;
    } else {
        result = perform(runner, statement);
    }
    trace_add(&trace, kind, runner->number, result, half_seconds());
    return obey(runner, statement, result, error);
}

static enum flow run_row(struct runner *runner, int first, int *error)
{
    for (int i = first; i != NONE; i = program.statements[i].next) {
        enum flow flow = run_statement(runner, &program.statements[i], error);
        if (flow != GO_ON)
            return flow;
    }
    return GO_ON;
}

/* ---- a run ---- */

static int main_task(struct runner *a)
{
    run.tasks[run.task_count++] = eddy_current_task();
    return procedure(a);
}

static void run_program(void)
{
    memset(&run, 0, sizeof run);
    trace.count = 0;
    struct eddy_options options = {.virtual_clock = true,
                                   .engine = "epoll",
                                   .keep_sigint = true,
                                   .quiet = true,
                                   .max_tasks = TASKS_CAP,
                                   .log = log_handler};
    struct runner first = {.number = 0};
    int result = eddy_run_(&options, EDDY_ERASE_(main_task), &first, sizeof first, EDDY_COPIED_,
                           EDDY_SITE_("main_task"));
    trace_add(&trace, MAIN_RESULT, 0, result, 0);
    trace_add(&trace, LOST_FAILURES, NONE, run.lost_failures, 0);
    trace_add(&trace, LOST_HANDLES, NONE, run.lost_handles, 0);
}

static void complain(int at)
{
    fputs("The program:\n", stderr);
    program_print(&program, stderr);
    fputs("What must happen:\n", stderr);
    trace_print(&expected, at, stderr);
    fputs("What happened:\n", stderr);
    trace_print(&trace, at, stderr);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    program_decode(&program, bytes, size);
    if (!model_run(&model, &program, &expected))
        return 0;
    run_program();
    int difference = trace_compare(&expected, &trace);
    if (difference != NONE)
        complain(difference);
    return 0;
}
