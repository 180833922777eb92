/* SPDX-License-Identifier: MIT */
/*
 * One exchange: a request sent over a connection, and the response to it. What tasks and the
 * backend share.
 *
 *       task:  eddy_http_request, read_chunk             loop's stack:  backend
 *                    |  exchange_wait          exchange_status, _field, _headers_end  |
 *                    +------------------> struct exchange <---------------------------+
 *                       exchange_take               exchange_body, exchange_end
 *
 * The backend reports what it receives; the exchange enforces the limits, whatever the backend.
 * A refusal ends the exchange: `done` is set, code and reason say why, later reports are refused
 * too, and the backend lets go of it. Owner (a response) and backend each hold a reference.
 */
#ifndef EDDY_SRC_CLIENT_EXCHANGE_H
#define EDDY_SRC_CLIENT_EXCHANGE_H

#include <eddy/client.h>
#include <eddy/event.h>
#include "field.h"
#include "url.h"

#define BODY_HIGH_WATER ((size_t)64 << 10)         /* above: the backend is to pause */
#define BODY_HIGH_WATER_UNPACKED ((size_t)1 << 20) /* a small piece unpacks to much */
#define BODY_LOW_WATER ((size_t)16 << 10)          /* at or below: it may go on */

struct backend;
struct transfer; /* the backend's own part */

/* A request's body, shared by the exchanges of its redirects. */
struct payload {
    unsigned references;
    size_t size;
    char bytes[];
};

struct limits {
    size_t header_count, header_size, decompressed_size;
    unsigned compression_ratio;
};

struct exchange {
    unsigned references;
    struct backend *backend; /* NULL before the start and after it let go */
    struct transfer *transfer;
    struct limits limits;

    char *method;
    struct url url;
    struct field_list sent;
    struct payload *payload; /* or NULL: no body */

    int status;
    char *phrase; /* "Not Found", or NULL */
    struct field_list received;
    size_t header_count, header_size; /* of everything before the body, and trailers */
    int64_t content_length;           /* -1: not announced */
    bool compressed;                  /* unpacked on the way */
    bool headers_done;

    char *body; /* what waits for the reader: bytes [body_head, body_tail) */
    size_t body_head, body_tail, body_capacity;
    uint64_t body_total; /* bytes reported so far */
    bool discarding;     /* nobody will read the body */

    bool done;
    int code; /* when done: 0, or why it failed */
    char reason[300];

    eddy_event changed; /* set on every report */
};

/* Makes one with one reference; takes method, url and fields over (also on failure, when it frees
 * them) and keeps the payload. NULL: no memory. */
struct exchange *exchange_new(const struct limits *limits, char *method, struct url *url,
                              struct field_list *fields, struct payload *payload);
struct exchange *exchange_keep(struct exchange *exchange);
void exchange_release(struct exchange *exchange);

struct payload *payload_new(const void *bytes, size_t size);
struct payload *payload_keep(struct payload *payload);
void payload_release(struct payload *payload);

/* ---- for the backend ---- */

/* A status line: begins a (further) header block. False: refused, as in the calls below. */
bool exchange_status(struct exchange *exchange, int status, const char *phrase, size_t size);
bool exchange_field(struct exchange *exchange, const char *name, size_t name_size,
                    const char *value, size_t value_size);
bool exchange_headers_end(struct exchange *exchange);
/* Unpacked bytes; `received` is how many came over the wire so far. */
bool exchange_body(struct exchange *exchange, const void *bytes, size_t size, uint64_t received);

/* Ends it with 0 or a code and its reason, unless it has ended. */
void exchange_end(struct exchange *exchange, int code, const char *format, ...) EDDY_PRINTF(3, 4);

static inline size_t exchange_waiting(const struct exchange *exchange)
{
    return exchange->body_tail - exchange->body_head;
}

/* True if nothing more should come before the reader took some. */
static inline bool exchange_full(const struct exchange *exchange)
{
    return exchange_waiting(exchange) >=
           (exchange->compressed ? BODY_HIGH_WATER_UNPACKED : BODY_HIGH_WATER);
}

/* ---- for tasks ---- */

/* Suspends until the next report: 0, -ECANCELED, -EINVAL. */
EDDY_ASYNC int exchange_wait(struct exchange *exchange);

/* Moves up to size waiting bytes out. */
size_t exchange_take(struct exchange *exchange, void *buffer, size_t size);

/* From now on bodies are dropped on arrival. */
void exchange_discard(struct exchange *exchange);

/* Records the task's failure: "METHOD URL: reason"; returns the code. */
int exchange_fail(const struct exchange *exchange);

#endif
