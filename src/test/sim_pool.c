/* SPDX-License-Identifier: MIT */
/*
 * Simulated pools: threads and processes behind one vtable, all of them on the loop's thread.
 *
 *     task --run--> [queue] --a worker is free--> (delay) call the function (delay, its sleeps) -->
 *     task
 *                                                      \____ in one piece, on the loop's stack
 *
 * A job has a time of its own on the virtual clock: it begins when a worker takes the job, and goes
 * on by the seeded delay and by what the function sleeps. The function itself runs at one instant,
 * either at the beginning of its time or when the delay is over, as chance has it; its task hears
 * of it at the end. For the function it is as in a thread: there is no loop.
 *
 * A job is memory of its own, so that it may lie in the loop's ready queue while its task has gone.
 */
#include "pool.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "blocking.h"
#include "failure.h"
#include "local.h"
#include "log.h"
#include "test/sim.h"
#include "zygote.h"

enum job_state {
    JOB_QUEUED,
    JOB_STARTED, /* a worker has it, the function hasn't been called */
    JOB_CALLED,  /* it has, and the job's time isn't over */
    JOB_DONE,
};

struct sim_pool {
    struct eddy_pool base;
    struct sim *sim;
    struct eddy_loop *loop;
    bool processes, closing;
    size_t most_workers, most_queued;
    size_t workers; /* alive, idle ones too */
    size_t queued;
    struct list queue, running; /* of struct sim_job */
    struct wait *closer;
    uint64_t made; /* jobs */
};

struct sim_job {
    struct link link; /* in pool->queue or pool->running */
    struct work work;
    struct timer timer;
    struct sim_pool *pool; /* NULL: what is left of it lies in the ready queue */
    struct wait *wait;     /* of its task; NULL: abandoned */
    struct order order;
    void *argument; /* what the function gets: the task's own, or `copy` */
    void *copy;
    struct locals *locals; /* of who asked for it, until it runs; a process gets none */
    struct blocking_clock clock;
    int64_t now; /* the job's time */
    int64_t delay;
    uint64_t number;
    bool queued_work; /* in the loop's ready queue */
    bool dies;        /* its worker does */
    bool refused;     /* by a pool that closes */
    enum job_state state;
    int result;
    struct eddy_failure *failure;
};

/* In the frame of the waiting task. */
struct sim_job_wait {
    struct wait wait;
    struct sim_job *job; /* NULL once it was taken back or abandoned */
    bool may_abandon;
};

static struct sim_pool *sim_pool(const struct eddy_pool *pool)
{
    return container_of(pool, struct sim_pool, base);
}

static void pool_dispatch(struct sim_pool *pool);

/* ---- the function's call ---- */

static void job_sleep(struct blocking_clock *clock, int64_t nanoseconds)
{
    struct sim_job *job = container_of(clock, struct sim_job, clock);
    job->now = time_add(job->now, nanoseconds);
}

/* On the loop's stack, in what looks like a thread: no loop, no harness, a last failure of its
 * own. */
static void job_call(struct sim_job *job)
{
    struct eddy_loop *loop = loop_self;
    struct harness *harness = harness_self;
    struct blocking_clock *clock = blocking_clock;
    job->state = JOB_CALLED;
    if (job->dies)
        return;
    loop_self = NULL;
    harness_self = NULL;
    blocking_clock = &job->clock;
    struct eddy_failure **slot = failure_slot(), *kept = *slot;
    *slot = NULL;
    struct locals *before = locals_enter(job->locals);
    job->locals = NULL;
    job->result = pool_call(job->order.function, job->argument);
    job->failure = job->result < 0 ? failure_take(job->result) : NULL;
    eddy_failure_clear();
    locals_leave(before);
    *slot = kept;
    blocking_clock = clock;
    harness_self = harness;
    loop_self = loop;
}

/* ---- a job's way ---- */

static void job_free(struct sim_job *job)
{
    eddy_failure_release(job->failure);
    if (job->locals)
        locals_release(job->locals);
    free(job->copy);
    if (job->queued_work)
        job->pool = NULL; /* it frees the rest when its turn comes */
    else
        free(job);
}

/* Off its list, and its worker free for the next one, unless that ended with it. */
static void job_leave(struct sim_job *job)
{
    struct sim_pool *pool = job->pool;
    timer_cancel(&pool->loop->timers, &job->timer);
    if (job->state == JOB_QUEUED) {
        list_remove(&pool->queue, &job->link);
        pool->queued--;
    } else {
        list_remove(&pool->running, &job->link);
        choices_note(&pool->sim->choices, SIM_EVENT(SIM_EVENT_JOB), 2 * job->number + 1);
    }
    if (job->dies)
        pool->workers--;
    job->state = JOB_DONE;
}

static void job_finish(struct sim_job *job)
{
    struct sim_pool *pool = job->pool;
    struct wait *wait = job->wait;
    job_leave(job);
    if (wait)
        wait_finish(wait, 0);
    else
        job_free(job);
    if (!pool->closing)
        pool_dispatch(pool);
    else if (pool->closer && !pool->running.first)
        wait_finish(pool->closer, 0);
}

static void job_work(struct work *work)
{
    struct sim_job *job = container_of(work, struct sim_job, work);
    job->queued_work = false;
    if (!job->pool) {
        free(job);
        return;
    }
    if (job->state != JOB_STARTED)
        return; /* finished in a hurry by a close */
    struct eddy_loop *loop = job->pool->loop;
    job_call(job);
    if (job->now > loop->virtual_now)
        timer_set(&loop->timers, &job->timer, job->now);
    else
        job_finish(job);
}

/* The delay is over; or all of the job's time. */
static void job_due(struct timer *timer)
{
    struct sim_job *job = container_of(timer, struct sim_job, timer);
    if (job->state == JOB_CALLED) {
        job_finish(job);
        return;
    }
    job->queued_work = true;
    loop_ready(job->pool->loop, &job->work);
}

static void job_start(struct sim_job *job)
{
    struct sim_pool *pool = job->pool;
    struct choices *choices = &pool->sim->choices;
    const struct eddy_sim_options *options = &pool->sim->options;
    choices_note(choices, SIM_EVENT(SIM_EVENT_JOB), 2 * job->number);
    job->state = JOB_STARTED;
    job->now = time_add(pool->loop->virtual_now,
                        choose_delay(choices, options->job_delay_min, options->job_delay_max));
    job->dies = pool->processes && choose_chance(choices, options->worker_death);
    if (job->now > pool->loop->virtual_now && choose(choices, 2)) {
        timer_set(&pool->loop->timers, &job->timer, job->now);
    } else {
        job->queued_work = true;
        loop_ready(pool->loop, &job->work);
    }
}

static size_t running_count(const struct sim_pool *pool)
{
    size_t count = 0;
    for (const struct link *link = pool->running.first; link; link = link->next)
        count++;
    return count;
}

static void pool_dispatch(struct sim_pool *pool)
{
    size_t running = running_count(pool);
    while (pool->queue.first && running < pool->most_workers) {
        struct sim_job *job = container_of(list_take_first(&pool->queue), struct sim_job, link);
        pool->queued--;
        list_append(&pool->running, &job->link);
        if (++running > pool->workers)
            pool->workers = running;
        job_start(job);
    }
}

/* ---- the task's side ---- */

static bool job_abort(struct wait *wait)
{
    struct sim_job_wait *waiting = container_of(wait, struct sim_job_wait, wait);
    struct sim_job *job = waiting->job;
    struct sim_pool *pool = job->pool;
    if (job->state == JOB_DONE)
        return false;
    if (job->state != JOB_QUEUED && waiting->may_abandon) {
        job->wait = NULL;
        waiting->job = NULL;
        return true;
    }
    if (job->state != JOB_QUEUED && !pool->processes)
        return false;
    if (job->state != JOB_QUEUED)
        job->dies = true; /* killed */
    job_leave(job);
    job_free(job);
    waiting->job = NULL;
    if (!pool->closing)
        pool_dispatch(pool);
    else if (pool->closer && !pool->running.first)
        wait_finish(pool->closer, 0);
    return true;
}

static const char *kind_of(const struct sim_pool *pool)
{
    return pool->processes ? "processes" : "threads";
}

/* What keeps a job from being taken at all. */
static int job_refuse(const struct sim_pool *pool, const struct order *order)
{
    const char *function = order->site->function;
    if (pool->loop != loop_self)
        return log_misuse(-EINVAL, "eddy_run_in",
                          "this pool belongs to another loop of the simulation, at %s:%d",
                          order->site->file, order->site->line);
    if (pool->processes && order->size > WORKER_ARGUMENT_MAX)
        return eddy_fail(-E2BIG, "the argument of %s is %zu bytes, a process pool takes %zu",
                         function, order->size, WORKER_ARGUMENT_MAX);
    if (pool->closing)
        return eddy_fail(-ESHUTDOWN, "can't run %s in the pool: it is closing", function);
    if (pool->queued + running_count(pool) >= pool->most_workers + pool->most_queued)
        return eddy_fail(
            -EAGAIN,
            "can't run %s in the pool: %zu jobs are waiting for its %zu %s, the cap on its queue",
            function, pool->most_queued, pool->most_workers, kind_of(pool));
    return 0;
}

static struct sim_job *job_new(struct sim_pool *pool, const struct order *order, bool copy)
{
    const size_t alignment = 64;
    struct sim_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->argument = order->argument;
    if (copy) {
        job->copy = aligned_alloc(alignment, (order->size + alignment - 1) & ~(alignment - 1));
        if (!job->copy) {
            free(job);
            return NULL;
        }
        memcpy(job->copy, order->argument, order->size);
        job->argument = job->copy;
    }
    job->pool = pool;
    job->order = *order;
    job->locals = pool->processes ? NULL : locals_inherit();
    job->number = ++pool->made;
    job->clock.sleep = job_sleep;
    job->work.run = job_work;
    timer_init(&job->timer, job_due);
    return job;
}

/* As the real pools do: a thread's record is the caller's, of a process only the text comes
 * back. */
static int job_outcome(const struct sim_pool *pool, struct sim_job *job)
{
    const struct order *order = &job->order;
    const struct eddy_site_ *site = order->site;
    if (job->refused && pool->processes)
        return eddy_fail_(-ESHUTDOWN, false, site->file, site->line,
                          "%s: was waiting in a pool that is closing", site->function);
    if (job->refused)
        return eddy_fail(-ESHUTDOWN, "%s was waiting in a pool that is closing", site->function);
    if (job->dies)
        return eddy_fail_(-ECHILD, false, site->file, site->line,
                          "%s: worker %llu was killed by signal %d (%s)", site->function,
                          (unsigned long long)job->number, SIGKILL, sigdescr_np(SIGKILL));
    if (job->copy)
        memcpy(order->argument, job->copy, order->size);
    if (job->failure && pool->processes)
        return eddy_fail_(job->result, false, site->file, site->line, "%s: %.*s", site->function,
                          (int)WORKER_TEXT_MAX, eddy_failure_message(job->failure));
    if (job->failure) {
        failure_set(job->failure);
        job->failure = NULL;
    }
    return job->result;
}

static int run(struct eddy_pool *base, const struct order *order, bool abandon)
{
    struct sim_pool *pool = sim_pool(base);
    struct sim_job_wait waiting = {.may_abandon = abandon};
    int r = wait_begin(&waiting.wait, pool->processes ? "a worker process" : "a thread", job_abort);
    if (r < 0 || (r = job_refuse(pool, order)) < 0)
        return r;
    struct sim_job *job = job_new(pool, order, abandon || pool->processes);
    if (!job)
        return eddy_fail(-ENOMEM, "no memory to run %s in a pool", order->site->function);
    waiting.job = job;
    job->wait = &waiting.wait;
    list_append(&pool->queue, &job->link);
    pool->queued++;
    pool_dispatch(pool);
    r = wait_park(&waiting.wait);
    if (!waiting.job)
        return r;
    r = job_outcome(pool, job);
    job_free(job);
    return r;
}

static int sim_pool_run(struct eddy_pool *base, const struct order *order)
{
    return run(base, order, false);
}

static int sim_pool_run_abandon(struct eddy_pool *base, const struct order *order)
{
    return run(base, order, true);
}

/* ---- closing ---- */

static void refuse_queued(struct sim_pool *pool)
{
    while (pool->queue.first) {
        struct sim_job *job = container_of(pool->queue.first, struct sim_job, link);
        job->refused = true;
        job_finish(job);
    }
}

/* Threads in abandoned jobs are left alone: here they finish at once, and nobody hears of it. */
static void let_abandoned_go(struct sim_pool *pool)
{
    for (struct link *link = pool->running.first, *next; link; link = next) {
        struct sim_job *job = container_of(link, struct sim_job, link);
        next = link->next;
        if (job->wait)
            continue;
        if (job->state == JOB_STARTED)
            job_call(job);
        job_leave(job);
        job_free(job);
    }
}

/* Called where nothing can be awaited: blocks, that is the jobs end now, and the clock goes on. */
static void finish_running(struct sim_pool *pool)
{
    while (pool->running.first) {
        struct sim_job *job = container_of(pool->running.first, struct sim_job, link);
        if (job->state == JOB_STARTED)
            job_call(job);
        if (job->now > pool->loop->virtual_now)
            pool->loop->virtual_now = job->now;
        job_finish(job);
    }
}

static void sim_pool_close(struct eddy_pool *base)
{
    struct sim_pool *pool = sim_pool(base);
    pool->closing = true;
    refuse_queued(pool);
    let_abandoned_go(pool);
    if (pool->running.first && task_current()) {
        struct wait wait;
        (void)wait_begin_shielded(&wait, "a pool to close");
        pool->closer = &wait;
        (void)wait_park(&wait);
    }
    finish_running(pool);
    free(pool);
}

/* ---- the pool ---- */

static size_t sim_pool_jobs(const struct eddy_pool *base)
{
    return sim_pool(base)->queued + running_count(sim_pool(base));
}

static size_t sim_pool_workers(const struct eddy_pool *base)
{
    return sim_pool(base)->workers;
}

static const struct pool_vtable sim_pool_calls = {
    .run = sim_pool_run,
    .run_abandon = sim_pool_run_abandon,
    .close = sim_pool_close,
    .jobs = sim_pool_jobs,
    .workers = sim_pool_workers,
};

int sim_pool_open(struct sim *sim, bool processes, size_t workers, size_t queue,
                  struct eddy_pool **ret_pool)
{
    struct sim_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return eddy_fail(-ENOMEM, "no memory for a pool");
    pool->base.call = &sim_pool_calls;
    pool->sim = sim;
    pool->loop = loop_self;
    pool->processes = processes;
    pool->most_workers = workers;
    pool->most_queued = queue < SIZE_MAX / 2 ? queue : SIZE_MAX / 2;
    *ret_pool = &pool->base;
    return 0;
}
