/* SPDX-License-Identifier: MIT */
/*
 * Files to streams: sendfile for what is in memory already, a copy for what isn't.
 *
 * sendfile would wait for the disk, and the loop with it. So the first and the last byte of a piece
 * are asked for first, which costs little beside the piece: if either isn't in memory, the file is
 * read as files are read, by ring or pool. The same goes for streams of layers, for blocking
 * sockets, and for files and descriptors that know no sendfile.
 */
#include "eddy/file.h"
#include "file.h"
#include "log.h"
#include "memory.h"
#include "stream.h"

enum {
    PIECE = 256 << 10,
    COPY_PIECE = 64 << 10,
};

struct transfer {
    struct eddy_stream *stream;
    struct eddy_file *file;
    int64_t offset; /* of what is to be sent next */
    size_t sent, size;
    bool copies; /* sendfile isn't for these two */
    char *buffer;
};

static bool is_in_memory(const struct transfer *transfer, int64_t offset)
{
    struct engine *engine = transfer->stream->loop->engine;
    char byte;
    return engine->call->read_now(engine, transfer->file->descriptor, &byte, 1, offset) >= 0;
}

struct piece {
    int file;
    int64_t offset;
    size_t size;
};

/* A bad disk, an offset beyond what the file system can have: the stream is none the worse for it.
 * A copy tells whose it is. */
static bool may_be_the_files(ssize_t code)
{
    return code == -EIO || code == -EOVERFLOW || code == -ESTALE;
}

static ssize_t send_file_attempt(struct eddy_stream *stream, void *argument)
{
    const struct piece *piece = argument;
    struct engine *engine = stream->loop->engine;
    ssize_t n = engine->call->send_file(engine, stream->watch.descriptor, piece->file,
                                        piece->offset, piece->size);
    return may_be_the_files(n) ? -EINVAL : n;
}

static ssize_t copy_piece(struct transfer *transfer, size_t size)
{
    if (!transfer->buffer && !(transfer->buffer = memory_allocate(COPY_PIECE)))
        return eddy_fail(-ENOMEM, "no memory to send a file");
    ssize_t n = file_read_at(transfer->file, transfer->buffer,
                             size < COPY_PIECE ? size : COPY_PIECE, transfer->offset);
    if (n <= 0)
        return n;
    size_t sent;
    ssize_t r = stream_send_all(transfer->stream, transfer->buffer, (size_t)n, &sent);
    if (r < 0)
        transfer->sent += sent;
    return r;
}

/* How much went out, 0 at the end of the file. */
static ssize_t send_piece(struct transfer *transfer, size_t size)
{
    size_t most = size < PIECE ? size : PIECE;
    if (!transfer->copies && is_in_memory(transfer, transfer->offset) &&
        is_in_memory(transfer, transfer->offset + (int64_t)most - 1)) {
        struct piece piece = {transfer->file->descriptor, transfer->offset, most};
        ssize_t n = stream_send_by(transfer->stream, send_file_attempt, &piece);
        if (n != -EINVAL)
            return n;
        transfer->copies = true;
    }
    return copy_piece(transfer, size);
}

static ssize_t send_file(struct transfer *transfer)
{
    ssize_t n = 0;
    while (transfer->sent < transfer->size) {
        n = send_piece(transfer, transfer->size - transfer->sent);
        if (n <= 0)
            break;
        transfer->sent += (size_t)n;
        transfer->offset += n;
    }
    memory_free(transfer->buffer);
    return n < 0 ? stream_fail_partly(transfer->stream, n, transfer->sent, transfer->size)
                 : (ssize_t)transfer->sent;
}

ssize_t eddy_sendfile(eddy_stream *stream, eddy_file *file, uint64_t offset, size_t size)
{
    const char *call = "eddy_sendfile";
    int r = stream_enter(stream, STREAM_WRITE, call);
    if (r < 0)
        return r;
    ssize_t sent = 0;
    if (offset > INT64_MAX)
        sent = log_misuse(-EINVAL, call, "an offset beyond INT64_MAX");
    else
        sent = file_enter(file, call, file, 0);
    if (sent == 0) {
        uint64_t room = (uint64_t)INT64_MAX - offset;
        struct transfer transfer = {.stream = stream,
                                    .file = file,
                                    .offset = (int64_t)offset,
                                    .size = size < room ? size : (size_t)room,
                                    .copies = !stream_is_nonblocking(stream)};
        sent = send_file(&transfer);
        file_leave(file);
    }
    stream_leave(stream, STREAM_WRITE);
    return sent;
}
