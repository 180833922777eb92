/* SPDX-License-Identifier: MIT */
/*
 * What fails beneath a TLS service and its clients, in each program of `make torture` and here on
 * the real engines: whatever it is, both sides end with a documented error, no byte is changed, a
 * connection that broke is never taken for one that ended, and the next client is served.
 */
#include "support/survive.h"
#include "tls/tls_test.h"
#include "stream_pairs.h"
#include "test/fault_plan.h"
#include "test/session.h"

/* ---- what must not be, whatever failed ---- */

/* Beside the code that was made to fail: no memory, and what the one side sees of the other's
 * failure. */
static bool is_documented(int r)
{
    static const int codes[] = {-ENOMEM, -EPROTO, -ECONNABORTED, -ECONNRESET, -EPIPE};
    const struct fault_plan *fault = session_self->fault;
    if (r >= 0 || !fault || session_self->sweep || (fault->failed_call && r == fault->failed_code))
        return true;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (r == codes[i])
            return true;
    return false;
}

static int judged(int r)
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

/* ---- questions and answers ---- */

static int ends_said, ends_seen; /* the clients'; by the server */

static int answer(eddy_stream *stream, void *context)
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

static int ask(eddy_stream *stream)
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

static int call_on(int port, eddy_tls_context *context)
{
    eddy_stream *stream;
    int r = eddy_tls_connect("127.0.0.1", port, context, NULL, &stream);
    if (r < 0)
        return judged(r);
    r = judged(ask(stream));
    ends_said++; /* closing says it, too */
    eddy_stream_close(stream);
    return r;
}

/* Up to four allocations fail in a row, each of which may cost a call. */
#define ATTEMPTS 6

static int served(int port, eddy_tls_context *context)
{
    int r = call_on(port, context), again = r;
    if (r == -ECANCELED || r == -ETIMEDOUT)
        return r;
    for (int i = 0; i < ATTEMPTS && again < 0; i++)
        again = call_on(port, context);
    wrong_if(again < 0 && again != -ECANCELED && again != -ETIMEDOUT,
             "the service didn't go on after a failure");
    return r;
}

static eddy_tls_context *server_context, *client_context;

/* The client without sessions, so that every run is like the first. */
static int with_contexts(int (*scenario)(void))
{
    server_context = server_of("localhost.pem");
    client_context = client_with(.ca_file = certificate_path("root.pem"), .no_sessions = true);
    int r = scenario();
    eddy_tls_context_close(server_context);
    eddy_tls_context_close(client_context);
    return r;
}

static int service(void)
{
    struct eddy_tls_service service = {.context = server_context, .handler = answer};
    eddy_server *server;
    ends_said = ends_seen = 0;
    int r = eddy_tls_serve("127.0.0.1", 0, &service, NULL, &server);
    if (r < 0)
        return judged(r);
    r = served(eddy_server_port(server), client_context);
    eddy_server_close(server);
    return r;
}

/* ---- as STARTTLS ---- */

static int upgrade(eddy_stream *plain, void *context)
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

static int upgraded(int port)
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

static int upgrading(void)
{
    eddy_server *server;
    ends_said = ends_seen = 0;
    int r = eddy_serve("127.0.0.1", 0, upgrade, NULL, NULL, &server);
    if (r < 0)
        return judged(r);
    r = upgraded(eddy_server_port(server));
    eddy_server_close(server);
    return r;
}

/* ---- more than fits, to a reader that comes late ---- */

enum { MUCH = 40000 };

static int read_late(eddy_stream *stream, void *context)
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

static int pouring(void)
{
    static char data[MUCH];
    struct eddy_tls_service service = {.context = server_context, .handler = read_late};
    eddy_server *server;
    eddy_stream *stream;
    pattern_fill(data, sizeof data, 0);
    int r = eddy_tls_serve("127.0.0.1", 0, &service, NULL, &server);
    if (r < 0)
        return judged(r);
    r = eddy_tls_connect("127.0.0.1", eddy_server_port(server), client_context, NULL, &stream);
    if (r == 0) {
        ssize_t n = eddy_stream_write(stream, data, sizeof data);
        r = n < 0 ? (int)n : eddy_tls_shutdown(stream);
        eddy_stream_close(stream);
    }
    judged(r);
    eddy_server_close(server);
    return r;
}

/* ---- all of them, in every way ---- */

static int scenario_service(void)
{
    return with_contexts(service);
}

static int scenario_upgrade(void)
{
    return with_contexts(upgrading);
}

static int scenario_pour(void)
{
    return with_contexts(pouring);
}

static size_t faults(int (*scenario)(void), enum eddy_fault_kind kind)
{
    struct eddy_fault_result result = {.sites = 0};
    const struct eddy_fault_options fault = {.scenario = scenario,
                                             .check = nothing_wrong,
                                             .kind = kind,
                                             .simulated = session_self->sim != NULL,
                                             .seed = 1,
                                             .sim.link.buffer = 2000};
    EXPECT_INT(eddy_fault(&fault, &result), 0);
    EXPECT_INT(result.failed, 0);
    return result.runs;
}

static void survive_all(const char *name, int (*scenario)(void))
{
    size_t memory = faults(scenario, EDDY_FAULT_MEMORY);
    size_t engine = faults(scenario, EDDY_FAULT_ENGINE);
    size_t storm = faults(scenario, EDDY_FAULT_STORM);
    EXPECT(memory > 10 && engine > 50);
    printf("%s: %zu runs of memory, %zu of the engine, %zu of storms\n", name, memory, engine,
           storm);
}

/* The first is what `make torture` takes to pieces. */
#define FAULTS(name)                                                                               \
    EDDY_TEST_WITH(a_##name, .any_order = true)                                                    \
    {                                                                                              \
        int r = scenario_##name();                                                                 \
        CHECK_INT(nothing_wrong(), 0);                                                             \
        return r;                                                                                  \
    }                                                                                              \
    PLAIN_TEST(a_##name##_with_each_fault)                                                         \
    {                                                                                              \
        survive_all(#name, scenario_##name);                                                       \
    }

FAULTS(service)
FAULTS(upgrade)
FAULTS(pour)
