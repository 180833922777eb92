/* SPDX-License-Identifier: MIT */

/* The tutorial's edge detection: a pixel is compared with its right and its lower neighbour, as
 * far as it has them. The absolute differences of red, green and blue are added up and divided by
 * the number of neighbours, rounding down; more than 30 makes the pixel white, anything else, and
 * a pixel without neighbours, black. */

#pragma once

#include "picture.h"

#define EDGE_THRESHOLD 30

/* Returns 0, or -EINVAL for an empty picture, or -ENOMEM. */
int detect_edges(const struct picture *source, struct picture *ret_edges);

/* Decodes the JPEG `in`, detects its edges and writes them as the JPEG `out`, atomically. All
 * state is local, so it may run in any number of threads or processes; it never suspends.
 * Returns 0 or a negative errno with a line for people in `message` (MESSAGE_SIZE is enough). */
int detect_edges_file(const char *in, const char *out, char *message, size_t size);
