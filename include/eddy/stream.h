/* SPDX-License-Identifier: MIT */
/*
 * Streams: bytes in order, over TCP, Unix sockets, pipes. asyncio's StreamReader and StreamWriter.
 *
 *     eddy_stream *stream;
 *     char line[1024];
 *     int r = eddy_connect("localhost", 8080, &stream);
 *     if (r < 0)
 *         return r;
 *     ssize_t n = eddy_stream_write(stream, "hello\n", 6);
 *     if (n >= 0)
 *         n = eddy_stream_read_line(stream, line, sizeof line);
 *     eddy_stream_close(stream);
 *
 * The other side of it, servers, is in eddy/server.h.
 *
 * There is no drain: a write suspends while the peer doesn't take the data. A task that waits for
 * input holds no buffer; a stream allocates one when bytes are left over from a line, as long as
 * they are.
 * No bytes are lost by a cancel: a read that is cancelled has taken nothing; a write that is
 * cancelled tells in the failure how many bytes went out. One reader and one writer at a time
 * (-EBUSY). Signals of broken pipes are suppressed: a write gives -EPIPE. A call that never has to
 * wait lets other tasks run once in a while (every 64 or so).
 *
 * A stream belongs to the loop it was made in; another one's calls give -EINVAL.
 */
#ifndef EDDY_STREAM_H
#define EDDY_STREAM_H

#include <sys/types.h>
#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_stream eddy_stream;

/* How long a line may be, and how much a stream reads ahead. */
#define EDDY_STREAM_LIMIT 65536

/* Connects to host and port, trying all addresses in turn; the stream is the caller's, who closes
 * it. Names are resolved in the thread pool (at most 32 addresses a name). Small writes go out at
 * once (TCP_NODELAY). 0, -ECANCELED (the socket is closed), -EINVAL (null, port not in 1..65535),
 * -ENOENT (no such name; the failure has the resolver's words), -EAGAIN or -EIO (the name server
 * isn't there now, or is broken), -ENOMEM, -EMFILE; else the address's error, or of several the
 * last one's with every one's as a child of the failure. */
EDDY_API EDDY_ASYNC int eddy_connect(const char *host, int port, eddy_stream **stream);

/* Makes a stream of a connected socket, pipe end or terminal; takes the descriptor over on
 * success. A pipe or terminal is non-blocking until the stream is closed, for all who share it.
 * 0, -EINVAL (outside a loop, null, a datagram or listening socket), -EBADF, -EPERM (a regular
 * file: see eddy/file.h), -ENOMEM. */
EDDY_API EDDY_MUST_USE int eddy_stream_from_descriptor(int descriptor, eddy_stream **stream);

/* Reads what is there, at least one byte, at most size; suspends while nothing is. The number of
 * bytes, 0 at the end of the stream (or for size 0), -ECANCELED, -EBUSY, -ECONNABORTED (closed
 * meanwhile by another task), or the connection's error, which every later read gives too. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read(eddy_stream *stream, void *buffer, size_t size);

/* Reads exactly size bytes: size; -ENODATA if the stream ends before (the failure says how many
 * came; they are in the buffer). Cancelled, the bytes already here stay for the next read. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read_exactly(eddy_stream *stream, void *buffer,
                                                     size_t size);

/* Reads a line with its '\n', and ends it with a NUL: its length without the NUL; 0 at the end of
 * the stream; the last line may lack its '\n'. -EMSGSIZE if size - 1 (or EDDY_STREAM_LIMIT) bytes
 * hold no '\n': they stay unread. -EINVAL for a size below 2. -ENOMEM if what came behind the line
 * can't be kept, and from then on. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read_line(eddy_stream *stream, char *buffer, size_t size);

/* Writes all of it: size; suspends while the kernel's buffer is full. -ECANCELED, -EPIPE (the peer
 * has gone, or the writing side was ended), -ECONNRESET, -EBUSY, -ECONNABORTED and others of
 * send(2), which every later write gives too. Data that came before can still be read. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_write(eddy_stream *stream, const void *data, size_t size);

/* Writes what the kernel takes now, at least one byte, at most size: how many; suspends while it takes
 * none. Cancelled, nothing was written: for who keeps what is left over himself. Errors as
 * eddy_stream_write; 0 for size 0. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_write_some(eddy_stream *stream, const void *data,
                                                   size_t size);

/* Ends the writing side (FIN) and leaves the reading side open. 0, -EBUSY during a write,
 * -ENOTCONN, -ENOTSOCK (a pipe's end: close it). */
EDDY_API int eddy_stream_write_end(eddy_stream *stream);

/* Closes and frees. A task suspended in the stream is woken with -ECONNABORTED. NULL is harmless.
 * Doesn't suspend: what was written is the kernel's to deliver (but if input was left unread, TCP
 * resets the connection, and the peer may not get the end of it). Works after the loop has ended,
 * on the same thread. */
EDDY_API void eddy_stream_close(eddy_stream *stream);

EDDY_API int eddy_stream_descriptor(const eddy_stream *stream);

/* Writes "127.0.0.1:8080", "[::1]:8080" or "unix:/path" for the peer: the length as snprintf,
 * -ENOTCONN (not a socket). Known also when the peer has gone. */
EDDY_API int eddy_stream_peer(const eddy_stream *stream, char *buffer, size_t size);

EDDY_END_DECLS
#endif
