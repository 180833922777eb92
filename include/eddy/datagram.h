/* SPDX-License-Identifier: MIT */
/*
 * Datagrams: messages over UDP, each whole or not at all, in any order, some twice.
 * asyncio's create_datagram_endpoint.
 *
 *     eddy_datagram *socket;
 *     struct eddy_address from;
 *     char text[512];
 *     int r = eddy_datagram_open("127.0.0.1", 5353, NULL, &socket);
 *     if (r < 0)
 *         return r;
 *     ssize_t n;
 *     while ((n = eddy_datagram_receive(socket, text, sizeof text, &from)) >= 0)
 *         if ((n = eddy_datagram_send_to(socket, text, (size_t)n, &from)) < 0)
 *             break;
 *     eddy_datagram_close(socket);
 *
 * Any number of tasks may receive from and send to one socket: they get their turns in the order in
 * which they came. Nothing is lost by a cancel: a receive that is cancelled has taken nothing, a
 * send has sent nothing. An error concerns one call, later ones go on: that nobody listens at a
 * connected peer (-ECONNREFUSED) is told to whoever calls next. In a cancelled scope calls that
 * never have to wait succeed a while longer (some 200 in a row) and then give -ECANCELED.
 *
 * A socket belongs to the loop it was made in.
 */
#ifndef EDDY_DATAGRAM_H
#define EDDY_DATAGRAM_H

#include <sys/types.h>
#include <eddy/base.h>

EDDY_BEGIN_DECLS

/* ---- addresses ---- */

/* An Internet address and a port; all zero: none. */
struct eddy_address {
    uint32_t opaque_[8];
};

/* The address of a host; suspends unless it is numeric. Of several the first one, so name
 * resolution's preference. 0, -EINVAL, -ECANCELED, or as eddy_connect for the name. */
EDDY_API EDDY_ASYNC int eddy_address_resolve(const char *host, int port,
                                             struct eddy_address *address);

/* Writes "127.0.0.1:53" or "[::1]:53", "none" for none: the length as snprintf. */
EDDY_API int eddy_address_text(const struct eddy_address *address, char *buffer, size_t size);

EDDY_API int eddy_address_port(const struct eddy_address *address);
EDDY_API bool eddy_address_equal(const struct eddy_address *one, const struct eddy_address *other);

/* ---- sockets ---- */

typedef struct eddy_datagram eddy_datagram;

/* The most that a datagram can hold, over IPv4. Above 1,200 bytes or so it travels in fragments. */
#define EDDY_DATAGRAM_MAX 65507

struct eddy_datagram_options {
    bool reuse_port;    /* several sockets share the port: SO_REUSEPORT */
    bool broadcast;     /* may send to broadcast addresses: SO_BROADCAST */
    int receive_buffer; /* bytes that may wait unread, beyond it datagrams are dropped: SO_RCVBUF;
                           default the system's, its limit net.core.rmem_max */

    /* Of what is sent to groups: */
    const char *group_interface; /* by which it goes, "eth0"; default: as the routes say */
    int group_hops;              /* how many networks far; default 1, the own one */
    bool group_not_here;         /* sockets of this machine don't hear it */
};

/* A socket at host and port, for all peers. host NULL or "": every IPv4 interface; "::": every IPv6
 * one; port 0: one that is free; of several addresses the first that can be had. options may be
 * NULL. The socket is the caller's, who closes it.
 * 0, -EINVAL, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EAFNOSUPPORT, -ENODEV (no such
 * group_interface), -ENOTSUP (options of groups for a simulated socket), -EMFILE, -ENOMEM,
 * -ECANCELED, or as eddy_connect for the name. */
EDDY_API EDDY_ASYNC int eddy_datagram_open(const char *host, int port,
                                           const struct eddy_datagram_options *options,
                                           eddy_datagram **datagram);

/* A socket for one peer alone: what others send isn't received. Nothing is sent by this. Errors as
 * of eddy_datagram_open; of several addresses the first is taken to which there is a way. */
EDDY_API EDDY_ASYNC int eddy_datagram_connect(const char *host, int port,
                                              const struct eddy_datagram_options *options,
                                              eddy_datagram **datagram);

/* Closes and frees. Tasks that wait in it are woken with -ECONNABORTED. NULL is harmless. Doesn't
 * suspend. */
EDDY_API void eddy_datagram_close(eddy_datagram *datagram);

/* For options of one's own; waiting for it is the socket's alone. -EINVAL for NULL. */
EDDY_API int eddy_datagram_descriptor(const eddy_datagram *datagram);

/* Its own address: 0 or a negative errno. */
EDDY_API int eddy_datagram_local(const eddy_datagram *datagram, struct eddy_address *address);

/* ---- groups: multicast ---- */

/* From now on what is sent to the group ("239.1.2.3", "ff02::1234") and the socket's port arrives
 * here, too, if it comes by this interface ("eth0"; NULL: the one that the routes choose for the
 * group). A socket hears only groups it has joined itself; it may join several, and to have several
 * sockets of a machine hear one, open all with reuse_port at "0.0.0.0" or "::". Don't suspend;
 * closing leaves. To send to a group just send to its address; it goes to the own network alone
 * unless group_hops says more.
 * 0, -EINVAL (no group), -EAFNOSUPPORT (IPv6 on an IPv4 socket, or the other way round), -ENODEV
 * (no such interface, or no route), -EADDRINUSE (joined already), -EADDRNOTAVAIL (leave: not
 * joined), -ENOBUFS (more than net.ipv4.igmp_max_memberships), -EMFILE, -ENOMEM, -ENOTSUP (a
 * simulated socket), -ENOPROTOOPT (an emulator that knows no groups). */
EDDY_API EDDY_MUST_USE int eddy_datagram_join(eddy_datagram *datagram, const char *group,
                                              const char *interface);
EDDY_API EDDY_MUST_USE int eddy_datagram_leave(eddy_datagram *datagram, const char *group,
                                               const char *interface);

/* ---- one at a time ---- */

/* Receives one datagram: its size, which may be 0; suspends until there is one. `from` (or NULL)
 * gets its sender. -EMSGSIZE: it was larger than `size`, as the failure tells; its beginning is in
 * the buffer, the rest is lost. -ECONNREFUSED (connected: nobody listens there), -EHOSTUNREACH
 * (connected: a firewall on the way says so; rarely -ENETUNREACH, -EHOSTDOWN, -ENONET,
 * -ENOPROTOOPT, -EPROTO), -ECANCELED, -ECONNABORTED (closed meanwhile), -EINVAL, -ENOMEM. */
EDDY_API EDDY_ASYNC ssize_t eddy_datagram_receive(eddy_datagram *datagram, void *buffer,
                                                  size_t size, struct eddy_address *from);

/* Sends one datagram, also an empty one, to the peer it is connected to: size; suspends while the
 * system's buffer is full. -EMSGSIZE (too large), -EDESTADDRREQ (not connected), -ECONNREFUSED
 * (told of an earlier one; this one wasn't sent), -ECANCELED, -ECONNABORTED, -EINVAL,
 * -EHOSTUNREACH, -ENETUNREACH, -EACCES (a broadcast without the option), -EPERM (a firewall),
 * -ENOBUFS. */
EDDY_API EDDY_ASYNC ssize_t eddy_datagram_send(eddy_datagram *datagram, const void *data,
                                               size_t size);

/* The same to this address. -EAFNOSUPPORT: IPv6 from an IPv4 socket, or the other way round. */
EDDY_API EDDY_ASYNC ssize_t eddy_datagram_send_to(eddy_datagram *datagram, const void *data,
                                                  size_t size, const struct eddy_address *to);

/* ---- many at a time: fewer system calls (recvmmsg, sendmmsg) ---- */

struct eddy_datagram_message {
    void *data;
    size_t capacity;             /* to receive: room at data */
    size_t size;                 /* to send: of the datagram; received: how much of it is at data */
    bool truncated;              /* received: there was more, which is lost */
    struct eddy_address address; /* to send to, none: the connected peer; or received from */
};

/* Receives what is there, at least one and at most `count`: how many; suspends while there is none.
 * Errors as of eddy_datagram_receive, but -EMSGSIZE. */
EDDY_API EDDY_ASYNC ssize_t eddy_datagram_receive_many(eddy_datagram *datagram,
                                                       struct eddy_datagram_message *messages,
                                                       size_t count);

/* Sends them in order, suspending as needed: how many were sent, which is fewer than `count` if an
 * error or a cancel stopped it; that error if it stopped the first. */
EDDY_API EDDY_ASYNC ssize_t eddy_datagram_send_many(eddy_datagram *datagram,
                                                    const struct eddy_datagram_message *messages,
                                                    size_t count);

EDDY_END_DECLS
#endif
