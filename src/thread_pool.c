/* SPDX-License-Identifier: MIT */
/*
 * Thread pools, the side of tasks and owners: handing jobs over, taking them back, closing.
 *
 * Who submits a job wakes or starts a worker only if none is on its way to the queue. A worker that
 * takes a job and leaves others there does the same, so as many come as there is work for, and no
 * more than that for many short jobs.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "memory.h"
#include "thread_pool.h"

static struct thread_pool *thread_pool(const struct eddy_pool *pool)
{
    return container_of(pool, struct thread_pool, base);
}

/* ---- jobs, on the loop's side ---- */

/* With the lock held. */
static int job_queue(struct thread_pool *pool, struct job *job)
{
    const char *function = job->order.site->function;
    size_t queued = atomic_load_explicit(&pool->queued, memory_order_relaxed);
    if (atomic_load_explicit(&pool->closing, memory_order_relaxed))
        return eddy_fail(-ESHUTDOWN, "can't run %s in the pool: it is closing", function);
    if (queued + pool->running >= pool->most_threads + pool->most_queued)
        return eddy_fail(-EAGAIN,
                         "can't run %s in the pool: %zu jobs are waiting for its %zu threads, the "
                         "cap on its queue",
                         function, pool->most_queued, pool->most_threads);
    list_append(&pool->queue, &job->link);
    atomic_store_explicit(&pool->submitters_cpu, sched_getcpu(), memory_order_relaxed);
    atomic_store_explicit(&pool->queued, queued + 1, memory_order_relaxed);
    int r = thread_worker_summon(pool);
    if (r < 0) {
        list_remove(&pool->queue, &job->link);
        atomic_store_explicit(&pool->queued, queued, memory_order_relaxed);
        return eddy_fail(r, "can't run %s in the pool: no thread can be started: %s", function,
                         strerror(-r));
    }
    job->counted = pool->asleep < pool->threads;
    if (job->counted)
        atomic_fetch_add(&job->loop->offloaded, 1);
    return 0;
}

/* The wait of a task for its job. */
struct job_wait {
    struct wait wait;
    struct thread_pool *pool;
    struct job *job;
    bool may_abandon;
    bool abandoned;
};

static void job_back(struct post *post)
{
    struct job *job = container_of(post, struct job, post);
    if (job->counted)
        atomic_fetch_sub(&job->loop->offloaded, 1);
    wait_finish(job->wait, 0);
}

static bool job_abort(struct wait *wait)
{
    struct job_wait *waiting = container_of(wait, struct job_wait, wait);
    struct thread_pool *pool = waiting->pool;
    struct job *job = waiting->job;
    (void)pthread_mutex_lock(&pool->lock);
    bool queued = job->state == JOB_QUEUED;
    if (queued) {
        list_remove(&pool->queue, &job->link);
        atomic_fetch_sub_explicit(&pool->queued, 1, memory_order_relaxed);
        if (job->counted)
            atomic_fetch_sub(&job->loop->offloaded, 1);
    } else if (job->state == JOB_RUNNING && waiting->may_abandon) {
        (void)door_keep(job->door);
        job->abandoned = waiting->abandoned = true;
        job->loop->abandoned++;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return queued || waiting->abandoned;
}

/* Runs a prepared job; on return it is the caller's again unless it was abandoned. */
static int job_wait_for(struct thread_pool *pool, struct job *job, struct job_wait *waiting)
{
    int r = wait_begin(&waiting->wait, "a thread", job_abort);
    if (r < 0)
        return r;
    struct eddy_loop *loop = waiting->wait.task->loop;
    waiting->pool = pool;
    waiting->job = job;
    job->wait = &waiting->wait;
    job->post.run = job_back;
    job->loop = loop;
    job->virtual_clock = loop->virtual_clock;
    job->submitted = loop->virtual_now;
    job->door = door_here();
    if (!job->door)
        return eddy_fail(-ENOMEM, "no memory to run %s in a thread", job->order.site->function);
    job->locals = locals_inherit();
    (void)pthread_mutex_lock(&pool->lock);
    r = job_queue(pool, job);
    (void)pthread_mutex_unlock(&pool->lock);
    if (r == 0)
        r = wait_park(&waiting->wait);
    if (!waiting->abandoned && job->locals) /* it never ran */
        locals_release(job->locals);
    if (r < 0)
        return r;
    if (job->refused)
        return eddy_fail(-ESHUTDOWN, "%s was waiting in a pool that is closing",
                         job->order.site->function);
    if (job->failure)
        failure_set(job->failure);
    return job->result;
}

static int thread_pool_run(struct eddy_pool *base, const struct order *order)
{
    struct job job = {.order = *order};
    struct job_wait waiting = {.may_abandon = false};
    return job_wait_for(thread_pool(base), &job, &waiting);
}

static int thread_pool_run_abandon(struct eddy_pool *base, const struct order *order)
{
    const size_t alignment = 64;
    const size_t before = (sizeof(struct job) + alignment - 1) & ~(alignment - 1);
    const size_t size = (before + order->size + alignment - 1) & ~(alignment - 1);
    struct job *job = memory_allocate_aligned(alignment, size);
    if (!job)
        return eddy_fail(-ENOMEM, "no memory for a copy of the argument of %s, %zu bytes",
                         order->site->function, order->size);
    *job = (struct job){.order = *order};
    job->order.argument = (char *)job + before;
    memcpy(job->order.argument, order->argument, order->size);
    struct job_wait waiting = {.may_abandon = true};
    int r = job_wait_for(thread_pool(base), job, &waiting);
    if (waiting.abandoned)
        return r;
    if (job->state == JOB_DONE && !job->refused)
        memcpy(order->argument, job->order.argument, order->size);
    memory_free(job);
    return r;
}

/* ---- life ---- */

static const struct pool_vtable thread_pool_calls;

int eddy_thread_pool_open(eddy_pool **ret_pool, const struct eddy_thread_pool_options *options)
{
    const size_t cpus = pool_cpus();
    size_t threads = options && options->threads ? options->threads : cpus + 4 < 32 ? cpus + 4 : 32;
    size_t queue = options && options->queue ? options->queue : POOL_QUEUE_DEFAULT;
    if (!ret_pool)
        return log_misuse(-EINVAL, "eddy_thread_pool_open", "the pool is NULL");
    if (threads > POOL_THREADS_MAX)
        return log_misuse(-EINVAL, "eddy_thread_pool_open", "%zu threads; %d is the most", threads,
                          POOL_THREADS_MAX);
    struct harness *harness = loop_self ? loop_self->harness : NULL;
    if (harness && harness->pool_open)
        return harness->pool_open(harness, false, threads, queue, ret_pool);
    struct thread_pool *pool = memory_allocate_zeroed(1, sizeof *pool);
    if (!pool)
        return eddy_fail(-ENOMEM, "no memory for a thread pool");
    pool->base.call = &thread_pool_calls;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->work, NULL);
    (void)pthread_cond_init(&pool->ended, NULL);
    pool->most_threads = threads;
    pool->most_queued = queue < SIZE_MAX / 2 ? queue : SIZE_MAX / 2;
    pool->most_lingering = cpus / 2;
    pool->references = 1;
    *ret_pool = &pool->base;
    return 0;
}

static void closer_told(struct post *post)
{
    struct closer *closer = container_of(post, struct closer, post);
    if (closer->offloaded)
        atomic_fetch_sub(&closer->loop->offloaded, 1);
    wait_finish(&closer->wait, 0);
}

/* With the lock held, which it gives back meanwhile: until the last thread has left. */
static void wait_for_threads(struct thread_pool *pool)
{
    struct closer closer = {.post.run = closer_told, .loop = loop_self};
    if (task_current() && (closer.door = door_here())) {
        (void)wait_begin_shielded(&closer.wait, "a pool to close");
        if (pool->running == 0) {
            closer.offloaded = true;
            atomic_fetch_add(&closer.loop->offloaded, 1);
        }
        pool->closer = &closer;
        (void)pthread_mutex_unlock(&pool->lock);
        (void)wait_park(&closer.wait);
        (void)pthread_mutex_lock(&pool->lock);
    }
    while (pool->threads)
        (void)pthread_cond_wait(&pool->ended, &pool->lock);
}

static void thread_pool_close(struct eddy_pool *base)
{
    struct thread_pool *pool = thread_pool(base);
    (void)pthread_mutex_lock(&pool->lock);
    atomic_store_explicit(&pool->closing, true, memory_order_relaxed);
    struct link *link;
    while ((link = list_take_first(&pool->queue))) {
        struct job *job = container_of(link, struct job, link);
        atomic_fetch_sub_explicit(&pool->queued, 1, memory_order_relaxed);
        job->state = JOB_DONE;
        job->refused = true;
        (void)door_post(job->door, &job->post);
    }
    (void)pthread_cond_broadcast(&pool->work);
    thread_workers_lose_abandoned(pool);
    if (pool->threads)
        wait_for_threads(pool);
    bool join = pool->someone_left;
    pthread_t left = pool->left;
    thread_pool_release(pool);
    if (join)
        (void)pthread_join(left, NULL);
}

static size_t thread_pool_jobs(const struct eddy_pool *base)
{
    struct thread_pool *pool = thread_pool(base);
    (void)pthread_mutex_lock(&pool->lock);
    size_t jobs = pool->running + atomic_load_explicit(&pool->queued, memory_order_relaxed);
    (void)pthread_mutex_unlock(&pool->lock);
    return jobs;
}

static size_t thread_pool_workers(const struct eddy_pool *base)
{
    struct thread_pool *pool = thread_pool(base);
    (void)pthread_mutex_lock(&pool->lock);
    size_t threads = pool->threads;
    (void)pthread_mutex_unlock(&pool->lock);
    return threads;
}

static const struct pool_vtable thread_pool_calls = {
    .run = thread_pool_run,
    .run_abandon = thread_pool_run_abandon,
    .close = thread_pool_close,
    .jobs = thread_pool_jobs,
    .workers = thread_pool_workers,
};
