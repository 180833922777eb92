/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets: on all addresses of a host with one port (listen.c), on a path
 * (listen_unix.c), or such that somebody else has made (listen_given.c).
 */
#ifndef EDDY_SRC_LISTEN_H
#define EDDY_SRC_LISTEN_H

#include "resolve.h"

struct engine;

/* Holds "unix:", a path, which has at most 107 characters, and a NUL. */
#define LISTEN_NAME_SIZE 128

/* A socket's name in the file system, to be removed with it. */
struct listen_path {
    dev_t device; /* of what was made: who else takes the name makes another */
    ino_t inode;
    pid_t process; /* a forked child doesn't remove it */
    char text[];
};

struct listen_socket {
    int descriptor;
    int port;                    /* 0: not TCP */
    bool was_blocking;           /* before it was ours */
    struct listen_path *path;    /* or NULL */
    char name[LISTEN_NAME_SIZE]; /* "127.0.0.1:80", "unix:/path" */
};

struct listen_sockets {
    size_t count;
    struct listen_socket sockets[RESOLVE_MAX];
};

/* Listens on every address of the list, which has one port; 0 picks one that is free on all. An
 * address of a family that this machine doesn't have is passed over if there is another. 0, or a
 * negative errno and a failure that names the address, with nothing left open. */
int listen_on(struct engine *engine, const struct address_list *list, int backlog, bool reuse_port,
              struct listen_sockets *ret_sockets);

/* Listens on a path, "@name" for one that isn't in the file system. A socket that nobody has open
 * any more is taken away first. mode 0: as the umask says. 0, or a negative errno and a failure
 * that names the path, with nothing left. */
int listen_on_path(struct engine *engine, const char *path, mode_t mode, bool keep, int backlog,
                   struct listen_socket *ret_socket);

/* Removes the name if it still is the one that was made, and frees it. Before the socket is closed:
 * as long as that is open nobody else's can have its inode. */
void listen_path_remove(struct engine *engine, struct listen_path *path);

/* Looks at a listening socket of somebody else's and makes it non-blocking. 0, or a negative errno
 * and a failure. */
int listen_given(struct engine *engine, int descriptor, struct listen_socket *ret_socket);

/* It goes back to whoever gave it, unused. */
void listen_given_back(const struct listen_socket *socket);

#endif
