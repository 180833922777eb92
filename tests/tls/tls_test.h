/* SPDX-License-Identifier: MIT */
/*
 * A TLS server and clients of it, in one program, on whatever system the test runs.
 */
#ifndef EDDY_TESTS_TLS_TLS_TEST_H
#define EDDY_TESTS_TLS_TLS_TEST_H

/* A handshake is too much work for a run at each of its sites: test_tls_sweep does that with
 * few. */
#ifndef TEST_DEFAULTS
#define TEST_DEFAULTS .heavy = true
#endif
#include "support/test.h"
#include "tls/certificates.h"

/* What it gets, back to the client, up to the client's end. */
TEST_HELPER int echo(eddy_stream *stream, void *context)
{
    (void)context;
    char buffer[4096];
    ssize_t n;
    while ((n = eddy_stream_read(stream, buffer, sizeof buffer)) > 0)
        if ((n = eddy_stream_write(stream, buffer, (size_t)n)) < 0)
            break;
    return (int)n;
}

struct site {
    struct eddy_tls_service service;
    eddy_server *server;
    int port;
    eddy_tls_context *visitor; /* of the client that entered; or NULL */
};

/* Takes the context over. */
TEST_HELPER int site_open(struct site *site, eddy_tls_context *context,
                          eddy_stream_handler *handler)
{
    *site = (struct site){.service = {.context = context, .handler = handler}};
    int r = eddy_tls_serve("127.0.0.1", 0, &site->service, NULL, &site->server);
    if (r < 0) {
        eddy_tls_context_close(context);
        *site = (struct site){.port = 0};
        return r;
    }
    site->port = eddy_server_port(site->server);
    return 0;
}

/* A client's stream to it. Takes the client's context over. */
TEST_HELPER int site_enter(struct site *site, eddy_tls_context *context, eddy_stream **stream)
{
    site->visitor = context;
    return eddy_tls_connect("127.0.0.1", site->port, context, NULL, stream);
}

/* A site of localhost.pem, and the stream of a client that trusts it. */
TEST_HELPER int site_with_visitor(struct site *site, eddy_stream_handler *handler,
                                  eddy_stream **stream)
{
    int r = site_open(site, server_of("localhost.pem"), handler);
    return r < 0 ? r : site_enter(site, client_of_root(), stream);
}

/* The visitor's stream is closed by then. */
TEST_HELPER void site_close(struct site *site)
{
    eddy_server_close(site->server);
    eddy_tls_context_close(site->visitor);
    eddy_tls_context_close(site->service.context);
}

/* Says "hello", has it back. */
TEST_HELPER int exchange_hello(eddy_stream *stream)
{
    char buffer[16] = "";
    ssize_t n = eddy_stream_write(stream, "hello", 5);
    if (n == 5)
        n = eddy_stream_read_exactly(stream, buffer, 5);
    if (n < 0)
        return (int)n;
    CHECK_TEXT(buffer, "hello");
    return 0;
}

/* Connects by a context, says hello, says good-bye: what came of it. Takes the context over. */
TEST_HELPER int visit(int port, eddy_tls_context *context, const char *name)
{
    eddy_stream *stream = NULL;
    struct eddy_tls_options options = {.server_name = name};
    int r = eddy_tls_connect("127.0.0.1", port, context, &options, &stream);
    eddy_tls_context_close(context);
    if (r < 0)
        return r;
    r = exchange_hello(stream);
    if (r == 0)
        r = eddy_tls_shutdown(stream);
    eddy_stream_close(stream);
    return r;
}

/* A task that says good-bye while another uses the stream. */
struct shutting {
    eddy_stream *stream;
    int expected;
};
TEST_HELPER int shutting(struct shutting *a)
{
    EXPECT_INT(eddy_tls_shutdown(a->stream), a->expected);
    return 0;
}

TEST_HELPER const char *last_message(void)
{
    return eddy_failure_message(eddy_last_failure());
}

#endif
