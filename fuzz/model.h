/* SPDX-License-Identifier: MIT */
/*
 * A model of structured concurrency: what the public headers promise, written down a second time as
 * plainly as possible. Nothing is cached, nothing is linked: tasks, groups and scopes are numbers
 * in arrays, every question is answered by looking at all of them.
 *
 *     model.c       scopes, cancellation, groups, ends of tasks
 *     model_run.c   a task's statements, one by one
 *     model_loop.c  turns of the loop, time
 *
 * A task runs on its own until it waits or ends; it keeps one frame a block that it is in. Each
 * frame is a scope, the first one is the task's own.
 */
#ifndef EDDY_FUZZ_MODEL_H
#define EDDY_FUZZ_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "program.h"
#include "trace.h"

#define NEVER INT64_MAX

enum scope_kind { SCOPE_TASK, SCOPE_GROUP, SCOPE_TIMEOUT, SCOPE_SHIELD };

struct frame {
    int block;     /* the statement, NONE in the first frame */
    int next;      /* statement of its row */
    int error;     /* its error variable */
    bool leaving;  /* by an error, before the end of its row */
    bool joining;  /* a group's body is over */
    bool body_bad; /* it ended by an error of its own */
    int group;
    enum scope_kind kind;
    bool cancelled;
    bool expired;
    bool interrupted; /* some wait inside was cut short by it or by a scope outside */
    int64_t deadline; /* in half seconds; NEVER */
    uint64_t order;   /* of timers with the same deadline */
};

enum waiting {
    NOT_WAITING,
    FOR_TIME,
    FOR_RESULT,   /* eddy_await: goes on until the task ends, a cancel is passed on to it */
    FOR_END,      /* eddy_task_wait: may be cut short */
    FOR_CHILDREN, /* at the end of a group */
};

struct task {
    int procedure;
    int group;  /* its child, or NONE */
    bool owned; /* its handle can't be released: a group's, or the main task's */
    bool begun, done;

    /* while it is alive */
    struct frame frames[MAX_DEPTH + 1];
    int depth; /* of the innermost one */
    bool returning;
    int value;    /* to return */
    int repeats;  /* of DO_PERSIST, to come */
    int refusals; /* in a row */
    bool told;    /* that it ignores its cancellation */
    bool refused; /* the wait under way: it only lets others run first */
    bool timed_out_by_return;
    enum waiting waiting;
    int awaited;
    bool passed_on; /* its cancel, to the awaited one */
    int64_t deadline;
    uint64_t order;
    int given;                            /* what its wait ended with */
    int waiters[MAX_TASKS], waiter_count; /* for its end, in the order of their coming */

    /* when it is done */
    int result;
    bool cancelled, seen, released;
};

struct group {
    bool open, runs_all;
    int owner, frame;
    int children[MAX_TASKS], child_count; /* not done, oldest first */
    int failed, code;                     /* the first failure's */
};

struct model {
    const struct program *program;
    struct trace *trace;
    int64_t now;
    uint64_t order;
    struct task tasks[MAX_TASKS];
    int task_count;
    struct group groups[MAX_GROUPS];
    int group_count;
    int ready[MAX_TASKS], ready_count; /* numbers, first come first */
    bool closing;                      /* the main task has ended */
    int lost_failures;
};

/* Writes what must happen when the program runs; false if its tasks come to wait for each other for
 * ever. */
bool model_run(struct model *model, const struct program *program, struct trace *trace);

/* Runs a task until it waits or ends. */
void model_step(struct model *model, int task);

/* ---- model.c ---- */

/* Is a wait refused that is directly inside this frame of the task? */
bool model_refuses(const struct task *task, int frame);
bool model_is_refused(const struct task *task);

/* A wait of the task was cut short: its scopes remember, up to the outermost one to blame. */
void model_interrupted(struct task *task);

void model_cancel_scope(struct model *model, int task, int frame);
void model_expire(struct model *model, int task, int frame);
void model_cancel_task(struct model *model, int task);
void model_abort_group(struct model *model, int group);

/* Ends the task's wait. */
void model_wake(struct model *model, int task, int given);
void model_make_ready(struct model *model, int task);
void model_stop_waiting_for(struct model *model, int task, int awaited);

/* NONE with a code if it can't be made. */
int model_create(struct model *model, int procedure, int group, int *code);
void model_end(struct model *model, int task, int result);

/* A group's failure that no child's end has brought. */
void model_fail_group(struct model *model, int group, int code);

bool model_is_stale(const struct model *model, int task);
int model_living(const struct model *model);
void model_report(struct model *model, int event);

#endif
