/* SPDX-License-Identifier: MIT */
/*
 * Writing to streams: straight from the caller's memory, as long as it takes.
 */
#include <limits.h>
#include <string.h>
#include "log.h"
#include "stream.h"

/* At least one byte: how many. Nothing was taken if it fails. */
static ssize_t stream_send(struct eddy_stream *stream, const char *data, size_t size)
{
    struct engine *engine = stream->loop->engine;
    for (;;) {
        int r = stream_step(stream);
        if (r < 0)
            return r;
        if (stream->errors[STREAM_WRITE])
            return stream_fail(stream, STREAM_WRITE, stream->errors[STREAM_WRITE]);
        if (stream->layer)
            return stream_layer_write(stream, data, size);
        if (stream->ready[STREAM_WRITE]) {
            ssize_t n = engine->call->send(engine, stream->watch.descriptor, data, size);
            if (n >= 0)
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

/* Some of it may be out. */
static int stream_fail_partly(struct eddy_stream *stream, int code, size_t sent, size_t size)
{
    stream->partial[STREAM_WRITE] = sent;
    if (code == -ECANCELED && sent)
        return eddy_fail(code, "cancelled after %zu of %zu bytes were written", sent, size);
    return code;
}

static ssize_t write_all(struct eddy_stream *stream, const char *data, size_t size)
{
    size_t sent = 0;
    while (sent < size) {
        ssize_t n = stream_send(stream, data + sent, size - sent);
        if (n < 0)
            return stream_fail_partly(stream, (int)n, sent, size);
        sent += (size_t)n;
    }
    return (ssize_t)size;
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

int eddy_stream_write_end(eddy_stream *stream)
{
    if (!stream || !stream_is_home(stream))
        return log_misuse(-EINVAL, "eddy_stream_write_end",
                          stream ? "called outside the stream's loop" : "the stream is NULL");
    if (stream->busy[STREAM_WRITE])
        return eddy_fail(-EBUSY, "eddy_stream_write_end: a task writes to this stream");
    if (stream->layer)
        return stream->layer->write_end
                   ? stream->layer->write_end(stream->context)
                   : eddy_fail(-EOPNOTSUPP, "the stream's layer can't end its writing side");
    struct engine *engine = stream->loop->engine;
    int r = engine->call->shutdown(engine, stream->watch.descriptor, SHUT_WR);
    return r < 0 ? eddy_fail(r, "the writing side can't be ended: %s", strerror(-r)) : 0;
}

size_t eddy_stream_partial_write(const eddy_stream *stream)
{
    return stream ? stream->partial[STREAM_WRITE] : 0;
}
