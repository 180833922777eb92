/* SPDX-License-Identifier: MIT */
/*
 * Datagram sockets: addresses, and life from open to close. The idea is in datagram.h.
 */
#include "datagram.h"

#include <errno.h>
#include <stdio.h>
#include "log.h"
#include "memory.h"
#include "watch.h"

/* ---- addresses ---- */

int eddy_address_resolve(const char *host, int port, struct eddy_address *ret_address)
{
    const char *call = "eddy_address_resolve";
    struct address_list list;
    if (!host || !ret_address)
        return log_misuse(-EINVAL, call, "the %s is NULL", host ? "address" : "host");
    if (port < 0 || port > UINT16_MAX)
        return log_misuse(-EINVAL, call, "port %d isn't within 0 and 65535", port);
    if (!task_current())
        return task_missing(call);
    int r = resolve(host, port, &list);
    if (r == 0)
        datagram_address_out(&list.addresses[0], ret_address);
    return r;
}

int eddy_address_text(const struct eddy_address *public, char *buffer, size_t size)
{
    if (!public || (!buffer && size))
        return log_misuse(-EINVAL, "eddy_address_text", "the %s is NULL",
                          public ? "buffer" : "address");
    struct address address = datagram_address_in(public);
    return address.size ? address_text(&address, buffer, size) : snprintf(buffer, size, "none");
}

int eddy_address_port(const struct eddy_address *public)
{
    if (!public)
        return -EINVAL;
    struct address address = datagram_address_in(public);
    return address.size ? address_port(&address) : 0;
}

bool eddy_address_equal(const struct eddy_address *one, const struct eddy_address *other)
{
    if (!one || !other)
        return one == other;
    struct address a = datagram_address_in(one), b = datagram_address_in(other);
    return a.size == b.size && (!a.size || address_equal(&a, &b));
}

/* ---- life ---- */

bool datagram_is_home(const struct eddy_datagram *datagram)
{
    return loop_self == datagram->loop && loop_self && loop_self->id == datagram->loop_id;
}

void datagram_release(struct eddy_datagram *datagram)
{
    if (--datagram->references == 0)
        memory_free(datagram);
}

static int set_options(struct engine *engine, int descriptor,
                       const struct eddy_datagram_options *options)
{
    int r = 0;
    if (options->reuse_port)
        r = engine->call->set_option(engine, descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r == 0 && options->broadcast)
        r = engine->call->set_option(engine, descriptor, SOL_SOCKET, SO_BROADCAST, 1);
    if (r == 0 && options->receive_buffer)
        r = engine->call->set_option(engine, descriptor, SOL_SOCKET, SO_RCVBUF,
                                     options->receive_buffer);
    return r;
}

/* The descriptor of a socket bound or connected there. */
static int open_at(struct engine *engine, const struct address *address, bool connected,
                   const struct eddy_datagram_options *options)
{
    int family = address->any.sa_family;
    int descriptor = engine->call->socket(engine, family, SOCK_DGRAM, 0);
    if (descriptor < 0)
        return descriptor;
    int r = set_options(engine, descriptor, options);
    if (r == 0)
        r = datagram_group_options(engine, descriptor, family, options);
    if (r == 0 && family == AF_INET6 && !connected) /* whose peer may be ::ffff:1.2.3.4 */
        (void)engine->call->set_option(engine, descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (r == 0)
        r = connected ? engine->call->connect(engine, descriptor, &address->any, address->size)
                      : engine->call->bind(engine, descriptor, &address->any, address->size);
    if (r == 0)
        return descriptor;
    (void)engine->call->close(engine, descriptor);
    return r;
}

static int create(int descriptor, bool connected, struct eddy_datagram **ret_datagram)
{
    struct eddy_datagram *made = memory_allocate_zeroed(1, sizeof *made);
    if (!made) {
        (void)loop_self->engine->call->close(loop_self->engine, descriptor);
        return eddy_fail(-ENOMEM, "no memory for a datagram socket");
    }
    made->watch.descriptor = descriptor;
    made->watch.wanted = READY_READ | READY_WRITE;
    made->watch.ready = datagram_edge;
    made->loop = loop_self;
    made->thread = &loop_self;
    made->loop_id = loop_self->id;
    made->connected = connected;
    made->references = 1;
    made->sides[DATAGRAM_RECEIVE].ready = made->sides[DATAGRAM_SEND].ready = true;
    watch_own(loop_self, descriptor);
    *ret_datagram = made;
    return 0;
}

static int make(const char *call, const char *host, int port, bool connected,
                const struct eddy_datagram_options *options, eddy_datagram **ret_datagram)
{
    static const struct eddy_datagram_options defaults;
    char text[ADDRESS_TEXT_SIZE];
    struct address_list list;
    options = options ? options : &defaults;
    if (!ret_datagram)
        return log_misuse(-EINVAL, call, "nowhere to put the socket: NULL");
    if (port < connected || port > UINT16_MAX)
        return log_misuse(-EINVAL, call, "port %d isn't within %d and 65535", port, connected);
    if (options->receive_buffer < 0)
        return log_misuse(-EINVAL, call, "a receive buffer of %d", options->receive_buffer);
    if (options->group_hops < 0 || options->group_hops > UINT8_MAX)
        return log_misuse(-EINVAL, call, "%d hops aren't within 0 and 255", options->group_hops);
    if (!task_current())
        return task_missing(call);
    int r = resolve(host, port, &list);
    if (r < 0)
        return r;
    for (size_t i = 0; i < list.count; i++) {
        r = open_at(loop_self->engine, &list.addresses[i], connected, options);
        if (r >= 0)
            return create(r, connected, ret_datagram);
        (void)address_text(&list.addresses[i], text, sizeof text);
        bool device = r == -ENODEV && options->group_interface;
        (void)eddy_fail(r, "no datagram socket %s %s%s%s: %s", connected ? "for" : "at", text,
                        device ? " with groups by " : "", device ? options->group_interface : "",
                        strerror(-r));
    }
    return r;
}

int eddy_datagram_open(const char *host, int port, const struct eddy_datagram_options *options,
                       eddy_datagram **ret_datagram)
{
    return make("eddy_datagram_open", host && host[0] ? host : "0.0.0.0", port, false, options,
                ret_datagram);
}

int eddy_datagram_connect(const char *host, int port, const struct eddy_datagram_options *options,
                          eddy_datagram **ret_datagram)
{
    const char *call = "eddy_datagram_connect";
    if (!host)
        return log_misuse(-EINVAL, call, "the host is NULL");
    return make(call, host, port, true, options, ret_datagram);
}

void eddy_datagram_close(eddy_datagram *datagram)
{
    if (!datagram)
        return;
    if (datagram->closed || datagram->thread != &loop_self) {
        (void)log_misuse(-EINVAL, "eddy_datagram_close",
                         datagram->closed ? "the socket is closed already"
                                          : "the socket belongs to another thread's loop");
        return;
    }
    struct eddy_loop *loop = datagram_is_home(datagram) ? datagram->loop
                                                        : NULL; /* NULL: it has ended */
    datagram->closed = true;
    if (loop && datagram->watching) {
        loop->engine->call->unwatch(loop->engine, &datagram->watch);
        loop->watched--;
    }
    if (loop) {
        watch_disown(loop, datagram->watch.descriptor);
        (void)loop->engine->call->close(loop->engine, datagram->watch.descriptor);
    } else {
        (void)engine_socket_close(NULL, datagram->watch.descriptor);
    }
    datagram_side_wake(&datagram->sides[DATAGRAM_RECEIVE]);
    datagram_side_wake(&datagram->sides[DATAGRAM_SEND]);
    datagram_release(datagram);
}

int eddy_datagram_descriptor(const eddy_datagram *datagram)
{
    return datagram ? datagram->watch.descriptor : -EINVAL;
}

int eddy_datagram_local(const eddy_datagram *datagram, struct eddy_address *ret_address)
{
    const char *call = "eddy_datagram_local";
    if (!datagram || !ret_address)
        return log_misuse(-EINVAL, call, "the %s is NULL", datagram ? "address" : "socket");
    if (!datagram_is_home(datagram) || datagram->closed)
        return log_misuse(-EINVAL, call, "the socket is closed, or of another loop");
    struct address address = {.size = sizeof address.v6};
    struct engine *engine = datagram->loop->engine;
    int r = engine->call->local_address(engine, datagram->watch.descriptor, &address.any,
                                        &address.size);
    if (r < 0)
        return eddy_fail(r, "the address of descriptor %d: %s", datagram->watch.descriptor,
                         strerror(-r));
    datagram_address_out(&address, ret_address);
    return 0;
}
