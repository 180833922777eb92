/* SPDX-License-Identifier: MIT */
/*
 * The door of a loop: how threads of pools come in, which may be at work when the loop has gone.
 *
 *     worker: door_post ----lock----> loop_post ----unlock---->
 *     loop's end: door_close: after it nobody is inside, and nobody gets in
 *
 * Each loop has one, made at the first job that leaves its thread. A job whose
 * task waits for it keeps the loop alive by that and may use the door as it is; an abandoned one
 * holds a reference.
 */
#ifndef EDDY_SRC_DOOR_H
#define EDDY_SRC_DOOR_H

#include <pthread.h>
#include "loop.h"

struct door {
    pthread_mutex_t lock;
    struct eddy_loop *loop; /* NULL once closed; written under the lock by the loop's thread */
    uint64_t id;            /* of no other */
    atomic_uint references;
    struct list sleepers; /* of struct sleeper; the loop's thread's */
};

/* The door of this thread's loop, made at the first call, or NULL without memory. Borrowed. */
struct door *door_here(void);

/* Shuts the door of this thread's loop, if it has one, and wakes who sleeps on its clock. */
void door_close(void);

struct door *door_keep(struct door *door);
void door_release(struct door *door);

/* loop_post, unless the loop has gone: then false, and the post won't run. */
bool door_post(struct door *door, struct post *post);

/* An abandoned job is over: the virtual clock need not wait for it any more. Drops the
 * reference. */
void door_leave(struct door *door);

/* Who wants to know, on the loop's thread, that a sleep has begun and that it is over. */
struct sleep_watcher {
    void (*tell)(struct sleep_watcher *watcher, bool asleep);
};

/* Blocks a pool's thread, which counts in loop->offloaded, until the loop's virtual clock has got
 * to `deadline`, or the loop goes. Meanwhile the thread doesn't count. */
void door_sleep(struct door *door, int64_t deadline, struct sleep_watcher *watcher);

#endif
