/* SPDX-License-Identifier: MIT */
/*
 * What happened in a run of a program, in order: one trace is written by the runtime, one by the
 * model, and they must be the same to the last event.
 */
#ifndef EDDY_FUZZ_TRACE_H
#define EDDY_FUZZ_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum event_kind {
    TASK_BEGINS,   /* its function was called */
    TASK_ENDS,     /* value: its result */
    TASK_CANCELS,  /* it ended by cancellation */
    STATEMENT,     /* value: what it gave */
    BLOCK,         /* value: its error variable at the end */
    CANCELLED,     /* value: eddy_cancelled() */
    GROUP_SIZE,    /* value: of the group that the task is in */
    LIVING_TASKS,  /* value: how many there are */
    REPORT,        /* value: the event of a warning or an error in the log */
    MAIN_RESULT,   /* value: what eddy_run gave */
    LOST_FAILURES, /* value: failures that nobody saw, reported when the loop ended */
    LOST_HANDLES,  /* value: handles never released, likewise */
};

struct event {
    enum event_kind kind;
    int task; /* its number: the main task is 0; NONE for reports */
    int value;
    int64_t time; /* half seconds */
};

enum { MAX_EVENTS = 8192 };

struct trace {
    struct event events[MAX_EVENTS];
    int count; /* goes on counting when there is no more room */
};

void trace_add(struct trace *trace, enum event_kind kind, int task, int value, int64_t time);

/* The first event in which they differ, or NONE. */
int trace_compare(const struct trace *a, const struct trace *b);

/* Some events before the given one, and it. */
void trace_print(const struct trace *trace, int upto, FILE *stream);

#endif
