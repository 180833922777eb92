/* SPDX-License-Identifier: MIT */
/*
 * What tasks and the backend share, and the limits on what a server may send.
 */
#include <eddy.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "exchange.h"

/* Small bodies may be packed as well as they like. */
#define RATIO_COUNTS_FROM ((uint64_t)1 << 20)

struct payload *payload_new(const void *bytes, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    struct payload *payload = malloc(sizeof *payload + size);
    if (!payload)
        return NULL;
    payload->references = 1;
    payload->size = size;
    if (size)
        memcpy(payload->bytes, bytes, size);
    return payload;
}

struct payload *payload_keep(struct payload *payload)
{
    if (payload)
        payload->references++;
    return payload;
}

void payload_release(struct payload *payload)
{
    if (payload && --payload->references == 0)
        free(payload);
}

struct exchange *exchange_new(const struct limits *limits, char *method, struct url *url,
                              struct field_list *fields, struct payload *payload)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange) {
        free(method);
        url_clear(url);
        field_clear(fields);
        return NULL;
    }
    exchange->references = 1;
    exchange->limits = *limits;
    exchange->method = method;
    exchange->url = *url;
    exchange->sent = *fields;
    exchange->payload = payload_keep(payload);
    exchange->content_length = -1;
    *url = (struct url){0};
    *fields = (struct field_list){0};
    return exchange;
}

struct exchange *exchange_keep(struct exchange *exchange)
{
    exchange->references++;
    return exchange;
}

void exchange_release(struct exchange *exchange)
{
    if (!exchange || --exchange->references)
        return;
    free(exchange->method);
    url_clear(&exchange->url);
    field_clear(&exchange->sent);
    payload_release(exchange->payload);
    free(exchange->phrase);
    field_clear(&exchange->received);
    free(exchange->body);
    free(exchange);
}

/* ---- for the backend ---- */

void exchange_end(struct exchange *exchange, int code, const char *format, ...)
{
    if (exchange->done)
        return;
    exchange->done = true;
    exchange->code = code;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(exchange->reason, sizeof exchange->reason, format, arguments);
    va_end(arguments);
    text_clean(exchange->reason);
    eddy_event_set(&exchange->changed);
}

/* Everything in headers and trailers counts, also of interim responses, which have no end else. */
static bool count_header(struct exchange *exchange, size_t fields, size_t size)
{
    exchange->header_count += fields;
    exchange->header_size += size;
    if (exchange->header_count > exchange->limits.header_count)
        exchange_end(exchange, -EMSGSIZE,
                     "more than %zu header fields (the limit is option max_header_count)",
                     exchange->limits.header_count);
    else if (exchange->header_size > exchange->limits.header_size)
        exchange_end(exchange, -EMSGSIZE,
                     "headers of more than %zu bytes (the limit is option max_header_size)",
                     exchange->limits.header_size);
    return !exchange->done;
}

bool exchange_status(struct exchange *exchange, int status, const char *phrase, size_t size)
{
    if (exchange->done || !count_header(exchange, 0, size + 13))
        return false;
    if (status < 100 || status > 999) {
        exchange_end(exchange, -EPROTO, "bad HTTP: status %d", status);
        return false;
    }
    free(exchange->phrase);
    exchange->phrase = size ? strndup(phrase, size) : NULL;
    if (exchange->phrase)
        text_clean(exchange->phrase);
    exchange->status = status;
    field_clear(&exchange->received);
    exchange->compressed = false;
    return true;
}

bool exchange_field(struct exchange *exchange, const char *name, size_t name_size,
                    const char *value, size_t value_size)
{
    if (exchange->done || !count_header(exchange, 1, name_size + value_size + 4))
        return false;
    if (exchange->headers_done)
        return true; /* a trailer: counted, not kept */
    if (memchr(name, '\0', name_size) || memchr(value, '\0', value_size)) {
        exchange_end(exchange, -EPROTO, "bad HTTP: a header field with a zero byte");
        return false;
    }
    if (field_add(&exchange->received, name, name_size, value, value_size) < 0) {
        exchange_end(exchange, -ENOMEM, "no memory for the headers");
        return false;
    }
    return true;
}

static int64_t announced_length(const struct exchange *exchange)
{
    const char *text = field_find(&exchange->received, "Content-Length");
    if (!text || !*text || text[strspn(text, "0123456789")] || strlen(text) > 18 ||
        field_find(&exchange->received, "Transfer-Encoding"))
        return -1;
    return (int64_t)strtoll(text, NULL, 10);
}

bool exchange_headers_end(struct exchange *exchange)
{
    if (exchange->done)
        return false;
    if (exchange->headers_done || exchange->status / 100 == 1)
        return true;
    const char *encoding = field_find(&exchange->received, "Content-Encoding");
    exchange->compressed = encoding && strcasecmp(encoding, "identity") != 0 &&
                           !field_find(&exchange->sent, "Accept-Encoding");
    exchange->content_length = announced_length(exchange);
    exchange->headers_done = true;
    eddy_event_set(&exchange->changed);
    return true;
}

static bool body_is_bomb(struct exchange *exchange, uint64_t received)
{
    uint64_t total = exchange->body_total;
    if (total > exchange->limits.decompressed_size)
        exchange_end(
            exchange, -EMSGSIZE,
            "compressed body of more than %zu bytes unpacked (option max_decompressed_size)",
            exchange->limits.decompressed_size);
    else if (total > RATIO_COUNTS_FROM &&
             total / exchange->limits.compression_ratio > (received ? received : 1))
        exchange_end(exchange, -EMSGSIZE,
                     "body packed more than %u to 1 (the limit is option max_compression_ratio)",
                     exchange->limits.compression_ratio);
    return exchange->done;
}

/* Room for size bytes at the tail: moves what waits to the front, or grows. */
static bool body_reserve(struct exchange *exchange, size_t size)
{
    size_t waiting = exchange_waiting(exchange);
    if (exchange->body_capacity - exchange->body_tail >= size)
        return true;
    if (waiting + size <= exchange->body_capacity) {
        memmove(exchange->body, exchange->body + exchange->body_head, waiting);
    } else {
        size_t capacity = exchange->body_capacity ? exchange->body_capacity : 4096;
        while (capacity < waiting + size)
            capacity *= 2;
        char *grown = malloc(capacity);
        if (!grown)
            return false;
        if (waiting)
            memcpy(grown, exchange->body + exchange->body_head, waiting);
        free(exchange->body);
        exchange->body = grown;
        exchange->body_capacity = capacity;
    }
    exchange->body_head = 0;
    exchange->body_tail = waiting;
    return true;
}

bool exchange_body(struct exchange *exchange, const void *bytes, size_t size, uint64_t received)
{
    if (exchange->done)
        return false;
    exchange->body_total += size;
    if (exchange->compressed && body_is_bomb(exchange, received))
        return false;
    if (!exchange->discarding && size) {
        if (!body_reserve(exchange, size)) {
            exchange_end(exchange, -ENOMEM, "no memory for the body");
            return false;
        }
        memcpy(exchange->body + exchange->body_tail, bytes, size);
        exchange->body_tail += size;
    }
    eddy_event_set(&exchange->changed);
    return true;
}

/* ---- for tasks ---- */

int exchange_wait(struct exchange *exchange)
{
    eddy_event_clear(&exchange->changed);
    return eddy_event_wait(&exchange->changed);
}

size_t exchange_take(struct exchange *exchange, void *buffer, size_t size)
{
    size_t taken = exchange_waiting(exchange);
    if (taken > size)
        taken = size;
    if (taken)
        memcpy(buffer, exchange->body + exchange->body_head, taken);
    exchange->body_head += taken;
    if (exchange->body_head == exchange->body_tail)
        exchange->body_head = exchange->body_tail = 0;
    return taken;
}

void exchange_discard(struct exchange *exchange)
{
    exchange->discarding = true;
    exchange->body_head = exchange->body_tail = 0;
}

int exchange_fail(const struct exchange *exchange)
{
    char url[220];
    url_show_raw(exchange->url.shown, url, sizeof url);
    return eddy_fail(exchange->code, "%s %s: %s", exchange->method, url, exchange->reason);
}
