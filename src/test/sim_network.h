/* SPDX-License-Identifier: MIT */
/*
 * The simulated network: hosts, connections, and what is on its way.
 *
 *      struct sim_socket                struct sim_connection               struct sim_socket
 *       of the one that          ways[0]: piece -> piece -> end --->         of the listener's
 *       connected: ends[0]       ways[1]: <--- piece <- piece                side: ends[1]
 *           received <---------------------            +--------------> received
 *
 * A way is a line in order: what is put in gets the time at which it may come out, and a timer
 * waits for the first; so nothing comes out before its predecessor. Data stays one piece of memory
 * from the send to the last receive of it. An end (FIN) and a reset travel like data, and need no
 * memory: each way has one of each.
 *
 * A connection belongs to the host that it leads to, and is treated as that host's link says. It
 * lives until both of its ends are gone; data that finds its end gone is answered by a reset, as
 * TCP does. What never happens here: lost, doubled or reordered bytes within a connection.
 *
 * Unix sockets are connected by the same ways (sim_unix.c), but within one system: to connect takes
 * no time, what takes none to travel is there at once, and who is gone is known to be. So are a
 * pipe's ends, by one of the ways, where nothing takes time or is broken (sim_pipe.c).
 */
#ifndef EDDY_SRC_TEST_SIM_NETWORK_H
#define EDDY_SRC_TEST_SIM_NETWORK_H

#include "address.h"
#include "test/sim_engine.h"

#define SIM_PORT_BUCKETS 256

enum sim_piece_kind {
    PIECE_DATA,
    PIECE_END,
    PIECE_RESET,
};

struct sim_rights;

struct sim_piece {
    struct sim_piece *next;
    struct sim_rights *rights; /* descriptors that travel with its first byte, or NULL */
    int64_t due;
    size_t begin, end; /* of what is left of the data, which lies behind this */
    enum sim_piece_kind kind;
};

struct sim_pieces {
    struct sim_piece *first, *last;
    size_t size; /* bytes of data */
};

struct sim_way {
    struct timer timer; /* for the first piece */
    struct sim_connection *connection;
    struct sim_pieces pieces;
    struct sim_piece end, reset; /* in pieces, or unused */
    struct sim_rights *rights;   /* to go with the next piece of data */
    bool ended, broken;          /* they were put in */
    bool held;                   /* the first piece is due, but the link is cut */
    bool starved;                /* the sender found no room and waits for some */
    size_t used;                 /* bytes under way, and those that arrived but weren't received */
    int64_t free_at;             /* the line is busy until then: bandwidth */
};

struct sim_host {
    struct link link; /* in the network's hosts */
    struct address address;
    struct eddy_sim_link treatment;
    struct list connections;
};

struct sim_connection {
    struct link link; /* in the host's connections */
    struct sim_engine *engine;
    struct sim_host *host;
    bool local;                 /* within the system: a Unix socket's, a pipe's */
    struct sim_socket *ends[2]; /* who connected, who was listening; NULL: gone, or not there yet */
    struct sim_way ways[2];     /* from ends[i] */
    uint64_t number;

    /* of the connect */
    struct timer timer;
    int64_t began;
    unsigned attempts;
    bool held;
};

struct sim_network {
    struct sim_engine *engine;
    struct list hosts;
    struct list datagrams;                   /* under way */
    struct list names;                       /* sockets with an abstract name */
    struct list rights;                      /* descriptors on their way */
    struct list ports[SIM_PORT_BUCKETS];     /* sockets with a local address, by port */
    struct list listeners[SIM_PORT_BUCKETS]; /* those of them that listen */
    int next_port;                           /* to be tried for those who don't mind which */
};

struct sim_network *sim_network_create(struct sim_engine *engine);
void sim_network_free(struct sim_network *network); /* its sockets are closed by now */

/* The host of an address, made if need be; NULL without memory. All Unix sockets are one host,
 * whose address is the family alone; so are all pipes. */
struct sim_host *sim_host_get(struct sim_network *network, const struct address *address);

/* ---- connections: sim_connection.c ---- */

/* Begins to connect: the socket's peer is set. 0 or -ENOMEM. */
int sim_connection_begin(struct sim_socket *socket);

/* Connects two sockets of this system: 0 or -ENOMEM. They are treated as all of that family are. */
int sim_connection_join(struct sim_socket *one, struct sim_socket *other);

/* Breaks it: both ends that are still there are reset. Frees it. */
void sim_connection_break(struct sim_connection *connection);

/* One end closes its socket: with a reset or in good order. May free the connection. */
void sim_connection_leave(struct sim_connection *connection, unsigned side, bool reset);

/* One end reads no more: on the same system the other one knows at once that it needn't write. */
void sim_connection_stop_reading(struct sim_connection *connection, unsigned side);

/* The listening end vanishes without a word, and its socket is reset. */
void sim_connection_lose_listener(struct sim_connection *connection);

bool sim_connection_is_made(const struct sim_connection *connection);

/* The link has changed: what was held may go on, who waited for room may have some. */
void sim_connection_reconsider(struct sim_connection *connection);

/* ---- ways: sim_way.c ---- */

void sim_way_init(struct sim_way *way, struct sim_connection *connection);
void sim_way_clear(struct sim_way *way);
size_t sim_way_room(const struct sim_way *way);

/* Whether there is as much room whenever a sender hears of some. */
bool sim_way_will_hold(const struct sim_way *way, size_t size);

/* Enough room for a sender to hear of it: a third, as Linux has it. */
bool sim_way_is_writable(const struct sim_way *way);

/* The number of bytes taken over, or -ENOBUFS. */
ssize_t sim_way_send(struct sim_way *way, const void *data, size_t size);
void sim_way_end(struct sim_way *way);
void sim_way_reset(struct sim_way *way);

/* So many bytes were received: there is room for others. */
void sim_way_received(struct sim_way *way, size_t size);

/* The link isn't cut any more, or has more room. */
void sim_way_reconsider(struct sim_way *way);

/* How many of so many bytes may be received at once: none behind descriptors that came with
 * others. */
size_t sim_pieces_extent(const struct sim_pieces *pieces, size_t size);

/* Receives as many, with the descriptors that came with them; without ret_rights those are
 * closed. */
void sim_pieces_take(struct sim_pieces *pieces, void *buffer, size_t size,
                     struct sim_rights **ret_rights);

/* Looks at the first so many bytes, which are there. */
void sim_pieces_look(const struct sim_pieces *pieces, void *buffer, size_t size);
void sim_pieces_free(struct sim_pieces *pieces);

/* ---- descriptors on their way: sim_rights.c ---- */

/* The descriptors of a message that is sent: 0, NULL if there are none, or -EBADF, -EINVAL,
 * -ENOMEM. */
int sim_rights_make(struct sim_engine *engine, const struct msghdr *message,
                    struct sim_rights **ret_rights);

/* Hands them over with a message that is received; NULL: there are none. What finds no room, or no
 * number, is closed, and the message says so. */
void sim_rights_give(struct sim_engine *engine, struct sim_rights *rights, struct msghdr *message);

/* Closes them; NULL is harmless. */
void sim_rights_drop(struct sim_rights *rights);

/* Closes all that are on their way, whoever they are in turn on the way to. */
void sim_rights_end(struct sim_network *network);

/* ---- ports: sim_port.c ---- */

/* Binds to the address, any port for port 0: 0, -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL. */
int sim_port_bind(struct sim_network *network, struct sim_socket *socket,
                  const struct address *address);

/* A bound socket begins to listen: 0, or -EADDRINUSE as another does it there; and ends it. */
int sim_port_listen(struct sim_network *network, struct sim_socket *socket);
void sim_port_listen_end(struct sim_network *network, struct sim_socket *socket);

/* Gives a socket that connects to `peer` an address: 0 or -EADDRNOTAVAIL. */
int sim_port_take(struct sim_network *network, struct sim_socket *socket,
                  const struct address *peer);

/* Which address this machine takes to talk to that one, port included; whether one is every
 * address. */
struct address sim_port_source(const struct address *peer);
bool sim_port_is_every(const struct address *address);

/* Who gets a datagram from here to there: a socket that is connected to the sender, else one at
 * just that address, else at every one; of several that share the port, any. NULL: nobody. */
struct sim_socket *sim_port_datagrams(struct sim_network *network, const struct address *from,
                                      const struct address *to);

/* Files a socket under the port of its local address. */
void sim_port_file(struct sim_network *network, struct sim_socket *socket);
void sim_port_release(struct sim_network *network, struct sim_socket *socket);

/* Who listens there; of several that share the port, any. NULL: nobody. */
struct sim_socket *sim_port_listener(struct sim_network *network, const struct address *address);

#endif
