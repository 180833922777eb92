/* SPDX-License-Identifier: MIT */
/*
 * The engine's calls on sockets, for tests of the simulated ones.
 *
 * Their programs can be run on the system, too, to see that it gives the same answers:
 *
 *     EDDY_COMPARE=1 EDDY_ENGINE=epoll build/tests/test_sim_socket
 *
 * That takes real time, fixed ports, and patience with a busy machine, so it isn't done by itself.
 */
#ifndef EDDY_TESTS_SUPPORT_SIM_SOCKETS_H
#define EDDY_TESTS_SUPPORT_SIM_SOCKETS_H

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "address.h"
#include "loop.h"
#include "sim_test.h"

#define HOST "127.0.0.1"
#define PORT 18080

#define CALL(name, ...) loop_self->engine->call->name(loop_self->engine, __VA_ARGS__)

TEST_HELPER struct address at(const char *host, int port)
{
    struct address address = {.size = 0};
    (void)address_parse(host, port, &address);
    return address;
}

TEST_HELPER int open_socket(void)
{
    return CALL(socket, AF_INET, SOCK_STREAM, 0);
}

TEST_HELPER int bind_to(int number, const char *host, int port)
{
    struct address address = at(host, port);
    return CALL(bind, number, &address.any, address.size);
}

TEST_HELPER int connect_to(int number, const char *host, int port)
{
    struct address address = at(host, port);
    return CALL(connect, number, &address.any, address.size);
}

TEST_HELPER int port_of(int number)
{
    struct address address = {.size = sizeof(address.v6)};
    int r = CALL(local_address, number, &address.any, &address.size);
    return r < 0 ? r : address_port(&address);
}

TEST_HELPER int listener_on(const char *host, int port)
{
    int number = open_socket();
    (void)CALL(set_option, number, SOL_SOCKET, SO_REUSEADDR, 1);
    int r = bind_to(number, host, port);
    if (r == 0)
        r = CALL(listen, number, 10);
    return r < 0 ? r : number;
}

/* Whatever takes no time has happened. */
TEST_HELPER void settle(void)
{
    for (int i = 0; i < 5; i++) {
        if (!eddy_sim_active())
            (void)usleep(2000);
        EXPECT_INT(eddy_sleep(0), 0);
    }
}

/* A connection to a listener on port 80: [0] connected, [1] was accepted. */
TEST_HELPER int make_pair(int pair[2])
{
    int listener = listener_on(HOST, PORT);
    pair[0] = open_socket();
    int r = listener < 0 ? listener : connect_to(pair[0], HOST, PORT);
    settle();
    pair[1] = CALL(accept, listener, NULL, NULL);
    (void)CALL(close, listener);
    return r == -EINPROGRESS && connect_to(pair[0], HOST, PORT) == 0 ? pair[1] : -EBADE;
}

TEST_HELPER ssize_t receive(int number, size_t size)
{
    static char buffer[1 << 17];
    return CALL(receive, number, buffer, size);
}

TEST_HELPER int sent(int number, const char *text)
{
    return (int)CALL(send, number, text, strlen(text));
}

/* ---- watches that count ---- */

struct counter {
    struct watch watch;
    int calls;
    unsigned what;
};

TEST_HELPER void count_ready(struct watch *watch, unsigned what)
{
    struct counter *counter = container_of(watch, struct counter, watch);
    counter->calls++;
    counter->what |= what;
}

TEST_HELPER int watch_begin(struct counter *counter, int number, bool level, uint8_t wanted)
{
    *counter = (struct counter){
        .watch = {.descriptor = number, .level = level, .wanted = wanted, .ready = count_ready}};
    return CALL(watch, &counter->watch);
}

/* What it was told since. */
TEST_HELPER unsigned told(struct counter *counter)
{
    settle();
    unsigned what = counter->what;
    counter->what = 0;
    return what;
}

/* ---- runs ---- */

/* The program ends with 0, in a simulation. */
TEST_HELPER void passes(int (*program)(void))
{
    EXPECT_INT(simulate(1, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, program), 0);
}

/* The same, and on the system if that is asked for; what it leaves open there is closed. */
TEST_HELPER void passes_as_on_linux(int (*program)(void))
{
    passes(program);
    if (!getenv("EDDY_COMPARE"))
        return;
    bool open_before[256];
    for (int i = 0; i < 256; i++)
        open_before[i] = fcntl(i, F_GETFD) >= 0;
    EXPECT_INT(test_run(program), 0);
    for (int i = 0; i < 256; i++)
        if (!open_before[i])
            (void)close(i);
}

#endif
