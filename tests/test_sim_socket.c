/* SPDX-License-Identifier: MIT */
/*
 * Simulated sockets: numbers, options, addresses, connecting, each with the answers that Linux
 * gives.
 */
#include <sys/un.h>
#include <unistd.h>
#include "support/sim_sockets.h"

/* ---- descriptors ---- */

static int descriptors_program(void)
{
    int first = open_socket(), second = open_socket();
    CHECK(first >= 10000);
    CHECK_INT(second, first + 1);
    CHECK_INT(CALL(close, first), 0);
    CHECK_INT(CALL(close, first), -EBADF);
    CHECK_INT(receive(first, 1), -EBADF);
    CHECK_INT(sent(first, "x"), -EBADF);
    CHECK_INT(open_socket(), first); /* the smallest that is free */
    CHECK_INT(CALL(socket, AF_NETLINK, SOCK_STREAM, 0), -EAFNOSUPPORT);
    CHECK_INT(CALL(socket, AF_INET, SOCK_SEQPACKET, 0), -ESOCKTNOSUPPORT);
    CHECK_INT(CALL(socket, AF_INET, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
    CHECK_INT(CALL(position, first), -ESPIPE);
    CHECK_INT(CALL(position, 3), -EBADF);
    CHECK_INT(CALL(position, 1 << 20), -EBADF);
    CHECK_INT(CALL(close, -1), -EBADF);

    /* One of the system can be asked about and closed, nothing else. */
    int real[2];
    struct counter counter;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, real), 0);
    CHECK_INT(watch_begin(&counter, real[0], false, 3), -EPERM);
    CHECK_INT(watch_begin(&counter, 1 << 20, false, 3), -EBADF);
    CHECK_INT(watch_begin(&counter, -1, false, 3), -EBADF);
    CHECK_INT(receive(real[0], 1), -EPERM);
    CHECK_INT(sent(real[0], "x"), -EPERM);
    CHECK_INT(CALL(get_option, real[0], SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    CHECK_INT(CALL(close, real[0]), 0);
    CHECK_INT(fcntl(real[0], F_GETFD), -1);
    eddy_stream *stream;
    char byte;
    CHECK_INT(eddy_stream_from_descriptor(real[1], &stream), 0);
    CHECK_INT(eddy_stream_read(stream, &byte, 1), -EPERM);
    eddy_stream_close(stream);
    CHECK_INT(fcntl(real[1], F_GETFD), -1);
    return 0;
}

PLAIN_TEST(descriptors)
{
    passes(descriptors_program);
}

static int very_many_program(void)
{
    int first = open_socket();
    for (int i = 1; i < 1000; i++)
        CHECK_INT(open_socket(), first + i);
    for (int i = 999; i >= 0; i -= 2)
        CHECK_INT(CALL(close, first + i), 0);
    for (int i = 1; i < 1000; i += 2)
        CHECK_INT(open_socket(), first + i);
    return 0;
}

PLAIN_TEST(very_many_descriptors)
{
    passes(very_many_program);
}

/* ---- options ---- */

static int options_program(void)
{
    int number = open_socket(), six = CALL(socket, AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    CHECK_INT(CALL(get_option, number, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    CHECK_INT(CALL(get_option, number, SOL_SOCKET, SO_ACCEPTCONN), 0);
    CHECK_INT(CALL(set_option, number, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    CHECK_INT(CALL(get_option, number, IPPROTO_TCP, TCP_NODELAY), 1);
    CHECK_INT(CALL(set_option, number, IPPROTO_IPV6, IPV6_V6ONLY, 1), -ENOPROTOOPT);
    CHECK_INT(CALL(set_option, six, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    CHECK_INT(CALL(set_option, number, SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
    CHECK_INT(CALL(get_option, number, SOL_SOCKET, 9999), -ENOPROTOOPT);
    CHECK_INT(CALL(listen, number, 1), 0);
    CHECK_INT(CALL(get_option, number, SOL_SOCKET, SO_ACCEPTCONN), 1);
    CHECK(port_of(number) >= 32768);
    int client = open_socket();
    CHECK_INT(connect_to(client, HOST, PORT + 1), -EINPROGRESS);
    settle();
    CHECK_INT(CALL(get_option, client, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    CHECK_INT(CALL(get_option, client, SOL_SOCKET, SO_ERROR), 0); /* told once */
    return 0;
}

PLAIN_TEST(options)
{
    passes_as_on_linux(options_program);
}

/* ---- addresses ---- */

static int bind_program(void)
{
    int one = open_socket(), other = open_socket();
    struct address six = at("::1", PORT), four = at(HOST, PORT);
    CHECK_INT(port_of(one), 0);
    CHECK_INT(CALL(bind, one, &six.any, six.size), -EAFNOSUPPORT);
    CHECK_INT(CALL(bind, one, &four.any, 4), -EINVAL);
    CHECK_INT(bind_to(one, "240.0.0.1", PORT), -EADDRNOTAVAIL);
    CHECK_INT(bind_to(one, HOST, PORT), 0);
    CHECK_INT(bind_to(one, HOST, PORT + 1), -EINVAL); /* bound already */
    CHECK_INT(bind_to(other, HOST, PORT), -EADDRINUSE);
    CHECK_INT(bind_to(other, "0.0.0.0", PORT), -EADDRINUSE);
    CHECK_INT(bind_to(other, "127.0.0.2", PORT), 0); /* another address */
    CHECK_INT(port_of(other), PORT);
    int every = open_socket(), late = open_socket();
    CHECK_INT(bind_to(every, "0.0.0.0", PORT + 1), 0);
    CHECK_INT(bind_to(late, "127.0.0.3", PORT + 1), -EADDRINUSE);
    int sixth = CALL(socket, AF_INET6, SOCK_STREAM, 0);
    CHECK_INT(CALL(set_option, sixth, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    six = at("::", PORT + 1);
    CHECK_INT(CALL(bind, sixth, &six.any, six.size), 0); /* another family */
    CHECK_INT(CALL(close, every), 0);
    CHECK_INT(bind_to(late, "127.0.0.3", PORT + 1), 0); /* free again at once */
    six = at("ff02::1", PORT + 2);
    sixth = CALL(socket, AF_INET6, SOCK_STREAM, 0);
    CHECK_INT(CALL(bind, sixth, &six.any, six.size), -EINVAL);

    int first = open_socket(), second = open_socket();
    CHECK_INT(bind_to(first, HOST, 0), 0);
    CHECK_INT(bind_to(second, HOST, 0), 0);
    CHECK(port_of(first) >= 32768);
    CHECK(port_of(first) != port_of(second));
    return 0;
}

static int reuse_program(void)
{
    int sockets[4];
    for (int i = 0; i < 4; i++) {
        sockets[i] = open_socket();
        CHECK_INT(CALL(set_option, sockets[i], SOL_SOCKET, SO_REUSEADDR, 1), 0);
    }
    CHECK_INT(bind_to(sockets[0], HOST, PORT), 0);
    CHECK_INT(bind_to(sockets[1], HOST, PORT), 0); /* neither listens */
    CHECK_INT(CALL(listen, sockets[0], 1), 0);
    CHECK_INT(CALL(listen, sockets[1], 1), -EADDRINUSE);
    CHECK_INT(bind_to(sockets[2], "0.0.0.0", PORT), -EADDRINUSE); /* one listens */
    CHECK_INT(CALL(close, sockets[0]), 0);
    CHECK_INT(CALL(listen, sockets[1], 1), 0);

    int shared[2];
    for (int i = 0; i < 2; i++) {
        shared[i] = open_socket();
        CHECK_INT(CALL(set_option, shared[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
        CHECK_INT(bind_to(shared[i], "127.0.0.2", PORT + 3), 0);
        CHECK_INT(CALL(listen, shared[i], 100), 0);
    }
    for (int i = 0; i < 40; i++)
        CHECK_INT(connect_to(open_socket(), "127.0.0.2", PORT + 3), -EINPROGRESS);
    settle();
    for (int i = 0; i < 2; i++) { /* chance gives each some */
        int accepted = 0;
        while (CALL(accept, shared[i], NULL, NULL) >= 0)
            accepted++;
        CHECK(accepted > 5 && accepted < 35);
    }
    return 0;
}

/* IPv6; "every address" as a peer is this machine; a port of one's own choice to connect from. */
static int six_program(void)
{
    int listener = CALL(socket, AF_INET6, SOCK_STREAM, 0);
    struct address every = at("::", PORT), one = at("::1", PORT), many = at("ff02::1", PORT);
    struct address peer = {.size = sizeof(peer.v6)};
    CHECK_INT(CALL(set_option, listener, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    CHECK_INT(CALL(set_option, listener, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    CHECK_INT(CALL(bind, listener, &every.any, every.size), 0);
    CHECK_INT(CALL(set_option, listener, IPPROTO_IPV6, IPV6_V6ONLY, 1), -EINVAL); /* too late */
    CHECK_INT(CALL(listen, listener, 5), 0);
    int client = CALL(socket, AF_INET6, SOCK_STREAM, 0);
    CHECK_INT(CALL(connect, client, &many.any, many.size), -ENETUNREACH);
    CHECK_INT(CALL(connect, client, &every.any, every.size), -EINPROGRESS);
    settle();
    CHECK_INT(CALL(connect, client, &one.any, one.size), 0);
    CHECK_INT(CALL(peer_address, client, &peer.any, &peer.size), 0);
    CHECK(address_equal(&peer, &one));
    CHECK(CALL(accept, listener, NULL, NULL) >= 0);

    int four = listener_on("0.0.0.0", PORT), from = open_socket();
    CHECK_INT(CALL(set_option, from, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    CHECK_INT(bind_to(from, "0.0.0.0", PORT + 5), 0);
    CHECK_INT(connect_to(from, "0.0.0.0", PORT), -EINPROGRESS);
    settle();
    CHECK_INT(connect_to(from, "0.0.0.0", PORT), 0);
    CHECK_INT(port_of(from), PORT + 5);
    peer.size = sizeof(peer.v6);
    int accepted = CALL(accept, four, &peer.any, &peer.size);
    CHECK(accepted >= 0);
    struct address expected = at("127.0.0.1", PORT + 5);
    CHECK(address_equal(&peer, &expected));
    char small[4];
    peer.size = sizeof small;
    CHECK_INT(CALL(peer_address, accepted, (struct sockaddr *)small, &peer.size), 0);
    CHECK_INT(peer.size, sizeof(peer.v4)); /* cut off, but told */
    return 0;
}

/* All ports that nobody minds are taken. */
static int no_port_left_program(void)
{
    for (int i = 32768; i <= 60999; i++)
        CHECK_INT(bind_to(open_socket(), HOST, 0), 0);
    int late = open_socket();
    CHECK_INT(bind_to(late, HOST, 0), -EADDRINUSE);
    CHECK_INT(connect_to(late, HOST, PORT), -EADDRNOTAVAIL);
    CHECK_INT(bind_to(late, "127.0.0.2", 0), 0); /* another address has its own */
    return 0;
}

static int not_open_program(void)
{
    struct address address = at(HOST, PORT);
    int number = open_socket();
    CHECK_INT(CALL(close, number), 0);
    CHECK_INT(bind_to(number, HOST, PORT), -EBADF);
    CHECK_INT(CALL(listen, number, 1), -EBADF);
    CHECK_INT(connect_to(number, HOST, PORT), -EBADF);
    CHECK_INT(CALL(accept, number, NULL, NULL), -EBADF);
    CHECK_INT(CALL(shutdown, number, SHUT_WR), -EBADF);
    CHECK_INT(CALL(local_address, number, &address.any, &address.size), -EBADF);
    CHECK_INT(CALL(peer_address, number, &address.any, &address.size), -EBADF);
    CHECK_INT(CALL(set_option, number, SOL_SOCKET, SO_REUSEADDR, 1), -EBADF);
    CHECK_INT(CALL(get_option, number, SOL_SOCKET, SO_REUSEADDR), -EBADF);
    return 0;
}

PLAIN_TEST(addresses)
{
    passes_as_on_linux(six_program);
    passes(no_port_left_program);
    passes_as_on_linux(not_open_program);
}

PLAIN_TEST(binding)
{
    passes_as_on_linux(bind_program);
    passes_as_on_linux(reuse_program);
}

/* ---- connecting and accepting ---- */

static int connect_program(void)
{
    int client = open_socket(), listener = listener_on(HOST, PORT);
    struct address six = at("::1", PORT);
    CHECK_INT(sent(client, "x"), -EPIPE);
    CHECK_INT(receive(client, 1), -ENOTCONN);
    CHECK_INT(CALL(shutdown, client, SHUT_WR), -ENOTCONN);
    CHECK_INT(CALL(accept, client, NULL, NULL), -EINVAL);
    CHECK_INT(CALL(connect, client, &six.any, six.size), -EAFNOSUPPORT);
    CHECK_INT(connect_to(client, "224.0.0.1", PORT), -ENETUNREACH);
    CHECK_INT(CALL(accept, listener, NULL, NULL), -EAGAIN);
    CHECK_INT(connect_to(listener, HOST, PORT), -EISCONN);

    struct counter watch, listening;
    CHECK_INT(watch_begin(&listening, listener, false, 3), 0);
    CHECK_INT(connect_to(client, HOST, PORT), -EINPROGRESS);
    CHECK_INT(watch_begin(&watch, client, false, 3), 0);
    if (eddy_sim_active()) { /* Linux connects to itself at once */
        CHECK_INT(connect_to(client, HOST, PORT), -EALREADY);
        CHECK_INT(sent(client, "x"), -EAGAIN);
        CHECK_INT(receive(client, 1), -EAGAIN);
    }
    CHECK_INT(told(&watch), READY_WRITE);
    CHECK_INT(told(&listening), READY_READ);
    CHECK_INT(connect_to(client, HOST, PORT), 0);        /* it has succeeded, */
    CHECK_INT(connect_to(client, HOST, PORT), -EISCONN); /* told once */

    struct address peer = {.size = sizeof(peer.v6)}, local = {.size = sizeof(local.v6)};
    int server = CALL(accept, listener, &peer.any, &peer.size);
    CHECK(server >= 0);
    CHECK_INT(CALL(local_address, client, &local.any, &local.size), 0);
    CHECK(address_equal(&peer, &local));
    peer.size = sizeof(peer.v6);
    CHECK_INT(CALL(peer_address, client, &peer.any, &peer.size), 0);
    struct address expected = at(HOST, PORT);
    CHECK(address_equal(&peer, &expected));
    local.size = sizeof(local.v6);
    CHECK_INT(CALL(local_address, server, &local.any, &local.size), 0);
    CHECK(address_equal(&local, &expected));
    CHECK_INT(CALL(peer_address, listener, &peer.any, &peer.size), -ENOTCONN);
    CHECK_INT(CALL(accept, listener, NULL, NULL), -EAGAIN);
    CHECK_INT(CALL(bind, server, &expected.any, expected.size), -EINVAL);
    CHECK_INT(CALL(listen, server, 1), -EINVAL);
    return 0;
}

static int refused_program(void)
{
    int client = open_socket();
    struct counter watch;
    CHECK_INT(connect_to(client, HOST, PORT), -EINPROGRESS);
    CHECK_INT(watch_begin(&watch, client, false, 3), 0);
    CHECK_INT(told(&watch), READY_READ | READY_WRITE | READY_HANGUP);
    CHECK_INT(connect_to(client, HOST, PORT), -ECONNREFUSED);
    int listener = listener_on("0.0.0.0", PORT);
    CHECK_INT(connect_to(client, HOST, PORT), -EINPROGRESS); /* once more */
    settle();
    CHECK_INT(connect_to(client, HOST, PORT), 0);
    CHECK(CALL(accept, listener, NULL, NULL) >= 0);

    /* What nobody accepted is reset when the listener goes. */
    int waiting = open_socket();
    CHECK_INT(connect_to(waiting, "127.0.0.9", PORT), -EINPROGRESS);
    settle();
    CHECK_INT(CALL(close, listener), 0);
    settle();
    CHECK_INT(receive(waiting, 1), -ECONNRESET);
    CHECK_INT(receive(waiting, 1), 0);
    CHECK_INT(sent(waiting, "x"), -EPIPE);
    return 0;
}

static int who_listens_program(void)
{
    int every = listener_on("0.0.0.0", PORT);
    int listener = open_socket();
    CHECK_INT(bind_to(listener, HOST, PORT), -EADDRINUSE);
    CHECK_INT(CALL(close, every), 0);
    CHECK_INT(bind_to(listener, HOST, PORT), 0);
    CHECK_INT(CALL(listen, listener, 0), 0);
    int client = open_socket(), elsewhere = open_socket();
    CHECK_INT(connect_to(client, HOST, PORT), -EINPROGRESS);
    CHECK_INT(connect_to(elsewhere, "127.0.0.2", PORT), -EINPROGRESS);
    settle();
    CHECK_INT(connect_to(client, HOST, PORT), 0);
    CHECK_INT(connect_to(elsewhere, "127.0.0.2", PORT), -ECONNREFUSED);
    /* The one connection fills a backlog of none: TCP tries again after 1, 3, 7 s ... */
    int second = open_socket(), third = open_socket();
    CHECK_INT(connect_to(second, HOST, PORT), -EINPROGRESS);
    CHECK_INT(connect_to(third, HOST, PORT), -EINPROGRESS);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK(CALL(accept, listener, NULL, NULL) >= 0);
    CHECK_INT(eddy_sleep(0.99), 0);
    CHECK_INT(CALL(accept, listener, NULL, NULL), -EAGAIN);
    CHECK_INT(eddy_sleep(0.02), 0);
    CHECK(CALL(accept, listener, NULL, NULL) >= 0);
    CHECK_INT(connect_to(second, HOST, PORT), 0);
    CHECK_INT(eddy_sleep(200), 0); /* ... and gives up after 127 */
    CHECK_INT(connect_to(third, HOST, PORT), 0);
    return 0;
}

PLAIN_TEST(connecting)
{
    passes_as_on_linux(connect_program);
    passes_as_on_linux(refused_program);
    passes(who_listens_program);
}

static int shut_while_connecting_program(void)
{
    int client = open_socket(), listener = listener_on(HOST, PORT);
    CHECK_INT(connect_to(client, HOST, PORT), -EINPROGRESS);
    CHECK_INT(CALL(shutdown, client, SHUT_RDWR), 0);
    settle();
    CHECK_INT(CALL(accept, listener, NULL, NULL), -EAGAIN);
    CHECK_INT(connect_to(client, HOST, PORT), -EINPROGRESS);
    CHECK_INT(CALL(close, client), 0);
    settle();
    CHECK_INT(CALL(accept, listener, NULL, NULL), -EAGAIN);
    CHECK_INT(CALL(shutdown, listener, SHUT_RDWR), 0);
    CHECK_INT(CALL(accept, listener, NULL, NULL), -EINVAL);
    return 0;
}

PLAIN_TEST(giving_a_connect_up)
{
    passes(shut_while_connecting_program);
}
