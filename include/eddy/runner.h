/* SPDX-License-Identifier: MIT */
/*
 * Runner: several runs on one loop. asyncio.Runner.
 *
 *     eddy_runner runner;
 *     int r = eddy_runner_open(&runner, NULL);
 *     r = eddy_runner_run(&runner, load, .path = "config");
 *     r = eddy_runner_run(&runner, serve);         // the tasks that load left are still there
 *     r = eddy_runner_close(&runner);
 *
 * Between two runs everything stands still: tasks, timers, connections. The values of locals
 * (local.h) at the end of a run are those that the next one begins with. A runner belongs to the
 * thread of its first run.
 */
#ifndef EDDY_RUNNER_H
#define EDDY_RUNNER_H

#include <eddy/loop.h>
#include <eddy/run.h>

EDDY_BEGIN_DECLS

typedef struct eddy_runner {
    uint64_t private_[32];
} eddy_runner;

/* Makes a runner; its loop is made by the first run. The options (NULL: defaults) are copied, what
 * they point to must stay. 0, -EINVAL for NULL. */
EDDY_API int eddy_runner_open(eddy_runner *runner, const struct eddy_options *options);

/* eddy_runner_run(&runner, function, .field = value, ...): runs function as a main task until it is
 * done, and returns its result, as eddy_run does, SIGINT included; but leaves the other tasks and
 * the loop for the next run.
 * Errors as eddy_run; -ESHUTDOWN once closed; -EINVAL on another thread, or in a forked child. */
#define eddy_runner_run(runner, ...) EDDY_FORM_(__VA_ARGS__)(eddy_runner_run_, runner, __VA_ARGS__)
EDDY_API int eddy_runner_run_(eddy_runner *runner, eddy_function_ *function, const void *arguments,
                              size_t size, enum eddy_arguments_kind_ kind,
                              const struct eddy_site_ *site);

/* The runner's loop, for calls from other threads; makes it if no run did. NULL and a failure as
 * eddy_runner_run. Borrowed, until the close. */
EDDY_API eddy_loop *eddy_runner_loop(eddy_runner *runner);

/* Cancels the tasks that are left, waits for them, and ends the loop. Twice is fine: 0. -EBUSY from
 * inside a loop (of this runner or another), -EINVAL on another thread or in a forked child. */
EDDY_API int eddy_runner_close(eddy_runner *runner);

EDDY_END_DECLS
#endif
