/* SPDX-License-Identifier: MIT */
/*
 * Redirects: what the next request is, and what must not go along with it.
 */
#include <eddy.h>
#include <stdlib.h>
#include <string.h>
#include "session.h"

/* The body of a redirect is waited for as long as that costs less than a new connection. */
#define DRAIN_LIMIT ((uint64_t)64 << 10)
#define DRAIN_SECONDS 1.0

bool redirect_is(const struct exchange *exchange)
{
    switch (exchange->status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return field_find(&exchange->received, "Location");
    default:
        return false;
    }
}

static bool becomes_get(const struct exchange *exchange)
{
    if (exchange->status == 303)
        return strcmp(exchange->method, "HEAD") != 0;
    return (exchange->status == 301 || exchange->status == 302) &&
           strcmp(exchange->method, "POST") == 0;
}

static int copy_fields(const struct field_list *from, struct field_list *to)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct eddy_http_field *field = &from->fields[i];
        if (field_add(to, field->name, strlen(field->name), field->value, strlen(field->value)) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int refuse(const struct exchange *exchange, int code, const char *location, const char *why)
{
    char url[220], target[220];
    url_show_raw(exchange->url.shown, url, sizeof url);
    url_show_raw(location, target, sizeof target);
    return eddy_fail(code, "%s %s: redirect to %s refused: %s", exchange->method, url, target, why);
}

int redirect_plan(const eddy_http_session *session, const struct exchange *exchange,
                  struct plan *ret_plan)
{
    const char *location = field_find(&exchange->received, "Location");
    struct plan plan = {0};
    char why[300];
    int r = url_parse(location, &exchange->url, &plan.url, why, sizeof why);
    if (r < 0)
        return refuse(exchange, r == -EINVAL ? -EPROTO : r, location, why);
    if (url_is_https(&exchange->url) && !url_is_https(&plan.url) &&
        !session->options.allow_downgrade) {
        url_clear(&plan.url);
        return refuse(exchange, -EPERM, location, "https to http (see option allow_downgrade)");
    }
    bool get = becomes_get(exchange);
    plan.method = strdup(get ? "GET" : exchange->method);
    plan.payload = get ? NULL : payload_keep(exchange->payload);
    r = plan.method ? copy_fields(&exchange->sent, &plan.fields) : -ENOMEM;
    if (get)
        field_drop(&plan.fields, field_is_of_body);
    if (!url_same_origin(&exchange->url, &plan.url))
        field_drop(&plan.fields, field_is_secret);
    if (r < 0) {
        plan_clear(&plan);
        return eddy_fail(-ENOMEM, "no memory for a redirect");
    }
    plan_clear(ret_plan);
    *ret_plan = plan;
    return 0;
}

int redirect_drain(struct exchange *exchange)
{
    int over = 0, r = 0;
    exchange_discard(exchange);
    backend_resume(exchange);
    if (!exchange->done) {
        eddy_with_timeout (DRAIN_SECONDS, &over)
            while (r == 0 && !exchange->done && exchange->body_total < DRAIN_LIMIT)
                r = exchange_wait(exchange);
    }
    return eddy_cancelled() ? -ECANCELED : 0;
}
