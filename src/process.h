/* SPDX-License-Identifier: MIT */
/*
 * Child processes from inside (eddy_process; the worker processes of pools are process_pool.h's).
 *
 *      exec --> runs --descriptor readable--> ended --> reaped
 *                 ^                             |  (a group's first one keeps its number
 *                 +-- signals, waits            |   until it is closed)
 *                                             waiters wake
 *
 * The record is the owner's until closed, and the loop's until reaped: it is freed when it is both,
 * and no call is under way in it.
 */
#ifndef EDDY_SRC_PROCESS_H
#define EDDY_SRC_PROCESS_H

#include "eddy/process.h"
#include "engine/engine.h"
#include "list.h"

struct eddy_loop;

/* What communicate has read of an output. */
struct process_capture {
    char *data; /* NULL, or with room for a NUL behind `size` */
    size_t size, capacity;
    bool exceeded; /* there was more than the limit */
};

struct eddy_process {
    struct link in_loop;
    struct eddy_loop *loop;
    struct process_child child;
    struct watch watch;
    struct list waiters; /* of struct wait */
    int code;            /* once ended */
    bool ended, reaped, closed;
    bool finished; /* its number, and its group, are of no more use */
    bool counted;  /* among loop->watched: somebody may wait for it */
    bool communicating;
    unsigned references; /* the owner's, the loop's, one a call under way */

    struct eddy_stream *streams[3]; /* our ends, or NULL */
    struct process_capture captures[2];
    size_t fed; /* of communicate's input */
    size_t limit;
    double grace;
    char name[];
};

/* 0, or -EINVAL, reported: NULL, closed, or another loop's. */
int process_check(const struct eddy_process *process, const char *call);

static inline void process_keep(struct eddy_process *process)
{
    process->references++;
}
void process_release(struct eddy_process *process);

/* Begins to watch a child that was just started; the loop then holds a reference. */
int process_watch(struct eddy_process *process);

/* Kills it and lets go of it, without suspending; the loop reaps it. */
void process_abandon(struct eddy_process *process);

/* Closes our end of its pipe, if there is one. */
void process_close_end(struct eddy_process *process, int which);

/* Kills and reaps what is left, and reports what was never closed. */
void processes_destroy(struct eddy_loop *loop);

#endif
