/* SPDX-License-Identifier: MIT */
/*
 * Process pools: the queue of jobs, and the life of a pool.
 */
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "log.h"
#include "memory.h"
#include "process_pool.h"
#include "scope.h"

/* Some more than what it takes to wake a worker on another CPU. */
#define LINGER_NS 20000

static struct process_pool *process_pool(const struct eddy_pool *pool)
{
    return container_of(pool, struct process_pool, base);
}

/* ---- the end of jobs ---- */

static void closer_offload(struct process_pool *pool)
{
    if (pool->closer && !pool->closer->offloaded && !pool->jobs) {
        pool->closer->offloaded = true;
        atomic_fetch_add(&pool->loop->offloaded, 1);
    }
}

/* The virtual clock waits for it again. */
static void job_stays_awake(struct process_job *job)
{
    if (!job->sleeping)
        return;
    timer_cancel(&job->pool->loop->timers, &job->timer);
    job->pool->asleep--;
    job->sleeping = false;
    atomic_fetch_add(&job->pool->loop->offloaded, 1);
}

static void job_leaves(struct process_job *job)
{
    job_stays_awake(job);
    if (job->worker)
        atomic_fetch_sub(&job->pool->loop->offloaded, 1);
    job->pool->jobs--;
    closer_offload(job->pool);
}

void process_job_finish(struct process_job *job, int result)
{
    job_leaves(job);
    job->result = job->cancelled ? -ECANCELED : result;
    job->finished = true;
    if (job->parked)
        wait_finish(&job->wait, 0);
}

void process_job_fail(struct process_job *job, int code, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!job->cancelled)
        job->text = memory_copy_text(text);
    process_job_finish(job, code);
}

/* ---- the queue ---- */

void process_job_requeue(struct process_job *job)
{
    struct list *queue = &job->pool->queue;
    if (job->worker)
        atomic_fetch_sub(&job->pool->loop->offloaded, 1);
    job->worker = NULL;
    job->link = (struct link){.next = queue->first};
    if (queue->first)
        queue->first->previous = &job->link;
    else
        queue->last = &job->link;
    queue->first = &job->link;
    job->pool->queued++;
}

struct process_job *process_queue_take(struct process_pool *pool)
{
    pool->queued--;
    return container_of(list_take_first(&pool->queue), struct process_job, link);
}

/* The worker for the next job, NULL if it has to wait; if it would in vain, it fails. */
static struct process_worker *worker_for_next(struct process_pool *pool)
{
    if (pool->idle.first)
        return container_of(pool->idle.last, struct process_worker, in_idle);
    if (pool->alive >= pool->most_workers || (pool->start_error && pool->alive))
        return NULL;
    if (pool->start_error) {
        process_job_fail(process_queue_take(pool), pool->start_error,
                         "can't fork a worker process: %s", strerror(-pool->start_error));
        pool->start_error = 0;
        return NULL;
    }
    struct process_worker *worker = process_worker_start(pool);
    if (!worker && !pool->alive) {
        const eddy_failure *failure = eddy_last_failure();
        process_job_fail(process_queue_take(pool), failure ? eddy_failure_code(failure) : -ENOMEM,
                         "%s", eddy_failure_message(failure));
    }
    return worker;
}

/* The virtual clock waits for what is queued, unless all workers sleep: then a job can't begin
 * before the clock has gone on. */
static void update_hold(struct process_pool *pool)
{
    bool hold = pool->queued && pool->asleep < pool->alive;
    if (hold && !pool->holds)
        atomic_fetch_add(&pool->loop->offloaded, 1);
    if (!hold && pool->holds)
        atomic_fetch_sub(&pool->loop->offloaded, 1);
    pool->holds = hold;
}

static void dispatch(struct process_pool *pool)
{
    while (pool->queued && pool->channel >= 0) {
        size_t queued = pool->queued;
        struct process_worker *worker = worker_for_next(pool);
        if (!worker && pool->queued < queued)
            continue;
        if (!worker)
            return;
        struct process_job *job = process_queue_take(pool);
        int r = process_worker_send(worker, job);
        if (r == -EPIPE)
            process_job_requeue(job);
        else if (r < 0)
            process_job_fail(job, r, "the job can't be sent to a worker process: %s", strerror(-r));
    }
}

void process_pool_dispatch(struct process_pool *pool)
{
    dispatch(pool);
    update_hold(pool);
}

/* ---- running a job ---- */

/* A worker that is killed may still do something until it has ended, so its end is waited for. */
static bool job_abort(struct wait *wait)
{
    struct process_job *job = container_of(wait, struct process_job, wait);
    struct process_pool *pool = job->pool;
    if (job->worker && !job->cancelled)
        process_worker_read(job->worker); /* a result that is there beats the cancel */
    if (job->finished || job->cancelled)
        return false;
    if (job->worker) {
        job->cancelled = true;
        job_stays_awake(job);
        process_worker_kill(job->worker);
        process_pool_dispatch(pool);
        return false;
    }
    list_remove(&pool->queue, &job->link);
    pool->queued--;
    job_leaves(job);
    process_pool_dispatch(pool);
    return true;
}

/* What keeps a job from being taken at all. */
static int job_refuse(struct process_pool *pool, const struct order *order)
{
    const char *function = order->site->function;
    int r = zygote_check("eddy_run_in");
    if (r < 0)
        return r;
    if (pool->loop && pool->loop != loop_self)
        return log_misuse(-EINVAL, "eddy_run_in", "another loop uses this process pool, at %s:%d",
                          order->site->file, order->site->line);
    if (order->size > WORKER_ARGUMENT_MAX)
        return eddy_fail(-E2BIG, "the argument of %s is %zu bytes, a process pool takes %zu",
                         function, order->size, WORKER_ARGUMENT_MAX);
    if (!zygote_knows(order->function))
        return eddy_fail(-ENOEXEC,
                         "%s isn't known to worker processes: it was loaded after "
                         "eddy_process_pool_init",
                         function);
    if (pool->closing)
        return eddy_fail(-ESHUTDOWN, "can't run %s in the pool: it is closing", function);
    if (pool->channel < 0)
        return eddy_fail(-ECHILD, "can't run %s: the server of the worker processes is gone",
                         function);
    if (pool->jobs >= pool->most_workers + pool->most_queued)
        return eddy_fail(
            -EAGAIN,
            "can't run %s in the pool: %zu jobs are waiting for its %zu workers, the cap "
            "on its queue",
            function, pool->most_queued, pool->most_workers);
    return pool->loop ? 0 : process_pool_bind(pool, loop_self);
}

/* A short job's reply is here before a loop that went to sleep has been woken. Nobody else waits
 * for this thread, and it is a turn of the loop's budget, so others do get theirs. */
static bool job_may_linger(struct process_pool *pool)
{
    struct eddy_loop *loop = pool->loop;
    return loop->lingers && !loop->ready_first && loop->budget && spin_wanted(&pool->spin);
}

static void job_linger(struct process_job *job)
{
    int64_t end = clock_monotonic() + LINGER_NS;
    job->pool->loop->budget--;
    do {
        process_worker_read(job->worker);
        for (int i = 0; i < 8; i++)
            spin_pause();
    } while (!job->finished && job->worker && clock_monotonic() < end);
    spin_ended(&job->pool->spin, !job->finished);
}

static int process_pool_run(struct eddy_pool *base, const struct order *order)
{
    struct process_pool *pool = process_pool(base);
    struct process_job job = {.order = order, .pool = pool};
    int r = wait_begin(&job.wait, "a worker process", job_abort);
    if (r < 0 || (r = job_refuse(pool, order)) < 0)
        return r;
    pool->jobs++;
    pool->queued++;
    list_append(&pool->queue, &job.link);
    job.lingers = job_may_linger(pool);
    process_pool_dispatch(pool);
    if (job.lingers && job.worker && job.worker->cpu != sched_getcpu())
        job_linger(&job);
    if (!job.finished) {
        job.parked = true;
        r = wait_park(&job.wait);
    }
    if (r == 0)
        r = job.result;
    if (job.cancelled)
        scope_mark_interrupted(job.wait.task);
    if (job.text)
        (void)eddy_fail_(r, false, order->site->file, order->site->line, "%s: %s",
                         order->site->function, job.text);
    memory_free(job.text);
    return r;
}

/* ---- life ---- */

static const struct pool_vtable process_pool_calls;

static size_t default_processes(void)
{
    size_t cpus = pool_cpus();
    return cpus < POOL_PROCESSES_MAX ? cpus : POOL_PROCESSES_MAX;
}

int eddy_process_pool_open(eddy_pool **ret_pool, const struct eddy_process_pool_options *options)
{
    size_t processes = options && options->processes ? options->processes : default_processes();
    size_t queue = options && options->queue ? options->queue : POOL_QUEUE_DEFAULT;
    if (!ret_pool)
        return log_misuse(-EINVAL, "eddy_process_pool_open", "the pool is NULL");
    if (processes > POOL_PROCESSES_MAX)
        return log_misuse(-EINVAL, "eddy_process_pool_open", "%zu processes; %d is the most",
                          processes, POOL_PROCESSES_MAX);
    struct harness *harness = loop_self ? loop_self->harness : NULL;
    if (harness && harness->pool_open)
        return harness->pool_open(harness, true, processes, queue, ret_pool);
    int r = zygote_check("eddy_process_pool_open");
    if (r < 0)
        return r;
    struct process_pool *pool = memory_allocate_zeroed(1, sizeof *pool);
    if (!pool)
        return eddy_fail(-ENOMEM, "no memory for a process pool");
    pool->base.call = &process_pool_calls;
    pool->most_workers = processes;
    pool->most_queued = queue < SIZE_MAX / 2 ? queue : SIZE_MAX / 2;
    r = zygote_channel_open((uint32_t)processes, &pool->channel);
    if (r < 0) {
        memory_free(pool);
        return eddy_fail(r, "no channel to the server of worker processes: %s", strerror(-r));
    }
    *ret_pool = &pool->base;
    return 0;
}

/* Blocks until something has come from a worker or the zygote, and deals with it. */
static void pump(struct process_pool *pool)
{
    struct pollfd polled[1 + POOL_PROCESSES_MAX] = {{.fd = pool->channel, .events = POLLIN}};
    struct process_worker *workers[1 + POOL_PROCESSES_MAX];
    nfds_t count = 1;
    for (struct link *link = pool->workers.first; link; link = link->next, count++) {
        workers[count] = container_of(link, struct process_worker, link);
        polled[count] = (struct pollfd){.fd = workers[count]->socket, .events = POLLIN};
    }
    (void)poll(polled, count, -1);
    for (nfds_t i = 1; i < count; i++)
        process_worker_read(workers[i]);
    process_channel_read(pool);
}

/* A fork of the program has copies of everything and owns nothing. */
static void drop_copies(struct process_pool *pool)
{
    struct link *link;
    while ((link = list_take_first(&pool->workers))) {
        struct process_worker *worker = container_of(link, struct process_worker, link);
        if (worker->socket >= 0)
            close(worker->socket);
        memory_free(worker);
    }
    if (pool->channel >= 0)
        close(pool->channel);
    memory_free(pool);
}

static void wait_for_workers(struct process_pool *pool)
{
    struct process_closer closer = {.offloaded = false};
    if (task_current() && (pool->loop || process_pool_bind(pool, loop_self) == 0)) {
        (void)wait_begin_shielded(&closer.wait, "a pool to close");
        pool->closer = &closer;
        closer_offload(pool);
        (void)wait_park(&closer.wait);
    }
    while (pool->alive)
        pump(pool);
}

static void process_pool_close(struct eddy_pool *base)
{
    struct process_pool *pool = process_pool(base);
    if (pool->loop && pool->loop != loop_self) {
        (void)log_misuse(-EINVAL, "eddy_pool_close", "another loop uses this process pool");
        return;
    }
    if (zygote_check("eddy_pool_close") < 0) {
        drop_copies(pool);
        return;
    }
    pool->closing = true;
    while (pool->queued)
        process_job_fail(process_queue_take(pool), -ESHUTDOWN,
                         "was waiting in a pool that is closing");
    if (pool->loop)
        process_pool_dispatch(pool);
    while (pool->idle.first)
        process_worker_give_up(container_of(pool->idle.first, struct process_worker, in_idle));
    if (pool->alive)
        wait_for_workers(pool);
    if (pool->loop)
        process_pool_unbind(pool);
    if (pool->channel >= 0) {
        (void)shutdown(pool->channel, SHUT_RDWR); /* a forked child may hold it, too */
        close(pool->channel);
    }
    memory_free(pool);
}

static size_t process_pool_jobs(const struct eddy_pool *base)
{
    return process_pool(base)->jobs;
}

static size_t process_pool_workers(const struct eddy_pool *base)
{
    return process_pool(base)->alive;
}

static const struct pool_vtable process_pool_calls = {
    .run = process_pool_run,
    .close = process_pool_close,
    .jobs = process_pool_jobs,
    .workers = process_pool_workers,
};
