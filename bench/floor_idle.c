/* SPDX-License-Identifier: MIT
 *
 * The floor of an idle connection's memory: an epoll loop that has for each connection what a task
 * has on its stack, a buffer, and nothing else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "echo_trial.h"
#include "floors.h"

enum { EVENTS = 512 };

struct connection {
    int descriptor;
    char buffer[WORKLOAD_BUFFER_SIZE];
};

static void accept_all(int epoll, int listener)
{
    for (;;) {
        int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0)
            return;
        struct connection *connection = malloc(sizeof(*connection));
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET,
                                    .data.ptr = connection};
        if (connection == NULL || epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) < 0) {
            free(connection);
            close(descriptor);
            continue;
        }
        connection->descriptor = descriptor;
    }
}

static void echo(struct connection *connection)
{
    ssize_t length;

    do {
        length = recv(connection->descriptor, connection->buffer, sizeof(connection->buffer), 0);
        if (length < 0 && errno == EAGAIN)
            return;
        if (length <= 0 || send(connection->descriptor, connection->buffer, (size_t)length,
                                MSG_NOSIGNAL) != length) {
            close(connection->descriptor);
            free(connection);
            return;
        }
    } while (length == sizeof(connection->buffer));
}

static int serve(int listener, uint16_t port, size_t size)
{
    struct epoll_event events[EVENTS];
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};

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
            if (events[i].data.ptr == NULL)
                accept_all(epoll, listener);
            else
                echo(events[i].data.ptr);
        }
    }
}

static const struct echo_server server = {.serve = serve};

const struct contender floor_idle_contenders[] = {
    IDLE_CONTENDER("raw epoll, 1 KiB a connection", server, true),
    {.name = NULL},
};
