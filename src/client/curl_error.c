/* SPDX-License-Identifier: MIT */
/*
 * What libcurl's result codes mean, as errno codes and words.
 */
#include <ctype.h>
#include <eddy.h>
#include <stdio.h>
#include <string.h>
#include "curl_backend.h"

/* The system's words without the capital: "connection refused". */
static void end_by_system(struct exchange *exchange, int number, const char *when)
{
    char words[128];
    const char *text = strerror_r(number, words, sizeof words);
    exchange_end(exchange, -number, "%s%c%s", when, tolower((unsigned char)text[0]),
                 text[0] ? text + 1 : "");
}

static long system_error(CURL *easy)
{
    long number = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    return number;
}

static void end_by_connection(struct transfer *transfer, const char *when, int otherwise)
{
    struct exchange *exchange = transfer->exchange;
    long number = transfer->socket_error ? transfer->socket_error : system_error(transfer->easy);
    if (number > 0)
        end_by_system(exchange, (int)number, when);
    else
        exchange_end(exchange, otherwise, "%s%s", when, transfer->error);
}

/* libcurl has one code for both checks; only its words tell them apart. */
static void end_by_certificate(struct transfer *transfer)
{
    const char *text = transfer->error;
    static const char *const prefixes[] = {"SSL certificate problem: ", "SSL: "};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
            text += strlen(prefixes[i]);
    exchange_end(transfer->exchange, -EKEYREJECTED,
                 "certificate refused by the check of its %s: %s",
                 strstr(text, "subject name") ? "host name" : "chain", text);
}

static void end_by_partial_body(struct exchange *exchange)
{
    if (exchange->content_length >= 0 && !exchange->compressed)
        exchange_end(exchange, -ENODATA,
                     "the connection ended after %llu of %lld bytes of the body",
                     (unsigned long long)exchange->body_total, (long long)exchange->content_length);
    else
        exchange_end(exchange, -ENODATA,
                     "the connection ended before the body did, after %llu bytes",
                     (unsigned long long)exchange->body_total);
}

/* libcurl says "out of memory" also for a single header line of more than 100 KiB. */
static void end_by_memory(struct transfer *transfer)
{
    curl_off_t first_byte = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_STARTTRANSFER_TIME_T, &first_byte);
    if (first_byte > 0 && !transfer->exchange->headers_done)
        exchange_end(
            transfer->exchange, -EMSGSIZE,
            "a header line of more than 100 KiB (option max_header_size can't allow more)");
    else
        exchange_end(transfer->exchange, -ENOMEM, "no memory");
}

void transfer_end(struct transfer *transfer, CURLcode code)
{
    struct exchange *exchange = transfer->exchange;
    if (!transfer->error[0])
        (void)snprintf(transfer->error, sizeof transfer->error, "%s", curl_easy_strerror(code));
    switch ((int)code) {
    case CURLE_OK:
        if (exchange->headers_done)
            exchange_end(exchange, 0, "%s", "");
        else
            exchange_end(exchange, -EPROTO, "bad HTTP: no final response");
        return;
    case CURLE_COULDNT_RESOLVE_HOST:
        exchange_end(exchange, -ENOENT, "unknown host '%.100s'", exchange->url.host);
        return;
    case CURLE_COULDNT_CONNECT:
        end_by_connection(transfer, "", -ECONNREFUSED);
        return;
    case CURLE_SEND_ERROR:
        end_by_connection(transfer, "sending: ", -EPIPE);
        return;
    case CURLE_RECV_ERROR:
        end_by_connection(transfer,
                          exchange->headers_done ? "receiving the body: " : "receiving: ", -EPROTO);
        return;
    case CURLE_GOT_NOTHING:
        exchange_end(exchange, -ECONNRESET, "the server closed the connection without an answer");
        return;
    case CURLE_PARTIAL_FILE:
        end_by_partial_body(exchange);
        return;
    case CURLE_OPERATION_TIMEDOUT:
        exchange_end(exchange, -ETIMEDOUT, "no connection in time");
        return;
    case CURLE_OUT_OF_MEMORY:
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
        end_by_memory(transfer);
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        end_by_certificate(transfer);
        return;
    case CURLE_SSL_CACERT_BADFILE:
        exchange_end(exchange, -ENOENT, "no certificates in '%.150s' (option ca_file)",
                     transfer->backend->options.ca_file ? transfer->backend->options.ca_file
                                                        : "the system's file");
        return;
    case CURLE_SSL_CONNECT_ERROR:
        if (system_error(transfer->easy) > 0)
            end_by_connection(transfer, "TLS: ", -EPROTO);
        else
            exchange_end(exchange, -EPROTO, "TLS 1.2 or newer failed: %.200s", transfer->error);
        return;
    case CURLE_BAD_CONTENT_ENCODING:
        exchange_end(exchange, -EPROTO, "bad compression: %.200s", transfer->error);
        return;
    case CURLE_URL_MALFORMAT:
        exchange_end(exchange, -EINVAL, "bad URL: %.200s", transfer->error);
        return;
    default:
        exchange_end(exchange, -EPROTO, "bad HTTP: %.200s", transfer->error);
        return;
    }
}
