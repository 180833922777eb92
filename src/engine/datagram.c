/* SPDX-License-Identifier: MIT */
/*
 * Datagrams on a descriptor, as both engines on real descriptors receive and send them. Neither
 * waits, and an interrupted call is made again. And groups: multicast.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include "engine/engine.h"

int engine_socket_receive_datagrams(struct engine *engine, int descriptor, struct mmsghdr *messages,
                                    unsigned count)
{
    (void)engine;
    for (;;) {
        /* MSG_TRUNC: tell the size of what arrived, not of what was kept */
        int received = recvmmsg(descriptor, messages, count, MSG_DONTWAIT | MSG_TRUNC, NULL);
        if (received >= 0)
            return received;
        if (errno != EINTR)
            return -errno;
    }
}

int engine_socket_send_datagrams(struct engine *engine, int descriptor, struct mmsghdr *messages,
                                 unsigned count)
{
    (void)engine;
    for (;;) {
        int sent = sendmmsg(descriptor, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            return sent;
        if (errno != EINTR)
            return -errno;
    }
}

/* ---- groups ---- */

static int set_bytes(int descriptor, int level, int option, const void *value, socklen_t size)
{
    return setsockopt(descriptor, level, option, value, size) < 0 ? -errno : 0;
}

static int send_by(int descriptor, int family, unsigned index)
{
    int number = (int)index;
    struct ip_mreqn v4 = {.imr_ifindex = number};
    return family == AF_INET6
               ? set_bytes(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_IF, &number, sizeof number)
               : set_bytes(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof v4);
}

int engine_socket_change_group(struct engine *engine, int descriptor, enum group_change change,
                               const struct sockaddr *group, socklen_t size, const char *interface)
{
    (void)engine;
    unsigned index = interface ? if_nametoindex(interface) : 0;
    if (interface && !index)
        return errno == ENXIO ? -ENODEV : -errno;
    if (change == GROUP_SEND_BY)
        return send_by(descriptor, group->sa_family, index);
    struct group_req request = {.gr_interface = index};
    memcpy(&request.gr_group, group, size);
    return set_bytes(descriptor, group->sa_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP,
                     change == GROUP_JOIN ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request,
                     sizeof request);
}
