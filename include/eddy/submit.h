/* SPDX-License-Identifier: MIT */
/*
 * Submit: a task for the loop of another thread. asyncio.run_coroutine_threadsafe().
 *
 *     eddy_submission *s = eddy_submit(loop, fetch, .url = url);   // on any thread
 *     if (eddy_submission_wait(s, 2.0) == -ETIMEDOUT)              // blocks this thread
 *         eddy_submission_cancel(s);
 *     int r = eddy_submission_result(s);
 *     eddy_submission_release(s);
 *
 * A submission may be used by any thread, and may outlive its loop.
 */
#ifndef EDDY_SUBMIT_H
#define EDDY_SUBMIT_H

#include <eddy/loop.h>
#include <eddy/task.h>

EDDY_BEGIN_DECLS

typedef struct eddy_submission eddy_submission;

/* eddy_submit(loop, function, .field = value, ...): has the loop create a task in one of its next
 * turns; the arguments are copied. The loop must still exist, as for eddy_call_soon_threadsafe; on
 * its own thread it may be called too. To be released. NULL and a failure: -EINVAL, -ENOMEM,
 * -ESHUTDOWN if the loop is closing. That the task can't be created (-EAGAIN, -ENOMEM, -ESHUTDOWN
 * of a loop that ends meanwhile) is the submission's result. */
#define eddy_submit(loop, ...) EDDY_FORM_(__VA_ARGS__)(eddy_submit_, loop, __VA_ARGS__)
#define eddy_submit_as(loop, function, type, ...)                                                  \
    EDDY_AS_(eddy_submit_, loop, function, type, __VA_ARGS__)
EDDY_API EDDY_MUST_USE eddy_submission *eddy_submit_(eddy_loop *loop, eddy_function_ *function,
                                                     const void *arguments, size_t size,
                                                     enum eddy_arguments_kind_ kind,
                                                     const struct eddy_site_ *site);

/* Blocks the calling thread until the task is done, for at most so many real seconds
 * (EDDY_FOREVER: no limit; 0 or less only looks): 0, -ETIMEDOUT, -EINVAL for NULL or NaN. On the
 * loop's own thread, which could not go on, -EDEADLK. */
EDDY_API EDDY_MUST_USE int eddy_submission_wait(eddy_submission *submission, double seconds);

/* The same from a task, which is suspended meanwhile, and the result at once: asyncio.wrap_future()
 * and await. As eddy_await: a cancel of the waiting task is passed on to the submitted one, whose
 * end is still waited for. eddy_submission_result's values; -EINVAL outside a task. */
EDDY_API EDDY_ASYNC int eddy_submission_await(eddy_submission *submission);

/* The task's result, with its failure (code, message, name of the task; no causes or children) as
 * the caller's last one; -ECANCELED if it was cancelled, from either side; -EINPROGRESS while it
 * isn't done, -EINVAL for NULL. */
EDDY_API int eddy_submission_result(eddy_submission *submission);

EDDY_API bool eddy_submission_done(const eddy_submission *submission);

/* Asks the task to end, as eddy_task_cancel; one that hasn't arrived will not begin. True if it was
 * asked, false if it is done. Doesn't block: wait for the end. */
EDDY_API bool eddy_submission_cancel(eddy_submission *submission);

/* Gives it back; the task goes on, and if it fails later, that is reported to its loop's log (not
 * what it has failed with already). NULL is harmless. */
EDDY_API void eddy_submission_release(eddy_submission *submission);

EDDY_END_DECLS
#endif
