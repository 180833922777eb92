/* SPDX-License-Identifier: MIT */
/*
 * The backend on libcurl, inside.
 *
 *     curl_backend.c   the multi handle: sockets, timer, what is to be done in the next turn
 *     curl_transfer.c  one easy handle: its options and callbacks
 *     curl_error.c     what went wrong, in errno codes and words
 *
 * libcurl is never entered from its own callbacks: these only write down what they learn. Whoever
 * enters libcurl calls backend_settle() afterwards, which acts on it.
 */
#ifndef EDDY_SRC_CLIENT_CURL_BACKEND_H
#define EDDY_SRC_CLIENT_CURL_BACKEND_H

#include <curl/curl.h>
#include <eddy/loop.h>
#include "backend.h"

#define SPARE_HANDLES 64

struct backend {
    struct backend_options options;
    eddy_loop *loop;
    CURLM *multi;               /* NULL until the first request */
    struct transfer *transfers; /* all of them, doubly linked */
    struct transfer *attention; /* those for which something is to be done, first in, first out */
    struct transfer **attention_end;
    struct socket_watch **sockets; /* by descriptor */
    size_t socket_capacity;
    eddy_handle *timer, *turn;  /* NULL: not set */
    CURL *spare[SPARE_HANDLES]; /* easy handles to be used again */
    size_t spare_count;
};

struct transfer {
    struct backend *backend;
    struct exchange *exchange; /* a reference */
    struct transfer *next, **link;
    struct transfer *next_attention;
    CURL *easy; /* NULL until it begins */
    struct curl_slist *headers;
    struct socket_watch *sockets; /* watched for it */
    bool queued;                  /* in attention */
    bool paused;                  /* by on_body, until the reader took enough */
    bool drop;                    /* to be let go */
    int socket_error;             /* why no socket could be made, or 0 */
    char error[CURL_ERROR_SIZE];
};

/* Puts it on the list of what backend_settle looks at. */
void transfer_attend(struct transfer *transfer);

/* Sets an easy handle up for the exchange. Negative errno: no memory. */
int transfer_prepare(struct transfer *transfer);

/* Ends the exchange with what libcurl's code means. */
void transfer_end(struct transfer *transfer, CURLcode code);

/* The socket callbacks. userdata is the transfer that opens it; the backend, since a connection
 * outlives the transfer. */
curl_socket_t backend_open_socket(void *userdata, curlsocktype purpose,
                                  struct curl_sockaddr *address);
int backend_close_socket(void *userdata, curl_socket_t number);

#endif
