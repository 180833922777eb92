/* SPDX-License-Identifier: MIT */
/*
 * Listening on a path of the file system.
 *
 * A server that was killed leaves its socket's name behind, and bind(2) refuses a name that is
 * taken. Whether somebody still has that socket open connecting to it tells, and if nobody has, the
 * name is removed. Servers that start at the same time mustn't take each other for dead:
 *
 *  - Between its bind and its listen one refuses streams, as a dead one does. A datagram socket is
 *    refused by the dead only: by the living it is of the wrong type (but not under gVisor, where
 *    the stream is what finds them).
 *  - What was found dead may have been replaced by the time that it is removed. So only one at a
 *    time finds and removes: who has bound an abstract name that is made of the dead one's inode.
 *    Such a name ends with the process at the latest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "address.h"
#include "engine/engine.h"
#include "failure.h"
#include "listen.h"
#include "memory.h"

/* How often, and in what steps, others are waited for who remove the same name, which takes them
 * microseconds. Who is longer at it has no right to that: everybody can bind an abstract name. */
#define LOCK_TRIES 100
#define LOCK_NAP_NS 100000

struct unix_address {
    struct sockaddr_un socket;
    socklen_t size;
};

static int unix_address(const char *path, struct unix_address *ret_address)
{
    int r = address_unix(path, &ret_address->socket, &ret_address->size);
    if (r == -ENAMETOOLONG)
        return eddy_fail(r, "can't listen on unix:%s: a path of %zu bytes, at most %zu", path,
                         strlen(path), sizeof ret_address->socket.sun_path - 1);
    return r < 0 ? eddy_fail(r, "can't listen on a path that is empty") : 0;
}

static bool is_same(struct engine *engine, const char *path, dev_t device, ino_t inode)
{
    struct stat status;
    return engine->call->path_status(engine, path, &status) == 0 && S_ISSOCK(status.st_mode) &&
           status.st_dev == device && status.st_ino == inode;
}

static int bind_name(struct engine *engine, int descriptor, const struct unix_address *address)
{
    return engine->call->bind(engine, descriptor, (const struct sockaddr *)&address->socket,
                              address->size);
}

static bool refuses(struct engine *engine, const struct unix_address *address, int type)
{
    int descriptor = engine->call->socket(engine, AF_UNIX, type, 0);
    if (descriptor < 0)
        return false;
    int r = engine->call->connect(engine, descriptor, (const struct sockaddr *)&address->socket,
                                  address->size);
    (void)engine->call->close(engine, descriptor);
    return r == -ECONNREFUSED;
}

/* A descriptor that is the lock as long as it is open, or a negative errno. */
static int removal_lock(struct engine *engine, const struct stat *status)
{
    char name[64];
    struct unix_address address;
    (void)snprintf(name, sizeof name, "@eddy-remove-%jx-%jx", (uintmax_t)status->st_dev,
                   (uintmax_t)status->st_ino);
    (void)address_unix(name, &address.socket, &address.size);
    int descriptor = engine->call->socket(engine, AF_UNIX, SOCK_STREAM, 0);
    if (descriptor < 0)
        return descriptor;
    int r = bind_name(engine, descriptor, &address);
    for (int tries = 1; r == -EADDRINUSE && tries < LOCK_TRIES; tries++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = LOCK_NAP_NS}, NULL);
        r = bind_name(engine, descriptor, &address);
    }
    if (r < 0)
        (void)engine->call->close(engine, descriptor);
    return r < 0 ? r : descriptor;
}

/* To the name that was found to be a socket of this status. That the name is taken is tried anew:
 * while a bind is under way the system has the name already, but not whose it is, and another bind
 * in that directory waits for it. */
static int bind_over(struct engine *engine, int descriptor, const struct unix_address *address,
                     const struct stat *status)
{
    const char *path = address->socket.sun_path;
    int r = bind_name(engine, descriptor, address);
    if (r != -EADDRINUSE || !is_same(engine, path, status->st_dev, status->st_ino) ||
        !refuses(engine, address, SOCK_DGRAM) || !refuses(engine, address, SOCK_STREAM) ||
        engine->call->path_remove(engine, path) < 0)
        return r;
    return bind_name(engine, descriptor, address);
}

static int bind_to(struct engine *engine, int descriptor, const struct unix_address *address)
{
    const char *path = address->socket.sun_path; /* "" for an abstract one */
    struct stat status;
    int r = bind_name(engine, descriptor, address);
    if (r != -EADDRINUSE || !path[0] || engine->call->path_status(engine, path, &status) < 0 ||
        !S_ISSOCK(status.st_mode))
        return r;
    int lock = removal_lock(engine, &status); /* without it is better than not at all */
    r = bind_over(engine, descriptor, address, &status);
    if (lock >= 0)
        (void)engine->call->close(engine, lock);
    return r;
}

static int remember(struct engine *engine, const char *path, struct listen_path **ret_path)
{
    struct stat status;
    int r = engine->call->path_status(engine, path, &status);
    if (r < 0)
        return r;
    struct listen_path *made = memory_allocate(sizeof *made + strlen(path) + 1);
    if (!made)
        return -ENOMEM;
    *made = (struct listen_path){
        .device = status.st_dev, .inode = status.st_ino, .process = getpid()};
    memcpy(made->text, path, strlen(path) + 1);
    *ret_path = made;
    return 0;
}

/* Bound: the name is there. */
static int begin(struct engine *engine, struct listen_socket *socket, const char *path, mode_t mode,
                 int backlog)
{
    if (path[0] != '@') {
        int r = remember(engine, path, &socket->path);
        if (r < 0)
            (void)engine->call->path_remove(engine, path);
        else if (mode) /* nobody can connect before listen() */
            r = engine->call->path_mode(engine, path, mode);
        if (r < 0)
            return r;
    }
    return engine->call->listen(engine, socket->descriptor, backlog);
}

int listen_on_path(struct engine *engine, const char *path, mode_t mode, bool keep, int backlog,
                   struct listen_socket *ret_socket)
{
    struct unix_address address;
    struct listen_socket made = {.port = 0};
    int r = unix_address(path, &address);
    if (r < 0)
        return r;
    (void)snprintf(made.name, sizeof made.name, "unix:%s", path);
    r = made.descriptor = engine->call->socket(engine, AF_UNIX, SOCK_STREAM, 0);
    if (r >= 0) {
        r = bind_to(engine, made.descriptor, &address);
        if (r == 0)
            r = begin(engine, &made, path, mode, backlog);
        if (r < 0) {
            listen_path_remove(engine, made.path);
            (void)engine->call->close(engine, made.descriptor);
        }
    }
    if (r < 0)
        return eddy_fail(r, "can't listen on %s: %s", made.name, strerror(-r));
    if (keep) {
        memory_free(made.path);
        made.path = NULL;
    }
    *ret_socket = made;
    return 0;
}

void listen_path_remove(struct engine *engine, struct listen_path *path)
{
    if (!path)
        return;
    if (path->process == getpid() && is_same(engine, path->text, path->device, path->inode))
        (void)engine->call->path_remove(engine, path->text);
    memory_free(path);
}
