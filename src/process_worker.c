/* SPDX-License-Identifier: MIT */
/*
 * One worker of a process pool, seen from the program.
 *
 * Its end shows twice: the socket closes, and the zygote reports how. The first ends its use, the
 * second its job, with the reason. If the socket says ECONNRESET, the job was still unread: it goes
 * back into the queue as if nothing had happened.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "blocking.h"
#include "log.h"
#include "memory.h"
#include "process_pool.h"

/* A job that was unread by so many dying workers isn't tried any more. */
#define HANDED_OVER_MAX 3

static int request(struct process_pool *pool, enum zygote_request_kind kind, uint32_t number,
                   int descriptor)
{
    const struct zygote_request request = {.kind = kind, .worker = number};
    const struct iovec part = {(void *)&request, sizeof request};
    return message_send(pool->channel, &part, 1, descriptor, 0); /* the zygote always reads */
}

static void worker_ready(struct watch *watch, unsigned what)
{
    (void)what;
    process_worker_read(container_of(watch, struct process_worker, watch));
}

int process_worker_watch(struct process_worker *worker)
{
    struct engine *engine = worker->pool->loop->engine;
    worker->watch = (struct watch){
        .descriptor = worker->socket, .wanted = READY_READ, .level = true, .ready = worker_ready};
    return engine->call->watch(engine, &worker->watch);
}

void process_worker_unwatch(struct process_worker *worker)
{
    struct engine *engine = worker->pool->loop->engine;
    engine->call->unwatch(engine, &worker->watch);
}

/* Gives the worker a socket and has the zygote fork it. */
static int worker_connect(struct process_worker *worker)
{
    const int room = 2 * (int)WORKER_ARGUMENT_MAX;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        (void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    worker->socket = pair[0];
    int r = process_worker_watch(worker);
    if (r == 0 && (r = request(worker->pool, ZYGOTE_START, worker->number, pair[1])) < 0)
        process_worker_unwatch(worker);
    close(pair[1]);
    if (r < 0)
        close(pair[0]);
    return r;
}

struct process_worker *process_worker_start(struct process_pool *pool)
{
    struct process_worker *worker = memory_allocate_zeroed(1, sizeof *worker);
    int r = -ENOMEM;
    if (worker) {
        worker->pool = pool;
        worker->cpu = -1;
        worker->number = ++pool->last_number;
        r = worker_connect(worker);
    }
    if (r < 0) {
        memory_free(worker);
        (void)eddy_fail(r, "can't start a worker process: %s", strerror(-r));
        return NULL;
    }
    list_append(&pool->workers, &worker->link);
    list_append(&pool->idle, &worker->in_idle);
    pool->alive++;
    return worker;
}

void process_worker_give_up(struct process_worker *worker)
{
    if (worker->socket < 0)
        return;
    if (worker->pool->loop)
        process_worker_unwatch(worker);
    (void)shutdown(worker->socket, SHUT_RDWR); /* a forked child may hold it, too */
    close(worker->socket);
    worker->socket = -1;
    if (worker->state == WORKER_IDLE)
        list_remove(&worker->pool->idle, &worker->in_idle);
    worker->state = WORKER_GONE;
}

void process_worker_kill(struct process_worker *worker)
{
    if (worker->pool->channel >= 0)
        (void)request(worker->pool, ZYGOTE_KILL, worker->number, -1);
    process_worker_give_up(worker);
}

int process_worker_send(struct process_worker *worker, struct process_job *job)
{
    const struct order *order = job->order;
    const struct worker_order header = {
        .kind = WORKER_RUN,
        .size = (uint32_t)order->size,
        .function = (uint64_t)(uintptr_t)order->function,
        .virtual_clock = worker->pool->loop->virtual_clock,
        .linger_off = job->lingers ? sched_getcpu() : -1,
    };
    const struct iovec parts[] = {{(void *)&header, sizeof header}, {order->argument, order->size}};
    sanitizer_make_defined(order->argument, order->size); /* padding travels, too */
    int r = message_send(worker->socket, parts, 2, -1, MSG_DONTWAIT);
    if (r == -EPIPE || r == -ECONNRESET) {
        process_worker_give_up(worker);
        return -EPIPE;
    }
    if (r < 0)
        return r;
    list_remove(&worker->pool->idle, &worker->in_idle);
    worker->state = WORKER_BUSY;
    worker->job = job;
    job->worker = worker;
    job->handed_over++;
    atomic_fetch_add(&job->pool->loop->offloaded, 1);
    job->now = worker->pool->loop->virtual_now;
    return 0;
}

/* ---- replies ---- */

static void job_wake(struct timer *timer)
{
    struct process_job *job = container_of(timer, struct process_job, timer);
    const struct worker_order order = {.kind = WORKER_WAKE};
    const struct iovec part = {(void *)&order, sizeof order};
    job->sleeping = false;
    job->pool->asleep--;
    atomic_fetch_add(&job->pool->loop->offloaded, 1);
    process_pool_dispatch(job->pool);
    /* If it is gone, we'll hear of that. */
    (void)message_send(job->worker->socket, &part, 1, -1, MSG_DONTWAIT);
}

static void job_sleep(struct process_job *job, int64_t nanoseconds)
{
    struct eddy_loop *loop = job->pool->loop;
    job->now = time_add(job->now, nanoseconds);
    job->sleeping = job->slept = true;
    timer_init(&job->timer, job_wake);
    timer_set(&loop->timers, &job->timer, job->now);
    atomic_fetch_sub(&loop->offloaded, 1);
    job->pool->asleep++;
    process_pool_dispatch(job->pool);
}

static void worker_done(struct process_worker *worker, const struct worker_reply *reply,
                        const char *text)
{
    struct process_job *job = worker->job;
    struct process_pool *pool = worker->pool;
    worker->job = NULL;
    worker->cpu = reply->cpu;
    if (reply->failed)
        job->text = memory_copy_text_of(text, reply->text_size);
    pool->start_error = 0;
    if (pool->closing) {
        process_worker_give_up(worker);
    } else {
        worker->state = WORKER_IDLE;
        list_append(&pool->idle, &worker->in_idle);
    }
    process_job_finish(job, reply->result);
    process_pool_dispatch(pool);
}

/* The socket is no good any more; `error` is 0 at its end. */
static void worker_lost(struct process_worker *worker, int error)
{
    struct process_job *job = worker->job;
    process_worker_give_up(worker);
    if (job && error == ECONNRESET && !job->slept && job->handed_over < HANDED_OVER_MAX) {
        worker->job = NULL;
        process_job_requeue(job);
        process_pool_dispatch(worker->pool);
    }
}

void process_worker_read(struct process_worker *worker)
{
    if (worker->socket < 0)
        return;
    struct process_job *job = worker->job;
    struct worker_reply reply;
    char text[WORKER_TEXT_MAX];
    struct iovec parts[] = {{&reply, sizeof reply},
                            {job ? job->order->argument : NULL, job ? job->order->size : 0},
                            {text, sizeof text}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    ssize_t received;
    do
        received = recvmsg(worker->socket, &message, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0 && errno == EAGAIN)
        return;
    size_t size = received < 0 ? 0 : (size_t)received;
    if (job && size == sizeof reply && reply.kind == WORKER_SLEEP) {
        job_sleep(job, reply.nanoseconds);
    } else if (job && size >= sizeof reply && reply.kind == WORKER_DONE &&
               size == sizeof reply + job->order->size + reply.text_size) {
        worker_done(worker, &reply, text);
    } else {
        if (size) /* nonsense: something else writes to its socket */
            process_worker_kill(worker);
        worker_lost(worker, received < 0 ? errno : 0);
    }
}

/* ---- the end ---- */

static void describe_end(const struct zygote_report *report, char *text, size_t size)
{
    if (WIFSIGNALED(report->status)) {
        int number = WTERMSIG(report->status);
        const char *name = sigdescr_np(number);
        (void)snprintf(text, size, "worker %d was killed by signal %d (%s)", report->pid, number,
                       name ? name : "unknown");
    } else {
        (void)snprintf(text, size, "worker %d exited with %d", report->pid,
                       WEXITSTATUS(report->status));
    }
}

void process_worker_ended(struct process_worker *worker, const struct zygote_report *report)
{
    struct process_pool *pool = worker->pool;
    process_worker_read(worker); /* what it said before it died counts */
    bool was_idle = worker->state == WORKER_IDLE;
    process_worker_give_up(worker);
    struct process_job *job = worker->job;
    list_remove(&pool->workers, &worker->link);
    pool->alive--;
    memory_free(worker);
    if (report->error) {
        pool->start_error = report->error;
        if (job && job->cancelled)
            process_job_finish(job, -ECANCELED);
        else if (job)
            process_job_requeue(job);
        return;
    }
    char how[128];
    describe_end(report, how, sizeof how);
    if (job)
        process_job_fail(job, -ECHILD, "%s", how);
    else if (was_idle && pool->loop)
        log_say(pool->loop, EDDY_LOG_DEBUG, EDDY_LOG_NOTE, "idle %s", how);
}
