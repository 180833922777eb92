/* SPDX-License-Identifier: MIT */
/*
 * Servers from inside: listening sockets, and a task a connection.
 *
 *      edge --> listener queued --> accept, accept, ... --> connection: stream + task
 *                   ^                   |                        |
 *                   |                   | out of descriptors     | handler returns, fails,
 *      a connection ended, or           v                        v is cancelled
 *      the pause is over <------------ pause 1 s             stream closed, failure logged
 *
 *      server.c        accepting, connections, their ends
 *      server_close.c  stopping, and what handlers are given to end in
 *      serve.c         what makes a server: addresses, paths, descriptors
 *
 * Accepting never waits, so it needs no task: a listener runs as work of the loop while there is
 * something to accept and room for it. Handlers are tasks of the loop; their ends are heard by a
 * join, which comes also for one that was cancelled before it ran.
 *
 * The server's memory is the last reference's: the owner's, a queued listener's, a connection's, a
 * waiter's. What nobody closed is freed with the loop.
 */
#ifndef EDDY_SRC_SERVER_H
#define EDDY_SRC_SERVER_H

#include "eddy/server.h"
#include "listen.h"
#include "task.h"

struct listener {
    struct link link;
    struct watch watch;
    struct work work;
    struct eddy_server *server;
    struct listen_socket socket;
    int held;            /* a connection for which there was no task yet, or -1 */
    struct address peer; /* of that */
    unsigned refused;    /* connections in a row that couldn't be accepted */
    bool queued;         /* the work waits in the loop's ready queue */
    bool pending;        /* there may be something to accept */
    bool watching;       /* until the server stops */
};

struct eddy_server {
    struct link in_loop;
    struct eddy_loop *loop;
    eddy_stream_handler *handler;
    void *context;
    struct eddy_serve_options options; /* all filled in */
    size_t count;
    struct list listeners; /* also those that have stopped */
    struct list connections;
    struct list waiters;   /* parked until it has stopped and no connection is left */
    struct timer pause;    /* set: nothing is accepted until it fires */
    struct timer patience; /* set: handlers still have time to end */
    unsigned references;
    const struct listener *accepted; /* the last one that did */
    int64_t exhausted_until;         /* a pause after it ran out of something last */
    bool owned;                      /* the owner's reference is still there */
    bool exhausted;                  /* that it ran out of something was reported */
    bool stopped;
    bool ending;  /* eddy_server_close has begun */
    bool forever; /* a task is in eddy_server_serve_forever */
};

struct connection {
    struct link link;
    struct join join;
    struct eddy_server *server;
    const struct listener *listener;
    struct eddy_stream *stream;
    struct task *task;
};

/* A server with its owner's reference and nothing to listen on yet; NULL without memory. */
struct eddy_server *server_create(struct eddy_loop *loop, eddy_stream_handler *handler,
                                  void *context, const struct eddy_serve_options *options);

/* Begins to accept there; takes the socket over on success. 0 or a negative errno with a
 * failure. */
int server_add(struct eddy_server *server, const struct listen_socket *socket);

/* Ends the newest listener, and leaves its socket open: it is the caller's again. */
void server_remove_last(struct eddy_server *server);

void server_release(struct eddy_server *server);
void server_disown(struct eddy_server *server);

/* Closes what it listens on. */
void server_stop(struct eddy_server *server);

/* If it has stopped and no connection is left, tells those who wait for that. */
void server_tell_end(struct eddy_server *server);

/* Whether the task is one of its handlers. */
bool server_has_handler(const struct eddy_server *server, const struct task *task);

/* 0, or -EINVAL, reported under the call's name. */
int server_check(const struct eddy_server *server, const char *call);

/* "127.0.0.1:8080", of the first address. */
const char *server_name(const struct eddy_server *server);

/* Closes and frees the servers that were left open, when no task of the loop is left. */
void servers_destroy(struct eddy_loop *loop);

#endif
