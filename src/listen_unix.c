/* SPDX-License-Identifier: MIT */
/*
 * Listening on a path of the file system.
 *
 * A server that was killed leaves its socket's name behind, and bind(2) refuses a name that is
 * taken. Whether somebody still listens there only a connect tells: refused means that nobody does,
 * and then the name is removed. Between that and the second bind another server may take it; then
 * the name is in use, as it should be.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "address.h"
#include "engine/engine.h"
#include "failure.h"
#include "listen.h"
#include "memory.h"

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

/* Whether it is a socket that nobody listens on; then *ret_status tells which. */
static bool is_stale(struct engine *engine, const struct unix_address *address,
                     struct stat *ret_status)
{
    if (engine->call->path_status(engine, address->socket.sun_path, ret_status) < 0 ||
        !S_ISSOCK(ret_status->st_mode))
        return false;
    int descriptor = engine->call->socket(engine, AF_UNIX, SOCK_STREAM, 0);
    if (descriptor < 0)
        return false;
    int r = engine->call->connect(engine, descriptor, (const struct sockaddr *)&address->socket,
                                  address->size);
    (void)engine->call->close(engine, descriptor);
    return r == -ECONNREFUSED;
}

static bool is_same(struct engine *engine, const char *path, dev_t device, ino_t inode)
{
    struct stat status;
    return engine->call->path_status(engine, path, &status) == 0 && S_ISSOCK(status.st_mode) &&
           status.st_dev == device && status.st_ino == inode;
}

static int bind_to(struct engine *engine, int descriptor, const struct unix_address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->socket;
    const char *path = address->socket.sun_path; /* "" for an abstract one */
    struct stat status;
    int r = engine->call->bind(engine, descriptor, name, address->size);
    if (r != -EADDRINUSE || !path[0] || !is_stale(engine, address, &status) ||
        !is_same(engine, path, status.st_dev, status.st_ino) ||
        engine->call->path_remove(engine, path) < 0)
        return r;
    return engine->call->bind(engine, descriptor, name, address->size);
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
