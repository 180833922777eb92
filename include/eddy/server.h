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

#include <sys/types.h>
#include <eddy/stream.h>

EDDY_BEGIN_DECLS

typedef struct eddy_server eddy_server;

/* Handles a connection, as a task of its own. The stream is closed after it returns. A negative
 * result other than -ECANCELED is reported to the log, with the peer's address, and concerns this
 * connection alone. */
typedef int eddy_stream_handler(eddy_stream *stream, void *context);

struct eddy_serve_options {
    int backlog;            /* connections that wait to be accepted; default 4096, at most
                               net.core.somaxconn. Those beyond it are put off by TCP, the first
                               time for a second, then for two, four ... */
    size_t max_connections; /* default 10,000; further ones wait in the backlog */
    bool reuse_port;        /* several processes share the port: SO_REUSEPORT */
    mode_t mode;            /* of a path, 0600 say; default: as the umask says */
    bool keep_path;         /* a path stays when the server stops */
    double grace;           /* seconds that eddy_server_close gives handlers to end by themselves
                               before it cancels them; default 0 */
    double abort_after;     /* seconds after that in which they may say goodbye, before it resets
                               their connections; default 10, EDDY_FOREVER: never */
};

/* Listens on all addresses of host (NULL or "": every interface, IPv4 and IPv6) and makes a task of
 * each connection; port 0 takes a port that is free on all of them. options may be NULL.
 * 0, -EINVAL, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -ENOMEM, -ECANCELED, or as eddy_connect for the
 * name. When descriptors, memory or tasks run out it reports that once, until there was enough for
 * a second, and tries again every second, and whenever a connection has ended; nobody is turned
 * away for that. Where max_connections holds up several addresses they take turns. */
EDDY_API EDDY_ASYNC int eddy_serve(const char *host, int port, eddy_stream_handler *handler,
                                   void *context, const struct eddy_serve_options *options,
                                   eddy_server **server);

/* The same on a Unix socket: a path of at most 107 bytes, or "@name" for one outside the file
 * system. A socket of that name that nobody has open any more (its server was killed) is removed
 * first; of several servers that start on one path exactly one gets it. The name is removed when
 * the server stops, if it still is the one that was made (asyncio's cleanup_socket). Doesn't
 * suspend. 0, -EINVAL, -EADDRINUSE (somebody has it open, or it's something else than a socket),
 * -ENAMETOOLONG, -ENOENT, -ENOTDIR, -EACCES, -EROFS, -EMFILE, -ENOMEM. */
EDDY_API EDDY_MUST_USE int eddy_serve_unix(const char *path, eddy_stream_handler *handler,
                                           void *context, const struct eddy_serve_options *options,
                                           eddy_server **server);

/* The same on sockets that listen already, which it takes over if it succeeds. Doesn't suspend.
 * They become non-blocking, for all who share them, and stay so. 0, -EINVAL (one doesn't
 * listen), -EBADF, -ENOTSOCK, -EEXIST (one twice, or a server's or stream's already), -ENOMEM. */
EDDY_API EDDY_MUST_USE int eddy_serve_descriptors(const int *descriptors, size_t count,
                                                  eddy_stream_handler *handler, void *context,
                                                  const struct eddy_serve_options *options,
                                                  eddy_server **server);

/* The listening sockets that a service manager has handed over (socket activation, LISTEN_FDS: see
 * sd_listen_fds(3)), those called `name` in its configuration, or all for NULL. Writes at most
 * `size` of them and returns how many there are, 0 if it was started without; they are closed on
 * exec from then on. -EINVAL (the environment is malformed), -EBADF (one isn't open).
 *
 *     int descriptors[8], count = eddy_listen_descriptors(NULL, descriptors, 8);
 *     if (count < 0 || count > 8)
 *         return count < 0 ? count : -E2BIG;
 *     r = count > 0 ? eddy_serve_descriptors(descriptors, (size_t)count, echo, NULL, NULL, &server)
 *                   : eddy_serve(NULL, 8080, echo, NULL, NULL, &server);
 */
EDDY_API int eddy_listen_descriptors(const char *name, int *descriptors, size_t size);

/* One more host and port, or path, with the options of the first. As eddy_serve and
 * eddy_serve_unix; -EINVAL if the server has stopped, -ECONNABORTED if it was stopped meanwhile. */
EDDY_API EDDY_ASYNC int eddy_server_listen(eddy_server *server, const char *host, int port);
EDDY_API EDDY_MUST_USE int eddy_server_listen_unix(eddy_server *server, const char *path);

/* The port of the first address, 0 for a path; -EINVAL for NULL. How many handlers are at work or
 * about to be. */
EDDY_API int eddy_server_port(const eddy_server *server);
EDDY_API size_t eddy_server_connections(const eddy_server *server);

/* Writes the address with this index, from 0 on: "127.0.0.1:8080", "[::]:8080", "unix:/run/socket".
 * The length as snprintf, -ENOENT if there are fewer. */
EDDY_API int eddy_server_address(const eddy_server *server, size_t index, char *buffer,
                                 size_t size);

/* ---- the end ----------------------------------------------------------------------------------
 * All of them -EINVAL for NULL and in another loop, those that wait also outside a task, and
 * -EDEADLK in one of the server's handlers, which would wait for itself. */

/* Stops listening: asyncio's Server.close(). Connections at work go on; new ones are refused by the
 * system, and what waits in the backlog is reset. Doesn't suspend. 0. */
EDDY_API int eddy_server_stop(eddy_server *server);
EDDY_API bool eddy_server_is_serving(const eddy_server *server);

/* Suspends until somebody has stopped it and the last handler has ended: 0, -ECANCELED. */
EDDY_API EDDY_ASYNC int eddy_server_wait_closed(eddy_server *server);

/* Both: stops listening, and suspends until the handlers have ended by themselves. With
 * eddy_wait_for around it, and eddy_server_close after it, a server ends gracefully (signal.h). 0,
 * -ECANCELED: it listens no more, and the rest goes on. */
EDDY_API EDDY_ASYNC int eddy_server_drain(eddy_server *server);

/* Cancels the handlers; or resets their connections, too: what they receive and send there is
 * -ECONNABORTED from then on, and what wasn't delivered is dropped. Both don't suspend. 0. */
EDDY_API int eddy_server_close_clients(eddy_server *server);
EDDY_API int eddy_server_abort_clients(eddy_server *server);

/* Suspends until the server was stopped by somebody else and its last handler has ended: 0.
 * Cancelled, it ends the server as eddy_server_close does, and waits for that: then -ECANCELED. The
 * server is still to be closed. -EBUSY: another task does the same. */
EDDY_API EDDY_ASYNC int eddy_server_serve_forever(eddy_server *server);

/* Stops listening, gives the handlers their time (grace), cancels them, gives them time to say
 * goodbye (abort_after), resets their connections, which is reported, waits for them, and frees the
 * server. Suspends; a cancel meanwhile doesn't shorten it. In a callback it only begins all that.
 * NULL is harmless. A handler of the server can't close it, nor can a task of a group of its: that
 * is reported and nothing done. A server still open when the loop ends is closed by it; the handle
 * is dead then. */
EDDY_API void eddy_server_close(eddy_server *server);

EDDY_END_DECLS
#endif
