/* SPDX-License-Identifier: MIT */
/*
 * What the runtime has to say: task creations, ends with durations, errors nobody looked at.
 *
 * Without a handler, warnings and errors go to stderr, one line each, and the rest nowhere.
 */
#ifndef EDDY_LOG_H
#define EDDY_LOG_H

#include <eddy/base.h>
#include <eddy/failure.h>

EDDY_BEGIN_DECLS

enum eddy_log_level {
    EDDY_LOG_DEBUG,
    EDDY_LOG_INFO,
    EDDY_LOG_WARNING,
    EDDY_LOG_ERROR,
};

enum eddy_log_event {
    EDDY_LOG_TASK_CREATED,   /* debug */
    EDDY_LOG_TASK_FINISHED,  /* debug: seconds is the time from creation to end */
    EDDY_LOG_TASK_LOST,      /* error: a task failed and nobody waited for it */
    EDDY_LOG_HANDLE_LOST,    /* warning: a handle (of a task, of a process) was never released */
    EDDY_LOG_MISUSE,         /* error: a call that can't be right */
    EDDY_LOG_CANCEL_IGNORED, /* warning: a task goes on although each of its waits is refused */
    EDDY_LOG_DEADLOCK,       /* warning: tasks wait and nothing can wake one of them */
    EDDY_LOG_SLOW_STEP,      /* warning: a step kept its loop too long: seconds, once it is over */
    EDDY_LOG_NOTE,           /* any level: everything else, e.g. which engine was chosen and why */
};

/* One thing to say. All pointers are borrowed and valid during the call only. */
struct eddy_log_record {
    enum eddy_log_level level;
    enum eddy_log_event event;
    const char *message;         /* one line, no newline */
    const char *task;            /* name of the task it is about, or "" */
    double seconds;              /* a finished task's or a slow step's duration, else 0 */
    int code;                    /* the result or error code, else 0 */
    const eddy_failure *failure; /* or NULL */
};

/* Called on the loop's thread (or the thread that misused something). Must not suspend. */
typedef void eddy_log_function(void *context, const struct eddy_log_record *record);

EDDY_END_DECLS
#endif
