/* SPDX-License-Identifier: MIT */
/*
 * One easy handle: from an exchange's request to libcurl's options, and from libcurl's callbacks
 * to the exchange's reports.
 *
 * Redirects, timeouts and limits are not libcurl's business here: they are enforced above, for any
 * backend. libcurl is told what would be unsafe to leave open: protocols, certificates, proxies.
 */
#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "curl_backend.h"

/* ---- callbacks ---- */

/* "HTTP/1.1 404 Not Found": the status, and where the phrase begins. */
static int status_of(const char *line, size_t size, const char **phrase)
{
    const char *end = line + size;
    const char *c = memchr(line, ' ', size);
    int status = 0;
    while (c && c < end && *c == ' ')
        c++;
    for (; c && c < end && *c >= '0' && *c <= '9' && status < 1000; c++)
        status = status * 10 + (*c - '0');
    while (c && c < end && *c == ' ')
        c++;
    *phrase = c ? c : end;
    return status;
}

static bool header_line(struct exchange *exchange, const char *line, size_t size)
{
    while (size && (line[size - 1] == '\r' || line[size - 1] == '\n'))
        size--;
    if (!size)
        return exchange_headers_end(exchange);
    if (!exchange->headers_done && size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        const char *phrase;
        int status = status_of(line, size, &phrase);
        return exchange_status(exchange, status, phrase, (size_t)(line + size - phrase));
    }
    const char *colon = memchr(line, ':', size);
    if (!colon || colon == line || line[0] == ' ' || line[0] == '\t') {
        exchange_end(exchange, -EPROTO, "bad HTTP: a header line %s",
                     colon ? "without a name" : "without a colon");
        return false;
    }
    const char *value = colon + 1, *end = line + size;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return exchange_field(exchange, line, (size_t)(colon - line), value, (size_t)(end - value));
}

static size_t on_header(char *line, size_t unit, size_t size, void *userdata)
{
    struct transfer *transfer = userdata;
    return header_line(transfer->exchange, line, unit * size) ? unit * size : 0;
}

/* A piece refused for now is kept by libcurl: at most 16 KiB, or what 16 KiB of packed bytes unpack
 * to (16 MiB at the very most). */
static size_t on_body(char *bytes, size_t unit, size_t size, void *userdata)
{
    struct transfer *transfer = userdata;
    struct exchange *exchange = transfer->exchange;
    if (exchange_full(exchange) && !exchange->done) {
        transfer->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    curl_off_t received = 0;
    if (exchange->compressed)
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    /* libcurl may count a piece only after it was delivered. */
    if (!exchange_body(exchange, bytes, unit * size, (uint64_t)received + CURL_MAX_WRITE_SIZE))
        return 0;
    return unit * size;
}

/* ---- options ---- */

static int add_line(struct transfer *transfer, const char *format, const char *name,
                    const char *value)
{
    char *line;
    if (asprintf(&line, format, name, value) < 0)
        return -ENOMEM;
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    free(line);
    if (!longer)
        return -ENOMEM;
    transfer->headers = longer;
    return 0;
}

/* libcurl drops a field written "Name:" and sends one written "Name;" without a value. */
static int prepare_fields(struct transfer *transfer)
{
    const struct exchange *exchange = transfer->exchange;
    const struct field_list *sent = &exchange->sent;
    int r = 0;
    for (size_t i = 0; i < sent->count && r == 0; i++)
        r = add_line(transfer, sent->fields[i].value[0] ? "%s: %s" : "%s;", sent->fields[i].name,
                     sent->fields[i].value);
    /* Neither waits for a "100 Continue" nor invents a type. */
    if (r == 0 && !field_find(sent, "Expect"))
        r = add_line(transfer, "%s:%s", "Expect", "");
    if (r == 0 && exchange->payload && !field_find(sent, "Content-Type"))
        r = add_line(transfer, "%s: %s", "Content-Type", "application/octet-stream");
    return r;
}

static CURLcode prepare_method(CURL *easy, const struct exchange *exchange)
{
    CURLcode code = CURLE_OK;
    if (exchange->payload) {
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t)exchange->payload->size);
        if (code == CURLE_OK)
            code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, &exchange->payload->bytes[0]);
    } else if (strcmp(exchange->method, "HEAD") == 0) {
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    if (code == CURLE_OK && strcmp(exchange->method, "GET") != 0)
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->method);
    else if (code == CURLE_OK && exchange->payload)
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "GET");
    return code;
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(easy, option, value);                                          \
    } while (0)

static CURLcode prepare_safety(CURL *easy, const struct backend_options *options)
{
    CURLcode code = CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    SET(CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    SET(CURLOPT_PROXY, ""); /* not even the environment's */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_QUICK_EXIT, 1L);
#endif
    if (options->ca_file) {
        SET(CURLOPT_CAINFO, options->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    return code;
}

int transfer_prepare(struct transfer *transfer)
{
    struct backend *backend = transfer->backend;
    struct exchange *exchange = transfer->exchange;
    CURL *easy = transfer->easy;
    if (prepare_fields(transfer) < 0)
        return -ENOMEM;
    CURLcode code = prepare_safety(easy, &backend->options);
    if (code == CURLE_OK)
        code = prepare_method(easy, exchange);
    SET(CURLOPT_PRIVATE, transfer);
    SET(CURLOPT_URL, exchange->url.text);
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    SET(CURLOPT_USERAGENT, backend->options.user_agent);
    /* Only what can't be packed more than a thousandfold, so that one read stays small. */
    if (!field_find(&exchange->sent, "Accept-Encoding"))
        SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    SET(CURLOPT_ERRORBUFFER, transfer->error);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, transfer);
    SET(CURLOPT_OPENSOCKETFUNCTION, backend_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_CLOSESOCKETFUNCTION, backend_close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, backend);
    return code == CURLE_OK ? 0 : -ENOMEM;
}
