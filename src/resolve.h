/* SPDX-License-Identifier: MIT */
/*
 * Names to addresses.
 */
#ifndef EDDY_SRC_RESOLVE_H
#define EDDY_SRC_RESOLVE_H

#include "address.h"

/* Of a name with more addresses the first ones are taken. */
#define RESOLVE_MAX 32

struct address_list {
    size_t count;
    struct address addresses[RESOLVE_MAX]; /* each once, in the resolver's order of preference */
};

/* The addresses of a host; suspends unless it is numeric. 0 and at least one address, -ECANCELED,
 * -ENOENT (no such name), -EAGAIN (the name server can't be reached now), -EIO (it is broken),
 * -ENOMEM, or as eddy_to_thread. */
int resolve(const char *host, int port, struct address_list *ret_list);

/* "localhost", or a name in that domain: RFC 6761, section 6.3. */
EDDY_PRIVATE bool address_is_localhost(const char *host, bool below);

#endif
