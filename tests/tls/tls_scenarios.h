/* SPDX-License-Identifier: MIT */
/*
 * Small programs on TLS, for tests in which something fails, or is cancelled, at each of their
 * steps: a service with a client, an upgrade as by STARTTLS, more than fits to a reader that comes
 * late. Whatever happens, both sides end with a documented error, no byte is changed, a connection
 * that broke is never taken for one that ended, and the next client is served; nothing_wrong()
 * tells.
 */
#ifndef EDDY_TESTS_TLS_TLS_SCENARIOS_H
#define EDDY_TESTS_TLS_TLS_SCENARIOS_H

#include "support/survive.h"
#include "tls/tls_test.h"
#include "stream_pairs.h"
#include "test/fault_plan.h"
#include "test/session.h"

/* ---- what must not be ---- */

/* No memory, and what the one side sees of the other's failure. */
TEST_HELPER bool is_failure_of_either(int r)
{
    static const int codes[] = {-ENOMEM, -EPROTO, -ECONNABORTED, -ECONNRESET, -EPIPE};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (r == codes[i])
            return true;
    return false;
}

/* Of what was made to fail, too. */
TEST_HELPER bool is_documented(int r)
{
    const struct fault_plan *fault = session_self->fault;
    return r >= 0 || !fault || session_self->sweep ||
           (fault->failed_call && r == fault->failed_code) || is_failure_of_either(r);
}

TEST_HELPER int judged(int r)
{
    char text[160];
    const eddy_failure *failure = eddy_last_failure();
    (void)snprintf(text, sizeof text, "%s, which is not documented, or without a message: %s",
                   eddy_error_name(r), eddy_failure_message(failure));
    wrong_if(!is_documented(r), text);
    wrong_if(r < 0 && r != -ENOMEM &&
                 (eddy_failure_code(failure) != r || !eddy_failure_message(failure)[0]),
             text);
    return r;
}

/* ---- what is run ---- */

static eddy_tls_context *server_context, *client_context;
static int ends_said, ends_seen; /* the clients'; by the server */

/* The client without sessions, so that every run is like the first. */
TEST_HELPER int with_contexts(int (*scenario)(void))
{
    server_context = server_of("localhost.pem");
    client_context = client_with(.ca_file = certificate_path("root.pem"), .no_sessions = true);
    ends_said = ends_seen = 0;
    int r = scenario();
    eddy_tls_context_close(server_context);
    eddy_tls_context_close(client_context);
    return r;
}

/* A service of the server's context, for as long as a client's call to its port lasts. */
TEST_HELPER int with_service(eddy_stream_handler *handler, int (*call)(int port))
{
    struct eddy_tls_service service = {.context = server_context, .handler = handler};
    eddy_server *server;
    int r = judged(eddy_tls_serve("127.0.0.1", 0, &service, NULL, &server));
    if (r < 0)
        return r;
    r = call(eddy_server_port(server));
    eddy_server_close(server);
    return r;
}

/* ---- questions and answers ---- */

TEST_HELPER int answer(eddy_stream *stream, void *context)
{
    (void)context;
    char line[16];
    ssize_t n;
    while ((n = eddy_stream_read_line(stream, line, sizeof line)) > 0) {
        wrong_if(strcmp(line, "question\n") != 0, "the server got another line");
        if ((n = eddy_stream_write(stream, "answer\n", 7)) < 0)
            break;
    }
    if (n == 0)
        wrong_if(++ends_seen > ends_said, "the server took a broken connection for one that ended");
    return (int)n;
}

TEST_HELPER int ask(eddy_stream *stream)
{
    char line[16];
    ssize_t n = eddy_stream_write(stream, "question\n", 9);
    if (n > 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    if (n < 0)
        return (int)n;
    wrong_if(n == 0, "the client took a broken connection for one that ended");
    wrong_if(n > 0 && strcmp(line, "answer\n") != 0, "the client got another line");
    ends_said++;
    n = eddy_stream_write_end(stream);
    if (n == 0)
        n = eddy_stream_read(stream, line, sizeof line);
    wrong_if(n > 0, "something came after the answer");
    return n < 0 ? (int)n : eddy_tls_shutdown(stream);
}

TEST_HELPER int call_on(int port)
{
    eddy_stream *stream;
    int r = eddy_tls_connect("127.0.0.1", port, client_context, NULL, &stream);
    if (r < 0)
        return judged(r);
    r = judged(ask(stream));
    ends_said++; /* closing says it, too */
    eddy_stream_close(stream);
    return r;
}

/* Up to four allocations fail in a row, each of which may cost a call. */
#define ATTEMPTS 6

TEST_HELPER int served(int port)
{
    int r = call_on(port), again = r;
    if (r == -ECANCELED || r == -ETIMEDOUT)
        return r;
    for (int i = 0; i < ATTEMPTS && again < 0; i++)
        again = call_on(port);
    wrong_if(again < 0 && again != -ECANCELED && again != -ETIMEDOUT,
             "the service didn't go on after a failure");
    return r;
}

TEST_HELPER int service(void)
{
    return with_service(answer, served);
}

TEST_HELPER int scenario_service(void)
{
    return with_contexts(service);
}

/* ---- as STARTTLS ---- */

TEST_HELPER int upgrade(eddy_stream *plain, void *context)
{
    char line[16];
    ssize_t n = eddy_stream_read_line(plain, line, sizeof line);
    if (n < 0 || (n > 0 && strcmp(line, "STARTTLS\n") != 0))
        return (int)n; /* a line that is cut off by the connection's end */
    eddy_stream *secure;
    int r = n == 0 ? -ECONNABORTED : eddy_tls_start(server_context, plain, NULL, &secure);
    if (r < 0)
        return r;
    r = answer(secure, context);
    if (r >= 0)
        r = eddy_tls_shutdown(secure);
    eddy_stream_close(secure);
    return r;
}

TEST_HELPER int upgraded(int port)
{
    eddy_stream *stream, *secure;
    struct eddy_tls_options options = {.server_name = "localhost"};
    int r = eddy_connect("127.0.0.1", port, &stream);
    if (r < 0)
        return judged(r);
    ssize_t n = eddy_stream_write(stream, "STARTTLS\n", 9);
    r = n < 0 ? (int)n : eddy_tls_start(client_context, stream, &options, &secure);
    if (r == 0) {
        stream = secure;
        r = ask(stream);
    }
    judged(r);
    ends_said++;
    eddy_stream_close(stream);
    return r;
}

TEST_HELPER int upgrading(void)
{
    eddy_server *server;
    int r = judged(eddy_serve("127.0.0.1", 0, upgrade, NULL, NULL, &server));
    if (r < 0)
        return r;
    r = upgraded(eddy_server_port(server));
    eddy_server_close(server);
    return r;
}

TEST_HELPER int scenario_upgrade(void)
{
    return with_contexts(upgrading);
}

/* ---- more than fits, to a reader that comes late ---- */

enum { MUCH = 40000 };

TEST_HELPER int read_late(eddy_stream *stream, void *context)
{
    (void)context;
    char buffer[3000];
    size_t have = 0;
    int r = eddy_sleep(1);
    ssize_t n = r < 0 ? r : 1;
    while (n > 0) {
        n = eddy_stream_read(stream, buffer, sizeof buffer);
        if (n > 0) {
            wrong_if(!pattern_holds(buffer, (size_t)n, have), "the data are not what was sent");
            have += (size_t)n;
        }
    }
    wrong_if(n == 0 && have != MUCH, "an end before all of the data");
    return (int)n;
}

TEST_HELPER int pour_all(int port)
{
    static char data[MUCH];
    eddy_stream *stream;
    pattern_fill(data, sizeof data, 0);
    int r = eddy_tls_connect("127.0.0.1", port, client_context, NULL, &stream);
    if (r < 0)
        return judged(r);
    ssize_t n = eddy_stream_write(stream, data, sizeof data);
    r = judged(n < 0 ? (int)n : eddy_tls_shutdown(stream));
    eddy_stream_close(stream);
    return r;
}

TEST_HELPER int pouring(void)
{
    return with_service(read_late, pour_all);
}

TEST_HELPER int scenario_pour(void)
{
    return with_contexts(pouring);
}

#endif
