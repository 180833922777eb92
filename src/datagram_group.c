/* SPDX-License-Identifier: MIT */
/*
 * Groups of datagram sockets: multicast.
 */
#include <errno.h>
#include <stdio.h>
#include "datagram.h"
#include "log.h"

static bool is_group(const struct address *address)
{
    return address->any.sa_family == AF_INET6 ? IN6_IS_ADDR_MULTICAST(&address->v6.sin6_addr)
                                              : IN_MULTICAST(ntohl(address->v4.sin_addr.s_addr));
}

/* ---- sending ---- */

int datagram_group_options(struct engine *engine, int descriptor, int family,
                           const struct eddy_datagram_options *options)
{
    const struct sockaddr any = {.sa_family = (sa_family_t)family};
    bool v6 = family == AF_INET6;
    int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP, r = 0;
    if (engine->call->simulated &&
        (options->group_interface || options->group_hops || options->group_not_here))
        return -ENOTSUP;
    if (options->group_interface)
        r = engine->call->change_group(engine, descriptor, GROUP_SEND_BY, &any, sizeof any,
                                       options->group_interface);
    if (r == 0 && options->group_hops)
        r = engine->call->set_option(engine, descriptor, level,
                                     v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL,
                                     options->group_hops);
    if (r == 0 && options->group_not_here)
        r = engine->call->set_option(engine, descriptor, level,
                                     v6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP, 0);
    return r;
}

/* ---- receiving ---- */

/* Else a socket at all addresses hears of groups that any program on the machine has joined. */
static int hear_own_groups_alone(struct engine *engine, int descriptor, int family)
{
    return family == AF_INET6
               ? engine->call->set_option(engine, descriptor, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
               : engine->call->set_option(engine, descriptor, IPPROTO_IP, IP_MULTICAST_ALL, 0);
}

static int change(const struct eddy_datagram *datagram, enum group_change change,
                  const struct address *group, const char *interface)
{
    struct engine *engine = datagram->loop->engine;
    int descriptor = datagram->watch.descriptor, r = 0;
    if (change == GROUP_JOIN && !engine->call->simulated)
        r = hear_own_groups_alone(engine, descriptor, group->any.sa_family);
    return r < 0 ? r
                 : engine->call->change_group(engine, descriptor, change, &group->any, group->size,
                                              interface);
}

static int check(const char *call, const eddy_datagram *datagram, const char *text,
                 struct address *ret_group)
{
    if (!datagram || !text)
        return log_misuse(-EINVAL, call, "the %s is NULL", datagram ? "group" : "socket");
    if (!datagram_is_home(datagram) || datagram->closed)
        return log_misuse(-EINVAL, call, "the socket is closed, or of another loop");
    if (!address_parse(text, 0, ret_group) || !is_group(ret_group))
        return eddy_fail(-EINVAL, "'%s' is no group: 224.0.0.0 to 239.255.255.255, or of ff00::/8",
                         text);
    struct address local = {.size = sizeof local.v6};
    struct engine *engine = datagram->loop->engine;
    int r = engine->call->local_address(engine, datagram->watch.descriptor, &local.any,
                                        &local.size);
    if (r == 0 && local.any.sa_family != ret_group->any.sa_family)
        r = -EAFNOSUPPORT;
    return r < 0 ? eddy_fail(r, "the group %s on this socket: %s", text, strerror(-r)) : 0;
}

static int change_checked(const char *call, eddy_datagram *datagram, enum group_change what,
                          const char *text, const char *interface)
{
    struct address group;
    int r = check(call, datagram, text, &group);
    if (r < 0)
        return r;
    r = change(datagram, what, &group, interface);
    if (r < 0)
        return eddy_fail(r, "%s the group %s by %s failed: %s",
                         what == GROUP_JOIN ? "joining" : "leaving", text,
                         interface ? interface : "whatever interface",
                         r == -EADDRNOTAVAIL ? "it isn't joined" : strerror(-r));
    return 0;
}

int eddy_datagram_join(eddy_datagram *datagram, const char *group, const char *interface)
{
    return change_checked("eddy_datagram_join", datagram, GROUP_JOIN, group, interface);
}

int eddy_datagram_leave(eddy_datagram *datagram, const char *group, const char *interface)
{
    return change_checked("eddy_datagram_leave", datagram, GROUP_LEAVE, group, interface);
}
