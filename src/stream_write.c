/* SPDX-License-Identifier: MIT */
/*
 * Writing to streams: straight from the caller's memory, as long as it takes.
 */
#include <limits.h>
#include <string.h>
#include "log.h"
#include "stream.h"

/* ---- sending ---- */

static inline ssize_t send_by(struct eddy_stream *stream, stream_attempt *attempt, void *argument)
{
    for (;;) {
        int r = stream_step(stream);
        if (r < 0)
            return r;
        if (stream->errors[STREAM_WRITE])
            return stream_fail(stream, STREAM_WRITE, stream->errors[STREAM_WRITE]);
        if (stream->ready[STREAM_WRITE]) {
            ssize_t n = attempt(stream, argument);
            if (n >= 0 || n == -EINVAL)
                return n;
            if (n != -EAGAIN)
                return stream_fail(stream, STREAM_WRITE, (int)n);
            stream->ready[STREAM_WRITE] = false;
        }
        r = stream_wait(stream, STREAM_WRITE, "room to write to a stream");
        if (r < 0)
            return r;
    }
}

ssize_t stream_send_by(struct eddy_stream *stream, stream_attempt *attempt, void *argument)
{
    return send_by(stream, attempt, argument);
}

struct part {
    const char *data;
    size_t size;
};

static ssize_t send_attempt(struct eddy_stream *stream, void *argument)
{
    const struct part *part = argument;
    struct engine *engine = stream->loop->engine;
    return engine->call->send(engine, stream->watch.descriptor, part->data, part->size);
}

static ssize_t send_to_layer(struct eddy_stream *stream, const char *data, size_t size)
{
    int r = stream_step(stream);
    if (r == 0 && stream->errors[STREAM_WRITE])
        r = stream_fail(stream, STREAM_WRITE, stream->errors[STREAM_WRITE]);
    return r < 0 ? r : stream_layer_write(stream, data, size);
}

ssize_t stream_send(struct eddy_stream *stream, const char *data, size_t size)
{
    if (stream->layer)
        return send_to_layer(stream, data, size);
    struct part part = {data, size};
    ssize_t n = send_by(stream, send_attempt, &part);
    return n == -EINVAL ? stream_fail(stream, STREAM_WRITE, -EINVAL) : n;
}

ssize_t stream_fail_partly(struct eddy_stream *stream, ssize_t code, size_t sent, size_t size)
{
    stream->partial[STREAM_WRITE] = sent;
    if (code == -ECANCELED && sent)
        return eddy_fail(-ECANCELED, "cancelled after %zu of %zu bytes were written", sent, size);
    return code;
}

ssize_t stream_send_all(struct eddy_stream *stream, const char *data, size_t size, size_t *ret_sent)
{
    size_t sent = 0;
    ssize_t n = (ssize_t)size;
    while (sent < size) {
        n = stream_send(stream, data + sent, size - sent);
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    *ret_sent = sent;
    return n < 0 ? n : (ssize_t)size;
}

/* ---- ways to write ---- */

static ssize_t write_all(struct eddy_stream *stream, const char *data, size_t size)
{
    size_t sent;
    ssize_t n = stream_send_all(stream, data, size, &sent);
    return n < 0 ? stream_fail_partly(stream, n, sent, size) : n;
}

static ssize_t write_some(struct eddy_stream *stream, const char *data, size_t size)
{
    return size ? stream_send(stream, data, size) : 0;
}

static ssize_t stream_write(struct eddy_stream *stream, const void *data, size_t size,
                            ssize_t (*write)(struct eddy_stream *, const char *, size_t),
                            const char *call)
{
    int r = stream_enter(stream, STREAM_WRITE, call);
    if (r < 0)
        return r;
    ssize_t written;
    if ((!data && size) || size > SSIZE_MAX)
        written = log_misuse(-EINVAL, call, data ? "a size of %zu" : "the data is NULL", size);
    else
        written = write(stream, data, size);
    stream_leave(stream, STREAM_WRITE);
    return written;
}

ssize_t eddy_stream_write(eddy_stream *stream, const void *data, size_t size)
{
    return stream_write(stream, data, size, write_all, "eddy_stream_write");
}

ssize_t eddy_stream_write_some(eddy_stream *stream, const void *data, size_t size)
{
    return stream_write(stream, data, size, write_some, "eddy_stream_write_some");
}

/* ---- several parts as one ---- */

/* Parts that one system call is given. */
#define VECTOR_PARTS 64

struct vector {
    const struct iovec *parts;
    size_t count;
    size_t skip; /* bytes of the first one that are written */
};

static void vector_advance(struct vector *vector, size_t written)
{
    vector->skip += written;
    while (vector->count && vector->skip >= vector->parts->iov_len) {
        vector->skip -= vector->parts->iov_len;
        vector->parts++;
        vector->count--;
    }
}

/* Here, so that a task that waits for room doesn't hold the array. */
static __attribute__((__noinline__)) ssize_t vector_attempt(struct eddy_stream *stream,
                                                            void *argument)
{
    const struct vector *vector = argument;
    struct engine *engine = stream->loop->engine;
    struct iovec parts[VECTOR_PARTS];
    size_t count = vector->count < VECTOR_PARTS ? vector->count : VECTOR_PARTS;
    memcpy(parts, vector->parts, count * sizeof *parts);
    parts[0].iov_base = (char *)parts[0].iov_base + vector->skip;
    parts[0].iov_len -= vector->skip;
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    return engine->call->send_message(engine, stream->watch.descriptor, &message);
}

static ssize_t send_vector(struct eddy_stream *stream, struct vector *vector)
{
    if (stream->layer)
        return stream_send(stream, (const char *)vector->parts->iov_base + vector->skip,
                           vector->parts->iov_len - vector->skip);
    ssize_t n = send_by(stream, vector_attempt, vector);
    return n == -EINVAL ? stream_fail(stream, STREAM_WRITE, -EINVAL) : n;
}

static ssize_t write_vector(struct eddy_stream *stream, struct vector vector, size_t size)
{
    size_t sent = 0;
    vector_advance(&vector, 0); /* past parts of no size */
    while (sent < size) {
        ssize_t n = send_vector(stream, &vector);
        if (n < 0)
            return stream_fail_partly(stream, n, sent, size);
        sent += (size_t)n;
        vector_advance(&vector, (size_t)n);
    }
    return (ssize_t)size;
}

/* The sum of their sizes, or -EINVAL. */
static ssize_t measure_parts(const char *call, const struct iovec *parts, size_t count)
{
    size_t size = 0;
    if (!parts && count)
        return log_misuse(-EINVAL, call, "the parts are NULL");
    for (size_t i = 0; i < count; i++) {
        if (!parts[i].iov_base && parts[i].iov_len)
            return log_misuse(-EINVAL, call, "part %zu is NULL", i);
        if (parts[i].iov_len > SSIZE_MAX - size)
            return log_misuse(-EINVAL, call, "part %zu has a size of %zu", i, parts[i].iov_len);
        size += parts[i].iov_len;
    }
    return (ssize_t)size;
}

ssize_t eddy_stream_write_vector(eddy_stream *stream, const struct iovec *parts, size_t count)
{
    const char *call = "eddy_stream_write_vector";
    int r = stream_enter(stream, STREAM_WRITE, call);
    if (r < 0)
        return r;
    ssize_t written = measure_parts(call, parts, count);
    if (written > 0)
        written = write_vector(stream, (struct vector){parts, count, 0}, (size_t)written);
    stream_leave(stream, STREAM_WRITE);
    return written;
}

/* ---- the end ---- */

int eddy_stream_write_end(eddy_stream *stream)
{
    int r = stream_check(stream, "eddy_stream_write_end");
    if (r < 0)
        return r;
    if (stream->busy[STREAM_WRITE])
        return eddy_fail(-EBUSY, "eddy_stream_write_end: a task writes to this stream");
    if (stream->layer)
        return stream->layer->write_end
                   ? stream->layer->write_end(stream->context)
                   : eddy_fail(-EOPNOTSUPP, "the stream's layer can't end its writing side");
    struct engine *engine = stream->loop->engine;
    r = engine->call->shutdown(engine, stream->watch.descriptor, SHUT_WR);
    return r < 0 ? eddy_fail(r, "the writing side can't be ended: %s", strerror(-r)) : 0;
}

size_t eddy_stream_partial_write(const eddy_stream *stream)
{
    return stream ? stream->partial[STREAM_WRITE] : 0;
}
