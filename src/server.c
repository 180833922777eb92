/* SPDX-License-Identifier: MIT */
/*
 * Servers: accepting, connections, their ends. The idea is in server.h.
 */
#include "server.h"

#include <stdio.h>
#include <string.h>
#include "log.h"
#include "memory.h"
#include "stream.h"
#include "watch.h"

#define SERVER_PAUSE 1.0 /* seconds */

/* Connections accepted before other work gets its turn. */
#define ACCEPT_BATCH 64

/* ---- when there is something to accept ---- */

static void listener_run(struct work *work);

static void listener_queue(struct listener *listener)
{
    struct eddy_server *server = listener->server;
    if (listener->queued || !listener->pending || timer_is_set(&server->pause) ||
        server->count >= server->options.max_connections)
        return;
    listener->queued = true;
    listener->work.run = listener_run;
    server->references++;
    loop_ready(server->loop, &listener->work);
}

/* The one that accepted last comes last: where there is room for few they take turns. */
static void server_queue_listeners(struct eddy_server *server)
{
    struct link *link = server->listeners.first;
    while (link && container_of(link, struct listener, link) != server->accepted)
        link = link->next;
    while (link && (link = link->next))
        listener_queue(container_of(link, struct listener, link));
    for (link = server->listeners.first; link; link = link->next)
        listener_queue(container_of(link, struct listener, link));
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

static int connection_run(struct connection *connection)
{
    return connection->server->handler(connection->stream, connection->server->context);
}

/* ---- life ---- */

struct eddy_server *server_create(struct eddy_loop *loop, eddy_stream_handler *handler,
                                  void *context, const struct eddy_serve_options *options)
{
    struct eddy_server *server = memory_allocate_zeroed(1, sizeof *server);
    if (!server)
        return NULL;
    server->loop = loop;
    server->handler = handler;
    server->context = context;
    server->options = *options;
    server->references = 1;
    server->owned = true;
    timer_init(&server->pause, server_pause_over);
    timer_init(&server->patience, NULL);
    list_append(&loop->servers, &server->in_loop);
    return server;
}

static void server_free(struct eddy_server *server)
{
    struct link *link;
    list_remove(&server->loop->servers, &server->in_loop);
    while ((link = list_take_first(&server->listeners)))
        memory_free(container_of(link, struct listener, link));
    memory_free(server);
}

void server_release(struct eddy_server *server)
{
    if (--server->references == 0)
        server_free(server);
}

void server_disown(struct eddy_server *server)
{
    if (server->owned) {
        server->owned = false;
        server_release(server);
    }
}

const char *server_name(const struct eddy_server *server)
{
    const struct link *first = server->listeners.first;
    return first ? container_of(first, const struct listener, link)->socket.name : "no address";
}

bool server_has_handler(const struct eddy_server *server, const struct task *task)
{
    return task->function == EDDY_ERASE_(connection_run) &&
           ((const struct connection *)task->arguments)->server == server;
}

/* ---- what it listens on ---- */

int server_add(struct eddy_server *server, const struct listen_socket *socket)
{
    struct eddy_loop *loop = server->loop;
    struct listener *listener = memory_allocate_zeroed(1, sizeof *listener);
    if (!listener)
        return eddy_fail(-ENOMEM, "no memory for a server");
    listener->server = server;
    listener->socket = *socket;
    listener->held = -1;
    listener->watch.descriptor = socket->descriptor;
    listener->watch.wanted = READY_READ | READY_WRITE;
    listener->watch.ready = listener_edge;
    int r = loop->engine->call->watch(loop->engine, &listener->watch);
    if (r < 0) {
        memory_free(listener);
        return eddy_fail(r, "can't watch the socket that listens on %s: %s", socket->name,
                         strerror(-r));
    }
    listener->watching = true;
    loop->watched++;
    watch_own(loop, listener->watch.descriptor);
    list_append(&server->listeners, &listener->link);
    return 0;
}

static void listener_unwatch(struct listener *listener)
{
    struct eddy_loop *loop = listener->server->loop;
    listener->watching = listener->pending = false;
    if (listener->held >= 0)
        (void)loop->engine->call->close(loop->engine, listener->held);
    listener->held = -1;
    loop->engine->call->unwatch(loop->engine, &listener->watch);
    loop->watched--;
    watch_disown(loop, listener->watch.descriptor);
}

void server_remove_last(struct eddy_server *server)
{
    struct listener *listener = container_of(server->listeners.last, struct listener, link);
    listener_unwatch(listener);
    list_remove(&server->listeners, &listener->link);
    memory_free(listener);
}

void server_stop(struct eddy_server *server)
{
    struct engine *engine = server->loop->engine;
    server->stopped = true;
    timer_cancel(&server->loop->timers, &server->pause);
    for (struct link *link = server->listeners.first; link; link = link->next) {
        struct listener *listener = container_of(link, struct listener, link);
        if (!listener->watching)
            continue;
        listener_unwatch(listener);
        listen_path_remove(engine, listener->socket.path);
        /* One that was given stays non-blocking: others may have found it so, and rely on it. */
        (void)engine->call->close(engine, listener->socket.descriptor);
    }
}

/* ---- accepting ---- */

/* Out of descriptors, memory or tasks, or not allowed to: to try at once would be a busy loop. */
static void server_pause(struct eddy_server *server, int code)
{
    struct eddy_loop *loop = server->loop;
    if (!server->exhausted) {
        char message[LISTEN_NAME_SIZE + 128];
        (void)snprintf(message, sizeof message,
                       "the server on %s can't accept connections: %s; it tries again every %g s",
                       server_name(server), strerror(-code), SERVER_PAUSE);
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
    server->exhausted_until = loop_deadline(loop, SERVER_PAUSE);
    if (!timer_is_set(&server->pause))
        timer_set(&loop->timers, &server->pause, loop_deadline(loop, SERVER_PAUSE));
}

/* ---- connections ---- */

static void connection_log_failure(const struct connection *connection,
                                   const struct task_slot *slot)
{
    char peer[ADDRESS_TEXT_SIZE], task[TASK_NAME_SIZE], message[LISTEN_NAME_SIZE + 128];
    bool has_address = connection->stream->peer.size > 0; /* others are nameless */
    stream_name(connection->stream, peer);
    slot_name(slot, task);
    (void)snprintf(message, sizeof message, "%s %s failed: %s",
                   has_address ? "the connection from" : "a connection to",
                   has_address ? peer : connection->listener->socket.name, strerror(-slot->result));
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

static void connection_done(struct join *join, const struct task_slot *slot)
{
    struct connection *connection = container_of(join, struct connection, join);
    struct eddy_server *server = connection->server;
    if (slot->result < 0 && slot->result != -ECANCELED)
        connection_log_failure(connection, slot);
    list_remove(&server->connections, &connection->link);
    connection_free(connection);
    server->count--;
    timer_cancel(&server->loop->timers, &server->pause); /* there may be room by that */
    server_queue_listeners(server);
    server_tell_end(server);
    server_release(server);
}

/* A task for the connection that the listener holds: 0, or an error and it goes on to hold it. */
static int connection_start(struct listener *listener)
{
    struct eddy_server *server = listener->server;
    static const struct eddy_site_ site = {"connection_run", __FILE__, __LINE__};
    struct connection *made = memory_allocate_zeroed(1, sizeof *made);
    struct eddy_stream *stream = made ? stream_create(server->loop, listener->held, &listener->peer)
                                      : NULL;
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
    if (listener->peer.size)
        stream_send_at_once(stream);
    listener->held = -1;
    *made = (struct connection){.join.done = connection_done,
                                .server = server,
                                .listener = listener,
                                .stream = stream,
                                .task = task};
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

/* Holds the next connection: 0 or a negative errno. */
static int listener_hold(struct listener *listener)
{
    struct engine *engine = listener->server->loop->engine;
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    int r = engine->call->accept(engine, listener->watch.descriptor, (struct sockaddr *)&from,
                                 &size);
    if (r < 0)
        return r;
    listener->held = r;
    listener->peer.size = 0;
    (void)address_from((struct sockaddr *)&from, size, &listener->peer);
    return 0;
}

/* One connection. 0: go on; else nothing more now. */
static int listener_accept(struct listener *listener)
{
    struct eddy_server *server = listener->server;
    int r = listener->held < 0 ? listener_hold(listener) : 0;
    if (r == -EAGAIN) {
        listener->pending = false;
        return -EAGAIN;
    }
    if (r == 0)
        listener->refused = 0;
    else if (concerns_one_connection(r) && ++listener->refused % ACCEPT_BATCH)
        return 0;
    /* What forbids so many in a row may forbid them all, and costs nothing but our time. */
    eddy_failure_clear(); /* not to be taken for the reason why this fails */
    if (r == 0)
        r = connection_start(listener);
    if (r < 0) {
        server_pause(server, r);
        return r;
    }
    server->accepted = listener;
    if (server->exhausted && loop_now(server->loop) >= server->exhausted_until)
        server->exhausted = false; /* not just because one that has ended made room for one */
    return 0;
}

static void listener_run(struct work *work)
{
    struct listener *listener = container_of(work, struct listener, work);
    struct eddy_server *server = listener->server;
    listener->queued = false;
    if (atomic_load(&server->loop->closing)) { /* no new tasks */
        server_stop(server);
        server_tell_end(server);
    }
    int r = 0;
    for (int i = 0; i < ACCEPT_BATCH && r == 0 && listener->pending; i++)
        r = server->count < server->options.max_connections ? listener_accept(listener) : -EAGAIN;
    listener_queue(listener);
    server_release(server);
}

/* ---- the loop's end ---- */

void servers_destroy(struct eddy_loop *loop)
{
    struct link *link;
    while ((link = loop->servers.first)) {
        struct eddy_server *server = container_of(link, struct eddy_server, in_loop);
        server_stop(server);
        if (server->count)
            log_abort("the server on %s still has tasks, and its loop ends", server_name(server));
        server_free(server);
    }
}
