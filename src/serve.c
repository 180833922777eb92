/* SPDX-License-Identifier: MIT */
/*
 * What makes a server: one or more things to listen on, and options.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "log.h"
#include "server.h"
#include "watch.h"

#define SERVER_BACKLOG SOMAXCONN /* the system cuts it down to its own limit */
#define SERVER_MAX_CONNECTIONS 10000
#define SERVER_ABORT_AFTER 10.0 /* seconds */

/* ---- arguments ---- */

static bool is_seconds(double seconds)
{
    return seconds >= 0; /* not of NaN */
}

/* 0 with all options filled in, or -EINVAL. */
static int check_options(const char *call, const struct eddy_serve_options *options,
                         struct eddy_serve_options *ret_options)
{
    struct eddy_serve_options filled = {.backlog = 0};
    if (options)
        filled = *options;
    if (filled.backlog < 0)
        return log_misuse(-EINVAL, call, "a backlog of %d", filled.backlog);
    if (!is_seconds(filled.grace) || !is_seconds(filled.abort_after))
        return log_misuse(-EINVAL, call, "%s of %g s",
                          is_seconds(filled.grace) ? "abort_after" : "a grace",
                          is_seconds(filled.grace) ? filled.abort_after : filled.grace);
    if (filled.mode & ~(mode_t)0777)
        return log_misuse(-EINVAL, call, "a mode of 0%o", (unsigned)filled.mode);
    if (!filled.backlog)
        filled.backlog = SERVER_BACKLOG;
    if (!filled.max_connections)
        filled.max_connections = SERVER_MAX_CONNECTIONS;
    if (filled.abort_after == 0)
        filled.abort_after = SERVER_ABORT_AFTER;
    *ret_options = filled;
    return 0;
}

static int check_port(const char *call, int port)
{
    if (port < 0 || port > UINT16_MAX)
        return log_misuse(-EINVAL, call, "port %d isn't within 0 and 65535", port);
    return 0;
}

static int check_path(const char *call, const char *path)
{
    if (!path || !path[0])
        return log_misuse(-EINVAL, call, path ? "the path is empty" : "the path is NULL");
    return 0;
}

/* A server that doesn't listen yet. */
static int create(const char *call, eddy_stream_handler *handler, void *context,
                  const struct eddy_serve_options *options, eddy_server *const *place,
                  struct eddy_server **ret_server)
{
    struct eddy_serve_options filled;
    if (!handler || !place)
        return log_misuse(-EINVAL, call, "the %s is NULL", handler ? "server" : "handler");
    int r = check_options(call, options, &filled);
    if (r < 0)
        return r;
    if (!loop_self)
        return log_misuse(-EINVAL, call, "called outside a loop");
    *ret_server = server_create(loop_self, handler, context, &filled);
    return *ret_server ? 0 : eddy_fail(-ENOMEM, "no memory for a server");
}

/* Gives the server away if it listens now, and drops it if not. */
static int finish(struct eddy_server *server, int r, eddy_server **ret_server)
{
    if (r < 0)
        server_disown(server);
    else
        *ret_server = server;
    return r;
}

/* ---- TCP ---- */

static int every_interface(int port, struct address_list *list)
{
    list->count = 2;
    (void)address_parse("0.0.0.0", port, &list->addresses[0]);
    (void)address_parse("::", port, &list->addresses[1]);
    return 0;
}

static int add_host(struct eddy_server *server, const char *host, int port)
{
    struct engine *engine = server->loop->engine;
    struct address_list list;
    struct listen_sockets sockets;
    int r = host && host[0] ? resolve(host, port, &list) : every_interface(port, &list);
    if (r == 0 && server->stopped)
        r = eddy_fail(-ECONNABORTED, "the server was stopped meanwhile");
    if (r == 0)
        r = listen_on(engine, &list, server->options.backlog, server->options.reuse_port, &sockets);
    if (r < 0)
        return r;
    size_t added = 0;
    while (added < sockets.count && (r = server_add(server, &sockets.sockets[added])) == 0)
        added++;
    if (r == 0)
        return 0;
    for (size_t i = 0; i < added; i++)
        server_remove_last(server);
    for (size_t i = 0; i < sockets.count; i++)
        (void)engine->call->close(engine, sockets.sockets[i].descriptor);
    return r;
}

int eddy_serve(const char *host, int port, eddy_stream_handler *handler, void *context,
               const struct eddy_serve_options *options, eddy_server **ret_server)
{
    struct eddy_server *server = NULL;
    int r = task_current() ? check_port("eddy_serve", port) : task_missing("eddy_serve");
    if (r == 0)
        r = create("eddy_serve", handler, context, options, ret_server, &server);
    return r < 0 ? r : finish(server, add_host(server, host, port), ret_server);
}

/* ---- paths ---- */

static int add_path(struct eddy_server *server, const char *path)
{
    struct engine *engine = server->loop->engine;
    struct listen_socket socket;
    int r = listen_on_path(engine, path, server->options.mode, server->options.keep_path,
                           server->options.backlog, &socket);
    if (r < 0)
        return r;
    r = server_add(server, &socket);
    if (r < 0) {
        listen_path_remove(engine, socket.path);
        (void)engine->call->close(engine, socket.descriptor);
    }
    return r;
}

int eddy_serve_unix(const char *path, eddy_stream_handler *handler, void *context,
                    const struct eddy_serve_options *options, eddy_server **ret_server)
{
    struct eddy_server *server = NULL;
    int r = check_path("eddy_serve_unix", path);
    if (r == 0)
        r = create("eddy_serve_unix", handler, context, options, ret_server, &server);
    return r < 0 ? r : finish(server, add_path(server, path), ret_server);
}

/* ---- descriptors ---- */

static int add_descriptor(struct eddy_server *server, int descriptor)
{
    struct listen_socket socket;
    for (const struct link *link = server->listeners.first; link; link = link->next)
        if (container_of(link, const struct listener, link)->socket.descriptor == descriptor)
            return eddy_fail(-EEXIST, "descriptor %d is there twice", descriptor);
    if (watch_is_owned(server->loop, descriptor))
        return eddy_fail(-EEXIST, "descriptor %d is a server's or stream's already", descriptor);
    int r = listen_given(server->loop->engine, descriptor, &socket);
    if (r == 0 && (r = server_add(server, &socket)) < 0)
        listen_given_back(&socket);
    return r;
}

static int add_descriptors(struct eddy_server *server, const int *descriptors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int r = add_descriptor(server, descriptors[i]);
        if (r == 0)
            continue;
        for (; i; i--) {
            struct listen_socket socket =
                container_of(server->listeners.last, struct listener, link)->socket;
            server_remove_last(server);
            listen_given_back(&socket);
        }
        return r;
    }
    return 0;
}

int eddy_serve_descriptors(const int *descriptors, size_t count, eddy_stream_handler *handler,
                           void *context, const struct eddy_serve_options *options,
                           eddy_server **ret_server)
{
    const char *call = "eddy_serve_descriptors";
    struct eddy_server *server = NULL;
    if (!descriptors || !count)
        return log_misuse(-EINVAL, call,
                          descriptors ? "no descriptors" : "the descriptors are NULL");
    int r = create(call, handler, context, options, ret_server, &server);
    return r < 0 ? r : finish(server, add_descriptors(server, descriptors, count), ret_server);
}

/* ---- more addresses ---- */

static int check_open(const struct eddy_server *server, const char *call)
{
    int r = server_check(server, call);
    if (r == 0 && server->stopped)
        r = log_misuse(-EINVAL, call, "the server has stopped");
    return r;
}

int eddy_server_listen(eddy_server *server, const char *host, int port)
{
    int r = check_open(server, "eddy_server_listen");
    if (r == 0)
        r = task_current() ? check_port("eddy_server_listen", port)
                           : task_missing("eddy_server_listen");
    if (r < 0)
        return r;
    server->references++; /* a name may take a while */
    r = add_host(server, host, port);
    server_release(server);
    return r;
}

int eddy_server_listen_unix(eddy_server *server, const char *path)
{
    int r = check_open(server, "eddy_server_listen_unix");
    if (r == 0)
        r = check_path("eddy_server_listen_unix", path);
    return r < 0 ? r : add_path(server, path);
}

/* ---- asking ---- */

static const struct listener *nth_listener(const struct eddy_server *server, size_t index)
{
    const struct link *link = server->listeners.first;
    for (; link && index; index--)
        link = link->next;
    return link ? container_of(link, const struct listener, link) : NULL;
}

int eddy_server_port(const eddy_server *server)
{
    return server ? nth_listener(server, 0)->socket.port : -EINVAL;
}

int eddy_server_address(const eddy_server *server, size_t index, char *buffer, size_t size)
{
    if (!server || (!buffer && size))
        return log_misuse(-EINVAL, "eddy_server_address", "the %s is NULL",
                          server ? "buffer" : "server");
    const struct listener *listener = nth_listener(server, index);
    return listener ? snprintf(buffer, size, "%s", listener->socket.name)
                    : eddy_fail(-ENOENT, "the server listens on no address %zu", index);
}

size_t eddy_server_connections(const eddy_server *server)
{
    return server ? server->count : 0;
}

bool eddy_server_is_serving(const eddy_server *server)
{
    return server && !server->stopped;
}
