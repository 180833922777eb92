/* SPDX-License-Identifier: MIT */
/*
 * Simulated Unix sockets: their names, in the simulated file system or outside of any, and how they
 * connect, which is at once: it succeeds, is refused, or finds no room in the listener's queue
 * (-EAGAIN), which is also what a black hole and a cut link look like.
 *
 * Those of datagrams can do no more than find out that somebody of the other type has a name.
 *
 * What then travels is treated as everybody's is, by the link of the host "unix".
 */
#include <errno.h>
#include <string.h>
#include "test/sim_file.h"
#include "test/sim_socket.h"

static const socklen_t header_size = offsetof(struct sockaddr_un, sun_path);

static struct sim *sim_of(const struct sim_socket *socket)
{
    return socket->engine->sim;
}

/* ---- names ---- */

static bool is_abstract(const struct sim_unix_name *name)
{
    return !name->address.sun_path[0];
}

/* A path ends at its NUL or with the address, an abstract name always with that. */
static int take_name(const struct sockaddr *address, socklen_t size, struct sim_unix_name *ret_name)
{
    struct sim_unix_name name = {.size = size};
    if (size <= header_size || size > sizeof name.address || address->sa_family != AF_UNIX)
        return -EINVAL;
    memcpy(&name.address, address, size);
    size_t most = size - header_size;
    if (!is_abstract(&name))
        name.size = header_size + (socklen_t)strnlen(name.address.sun_path, most) + 1;
    *ret_name = name;
    return 0;
}

/* With its NUL, for which a path of 108 bytes has no room. */
struct path {
    char text[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
};

static struct path path_of(const struct sim_unix_name *name)
{
    struct path path = {""};
    memcpy(path.text, name->address.sun_path, name->size - header_size - 1);
    return path;
}

static struct sim_socket *find_abstract(const struct sim_network *network,
                                        const struct sim_unix_name *name)
{
    for (struct link *link = network->names.first; link; link = link->next) {
        struct sim_socket *socket = container_of(link, struct sim_socket, in_names);
        if (socket->name.size == name->size &&
            memcmp(&socket->name.address, &name->address, name->size) == 0)
            return socket;
    }
    return NULL;
}

int sim_unix_bind(struct sim_socket *socket, const struct sockaddr *address, socklen_t size)
{
    struct sim_network *network = sim_of(socket)->network;
    struct sim_unix_name name;
    int r = take_name(address, size, &name);
    if (r == 0 && socket->type == SOCK_DGRAM)
        r = -EOPNOTSUPP;
    if (r == 0 && socket->name.size)
        r = -EINVAL;
    if (r < 0)
        return r;
    if (is_abstract(&name)) {
        if (find_abstract(network, &name))
            return -EADDRINUSE;
        list_append(&network->names, &socket->in_names);
    } else {
        r = sim_tree_make_socket(sim_of(socket)->files, path_of(&name).text, &socket->inode);
        if (r < 0)
            return r;
        socket->inode->bound = socket;
    }
    socket->name = name;
    socket->bound = true;
    return 0;
}

/* The name in the file system stays. */
void sim_unix_release(struct sim_socket *socket)
{
    if (socket->inode) {
        socket->inode->bound = NULL;
        sim_inode_release(sim_of(socket)->files, socket->inode);
    } else if (socket->bound) {
        list_remove(&sim_of(socket)->network->names, &socket->in_names);
    }
}

/* ---- connecting ---- */

/* Who is bound there, or NULL and *code. */
static struct sim_socket *find_bound(struct sim *sim, const struct sim_unix_name *name, int *code)
{
    struct sim_socket *found = NULL;
    if (is_abstract(name)) {
        found = find_abstract(sim->network, name);
    } else {
        const struct sim_inode *inode = sim_tree_find(sim->files, NULL, path_of(name).text, false,
                                                      NULL, code);
        if (!inode)
            return NULL;
        found = inode->is_socket ? inode->bound : NULL;
    }
    if (!found)
        *code = -ECONNREFUSED;
    return found;
}

/* Whether this connect is let through. */
static int admit(const struct sim_socket *listener)
{
    struct sim *sim = sim_of(listener);
    const struct address family = {.any.sa_family = AF_UNIX};
    const struct sim_host *host = sim_host_get(sim->network, &family);
    if (!host)
        return -ENOMEM;
    if (choose_chance(&sim->choices, host->treatment.refuse))
        return -ECONNREFUSED;
    bool full = listener->queued > listener->backlog || host->treatment.black_hole ||
                host->treatment.cut;
    return full ? -EAGAIN : 0;
}

int sim_unix_connect(struct sim_socket *socket, const struct sockaddr *address, socklen_t size)
{
    struct sim *sim = sim_of(socket);
    struct sim_unix_name name;
    int r = take_name(address, size, &name);
    if (r < 0)
        return r;
    if (socket->state != SOCKET_IDLE || socket->write_shut)
        return socket->state == SOCKET_LISTENING ? -EINVAL : -EISCONN;
    struct sim_socket *listener = find_bound(sim, &name, &r);
    if (!listener)
        return r;
    if (socket->type == SOCK_DGRAM)
        return -EPROTOTYPE;
    r = listener->state == SOCKET_LISTENING ? admit(listener) : -ECONNREFUSED;
    struct sim_socket *made = r == 0 ? sim_socket_create(socket->engine, AF_UNIX) : NULL;
    if (!made)
        return r < 0 ? r : -ENOMEM;
    r = sim_connection_join(socket, made);
    if (r < 0) {
        sim_socket_close(made);
        return r;
    }
    sim_note(sim, SIM_EVENT_CONNECT, socket->connection->number << 8);
    socket->peer_name = listener->name;
    made->peer_name = socket->name;
    made->name = listener->name;
    sim_socket_offer(listener, made);
    return 0;
}
