/* SPDX-License-Identifier: MIT */
/*
 * Locals from inside: a reference-counted set of values, shared until one of its holders changes
 * it.
 *
 * A task without any has a NULL. Sets go to other threads with jobs, so the count is atomic.
 */
#ifndef EDDY_SRC_LOCAL_H
#define EDDY_SRC_LOCAL_H

#include "loop.h"
#include "task.h"

struct locals;

/* Those of the callback or of the thread, outside tasks. Owned. */
extern EDDY_PRIVATE _Thread_local struct locals *locals_outside;

EDDY_PRIVATE struct locals *locals_keep(struct locals *locals);
EDDY_PRIVATE void locals_release(struct locals *locals);

/* For a new task, callback or job: a reference to what is current, or NULL. */
static inline struct locals *locals_inherit(void)
{
    struct task *task = task_current();
    struct locals *locals = task ? task->locals : locals_outside;
    return locals ? locals_keep(locals) : NULL;
}

/* Around a callback or a job: makes a set, whose reference goes with it, the current one outside
 * tasks. Returns the one before, for locals_leave. */
static inline struct locals *locals_enter(struct locals *locals)
{
    struct locals *before = locals_outside;
    locals_outside = locals;
    return before;
}

static inline void locals_leave(struct locals *before)
{
    if (locals_outside)
        locals_release(locals_outside);
    locals_outside = before;
}

#endif
