/* SPDX-License-Identifier: MIT */
/*
 * The watchdog: notices that a step (of a task, or a callback) keeps its loop from everything else.
 *
 *      loop      runs a step: steps++ ... steps++ ... | sleeps |            a step that blocks ......
 *      watchdog  |    25 ms    |    25 ms    |   rests while all loops sleep   | the same ... the same: says so
 *
 * One thread a process, there while loops are that want it, and a little longer; it never touches
 * what a loop owns but by reads that can't fault, and a step that ended meanwhile is no case for it
 * any more.
 */
#ifndef EDDY_SRC_WATCHDOG_H
#define EDDY_SRC_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include "list.h"
#include "private.h"

struct eddy_loop;

enum { SLOW_STEPS = 4 }; /* within one turn; of more only the lines on stderr tell */

struct slow_step {
    int64_t since, until; /* until 0: it goes on */
    char text[320];       /* who, '|', what it does */
};

/* What the watchdog knows of a loop; in the loop, guarded by the watchdog's lock. */
struct watched_loop {
    struct link link;
    int64_t threshold; /* nanoseconds, 0: not watched */
    int64_t since, processor_since;
    unsigned seen, samples; /* so many in a row saw the same step */
    int thread;
    clockid_t processor;
    bool entered, known; /* it is being watched; it was once, so the thread is there for it, too */
    bool said;           /* of the step under way that it is slow */
    atomic_uint told;    /* slow steps for the log, when the loop's turn is over: */
    struct slow_step slow[SLOW_STEPS];
};

/* True while it waits for a loop to wake up. */
extern EDDY_PRIVATE atomic_bool watchdog_rests;

/* `seconds` as in eddy_options. */
void watchdog_init(struct watched_loop *watched, double seconds, bool virtual_clock);

/* The loop runs from here on, on this thread; and no longer. */
void watchdog_enter(struct eddy_loop *loop);
void watchdog_leave(struct eddy_loop *loop);

/* When a loop is gone: soon after the last one so is the thread. */
void watchdog_end(struct eddy_loop *loop);

/* A loop woke up. */
void watchdog_rouse(void);

/* Says in the log that slow steps are over. */
void watchdog_tell(struct eddy_loop *loop);

/* Whether there is its thread; one that only lingers ends first. */
bool watchdog_runs(void);

/* The first line of /proc/self/task/<id>/<file>, "" if it can't be read. */
void watchdog_read(int id, const char *file, char *text, size_t size);

#endif
