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
 * No bytes are lost by a cancel: a read that is cancelled has taken nothing; of a write that is
 * cancelled eddy_stream_partial_write tells how many bytes went out. One reader and one writer at a
 * time (-EBUSY). Signals of broken pipes are suppressed: a write gives -EPIPE. A call that never
 * has to wait lets other tasks run once in a while (every 64 or so); in a cancelled scope such
 * calls succeed a while longer (some 200 in a row) and then give -ECANCELED, whatever the peer
 * sends.
 *
 * A stream belongs to the loop it was made in; another one's calls give -EINVAL.
 */
#ifndef EDDY_STREAM_H
#define EDDY_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <eddy/base.h>
#include <eddy/file.h>

EDDY_BEGIN_DECLS

typedef struct eddy_stream eddy_stream;

/* How many bytes may come before a line's end or a separator, and how far eddy_stream_peek looks
 * ahead, unless eddy_stream_set_limit says otherwise. A stream holds about twice as much at
 * most. */
#define EDDY_STREAM_LIMIT 65536
#define EDDY_STREAM_LIMIT_MAX ((size_t)1 << 30)

/* Makes a stream of a connected socket, pipe end or terminal; takes the descriptor over on
 * success. A pipe or terminal is non-blocking until the stream is closed (the last one in this
 * thread, if several share it; a forked child's closing its copy doesn't count), for all who share
 * it.
 * 0, -EINVAL (outside a loop, null, a socket of packets or one that listens), -EBADF, -EEXIST (a
 * stream's of this loop already: make a copy, by dup(2)), -EPERM (a regular file: see eddy/file.h),
 * -ENOMEM. */
EDDY_API EDDY_MUST_USE int eddy_stream_from_descriptor(int descriptor, eddy_stream **stream);

/* Streams of this program's own: a pipe's two ends; two sockets (Unix) that are connected, both
 * ways. Neither suspends. 0, -EINVAL (outside a loop, null), -EMFILE, -ENFILE, -ENOMEM. */
EDDY_API EDDY_MUST_USE int eddy_stream_pipe(eddy_stream **reader, eddy_stream **writer);
EDDY_API EDDY_MUST_USE int eddy_stream_pair(eddy_stream **one, eddy_stream **other);

/* Reads what is there, at least one byte, at most size; suspends while nothing is. The number of
 * bytes, 0 at the end of the stream (or for size 0), -ECANCELED, -EBUSY, -ECONNABORTED (closed
 * meanwhile by another task), or the connection's error, which every later read gives too. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read(eddy_stream *stream, void *buffer, size_t size);

/* Reads exactly size bytes, whatever the limit: size; -ENODATA if the stream ends before (what came
 * is in the buffer, eddy_stream_partial_read tells how much). Cancelled, the bytes already here
 * stay for the next read. Else as eddy_stream_read. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read_exactly(eddy_stream *stream, void *buffer,
                                                     size_t size);

/* Reads a line with its '\n', and ends it with a NUL: its length without the NUL; 0 at the end of
 * the stream; the last line may lack its '\n'. -EMSGSIZE if size - 1 bytes hold no '\n', or more
 * than the limit come before it: they stay unread. -EINVAL for a size below 2. -ENOMEM if what came
 * behind the line can't be kept, and from then on. Else as eddy_stream_read. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read_line(eddy_stream *stream, char *buffer, size_t size);

struct eddy_separator {
    const void *bytes;
    size_t size;
};

/* Reads up to and with a separator; of several the one whose occurrence ends first:
 *
 *     const struct eddy_separator ends[] = {{"\r\n", 2}, {"\n", 1}};
 *     n = eddy_stream_read_until(stream, buffer, sizeof buffer, ends, 2);
 *
 * The number of bytes; 0 at the end of the stream; -ENODATA if it ends with bytes but no separator
 * (they are in the buffer, eddy_stream_partial_read tells how many). -EMSGSIZE if it doesn't fit
 * into the buffer, or more than the limit come before it: all stays unread. -EINVAL without a
 * separator, for an empty one, and for one larger than the buffer. Else as
 * eddy_stream_read_line. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_read_until(eddy_stream *stream, void *buffer, size_t size,
                                                   const struct eddy_separator *separators,
                                                   size_t count);

/* Looks ahead: waits until at least size bytes are here and points to them in the stream's own
 * buffer, until the next call that reads, consumes or closes. How many are there: size or more,
 * fewer if the stream has ended, 0 (*data is left alone) with nothing left. A task that waits in it
 * for the first byte needs no memory for the data: so it suits connections that are idle most of
 * the time. -EMSGSIZE for a size above the limit, -EINVAL for 0, -ENOMEM; else as
 * eddy_stream_read. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_peek(eddy_stream *stream, const void **data, size_t size);

/* Drops so many of the bytes that eddy_stream_peek found (or that are left over otherwise). 0,
 * -EINVAL (more than there are), -EBUSY. Doesn't suspend. */
EDDY_API int eddy_stream_consume(eddy_stream *stream, size_t size);

/* The limit of lines, separators and look-aheads, 1 to EDDY_STREAM_LIMIT_MAX; 0 or -EINVAL. */
EDDY_API int eddy_stream_set_limit(eddy_stream *stream, size_t limit);

/* What the last read had put into its buffer when it failed in the middle: with -ENODATA, or the
 * connection's error. And what the last write had written when it failed. 0 if that was nothing. */
EDDY_API size_t eddy_stream_partial_read(const eddy_stream *stream);
EDDY_API size_t eddy_stream_partial_write(const eddy_stream *stream);

/* Writes all of it: size; suspends while the kernel's buffer is full. -ECANCELED, -EPIPE (the peer
 * has gone, or the writing side was ended), -ECONNRESET, -EBUSY, -ECONNABORTED and others of
 * send(2), which every later write gives too. Data that came before can still be read. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_write(eddy_stream *stream, const void *data, size_t size);

/* Writes what the kernel takes now, at least one byte, at most size: how many; suspends while it
 * takes none. Cancelled, nothing was written: for who keeps what is left over himself. Errors as
 * eddy_stream_write; 0 for size 0. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_write_some(eddy_stream *stream, const void *data,
                                                   size_t size);

/* Writes several parts as one, in few system calls. Errors as eddy_stream_write. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_write_vector(eddy_stream *stream, const struct iovec *parts,
                                                     size_t count);

/* Writes `size` bytes of a file from `offset` on, without a copy where that can be: how many, fewer
 * only if the file ends before; its position stays where it is. What isn't in memory is read first
 * as files are read, so the loop doesn't wait for the disk; and so it is for layers. -ECANCELED and
 * other errors: eddy_stream_partial_write tells how far it came. Errors as eddy_stream_write and
 * eddy_file_pread, -EBUSY while another task writes, as others are refused until it is done. */
EDDY_API EDDY_ASYNC ssize_t eddy_sendfile(eddy_stream *stream, eddy_file *file, uint64_t offset,
                                          size_t size);

/* Moves what arrives at one stream to another: `size` bytes, or all until `from` ends. How many.
 * Between descriptors they don't come into the program's memory (splice, through a pipe: two more
 * descriptors while it lasts); else, and for layers, they are copied. Nothing is lost: bytes that
 * were taken from `from` and couldn't be written, cancelled or failed, are still there to be read.
 * The end isn't passed on: see eddy_stream_write_end. Errors as eddy_stream_read of the one,
 * eddy_stream_write of the other, whose eddy_stream_partial_write says how many bytes were moved;
 * -EINVAL for a negative size. Both streams are in use meanwhile, in these directions; they may be
 * the same. */
#define EDDY_SPLICE_ALL INT64_MAX
EDDY_API EDDY_ASYNC int64_t eddy_splice(eddy_stream *from, eddy_stream *to, int64_t size);

/* How many descriptors may travel at once. */
#define EDDY_STREAM_DESCRIPTORS 253

/* Over a Unix socket: writes all of the data, at least a byte, and with its first byte open
 * descriptors, which the sender keeps, too. size, -EBADF (one isn't open), -ETOOMANYREFS,
 * -EOPNOTSUPP (another kind of stream), -EINVAL; else as eddy_stream_write. When
 * eddy_stream_partial_write isn't 0 after a failure, the descriptors are on their way.
 *
 * Reads what is there, with the descriptors that came with it: *count is how many there is room
 * for, then how many came; they are the caller's, close-on-exec. Data written before them may be
 * read along with them, data written after them never. Whoever expects some should read only this
 * way: other reads drop and close them. Errors as eddy_stream_read; -EMSGSIZE if more came than
 * there is room for, -EMFILE if they can't be opened here: then all are closed, and their data
 * stays to be read. */
EDDY_API EDDY_ASYNC ssize_t eddy_stream_send_descriptors(eddy_stream *stream, const void *data,
                                                         size_t size, const int *descriptors,
                                                         size_t count);
EDDY_API EDDY_ASYNC ssize_t eddy_stream_receive_descriptors(eddy_stream *stream, void *buffer,
                                                            size_t size, int *descriptors,
                                                            size_t *count);

/* Ends the writing side (FIN) and leaves the reading side open. 0, -EBUSY during a write,
 * -ENOTCONN, -ENOTSOCK (a pipe's end: close it). */
EDDY_API int eddy_stream_write_end(eddy_stream *stream);

/* Closes and frees. A task suspended in the stream is woken with -ECONNABORTED. NULL is harmless.
 * Doesn't suspend: what was written is the kernel's to deliver (but if input was left unread, TCP
 * resets the connection, and the peer may not get the end of it). Works after the loop has ended,
 * on the same thread. */
EDDY_API void eddy_stream_close(eddy_stream *stream);

/* The descriptor, which stays the stream's; -ENOTCONN for a layer with nothing beneath. */
EDDY_API int eddy_stream_descriptor(const eddy_stream *stream);

/* Writes "127.0.0.1:8080", "[::1]:8080", "unix:/path", "unix:@abstract" or "unix:" for the peer:
 * the length as snprintf, -ENOTCONN (not a socket). An Internet address is known also when the peer
 * has gone. And the same for the stream's own end. */
EDDY_API int eddy_stream_peer(const eddy_stream *stream, char *buffer, size_t size);
EDDY_API int eddy_stream_local_address(const eddy_stream *stream, char *buffer, size_t size);

/* Options of TCP: 0, -ENOTSOCK, -EOPNOTSUPP (another kind of socket), -EINVAL.
 *
 * nodelay: small writes go out at once; on from the beginning. keepalive: a peer that answers none
 * of `probes` (1 to 127) probes, sent every `interval` seconds once nothing has come for `idle`
 * seconds (both 1 to 32767), is gone: -ETIMEDOUT; off from the beginning, and with EDDY_FOREVER for
 * `idle`. */
EDDY_API int eddy_stream_set_nodelay(eddy_stream *stream, bool on);
EDDY_API int eddy_stream_set_keepalive(eddy_stream *stream, double idle, double interval,
                                       int probes);

EDDY_END_DECLS
#endif
