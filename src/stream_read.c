/* SPDX-License-Identifier: MIT */
/*
 * Reading from streams: what is there, exactly so much, a line.
 *
 * Data goes straight into the caller's memory as far as it can. A line's end isn't known in
 * advance, so bytes beyond it are left over; and a read_exactly that is cancelled gives back what
 * it has. Such bytes are kept in the stream's buffer, which exists as long as there are any, and
 * every read takes from it first. No byte that was received is ever without an owner when a task
 * suspends.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "memory.h"
#include "stream.h"

/* ---- the bytes left over ---- */

static size_t leftover(const struct eddy_stream *stream)
{
    return stream->end - stream->begin;
}

static size_t leftover_take(struct eddy_stream *stream, char *buffer, size_t size)
{
    if (size > leftover(stream))
        size = leftover(stream);
    if (!size)
        return 0;
    memcpy(buffer, stream->buffer + stream->begin, size);
    stream->begin += size;
    if (!leftover(stream)) {
        memory_free(stream->buffer);
        stream->buffer = NULL;
        stream->begin = stream->end = stream->capacity = 0;
    }
    return size;
}

/* Keeps bytes when there are none yet. Without memory they are lost, and the stream is broken for
 * good: going on would mean a gap in the data that nobody knows of. */
static int leftover_keep(struct eddy_stream *stream, const char *data, size_t size)
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
 * sends faster than we read. */
static int leftover_make_room(struct eddy_stream *stream)
{
    size_t size = leftover(stream);
    size_t capacity = stream->filled && size < EDDY_STREAM_LIMIT / 2 ? EDDY_STREAM_LIMIT
                                                                     : 2 * size + 1024;
    if (stream->capacity - size >= capacity / 2) {
        memmove(stream->buffer, stream->buffer + stream->begin, size);
    } else {
        char *larger = memory_allocate(capacity);
        if (!larger)
            return eddy_fail(-ENOMEM, "no memory for a stream's buffer");
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
    if (n == 0 && lost && lost != -EPIPE)
        n = lost; /* the system tells of a broken connection once, and told the writer */
    return n < 0 ? stream_fail(stream, STREAM_READ, (int)n) : 0;
}

/* Receives at least one byte: how many, 0 at the end. Nothing was taken if it fails. */
static ssize_t stream_receive(struct eddy_stream *stream, char *buffer, size_t size)
{
    struct engine *engine = stream->loop->engine;
    for (;;) {
        int r = stream_step(stream);
        if (r < 0)
            return r;
        if (stream->errors[STREAM_READ])
            return stream_fail(stream, STREAM_READ, stream->errors[STREAM_READ]);
        if (stream->layer)
            return stream_layer_read(stream, buffer, size);
        if (stream->ready[STREAM_READ]) {
            stream->ready[STREAM_READ] = false;
            ssize_t n = engine->call->receive(engine, stream->watch.descriptor, buffer, size);
            if (n != -EAGAIN)
                return received(stream, n, size);
        }
        r = stream_wait(stream, STREAM_READ, "data from a stream");
        if (r < 0)
            return r;
    }
}

/* ---- three ways to read ---- */

static ssize_t read_some(struct eddy_stream *stream, char *buffer, size_t size)
{
    if (!leftover(stream))
        return stream_receive(stream, buffer, size);
    int r = stream_step(stream);
    return r < 0 ? r : (ssize_t)leftover_take(stream, buffer, size);
}

static ssize_t read_exactly(struct eddy_stream *stream, char *buffer, size_t size)
{
    int r = stream_step(stream);
    if (r < 0)
        return r;
    size_t have = leftover_take(stream, buffer, size);
    while (have < size) {
        ssize_t n = stream_receive(stream, buffer + have, size - have);
        if (n > 0) {
            have += (size_t)n;
            continue;
        }
        if (n == 0)
            return eddy_fail(-ENODATA, "the stream ended after %zu of %zu bytes", have, size);
        if (!stream->closed && !stream->errors[STREAM_READ] &&
            (r = leftover_keep(stream, buffer, have)) < 0)
            return r;
        return n;
    }
    return (ssize_t)size;
}

static size_t line_length(const char *data, size_t from, size_t size)
{
    const char *end = from < size ? memchr(data + from, '\n', size - from) : NULL;
    return end ? (size_t)(end - data) + 1 : 0;
}

/* With nothing left over the caller's memory serves as the buffer. The line's length, 0 if it isn't
 * complete (then its bytes are left over) or the stream has ended, which *ended tells. */
static ssize_t receive_line(struct eddy_stream *stream, char *buffer, size_t limit, bool *ended)
{
    ssize_t n = stream_receive(stream, buffer, limit);
    *ended = n == 0;
    if (n <= 0)
        return n;
    size_t length = line_length(buffer, 0, (size_t)n);
    int r = leftover_keep(stream, buffer + length, (size_t)n - length);
    return r < 0 ? r : (ssize_t)length;
}

static ssize_t receive_more(struct eddy_stream *stream)
{
    int r = leftover_make_room(stream);
    if (r < 0)
        return r;
    ssize_t n = stream_receive(stream, stream->buffer + stream->end,
                               stream->capacity - stream->end);
    if (n > 0)
        stream->end += (size_t)n;
    return n;
}

/* At most `limit` bytes. */
static ssize_t read_line(struct eddy_stream *stream, char *buffer, size_t limit)
{
    size_t searched = 0;
    int r = stream_step(stream);
    if (r < 0)
        return r;
    for (;;) {
        size_t size = leftover(stream);
        bool ended = false;
        if (!size) {
            ssize_t length = receive_line(stream, buffer, limit, &ended);
            if (length != 0 || ended)
                return length;
            continue;
        }
        size_t within = size < limit ? size : limit;
        size_t length = line_length(stream->buffer + stream->begin, searched, within);
        if (length)
            return (ssize_t)leftover_take(stream, buffer, length);
        if (within == limit)
            return eddy_fail(-EMSGSIZE, "a line of more than %zu bytes", limit);
        searched = size;
        ssize_t n = receive_more(stream);
        if (n < 0)
            return n;
        if (n == 0)
            return (ssize_t)leftover_take(stream, buffer, size);
    }
}

/* ---- public ---- */

static int check_memory(const char *call, const void *buffer, size_t size)
{
    if (size > SSIZE_MAX)
        return log_misuse(-EINVAL, call, "a size of %zu", size);
    if (!buffer && size)
        return log_misuse(-EINVAL, call, "the buffer is NULL");
    return 0;
}

ssize_t eddy_stream_read(eddy_stream *stream, void *buffer, size_t size)
{
    int r = stream_enter(stream, STREAM_READ, "eddy_stream_read");
    if (r < 0)
        return r;
    ssize_t n = check_memory("eddy_stream_read", buffer, size);
    if (n == 0 && size)
        n = read_some(stream, buffer, size);
    stream_leave(stream, STREAM_READ);
    return n;
}

ssize_t eddy_stream_read_exactly(eddy_stream *stream, void *buffer, size_t size)
{
    int r = stream_enter(stream, STREAM_READ, "eddy_stream_read_exactly");
    if (r < 0)
        return r;
    ssize_t n = check_memory("eddy_stream_read_exactly", buffer, size);
    if (n == 0 && size)
        n = read_exactly(stream, buffer, size);
    stream_leave(stream, STREAM_READ);
    return n;
}

ssize_t eddy_stream_read_line(eddy_stream *stream, char *buffer, size_t size)
{
    int r = stream_enter(stream, STREAM_READ, "eddy_stream_read_line");
    if (r < 0)
        return r;
    ssize_t n = check_memory("eddy_stream_read_line", buffer, size);
    if (n == 0 && size < 2)
        n = log_misuse(-EINVAL, "eddy_stream_read_line", "no room for a line in %zu bytes", size);
    if (n == 0) {
        n = read_line(stream, buffer, size - 1 < EDDY_STREAM_LIMIT ? size - 1 : EDDY_STREAM_LIMIT);
        if (n >= 0)
            buffer[n] = '\0';
    }
    stream_leave(stream, STREAM_READ);
    return n;
}
