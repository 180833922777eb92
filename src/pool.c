/* SPDX-License-Identifier: MIT */
/*
 * Pools: the public calls, passed on to the kind of pool at hand.
 */
#include <sched.h>
#include <unistd.h>
#include "door.h"
#include "log.h"
#include "pool.h"

/* ---- shared by both kinds ---- */

CALLS_ERASED int pool_call(eddy_function_ *function, void *argument)
{
    return function(argument);
}

size_t pool_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (size_t)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than the set has room for */
    return online > 0 ? (size_t)online : 1;
}

void pool_other_signals(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    (void)sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        (void)sigdelset(set, faults[i]);
}

/* ---- a loop's own ---- */

struct eddy_pool *pool_of_loop(struct eddy_loop *loop)
{
    if (!loop->threads && eddy_thread_pool_open(&loop->threads, NULL) < 0)
        return NULL;
    return loop->threads;
}

void pool_loop_close(struct eddy_loop *loop)
{
    door_close();
    process_pools_unbind(loop);
    if (!loop->threads)
        return;
    loop->threads->call->close(loop->threads);
    loop->threads = NULL;
}

/* ---- public ---- */

static int order_check(const char *call, const struct order *order)
{
    if (!order->function || !order->argument)
        return log_misuse(-EINVAL, call, "the %s is NULL, at %s:%d",
                          order->function ? "argument" : "function", order->site->file,
                          order->site->line);
    if (!task_current())
        return log_misuse(-EINVAL, call, "%s() can't be awaited outside a task, at %s:%d",
                          order->site->function, order->site->file, order->site->line);
    return 0;
}

int eddy_run_in_(eddy_pool *pool, eddy_function_ *function, void *argument, size_t size,
                 const struct eddy_site_ *site)
{
    const struct order order = {function, argument, size, site};
    int r = order_check(pool ? "eddy_run_in" : "eddy_to_thread", &order);
    if (r < 0)
        return r;
    if (!pool && !(pool = pool_of_loop(loop_self)))
        return -ENOMEM;
    return pool->call->run(pool, &order);
}

int eddy_to_thread_abandon_(eddy_function_ *function, void *argument, size_t size,
                            const struct eddy_site_ *site)
{
    const struct order order = {function, argument, size, site};
    int r = order_check("eddy_to_thread_abandon", &order);
    if (r < 0)
        return r;
    struct eddy_pool *pool = pool_of_loop(loop_self);
    return pool ? pool->call->run_abandon(pool, &order) : -ENOMEM;
}

void eddy_pool_close(eddy_pool *pool)
{
    if (pool)
        pool->call->close(pool);
}

size_t eddy_pool_jobs(const eddy_pool *pool)
{
    return pool ? pool->call->jobs(pool) : 0;
}

size_t eddy_pool_workers(const eddy_pool *pool)
{
    return pool ? pool->call->workers(pool) : 0;
}
