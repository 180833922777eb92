/* SPDX-License-Identifier: MIT */
/*
 * Streams from inside.
 *
 *      read, read_until, peek, ...              write, ...
 *            |  leftover bytes                    |
 *            v      ^                             v
 *         receive --+                            send        straight from and to the caller's
 *            |  -EAGAIN, or drained               |  -EAGAIN   memory
 *            v                                    v
 *        parked  <------- edge of the one watch ------->  parked
 *
 * `ready` means "the call may get somewhere": true at first, false after -EAGAIN or a read that
 * drained the socket, true again with the next edge. Whoever finds it false waits for that edge
 * without trying. The watch begins with the first wait; what was ready by then it tells at once, so
 * nothing is missed in between.
 *
 * A call under way holds a reference, so that a stream can be closed while tasks are parked in it:
 * they wake to find `closed` set and touch nothing else.
 */
#ifndef EDDY_SRC_STREAM_H
#define EDDY_SRC_STREAM_H

#include "address.h"
#include "eddy/stream.h"
#include "eddy/stream_layer.h"
#include "task.h"

enum stream_direction {
    STREAM_READ,
    STREAM_WRITE,
};

struct eddy_stream {
    struct watch watch;
    struct eddy_loop *loop;
    const void *thread; /* &loop_self of its thread */
    uint8_t loop_id;    /* tells its loop from a later one at the same place */
    pid_t process;      /* which made it non-blocking, if was_blocking */

    struct wait *waits[2]; /* of a parked reader and writer */
    bool busy[2];          /* a call is under way */
    bool ready[2];         /* trying makes sense */
    int errors[2];         /* negative: what each further call gives */

    bool watching;
    bool owns;              /* its loop knows whose the descriptor is */
    bool hangup;            /* an edge told of an end, an error or a mark behind the data */
    bool short_read_drains; /* TCP or a pipe of our own; of others the reading end doesn't tell
                               whether packets are written (O_DIRECT), of which a read gives one; a
                               terminal gives one line of several, and a Unix socket what comes
                               before descriptors, and before what comes behind them */
    bool is_socket;
    bool was_blocking; /* before it became a stream */
    bool borrows;      /* no socket, and was non-blocking before: see stream.c */
    bool closed;
    bool filled;         /* the last receive took all it was offered: more is likely there */
    unsigned references; /* the owner's, and one a call under way */
    unsigned streak;

    char *buffer; /* NULL unless bytes are left over: buffer[begin..end) */
    size_t begin, end, capacity;
    size_t limit;         /* bytes it holds at most for a line or a look ahead, about */
    size_t partial[2];    /* bytes that the last call had moved when it failed in the middle */
    struct link borrower; /* in this thread's list of those */
    struct address peer;
    const char *label; /* what messages call it that has no peer; NULL: by its descriptor */

    const struct eddy_stream_layer *layer; /* NULL: the stream is of a descriptor */
    void *context;
};

/* A stream of a non-blocking descriptor, which it takes over; `peer` NULL if it has none. NULL
 * without memory; then the descriptor stays the caller's. */
struct eddy_stream *stream_create(struct eddy_loop *loop, int descriptor,
                                  const struct address *peer);

/* Turns Nagle's algorithm off: small messages go out at once. */
void stream_send_at_once(struct eddy_stream *stream);

void stream_release(struct eddy_stream *stream);

/* For calls that don't suspend: 0, or -EINVAL if the stream isn't one of this loop that is open. */
int stream_check(const struct eddy_stream *stream, const char *call);

/* Brackets a call: 0 and a reference held until stream_leave, else the error to return. */
int stream_enter(struct eddy_stream *stream, enum stream_direction direction, const char *call);
void stream_leave(struct eddy_stream *stream, enum stream_direction direction);

/* Counts an operation that may not suspend: task_pace. 0, -ECANCELED, or -ECONNABORTED if the
 * stream was closed meanwhile. */
int stream_step(struct eddy_stream *stream);

/* Suspends until the next edge that makes the direction ready. 0, -ECANCELED, -ECONNABORTED. */
int stream_wait(struct eddy_stream *stream, enum stream_direction direction, const char *what);

/* Records a failure that names the peer, and the error itself unless it is a passing one. */
int stream_fail(struct eddy_stream *stream, enum stream_direction direction, int code);

/* Its loop runs, and on this thread. */
bool stream_is_home(const struct eddy_stream *stream);

/* The one of a descriptor at the bottom of all layers, or NULL. */
const struct eddy_stream *stream_lowest(const struct eddy_stream *stream);

/* ---- reading ---- */

/* Tries to move some bytes: how many, -EAGAIN, or an error. */
typedef ssize_t stream_attempt(struct eddy_stream *stream, void *argument);

/* Receives at least one byte: how many, 0 at the end. Nothing was taken if it fails. */
ssize_t stream_receive(struct eddy_stream *stream, char *buffer, size_t size);

/* The same by another call, which may move fewer bytes than there are. -EINVAL isn't remembered:
 * the descriptor may not know the call. */
ssize_t stream_receive_by(struct eddy_stream *stream, stream_attempt *attempt, void *argument,
                          size_t size);

/* The same, behind the bytes left over. */
ssize_t stream_receive_more(struct eddy_stream *stream);

static inline size_t stream_leftover(const struct eddy_stream *stream)
{
    return stream->end - stream->begin;
}

/* Takes up to so many of the bytes left over: how many. */
size_t stream_leftover_take(struct eddy_stream *stream, char *buffer, size_t size);

/* Drops so many of them. */
void stream_leftover_drop(struct eddy_stream *stream, size_t size);

/* Keeps bytes when there are none yet. */
int stream_leftover_keep(struct eddy_stream *stream, const char *data, size_t size);

/* 0, or -EINVAL and a report. */
int stream_check_memory(const char *call, const void *buffer, size_t size);

/* ---- writing ---- */

/* Makes the attempt as often as it takes: at least one byte (or 0, if the attempt says so). Not for
 * layers. -EINVAL isn't remembered: the attempt may be one that this descriptor doesn't know. */
ssize_t stream_send_by(struct eddy_stream *stream, stream_attempt *attempt, void *argument);

/* At least one byte, at most size. Nothing was taken if it fails. */
ssize_t stream_send(struct eddy_stream *stream, const char *data, size_t size);

/* Whether it may be given to calls that would wait otherwise. */
bool stream_is_nonblocking(const struct eddy_stream *stream);

/* All of it: size. What went out before it failed is in *ret_sent. */
ssize_t stream_send_all(struct eddy_stream *stream, const char *data, size_t size,
                        size_t *ret_sent);

/* Records how far a call came that has failed. */
ssize_t stream_fail_partly(struct eddy_stream *stream, ssize_t code, size_t sent, size_t size);

/* ---- the rest ---- */

/* A layer's call, with what it returned checked and remembered. */
ssize_t stream_layer_read(struct eddy_stream *stream, void *buffer, size_t size);
ssize_t stream_layer_write(struct eddy_stream *stream, const void *data, size_t size);

/* For a stream of a descriptor: every call from now on, and who is suspended in one, gets
 * -ECONNABORTED; what wasn't delivered yet is dropped, and the peer's end reset. The stream is
 * still to be closed. */
void stream_abort(struct eddy_stream *stream);

/* "127.0.0.1:80", "descriptor 3", or "a stream". */
void stream_name(const struct eddy_stream *stream, char name[ADDRESS_TEXT_SIZE]);

#endif
