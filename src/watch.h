/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers of foreign descriptors.
 */
#ifndef EDDY_SRC_WATCH_H
#define EDDY_SRC_WATCH_H

#include "loop.h"

void watches_destroy(struct eddy_loop *loop);

#endif
