/* SPDX-License-Identifier: MIT
 *
 * The floor of a TCP echo: edge-triggered epoll, registered once, wait + recv + send. A short read
 * means drained, so no recv is spent on hearing EAGAIN; a close comes as an event of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "echo_trial.h"
#include "floors.h"

enum { EVENTS = 512 };

static void accept_all(int epoll, int listener)
{
    for (;;) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0)
            return;
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET,
                                    .data.fd = descriptor};
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
            close(descriptor);
    }
}

static void echo(int descriptor)
{
    char buffer[WORKLOAD_LARGE_BUFFER_SIZE];
    ssize_t length;

    do {
        length = recv(descriptor, buffer, sizeof(buffer), 0);
        if (length < 0 && errno == EAGAIN)
            return;
        if (length <= 0 || send(descriptor, buffer, (size_t)length, MSG_NOSIGNAL) != length) {
            close(descriptor);
            return;
        }
    } while (length == sizeof(buffer));
}

static int serve(int listener, uint16_t port, size_t size)
{
    struct epoll_event events[EVENTS];
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = listener};

    (void)port;
    (void)size;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
        return -errno;
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        if (count < 0 && errno != EINTR)
            return -errno;
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener)
                accept_all(epoll, listener);
            else
                echo(events[i].data.fd);
        }
    }
}

static const struct echo_server server = {.serve = serve};

const struct contender floor_echo_epoll_contenders[] = {
    ECHO_CONTENDERS("raw epoll", server, true),
    IDLE_CONTENDER("raw epoll, one buffer for all", server, false),
    {.name = NULL},
};
