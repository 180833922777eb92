/* SPDX-License-Identifier: MIT */
/*
 * Connecting: asyncio's open_connection and open_unix_connection.
 *
 *     eddy_stream *stream;
 *     r = eddy_connect("example.org", 80, &stream);
 *     if (r < 0)
 *         return r;
 *     ...
 *     eddy_stream_close(stream);
 *
 * Of a host with several addresses the first that answers is taken (happy eyeballs, RFC 8305):
 * families take turns, the resolver's first one first; an address is tried when the one before has
 * failed, or hasn't answered within `delay` seconds, which it may go on to do. So a network without
 * working IPv6 costs a quarter of a second, not minutes.
 *
 * The stream is the caller's, who closes it. A connect that fails, is cancelled or comes too late
 * closes its sockets. There is no time limit but the system's (two minutes of no answer): put a
 * timeout around.
 */
#ifndef EDDY_CONNECT_H
#define EDDY_CONNECT_H

#include <eddy/stream.h>

EDDY_BEGIN_DECLS

struct eddy_connect_options {
    double delay;           /* seconds until the next address is tried, too; 0: 0.25; EDDY_FOREVER:
                               only when the one before has failed */
    const char *local_host; /* connects from this address of this machine, or any of a name's of the
                               same family; NULL: whichever the system takes */
    int local_port;         /* and from this port; 0: any */
};

/* Connects to host and port. Names are resolved in the thread pool (at most 32 addresses a name);
 * "localhost" is this machine where nobody knows it, names that end in ".localhost" always are.
 * Small writes go out at once (TCP_NODELAY). 0, -ECANCELED, -EINVAL (null, port not in 1..65535),
 * -ENOENT (no such name; the failure has the resolver's words), -EAGAIN or -EIO (the name server
 * isn't there now, or is broken), -ENOMEM, -EMFILE; else the address's error, or of several the
 * last one's with every one's as a child of the failure. */
EDDY_API EDDY_ASYNC int eddy_connect(const char *host, int port, eddy_stream **stream);

/* The same with options, which may be NULL. Also -EADDRNOTAVAIL (the local address isn't this
 * machine's, none is of a family that the host has, or it is connected to that address from the
 * local port already), -EADDRINUSE (somebody else has the local port), -EINVAL for a local port not
 * in 0..65535 and a delay that is negative or not a number. */
EDDY_API EDDY_ASYNC int eddy_connect_with(const char *host, int port,
                                          const struct eddy_connect_options *options,
                                          eddy_stream **stream);

/* Connects to a Unix socket: a path of at most 107 bytes, or "@name" for one outside the file
 * system. While its queue is full it tries again, every 1 to 64 ms. 0, -ECANCELED, -EINVAL (null,
 * or empty), -ENAMETOOLONG, -ENOENT (no such path), -ECONNREFUSED (nobody listens there), -EACCES,
 * -EPROTOTYPE (it is for datagrams), -ENOTDIR, -ENOMEM, -EMFILE. */
EDDY_API EDDY_ASYNC int eddy_connect_unix(const char *path, eddy_stream **stream);

EDDY_END_DECLS
#endif
