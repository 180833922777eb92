/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets on all addresses of a host, with one port.
 */
#ifndef EDDY_SRC_LISTEN_H
#define EDDY_SRC_LISTEN_H

#include "resolve.h"

struct engine;

struct listen_sockets {
    size_t count;
    int descriptors[RESOLVE_MAX];
    int port;
};

/* Listens on every address of the list, which has one port; 0 picks one that is free on all. An
 * address of a family that this machine doesn't have is passed over if there is another. 0, or a
 * negative errno and a failure that names the address, with nothing left open. */
int listen_on(struct engine *engine, const struct address_list *list, int backlog, bool reuse_port,
              struct listen_sockets *ret_sockets);

#endif
