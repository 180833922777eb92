/* SPDX-License-Identifier: MIT */
/*
 * The threads of a thread pool.
 *
 * A worker that finds the queue empty spins for some 50 us before it sleeps: jobs often come one
 * after the other, and waking a thread costs more than a short job. On one CPU it sleeps at once.
 *
 * Workers leave in a row, each joining the one before; the last tells who closes the pool, and is
 * joined by it. A worker in an abandoned job is left alone at the close: it is detached, and the
 * last one out frees the pool's memory.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include "blocking.h"
#include "memory.h"
#include "spin.h"
#include "thread_pool.h"

#define LINGER_NS 50000

void thread_pool_release(struct thread_pool *pool)
{
    bool last = --pool->references == 0;
    (void)pthread_mutex_unlock(&pool->lock);
    if (!last)
        return;
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_cond_destroy(&pool->ended);
    (void)pthread_mutex_destroy(&pool->lock);
    memory_free(pool);
}

/* Without the lock: until there is work, or for LINGER_NS. On the CPU of the one who had the last
 * work it lets others go first: that one may be among them, with more. */
static void linger(struct thread_pool *pool)
{
    int64_t end = clock_monotonic() + LINGER_NS;
    do {
        for (int i = 0; i < 16; i++) {
            if (atomic_load_explicit(&pool->queued, memory_order_relaxed) ||
                atomic_load_explicit(&pool->closing, memory_order_relaxed))
                return;
            spin_pause();
        }
        if (atomic_load_explicit(&pool->submitters_cpu, memory_order_relaxed) == sched_getcpu())
            (void)sched_yield();
    } while (clock_monotonic() < end);
}

static void *worker_main(void *argument);

/* With the lock held: one thread more. */
static int worker_start(struct thread_pool *pool)
{
    struct worker *worker = memory_allocate_zeroed(1, sizeof *worker);
    if (!worker)
        return -ENOMEM;
    worker->pool = pool;
    worker->number = ++pool->made;
    sigset_t blocked, before;
    pool_other_signals(&blocked);
    (void)pthread_sigmask(SIG_BLOCK, &blocked, &before);
    int r = pthread_create(&worker->thread, NULL, worker_main, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r) {
        memory_free(worker);
        return -r;
    }
    list_append(&pool->workers, &worker->link);
    pool->threads++;
    pool->starting++;
    pool->references++;
    return 0;
}

int thread_worker_summon(struct thread_pool *pool)
{
    if (pool->lingering + pool->waking + pool->starting + pool->returning)
        return 0;
    if (pool->sleeping) {
        pool->sleeping--;
        pool->waking++;
        (void)pthread_cond_signal(&pool->work);
        return 0;
    }
    if (pool->threads == pool->most_threads)
        return 0;
    int r = worker_start(pool);
    return pool->threads ? 0 : r; /* if there are some they'll do it */
}

/* With the lock held. */
static void job_count(struct job *job, bool count)
{
    if (job->counted == count)
        return;
    job->counted = count;
    if (count)
        atomic_fetch_add(&job->loop->offloaded, 1);
    else
        atomic_fetch_sub(&job->loop->offloaded, 1);
}

/* With the lock held: the next job, if there is one. */
static struct job *queue_take(struct thread_pool *pool)
{
    struct link *link = list_take_first(&pool->queue);
    if (!link)
        return NULL;
    struct job *job = container_of(link, struct job, link);
    atomic_fetch_sub_explicit(&pool->queued, 1, memory_order_relaxed);
    pool->running++;
    job->state = JOB_RUNNING;
    job_count(job, true);
    return job;
}

/* With the lock held: the worker is on its way to the queue from now on, so that nobody is woken
 * for a job that it will find there. */
static void worker_comes(struct thread_pool *pool, struct worker *worker)
{
    worker->lingers = pool->lingering < pool->most_lingering;
    *(worker->lingers ? &pool->lingering : &pool->returning) += 1;
}

/* Without the lock, which it takes: the worker is there. */
static void worker_arrives(struct thread_pool *pool, struct worker *worker)
{
    if (worker->lingers)
        linger(pool);
    (void)pthread_mutex_lock(&pool->lock);
    *(worker->lingers ? &pool->lingering : &pool->returning) -= 1;
}

/* With the lock held, also on return: the next job, or NULL once the pool closes. */
static struct job *queue_wait(struct thread_pool *pool, struct worker *worker)
{
    for (;;) {
        struct job *job = queue_take(pool);
        if (job) {
            if (atomic_load_explicit(&pool->queued, memory_order_relaxed))
                (void)thread_worker_summon(pool);
            return job;
        }
        if (atomic_load_explicit(&pool->closing, memory_order_relaxed))
            return NULL;
        if (!worker->lingers && pool->lingering < pool->most_lingering) {
            worker_comes(pool, worker);
            (void)pthread_mutex_unlock(&pool->lock);
            worker_arrives(pool, worker);
            continue;
        }
        pool->sleeping++;
        while (!pool->waking && !atomic_load_explicit(&pool->closing, memory_order_relaxed))
            (void)pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->waking)
            pool->waking--;
        else
            pool->sleeping--;
        worker->lingers = false;
    }
}

/* The time of a job on a virtual clock: it begins when the job was submitted, or the worker was
 * done with the one before, and only sleeping takes any. */
struct job_clock {
    struct blocking_clock base;
    struct sleep_watcher watcher;
    struct thread_pool *pool;
    struct door *door;
    struct eddy_loop *loop; /* only to be compared */
    int64_t now;
};

/* Stall: when all threads sleep in their jobs, queued jobs can't begin before the clock has gone
 * on, so they don't hold it up. Told by the loop's thread, which moves the clock and so can't do it
 * meanwhile; jobs of other loops are left to theirs. */
static void job_clock_tell(struct sleep_watcher *watcher, bool asleep)
{
    struct job_clock *clock = container_of(watcher, struct job_clock, watcher);
    struct thread_pool *pool = clock->pool;
    (void)pthread_mutex_lock(&pool->lock);
    pool->asleep += asleep ? 1 : (size_t)-1;
    if (!asleep || pool->asleep == pool->threads) {
        for (struct link *link = pool->queue.first; link; link = link->next) {
            struct job *job = container_of(link, struct job, link);
            if (job->loop == clock->loop)
                job_count(job, !asleep);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

static void job_clock_sleep(struct blocking_clock *base, int64_t nanoseconds)
{
    struct job_clock *clock = container_of(base, struct job_clock, base);
    clock->now = time_add(clock->now, nanoseconds);
    door_sleep(clock->door, clock->now, &clock->watcher);
}

static void job_run(struct thread_pool *pool, struct job *job)
{
    static _Thread_local int64_t free_since;
    static _Thread_local uint64_t free_of;
    struct job_clock clock = {{job_clock_sleep}, {job_clock_tell}, pool,
                              job->door,         job->loop,        job->submitted};
    if (job->virtual_clock) {
        if (free_of == job->door->id && free_since > clock.now)
            clock.now = free_since;
        blocking_clock = &clock.base;
    }
    struct locals *before = locals_enter(job->locals);
    job->locals = NULL;
    eddy_failure_clear();
    job->result = pool_call(job->order.function, job->order.argument);
    job->failure = job->result < 0 ? failure_take(job->result) : NULL;
    eddy_failure_clear();
    locals_leave(before);
    if (job->virtual_clock) {
        blocking_clock = NULL;
        free_of = job->door->id;
        free_since = clock.now;
    }
}

static void abandoned_free(struct job *job)
{
    eddy_failure_release(job->failure);
    door_leave(job->door);
    memory_free(job);
}

/* With the lock held, also on return: runs a job, and what else is in the queue then. */
static void worker_run(struct thread_pool *pool, struct worker *worker, struct job *job)
{
    worker->job = job;
    (void)pthread_mutex_unlock(&pool->lock);
    while (job) {
        job_run(pool, job);
        (void)pthread_mutex_lock(&pool->lock);
        job->state = JOB_DONE;
        struct closer *closer = pool->closer;
        if (--pool->running == 0 && closer && !closer->offloaded) {
            closer->offloaded = true;
            atomic_fetch_add(&closer->loop->offloaded, 1);
        }
        bool abandoned = job->abandoned;
        struct job *next = worker->job = queue_take(pool);
        if (!next)
            worker_comes(pool, worker);
        (void)pthread_mutex_unlock(&pool->lock);
        if (abandoned)
            abandoned_free(job);
        else
            loop_post(job->loop, &job->post); /* from here on the job isn't ours */
        job = next;
    }
    worker_arrives(pool, worker);
}

/* With the lock held, also on return: one thread less to wait for. */
static void worker_off(struct thread_pool *pool, struct worker *worker)
{
    list_remove(&pool->workers, &worker->link);
    if (--pool->threads > 0 || !atomic_load_explicit(&pool->closing, memory_order_relaxed))
        return;
    (void)pthread_cond_broadcast(&pool->ended);
    if (pool->closer) {
        (void)door_post(pool->closer->door, &pool->closer->post);
        pool->closer = NULL;
    }
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct thread_pool *pool = worker->pool;
    char name[16];
    (void)snprintf(name, sizeof name, "eddy-pool-%zu", worker->number % 10000);
    (void)pthread_setname_np(pthread_self(), name);

    (void)pthread_mutex_lock(&pool->lock);
    pool->starting--;
    struct job *job;
    while (!worker->lost && (job = queue_wait(pool, worker)))
        worker_run(pool, worker, job);
    if (!worker->lost) {
        bool join = pool->someone_left;
        pthread_t before = pool->left;
        pool->someone_left = true;
        pool->left = worker->thread;
        if (join) {
            (void)pthread_mutex_unlock(&pool->lock);
            (void)pthread_join(before, NULL);
            (void)pthread_mutex_lock(&pool->lock);
        }
        worker_off(pool, worker);
    }
    thread_pool_release(pool);
    memory_free(worker);
    return NULL;
}

void thread_workers_lose_abandoned(struct thread_pool *pool)
{
    for (struct link *link = pool->workers.first, *next; link; link = next) {
        next = link->next;
        struct worker *worker = container_of(link, struct worker, link);
        if (worker->job && worker->job->abandoned) {
            worker->lost = true;
            (void)pthread_detach(worker->thread);
            worker_off(pool, worker);
        }
    }
}
