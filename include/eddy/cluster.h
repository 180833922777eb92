/* SPDX-License-Identifier: MIT */
/*
 * Cluster: the same program on several loops, each on a thread of its own.
 *
 *     static int serve(struct serve *a)                     // the main task of each loop
 *     {
 *         struct eddy_serve_options options = {.reuse_port = true};
 *         ... eddy_serve("", a->port, handle, NULL, &options, &server) ...
 *     }
 *
 *     eddy_cluster *cluster = eddy_cluster_start(NULL, serve, .port = 8080);
 *     ...
 *     eddy_cluster_stop(cluster);             // any thread
 *     int r = eddy_cluster_wait(cluster);     // suspends a task, blocks a thread
 *     eddy_cluster_close(cluster);
 *
 * Loops share nothing but the process: a task stays on the loop that it was made on, and what
 * belongs to a loop (streams, tasks, events, queues) is for its own tasks only. State of a loop is
 * the locals of its main function. Between loops go items of channels (channel.h), tasks
 * (eddy_cluster_submit, submit.h), and outcomes of futures (eddy_future_share). With `reuse_port`
 * each loop has a listening socket of its own, and the system shares out the connections.
 *
 * A loop ends when its main task does, as in eddy_run: leftover tasks are cancelled. SIGINT isn't
 * theirs; one loop that hears a signal (signal.h) and stops the cluster is the usual way.
 */
#ifndef EDDY_CLUSTER_H
#define EDDY_CLUSTER_H

#include <eddy/run.h>
#include <eddy/submit.h>

EDDY_BEGIN_DECLS

typedef struct eddy_cluster eddy_cluster;

/* What the failure of one loop (a result < 0 of its main task, unless it was stopped) does to the
 * rest: it stops all; or the loop begins anew, with the arguments as they were, until it has failed
 * too often, and then all are stopped; or nothing. Each is said in the loop's log. */
enum eddy_cluster_policy {
    EDDY_CLUSTER_STOP_ALL,
    EDDY_CLUSTER_RESTART,
    EDDY_CLUSTER_GO_ON,
};

/* A field 0 is its default. */
struct eddy_cluster_options {
    size_t loops; /* default: one a processor that the process may use; at most 1024 */
    enum eddy_cluster_policy policy;
    size_t restarts;          /* EDDY_CLUSTER_RESTART: of all loops together, at most 65,536, */
    double restart_seconds;   /* in any period so long; default: in all */
    double restart_delay;     /* seconds before each; default 0.1 */
    struct eddy_options loop; /* of each; what it points to must stay */
};

/* eddy_cluster_start(&options, function, .field = value, ...): makes the threads and loops, and
 * waits (blocking) until the main task of each has begun. Each gets a copy of the arguments.
 * options may be NULL. To be closed. NULL and a failure: -EINVAL (also of options that don't go
 * together), -EAGAIN (no thread), -ENOMEM, or why a loop can't be made; then nothing is left. */
#define eddy_cluster_start(options, ...)                                                           \
    EDDY_FORM_(__VA_ARGS__)(eddy_cluster_start_, options, __VA_ARGS__)
EDDY_API EDDY_MUST_USE eddy_cluster *eddy_cluster_start_(const struct eddy_cluster_options *options,
                                                         eddy_function_ *function,
                                                         const void *arguments, size_t size,
                                                         enum eddy_arguments_kind_ kind,
                                                         const struct eddy_site_ *site);

/* How many loops it was started with; 0 for NULL. Which of them runs here, from 0, or -1. */
EDDY_API size_t eddy_cluster_size(const eddy_cluster *cluster);
EDDY_API int eddy_cluster_index(void);

/* Cancels the main task of each loop. Any thread, also those of the loops; again is harmless.
 * Doesn't suspend. 0, -EINVAL for NULL. */
EDDY_API int eddy_cluster_stop(eddy_cluster *cluster);

/* Waits for the end of all loops: a task is suspended, a thread without a loop is blocked. 0 if
 * none failed, counting -ECANCELED of a loop that was stopped as no failure; else the first failure
 * for which there was no restart, with its story. -ECANCELED if this wait was cancelled (the loops
 * run on: stop them, or wait again); -EDEADLK on one of its own loops; -EINVAL in a callback, or
 * for NULL. */
EDDY_API EDDY_ASYNC int eddy_cluster_wait(eddy_cluster *cluster);

/* Stops, waits for all, also in a cancelled scope, and frees. NULL is harmless. 0, -EDEADLK,
 * -EINVAL. */
EDDY_API int eddy_cluster_close(eddy_cluster *cluster);

/* eddy_cluster_submit(cluster, index, function, .field = value, ...): eddy_submit to one of the
 * loops, which need not be known to exist. Any thread, until the close. NULL and a failure as
 * there; -ESRCH if its main task has ended, or waits to begin anew; -EINVAL for an index that is
 * too high. */
#define eddy_cluster_submit(cluster, index, ...)                                                   \
    EDDY_FORM_(__VA_ARGS__)                                                                        \
    (eddy_cluster_submit_, eddy_cluster_loop_at_(cluster, index), __VA_ARGS__)

struct eddy_cluster_loop_;
EDDY_API struct eddy_cluster_loop_ *eddy_cluster_loop_at_(eddy_cluster *cluster, size_t index);
EDDY_API EDDY_MUST_USE eddy_submission *eddy_cluster_submit_(struct eddy_cluster_loop_ *loop,
                                                             eddy_function_ *function,
                                                             const void *arguments, size_t size,
                                                             enum eddy_arguments_kind_ kind,
                                                             const struct eddy_site_ *site);

EDDY_END_DECLS
#endif
