/* SPDX-License-Identifier: MIT */
/*
 * Streams: TCP connections and servers. asyncio's open_connection and start_server.
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
 * There is no drain: a write suspends while the peer doesn't take the data. A task that waits for
 * input holds no buffer; a stream allocates one when bytes are left over from a line.
 * No bytes are lost by a cancel: a read that is cancelled has taken nothing; a write that is
 * cancelled tells in the failure how many bytes went out. One reader and one writer at a time
 * (-EBUSY). Signals of broken pipes are suppressed: a write gives -EPIPE.
 */
#ifndef EDDY_STREAM_H
#define EDDY_STREAM_H

#include <sys/types.h>
#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_stream eddy_stream;
typedef struct eddy_server eddy_server;

/* How long a line may be, and how much a stream reads ahead. */
#define EDDY_STREAM_LIMIT 65536

/* Connects to host and port, trying all addresses in turn; the stream is the caller's, who closes
 * it. Names are resolved in the thread pool. 0, -ECANCELED (the socket is closed), -EINVAL (null,
 * port not in 1..65535), -ENOENT (no such name; the failure has the resolver's words), -ENOMEM,
 * -EMFILE, or the last address's error with every address's as a child of the failure. */
EDDY_API EDDY_ASYNC int eddy_connect(const char *host, int port, eddy_stream **stream);

/* Makes a stream of a connected socket, pipe end or terminal; takes the descriptor over on
 * success. 0, -EINVAL, -EBADF, -EPERM (a regular file: see eddy/file.h), -ENOMEM. */
EDDY_API EDDY_MUST_USE int eddy_stream_from_descriptor(int descriptor, eddy_stream **stream);

/* Reads what is there, at least one byte, at most size; suspends while nothing is. The number of
 * bytes, 0 at the end of the stream (or for size 0), -ECANCELED, -EBUSY, or the connection's
 * error, which every later call gives too. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read(eddy_stream *stream, void *buffer, size_t size);

/* Reads exactly size bytes: size; -ENODATA if the stream ends before (the failure says how many
 * came; they are in the buffer). Cancelled, the bytes already here stay for the next read. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read_exactly(eddy_stream *stream, void *buffer, size_t size);

/* Reads a line with its '\n', and ends it with a NUL: its length without the NUL; 0 at the end of
 * the stream; the last line may lack its '\n'. -EMSGSIZE if size - 1 (or EDDY_STREAM_LIMIT) bytes
 * hold no '\n': they stay unread. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read_line(eddy_stream *stream, char *buffer, size_t size);

/* Writes all of it: size; suspends while the kernel's buffer is full. -ECANCELED, -EPIPE,
 * -ECONNRESET, -EBUSY and others of send(2). */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_write(eddy_stream *stream, const void *data, size_t size);

/* Ends the writing side (FIN) and leaves the reading side open. 0, -EBUSY during a write. */
EDDY_API int eddy_stream_write_end(eddy_stream *stream);

/* Closes and frees. A task suspended in the stream is woken with -ECONNABORTED. NULL is harmless.
 * Doesn't suspend: what was written is the kernel's to deliver. */
EDDY_API void eddy_stream_close(eddy_stream *stream);

EDDY_API int eddy_stream_descriptor(const eddy_stream *stream);

/* Writes "127.0.0.1:8080" or "[::1]:8080" for the peer: the length as snprintf, -ENOTCONN. */
EDDY_API int eddy_stream_peer(const eddy_stream *stream, char *buffer, size_t size);

/* Handles a connection, as a task of the server. The stream is closed after it returns. A negative
 * result other than -ECANCELED is reported to the log and concerns this connection alone. */
typedef int eddy_stream_handler(eddy_stream *stream, void *context);

struct eddy_serve_options {
    int backlog;            /* default 100, as asyncio's */
    size_t max_connections; /* default 10,000; further ones wait in the backlog */
    bool reuse_port;
};

/* Listens on all addresses of host (NULL: every interface) and accepts in tasks of its own; port 0
 * takes a free one. options may be NULL. 0, -EINVAL, -EADDRINUSE, -EACCES, -ENOENT, -ENOMEM,
 * -ECANCELED. When descriptors run out it reports, pauses for a second and goes on. */
EDDY_API EDDY_ASYNC int eddy_serve(const char *host, int port, eddy_stream_handler *handler,
                                   void *context, const struct eddy_serve_options *options,
                                   eddy_server **server);

EDDY_API int eddy_server_port(const eddy_server *server);
EDDY_API size_t eddy_server_connections(const eddy_server *server);

/* Stops listening, cancels the handlers, waits for them, frees. Suspends; a cancel meanwhile
 * doesn't shorten it. NULL is harmless. A server still open when the loop ends is closed by it. */
EDDY_API void eddy_server_close(eddy_server *server);

EDDY_END_DECLS
#endif
