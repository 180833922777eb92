/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets that somebody else has made: a program's own, or a service manager's, which it
 * hands over by number, from 3 on, and tells of in the environment (sd_listen_fds(3)).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "eddy/server.h"
#include "address.h"
#include "engine/engine.h"
#include "failure.h"
#include "listen.h"
#include "log.h"

#define LISTEN_FIRST 3

/* ---- one of them ---- */

static void name_it(struct engine *engine, struct listen_socket *socket)
{
    struct address address;
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    struct sockaddr *any = (struct sockaddr *)&from;
    socklen_t size = sizeof from;
    if (engine->call->local_address(engine, socket->descriptor, any, &size) < 0 ||
        address_text_any(any, size, socket->name, sizeof socket->name) < 0)
        (void)snprintf(socket->name, sizeof socket->name, "descriptor %d", socket->descriptor);
    else if (address_from(any, size, &address))
        socket->port = address_port(&address);
}

int listen_given(struct engine *engine, int descriptor, struct listen_socket *ret_socket)
{
    struct listen_socket given = {.descriptor = descriptor};
    int type = engine->call->get_option(engine, descriptor, SOL_SOCKET, SO_TYPE);
    int listening = engine->call->get_option(engine, descriptor, SOL_SOCKET, SO_ACCEPTCONN);
    if (type < 0)
        return eddy_fail(type, "descriptor %d: %s", descriptor, strerror(-type));
    if (type != SOCK_STREAM || listening <= 0)
        return eddy_fail(-EINVAL, "descriptor %d is a socket, but doesn't listen for connections",
                         descriptor);
    int flags = fcntl(descriptor, F_GETFL);
    given.was_blocking = flags >= 0 && !(flags & O_NONBLOCK);
    if (flags < 0 || (given.was_blocking && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0))
        return eddy_fail(-errno, "descriptor %d: %s", descriptor, strerror(errno));
    name_it(engine, &given);
    *ret_socket = given;
    return 0;
}

void listen_given_back(const struct listen_socket *socket)
{
    if (socket->was_blocking)
        (void)fcntl(socket->descriptor, F_SETFL, fcntl(socket->descriptor, F_GETFL) & ~O_NONBLOCK);
}

/* ---- a service manager's ---- */

/* A number from the environment; -1: it isn't one. */
static long number_of(const char *text)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return *text && !*end && errno == 0 && number >= 0 ? number : -1;
}

/* Whether the nth of the names, which colons part, is this one. */
static bool has_name(const char *names, long n, const char *name)
{
    for (; n && names; n--)
        names = (names = strchr(names, ':')) ? names + 1 : NULL;
    if (!names)
        return strcmp(name, "unknown") == 0; /* what systemd calls those without one */
    size_t length = strcspn(names, ":");
    return strlen(name) == length && memcmp(names, name, length) == 0;
}

int eddy_listen_descriptors(const char *name, int *descriptors, size_t size)
{
    const char *call = "eddy_listen_descriptors";
    const char *process = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    if (!descriptors && size)
        return log_misuse(-EINVAL, call, "the array is NULL");
    if (!process || !count_text)
        return 0;
    long id = number_of(process), count = number_of(count_text);
    if (id < 0 || count < 0 || count > INT32_MAX - LISTEN_FIRST)
        return eddy_fail(-EINVAL, "LISTEN_PID='%.32s', LISTEN_FDS='%.32s': not numbers", process,
                         count_text);
    if (id != getpid())
        return 0; /* meant for another process, ours inherited it */
    int found = 0;
    for (long i = 0; i < count; i++) {
        int descriptor = LISTEN_FIRST + (int)i, flags = fcntl(descriptor, F_GETFD);
        if (flags < 0)
            return eddy_fail(-errno, "LISTEN_FDS=%ld, but descriptor %d isn't open", count,
                             descriptor);
        if (name && !has_name(names, i, name))
            continue;
        (void)fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC);
        if ((size_t)found < size)
            descriptors[found] = descriptor;
        found++;
    }
    return found;
}
