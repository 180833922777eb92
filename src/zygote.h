/* SPDX-License-Identifier: MIT */
/*
 * The zygote: a small server process, forked while the program was young (no thread, no loop, no
 * ring), which forks the workers of process pools. Here is what goes between the three:
 *
 *     program ---control---> zygote          a channel a pool comes in, with its size
 *        |  \----channel---> (one a pool)    requests out, reports of ended workers back
 *        |                      | fork
 *        \-------socket-----> worker         jobs out, replies back
 *
 * All are SOCK_SEQPACKET pairs, so a message arrives whole or not at all. A closed end is the order
 * to leave: a worker whose socket closes exits, the zygote kills the workers of a channel that
 * closes, and all when the control socket does.
 */
#ifndef EDDY_SRC_ZYGOTE_H
#define EDDY_SRC_ZYGOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "eddy/base.h"

#define WORKER_ARGUMENT_MAX ((size_t)128 << 10)
#define WORKER_TEXT_MAX 1024

enum zygote_request_kind { ZYGOTE_START = 1, ZYGOTE_KILL };

/* Program to zygote. A start brings the worker's end of its socket with it. */
struct zygote_request {
    uint32_t kind;
    uint32_t worker; /* the program's number for it */
};

/* Zygote to program: a worker ended, or couldn't be started. Exactly once a
 * start; until then the worker counts as one of the pool's. */
struct zygote_report {
    uint32_t worker;
    int32_t error; /* negative errno of fork(2), else 0 and: */
    int32_t status;
    int32_t pid;
};

enum worker_order_kind { WORKER_RUN = 1, WORKER_WAKE };

/* Program to worker: the argument's bytes follow. */
struct worker_order {
    uint32_t kind;
    uint32_t size;
    uint64_t function;
    uint32_t virtual_clock; /* sleep by asking, then wait for a WORKER_WAKE */
    int32_t linger_off; /* afterwards look out for the next one, unless on this CPU; -1: don't */
};

enum worker_reply_kind { WORKER_DONE = 1, WORKER_SLEEP };

/* Worker to program: a done one is followed by the argument's bytes and a failure's text. */
struct worker_reply {
    uint32_t kind;
    int32_t result;
    int64_t nanoseconds; /* to sleep */
    int32_t cpu;         /* the worker's */
    uint32_t failed;     /* a failure was recorded, text_size bytes of its message follow */
    uint32_t text_size;
    uint32_t unused;
};

/* ---- the program's side ---- */

/* 0, or -ENOTSUP and a failure that says why `call` can't have processes. */
int zygote_check(const char *call);

/* A channel for a new pool of at most so many workers: 0, or a negative errno. */
int zygote_channel_open(uint32_t workers, int *ret_channel);

/* Was the function there when the zygote was forked? */
bool zygote_knows(eddy_function_ *function);

/* Sends one message, with a descriptor unless it is -1: 0 or a negative errno. */
int message_send(int socket, const struct iovec *parts, size_t count, int descriptor, int flags);

/* ---- the other processes ---- */

/* Serves until the control socket closes; `mask` is for the workers. */
_Noreturn void zygote_serve(int control, const void *mask);

/* Runs the jobs that come in until the socket closes. */
_Noreturn void worker_serve(int socket);

#endif
