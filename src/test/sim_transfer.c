/* SPDX-License-Identifier: MIT */
/*
 * What simulated sockets and pipes send and receive: bytes of a stream, and messages with what
 * travels beside the bytes. Datagrams are in sim_datagram.c.
 */
#include <errno.h>
#include <limits.h>
#include "test/sim_socket.h"

/* Of a short one it is as if the rest had come, or room for it been made, only now: who made it
 * believes that there is none. */
size_t sim_socket_part(struct sim_socket *socket, size_t whole)
{
    const struct sim_connection *connection = socket->connection;
    double chance = connection ? connection->host->treatment.short_io : 0;
    size_t part = sim_shorten(socket->engine->sim, chance, whole);
    if (part < whole)
        sim_socket_edge(socket);
    return part;
}

void sim_socket_take(struct sim_socket *socket, void *buffer, size_t size,
                     struct sim_rights **ret_rights)
{
    sim_pieces_take(&socket->received, buffer, size, ret_rights);
    if (socket->connection)
        sim_way_received(&socket->connection->ways[!socket->side], size);
}

static ssize_t receive_part(struct engine *base, int number, void *buffer, size_t size,
                            struct sim_rights **ret_rights)
{
    int r = 0;
    struct sim_socket *socket = sim_stream_find(base, number, &r);
    if (!socket)
        return r;
    if (sim_socket_is_pipe(socket) && socket->side == 1)
        return -EBADF;
    if (socket->received.first && size) {
        size = sim_socket_part(socket, sim_pieces_extent(&socket->received, size));
        sim_socket_take(socket, buffer, size, ret_rights);
        return (ssize_t)size;
    }
    if (socket->read_ended)
        return 0;
    if (socket->error)
        return sim_socket_take_error(socket);
    if (socket->read_shut)
        return 0;
    if (socket->state == SOCKET_IDLE || socket->state == SOCKET_LISTENING)
        return sim_socket_is_local(socket) ? -EINVAL : -ENOTCONN;
    return size ? -EAGAIN : 0;
}

ssize_t sim_socket_receive(struct engine *base, int number, void *buffer, size_t size)
{
    return receive_part(base, number, buffer, size, NULL);
}

ssize_t sim_socket_send(struct engine *base, int number, const void *data, size_t size)
{
    int r = 0;
    struct sim_socket *socket = sim_stream_find(base, number, &r);
    if (!socket)
        return r;
    if (sim_socket_is_pipe(socket) && socket->side == 0)
        return -EBADF;
    if (socket->state == SOCKET_CONNECTING)
        return -EAGAIN;
    if (sim_socket_is_local(socket) && socket->state != SOCKET_CONNECTED && !socket->write_shut)
        return -ENOTCONN;
    if (socket->error && !sim_socket_is_local(socket)) /* there it is for who reads */
        return sim_socket_take_error(socket);
    if (socket->state != SOCKET_CONNECTED || socket->write_shut)
        return -EPIPE;
    struct sim_way *way = &socket->connection->ways[socket->side];
    size_t room = sim_way_room(way), part = size;
    bool at_once = sim_socket_is_pipe(socket) && size <= PIPE_BUF && sim_way_will_hold(way, size);
    if (part > room) {
        way->starved = true;
        part = at_once ? 0 : room;
    }
    if (!part)
        return size ? -EAGAIN : 0;
    return sim_way_send(way, data, at_once ? part : sim_socket_part(socket, part));
}

/* Both move the parts one after the other, until one isn't moved whole. */

ssize_t sim_socket_receive_message(struct engine *base, int number, struct msghdr *message)
{
    struct sim_rights *rights = NULL;
    ssize_t n = 0, moved = 0;
    for (size_t i = 0; i < message->msg_iovlen && !rights; i++) {
        const struct iovec *part = &message->msg_iov[i];
        n = part->iov_len ? receive_part(base, number, part->iov_base, part->iov_len, &rights) : 0;
        moved += n > 0 ? n : 0;
        if (n < (ssize_t)part->iov_len)
            break;
    }
    message->msg_namelen = 0;
    message->msg_flags = 0;
    sim_rights_give(sim_engine_of(base), rights, message);
    return moved ? moved : n;
}

static ssize_t send_parts(struct engine *base, int number, const struct msghdr *message)
{
    ssize_t n = 0, moved = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *part = &message->msg_iov[i];
        n = part->iov_len ? sim_socket_send(base, number, part->iov_base, part->iov_len) : 0;
        moved += n > 0 ? n : 0;
        if (n < (ssize_t)part->iov_len)
            break;
    }
    return moved ? moved : n;
}

/* Only over Unix sockets more than bytes can travel. */
ssize_t sim_socket_send_message(struct engine *base, int number, const struct msghdr *message)
{
    int r = 0;
    struct sim_rights *rights;
    if (!message->msg_control)
        return send_parts(base, number, message);
    struct sim_socket *socket = sim_socket_find(base, number, &r);
    if (socket && socket->family != AF_UNIX)
        r = -EINVAL;
    if (r == 0)
        r = sim_rights_make(sim_engine_of(base), message, &rights);
    if (r < 0)
        return r;
    struct sim_way *way = socket->connection ? &socket->connection->ways[socket->side] : NULL;
    if (way)
        way->rights = rights;
    ssize_t n = send_parts(base, number, message);
    if (!way || way->rights) { /* it didn't come to it */
        sim_rights_drop(rights);
        if (way)
            way->rights = NULL;
    }
    return n;
}

/* Files are read by operations here, which take their time. */
ssize_t sim_socket_send_file(struct engine *base, int number, int file, int64_t offset, size_t size)
{
    int r = -EINVAL;
    (void)file;
    (void)offset;
    (void)size;
    (void)sim_socket_find(base, number, &r);
    return r;
}
