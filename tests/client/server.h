/* SPDX-License-Identifier: MIT */
/*
 * A web server for the client's tests: plain sockets and threads, none of eddy, so that a fault of
 * the library can't hide itself. A thread a connection; what it answers is a function of the test,
 * which writes every byte itself.
 */
#ifndef EDDY_TESTS_CLIENT_SERVER_H
#define EDDY_TESTS_CLIENT_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct server;
struct connection;

/* A request as it came. */
struct message {
    char method[40];
    char target[4096];
    char *head; /* all of it up to the empty line */
    char *body;
    size_t body_size;
};

typedef void server_answer(struct connection *connection, const struct message *message);

/* Paths by prefix, the first that fits; a NULL prefix ends the list. Anything else is a 404. */
struct server_path {
    const char *prefix;
    server_answer *answer;
};

struct server *server_start(const struct server_path *paths);
void server_stop(struct server *server);
int server_port(const struct server *server);

/* Connections accepted so far; open now; most at once; requests read so far; answers that could
 * not be sent whole since the client had closed. */
int server_accepted(struct server *server);
int server_open(struct server *server);
int server_peak(struct server *server);
int server_requests(struct server *server);
int server_cut_off(struct server *server);
void server_reset_counts(struct server *server);

/* ---- for answers ---- */

bool server_send(struct connection *connection, const void *bytes, size_t size);
bool server_say(struct connection *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One byte a packet. */
bool server_drip(struct connection *connection, const char *bytes, size_t size);
/* "200 OK" with a Content-Length. */
bool server_reply(struct connection *connection, const char *text);
/* No further request is read from this connection. With reset the client gets an RST. */
void server_hang_up(struct connection *connection, bool reset);
/* Blocks until the client closes: true; false after ten seconds. */
bool server_client_closed(struct connection *connection);
int server_descriptor(struct connection *connection);
struct server *server_of(struct connection *connection);

/* The value of a field of the request, copied; "" if there is none. */
const char *message_field(const struct message *message, const char *name, char *buffer,
                          size_t size);

#endif
