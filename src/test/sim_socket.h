/* SPDX-License-Identifier: MIT */
/*
 * Simulated sockets: the engine's calls, and what the network does to a socket.
 *
 * They answer as Linux does, down to what an error is told by: once, to whoever asks first
 * (receive, send, connect, SO_ERROR). IPv6 sockets are for IPv6 alone, as if IPV6_V6ONLY were
 * always set.
 */
#ifndef EDDY_SRC_TEST_SIM_SOCKET_H
#define EDDY_SRC_TEST_SIM_SOCKET_H

#include "test/sim_network.h"

struct sim_inode;

enum sim_socket_state {
    SOCKET_IDLE, /* new, failed to connect, or reset */
    SOCKET_CONNECTING,
    SOCKET_CONNECTED,
    SOCKET_LISTENING,
};

enum sim_option {
    OPTION_REUSE_ADDRESS,
    OPTION_REUSE_PORT,
    OPTION_KEEP_ALIVE, /* remembered only, with its times: nobody finds out a half-open connection */
    OPTION_KEEP_IDLE,
    OPTION_KEEP_INTERVAL,
    OPTION_KEEP_COUNT,
    OPTION_SEND_BUFFER, /* remembered only: see the link's `buffer` */
    OPTION_RECEIVE_BUFFER,
    OPTION_NO_DELAY,
    OPTION_BROADCAST,
    OPTION_ONLY_V6,
    OPTION_COUNT,
};

struct sim_unix_name {
    socklen_t size; /* 0: none */
    struct sockaddr_un address;
};

struct sim_socket {
    struct sim_engine *engine;
    int family; /* AF_UNSPEC: it is a pipe's end, side 0 for reading, 1 for writing */
    int type;   /* SOCK_STREAM, or SOCK_DGRAM: see sim_datagram.c */
    enum sim_socket_state state;
    struct address local, peer; /* size 0: none */
    struct link in_port;        /* while it has a local address */
    struct link in_listeners;   /* while it listens */
    int options[OPTION_COUNT];
    struct list watches;
    unsigned references; /* numbers that stand for it, and messages in which it travels */
    int error;           /* negative, to be told once */

    struct sim_connection *connection; /* connecting, connected; NULL again once that is broken */
    unsigned side;                     /* its own end there */
    struct sim_pieces received;
    bool read_ended;         /* the peer's end has arrived */
    bool read_shut;          /* nothing is to be read any more */
    bool write_shut;         /* nothing is to be written any more */
    bool connect_told;       /* connect() has said that it succeeded */
    struct sim_socket *next; /* in the queue of the listener */

    struct sim_unix_name name, peer_name; /* of a Unix socket */
    bool bound;                           /* to that name; an accepted one only has it, too */
    struct sim_inode *inode;              /* in the file system, or NULL */
    struct link in_names;                 /* in the network's, if it is abstract */

    struct list arrived; /* datagrams to be received */
    size_t arrived_size;

    struct sim_socket *queue_first, *queue_last; /* a listener's: to be accepted */
    size_t queued, backlog;
};

/* ---- calls of the engine ---- */

int sim_socket_open(struct engine *base, int family, int type, int protocol);
int sim_socket_bind(struct engine *base, int number, const struct sockaddr *address,
                    socklen_t size);
int sim_socket_listen(struct engine *base, int number, int backlog);
int sim_socket_connect(struct engine *base, int number, const struct sockaddr *address,
                       socklen_t size);
int sim_socket_accept(struct engine *base, int number, struct sockaddr *address, socklen_t *size);
int sim_socket_shutdown(struct engine *base, int number, int how);

/* sim_transfer.c */
ssize_t sim_socket_receive(struct engine *base, int number, void *buffer, size_t size);
ssize_t sim_socket_send(struct engine *base, int number, const void *data, size_t size);
ssize_t sim_socket_receive_message(struct engine *base, int number, struct msghdr *message);
ssize_t sim_socket_send_message(struct engine *base, int number, const struct msghdr *message);
ssize_t sim_socket_send_file(struct engine *base, int number, int file, int64_t offset,
                             size_t size);

/* sim_option.c */
int sim_socket_local_address(struct engine *base, int number, struct sockaddr *address,
                             socklen_t *size);
int sim_socket_peer_address(struct engine *base, int number, struct sockaddr *address,
                            socklen_t *size);
int sim_socket_set_option(struct engine *base, int number, int level, int option, int value);
int sim_socket_get_option(struct engine *base, int number, int level, int option);

/* sim_unix.c: of Unix sockets */
int sim_unix_bind(struct sim_socket *socket, const struct sockaddr *address, socklen_t size);
int sim_unix_connect(struct sim_socket *socket, const struct sockaddr *address, socklen_t size);
void sim_unix_release(struct sim_socket *socket);

int sim_socket_pair(struct engine *base, int ends[2]);

/* sim_pipe.c */
int sim_pipe(struct engine *base, int ends[2]);
ssize_t sim_pipe_fill(struct engine *base, int number, int pipe, size_t size);
ssize_t sim_pipe_drain(struct engine *base, int pipe, int number, size_t size);

/* ---- for the network ---- */

/* NULL without memory. */
struct sim_socket *sim_socket_create(struct sim_engine *engine, int family);

/* A new connection's socket, to be accepted. */
void sim_socket_offer(struct sim_socket *listener, struct sim_socket *made);

static inline bool sim_socket_is_pipe(const struct sim_socket *socket)
{
    return socket->family == AF_UNSPEC;
}

/* Within this system, so that each end knows of the other: a Unix socket, a pipe's end. */
static inline bool sim_socket_is_local(const struct sim_socket *socket)
{
    return socket->family == AF_UNIX || sim_socket_is_pipe(socket);
}

/* Two that are connected within this system, under numbers of this kind: 0, -EMFILE, -ENOMEM. */
int sim_socket_join(struct sim_engine *engine, int family, enum sim_descriptor_kind kind,
                    int ends[2]);

/* Gives a reference back; the last one closes it, and frees. */
void sim_socket_close(struct sim_socket *socket);

/* The socket of a number, or NULL with -EBADF or -ENOTSOCK. */
struct sim_socket *sim_socket_find(struct engine *base, int number, int *code);

/* The same for what is read and written as a stream, also a pipe's end; what else is open: -EPERM,
 * in earnest or here. */
struct sim_socket *sim_stream_find(struct engine *base, int number, int *code);

/* How much of what can be moved is, as chance has it. */
size_t sim_socket_part(struct sim_socket *socket, size_t whole);

/* So much that has arrived is taken: see sim_pieces_take. */
void sim_socket_take(struct sim_socket *socket, void *buffer, size_t size,
                     struct sim_rights **ret_rights);

/* READY_... of now. */
unsigned sim_socket_ready(const struct sim_socket *socket);

/* Tells the socket's watches that something has happened. */
static inline void sim_socket_edge(struct sim_socket *socket)
{
    sim_edges(socket->engine, &socket->watches);
}

/* The connection is no more, or couldn't be made. */
void sim_socket_fail(struct sim_socket *socket, int error);

/* A caller's address of the socket's family: 0, -EINVAL, -EAFNOSUPPORT; and whether it can be a
 * peer, for which "every address" is this machine: 0 or -ENETUNREACH. */
int sim_socket_take_address(const struct sim_socket *socket, const struct sockaddr *address,
                            socklen_t size, struct address *ret_address);
int sim_socket_check_peer(struct address *peer);

/* What it has to tell once. */
int sim_socket_take_error(struct sim_socket *socket);

/* An address's bytes, as much as there is room for, and its size: as getsockname. */
void sim_address_give(const struct address *from, struct sockaddr *address, socklen_t *size);

/* The same of the socket itself, or of its peer. */
void sim_socket_give_local(const struct sim_socket *socket, struct sockaddr *address,
                           socklen_t *size);
void sim_socket_give_peer(const struct sim_socket *socket, struct sockaddr *address,
                          socklen_t *size);

#endif
