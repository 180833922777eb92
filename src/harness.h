/* SPDX-License-Identifier: MIT */
/*
 * Where eddy-test takes hold of a loop: a fake system beneath it, the order of what is ready above,
 * and the instants at which a task is parked and let go.
 *
 * A loop made while harness_self is set has that harness for its life. Each member may be NULL: the
 * loop then does what it always does. All are called on the loop's thread. A program without a
 * harness pays one predicted branch at each of these places.
 */
#ifndef EDDY_SRC_HARNESS_H
#define EDDY_SRC_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include "private.h"

struct address_list;
struct eddy_loop;
struct eddy_pool;
struct engine;
struct wait;

struct harness {
    /* Makes the loop's engine. `loop` has its clock and timers, and no engine yet. 0, or a negative
     * errno and a failure. `name` is what the options or $EDDY_ENGINE ask for, or NULL. */
    int (*engine_create)(struct harness *harness, struct eddy_loop *loop, const char *name,
                         struct engine **ret_engine);

    /* The engine was polled and the timers have fired. May put what is ready into another order
     * (ready_first, ready_last) and say how much of it this turn runs (snapshot_last). */
    void (*turned)(struct harness *harness, struct eddy_loop *loop);

    /* The current task is about to be suspended in this wait; it is linked, and may be aborted. */
    void (*parked)(struct harness *harness, struct wait *wait);

    /* This wait was finished; its task is queued and hasn't run. */
    void (*finished)(struct harness *harness, struct wait *wait);

    /* Opens a pool of threads or of processes, with a cap on the jobs that wait: 0, or a negative
     * errno and a failure. */
    int (*pool_open)(struct harness *harness, bool processes, size_t workers, size_t queue,
                     struct eddy_pool **ret_pool);

    /* Resolves a name, in a task; may suspend. 0, or a negative errno and a failure. */
    int (*resolve)(struct harness *harness, const char *host, int port,
                   struct address_list *ret_list);

    /* The loop is about to be taken apart: its tasks have ended, its engine and timers still
     * stand. */
    void (*closing)(struct harness *harness, struct eddy_loop *loop);

    /* The loop is gone. */
    void (*closed)(struct harness *harness);
};

/* The harness of loops to come on this thread, or NULL. */
extern EDDY_PRIVATE _Thread_local struct harness *harness_self;

#endif
