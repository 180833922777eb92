/* SPDX-License-Identifier: MIT */
/*
 * Simulated pipes: two ends joined as two sockets are, of which one only writes and the other one
 * only reads; and what splice(2) does with them. What a whole write of no more than PIPE_BUF bytes
 * finds no room for waits.
 */
#include <errno.h>
#include <stdlib.h>
#include "test/sim_socket.h"

/* What a splice moves at most: bytes are copied here. */
#define PIECE ((size_t)65536)

int sim_pipe(struct engine *base, int ends[2])
{
    return sim_socket_join(sim_engine_of(base), AF_UNSPEC, SIM_PIPE, ends);
}

/* ---- splice ---- */

/* The end of a pipe, of that side; or NULL with -EBADF, -EINVAL. */
static struct sim_socket *find_end(struct engine *base, int number, unsigned side, int *code)
{
    struct sim_socket *end = sim_stream_find(base, number, code);
    if (end && sim_socket_is_pipe(end) && end->side == side)
        return end;
    *code = end && sim_socket_is_pipe(end) ? -EBADF : -EINVAL;
    return NULL;
}

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

ssize_t sim_pipe_fill(struct engine *base, int number, int pipe, size_t size)
{
    char nothing;
    int r = 0;
    struct sim_socket *from = sim_stream_find(base, number, &r);
    if (!from)
        return r == -EPERM ? -EINVAL : r;
    struct sim_socket *into = find_end(base, pipe, 1, &r);
    if (!into)
        return r;
    if (into->write_shut)
        return -EPIPE;
    struct sim_way *way = &into->connection->ways[1];
    size_t part = least(least(size, PIECE),
                        least(sim_way_room(way), sim_pieces_extent(&from->received, PIECE)));
    if (!part)
        return sim_way_room(way) && size ? sim_socket_receive(base, number, &nothing, 1) : -EAGAIN;
    part = sim_socket_part(from, part);
    char *bytes = malloc(part);
    if (!bytes)
        return -ENOMEM;
    sim_pieces_look(&from->received, bytes, part);
    ssize_t n = sim_way_send(way, bytes, part);
    if (n > 0)
        sim_socket_take(from, bytes, (size_t)n, NULL);
    free(bytes);
    return n;
}

ssize_t sim_pipe_drain(struct engine *base, int pipe, int number, size_t size)
{
    int r = 0;
    struct sim_socket *from = find_end(base, pipe, 0, &r);
    if (!from)
        return r;
    size_t part = least(least(size, PIECE), from->received.size);
    if (!part)
        return from->read_ended || !size ? 0 : -EAGAIN;
    char *bytes = malloc(part);
    if (!bytes)
        return -ENOMEM;
    sim_pieces_look(&from->received, bytes, part);
    ssize_t n = sim_socket_send(base, number, bytes, part);
    if (n > 0)
        sim_socket_take(from, bytes, (size_t)n, NULL);
    free(bytes);
    return n == -EPERM ? -EINVAL : n;
}
