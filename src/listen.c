/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets. With port 0 the system picks a port for the first address; if that one is
 * taken on another address, all begins anew with another pick.
 */
#include "listen.h"

#include <errno.h>
#include <string.h>
#include "engine/engine.h"
#include "failure.h"

/* Picks of a free port that may turn out to be taken on another address. */
#define PORT_PICKS 16

static int bind_and_listen(struct engine *engine, int descriptor, const struct address *address,
                           int backlog, bool reuse_port)
{
    /* Connections of an earlier run that linger must not keep the port from its successor. */
    (void)engine->call->set_option(engine, descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    int r = 0;
    if (reuse_port)
        r = engine->call->set_option(engine, descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r < 0)
        return r;
    if (address->any.sa_family == AF_INET6)
        (void)engine->call->set_option(engine, descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    r = engine->call->bind(engine, descriptor, &address->any, address->size);
    return r < 0 ? r : engine->call->listen(engine, descriptor, backlog);
}

static int name_it(struct engine *engine, struct listen_socket *socket)
{
    struct address address = {.size = sizeof(address.v6)};
    int r = engine->call->local_address(engine, socket->descriptor, &address.any, &address.size);
    if (r < 0)
        return r;
    socket->port = address_port(&address);
    (void)address_text(&address, socket->name, sizeof socket->name);
    return 0;
}

static int listen_on_one(struct engine *engine, const struct address *address, int backlog,
                         bool reuse_port, struct listen_sockets *sockets)
{
    struct listen_socket made = {
        .descriptor = engine->call->socket(engine, address->any.sa_family, SOCK_STREAM, 0)};
    if (made.descriptor < 0)
        return made.descriptor;
    int r = bind_and_listen(engine, made.descriptor, address, backlog, reuse_port);
    if (r == 0)
        r = name_it(engine, &made);
    if (r < 0)
        (void)engine->call->close(engine, made.descriptor);
    else
        sockets->sockets[sockets->count++] = made;
    return r;
}

static bool family_is_missing(int code)
{
    return code == -EAFNOSUPPORT || code == -EADDRNOTAVAIL;
}

static int fail_address(const struct address *address, int code)
{
    char text[ADDRESS_TEXT_SIZE];
    (void)address_text(address, text, sizeof text);
    return eddy_fail(code, "can't listen on %s: %s", text, strerror(-code));
}

static int listen_on_all(struct engine *engine, const struct address_list *list, int backlog,
                         bool reuse_port, struct listen_sockets *sockets)
{
    int missing = -EADDRNOTAVAIL;
    const struct address *without = NULL;
    for (size_t i = 0; i < list->count; i++) {
        struct address address = list->addresses[i];
        if (sockets->count)
            address_set_port(&address, sockets->sockets[0].port);
        int r = listen_on_one(engine, &address, backlog, reuse_port, sockets);
        if (family_is_missing(r)) {
            missing = r;
            without = &list->addresses[i];
        } else if (r < 0) {
            return fail_address(&address, r);
        }
    }
    if (!sockets->count)
        return fail_address(without, missing);
    return 0;
}

int listen_on(struct engine *engine, const struct address_list *list, int backlog, bool reuse_port,
              struct listen_sockets *ret_sockets)
{
    for (int picks = 1;; picks++) {
        struct listen_sockets sockets = {.count = 0};
        int r = listen_on_all(engine, list, backlog, reuse_port, &sockets);
        if (r == 0) {
            *ret_sockets = sockets;
            return 0;
        }
        bool unlucky = r == -EADDRINUSE && address_port(&list->addresses[0]) == 0 && sockets.count;
        while (sockets.count)
            (void)engine->call->close(engine, sockets.sockets[--sockets.count].descriptor);
        if (!unlucky || picks == PORT_PICKS)
            return r;
    }
}
