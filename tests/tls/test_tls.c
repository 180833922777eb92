/* SPDX-License-Identifier: MIT */
/* TLS streams: what both sides say to each other, in whatever pieces, and with cancels between. */
#include "tls/tls_test.h"
#include "sanitizer.h"
#include "stream_pairs.h"

TEST(hello_over_tls)
{
    static struct site site;
    eddy_stream *stream;
    CHECK_INT(site_with_visitor(&site, echo, &stream), 0);
    CHECK_INT(exchange_hello(stream), 0);
    CHECK_TEXT(eddy_tls_version(stream), "TLSv1.3");
    CHECK_CONTAINS(eddy_tls_cipher(stream), "TLS_");
    CHECK_TEXT(eddy_tls_protocol(stream), "");
    char names[64];
    CHECK_INT(eddy_stream_peer(stream, names, sizeof names),
              snprintf(NULL, 0, "127.0.0.1:%d", site.port));
    CHECK_INT(eddy_tls_peer_names(stream, names, sizeof names), 20);
    CHECK_TEXT(names, "localhost, 127.0.0.1");
    CHECK_INT(eddy_tls_peer_names(stream, names, 5), 20);
    CHECK_TEXT(names, "loca");
    unsigned char certificate[2048];
    ssize_t size = eddy_tls_peer_certificate(stream, certificate, sizeof certificate);
    CHECK(size > 200 && certificate[0] == 0x30);
    CHECK_INT(eddy_tls_peer_certificate(stream, NULL, 0), size);
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    CHECK_INT(eddy_stream_read(stream, names, sizeof names), 0);
    CHECK_INT(eddy_stream_write(stream, "x", 1), -EPIPE);
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    eddy_stream_close(stream);
    site_close(&site);
    return 0;
}

TEST(what_is_no_TLS_stream_has_nothing_to_say)
{
    char buffer[16];
    CHECK_TEXT(eddy_tls_version(NULL), "");
    CHECK_TEXT(eddy_tls_cipher(NULL), "");
    CHECK_TEXT(eddy_tls_protocol(NULL), "");
    CHECK_TEXT(eddy_tls_server_name(NULL), "");
    CHECK(!eddy_tls_resumed(NULL));
    CHECK_INT(eddy_tls_peer_names(NULL, buffer, sizeof buffer), -EINVAL);
    CHECK_INT(eddy_tls_peer_certificate(NULL, buffer, sizeof buffer), -EINVAL);
    CHECK_INT(eddy_tls_shutdown(NULL), -EINVAL);
    CHECK_CONTAINS(last_message(), "not a TLS stream");
    return 0;
}

/* ---- the name that was asked for ---- */

static int tell_name(eddy_stream *stream, void *context)
{
    note("%s%s", eddy_tls_server_name(stream), eddy_tls_resumed(stream) ? " again" : "");
    return echo(stream, context);
}

static int ask_for_name(enum eddy_tls_protocol_number version)
{
    static struct site site;
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                           .most = version);
    const struct eddy_tls_options options = {.server_name = "localhost"};
    CHECK_INT(site_open(&site, server_of("localhost.pem"), tell_name), 0);
    for (int i = 0; i < 3; i++) {
        eddy_stream *stream;
        CHECK_INT(eddy_tls_connect("127.0.0.1", site.port, client, &options, &stream), 0);
        CHECK_TEXT(eddy_tls_server_name(stream), "localhost");
        CHECK_INT(exchange_hello(stream), 0);
        CHECK_INT(eddy_tls_shutdown(stream), 0);
        eddy_stream_close(stream);
    }
    CHECK_NOTES("localhost localhost again localhost again");
    eddy_tls_context_close(client);
    site_close(&site);
    return 0;
}

TEST(a_server_knows_the_name_that_a_resumed_session_asks_for)
{
    CHECK_INT(ask_for_name(EDDY_TLS_1_3), 0);
    return ask_for_name(EDDY_TLS_1_2);
}

/* ---- in the middle of a plain stream ---- */

static eddy_tls_context *upgrade_context;

/* By the time it reads the line, what the client sent behind it is there too. */
static int upgrade(eddy_stream *plain, void *context)
{
    (void)context;
    char line[64];
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_stream_read_line(plain, line, sizeof line), 9);
    CHECK_TEXT(line, "STARTTLS\n");
    eddy_stream *secure;
    CHECK_INT(eddy_tls_start(upgrade_context, plain, NULL, &secure), 0);
    CHECK_TEXT(eddy_tls_server_name(secure), "localhost");
    int r = echo(secure, NULL);
    eddy_stream_close(secure);
    return r;
}

TEST(rule_202_start_tls_keeps_what_was_read_ahead)
{
    eddy_server *server;
    upgrade_context = server_of("localhost.pem");
    CHECK_INT(eddy_serve("127.0.0.1", 0, upgrade, NULL, NULL, &server), 0);
    eddy_tls_context *context = client_of_root();
    eddy_stream *plain, *secure;
    CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &plain), 0);
    CHECK_INT(eddy_stream_write(plain, "STARTTLS\n", 9), 9);
    struct eddy_tls_options options = {.server_name = "localhost."};
    CHECK_INT(eddy_tls_start(context, plain, &options, &secure), 0); /* waits for no answer */
    CHECK_INT(exchange_hello(secure), 0);
    CHECK_INT(eddy_tls_shutdown(secure), 0);
    eddy_stream_close(secure);
    eddy_server_close(server);
    eddy_tls_context_close(context);
    eddy_tls_context_close(upgrade_context);
    return 0;
}

TEST(rule_203_a_client_without_a_name_to_check_is_refused)
{
    eddy_server *server;
    CHECK_INT(eddy_serve("127.0.0.1", 0, echo, NULL, NULL, &server), 0);
    eddy_tls_context *context = client_of_root(), *other = server_of("localhost.pem");
    eddy_stream *plain, *secure;
    CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &plain), 0);
    CHECK_INT(eddy_tls_start(context, plain, NULL, &secure), -EINVAL);
    CHECK_CONTAINS(last_message(), "without server_name there is nothing to check");
    struct eddy_tls_options options = {.server_name = ""};
    CHECK_INT(eddy_tls_start(context, plain, &options, &secure), -EINVAL);
    options.server_name = "localhost";
    CHECK_INT(eddy_tls_start(other, plain, &options, &secure), -EINVAL);
    CHECK_CONTAINS(last_message(), "a server has no server_name");
    options.handshake_timeout = -1;
    CHECK_INT(eddy_tls_start(context, plain, &options, &secure), -EINVAL);
    CHECK_INT(eddy_tls_start(context, NULL, NULL, &secure), -EINVAL);
    CHECK_INT(eddy_tls_start(context, plain, NULL, NULL), -EINVAL);
    CHECK_INT(eddy_tls_connect(NULL, 1, context, NULL, &secure), -EINVAL);
    CHECK_INT(eddy_tls_connect("127.0.0.1", 1, other, NULL, &secure), -EINVAL);
    CHECK_CONTAINS(last_message(), "the context is a server's");
    CHECK_INT(eddy_tls_connect("127.0.0.1", 1, context, NULL, &secure), -ECONNREFUSED);
    struct eddy_tls_service none = {.context = context, .handler = echo};
    CHECK_INT(eddy_tls_serve("127.0.0.1", 0, &none, NULL, &server), -EINVAL);
    eddy_stream_close(plain);
    eddy_server_close(server);
    eddy_tls_context_close(context);
    eddy_tls_context_close(other);
    return 0;
}

/* ---- much data, in any pieces ---- */

struct transfer {
    eddy_stream *stream;
    size_t size;
    unsigned seed;
    double seconds; /* each wait's limit; 0: none */
    size_t *cancelled;
};

static int send_pattern(struct transfer *a)
{
    char *buffer = malloc(70000);
    for (size_t position = 0; position < a->size && !eddy_test_failed();) {
        size_t size = 1 + random_next(&a->seed) % 70000;
        if (size > a->size - position)
            size = a->size - position;
        pattern_fill(buffer, size, position);
        ssize_t n = 0;
        int err;
        eddy_with_timeout (a->seconds > 0 ? a->seconds : EDDY_FOREVER, &err)
            n = eddy_stream_write_some(a->stream, buffer, size);
        if (n == -ECANCELED && eddy_cancelled())
            break;
        if (n == -ECANCELED)
            ++*a->cancelled;
        else if (!EXPECT(n > 0))
            break;
        else
            position += (size_t)n;
    }
    free(buffer);
    return eddy_stream_write_end(a->stream);
}

static int receive_pattern(struct transfer *a)
{
    char *buffer = malloc(40000);
    size_t position = 0;
    while (!eddy_test_failed()) {
        ssize_t n = 0;
        int err;
        eddy_with_timeout (a->seconds > 0 ? a->seconds : EDDY_FOREVER, &err)
            n = eddy_stream_read(a->stream, buffer, 1 + random_next(&a->seed) % 40000);
        if (n == 0 || (n == -ECANCELED && eddy_cancelled()))
            break;
        if (n == -ECANCELED) {
            ++*a->cancelled;
            continue;
        }
        if (!EXPECT(n > 0) || !EXPECT(pattern_holds(buffer, (size_t)n, position)))
            break;
        position += (size_t)n;
    }
    EXPECT_INT(position, a->size);
    free(buffer);
    return 0;
}

static size_t transfer_size, cancelled;
static double transfer_seconds;

/* Sends and receives at once. */
static int both_ways(eddy_stream *stream, void *context)
{
    (void)context;
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, send_pattern, struct transfer, .stream = stream, .size = transfer_size,
                      .seed = 1, .seconds = transfer_seconds, .cancelled = &cancelled);
        eddy_spawn_as(g, receive_pattern, struct transfer, .stream = stream, .size = transfer_size,
                      .seed = 2, .seconds = transfer_seconds, .cancelled = &cancelled);
    }
    return err;
}

static int check_both_ways(size_t size, double seconds, enum eddy_tls_protocol_number version)
{
    transfer_size = size;
    transfer_seconds = seconds;
    cancelled = 0;
    static struct site site;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), both_ways), 0);
    eddy_tls_context *context = client_with(.ca_file = certificate_path("root.pem"),
                                            .most = version);
    eddy_stream *stream;
    CHECK_INT(site_enter(&site, context, &stream), 0);
    CHECK_TEXT(eddy_tls_version(stream), version == EDDY_TLS_1_2 ? "TLSv1.2" : "TLSv1.3");
    CHECK_INT(both_ways(stream, NULL), 0);
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    eddy_stream_close(stream);
    CHECK_INT(eddy_server_drain(site.server), 0); /* the other side is still at it */
    site_close(&site);
    return 0;
}

static int close_at_once(eddy_stream *stream, void *context)
{
    (void)context;
    eddy_stream_close(stream);
    return 0;
}

/* Against the rule, but a plain server puts up with it, too. */
TEST(a_handler_that_closes_its_stream)
{
    static struct site site;
    eddy_stream *stream;
    char byte;
    CHECK_INT(site_with_visitor(&site, close_at_once, &stream), 0);
    CHECK_INT(eddy_stream_read(stream, &byte, 1), 0);
    eddy_stream_close(stream);
    site_close(&site);
    return 0;
}

TEST(both_ways_at_once)
{
    CHECK_INT(check_both_ways(2 << 20, 0, EDDY_TLS_1_3), 0);
    CHECK_INT(check_both_ways(2 << 20, 0, EDDY_TLS_1_2), 0);
    return 0;
}

EDDY_TEST_WITH(no_byte_is_lost_to_short_transfers_and_cancels, .any_order = true, .heavy = true,
               .sim.link = {.short_io = 0.5, .delay_max = 0.01, .buffer = 3000})
{
    CHECK_INT(check_both_ways(200000, 0.004, EDDY_TLS_1_3), 0);
    CHECK(!eddy_sim_active() || cancelled > 20);
    return 0;
}

EDDY_TEST_WITH(one_byte_at_a_time, .any_order = true, .heavy = true, .sim.link.buffer = 1)
{
    CHECK_INT(check_both_ways(2000, 0, EDDY_TLS_1_3), 0);
    return 0;
}

TEST(lines_and_limits_work_over_tls)
{
    static struct site site;
    eddy_stream *stream;
    char line[16];
    CHECK_INT(site_with_visitor(&site, echo, &stream), 0);
    CHECK_INT(eddy_stream_write(stream, "one\ntwo\na line that is too long\n", 32), 32);
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 4);
    CHECK_TEXT(line, "one\n");
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 4);
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), -EMSGSIZE);
    CHECK_INT(eddy_stream_read_exactly(stream, line, 7), 7);
    CHECK(memcmp(line, "a line ", 7) == 0);
    CHECK_INT(eddy_wait_for((int)eddy_stream_read_exactly(stream, line, 16), 1), 16);
    CHECK_INT(eddy_wait_for((int)eddy_stream_read_exactly(stream, line, 16), 1), -ETIMEDOUT);
    CHECK_INT(eddy_stream_write(stream, "0123456789", 10), 10);
    CHECK_INT(eddy_stream_read_exactly(stream, line, 11), 11);
    CHECK(memcmp(line, "\n0123456789", 11) == 0);
    eddy_stream_close(stream);
    site_close(&site);
    return 0;
}

/* ---- stacks ---- */

#define SMALL_STACK ((size_t)(EDDY_ASAN || EDDY_TSAN ? 256 : 64) << 10)

TEST_WITH(a_stack_of_64_KiB_is_enough, .stack_size = SMALL_STACK, .virtual_clock = true)
{
    CHECK_INT(check_both_ways(100000, 0, EDDY_TLS_1_3), 0);
    return 0;
}
