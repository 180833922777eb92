/* SPDX-License-Identifier: MIT */
/*
 * Streams of a layer: made here; the calls are where a descriptor's are, in stream_read.c and
 * stream_write.c.
 */
#include "eddy/stream_layer.h"

#include "log.h"
#include "stream.h"

int eddy_stream_from_layer(const struct eddy_stream_layer *layer, void *context,
                           eddy_stream **ret_stream)
{
    const char *call = "eddy_stream_from_layer";
    if (!loop_self || !layer || !ret_stream)
        return log_misuse(-EINVAL, call,
                          !loop_self ? "called outside a loop"
                          : !layer   ? "the layer is NULL"
                                     : "nowhere to put the stream: NULL");
    if (!layer->read || !layer->write || !layer->close || !layer->release)
        return log_misuse(-EINVAL, call, "the layer lacks a call: read, write, close and release");
    struct eddy_stream *stream = stream_create(loop_self, -1, NULL);
    if (!stream)
        return eddy_fail(-ENOMEM, "no memory for a stream");
    stream->layer = layer;
    stream->context = context;
    stream->is_socket = false;
    *ret_stream = stream;
    return 0;
}

void *eddy_stream_layer_context(const eddy_stream *stream, const struct eddy_stream_layer *layer)
{
    return stream && layer && stream->layer == layer ? stream->context : NULL;
}

const struct eddy_stream *stream_lowest(const struct eddy_stream *stream)
{
    while (stream && stream->layer)
        stream = stream->layer->beneath ? stream->layer->beneath(stream->context) : NULL;
    return stream;
}

/* What a later call may still get over. */
static bool is_passing(int code)
{
    return code == -ECANCELED || code == -EBUSY || code == -ENOMEM || code == -ENOBUFS;
}

static ssize_t layer_result(struct eddy_stream *stream, enum stream_direction direction, ssize_t n,
                            size_t size)
{
    if (n < 0) {
        if (!is_passing((int)n))
            stream->errors[direction] = (int)n;
        return n;
    }
    if ((size_t)n <= size && (n > 0 || direction == STREAM_READ))
        return n;
    stream->errors[direction] = -EIO;
    return eddy_fail(-EIO, "the stream's layer %s %zd of %zu bytes",
                     direction == STREAM_READ ? "read" : "wrote", n, size);
}

ssize_t stream_layer_read(struct eddy_stream *stream, void *buffer, size_t size)
{
    ssize_t n = stream->layer->read(stream->context, buffer, size);
    return layer_result(stream, STREAM_READ, n, size);
}

ssize_t stream_layer_write(struct eddy_stream *stream, const void *data, size_t size)
{
    ssize_t n = stream->layer->write(stream->context, data, size);
    return layer_result(stream, STREAM_WRITE, n, size);
}
