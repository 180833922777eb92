/* SPDX-License-Identifier: MIT */
/* Groups: who hears what is sent to one, joining and leaving, what is none. */
#include <net/if.h>
#include <netinet/in.h>
#include <eddy/sim.h>
#include "datagram_sockets.h"

static char by[IF_NAMESIZE]; /* an interface that takes groups */

static struct eddy_datagram_options over_it(void)
{
    return (struct eddy_datagram_options){
        .reuse_port = true, .group_interface = by, .group_hops = 1};
}

static bool takes_groups(const char *any, const char *group, const char *interface)
{
    eddy_datagram *socket = NULL;
    struct eddy_address to;
    (void)snprintf(by, sizeof by, "%s", interface);
    const struct eddy_datagram_options options = over_it();
    int r = eddy_datagram_open(any, 0, &options, &socket);
    if (r < 0)
        return false;
    r = eddy_datagram_join(socket, group, by);
    if (r == 0)
        r = eddy_address_resolve(group, 9, &to);
    if (r == 0)
        r = (int)eddy_datagram_send_to(socket, "", 0, &to);
    eddy_datagram_close(socket);
    return r >= 0;
}

/* The loopback, or, of IPv6, another one that has a route for groups: ff01:: never leaves the
 * machine. */
static bool find_interface(const char *any, const char *group)
{
    bool found = takes_groups(any, group, "lo");
    struct if_nameindex *all = strchr(group, ':') ? if_nameindex() : NULL;
    for (size_t i = 0; all && all[i].if_name && !found; i++)
        found = takes_groups(any, group, all[i].if_name);
    if (all)
        if_freenameindex(all);
    return found;
}

static ssize_t hears(eddy_datagram *socket, char *text, size_t size)
{
    ssize_t n = 0;
    int err;
    eddy_with_timeout (0.5, &err)
        n = eddy_datagram_receive(socket, text, size, NULL);
    return n;
}

static int check_groups(const char *any, const char *group, const char *other)
{
    eddy_datagram *one, *two, *sender;
    struct eddy_address address, to;
    char text[16] = "";
    if (!find_interface(any, group))
        return eddy_test_skip("no interface of this machine takes multicast to %s", group);
    const struct eddy_datagram_options options = over_it();
    CHECK_INT(eddy_datagram_open(any, 0, &options, &one), 0);
    CHECK_INT(eddy_datagram_local(one, &address), 0);
    int port = eddy_address_port(&address);
    CHECK_INT(eddy_datagram_open(any, port, &options, &two), 0);
    CHECK_INT(eddy_datagram_open(any, 0, &options, &sender), 0);
    CHECK_INT(eddy_datagram_join(one, group, by), 0);
    CHECK_INT(eddy_datagram_join(two, group, by), 0);
    CHECK_INT(eddy_datagram_join(two, other, by), 0);
    CHECK_INT(eddy_datagram_join(two, group, by), -EADDRINUSE);
    CHECK_INT(eddy_address_resolve(group, port, &to), 0);
    CHECK_INT(eddy_datagram_send_to(sender, "both", 4, &to), 4);
    CHECK_INT(eddy_datagram_receive(one, text, sizeof text, NULL), 4);
    CHECK_INT(eddy_datagram_receive(two, text, sizeof text, NULL), 4);
    /* A group that another socket of the machine has joined isn't everybody's. */
    CHECK_INT(eddy_address_resolve(other, port, &to), 0);
    CHECK_INT(eddy_datagram_send_to(sender, "second", 6, &to), 6);
    CHECK_INT(eddy_datagram_receive(two, text, sizeof text, NULL), 6);
    CHECK_INT(hears(one, text, sizeof text), -ECANCELED);
    CHECK_INT(eddy_datagram_leave(two, group, by), 0);
    CHECK_INT(eddy_datagram_leave(two, group, by), -EADDRNOTAVAIL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), " failed: it isn't joined");
    CHECK_INT(eddy_address_resolve(group, port, &to), 0);
    CHECK_INT(eddy_datagram_send_to(sender, "one", 3, &to), 3);
    CHECK_INT(eddy_datagram_receive(one, text, sizeof text, NULL), 3);
    CHECK_INT(hears(two, text, sizeof text), -ECANCELED);
    eddy_datagram_close(one);
    eddy_datagram_close(two);
    eddy_datagram_close(sender);
    return 0;
}

REAL_TEST(groups_of_IPv4)
{
    return check_groups("0.0.0.0", "239.255.77.1", "239.255.77.2");
}

REAL_TEST(groups_of_IPv6)
{
    return check_groups("::", "ff01::7701", "ff01::7702");
}

REAL_TEST(a_sender_that_isnt_heard_here)
{
    const struct eddy_datagram_options options = {.group_hops = 7, .group_not_here = true};
    eddy_datagram *sender;
    int hops = 0, loop = 1;
    socklen_t size = sizeof hops;
    CHECK_INT(eddy_datagram_open("0.0.0.0", 0, &options, &sender), 0);
    int descriptor = eddy_datagram_descriptor(sender);
    CHECK_INT(getsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, &size), 0);
    CHECK_INT(getsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_TTL, &hops, &size), 0);
    CHECK_INT(loop, 0);
    CHECK_INT(hops, 7);
    eddy_datagram_close(sender);
    return 0;
}

TEST(what_is_no_group_or_no_interface_is_refused)
{
    struct eddy_datagram_options options = {.group_hops = 256};
    eddy_datagram *socket = open_socket(NULL), *other = NULL;
    CHECK_INT(eddy_datagram_join(socket, "127.0.0.1", NULL), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "'127.0.0.1' is no group");
    CHECK_INT(eddy_datagram_join(socket, "group.example", NULL), -EINVAL);
    CHECK_INT(eddy_datagram_leave(socket, "fe80::1", NULL), -EINVAL);
    CHECK_INT(eddy_datagram_join(socket, "ff02::1", NULL), -EAFNOSUPPORT);
    CHECK_INT(eddy_datagram_join(NULL, "239.1.1.1", NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_datagram_join: the socket is NULL");
    CHECK_INT(eddy_datagram_leave(socket, NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the group is NULL");
    CHECK_INT(eddy_datagram_open("127.0.0.1", 0, &options, &other), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "256 hops aren't within 0 and 255");
    options = (struct eddy_datagram_options){.group_interface = "none0"};
    CHECK_INT(eddy_datagram_open("127.0.0.1", 0, &options, &other),
              eddy_sim_active() ? -ENOTSUP : -ENODEV);
    if (!eddy_sim_active())
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()),
                       "127.0.0.1:0 with groups by none0: ");
    int r = eddy_datagram_join(socket, "239.1.1.1", "none0");
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()),
                   "joining the group 239.1.1.1 by none0 failed: ");
    eddy_datagram_close(socket);
    if (r == -ENOPROTOOPT)
        return eddy_test_skip("this system's sockets can't be told which groups to hear");
    CHECK_INT(r, eddy_sim_active() ? -ENOTSUP : -ENODEV);
    return 0;
}
