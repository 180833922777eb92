/* SPDX-License-Identifier: MIT */
/*
 * What can be asked of a simulated socket, and set: addresses and options. Of a descriptor of the
 * system beneath the system itself is asked.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include "test/sim_socket.h"

/* ---- addresses ---- */

void sim_address_give(const struct address *from, struct sockaddr *address, socklen_t *size)
{
    socklen_t part = *size < from->size ? *size : from->size;
    memcpy(address, &from->any, part);
    *size = from->size;
}

int sim_socket_local_address(struct engine *base, int number, struct sockaddr *address,
                             socklen_t *size)
{
    int r = 0;
    struct sim_socket *socket = sim_socket_find(base, number, &r);
    if (!socket)
        return sim_descriptor_is_real(number)
                   ? engine_socket_local_address(base, number, address, size)
                   : r;
    struct address local = socket->local;
    if (!local.size)
        (void)address_parse(socket->family == AF_INET ? "0.0.0.0" : "::", 0, &local);
    sim_address_give(&local, address, size);
    return 0;
}

int sim_socket_peer_address(struct engine *base, int number, struct sockaddr *address,
                            socklen_t *size)
{
    int r = 0;
    struct sim_socket *socket = sim_socket_find(base, number, &r);
    if (!socket)
        return sim_descriptor_is_real(number)
                   ? engine_socket_peer_address(base, number, address, size)
                   : r;
    if (socket->type == SOCK_DGRAM ? !socket->peer.size : socket->state != SOCKET_CONNECTED)
        return -ENOTCONN;
    sim_address_give(&socket->peer, address, size);
    return 0;
}

/* ---- options ---- */

static const struct {
    int level, option;
} known_options[OPTION_COUNT] = {
    [OPTION_REUSE_ADDRESS] = {SOL_SOCKET, SO_REUSEADDR},
    [OPTION_REUSE_PORT] = {SOL_SOCKET, SO_REUSEPORT},
    [OPTION_KEEP_ALIVE] = {SOL_SOCKET, SO_KEEPALIVE},
    [OPTION_KEEP_IDLE] = {IPPROTO_TCP, TCP_KEEPIDLE},
    [OPTION_KEEP_INTERVAL] = {IPPROTO_TCP, TCP_KEEPINTVL},
    [OPTION_KEEP_COUNT] = {IPPROTO_TCP, TCP_KEEPCNT},
    [OPTION_SEND_BUFFER] = {SOL_SOCKET, SO_SNDBUF},
    [OPTION_RECEIVE_BUFFER] = {SOL_SOCKET, SO_RCVBUF},
    [OPTION_NO_DELAY] = {IPPROTO_TCP, TCP_NODELAY},
    [OPTION_BROADCAST] = {SOL_SOCKET, SO_BROADCAST},
    [OPTION_ONLY_V6] = {IPPROTO_IPV6, IPV6_V6ONLY},
};

/* OPTION_COUNT: it isn't one of ours. */
static enum sim_option find_option(const struct sim_socket *socket, int level, int option)
{
    if (level == IPPROTO_IPV6 && socket->family != AF_INET6)
        return OPTION_COUNT;
    int found = 0;
    while (found < OPTION_COUNT &&
           (known_options[found].level != level || known_options[found].option != option))
        found++;
    return (enum sim_option)found;
}

int sim_socket_set_option(struct engine *base, int number, int level, int option, int value)
{
    int r = 0;
    struct sim_socket *socket = sim_socket_find(base, number, &r);
    if (!socket)
        return sim_descriptor_is_real(number)
                   ? engine_socket_set_option(base, number, level, option, value)
                   : r;
    enum sim_option found = find_option(socket, level, option);
    if (found == OPTION_COUNT)
        return -ENOPROTOOPT;
    if (found == OPTION_ONLY_V6 && (socket->local.size || !value))
        return -EINVAL; /* bound already; or it would be for IPv4, too, which there isn't here */
    socket->options[found] = value;
    return 0;
}

int sim_socket_get_option(struct engine *base, int number, int level, int option)
{
    int r = 0;
    struct sim_socket *socket = sim_socket_find(base, number, &r);
    if (!socket)
        return sim_descriptor_is_real(number)
                   ? engine_socket_get_option(base, number, level, option)
                   : r;
    if (level == SOL_SOCKET) {
        int error = socket->error;
        switch (option) {
        case SO_TYPE:
            return socket->type;
        case SO_ACCEPTCONN:
            return socket->state == SOCKET_LISTENING;
        case SO_ERROR:
            socket->error = 0;
            return -error;
        default:
            break;
        }
    }
    enum sim_option found = find_option(socket, level, option);
    return found == OPTION_COUNT ? -ENOPROTOOPT : socket->options[found];
}
