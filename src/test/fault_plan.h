/* SPDX-License-Identifier: MIT */
/*
 * What is to fail in a run: the plan of the fault engine, which counts what could.
 *
 *      call 1: receive      call 2: send                    call 3: receive
 *      ECONNRESET EIO ...   ECONNRESET EPIPE ENOBUFS ...    ECONNRESET EIO ...
 *      site 1     site 2    site 8     site 9 ...           ...
 *
 * A site is a call of the engine and one of the errnos that its manual page documents. Errnos that
 * only a mistake in the caller brings about (EBADF, EFAULT, ENOTSOCK, EINVAL of most) aren't in the
 * table (fault_table.c), nor those which the engines deal with themselves (EINTR), nor EAGAIN,
 * which a storm gives.
 */
#ifndef EDDY_SRC_TEST_FAULT_PLAN_H
#define EDDY_SRC_TEST_FAULT_PLAN_H

#include "eddy/fault.h"
#include "engine/engine.h"

/* What may fail. The operations are in the order of enum operation_kind. */
enum fault_call {
    FAULT_CREATE, /* the making of the engine */
    FAULT_WATCH,
    FAULT_REWATCH,
    FAULT_SUBMIT,
    FAULT_OPEN,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_CLOSE_FILE,
    FAULT_MAKE_DIRECTORY,
    FAULT_RENAME,
    FAULT_UNLINK,
    FAULT_REMOVE_DIRECTORY,
    FAULT_STATUS,
    FAULT_TRUNCATE,
    FAULT_LIST,
    FAULT_LOCK,
    FAULT_COPY,
    FAULT_EXTENT,
    FAULT_NOTIFY,
    FAULT_NOTIFY_ADD,
    FAULT_NOTIFY_REMOVE,
    FAULT_RECEIVE,
    FAULT_SEND,
    FAULT_RECEIVE_MESSAGE,
    FAULT_SEND_MESSAGE,
    FAULT_SEND_FILE,
    FAULT_RECEIVE_INTO_PIPE,
    FAULT_SEND_FROM_PIPE,
    FAULT_CHANGE_GROUP,
    FAULT_RECEIVE_DATAGRAMS,
    FAULT_SEND_DATAGRAMS,
    FAULT_SOCKET,
    FAULT_SOCKET_PAIR,
    FAULT_BIND,
    FAULT_LISTEN,
    FAULT_CONNECT,
    FAULT_ACCEPT,
    FAULT_SHUTDOWN,
    FAULT_CLOSE,
    FAULT_LOCAL_ADDRESS,
    FAULT_PEER_ADDRESS,
    FAULT_SET_OPTION,
    FAULT_GET_OPTION,
    FAULT_POSITION,
    FAULT_READ_NOW,
    FAULT_DESCRIPTOR_STATUS,
    FAULT_PATH_STATUS,
    FAULT_PATH_MODE,
    FAULT_PATH_REMOVE,
    FAULT_PIPE,
    FAULT_PROCESS_START,
    FAULT_PROCESS_SIGNAL,
    FAULT_PROCESS_REAP,
    FAULT_CALLS
};

enum {
    FAULT_STORM_SHORT = 1, /* transfers of one byte */
    FAULT_STORM_AGAIN = 2, /* -EAGAIN before each call that may give it, once */
    FAULT_STORM_EARLY = 4, /* waits that end early with nothing */
    FAULT_STORM_LATE = 8,  /* completions and readiness that come a turn or more later */
};

struct fault_plan {
    size_t sites; /* counted: call x errno */
    size_t fail;  /* which of those fails, from 1; 0: none */
    unsigned storm;
    uint64_t state;   /* of the storm's own generator */
    int64_t patience; /* real nanoseconds that a wait without a limit may last; 0: for ever */
    size_t made[FAULT_CALLS]; /* calls so far, by kind */

    /* What came of it. */
    const char *failed_call; /* the one that failed: its name, NULL if it never came to it */
    size_t failed_number;    /* the how many-th of its kind */
    int failed_code;
    unsigned given_up; /* times that patience was over */
    char hang[192];    /* who waited for what then */
};

/* Counts the call: 0, or the negative errno that it has to fail with. */
int fault_strike(struct fault_plan *plan, enum fault_call call);

/* Wraps an engine, which it then owns. 0, or a negative errno, then the engine is still the
 * caller's:
 * -ENOMEM, or the one that the plan has for the making of an engine. */
int fault_engine_create(struct fault_plan *plan, struct engine *inner, struct engine **ret_engine);

#endif
