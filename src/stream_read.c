/* SPDX-License-Identifier: MIT */
/*
 * Reading from streams: what is there, exactly so much, a look ahead. Up to a separator:
 * stream_until.c.
 *
 * Data goes straight into the caller's memory as far as it can. A line's end isn't known in
 * advance, so bytes beyond it are left over; and a read_exactly that is cancelled gives back what
 * it has. Such bytes are kept in the stream's buffer, which exists as long as there are any, and
 * every read takes from it first. No byte that was received is ever without an owner when a task
 * suspends, and who waits with nothing left over holds no buffer.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "memory.h"
#include "stream.h"

/* ---- the bytes left over ---- */

void stream_leftover_drop(struct eddy_stream *stream, size_t size)
{
    stream->begin += size;
    if (stream_leftover(stream))
        return;
    memory_free(stream->buffer);
    stream->buffer = NULL;
    stream->begin = stream->end = stream->capacity = 0;
}

size_t stream_leftover_take(struct eddy_stream *stream, char *buffer, size_t size)
{
    if (size > stream_leftover(stream))
        size = stream_leftover(stream);
    if (!size)
        return 0;
    memcpy(buffer, stream->buffer + stream->begin, size);
    stream_leftover_drop(stream, size);
    return size;
}

/* Without memory they are lost, and the stream is broken for good: going on would mean a gap in the
 * data that nobody knows of. */
int stream_leftover_keep(struct eddy_stream *stream, const char *data, size_t size)
{
    if (!size)
        return 0;
    stream->buffer = memory_allocate(size);
    if (!stream->buffer) {
        stream->errors[STREAM_READ] = -ENOMEM;
        return eddy_fail(-ENOMEM, "no memory to keep %zu bytes that were read: they are lost",
                         size);
    }
    memcpy(stream->buffer, data, size);
    stream->begin = 0;
    stream->end = stream->capacity = size;
    return 0;
}

/* Makes room behind the bytes left over: little for a line that trickles in, much when the peer
 * sends faster than we read; but a large limit isn't taken up before that much is there. */
static int leftover_make_room(struct eddy_stream *stream)
{
    size_t size = stream_leftover(stream);
    size_t much = stream->limit < EDDY_STREAM_LIMIT ? stream->limit : EDDY_STREAM_LIMIT;
    size_t capacity = stream->filled && size < much / 2 ? much : 2 * size + 1024;
    if (stream->capacity - size >= capacity / 2) {
        memmove(stream->buffer, stream->buffer + stream->begin, size);
    } else {
        char *larger = memory_allocate(capacity);
        if (!larger)
            return eddy_fail(-ENOMEM, "no memory for a stream's buffer");
        if (size)
            memcpy(larger, stream->buffer + stream->begin, size);
        memory_free(stream->buffer);
        stream->buffer = larger;
        stream->capacity = capacity;
    }
    stream->begin = 0;
    stream->end = size;
    return 0;
}

/* ---- receiving ---- */

static ssize_t received(struct eddy_stream *stream, ssize_t n, size_t size)
{
    if (n > 0) {
        stream->filled = (size_t)n == size;
        /* A short read has emptied the socket, and what comes later makes an edge of its own: no
         * need to hear -EAGAIN. An end or an error behind the data made its edge already, though,
         * maybe the same as the data's. */
        stream->ready[STREAM_READ] = stream->filled || !stream->short_read_drains || stream->hangup;
        return n;
    }
    stream->ready[STREAM_READ] = true; /* the end, or the error, is there to stay */
    int lost = stream->errors[STREAM_WRITE];
    if (n == 0 && lost && lost != -EPIPE && stream->is_socket)
        n = lost; /* the system tells of a broken connection once, and told the writer */
    return n < 0 ? stream_fail(stream, STREAM_READ, (int)n) : 0;
}

/* 0: it may be tried. */
static int receive_begin(struct eddy_stream *stream)
{
    int r = stream_step(stream);
    if (r == 0 && stream->errors[STREAM_READ])
        r = stream_fail(stream, STREAM_READ, stream->errors[STREAM_READ]);
    return r;
}

/* -EAGAIN: wait first. */
static ssize_t receive_try(struct eddy_stream *stream, char *buffer, size_t size)
{
    if (stream->layer) {
        ssize_t n = stream_layer_read(stream, buffer, size);
        if (n > 0)
            stream->filled = (size_t)n == size;
        return n;
    }
    struct engine *engine = stream->loop->engine;
    stream->ready[STREAM_READ] = false;
    ssize_t n = engine->call->receive(engine, stream->watch.descriptor, buffer, size);
    return n == -EAGAIN ? n : received(stream, n, size);
}

static int receive_wait(struct eddy_stream *stream)
{
    return stream_wait(stream, STREAM_READ, "data from a stream");
}

ssize_t stream_receive(struct eddy_stream *stream, char *buffer, size_t size)
{
    for (;;) {
        ssize_t n = receive_begin(stream);
        if (n < 0)
            return n;
        if (stream->ready[STREAM_READ] &&
            ((n = receive_try(stream, buffer, size)) != -EAGAIN || stream->layer))
            return n;
        n = receive_wait(stream);
        if (n < 0)
            return n;
    }
}

ssize_t stream_receive_by(struct eddy_stream *stream, stream_attempt *attempt, void *argument,
                          size_t size)
{
    for (;;) {
        ssize_t n = receive_begin(stream);
        if (n < 0)
            return n;
        if (stream->ready[STREAM_READ]) {
            stream->ready[STREAM_READ] = false;
            n = attempt(stream, argument);
            /* It may have stopped short of what there is. */
            stream->ready[STREAM_READ] = n > 0 || n == -EINVAL;
            if (n != -EAGAIN)
                return n > 0 || n == -EINVAL ? n : received(stream, n, size);
        }
        n = receive_wait(stream);
        if (n < 0)
            return n;
    }
}

ssize_t stream_receive_more(struct eddy_stream *stream)
{
    for (;;) {
        ssize_t n = receive_begin(stream);
        if (n == 0 && stream->ready[STREAM_READ]) {
            n = leftover_make_room(stream);
            if (n < 0)
                return n;
            n = receive_try(stream, stream->buffer + stream->end, stream->capacity - stream->end);
            if (n > 0)
                stream->end += (size_t)n;
            stream_leftover_drop(stream, 0);
            if (n != -EAGAIN || stream->layer)
                return n;
            n = 0;
        }
        if (n == 0)
            n = receive_wait(stream);
        if (n < 0)
            return n;
    }
}

/* ---- ways to read ---- */

static ssize_t read_some(struct eddy_stream *stream, char *buffer, size_t size)
{
    if (!stream_leftover(stream))
        return stream_receive(stream, buffer, size);
    int r = stream_step(stream);
    return r < 0 ? r : (ssize_t)stream_leftover_take(stream, buffer, size);
}

static ssize_t read_exactly(struct eddy_stream *stream, char *buffer, size_t size)
{
    int r = stream_step(stream);
    if (r < 0)
        return r;
    size_t have = stream_leftover_take(stream, buffer, size);
    while (have < size) {
        ssize_t n = stream_receive(stream, buffer + have, size - have);
        if (n > 0) {
            have += (size_t)n;
            continue;
        }
        stream->partial[STREAM_READ] = have;
        if (n == 0)
            return eddy_fail(-ENODATA, "the stream ended after %zu of %zu bytes", have, size);
        if (!stream->closed && !stream->errors[STREAM_READ]) {
            stream->partial[STREAM_READ] = 0;
            r = stream_leftover_keep(stream, buffer, have);
        }
        return r < 0 ? r : n;
    }
    return (ssize_t)size;
}

static ssize_t peek(struct eddy_stream *stream, const void **ret_data, size_t size)
{
    int r = stream_step(stream);
    if (r < 0)
        return r;
    while (stream_leftover(stream) < size) {
        ssize_t n = stream_receive_more(stream);
        if (n < 0)
            return n;
        if (n == 0)
            break;
    }
    if (stream_leftover(stream))
        *ret_data = stream->buffer + stream->begin;
    return (ssize_t)stream_leftover(stream);
}

/* ---- public ---- */

int stream_check_memory(const char *call, const void *buffer, size_t size)
{
    if (size > SSIZE_MAX)
        return log_misuse(-EINVAL, call, "a size of %zu", size);
    if (!buffer && size)
        return log_misuse(-EINVAL, call, "the buffer is NULL");
    return 0;
}

static ssize_t stream_read(struct eddy_stream *stream, void *buffer, size_t size,
                           ssize_t (*read)(struct eddy_stream *, char *, size_t), const char *call)
{
    int r = stream_enter(stream, STREAM_READ, call);
    if (r < 0)
        return r;
    ssize_t n = stream_check_memory(call, buffer, size);
    if (n == 0 && size)
        n = read(stream, buffer, size);
    stream_leave(stream, STREAM_READ);
    return n;
}

ssize_t eddy_stream_read(eddy_stream *stream, void *buffer, size_t size)
{
    return stream_read(stream, buffer, size, read_some, "eddy_stream_read");
}

ssize_t eddy_stream_read_exactly(eddy_stream *stream, void *buffer, size_t size)
{
    return stream_read(stream, buffer, size, read_exactly, "eddy_stream_read_exactly");
}

ssize_t eddy_stream_peek(eddy_stream *stream, const void **ret_data, size_t size)
{
    int r = stream_enter(stream, STREAM_READ, "eddy_stream_peek");
    if (r < 0)
        return r;
    ssize_t n;
    if (!ret_data || !size)
        n = log_misuse(-EINVAL, "eddy_stream_peek", "%s",
                       ret_data ? "at least 0 bytes" : "nowhere to put the data: NULL");
    else if (size > stream->limit)
        n = eddy_fail(-EMSGSIZE, "%zu bytes ahead are more than the stream's limit of %zu", size,
                      stream->limit);
    else
        n = peek(stream, ret_data, size);
    stream_leave(stream, STREAM_READ);
    return n;
}

int eddy_stream_consume(eddy_stream *stream, size_t size)
{
    const char *call = "eddy_stream_consume";
    int r = stream_check(stream, call);
    if (r < 0)
        return r;
    if (stream->busy[STREAM_READ])
        return eddy_fail(-EBUSY, "%s: another task reads from this stream", call);
    if (size > stream_leftover(stream))
        return log_misuse(-EINVAL, call, "%zu bytes, but there are %zu", size,
                          stream_leftover(stream));
    stream_leftover_drop(stream, size);
    return 0;
}

size_t eddy_stream_partial_read(const eddy_stream *stream)
{
    return stream ? stream->partial[STREAM_READ] : 0;
}
