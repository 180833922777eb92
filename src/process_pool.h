/* SPDX-License-Identifier: MIT */
/*
 * Process pools from inside: process_pool.c has the queue and the pool's life, process_channel.c
 * the zygote's reports, process_worker.c what concerns one worker.
 *
 *      job ---> queue ---> idle worker, or a new one ---> reply, or the worker's end ---> task
 *
 * All of it happens on the thread of the loop that the pool is bound to. A worker's record stays
 * until the zygote has reported its end; its socket may be given up before.
 */
#ifndef EDDY_SRC_PROCESS_POOL_H
#define EDDY_SRC_PROCESS_POOL_H

#include "pool.h"
#include "zygote.h"

struct process_pool {
    struct eddy_pool base;
    struct eddy_loop *loop;    /* bound to it; NULL: to none */
    struct link in_bound;      /* in the thread's list of bound pools */
    int channel;               /* to the zygote; -1: the zygote is gone */
    struct watch watch;        /* on it, while bound */
    struct list queue;         /* of struct process_job */
    struct list workers;       /* of struct process_worker, all that have not ended */
    struct list idle;          /* those of them that wait for a job, oldest first */
    atomic_size_t jobs, alive; /* written on the loop's thread */
    size_t most_workers, most_queued;
    size_t queued, asleep; /* asleep: jobs that sleep on the virtual clock */
    bool holds;            /* counts in loop->offloaded for what is queued */
    uint32_t last_number;
    struct spin_habit spin;
    int start_error; /* the last worker couldn't be forked */
    bool closing;
    struct process_closer *closer;
};

enum process_worker_state { WORKER_IDLE, WORKER_BUSY, WORKER_GONE };

struct process_worker {
    struct link link, in_idle;
    struct process_pool *pool;
    struct watch watch;
    int socket; /* -1: given up */
    uint32_t number;
    int cpu; /* when it last replied; -1: it hasn't */
    enum process_worker_state state;
    struct process_job *job; /* also of a gone one, until its end is reported */
};

/* A task that waits for the end of a pool. */
struct process_closer {
    struct wait wait;
    bool offloaded; /* no job is left, only workers to be reaped: the virtual clock waits for it */
};

/* In the frame of the waiting task. */
struct process_job {
    struct wait wait;
    struct link link; /* in pool->queue */
    const struct order *order;
    struct process_pool *pool;
    struct process_worker *worker; /* NULL: queued */
    struct timer timer;            /* it sleeps on the virtual clock */
    int64_t now;                   /* its time there */
    bool lingers;                  /* its task does, rather than to park at once */
    bool sleeping;                 /* and doesn't count as offloaded */
    bool slept;
    bool parked, finished;
    bool cancelled;       /* its worker was killed, and hasn't ended */
    unsigned handed_over; /* so many times */
    int result;
    char *text; /* of its failure, or NULL */
};

/* ---- process_worker.c ---- */

/* Starts one: NULL and a failure set. It is idle. */
struct process_worker *process_worker_start(struct process_pool *pool);

/* Hands it a job: 0; or why not, and -EPIPE that it is gone. */
int process_worker_send(struct process_worker *worker, struct process_job *job);

/* Deals with the reply that has arrived, if one has: there is never more than one. */
void process_worker_read(struct process_worker *worker);

/* Closes its socket, which makes an idle one leave. */
void process_worker_give_up(struct process_worker *worker);

/* Has it killed. */
void process_worker_kill(struct process_worker *worker);

/* What the zygote had to say. */
void process_worker_ended(struct process_worker *worker, const struct zygote_report *report);

int process_worker_watch(struct process_worker *worker);
void process_worker_unwatch(struct process_worker *worker);

/* ---- process_channel.c ---- */

/* Deals with the reports that have arrived. */
void process_channel_read(struct process_pool *pool);

/* Binds an unbound pool to a loop: 0, or a negative errno and a failure. */
int process_pool_bind(struct process_pool *pool, struct eddy_loop *loop);
void process_pool_unbind(struct process_pool *pool);

/* ---- process_pool.c ---- */

struct process_job *process_queue_take(struct process_pool *pool);

/* Hands queued jobs to workers as far as there are any; to be called after each change. */
void process_pool_dispatch(struct process_pool *pool);

/* The job's end: its task goes on. */
void process_job_finish(struct process_job *job, int result);

/* The end for a reason of our own: with a failure of that text. */
void process_job_fail(struct process_job *job, int code, const char *format, ...) EDDY_PRINTF(3, 4);

/* Back to the head of the queue: it hasn't begun. */
void process_job_requeue(struct process_job *job);

#endif
