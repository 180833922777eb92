/* SPDX-License-Identifier: MIT */
/*
 * Servers: a task for each connection that comes in. asyncio's start_server.
 *
 *     static int echo(eddy_stream *stream, void *context)     // a task a connection
 *     {
 *         char line[1024];
 *         ssize_t n;
 *         while ((n = eddy_stream_read_line(stream, line, sizeof line)) > 0)
 *             if ((n = eddy_stream_write(stream, line, (size_t)n)) < 0)
 *                 break;
 *         return (int)n;
 *     }                                                       // the server closes the stream
 *
 *     eddy_server *server;
 *     r = eddy_serve("localhost", 8080, echo, NULL, NULL, &server);
 *
 * A server belongs to the loop it was made in.
 */
#ifndef EDDY_SERVER_H
#define EDDY_SERVER_H

#include <eddy/stream.h>

EDDY_BEGIN_DECLS

typedef struct eddy_server eddy_server;

/* Handles a connection, as a task of its own. The stream is closed after it returns. A negative
 * result other than -ECANCELED is reported to the log, with the peer's address, and concerns this
 * connection alone. */
typedef int eddy_stream_handler(eddy_stream *stream, void *context);

struct eddy_serve_options {
    int backlog;            /* default 100, as asyncio's */
    size_t max_connections; /* default 10,000; further ones wait in the backlog */
    bool reuse_port;        /* several processes share the port: SO_REUSEPORT */
};

/* Listens on all addresses of host (NULL or "": every interface, IPv4 and IPv6) and makes a task of
 * each connection; port 0 takes a port that is free on all of them. options may be NULL.
 * 0, -EINVAL, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -ENOMEM, -ECANCELED, or as eddy_connect for the
 * name. When descriptors, memory or tasks run out it reports that once, and tries again every
 * second. */
EDDY_API EDDY_ASYNC int eddy_serve(const char *host, int port, eddy_stream_handler *handler,
                                   void *context, const struct eddy_serve_options *options,
                                   eddy_server **server);

/* The port it listens on; -EINVAL for NULL. How many handlers are at work or about to be. */
EDDY_API int eddy_server_port(const eddy_server *server);
EDDY_API size_t eddy_server_connections(const eddy_server *server);

/* Stops listening, and suspends until the handlers have ended by themselves: asyncio's Server.close()
 * and wait_closed(). Connections at work go on; new ones are refused by the system, and what waits in
 * the backlog is reset. With eddy_wait_for around it, and eddy_server_close after it, a server ends
 * gracefully (signal.h). 0; -ECANCELED: it listens no more, and the rest goes on; -EDEADLK in one of its
 * handlers; -EINVAL outside a task, for NULL, or in another loop. */
EDDY_API EDDY_ASYNC int eddy_server_drain(eddy_server *server);

/* Stops listening, cancels the handlers, waits for them, frees. Suspends; a cancel meanwhile
 * doesn't shorten it. In a callback it only begins all that. NULL is harmless. A handler of the
 * server can't close it: that is reported and nothing done. A server still open when the loop ends
 * is closed by it; the handle is dead then. */
EDDY_API void eddy_server_close(eddy_server *server);

EDDY_END_DECLS
#endif
