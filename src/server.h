/* SPDX-License-Identifier: MIT */
/*
 * Servers from inside: what the loop must know.
 */
#ifndef EDDY_SRC_SERVER_H
#define EDDY_SRC_SERVER_H

#include "eddy/server.h"

struct eddy_loop;

/* Closes and frees the servers that were left open, when no task of the loop is left. */
void servers_destroy(struct eddy_loop *loop);

#endif
