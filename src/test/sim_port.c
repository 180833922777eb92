/* SPDX-License-Identifier: MIT */
/*
 * Ports: who may bind where, and who is there. Every address is one of this machine's.
 *
 * Two sockets are in each other's way if they have the same port and family, and the same address
 * or one of them every address; unless both have SO_REUSEPORT, or both SO_REUSEADDR and neither
 * listens. Ports aren't kept for a while after a connection has ended (TIME_WAIT).
 */
#include <errno.h>
#include <string.h>
#include "test/sim_socket.h"

/* Linux's range of ports for those who don't mind which. */
#define PORT_FIRST 32768
#define PORT_LAST 60999

static unsigned bucket_number(int port)
{
    return (unsigned)port % SIM_PORT_BUCKETS;
}

bool sim_port_is_every(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* The same family and port, and one of them stands for the other, too. */
static bool overlap(const struct address *one, const struct address *other)
{
    if (address_equal(one, other))
        return true;
    return one->any.sa_family == other->any.sa_family && address_port(one) == address_port(other) &&
           (sim_port_is_every(one) || sim_port_is_every(other));
}

static bool may_share(const struct sim_socket *one, const struct sim_socket *other)
{
    if (one->options[OPTION_REUSE_PORT] && other->options[OPTION_REUSE_PORT])
        return true;
    return one->options[OPTION_REUSE_ADDRESS] && other->options[OPTION_REUSE_ADDRESS] &&
           one->state != SOCKET_LISTENING && other->state != SOCKET_LISTENING;
}

static bool is_free(const struct sim_network *network, const struct sim_socket *socket,
                    const struct address *address)
{
    for (struct link *at = network->ports[bucket_number(address_port(address))].first; at;
         at = at->next) {
        const struct sim_socket *other = container_of(at, struct sim_socket, in_port);
        if (other != socket && other->type == socket->type && overlap(&other->local, address) &&
            !may_share(socket, other))
            return false;
    }
    return true;
}

/* Whether a connection from here to there could be told from all others. */
static bool is_free_to_connect(const struct sim_network *network, const struct address *local,
                               const struct address *peer)
{
    for (struct link *at = network->ports[bucket_number(address_port(local))].first; at;
         at = at->next) {
        const struct sim_socket *other = container_of(at, struct sim_socket, in_port);
        if (other->type == SOCK_STREAM && overlap(&other->local, local) &&
            (!other->peer.size || address_equal(&other->peer, peer)))
            return false;
    }
    return true;
}

static int next_port(struct sim_network *network)
{
    int port = network->next_port;
    network->next_port = port == PORT_LAST ? PORT_FIRST : port + 1;
    return port;
}

/* ---- binding ---- */

/* What Linux says of addresses that no machine can have. */
static int check_address(const struct address *address)
{
    if (address->any.sa_family == AF_INET6)
        return IN6_IS_ADDR_MULTICAST(&address->v6.sin6_addr) ? -EINVAL : 0;
    uint32_t number = ntohl(address->v4.sin_addr.s_addr);
    return IN_BADCLASS(number) && number != INADDR_BROADCAST ? -EADDRNOTAVAIL : 0;
}

int sim_port_bind(struct sim_network *network, struct sim_socket *socket,
                  const struct address *address)
{
    struct address local = *address;
    int r = check_address(&local);
    if (r < 0)
        return r;
    bool any_port = address_port(&local) == 0;
    for (int tries = PORT_LAST - PORT_FIRST + 1; tries; tries--) {
        if (any_port)
            address_set_port(&local, next_port(network));
        if (is_free(network, socket, &local)) {
            socket->local = local;
            sim_port_file(network, socket);
            return 0;
        }
        if (!any_port)
            break;
    }
    return -EADDRINUSE;
}

int sim_port_listen(struct sim_network *network, struct sim_socket *socket)
{
    struct list *listeners = &network->listeners[bucket_number(address_port(&socket->local))];
    for (struct link *at = listeners->first; at; at = at->next) {
        const struct sim_socket *other = container_of(at, struct sim_socket, in_listeners);
        if (overlap(&other->local, &socket->local) &&
            !(socket->options[OPTION_REUSE_PORT] && other->options[OPTION_REUSE_PORT]))
            return -EADDRINUSE;
    }
    list_append(listeners, &socket->in_listeners);
    return 0;
}

void sim_port_listen_end(struct sim_network *network, struct sim_socket *socket)
{
    list_remove(&network->listeners[bucket_number(address_port(&socket->local))],
                &socket->in_listeners);
}

/* Which address a machine takes to talk to one of its own: that one; but 127.0.0.1 for all that
 * begin with 127. */
struct address sim_port_source(const struct address *peer)
{
    struct address source = *peer;
    if (peer->any.sa_family == AF_INET && ntohl(peer->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
        source.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return source;
}

int sim_port_take(struct sim_network *network, struct sim_socket *socket,
                  const struct address *peer)
{
    struct address local = sim_port_source(peer);
    if (socket->local.size) {
        if (sim_port_is_every(&socket->local)) { /* bound to a port alone */
            address_set_port(&local, address_port(&socket->local));
            socket->local = local;
        }
        return 0;
    }
    for (int tries = PORT_LAST - PORT_FIRST + 1; tries; tries--) {
        address_set_port(&local, next_port(network));
        /* Never its own peer: TCP would connect it to itself. */
        if (address_equal(&local, peer) || !is_free_to_connect(network, &local, peer))
            continue;
        socket->local = local;
        sim_port_file(network, socket);
        return 0;
    }
    return -EADDRNOTAVAIL;
}

/* ---- who is there ---- */

void sim_port_file(struct sim_network *network, struct sim_socket *socket)
{
    list_append(&network->ports[bucket_number(address_port(&socket->local))], &socket->in_port);
}

void sim_port_release(struct sim_network *network, struct sim_socket *socket)
{
    if (socket->local.size)
        list_remove(&network->ports[bucket_number(address_port(&socket->local))], &socket->in_port);
    socket->local.size = 0;
}

/* The nth of those who listen exactly there, or on every address; NULL: there are no more. */
static struct sim_socket *nth_listener(struct sim_network *network, const struct address *address,
                                       bool exactly, uint32_t nth)
{
    struct list *listeners = &network->listeners[bucket_number(address_port(address))];
    for (struct link *at = listeners->first; at; at = at->next) {
        struct sim_socket *socket = container_of(at, struct sim_socket, in_listeners);
        if (overlap(&socket->local, address) && address_equal(&socket->local, address) == exactly &&
            nth-- == 0)
            return socket;
    }
    return NULL;
}

struct sim_socket *sim_port_listener(struct sim_network *network, const struct address *address)
{
    bool exactly = nth_listener(network, address, true, 0) != NULL;
    uint32_t count = 0;
    while (nth_listener(network, address, exactly, count))
        count++;
    if (!count)
        return NULL;
    uint32_t nth = choose(&network->engine->sim->choices, count);
    return nth_listener(network, address, exactly, nth);
}

/* How well a socket suits a datagram; 0: not at all. */
static int suits(const struct sim_socket *socket, const struct address *from,
                 const struct address *to)
{
    if (socket->type != SOCK_DGRAM || !overlap(&socket->local, to))
        return 0;
    if (socket->peer.size)
        return address_equal(&socket->peer, from) ? 3 : 0;
    return address_equal(&socket->local, to) ? 2 : 1;
}

/* The nth of those that suit it so well. */
static struct sim_socket *nth_suitable(struct sim_network *network, const struct address *from,
                                       const struct address *to, int well, uint32_t nth)
{
    for (struct link *at = network->ports[bucket_number(address_port(to))].first; at;
         at = at->next) {
        struct sim_socket *socket = container_of(at, struct sim_socket, in_port);
        if (suits(socket, from, to) == well && nth-- == 0)
            return socket;
    }
    return NULL;
}

struct sim_socket *sim_port_datagrams(struct sim_network *network, const struct address *from,
                                      const struct address *to)
{
    int well = 3;
    uint32_t count = 0;
    while (well && !nth_suitable(network, from, to, well, 0))
        well--;
    if (!well)
        return NULL;
    while (nth_suitable(network, from, to, well, count))
        count++;
    return nth_suitable(network, from, to, well, choose(&network->engine->sim->choices, count));
}
