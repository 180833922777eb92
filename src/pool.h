/* SPDX-License-Identifier: MIT */
/*
 * Pools from inside: what thread and process pools have in common.
 *
 *     task --run--> [queue: job job job] --> thread or worker process --post or reply--> task
 *
 * A job is the waiting task's memory (an abandoned one's its own). From its hand-over until its
 * task is resumed it counts in loop->offloaded, so that a virtual clock waits for it.
 */
#ifndef EDDY_SRC_POOL_H
#define EDDY_SRC_POOL_H

#include <signal.h>
#include "eddy/pool.h"
#include "loop.h"
#include "task.h"
#include "private.h"

#define POOL_QUEUE_DEFAULT 65536
#define POOL_PROCESSES_MAX 1024
#define POOL_THREADS_MAX 4096

/* What a task wants done. */
struct order {
    eddy_function_ *function;
    void *argument;
    size_t size;
    const struct eddy_site_ *site;
};

struct pool_vtable {
    int (*run)(struct eddy_pool *pool, const struct order *order);
    /* The same on a copy of the argument, see eddy_to_thread_abandon. NULL: not of this kind. */
    int (*run_abandon)(struct eddy_pool *pool, const struct order *order);
    void (*close)(struct eddy_pool *pool);
    size_t (*jobs)(const struct eddy_pool *pool);
    size_t (*workers)(const struct eddy_pool *pool);
};

struct eddy_pool {
    const struct pool_vtable *call;
};

/* Called at the end of a loop, on its thread, when its tasks are gone: joins its own threads (but
 * for those in abandoned jobs, which end by themselves), lets go of its process pools. */
void pool_loop_close(struct eddy_loop *loop);

/* The loop's own threads, made at first use: NULL and a failure without memory. */
struct eddy_pool *pool_of_loop(struct eddy_loop *loop);

/* process_pool.c: its pools that are bound to this thread's loop are so no more. */
void process_pools_unbind(struct eddy_loop *loop);

/* Calls a function through the type that the macros erased. */
EDDY_PRIVATE int pool_call(eddy_function_ *function, void *argument);

/* CPUs this process may run on. */
EDDY_PRIVATE size_t pool_cpus(void);

/* Every signal but those that a fault of the thread itself raises. */
void pool_other_signals(sigset_t *set);

#endif
