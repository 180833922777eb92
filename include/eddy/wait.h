/* SPDX-License-Identifier: MIT */
/*
 * Waiting for some of many tasks: asyncio.wait() and asyncio.as_completed().
 *
 *     int done = eddy_wait(tasks, 3, EDDY_FIRST_COMPLETED, 2.0);
 *     for (int i = 0; i < 3; i++)
 *         if (eddy_task_done(tasks[i]))
 *             r = eddy_task_result(tasks[i]);
 *
 *     eddy_as_completed (task, tasks, 3, EDDY_FOREVER, &err) {
 *         r = eddy_task_result(task);             // the quickest one first
 *     }
 *
 * Neither cancels a task, releases a handle, or looks at an outcome: a failure that was only waited
 * for is still one that nobody looked at.
 */
#ifndef EDDY_WAIT_H
#define EDDY_WAIT_H

#include <eddy/task.h>

EDDY_BEGIN_DECLS

enum eddy_wait_mode {
    EDDY_ALL_COMPLETED,
    EDDY_FIRST_COMPLETED, /* until one is done */
    EDDY_FIRST_EXCEPTION, /* until one failed; a cancelled one has not. Else until all are done */
};

/* Suspends until the mode is content, or for so many seconds (EDDY_FOREVER: no limit; 0 or less
 * lets every task that is ready run once). Returns how many of the tasks are done by then, with all
 * that finished in the same turn; 0 is no error. Which ones: eddy_task_done. Content already, it
 * doesn't suspend. A task that stands twice counts twice.
 * -ECANCELED if this wait was interrupted, which leaves the tasks alone. -EINVAL outside a task,
 * for no tasks, NULL or the current task among them, an unknown mode, NaN; -ESRCH for a stale one;
 * -ENOMEM. */
EDDY_API EDDY_ASYNC int eddy_wait(eddy_task *const *tasks, size_t count, enum eddy_wait_mode mode,
                                  double timeout);

/* eddy_as_completed (task, tasks, count, timeout, &err) { ... }: runs the block once for each task,
 * in the order of their ends, with its handle in `task`, a variable of the block; one that stands
 * twice comes once. Suspends between the rounds when none is ready. Handles must stay valid until
 * the block had them. break, continue and return do what they do in any loop.
 *
 * err (which may be NULL) is 0 at entry. The loop ends with -ETIMEDOUT if it wants to wait for a
 * task more than `timeout` seconds after it began, -ECANCELED if its wait was interrupted (the
 * tasks go on in both cases), else as eddy_completed_open fails; or when the body sets err
 * negative. */
#define eddy_as_completed(task, tasks, count, timeout, error)                                      \
    EDDY_AS_COMPLETED_(EDDY_UNIQUE_(eddy_completed_at_), EDDY_UNIQUE_(eddy_once_), task, tasks,    \
                       count, timeout, error)
#define EDDY_AS_COMPLETED_(memory, once, task, tasks, count, timeout, error)                       \
    for (eddy_completed memory EDDY_CLEANUP_(eddy_completed_close),                                \
         *once = eddy_completed_begin_(&memory, tasks, count, timeout, error);                     \
         once; once = NULL)                                                                        \
        for (eddy_task * task; (task = eddy_completed_task_(&memory)) != NULL;)

/* The same iteration as an object: to be interrupted and taken up again, or passed on. */
typedef struct eddy_completed {
    uint64_t private_[24];
} eddy_completed;

/* Begins to listen; the clock of the timeout runs from now. The array is read here only; `count`
 * may be 0. Must be closed. 0, -EINVAL outside a task, for NULL or the current task among the
 * tasks, or NaN; -ESRCH for a stale one; -ENOMEM: then there is nothing to close, and closing is
 * harmless. */
EDDY_API EDDY_MUST_USE int eddy_completed_open(eddy_completed *completed, eddy_task *const *tasks,
                                               size_t count, double timeout);

/* 1 and the next finished task; 0 when all were handed out. Suspends while there is none.
 * -ETIMEDOUT once for each task that isn't done in time, then 0. -ECANCELED if this wait was
 * interrupted: nothing is lost, the next call goes on. -EBUSY if another task waits in it already,
 * -EPIPE if another closes it meanwhile, -EINVAL outside a task or after close. */
EDDY_API EDDY_ASYNC int eddy_completed_next(eddy_completed *completed, eddy_task **task);

/* Stops listening; the tasks go on. On the loop's thread; twice is harmless. */
EDDY_API void eddy_completed_close(eddy_completed *completed);

EDDY_API eddy_completed *eddy_completed_begin_(eddy_completed *completed, eddy_task *const *tasks,
                                               size_t count, double timeout, int *error);
EDDY_API eddy_task *eddy_completed_task_(eddy_completed *completed);

EDDY_END_DECLS
#endif
