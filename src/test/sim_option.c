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

static void give(const void *bytes, socklen_t have, struct sockaddr *address, socklen_t *size)
{
    memcpy(address, bytes, *size < have ? *size : have);
    *size = have;
}

void sim_address_give(const struct address *from, struct sockaddr *address, socklen_t *size)
{
    give(&from->any, from->size, address, size);
}

/* Of a socket without a name there is the family. */
static void give_name(const struct sim_unix_name *name, struct sockaddr *address, socklen_t *size)
{
    static const struct sockaddr_un nobody = {.sun_family = AF_UNIX};
    give(name->size ? &name->address : &nobody, name->size ? name->size : sizeof nobody.sun_family,
         address, size);
}

void sim_socket_give_local(const struct sim_socket *socket, struct sockaddr *address,
                           socklen_t *size)
{
    struct address local = socket->local;
    if (socket->family == AF_UNIX) {
        give_name(&socket->name, address, size);
        return;
    }
    if (!local.size)
        (void)address_parse(socket->family == AF_INET ? "0.0.0.0" : "::", 0, &local);
    sim_address_give(&local, address, size);
}

void sim_socket_give_peer(const struct sim_socket *socket, struct sockaddr *address,
                          socklen_t *size)
{
    if (socket->family == AF_UNIX)
        give_name(&socket->peer_name, address, size);
    else
        sim_address_give(&socket->peer, address, size);
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
    sim_socket_give_local(socket, address, size);
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
    sim_socket_give_peer(socket, address, size);
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
    if ((level == IPPROTO_IPV6 && socket->family != AF_INET6) ||
        (level == IPPROTO_TCP && socket->family == AF_UNIX))
        return OPTION_COUNT;
    int found = 0;
    while (found < OPTION_COUNT &&
           (known_options[found].level != level || known_options[found].option != option))
        found++;
    return (enum sim_option)found;
}

static int missing_option(const struct sim_socket *socket, int level)
{
    return socket->family == AF_UNIX && level != SOL_SOCKET ? -EOPNOTSUPP : -ENOPROTOOPT;
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
        return missing_option(socket, level);
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
        case SO_DOMAIN:
            return socket->family;
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
    return found == OPTION_COUNT ? missing_option(socket, level) : socket->options[found];
}
