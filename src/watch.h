/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers of foreign descriptors.
 */
#ifndef EDDY_SRC_WATCH_H
#define EDDY_SRC_WATCH_H

#include "loop.h"

struct wait;

/* The descriptor is a stream's, a server's or a datagram socket's from now on: others can't wait
 * for it; and no longer. Without memory for that nobody is refused. */
void watch_own(struct eddy_loop *loop, int descriptor);
void watch_disown(struct eddy_loop *loop, int descriptor);
bool watch_is_owned(const struct eddy_loop *loop, int descriptor);

void watches_destroy(struct eddy_loop *loop);

/* Has the wait finished once the descriptor is readable (writable): 0, or why it can't. */
int watch_listen(struct wait *wait, int descriptor, bool writable, const char *call);

/* Takes it back. */
void watch_ignore(const struct wait *wait, int descriptor, bool writable);

#endif
