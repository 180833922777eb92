/* SPDX-License-Identifier: MIT */
/*
 * Sockets: from the call that makes one to the one that closes it. What they send and receive is in
 * sim_transfer.c, options and addresses are in sim_option.c.
 */
#include "test/sim_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "test/sim_datagram.h"

/* Linux's net.core.somaxconn. */
#define BACKLOG_MAX 4096

/* ---- life ---- */

struct sim_socket *sim_socket_create(struct sim_engine *engine, int family)
{
    struct sim_socket *socket = calloc(1, sizeof *socket);
    if (!socket)
        return NULL;
    socket->engine = engine;
    socket->family = family;
    socket->type = SOCK_STREAM;
    socket->references = 1;
    return socket;
}

static int give_number(struct sim_engine *engine, enum sim_descriptor_kind kind,
                       struct sim_socket *socket)
{
    int number = sim_descriptor_take(&engine->descriptors, kind, socket);
    engine->sim->descriptors = engine->descriptors.open;
    return number;
}

int sim_socket_open(struct engine *base, int family, int type, int protocol)
{
    struct sim_engine *engine = sim_engine_of(base);
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
        return -EAFNOSUPPORT;
    type &= ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    int expected = family == AF_UNIX ? PF_UNIX : type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    if (protocol && protocol != expected)
        return -EPROTONOSUPPORT;
    struct sim_socket *socket = sim_socket_create(engine, family);
    if (!socket)
        return -ENOMEM;
    socket->type = type;
    int number = give_number(engine, SIM_SOCKET, socket);
    if (number < 0)
        free(socket);
    return number;
}

struct sim_socket *sim_socket_find(struct engine *base, int number, int *code)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct sim_descriptor descriptor = sim_descriptor_get(&engine->descriptors, number);
    if (descriptor.kind == SIM_SOCKET)
        return descriptor.what;
    *code = descriptor.kind == SIM_NOTHING ? -EBADF : -ENOTSOCK;
    return NULL;
}

struct sim_socket *sim_stream_find(struct engine *base, int number, int *code)
{
    struct sim_engine *engine = sim_engine_of(base);
    struct sim_descriptor descriptor = sim_descriptor_get(&engine->descriptors, number);
    if (descriptor.kind == SIM_SOCKET || descriptor.kind == SIM_PIPE)
        return descriptor.what;
    bool open = descriptor.kind == SIM_FILE || sim_descriptor_is_real(number);
    *code = open ? -EPERM : -EBADF;
    return NULL;
}

/* Leaves its connection, with a reset if there is data that nobody will read. */
static void socket_leave(struct sim_socket *socket, bool reset)
{
    struct sim_connection *connection = socket->connection;
    socket->connection = NULL;
    if (connection)
        sim_connection_leave(connection, socket->side, reset || socket->received.first);
}

static void socket_free(struct sim_socket *socket)
{
    sim_watches_end(socket->engine, &socket->watches, -1);
    sim_pieces_free(&socket->received);
    sim_datagrams_free(&socket->arrived, NULL);
    sim_port_release(socket->engine->sim->network, socket);
    sim_unix_release(socket);
    free(socket);
}

/* What nobody accepted is reset. */
static void listener_stop(struct sim_socket *listener)
{
    struct sim_socket *socket;
    while ((socket = listener->queue_first)) {
        listener->queue_first = socket->next;
        socket_leave(socket, true);
        socket_free(socket);
    }
    listener->queue_last = NULL;
    listener->queued = 0;
    if (!sim_socket_is_local(listener))
        sim_port_listen_end(listener->engine->sim->network, listener);
    listener->state = SOCKET_IDLE;
}

void sim_socket_close(struct sim_socket *socket)
{
    if (--socket->references > 0)
        return;
    if (socket->state == SOCKET_LISTENING)
        listener_stop(socket);
    socket_leave(socket, false);
    socket_free(socket);
}

int sim_socket_join(struct sim_engine *engine, int family, enum sim_descriptor_kind kind,
                    int ends[2])
{
    struct sim_socket *sockets[2];
    int numbers[2] = {-1, -1}, r = 0;
    for (int i = 0; i < 2; i++) {
        sockets[i] = sim_socket_create(engine, family);
        numbers[i] = sockets[i] ? give_number(engine, kind, sockets[i]) : -ENOMEM;
        if (numbers[i] < 0)
            r = numbers[i];
    }
    if (r == 0)
        r = sim_connection_join(sockets[0], sockets[1]);
    for (int i = 0; i < 2; i++) {
        if (r == 0)
            ends[i] = numbers[i];
        else if (numbers[i] >= 0)
            (void)engine->base.call->close(&engine->base, numbers[i]);
        else
            free(sockets[i]);
    }
    return r;
}

int sim_socket_pair(struct engine *base, int ends[2])
{
    return sim_socket_join(sim_engine_of(base), AF_UNIX, SIM_SOCKET, ends);
}

/* ---- what the network does ---- */

void sim_socket_fail(struct sim_socket *socket, int error)
{
    if (socket->state == SOCKET_CONNECTED) {
        socket->read_shut = true;
        socket->write_shut = true;
    }
    if (socket->state == SOCKET_CONNECTING)
        socket->peer.size = 0;
    socket->state = SOCKET_IDLE;
    socket->error = error;
    sim_socket_edge(socket);
}

static unsigned ready_when_connected(const struct sim_socket *socket)
{
    unsigned what = 0;
    bool ended = socket->read_ended || socket->read_shut;
    if (socket->received.first || ended)
        what |= READY_READ;
    if (ended)
        what |= READY_HANGUP;
    bool never_writes = sim_socket_is_pipe(socket) && socket->side == 0;
    if (socket->write_shut ||
        (!never_writes && sim_way_is_writable(&socket->connection->ways[socket->side])))
        what |= READY_WRITE;
    return what;
}

unsigned sim_socket_ready(const struct sim_socket *socket)
{
    if (socket->type == SOCK_DGRAM)
        return socket->arrived.first || socket->error ? READY_READ | READY_WRITE : READY_WRITE;
    switch (socket->state) {
    case SOCKET_CONNECTING:
        return 0;
    case SOCKET_LISTENING:
        return socket->queue_first ? READY_READ : 0;
    case SOCKET_CONNECTED:
        return ready_when_connected(socket);
    case SOCKET_IDLE:
        break;
    }
    return READY_READ | READY_WRITE | READY_HANGUP;
}

/* ---- names of one's own and of others ---- */

int sim_socket_take_address(const struct sim_socket *socket, const struct sockaddr *address,
                            socklen_t size, struct address *ret_address)
{
    socklen_t needed = socket->family == AF_INET ? sizeof(ret_address->v4)
                                                 : sizeof(ret_address->v6);
    if (size < needed)
        return -EINVAL;
    if (address->sa_family != socket->family)
        return -EAFNOSUPPORT;
    ret_address->size = needed;
    memcpy(&ret_address->any, address, needed);
    return 0;
}

int sim_socket_bind(struct engine *base, int number, const struct sockaddr *address, socklen_t size)
{
    int r = 0;
    struct address local;
    struct sim_socket *socket = sim_socket_find(base, number, &r);
    if (!socket)
        return r;
    if (socket->family == AF_UNIX)
        return sim_unix_bind(socket, address, size);
    r = sim_socket_take_address(socket, address, size, &local);
    if (r == 0 && (socket->local.size || socket->state != SOCKET_IDLE))
        r = -EINVAL;
    return r < 0 ? r : sim_port_bind(socket->engine->sim->network, socket, &local);
}

static int listen_begin(struct sim_socket *socket)
{
    struct sim_network *network = socket->engine->sim->network;
    struct address every = {.size = 0};
    if (socket->state != SOCKET_IDLE)
        return -EINVAL;
    if (socket->family == AF_UNIX)
        return socket->name.size ? 0 : -EINVAL;
    (void)address_parse(socket->family == AF_INET ? "0.0.0.0" : "::", 0, &every);
    int r = socket->local.size ? 0 : sim_port_bind(network, socket, &every);
    return r < 0 ? r : sim_port_listen(network, socket);
}

int sim_socket_listen(struct engine *base, int number, int backlog)
{
    int r = 0;
    struct sim_socket *socket = sim_socket_find(base, number, &r);
    if (!socket)
        return r;
    if (socket->type == SOCK_DGRAM)
        return -EOPNOTSUPP;
    if (socket->state != SOCKET_LISTENING) {
        r = listen_begin(socket);
        if (r < 0)
            return r;
        socket->state = SOCKET_LISTENING;
    }
    socket->backlog = backlog < 0 || backlog > BACKLOG_MAX ? BACKLOG_MAX : (size_t)backlog;
    return 0;
}

/* ---- connecting ---- */

/* This machine itself for "every address"; nobody can be many. */
int sim_socket_check_peer(struct address *peer)
{
    if (peer->any.sa_family == AF_INET6) {
        if (IN6_IS_ADDR_UNSPECIFIED(&peer->v6.sin6_addr))
            peer->v6.sin6_addr = in6addr_loopback;
        return IN6_IS_ADDR_MULTICAST(&peer->v6.sin6_addr) ? -ENETUNREACH : 0;
    }
    if (peer->v4.sin_addr.s_addr == htonl(INADDR_ANY))
        peer->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    uint32_t number = ntohl(peer->v4.sin_addr.s_addr);
    return IN_MULTICAST(number) || IN_BADCLASS(number) ? -ENETUNREACH : 0;
}

static int connect_begin(struct sim_socket *socket, const struct sockaddr *address, socklen_t size)
{
    struct address peer;
    int r = sim_socket_take_address(socket, address, size, &peer);
    if (r == 0)
        r = sim_socket_check_peer(&peer);
    if (r == 0 && socket->type == SOCK_DGRAM)
        return sim_datagram_connect(socket, &peer);
    if (r == 0)
        r = sim_port_take(socket->engine->sim->network, socket, &peer);
    if (r < 0)
        return r;
    socket->peer = peer;
    socket->read_shut = socket->write_shut = socket->read_ended = socket->connect_told = false;
    r = sim_connection_begin(socket);
    if (r < 0)
        socket->peer.size = 0;
    return r < 0 ? r : -EINPROGRESS;
}

int sim_socket_take_error(struct sim_socket *socket)
{
    int error = socket->error;
    socket->error = 0;
    return error;
}

/* Connected to nobody: at once, and the peer hears of a reset. */
static int disconnect(struct sim_socket *socket)
{
    if (socket->type == SOCK_DGRAM) {
        sim_datagram_disconnect(socket);
        return 0;
    }
    if (socket->state == SOCKET_LISTENING)
        return -EINVAL;
    socket_leave(socket, true);
    sim_pieces_free(&socket->received);
    sim_socket_fail(socket, 0);
    return 0;
}

int sim_socket_connect(struct engine *base, int number, const struct sockaddr *address,
                       socklen_t size)
{
    int r = 0;
    struct sim_socket *socket = sim_socket_find(base, number, &r);
    if (!socket)
        return r;
    if (socket->family == AF_UNIX)
        return sim_unix_connect(socket, address, size);
    bool told = socket->connect_told;
    if (size >= sizeof address->sa_family && address->sa_family == AF_UNSPEC)
        return disconnect(socket);
    switch (socket->state) {
    case SOCKET_CONNECTING:
        return -EALREADY;
    case SOCKET_LISTENING:
        return -EISCONN;
    case SOCKET_CONNECTED:
        socket->connect_told = true;
        return told ? -EISCONN : 0;
    case SOCKET_IDLE:
        break;
    }
    if (socket->error)
        return sim_socket_take_error(socket);
    return connect_begin(socket, address, size);
}

void sim_socket_offer(struct sim_socket *listener, struct sim_socket *made)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        made->options[i] = listener->options[i];
    if (listener->queue_last)
        listener->queue_last->next = made;
    else
        listener->queue_first = made;
    listener->queue_last = made;
    listener->queued++;
    sim_socket_edge(listener);
}

int sim_socket_accept(struct engine *base, int number, struct sockaddr *address, socklen_t *size)
{
    int r = 0;
    struct sim_socket *listener = sim_socket_find(base, number, &r);
    if (!listener)
        return r;
    if (listener->state != SOCKET_LISTENING)
        return -EINVAL;
    struct sim_socket *socket = listener->queue_first;
    if (!socket)
        return -EAGAIN;
    r = give_number(listener->engine, SIM_SOCKET, socket);
    if (r < 0)
        return r;
    listener->queue_first = socket->next;
    if (!socket->next)
        listener->queue_last = NULL;
    listener->queued--;
    socket->next = NULL;
    socket->connect_told = true;
    if (address)
        sim_socket_give_peer(socket, address, size);
    return r;
}

/* ---- shutting down ---- */

int sim_socket_shutdown(struct engine *base, int number, int how)
{
    int r = 0;
    struct sim_socket *socket = sim_socket_find(base, number, &r);
    if (!socket)
        return r;
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    bool reading = how != SHUT_WR, writing = how != SHUT_RD;
    switch (socket->state) {
    case SOCKET_IDLE:
        return sim_socket_is_local(socket) ? 0 : -ENOTCONN;
    case SOCKET_LISTENING:
        if (reading)
            listener_stop(socket);
        break;
    case SOCKET_CONNECTING:
        socket_leave(socket, false);
        sim_socket_fail(socket, 0);
        break;
    case SOCKET_CONNECTED:
        socket->read_shut |= reading;
        socket->write_shut |= writing;
        if (writing)
            sim_way_end(&socket->connection->ways[socket->side]);
        if (reading)
            sim_connection_stop_reading(socket->connection, socket->side);
        break;
    }
    sim_socket_edge(socket);
    return 0;
}
