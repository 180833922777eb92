/* SPDX-License-Identifier: MIT */
/*
 * Failure records from inside: building trees, handing records from task to task.
 */
#ifndef EDDY_SRC_FAILURE_H
#define EDDY_SRC_FAILURE_H

#include <stdarg.h>
#include "eddy/failure.h"
#include "private.h"

/* A chain of causes is cut where it would get longer: a loop that wraps its last failure again and
 * again would grow one without end. */
#define FAILURE_DEPTH 64

struct eddy_failure {
    unsigned references;
    bool permanent; /* stands in where there was no memory: never freed */
    int code;
    int line;
    unsigned depth;            /* of the chain of causes */
    struct eddy_failure *next; /* while being released */
    const char *file;          /* a string literal of the program */
    struct eddy_failure *cause;
    struct eddy_failure **children;
    size_t count, capacity;
    const char *task; /* behind the message, in the same allocation */
    char message[];
};

/* A record with one reference, or NULL without memory. */
EDDY_PRIVATE struct eddy_failure *failure_make(int code, const char *file, int line,
                                               const char *format, ...) EDDY_PRINTF(4, 5);

/* The same from text that came from elsewhere (a worker process). */
EDDY_PRIVATE struct eddy_failure *failure_make_text(int code, const char *task,
                                                    const char *message);

/* Adds a child and takes over the caller's reference to it; drops it without memory. */
EDDY_PRIVATE void failure_add_child(struct eddy_failure *failure, struct eddy_failure *child);

/* All children of one become those of another, which has none. */
EDDY_PRIVATE void failure_move_children(struct eddy_failure *to, struct eddy_failure *from);

static inline struct eddy_failure *failure_keep(struct eddy_failure *failure)
{
    if (failure && !failure->permanent)
        failure->references++;
    return failure;
}

/* Makes it the current task's (or thread's) last failure; takes over the reference. */
EDDY_PRIVATE void failure_set(struct eddy_failure *failure);

/* Takes the last failure out if its code is `code`: the caller gets the reference, else NULL. */
EDDY_PRIVATE struct eddy_failure *failure_take(int code);

/* The slot of the current task or thread. */
EDDY_PRIVATE struct eddy_failure **failure_slot(void);

#endif
