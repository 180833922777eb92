/* SPDX-License-Identifier: MIT */
/*
 * A process pool's channel to the zygote, and its bond to a loop.
 *
 * A pool is bound to the first loop that runs a job in it, until that loop ends or the pool closes;
 * unbound, its workers just wait. What the zygote reports meanwhile is read when it is bound again.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "memory.h"
#include "process_pool.h"

static _Thread_local struct list bound_pools;

/* ---- the zygote's reports ---- */

static void closer_check(struct process_pool *pool)
{
    struct process_closer *closer = pool->closer;
    if (!closer || pool->alive)
        return;
    pool->closer = NULL;
    if (closer->offloaded)
        atomic_fetch_sub(&pool->loop->offloaded, 1);
    wait_finish(&closer->wait, 0);
}

static struct process_worker *worker_find(struct process_pool *pool, uint32_t number)
{
    for (struct link *link = pool->workers.first; link; link = link->next) {
        struct process_worker *worker = container_of(link, struct process_worker, link);
        if (worker->number == number)
            return worker;
    }
    return NULL;
}

/* No zygote, no workers: they have died with it. */
static void channel_lost(struct process_pool *pool)
{
    if (pool->loop)
        pool->loop->engine->call->unwatch(pool->loop->engine, &pool->watch);
    close(pool->channel);
    pool->channel = -1;
    struct link *link;
    while ((link = list_take_first(&pool->workers))) {
        struct process_worker *worker = container_of(link, struct process_worker, link);
        process_worker_read(worker);
        process_worker_give_up(worker);
        if (worker->job)
            process_job_fail(worker->job, -ECHILD, "the server of the worker processes is gone");
        pool->alive--;
        memory_free(worker);
    }
    while (pool->queued)
        process_job_fail(process_queue_take(pool), -ECHILD,
                         "the server of the worker processes is gone");
}

void process_channel_read(struct process_pool *pool)
{
    while (pool->channel >= 0) {
        struct zygote_report report;
        ssize_t received = recv(pool->channel, &report, sizeof report, MSG_DONTWAIT);
        if (received < 0 && errno == EINTR)
            continue;
        if (received < 0 && errno == EAGAIN)
            break;
        struct process_worker *worker;
        if (received != sizeof report)
            channel_lost(pool);
        else if ((worker = worker_find(pool, report.worker)))
            process_worker_ended(worker, &report);
    }
    if (pool->loop)
        process_pool_dispatch(pool);
    closer_check(pool);
}

static void channel_ready(struct watch *watch, unsigned what)
{
    (void)what;
    process_channel_read(container_of(watch, struct process_pool, watch));
}

/* ---- binding ---- */

static void unwatch_all(struct process_pool *pool, const struct link *end)
{
    for (struct link *link = pool->workers.first; link != end; link = link->next) {
        struct process_worker *worker = container_of(link, struct process_worker, link);
        if (worker->socket >= 0)
            process_worker_unwatch(worker);
    }
    if (pool->channel >= 0)
        pool->loop->engine->call->unwatch(pool->loop->engine, &pool->watch);
}

void process_pool_unbind(struct process_pool *pool)
{
    unwatch_all(pool, NULL);
    list_remove(&bound_pools, &pool->in_bound);
    pool->loop = NULL;
}

int process_pool_bind(struct process_pool *pool, struct eddy_loop *loop)
{
    pool->watch = (struct watch){
        .descriptor = pool->channel, .wanted = READY_READ, .level = true, .ready = channel_ready};
    int r = loop->engine->call->watch(loop->engine, &pool->watch);
    if (r < 0)
        return eddy_fail(r, "the process pool can't be watched");
    pool->loop = loop;
    for (struct link *link = pool->workers.first; link; link = link->next) {
        struct process_worker *worker = container_of(link, struct process_worker, link);
        if (worker->socket >= 0 && (r = process_worker_watch(worker)) < 0) {
            unwatch_all(pool, link);
            pool->loop = NULL;
            return eddy_fail(r, "the process pool can't be watched");
        }
    }
    list_append(&bound_pools, &pool->in_bound);
    return 0;
}

void process_pools_unbind(struct eddy_loop *loop)
{
    for (struct link *link = bound_pools.first, *next; link; link = next) {
        next = link->next;
        struct process_pool *pool = container_of(link, struct process_pool, in_bound);
        if (pool->loop == loop)
            process_pool_unbind(pool);
    }
}
