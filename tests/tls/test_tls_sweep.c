/* SPDX-License-Identifier: MIT */
/*
 * Everything that can go wrong beneath a TLS connection, once: a cancel at each suspension, an
 * error of each system call, each allocation of eddy's. Real systems are swept too, where the
 * pieces that arrive differ; all is simulated first, where they don't. Memory of eddy-tls and of
 * OpenSSL: test_tls_memory.
 */
#define TEST_DEFAULTS .real_system = true /* each makes its own simulation */
#include <eddy/fault.h>
#include <eddy/sweep.h>
#include "tls/tls_test.h"

static eddy_tls_context *server_context, *client_context;

/* Without sessions, so that every run is like the first. */
static void open_contexts(void)
{
    server_context = server_of("localhost.pem");
    client_context = client_with(.ca_file = certificate_path("root.pem"), .no_sessions = true);
}

static void close_contexts(void)
{
    eddy_tls_context_close(server_context);
    eddy_tls_context_close(client_context);
}

static int converse(int port)
{
    eddy_stream *stream;
    int r = eddy_tls_connect("127.0.0.1", port, client_context, NULL, &stream);
    if (r < 0)
        return r;
    char line[16];
    ssize_t n = eddy_stream_write(stream, "one\n", 4);
    if (n > 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        n = eddy_stream_write_end(stream);
    if (n == 0)
        n = eddy_stream_read(stream, line, sizeof line);
    if (n == 0)
        n = eddy_tls_shutdown(stream);
    eddy_stream_close(stream);
    return (int)n;
}

static int conversation(void)
{
    struct eddy_tls_service service = {.context = server_context, .handler = echo};
    eddy_server *server;
    int r = eddy_tls_serve("127.0.0.1", 0, &service, NULL, &server);
    if (r < 0)
        return r;
    r = converse(eddy_server_port(server));
    eddy_server_close(server);
    return r;
}

/* As STARTTLS: a line, then TLS on both sides of it. */
static int upgrade(eddy_stream *plain, void *context)
{
    (void)context;
    char line[16];
    ssize_t n = eddy_stream_read_line(plain, line, sizeof line);
    if (n <= 0)
        return (int)n;
    eddy_stream *secure;
    int r = eddy_tls_start(server_context, plain, NULL, &secure);
    if (r < 0)
        return r;
    n = eddy_stream_write(secure, "welcome\n", 8);
    eddy_stream_close(secure);
    return n < 0 ? (int)n : 0;
}

static int upgraded(int port)
{
    eddy_stream *stream;
    struct eddy_tls_options options = {.server_name = "localhost"};
    int r = eddy_connect("127.0.0.1", port, &stream);
    if (r < 0)
        return r;
    char line[16];
    ssize_t n = eddy_stream_write(stream, "STARTTLS\n", 9);
    eddy_stream *secure;
    r = n < 0 ? (int)n : eddy_tls_start(client_context, stream, &options, &secure);
    if (r == 0) {
        stream = secure;
        n = eddy_stream_read_line(stream, line, sizeof line);
        r = n < 0 ? (int)n : 0;
    }
    eddy_stream_close(stream);
    return r;
}

static int upgrading(void)
{
    eddy_server *server;
    int r = eddy_serve("127.0.0.1", 0, upgrade, NULL, NULL, &server);
    if (r < 0)
        return r;
    r = upgraded(eddy_server_port(server));
    eddy_server_close(server);
    return r;
}

/* A writer that has to wait, for room. */
static int read_late(eddy_stream *stream, void *context)
{
    (void)context;
    char buffer[2000];
    int r = eddy_sleep(1);
    ssize_t n = 1;
    while (r == 0 && n > 0)
        n = eddy_stream_read(stream, buffer, sizeof buffer);
    return n < 0 ? (int)n : r;
}

static int pouring(void)
{
    static char data[10000];
    struct eddy_tls_service service = {.context = server_context, .handler = read_late};
    eddy_server *server;
    int r = eddy_tls_serve("127.0.0.1", 0, &service, NULL, &server);
    if (r < 0)
        return r;
    eddy_stream *stream;
    r = eddy_tls_connect("127.0.0.1", eddy_server_port(server), client_context, NULL, &stream);
    if (r == 0) {
        ssize_t n = eddy_stream_write(stream, data, sizeof data);
        r = n < 0 ? (int)n : eddy_tls_shutdown(stream);
        eddy_stream_close(stream);
    }
    eddy_server_close(server);
    return r;
}

static void sweep(int (*scenario)(void), bool real)
{
    open_contexts();
    struct eddy_sweep_result result = {.points = 0};
    const struct eddy_sweep_options options = {
        .scenario = scenario,
        .real = real,
        .sim.link = {.delay_min = 0.1, .delay_max = 0.1, .buffer = 200}};
    EXPECT_INT(eddy_sweep(&options, &result), 0);
    EXPECT(result.points >= (real ? 4 : 15));
    printf("%zu suspensions, %zu runs, %zu failed, %zu missed\n", result.points, result.runs,
           result.failed, result.missed);
    close_contexts();
}

PLAIN_TEST(rule_203_a_conversation_swept)
{
    sweep(conversation, false);
}

PLAIN_TEST(rule_202_an_upgrade_swept)
{
    sweep(upgrading, false);
}

PLAIN_TEST(a_full_pipe_swept)
{
    sweep(pouring, false);
}

PLAIN_TEST(rule_203_a_conversation_swept_on_the_engine)
{
    sweep(conversation, true);
}

/* ---- faults ---- */

static void survive(int (*scenario)(void), enum eddy_fault_kind kind)
{
    open_contexts();
    struct eddy_fault_result result = {.sites = 0};
    const struct eddy_fault_options fault = {
        .scenario = scenario, .kind = kind, .simulated = true, .seed = 1};
    EXPECT_INT(eddy_fault(&fault, &result), 0);
    printf("%zu sites, %zu runs, %zu failed, %zu missed\n", result.sites, result.runs,
           result.failed, result.missed);
    close_contexts();
}

PLAIN_TEST(each_call_of_a_conversation_fails_once)
{
    survive(conversation, EDDY_FAULT_ENGINE);
}

PLAIN_TEST(each_call_of_an_upgrade_fails_once)
{
    survive(upgrading, EDDY_FAULT_ENGINE);
}

PLAIN_TEST(each_allocation_of_a_conversation_fails_once)
{
    survive(conversation, EDDY_FAULT_MEMORY);
}

PLAIN_TEST(a_storm_changes_nothing)
{
    survive(conversation, EDDY_FAULT_STORM);
    survive(pouring, EDDY_FAULT_STORM);
}
