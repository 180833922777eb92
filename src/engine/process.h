/* SPDX-License-Identifier: MIT */
/*
 * Processes as the engines on a real system start, signal and reap them.
 *
 *      process_start    clone, which shares memory and stops this thread until the child's exec
 *          |                 child: process_child.c, system calls only
 *          v
 *      descriptor       readable once the child has ended: a pidfd
 *          |
 *          v
 *      process_reap     its exit code
 *
 * Without pidfds (masked, or an odd sandbox) a thread waits for the child and closes the other end
 * of a pipe, whose reading end then is the descriptor.
 */
#ifndef EDDY_SRC_ENGINE_PROCESS_H
#define EDDY_SRC_ENGINE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "private.h"

struct engine;
struct eddy_process_identity;
struct eddy_process_limit;

/* What a child does before it executes, in this order. */
enum process_step {
    PROCESS_CLONE,
    PROCESS_PIDFD,
    PROCESS_STANDARD, /* stdin, stdout, stderr, and what it keeps: `which` is the descriptor */
    PROCESS_SESSION,
    PROCESS_GROUP,
    PROCESS_DIRECTORY,
    PROCESS_LIMIT, /* `which` is the index */
    PROCESS_IDENTITY,
    PROCESS_EXECUTE, /* `which` is the index of the path */
};

/* In `standard`. */
#define PROCESS_NULL (-1) /* /dev/null */
#define PROCESS_INHERIT                                                                            \
    (-2) /* as it would be anyway: ours, unless that is close-on-exec or closed */

struct process_order {
    const char *const *arguments;
    const char *const *environment;
    const char *const *paths; /* to be tried in turn, up to a NULL */
    const char *directory;    /* NULL: ours */
    int standard[3];          /* what it gets as 0, 1 and 2 */
    const int *kept;          /* what it keeps beside them, under its own number */
    size_t kept_count;
    pid_t group; /* 0: ours; -1: one of its own */
    bool session;
    const struct eddy_process_identity *identity; /* NULL: ours */
    const struct eddy_process_limit *limits;
    size_t limit_count;

    /* Which of all that failed. */
    enum process_step failed;
    int which;
};

/* A child that was started and not reaped: its number is nobody else's as long. */
struct process_child {
    pid_t pid;
    int descriptor; /* to be watched for reading and closed */
    bool is_pidfd;
    bool has_group; /* of its own: signals go to all of it */
};

/* Of the engine's vtable: see there. */
EDDY_PRIVATE int engine_process_pipe(struct engine *engine, int ends[2]);
EDDY_PRIVATE int engine_process_start(struct engine *engine, struct process_order *order,
                                      struct process_child *ret_child);
EDDY_PRIVATE int engine_process_signal(struct engine *engine, const struct process_child *child,
                                       int number);
EDDY_PRIVATE int engine_process_reap(struct engine *engine, const struct process_child *child,
                                     int how, int *ret_code);

/* ---- process_child.c ---- */

struct process_launch {
    struct process_order *order;
    int error;  /* negative errno */
    int report; /* where to write it, too; -1: the memory is shared for certain */
    bool began; /* seen by the parent only if the memory is shared */
    bool close_range;
};

/* What goes through the pipe where memory isn't shared after all (emulators, valgrind). */
struct process_report {
    int error;
    int failed;
    int which;
};

/* The child's life from clone to exec. */
int process_child_run(void *launch);

#endif
