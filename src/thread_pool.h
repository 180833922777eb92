/* SPDX-License-Identifier: MIT */
/*
 * Thread pools from inside: thread_pool.c is the side of tasks and owners, thread_worker.c that of
 * the threads.
 *
 *     job_queue ---> [job job job] --> worker --> door_post --> the task's loop
 *                        ^                |
 *                        +---- linger ----+---> sleep on `work`
 *
 * Everything is guarded by the pool's one lock, a job from its submission until it is done.
 */
#ifndef EDDY_SRC_THREAD_POOL_H
#define EDDY_SRC_THREAD_POOL_H

#include <pthread.h>
#include "door.h"
#include "local.h"
#include "pool.h"

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct job {
    struct link link; /* in pool->queue */
    struct order order;
    struct wait *wait; /* in the task's frame; not the worker's business */
    struct post post;
    struct door *door;
    struct eddy_loop *loop; /* of the waiting task */
    int64_t submitted;      /* on a virtual clock */
    int result;
    struct eddy_failure *failure;
    struct locals *locals; /* of the task; the job's own once it runs */
    enum job_state state;
    bool virtual_clock;
    bool counted;   /* in loop->offloaded: see stall in thread_worker.c */
    bool refused;   /* by a pool that closes */
    bool abandoned; /* its memory is the worker's now */
};

struct thread_pool {
    struct eddy_pool base;
    pthread_mutex_t lock;
    pthread_cond_t work, ended;
    struct list queue; /* of struct job */
    /* These are written under the lock, and read without by those who linger: */
    atomic_size_t queued;
    atomic_bool closing;
    atomic_int submitters_cpu;                     /* the last one's */
    size_t running;                                /* jobs in threads */
    size_t threads;                                /* alive and not lost */
    size_t asleep;                                 /* in jobs that sleep on a virtual clock */
    size_t sleeping;                               /* in pthread_cond_wait, and not waking */
    size_t waking, starting, lingering, returning; /* on their way to the queue */
    size_t most_threads, most_queued, most_lingering;
    size_t made; /* for names */
    struct list workers;
    bool someone_left;
    pthread_t left; /* the last one that did, to be joined */
    struct closer *closer;
    size_t references; /* the owner's and the workers' */
};

struct worker {
    struct thread_pool *pool;
    struct link link; /* in pool->workers */
    pthread_t thread;
    struct job *job;
    size_t number;
    bool lingers; /* or has just done so */
    bool lost;    /* in an abandoned job when the pool closed */
};

/* A task that waits for the end of a pool. */
struct closer {
    struct wait wait;
    struct post post;
    struct door *door;
    struct eddy_loop *loop;
    bool offloaded; /* counts there: no job is left, only threads to be joined */
};

/* ---- thread_worker.c: all with the lock held ---- */

/* Sees to it that somebody comes to the queue: 0, or why nobody ever will. */
int thread_worker_summon(struct thread_pool *pool);

/* Nobody waits any more for workers in abandoned jobs. */
void thread_workers_lose_abandoned(struct thread_pool *pool);

/* Gives the lock back, and one reference. */
void thread_pool_release(struct thread_pool *pool);

#endif
