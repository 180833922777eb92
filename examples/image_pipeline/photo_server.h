/* SPDX-License-Identifier: MIT */

/* The site that the pictures are downloaded from: a small web server on loopback, in a thread with
 * an event loop of its own. It sends each photograph at a pace, as the tutorial's far-away site
 * did; that is the only artificial thing in the example.
 *
 *     GET /photo/3.jpg        the third photograph, its body spread evenly over the pace
 *     GET /truncated/3.jpg    its first half, as if it were whole
 *     anything else           404 */

#pragma once

#include "photos.h"

struct photo_server;

/* Serves the photographs, which must outlive the server; port 0 takes a free one. 0, or a negative
 * errno and a message. */
int photo_server_start(const struct photos *photos, double pace, int port,
                       struct photo_server **ret_server, char *message, size_t message_size);

int photo_server_port(const struct photo_server *server);

/* Drops what is being sent and waits for the thread. NULL is harmless. */
void photo_server_stop(struct photo_server *server);
