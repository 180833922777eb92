/* SPDX-License-Identifier: MIT */
/*
 * Responses: sending a hop, status and headers, the body in chunks or whole, and the end.
 */
#include <eddy.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "session.h"

/* ---- life ---- */

static void response_expired(void *argument)
{
    eddy_http_response *response = argument;
    struct exchange *exchange = response->exchange;
    response->deadline = NULL;
    if (!exchange || exchange->done)
        return;
    const char *missing = !exchange->headers_done ? "no answer" : "the body wasn't whole";
    exchange_end(exchange, -ETIMEDOUT, "%s within %g seconds (option timeout)", missing,
                 response->timeout);
    backend_drop(exchange);
}

eddy_http_response *response_new(eddy_http_session *session, double timeout)
{
    eddy_http_response *response = calloc(1, sizeof *response);
    if (!response) {
        eddy_fail(-ENOMEM, "no memory for a response");
        return NULL;
    }
    response->timeout = timeout;
    response->max_body_size = session->options.max_body_size;
    response->loop = session->loop;
    if (timeout < EDDY_FOREVER &&
        !(response->deadline = eddy_call_later(timeout, response_expired, response))) {
        free(response);
        return NULL;
    }
    response->session = session;
    if ((response->next = session->responses))
        response->next->link = &response->next;
    response->link = &session->responses;
    session->responses = response;
    return response;
}

void response_forget_exchange(eddy_http_response *response)
{
    if (!response->exchange)
        return;
    backend_drop(response->exchange);
    exchange_release(response->exchange);
    response->exchange = NULL;
}

void response_free(eddy_http_response *response)
{
    if (response->session) {
        if ((*response->link = response->next))
            response->next->link = response->link;
        response->session = NULL;
    }
    if (response->deadline && eddy_current_loop() == response->loop)
        (void)eddy_handle_cancel(response->deadline);
    response->deadline = NULL;
    response->closed = true;
    if (response->readers)
        return;
    response_forget_exchange(response);
    free(response);
}

int response_send(eddy_http_response *response, struct plan *plan)
{
    struct exchange *exchange = exchange_new(&response->session->limits, plan->method, &plan->url,
                                             &plan->fields, plan->payload);
    plan->method = NULL;
    plan_clear(plan);
    if (!exchange || backend_start(response->session->backend, exchange) < 0) {
        exchange_release(exchange);
        return eddy_fail(-ENOMEM, "no memory for a request");
    }
    response->exchange = exchange;
    while (!exchange->headers_done && !exchange->done) {
        int r = exchange_wait(exchange);
        if (r < 0)
            return r;
    }
    return exchange->headers_done ? 0 : exchange_fail(exchange);
}

void eddy_http_close(eddy_http_response *response)
{
    if (!response || !live_check(response, "eddy_http_close", "response"))
        return;
    live_remove(response);
    struct exchange *exchange = response->exchange;
    exchange_end(exchange, -ECONNABORTED, "another task closed the response");
    backend_drop(exchange);
    response_free(response);
}

/* ---- head ---- */

int eddy_http_status(const eddy_http_response *response)
{
    return live_check(response, "eddy_http_status", "response") ? response->exchange->status
                                                                : -EINVAL;
}

const char *eddy_http_url(const eddy_http_response *response)
{
    return live_check(response, "eddy_http_url", "response") ? response->exchange->url.shown : NULL;
}

const char *eddy_http_header(const eddy_http_response *response, const char *name)
{
    if (!live_check(response, "eddy_http_header", "response") || !name)
        return NULL;
    return field_find(&response->exchange->received, name);
}

struct eddy_http_field eddy_http_header_at(const eddy_http_response *response, size_t index)
{
    if (!live_check(response, "eddy_http_header_at", "response") ||
        index >= response->exchange->received.count)
        return (struct eddy_http_field){NULL, NULL};
    return response->exchange->received.fields[index];
}

int64_t eddy_http_content_length(const eddy_http_response *response)
{
    return live_check(response, "eddy_http_content_length", "response")
               ? response->exchange->content_length
               : -1;
}

int eddy_http_raise_for_status(const eddy_http_response *response)
{
    if (!live_check(response, "eddy_http_raise_for_status", "response"))
        return -EINVAL;
    const struct exchange *exchange = response->exchange;
    if (exchange->status < 400)
        return 0;
    char url[220];
    url_show_raw(exchange->url.shown, url, sizeof url);
    return eddy_fail(-EREMOTEIO, "%s %s: %d %s", exchange->method, url, exchange->status,
                     exchange->phrase ? exchange->phrase : "");
}

/* ---- body ---- */

/* Waits for a report; -ECONNABORTED and the response freed if it was closed meanwhile. */
static EDDY_ASYNC int reader_wait(eddy_http_response *response)
{
    response->readers++;
    int r = exchange_wait(response->exchange);
    response->readers--;
    if (!response->closed)
        return r;
    r = exchange_fail(response->exchange);
    response_free(response);
    return r;
}

static ssize_t response_read(eddy_http_response *response, const char *call, void *buffer,
                             size_t size)
{
    for (;;) {
        struct exchange *exchange = response->exchange;
        size_t taken = exchange_take(exchange, buffer, size);
        if (taken) {
            backend_resume(exchange);
            return (ssize_t)taken;
        }
        if (exchange->done)
            return exchange->code < 0 ? exchange_fail(exchange) : 0;
        if (!live_in_task(call))
            return -EINVAL;
        int r = reader_wait(response);
        if (r < 0)
            return r;
    }
}

ssize_t eddy_http_read_chunk(eddy_http_response *response, void *buffer, size_t size)
{
    if (!live_check(response, "eddy_http_read_chunk", "response"))
        return -EINVAL;
    if (!buffer && size)
        return eddy_fail(-EINVAL, "eddy_http_read_chunk: the buffer is NULL");
    if (size > SSIZE_MAX)
        return eddy_fail(-EINVAL, "eddy_http_read_chunk: a size of %zu", size);
    return size ? response_read(response, "eddy_http_read_chunk", buffer, size) : 0;
}

static int body_too_large(const eddy_http_response *response)
{
    char url[220];
    url_show_raw(response->exchange->url.shown, url, sizeof url);
    return eddy_fail(-EMSGSIZE,
                     "%s %s: body of more than %zu bytes (the limit is option "
                     "max_body_size)",
                     response->exchange->method, url, response->max_body_size);
}

int eddy_http_read_all(eddy_http_response *response, char **ret_bytes, size_t *ret_size)
{
    if (!live_check(response, "eddy_http_read_all", "response"))
        return -EINVAL;
    if (!ret_bytes)
        return eddy_fail(-EINVAL, "eddy_http_read_all: nowhere to put the bytes");
    int64_t announced = response->exchange->content_length;
    if (announced > 0 && (uint64_t)announced > response->max_body_size &&
        strcmp(response->exchange->method, "HEAD") != 0)
        return body_too_large(response);
    size_t capacity = announced > 0 && announced < 1 << 20 ? (size_t)announced + 2 : 4096;
    size_t size = 0;
    char *bytes = malloc(capacity);
    ssize_t n = bytes ? 1 : eddy_fail(-ENOMEM, "no memory for a body");
    while (n > 0) {
        if (size + 1 == capacity) {
            char *grown = realloc(bytes, capacity * 2);
            if (!grown) {
                n = eddy_fail(-ENOMEM, "no memory for a body");
                break;
            }
            bytes = grown;
            capacity *= 2;
        }
        n = response_read(response, "eddy_http_read_all", bytes + size, capacity - 1 - size);
        if (n > 0)
            size += (size_t)n;
        if (n > 0 && size > response->max_body_size)
            n = body_too_large(response);
    }
    if (n < 0) {
        free(bytes);
        return (int)n;
    }
    bytes[size] = '\0';
    *ret_bytes = bytes;
    if (ret_size)
        *ret_size = size;
    return 0;
}
