/* SPDX-License-Identifier: MIT */
/*
 * What a backend does: it carries exchanges over connections and reports through exchange.h.
 *
 * A backend works on the loop's own stack only, from callbacks of the loop: HTTP and TLS libraries
 * need more stack than a task may have. The calls below that a task may make only note what is
 * wanted and have it done in the loop's next turn.
 */
#ifndef EDDY_SRC_CLIENT_BACKEND_H
#define EDDY_SRC_CLIENT_BACKEND_H

#include "exchange.h"

struct backend_options {
    size_t max_connections, max_per_host;
    const char *ca_file; /* or NULL: the system's */
    const char *user_agent;
};

/* Makes a backend of the current loop; the strings must outlive it. NULL: no memory. */
struct backend *backend_open(const struct backend_options *options);

/* Lets go of all exchanges, which end with -ESHUTDOWN, closes all connections, frees. To be called
 * on the loop's own stack, or after the loop ended. */
void backend_close(struct backend *backend);

/* From anywhere: sends the request soon. 0; -ENOMEM and nothing was begun. */
int backend_start(struct backend *backend, struct exchange *exchange);

/* From anywhere: after bytes were taken; goes on if it paused for the reader. */
void backend_resume(struct exchange *exchange);

/* From anywhere: lets go of the exchange soon, aborting what is left of it. */
void backend_drop(struct exchange *exchange);

#endif
