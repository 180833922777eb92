/* SPDX-License-Identifier: MIT */
/* Datagrams: addresses, and sockets from open to close: options, names, mistakes. */
#include <eddy/sim.h>
#include "connect_names.h"
#include "datagram_sockets.h"
#include "loop.h"

/* ---- addresses and options ---- */

TEST(who_never_has_to_wait_can_be_cancelled)
{
    struct eddy_address address;
    eddy_datagram *socket = open_socket(&address);
    ssize_t n = 1;
    int err;
    eddy_with_timeout (0, &err) {
        for (int i = 0; i < 1000 && n > 0; i++)
            n = eddy_datagram_send_to(socket, "x", 1, &address);
        CHECK_INT(n, -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    eddy_datagram_close(socket);
    return 0;
}

TEST(addresses)
{
    struct eddy_address one, other, none = {{0}};
    char text[64];
    CHECK_INT(eddy_address_resolve("127.0.0.1", 53, &one), 0);
    CHECK_INT(eddy_address_text(&one, text, sizeof text), 12);
    CHECK_TEXT(text, "127.0.0.1:53");
    CHECK_INT(eddy_address_port(&one), 53);
    CHECK_INT(eddy_address_resolve("::1", 53, &other), 0);
    CHECK(eddy_address_text(&other, text, sizeof text) > 0);
    CHECK_TEXT(text, "[::1]:53");
    CHECK(!eddy_address_equal(&one, &other));
    CHECK_INT(eddy_address_resolve("127.0.0.1", 53, &other), 0);
    CHECK(eddy_address_equal(&one, &other));
    CHECK(!eddy_address_equal(&one, &none));
    CHECK(!eddy_address_equal(&none, &one));
    CHECK(eddy_address_equal(&none, &none));
    CHECK_INT(eddy_address_text(&none, text, sizeof text), 4);
    CHECK_TEXT(text, "none");
    CHECK_INT(eddy_address_port(&none), 0);
    CHECK_INT(eddy_address_resolve("127.0.0.1", 65536, &one), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_address_resolve: port 65536");
    CHECK_INT(eddy_address_resolve(NULL, 1, &one), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the host is NULL");
    return 0;
}

TEST(options_and_ports)
{
    struct eddy_address address, everyone;
    const struct eddy_datagram_options reuse = {.reuse_port = true, .receive_buffer = 4096};
    const struct eddy_datagram_options broadcast = {.broadcast = true},
                                       odd = {.receive_buffer = -1};
    eddy_datagram *a = NULL, *b = NULL;
    CHECK_INT(eddy_datagram_open("127.0.0.1", 0, &reuse, &a), 0);
    CHECK_INT(eddy_datagram_local(a, &address), 0);
    CHECK_INT(eddy_datagram_open("127.0.0.1", eddy_address_port(&address), &reuse, &b), 0);
    eddy_datagram_close(b);
    b = NULL;
    CHECK_INT(eddy_datagram_open("127.0.0.1", eddy_address_port(&address), NULL, &b), -EADDRINUSE);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "no datagram socket at 127.0.0.1:");
    CHECK_INT(eddy_datagram_open("127.0.0.1", 0, &odd, &b), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a receive buffer of -1");
    CHECK(!b);
    eddy_datagram_close(a);
    CHECK_INT(eddy_address_resolve("255.255.255.255", 9, &everyone), 0);
    a = open_socket(NULL);
    CHECK_INT(eddy_datagram_send_to(a, "x", 1, &everyone), -EACCES);
    eddy_datagram_close(a);
    CHECK_INT(eddy_datagram_open(NULL, 0, &broadcast, &a), 0);
    ssize_t n = eddy_datagram_send_to(a, "x", 1, &everyone);
    CHECK(n == 1 || n == -ENETUNREACH); /* as far as there is a network */
    eddy_datagram_close(a);
    return 0;
}

TEST(the_receive_buffer_is_what_was_asked_for)
{
    enum { ASKED = 20000 };
    const struct eddy_datagram_options small = {.receive_buffer = ASKED};
    struct engine *engine = eddy_current_loop()->engine;
    eddy_datagram *usual = open_socket(NULL), *made = NULL;
    CHECK_INT(eddy_datagram_open("127.0.0.1", 0, &small, &made), 0);
    int size = engine->call->get_option(engine, eddy_datagram_descriptor(made), SOL_SOCKET,
                                        SO_RCVBUF);
    CHECK(size == ASKED || size == 2 * ASKED); /* Linux counts its own share, too */
    CHECK(size !=
          engine->call->get_option(engine, eddy_datagram_descriptor(usual), SOL_SOCKET, SO_RCVBUF));
    eddy_datagram_close(usual);
    eddy_datagram_close(made);
    return 0;
}

/* The name has these addresses, on the simulated system, too. */
static const char *name_of(const char *name, const char *one, const char *other)
{
    names_give(one, other, NULL, NULL);
    if (eddy_sim_active()) {
        EXPECT_INT(eddy_sim_set_name(name, one), 0);
        EXPECT_INT(eddy_sim_set_name(name, other), 0);
    }
    return name;
}

TEST(of_several_local_addresses_the_first_that_is_free_is_taken)
{
    struct eddy_address address;
    char text[64], expected[64];
    eddy_datagram *taken = open_socket(&address), *made = NULL, *late = NULL;
    int port = eddy_address_port(&address);
    const char *name = name_of("two.test", "127.0.0.1", "127.0.0.2");
    CHECK_INT(eddy_datagram_open(name, port, NULL, &made), 0);
    CHECK_INT(eddy_datagram_local(made, &address), 0);
    CHECK(eddy_address_text(&address, text, sizeof text) > 0);
    (void)snprintf(expected, sizeof expected, "127.0.0.2:%d", port);
    CHECK_TEXT(text, expected);
    CHECK_INT(eddy_datagram_open(name, port, NULL, &late), -EADDRINUSE); /* both are taken */
    (void)snprintf(expected, sizeof expected, "no datagram socket at 127.0.0.2:%d: %s", port,
                   strerror(EADDRINUSE));
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), expected);
    CHECK(!late);
    eddy_datagram_close(taken);
    CHECK_INT(eddy_datagram_open(name, port, NULL, &late), 0); /* the first one is free again */
    CHECK_INT(eddy_datagram_local(late, &address), 0);
    CHECK(eddy_address_text(&address, text, sizeof text) > 0);
    CHECK_CONTAINS(text, "127.0.0.1:");
    eddy_datagram_close(late);
    eddy_datagram_close(made);
    names_are_real();
    return 0;
}

TEST(mistakes)
{
    struct eddy_address address, none = {{0}};
    eddy_datagram *a = open_socket(&address), *made = NULL;
    char c;
    CHECK_INT(eddy_datagram_send_to(a, "x", 1, &none), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_datagram_send_to: the address is none");
    CHECK_INT(eddy_datagram_send_to(a, NULL, 1, &address), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the memory for the datagram is NULL");
    CHECK_INT(eddy_datagram_receive(NULL, &c, 1, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the socket is NULL");
    CHECK_INT(eddy_datagram_open("127.0.0.1", -1, NULL, &made), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "port -1 isn't within 0 and 65535");
    CHECK_INT(eddy_datagram_connect("127.0.0.1", 0, NULL, &made), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "port 0 isn't within 1 and 65535");
    CHECK_INT(eddy_datagram_connect(NULL, 1, NULL, &made), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the host is NULL");
    CHECK_INT(eddy_datagram_open("127.0.0.1", 0, NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "nowhere to put the socket");
    eddy_datagram_close(NULL);
    eddy_datagram_close(a);
    CHECK(!made);
    return 0;
}

REAL_TEST(a_peer_by_the_IPv6_form_of_an_IPv4_address)
{
    struct eddy_address address;
    eddy_datagram *a = NULL, *b = NULL;
    char buffer[8];
    int r = eddy_datagram_open("::1", 0, NULL, &a);
    if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT)
        return eddy_test_skip("this machine has no IPv6");
    eddy_datagram_close(a);
    a = open_socket(&address);
    CHECK_INT(eddy_datagram_connect("::ffff:127.0.0.1", eddy_address_port(&address), NULL, &b), 0);
    CHECK_INT(eddy_datagram_send(b, "ping", 4), 4);
    CHECK_INT(eddy_datagram_receive(a, buffer, sizeof buffer, &address), 4);
    CHECK_INT(eddy_datagram_send_to(a, "pong", 4, &address), 4);
    CHECK_INT(eddy_datagram_receive(b, buffer, sizeof buffer, NULL), 4);
    eddy_datagram_close(a);
    eddy_datagram_close(b);
    return 0;
}

/* Waiting for it is the socket's alone, also before it has waited. */
static void nothing(void *unused)
{
    (void)unused;
}

TEST(a_sockets_descriptor_can_not_be_waited_for_by_others)
{
    eddy_datagram *a = open_socket(NULL);
    int descriptor = eddy_datagram_descriptor(a);
    CHECK_INT(eddy_add_reader(descriptor, nothing, NULL), -EBUSY);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "belongs to");
    CHECK_INT(eddy_wait_readable(descriptor), -EBUSY);
    eddy_datagram_close(a);
    return 0;
}

static eddy_datagram *survivor;

static int leave_it_open(void)
{
    survivor = open_socket(NULL);
    eddy_test_allow_leftovers(1);
    return 0;
}

REAL_PLAIN_TEST(a_socket_can_be_closed_after_its_loop)
{
    EXPECT_INT(test_run(leave_it_open), 0);
    size_t before = test_count_descriptors();
    eddy_datagram_close(survivor);
    EXPECT_INT(test_count_descriptors(), before - 1);
}
