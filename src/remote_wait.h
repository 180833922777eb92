/* SPDX-License-Identifier: MIT */
/*
 * A wait that any thread may finish: of a task, on whatever loop, or of a thread without a loop.
 *
 *      waits: begin, lock, list, unlock, park        finishes: lock, take, unlock, finish
 *
 * Whoever took it out of its list has served it: what it is to be given (an item, say) is written
 * into its memory under the lock, and a cancel that comes now comes too late. Its loop lives as
 * long as the task is parked, so the post that finishes it always finds one.
 */
#ifndef EDDY_SRC_REMOTE_WAIT_H
#define EDDY_SRC_REMOTE_WAIT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include "task.h"

struct remote_wait {
    struct link link;
    pthread_mutex_t *lock; /* of the list */
    struct list *list;
    bool listed; /* guarded by the lock */
    int result;
    struct eddy_loop *loop; /* NULL: a thread waits */
    union {
        struct {
            struct wait wait;
            struct post post;
        };
        sem_t served; /* the thread's */
    };
    /* What a cancel does instead of taking it out of the list, or NULL; then it waits on. */
    void (*cancelled)(struct remote_wait *remote);
    /* Of one of several that one task waits for: set by who serves the first; or NULL. */
    atomic_bool *claimed;
};

enum remote_wait_kind {
    REMOTE_WAIT,          /* may be cancelled, and is refused in a cancelled scope */
    REMOTE_WAIT_SHIELDED, /* neither */
};

/* 0; -ECANCELED when refused; -EINVAL in a callback. Then either park follows, or drop. */
int remote_wait_begin(struct remote_wait *remote, enum remote_wait_kind kind, const char *what,
                      const char *call);
void remote_wait_drop(struct remote_wait *remote);

/* Under the lock: gets in line; the first in line that isn't served elsewhere, taken out of it, or
 * NULL. */
void remote_wait_list(struct remote_wait *remote, struct list *list, pthread_mutex_t *lock);
struct remote_wait *remote_wait_take(struct list *list);

/* Without it: out of the line, unless it was taken. */
bool remote_wait_leave(struct remote_wait *remote);

/* Without it: suspends, or blocks. */
int remote_wait_park(struct remote_wait *remote);

/* Of one that was taken, on any thread. */
void remote_wait_finish(struct remote_wait *remote, int result);

/* All of a list. The lock isn't held. */
void remote_wait_finish_all(struct list *list, pthread_mutex_t *lock, int result);

#endif
