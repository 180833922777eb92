/* SPDX-License-Identifier: MIT */
/*
 * Simulated datagrams: each travels alone, so that one overtakes the other; some are lost, some
 * arrive twice, as the link of the host that they go to has it. What finds no room there is
 * dropped.
 *
 *      send --> flight, with a timer of its own --> the socket at that address: arrived
 *                                               --> nobody: the sender, if connected, hears of it
 */
#include "test/sim_datagram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "blocking.h"

#define DATAGRAM_MOST 65507
#define BUFFER_DEFAULT 65536

/* What the system takes for the keeping of each, so that empty ones fill a buffer, too. */
#define OVERHEAD 64

struct sim_datagram {
    struct link link; /* in the network's datagrams, then in those that arrived at a socket */
    struct timer timer;
    struct sim_engine *engine;
    struct address from, to;
    size_t size;
    char data[];
};

static struct sim *sim_of(const struct sim_socket *socket)
{
    return socket->engine->sim;
}

/* ---- addresses ---- */

/* A socket that sends without a name gets a port on every address, as on Linux. */
static int bind_if_needed(struct sim_socket *socket)
{
    struct address every;
    if (socket->local.size)
        return 0;
    (void)address_parse(socket->family == AF_INET ? "0.0.0.0" : "::", 0, &every);
    return sim_port_bind(sim_of(socket)->network, socket, &every);
}

int sim_datagram_connect(struct sim_socket *socket, const struct address *peer)
{
    struct address local = sim_port_source(peer);
    int r = 0;
    if (!socket->local.size) {
        address_set_port(&local, 0);
        r = sim_port_bind(sim_of(socket)->network, socket, &local);
    } else if (sim_port_is_every(&socket->local)) {
        address_set_port(&local, address_port(&socket->local));
        socket->local = local;
    }
    if (r == 0)
        socket->peer = *peer;
    return r;
}

void sim_datagram_disconnect(struct sim_socket *socket)
{
    socket->peer.size = 0;
}

/* ---- under way ---- */

static void refuse(struct sim_network *network, const struct sim_datagram *datagram)
{
    struct sim_socket *sender = sim_port_datagrams(network, &datagram->to, &datagram->from);
    if (!sender || !sender->peer.size)
        return;
    sender->error = -ECONNREFUSED;
    sim_socket_edge(sender);
}

static size_t buffer_of(const struct sim_network *network, const struct address *to)
{
    size_t buffer = network->engine->sim->options.link.buffer;
    struct address host = *to;
    address_set_port(&host, 0);
    for (struct link *link = network->hosts.first; link; link = link->next) {
        const struct sim_host *known = container_of(link, struct sim_host, link);
        if (address_equal(&known->address, &host))
            buffer = known->treatment.buffer;
    }
    return buffer ? buffer : BUFFER_DEFAULT;
}

static void arrive(struct timer *timer)
{
    struct sim_datagram *datagram = container_of(timer, struct sim_datagram, timer);
    struct sim *sim = datagram->engine->sim;
    struct sim_network *network = sim->network;
    sim_timer_fired(sim);
    sim_note(sim, SIM_EVENT_DATA, datagram->size);
    list_remove(&network->datagrams, &datagram->link);
    struct sim_socket *socket = sim_port_datagrams(network, &datagram->from, &datagram->to);
    if (!socket)
        refuse(network, datagram);
    if (!socket ||
        socket->arrived_size + datagram->size + OVERHEAD > buffer_of(network, &datagram->to)) {
        free(datagram);
    } else {
        socket->arrived_size += datagram->size + OVERHEAD;
        list_append(&socket->arrived, &datagram->link);
        sim_socket_edge(socket);
    }
    (void)sim_tell_edges(network->engine);
}

static void fly(struct sim_datagram *datagram, const struct eddy_sim_link *link)
{
    struct sim *sim = datagram->engine->sim;
    timer_init(&datagram->timer, arrive);
    list_append(&sim->network->datagrams, &datagram->link);
    sim_timer_set(sim, &datagram->timer,
                  time_add(loop_now(sim->loop),
                           choose_delay(&sim->choices, link->delay_min, link->delay_max)));
}

void sim_datagrams_free(struct list *datagrams, struct sim *sim)
{
    struct link *link;
    while ((link = list_take_first(datagrams))) {
        struct sim_datagram *datagram = container_of(link, struct sim_datagram, link);
        if (sim)
            sim_timer_cancel(sim, &datagram->timer);
        free(datagram);
    }
}

/* ---- sending ---- */

static struct sim_datagram *datagram_make(struct sim_socket *socket, const struct address *to,
                                          const struct msghdr *header, size_t size)
{
    struct sim_datagram *made = calloc(1, sizeof *made + size);
    if (!made)
        return NULL;
    made->engine = socket->engine;
    made->to = *to;
    made->from = socket->local;
    if (sim_port_is_every(&made->from)) {
        made->from = sim_port_source(to);
        address_set_port(&made->from, address_port(&socket->local));
    }
    for (size_t i = 0; i < header->msg_iovlen; i++) {
        const struct iovec *piece = &header->msg_iov[i];
        if (piece->iov_len)
            memcpy(made->data + made->size, piece->iov_base, piece->iov_len);
        made->size += piece->iov_len;
    }
    return made;
}

static size_t size_of(const struct msghdr *header)
{
    size_t size = 0;
    for (size_t i = 0; i < header->msg_iovlen; i++)
        size += header->msg_iov[i].iov_len;
    return size;
}

static int destination(const struct sim_socket *socket, const struct msghdr *header,
                       struct address *ret_to)
{
    *ret_to = socket->peer;
    if (!header->msg_name)
        return socket->peer.size ? 0 : -EDESTADDRREQ;
    int r = sim_socket_take_address(socket, header->msg_name, header->msg_namelen, ret_to);
    if (r == 0 && socket->family == AF_INET &&
        ret_to->v4.sin_addr.s_addr == htonl(INADDR_BROADCAST))
        return socket->options[OPTION_BROADCAST] ? 0 : -EACCES;
    return r < 0 ? r : sim_socket_check_peer(ret_to);
}

static int send_one(struct sim_socket *socket, const struct msghdr *header)
{
    struct choices *choices = &sim_of(socket)->choices;
    struct address to;
    size_t size = size_of(header);
    if (socket->error)
        return sim_socket_take_error(socket);
    int r = destination(socket, header, &to);
    if (r == 0 && size > DATAGRAM_MOST)
        r = -EMSGSIZE;
    if (r == 0)
        r = bind_if_needed(socket);
    if (r < 0)
        return r;
    const struct sim_host *host = sim_host_get(sim_of(socket)->network, &to);
    if (!host)
        return -ENOBUFS;
    const struct eddy_sim_link *link = &host->treatment;
    if (link->black_hole || link->cut || choose_chance(choices, link->loss))
        return 0;
    for (int copies = choose_chance(choices, link->duplicate) ? 2 : 1; copies; copies--) {
        struct sim_datagram *datagram = datagram_make(socket, &to, header, size);
        if (!datagram)
            return -ENOBUFS;
        fly(datagram, link);
    }
    return 0;
}

/* NULL, and why, if it is none. */
static struct sim_socket *datagram_socket(struct engine *base, int number, int *code)
{
    struct sim_socket *socket = sim_socket_find(base, number, code);
    if (!socket && sim_descriptor_is_real(number))
        *code = -EPERM;
    if (!socket || (socket->type == SOCK_DGRAM && socket->family != AF_UNIX))
        return socket;
    *code = -EOPNOTSUPP;
    return NULL;
}

int sim_datagram_send(struct engine *base, int number, struct mmsghdr *messages, unsigned count)
{
    int r = 0;
    struct sim_socket *socket = datagram_socket(base, number, &r);
    if (!socket)
        return r;
    unsigned sent = 0;
    while (sent < count && (r = send_one(socket, &messages[sent].msg_hdr)) == 0) {
        messages[sent].msg_len = (unsigned)size_of(&messages[sent].msg_hdr);
        sent++;
    }
    return sent ? (int)sent : r;
}

/* ---- receiving ---- */

static void receive_one(struct sim_socket *socket, struct mmsghdr *message)
{
    struct sim_datagram *datagram = container_of(list_take_first(&socket->arrived),
                                                 struct sim_datagram, link);
    struct msghdr *header = &message->msg_hdr;
    size_t given = 0;
    for (size_t i = 0; i < header->msg_iovlen && given < datagram->size; i++) {
        size_t left = datagram->size - given, room = header->msg_iov[i].iov_len;
        size_t part = left < room ? left : room;
        if (part)
            memcpy(header->msg_iov[i].iov_base, datagram->data + given, part);
        given += part;
    }
    header->msg_flags = given < datagram->size ? MSG_TRUNC : 0;
    message->msg_len = (unsigned)datagram->size;
    if (header->msg_name)
        sim_address_give(&datagram->from, header->msg_name, &header->msg_namelen);
    socket->arrived_size -= datagram->size + OVERHEAD;
    free(datagram);
}

int sim_datagram_receive(struct engine *base, int number, struct mmsghdr *messages, unsigned count)
{
    int r = 0;
    struct sim_socket *socket = datagram_socket(base, number, &r);
    if (!socket)
        return r;
    if (socket->error)
        return sim_socket_take_error(socket);
    unsigned received = 0;
    while (received < count && socket->arrived.first)
        receive_one(socket, &messages[received++]);
    return received ? (int)received : -EAGAIN;
}

/* Of a simulated socket there are none. */
int sim_change_group(struct engine *base, int number, enum group_change change,
                     const struct sockaddr *group, socklen_t size, const char *interface)
{
    return sim_descriptor_is_real(number)
               ? engine_socket_change_group(base, number, change, group, size, interface)
               : -ENOTSUP;
}
