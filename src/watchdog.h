/* SPDX-License-Identifier: MIT */
/*
 * The watchdog: notices that a step (of a task, or a callback) keeps its loop from everything else.
 *
 *      loop      runs a step: steps++ ... steps++ ... | sleeps |            a step that blocks ......
 *      watchdog  |    25 ms    |    25 ms    |   rests while all loops sleep   | the same ... the same: says so
 *
 * One thread a process, there while loops are that want it; it never touches what a loop owns but
 * by reads that can't fault, and a step that ended meanwhile is no case for it any more.
 */
#ifndef EDDY_SRC_WATCHDOG_H
#define EDDY_SRC_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include "list.h"
#include "private.h"

struct eddy_loop;

/* What the watchdog knows of a loop; in the loop, guarded by the watchdog's lock. */
struct watched_loop {
    struct link link;
    int64_t threshold; /* nanoseconds, 0: not watched */
    int64_t since, until, processor_since;
    unsigned seen, samples; /* so many in a row saw the same step */
    int thread;
    clockid_t processor;
    bool entered, known; /* it is being watched; it was once, so the thread is there for it, too */
    atomic_bool told;    /* a slow step was reported; the loop says when it is over */
    char text[320];
};

/* True while it waits for a loop to wake up. */
extern EDDY_PRIVATE atomic_bool watchdog_rests;

/* `seconds` as in eddy_options. */
void watchdog_init(struct watched_loop *watched, double seconds, bool virtual_clock);

/* The loop runs from here on, on this thread; and no longer. */
void watchdog_enter(struct eddy_loop *loop);
void watchdog_leave(struct eddy_loop *loop);

/* When a loop is gone: the thread goes with the last one. */
void watchdog_end(struct eddy_loop *loop);

/* A loop woke up. */
void watchdog_rouse(void);

/* Says in the log that a slow step is over. */
void watchdog_tell(struct eddy_loop *loop);

bool watchdog_runs(void);

#endif
