/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers of foreign descriptors.
 */
#ifndef EDDY_SRC_WATCH_H
#define EDDY_SRC_WATCH_H

#include "loop.h"

struct wait;

void watches_destroy(struct eddy_loop *loop);

/* Has the wait finished once the descriptor is readable (writable): 0, or why it can't. */
int watch_listen(struct wait *wait, int descriptor, bool writable, const char *call);

/* Takes it back. */
void watch_ignore(const struct wait *wait, int descriptor, bool writable);

#endif
