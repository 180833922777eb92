/* SPDX-License-Identifier: MIT */
/*
 * From stream to stream, without a way through the program's memory where the system can do that:
 *
 *      from ----splice----> pipe ----splice----> to
 *      from ----receive---> bytes left over ----send----> to         layers, and whatever can't
 *
 * Either way each byte is somebody's at any time: what is in the pipe when the second half fails
 * goes back among the bytes left over of `from`. The pipe is made when there is something to put
 * into it.
 */
#include "log.h"
#include "memory.h"
#include "stream.h"

/* A pipe's size. */
#define PIECE 65536

struct splicing {
    struct eddy_stream *from, *to;
    int64_t moved, size;
    int pipe[2];   /* -1: not made yet */
    size_t inside; /* bytes in it */
    size_t piece;  /* to be put into it */
    bool used;     /* something was */
    bool copies;   /* splice isn't for these two, or there is no pipe to be had */
};

static struct engine *engine_of(const struct splicing *splicing)
{
    return splicing->from->loop->engine;
}

static void pipe_close(struct splicing *splicing)
{
    struct engine *engine = engine_of(splicing);
    if (splicing->pipe[0] < 0)
        return;
    (void)engine->call->close(engine, splicing->pipe[0]);
    (void)engine->call->close(engine, splicing->pipe[1]);
    splicing->pipe[0] = -1;
}

/* ---- through a pipe ---- */

static ssize_t fill_attempt(struct eddy_stream *from, void *argument)
{
    struct splicing *splicing = argument;
    struct engine *engine = engine_of(splicing);
    if (splicing->pipe[0] < 0 && engine->call->pipe(engine, splicing->pipe) < 0) {
        splicing->pipe[0] = -1;
        return -EINVAL;
    }
    ssize_t n = engine->call->receive_into_pipe(engine, from->watch.descriptor, splicing->pipe[1],
                                                splicing->piece);
    if (n > 0)
        splicing->used = true;
    else if (!splicing->used)
        pipe_close(splicing); /* who only waits needs none */
    return n;
}

static ssize_t drain_attempt(struct eddy_stream *to, void *argument)
{
    const struct splicing *splicing = argument;
    struct engine *engine = engine_of(splicing);
    ssize_t n = engine->call->send_from_pipe(engine, splicing->pipe[0], to->watch.descriptor,
                                             splicing->inside);
    return n ? n : -EIO; /* it isn't empty */
}

/* What is in the pipe is to be read from where it came. */
static int give_back(struct splicing *splicing)
{
    struct eddy_stream *from = splicing->from;
    struct engine *engine = engine_of(splicing);
    char *bytes = memory_allocate(splicing->inside);
    size_t have = 0;
    ssize_t n = 1;
    while (bytes && have < splicing->inside && n > 0) {
        n = engine->call->take_from_pipe(engine, splicing->pipe[0], bytes + have,
                                         splicing->inside - have);
        have += n > 0 ? (size_t)n : 0;
    }
    if (have < splicing->inside) {
        memory_free(bytes);
        from->errors[STREAM_READ] = -ENOMEM;
        return eddy_fail(-ENOMEM, "no memory to keep %zu bytes that were read: they are lost",
                         splicing->inside);
    }
    from->buffer = bytes;
    from->begin = 0;
    from->end = from->capacity = have;
    return 0;
}

static ssize_t drain(struct splicing *splicing)
{
    while (splicing->inside) {
        ssize_t n = stream_send_by(splicing->to, drain_attempt, splicing);
        if (n < 0) {
            int r = give_back(splicing);
            return r < 0 ? r : n;
        }
        splicing->inside -= (size_t)n;
        splicing->moved += n;
    }
    return 1;
}

/* Positive: go on. 0: the end of `from`. */
static ssize_t splice_piece(struct splicing *splicing, size_t size)
{
    splicing->piece = size < PIECE ? size : PIECE;
    ssize_t n = stream_receive_by(splicing->from, fill_attempt, splicing, splicing->piece);
    if (n > 0) {
        splicing->inside = (size_t)n;
        n = drain(splicing);
    }
    if (n != -EINVAL)
        return n;
    splicing->copies = true;
    return 1;
}

/* ---- by a copy ---- */

static ssize_t copy_piece(struct splicing *splicing, size_t size)
{
    struct eddy_stream *from = splicing->from;
    ssize_t n = 1;
    if (!stream_leftover(from))
        n = stream_receive_more(from);
    if (n <= 0)
        return n;
    size_t most = stream_leftover(from) < size ? stream_leftover(from) : size;
    n = stream_send(splicing->to, from->buffer + from->begin, most);
    if (n > 0) {
        stream_leftover_drop(from, (size_t)n);
        splicing->moved += n;
    }
    return n;
}

/* ---- either ---- */

static int64_t splice_all(struct splicing *splicing)
{
    ssize_t n = 1;
    while (splicing->moved < splicing->size && n > 0) {
        size_t left = (size_t)(splicing->size - splicing->moved);
        if (splicing->copies || stream_leftover(splicing->from))
            n = copy_piece(splicing, left);
        else
            n = splice_piece(splicing, left);
    }
    pipe_close(splicing);
    if (n >= 0)
        return splicing->moved;
    splicing->to->partial[STREAM_WRITE] = (size_t)splicing->moved;
    return n;
}

int64_t eddy_splice(eddy_stream *from, eddy_stream *to, int64_t size)
{
    const char *call = "eddy_splice";
    int64_t moved = stream_enter(from, STREAM_READ, call);
    if (moved < 0)
        return moved;
    moved = stream_enter(to, STREAM_WRITE, call);
    if (moved == 0) {
        struct splicing splicing = {.from = from,
                                    .to = to,
                                    .size = size,
                                    .pipe = {-1, -1},
                                    .copies = !stream_is_nonblocking(from) ||
                                              !stream_is_nonblocking(to)};
        moved = size < 0 ? log_misuse(-EINVAL, call, "%lld bytes", (long long)size)
                         : splice_all(&splicing);
        stream_leave(to, STREAM_WRITE);
    }
    stream_leave(from, STREAM_READ);
    return moved;
}
