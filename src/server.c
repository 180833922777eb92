/* SPDX-License-Identifier: MIT */
/*
 * Servers: listening sockets, and a task a connection.
 *
 *      edge --> listener queued --> accept, accept, ... --> connection: stream + task
 *                   ^                   |                        |
 *                   |                   | out of descriptors     | handler returns, fails,
 *      a connection ended, or           v                        v is cancelled
 *      the pause is over <------------ pause 1 s             stream closed, failure logged
 *
 * Accepting never waits, so it needs no task: a listener runs as work of the loop while there is
 * something to accept and room for it. Handlers are tasks of the loop; their ends are heard by a
 * join, which comes also for one that was cancelled before it ran. So closing is: stop listening,
 * cancel the tasks, wait until the last join has come.
 *
 * The server's memory is the last reference's: the owner's, a queued listener's, a connection's, a
 * closer's. What nobody closed is freed with the loop.
 */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "listen.h"
#include "log.h"
#include "memory.h"
#include "stream.h"

#define SERVER_BACKLOG 100
#define SERVER_MAX_CONNECTIONS 10000
#define SERVER_PAUSE 1.0 /* seconds */

/* Connections accepted before other work gets its turn. */
#define ACCEPT_BATCH 64

struct listener {
    struct watch watch;
    struct work work;
    struct eddy_server *server;
    bool queued;   /* the work waits in the loop's ready queue */
    bool pending;  /* there may be something to accept */
    bool watching; /* until the server stops */
};

struct eddy_server {
    struct link in_loop;
    struct eddy_loop *loop;
    eddy_stream_handler *handler;
    void *context;
    size_t max_connections, count;
    struct list connections;
    struct list closers; /* parked in eddy_server_close */
    struct timer pause;  /* set: nothing is accepted until it fires */
    unsigned references;
    bool owned;     /* the owner's reference is still there */
    bool exhausted; /* that it ran out of something was reported */
    int port;
    size_t listener_count;
    struct listener listeners[];
};

struct connection {
    struct link link;
    struct join join;
    struct eddy_server *server;
    struct eddy_stream *stream;
    struct task *task;
};

/* Parked until the last handler has ended. */
struct closer {
    struct wait wait;
    struct eddy_server *server;
};

/* ---- life ---- */

static void server_free(struct eddy_server *server)
{
    list_remove(&server->loop->servers, &server->in_loop);
    memory_free(server);
}

static void server_release(struct eddy_server *server)
{
    if (--server->references == 0)
        server_free(server);
}

static void server_disown(struct eddy_server *server)
{
    if (server->owned) {
        server->owned = false;
        server_release(server);
    }
}

static void server_stop_listening(struct eddy_server *server)
{
    struct eddy_loop *loop = server->loop;
    timer_cancel(&loop->timers, &server->pause);
    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        if (!listener->watching)
            continue;
        listener->watching = listener->pending = false;
        loop->engine->call->unwatch(loop->engine, &listener->watch);
        loop->watched--;
        (void)loop->engine->call->close(loop->engine, listener->watch.descriptor);
    }
}

/* ---- accepting ---- */

static void listener_run(struct work *work);

static void listener_queue(struct listener *listener)
{
    struct eddy_server *server = listener->server;
    if (listener->queued || !listener->pending || timer_is_set(&server->pause) ||
        server->count >= server->max_connections)
        return;
    listener->queued = true;
    listener->work.run = listener_run;
    server->references++;
    loop_ready(server->loop, &listener->work);
}

static void server_queue_listeners(struct eddy_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        listener_queue(&server->listeners[i]);
}

static void listener_edge(struct watch *watch, unsigned what)
{
    struct listener *listener = container_of(watch, struct listener, watch);
    (void)what;
    listener->pending = true;
    listener_queue(listener);
}

static void server_pause_over(struct timer *timer)
{
    server_queue_listeners(container_of(timer, struct eddy_server, pause));
}

/* Out of descriptors, memory or tasks: to try at once would be a busy loop. */
static void server_pause(struct eddy_server *server, int code)
{
    struct eddy_loop *loop = server->loop;
    if (!server->exhausted) {
        char message[128];
        (void)snprintf(
            message, sizeof message,
            "the server on port %d can't accept connections: %s; it tries again every %g s",
            server->port, strerror(-code), SERVER_PAUSE);
        const eddy_failure *failure = eddy_last_failure();
        log_record(loop, &(struct eddy_log_record){
                             .level = EDDY_LOG_ERROR,
                             .event = EDDY_LOG_NOTE,
                             .message = message,
                             .task = "",
                             .code = code,
                             .failure = eddy_failure_code(failure) == code ? failure : NULL});
    }
    server->exhausted = true;
    if (!timer_is_set(&server->pause))
        timer_set(&loop->timers, &server->pause, loop_deadline(loop, SERVER_PAUSE));
}

/* ---- connections ---- */

static int connection_run(struct connection *connection)
{
    return connection->server->handler(connection->stream, connection->server->context);
}

static void connection_log_failure(const struct connection *connection,
                                   const struct task_slot *slot)
{
    char peer[ADDRESS_TEXT_SIZE], task[TASK_NAME_SIZE], message[192];
    stream_name(connection->stream, peer);
    slot_name(slot, task);
    (void)snprintf(message, sizeof message, "the connection from %s failed: %s", peer,
                   strerror(-slot->result));
    log_record(connection->server->loop, &(struct eddy_log_record){.level = EDDY_LOG_ERROR,
                                                                   .event = EDDY_LOG_TASK_LOST,
                                                                   .message = message,
                                                                   .task = task,
                                                                   .code = slot->result,
                                                                   .failure = slot->failure});
}

static void connection_free(struct connection *connection)
{
    if (!connection->stream->closed) /* by the handler, against the rule */
        eddy_stream_close(connection->stream);
    stream_release(connection->stream);
    memory_free(connection);
}

static void server_wake_closers(struct eddy_server *server)
{
    struct link *link;
    while ((link = list_take_first(&server->closers)))
        wait_finish(container_of(link, struct wait, link), 0);
}

static void connection_done(struct join *join, const struct task_slot *slot)
{
    struct connection *connection = container_of(join, struct connection, join);
    struct eddy_server *server = connection->server;
    if (slot->result < 0 && slot->result != -ECANCELED)
        connection_log_failure(connection, slot);
    list_remove(&server->connections, &connection->link);
    connection_free(connection);
    server->count--;
    server_queue_listeners(server);
    if (!server->count)
        server_wake_closers(server);
    server_release(server);
}

/* A task for an accepted socket: 0, or an error and the socket is the caller's. */
static int connection_start(struct eddy_server *server, int descriptor, const struct address *peer)
{
    static const struct eddy_site_ site = {"connection_run", __FILE__, __LINE__};
    struct connection *made = memory_allocate_zeroed(1, sizeof *made);
    struct eddy_stream *stream = made ? stream_create(server->loop, descriptor, peer) : NULL;
    if (!stream) {
        memory_free(made);
        return -ENOMEM;
    }
    struct task_start start = {.function = EDDY_ERASE_(connection_run),
                               .arguments = made,
                               .kind = EDDY_IN_PLACE_,
                               .site = &site};
    struct task *task = task_create(server->loop, NULL, &start);
    if (!task) {
        memory_free(made);
        stream_release(stream);
        return eddy_failure_code(eddy_last_failure());
    }
    stream->references++; /* beside the owner's: the handler might close it */
    stream_send_at_once(stream);
    *made = (struct connection){
        .join.done = connection_done, .server = server, .stream = stream, .task = task};
    task->slot->released = true;
    list_append(&task->joiners, &made->join.link);
    list_append(&server->connections, &made->link);
    server->count++;
    server->references++;
    return 0;
}

/* What accept(2) says of a connection that is gone already, or was refused on the way. */
static bool concerns_one_connection(int code)
{
    static const int codes[] = {ECONNABORTED, EPROTO, ENETDOWN,     ENOPROTOOPT, EHOSTDOWN,
                                ENONET,       EPERM,  EHOSTUNREACH, EOPNOTSUPP,  ENETUNREACH};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (code == -codes[i])
            return true;
    return false;
}

/* One connection. 0: go on; else nothing more now. */
static int listener_accept(struct listener *listener)
{
    struct eddy_server *server = listener->server;
    struct engine *engine = server->loop->engine;
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    int descriptor = engine->call->accept(engine, listener->watch.descriptor,
                                          (struct sockaddr *)&from, &size);
    if (descriptor == -EAGAIN) {
        listener->pending = false;
        return -EAGAIN;
    }
    if (descriptor < 0 && concerns_one_connection(descriptor))
        return 0;
    int r = descriptor;
    eddy_failure_clear(); /* not to be taken for the reason why this fails */
    if (descriptor >= 0) {
        struct address peer = {.size = 0};
        (void)address_from((struct sockaddr *)&from, size, &peer);
        r = connection_start(server, descriptor, &peer);
        if (r < 0)
            (void)engine->call->close(engine, descriptor);
    }
    if (r < 0) {
        server_pause(server, r);
        return r;
    }
    server->exhausted = false;
    return 0;
}

static void listener_run(struct work *work)
{
    struct listener *listener = container_of(work, struct listener, work);
    struct eddy_server *server = listener->server;
    listener->queued = false;
    if (atomic_load(&server->loop->closing)) /* no new tasks */
        server_stop_listening(server);
    int r = 0;
    for (int i = 0; i < ACCEPT_BATCH && r == 0 && listener->pending; i++)
        r = server->count < server->max_connections ? listener_accept(listener) : -EAGAIN;
    listener_queue(listener);
    server_release(server);
}

/* ---- public ---- */

static void close_sockets(struct engine *engine, const struct listen_sockets *sockets, size_t from)
{
    for (size_t i = from; i < sockets->count; i++)
        (void)engine->call->close(engine, sockets->descriptors[i]);
}

/* Takes the sockets over, also on failure. */
static int server_create(struct eddy_loop *loop, const struct listen_sockets *sockets,
                         struct eddy_server **ret_server)
{
    struct eddy_server *server = memory_allocate_zeroed(
        1, sizeof *server + sockets->count * sizeof(server->listeners[0]));
    if (!server) {
        close_sockets(loop->engine, sockets, 0);
        return eddy_fail(-ENOMEM, "no memory for a server");
    }
    server->loop = loop;
    server->port = sockets->port;
    server->references = 1;
    server->owned = true;
    timer_init(&server->pause, server_pause_over);
    list_append(&loop->servers, &server->in_loop);
    for (size_t i = 0; i < sockets->count; i++) {
        struct listener *listener = &server->listeners[i];
        listener->server = server;
        listener->watch.descriptor = sockets->descriptors[i];
        listener->watch.wanted = READY_READ | READY_WRITE;
        listener->watch.ready = listener_edge;
        int r = loop->engine->call->watch(loop->engine, &listener->watch);
        if (r < 0) {
            server_stop_listening(server); /* closes the ones before */
            close_sockets(loop->engine, sockets, i);
            server_disown(server);
            return eddy_fail(r, "can't watch a listening socket: %s", strerror(-r));
        }
        listener->watching = true;
        loop->watched++;
        server->listener_count++;
    }
    *ret_server = server;
    return 0;
}

static int every_interface(int port, struct address_list *list)
{
    list->count = 2;
    (void)address_parse("0.0.0.0", port, &list->addresses[0]);
    (void)address_parse("::", port, &list->addresses[1]);
    return 0;
}

int eddy_serve(const char *host, int port, eddy_stream_handler *handler, void *context,
               const struct eddy_serve_options *options, eddy_server **ret_server)
{
    static const struct eddy_serve_options defaults;
    if (!options)
        options = &defaults;
    if (!handler || !ret_server)
        return log_misuse(-EINVAL, "eddy_serve", "the %s is NULL", handler ? "server" : "handler");
    if (port < 0 || port > UINT16_MAX || options->backlog < 0)
        return log_misuse(-EINVAL, "eddy_serve",
                          options->backlog < 0 ? "a backlog of %d"
                                               : "port %d isn't within 0 and 65535",
                          options->backlog < 0 ? options->backlog : port);
    if (!task_current())
        return log_misuse(-EINVAL, "eddy_serve", "awaited outside a task");
    struct eddy_loop *loop = loop_self;
    struct address_list list;
    struct listen_sockets sockets;
    int r = host && host[0] ? resolve(host, port, &list) : every_interface(port, &list);
    if (r < 0)
        return r;
    r = listen_on(loop->engine, &list, options->backlog ? options->backlog : SERVER_BACKLOG,
                  options->reuse_port, &sockets);
    if (r < 0)
        return r;
    struct eddy_server *server = NULL;
    r = server_create(loop, &sockets, &server);
    if (r < 0)
        return r;
    server->handler = handler;
    server->context = context;
    server->max_connections = options->max_connections ? options->max_connections
                                                       : SERVER_MAX_CONNECTIONS;
    *ret_server = server;
    return 0;
}

int eddy_server_port(const eddy_server *server)
{
    return server ? server->port : -EINVAL;
}

size_t eddy_server_connections(const eddy_server *server)
{
    return server ? server->count : 0;
}

static bool is_handler_of(const struct task *task, const struct eddy_server *server)
{
    return task->function == EDDY_ERASE_(connection_run) &&
           ((const struct connection *)task->arguments)->server == server;
}

static const char handlers_end[] = "the end of a server's handlers";

static bool closer_abort(struct wait *wait)
{
    struct closer *closer = container_of(wait, struct closer, wait);
    list_remove(&closer->server->closers, &wait->link);
    return true;
}

int eddy_server_drain(eddy_server *server)
{
    const char *call = "eddy_server_drain";
    if (!task_current())
        return task_missing(call);
    if (!server || server->loop != loop_self)
        return log_misuse(-EINVAL, call,
                          server ? "the server belongs to another loop" : "the server is NULL");
    if (is_handler_of(task_current(), server))
        return log_misuse(-EDEADLK, call, "a handler of the server would wait for itself");
    server_stop_listening(server);
    if (!server->count)
        return 0;
    struct closer closer = {.server = server};
    int r = wait_begin(&closer.wait, handlers_end, closer_abort);
    if (r < 0)
        return r;
    list_append(&server->closers, &closer.wait.link);
    return wait_park(&closer.wait);
}

void eddy_server_close(eddy_server *server)
{
    if (!server)
        return;
    struct task *task = task_current();
    int code = 0;
    if (!loop_self) /* the handle is dead: not to be looked at */
        code = log_misuse(-EINVAL, "eddy_server_close",
                          "called outside a loop: it ended with its loop");
    else if (server->loop != loop_self)
        code = log_misuse(-EINVAL, "eddy_server_close", "the server belongs to another loop");
    else if (task && is_handler_of(task, server))
        code = log_misuse(-EDEADLK, "eddy_server_close",
                          "a handler of the server would wait for itself");
    if (code < 0)
        return;
    server->references++;
    server_stop_listening(server);
    for (struct link *link = server->connections.first; link; link = link->next)
        task_cancel(container_of(link, struct connection, link)->task);
    struct closer closer = {.server = server};
    if (task && server->count && wait_begin_shielded(&closer.wait, handlers_end) == 0) {
        list_append(&server->closers, &closer.wait.link);
        (void)wait_park(&closer.wait);
    }
    server_disown(server);
    server_release(server);
}

void servers_destroy(struct eddy_loop *loop)
{
    struct link *link;
    while ((link = loop->servers.first)) {
        struct eddy_server *server = container_of(link, struct eddy_server, in_loop);
        server_stop_listening(server);
        if (server->count)
            log_abort("a server on port %d still has tasks, and its loop ends", server->port);
        server_free(server);
    }
}
