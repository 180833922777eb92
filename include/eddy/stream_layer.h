/* SPDX-License-Identifier: MIT */
/*
 * Stream layers: a stream whose bytes go through code of yours, to whatever is beneath it. TLS is
 * one; compression or a codec can be.
 *
 *     struct codec { eddy_stream *beneath; ... };
 *     static ssize_t codec_read(void *context, void *buffer, size_t size)
 *     {
 *         struct codec *codec = context;
 *         ssize_t n = eddy_stream_read(codec->beneath, buffer, size);
 *         ...
 *     }
 *     static const struct eddy_stream_layer codec_layer = {.read = codec_read, ...};
 *
 *     r = eddy_stream_from_layer(&codec_layer, codec, &stream);
 *
 * Everything of eddy/stream.h works over a layer as over a descriptor: the stream's own buffer
 * (lines, limits, peek) is above it. A layer sees one reader and one writer at a time, the two
 * perhaps at once in two tasks.
 */
#ifndef EDDY_STREAM_LAYER_H
#define EDDY_STREAM_LAYER_H

#include <eddy/stream.h>

EDDY_BEGIN_DECLS

/* What a stream calls instead of the system. All run in the task that called the stream, but for
 * close and release, which may run outside of any. */
struct eddy_stream_layer {
    /* At least one byte, at most size (which isn't 0); suspends. 0 at the end, or a negative errno,
     * which every later read gives too, unless it is -ECANCELED, -EBUSY, -ENOMEM or -ENOBUFS: after
     * those nothing was taken, and it will be called again. */
    ssize_t (*read)(void *context, void *buffer, size_t size);
    /* At least one byte, at most size: how many, or a negative errno as for read. Suspends. It is
     * called again for the rest, so a cancel is to leave nothing half done: what was taken over and
     * can't go out now is the layer's to keep. */
    ssize_t (*write)(void *context, const void *data, size_t size);
    /* Ends the writing side; doesn't suspend. 0 or a negative errno. NULL: -EOPNOTSUPP. */
    int (*write_end)(void *context);
    /* Closes what is beneath, once; doesn't suspend. Calls that are suspended in the layer return
     * then, as they do when the stream beneath is closed. */
    void (*close)(void *context);
    /* Frees the context: after close, when no call is left in it. */
    void (*release)(void *context);
    /* The stream beneath: its descriptor, addresses and options are this one's. NULL, or returning
     * NULL: there is none. */
    eddy_stream *(*beneath)(void *context);
};

/* Makes a stream of a layer; takes the context over on success. The table stays the caller's, in
 * place as long as there are streams of it. 0, -EINVAL (outside a loop, null, a table that lacks a
 * call), -ENOMEM. */
EDDY_API EDDY_MUST_USE int eddy_stream_from_layer(const struct eddy_stream_layer *layer,
                                                  void *context, eddy_stream **stream);

/* The context if the stream is of this very layer, else NULL; NULL for NULL. */
EDDY_API void *eddy_stream_layer_context(const eddy_stream *stream,
                                         const struct eddy_stream_layer *layer);

EDDY_END_DECLS
#endif
