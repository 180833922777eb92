/* SPDX-License-Identifier: MIT */
/*
 * Sessions and responses from inside.
 *
 * A session knows its responses, those of requests under way included, so that closing it reaches
 * them all. A response outlives its session: then `session` is NULL.
 */
#ifndef EDDY_SRC_CLIENT_SESSION_H
#define EDDY_SRC_CLIENT_SESSION_H

#include <eddy/loop.h>
#include "backend.h"
#include "live.h"

struct eddy_http_session {
    struct eddy_http_options options; /* defaults filled in, strings owned */
    struct limits limits;
    eddy_loop *loop;
    struct backend *backend;
    eddy_http_response *responses;
};

struct eddy_http_response {
    eddy_http_session *session;
    eddy_http_response *next, **link;
    struct exchange *exchange; /* the last hop's; NULL before the first */
    eddy_loop *loop;
    eddy_handle *deadline; /* NULL: none, or over */
    double timeout;
    size_t max_body_size;
    unsigned readers; /* tasks suspended in a read */
    bool closed;      /* by eddy_http_close; the last reader frees it */
};

/* What one request is to send: the first hop, or the one after a redirect. */
struct plan {
    char *method;
    struct url url;
    struct field_list fields;
    struct payload *payload;
};
void plan_clear(struct plan *plan);

/* A response in the session's list, its timeout running. NULL: no memory, failure recorded. */
eddy_http_response *response_new(eddy_http_session *session, double timeout);

/* Lets go of everything and frees it, unless a reader is still to wake up. */
void response_free(eddy_http_response *response);

/* Sends what the plan says, which is used up, and suspends until headers are here. */
EDDY_ASYNC int response_send(eddy_http_response *response, struct plan *plan);

/* Lets go of the response's exchange. */
void response_forget_exchange(eddy_http_response *response);

/* Whether the response is a redirect to be followed. */
bool redirect_is(const struct exchange *exchange);

/* Makes the plan of the hop that follows exchange's redirect: 0, or a failure. */
int redirect_plan(const eddy_http_session *session, const struct exchange *exchange,
                  struct plan *ret_plan);

/* Suspends until the body of a redirect is over, if it is soon; so its connection can be used
 * again. 0, -ECANCELED. */
EDDY_ASYNC int redirect_drain(struct exchange *exchange);

/* JSON text of a value: 0 and an allocation; -EINVAL (jansson can't write it), -EMSGSIZE (too
 * deep), with a failure recorded. */
int json_text(const struct json_t *json, char **ret_text, size_t *ret_size);

#endif
