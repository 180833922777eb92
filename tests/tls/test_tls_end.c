/* SPDX-License-Identifier: MIT */
/* How TLS streams end, in order or not; peers that say nonsense, stop in the middle, or never
 * answer. */
#include "tls/tls_test.h"
#include <eddy/sweep.h>
#include "stream_pairs.h"

/* ---- in order ---- */

static const char tail[] = "all that was said before the end";

static int say_and_go(eddy_stream *stream, void *context)
{
    (void)context;
    for (int i = 0; i < 3; i++)
        if (eddy_stream_write(stream, tail, sizeof tail) < 0)
            return -EIO;
    return 0;
}

TEST(rule_204_what_came_before_the_end_is_delivered)
{
    static struct site site;
    eddy_stream *stream;
    char buffer[sizeof tail];
    CHECK_INT(site_with_visitor(&site, say_and_go, &stream), 0);
    CHECK_INT(eddy_sleep(5), 0); /* data and end are all there */
    for (int i = 0; i < 3; i++) {
        CHECK_INT(eddy_stream_read_exactly(stream, buffer, sizeof tail), sizeof tail);
        CHECK_TEXT(buffer, tail);
    }
    CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), 0);
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    CHECK_TIME(5);
    eddy_stream_close(stream);
    site_close(&site);
    return 0;
}

static int answer_after_the_end(eddy_stream *stream, void *context)
{
    (void)context;
    char line[32];
    ssize_t n = eddy_stream_read(stream, line, sizeof line);
    while (n > 0)
        n = eddy_stream_read(stream, line, sizeof line);
    if (n == 0)
        n = eddy_stream_write(stream, tail, sizeof tail);
    return n < 0 ? (int)n : 0;
}

TEST(rule_204_one_side_ends_and_still_reads)
{
    static struct site site;
    eddy_stream *stream;
    char buffer[64];
    CHECK_INT(site_with_visitor(&site, answer_after_the_end, &stream), 0);
    CHECK_INT(eddy_stream_write(stream, "question", 8), 8);
    CHECK_INT(eddy_stream_write_end(stream), 0);
    CHECK_INT(eddy_stream_write(stream, "more", 4), -EPIPE);
    CHECK_INT(eddy_stream_read_exactly(stream, buffer, sizeof tail), sizeof tail);
    CHECK_TEXT(buffer, tail);
    CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), 0);
    eddy_stream_close(stream);
    site_close(&site);
    CHECK_NO_REPORT();
    return 0;
}

static int read_up_to_the_end(eddy_stream *stream, void *context)
{
    (void)context;
    char buffer[100];
    ssize_t n;
    while ((n = eddy_stream_read(stream, buffer, sizeof buffer)) > 0)
        ;
    note("%s", n < 0 ? eddy_error_name((int)n) : "end");
    return 0;
}

TEST(closing_says_the_end)
{
    static struct site site;
    eddy_stream *stream;
    CHECK_INT(site_with_visitor(&site, read_up_to_the_end, &stream), 0);
    CHECK_INT(eddy_stream_write(stream, "x", 1), 1);
    eddy_stream_close(stream);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("end");
    site_close(&site);
    return 0;
}

static int fail_in_the_middle(eddy_stream *stream, void *context)
{
    (void)context;
    ssize_t n = eddy_stream_write(stream, "half of", 7);
    return n < 0 ? (int)n : eddy_fail(-EIO, "the other half is lost");
}

TEST(a_handler_that_failed_is_no_good_end)
{
    static struct site site;
    eddy_stream *stream;
    char buffer[100];
    CHECK_INT(site_with_visitor(&site, fail_in_the_middle, &stream), 0);
    CHECK_INT(eddy_stream_read_exactly(stream, buffer, 7), 7);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), -ECONNABORTED);
    }
    CHECK_INT(eddy_tls_shutdown(stream), -ECONNABORTED);
    eddy_stream_close(stream);
    site_close(&site);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    return 0;
}

/* ---- cut off, by who sits in between ---- */

struct relay {
    eddy_stream *from, *to;
    size_t most; /* bytes, then it ends */
};

static int relay(struct relay *a)
{
    char buffer[4096];
    while (a->most) {
        ssize_t n = eddy_stream_read(a->from, buffer,
                                     a->most < sizeof buffer ? a->most : sizeof buffer);
        if (n <= 0 || eddy_stream_write(a->to, buffer, (size_t)n) < 0)
            break;
        a->most -= (size_t)n;
    }
    (void)eddy_stream_write_end(a->to);
    return 0;
}

static int site_port;
static size_t relay_most;

static int relay_both(eddy_stream *client, void *context)
{
    (void)context;
    eddy_stream *server;
    int err, r = eddy_connect("127.0.0.1", site_port, &server);
    if (r < 0)
        return r;
    eddy_with_group (g, &err) {
        eddy_spawn(g, relay, .from = client, .to = server, .most = 1 << 30);
        eddy_spawn(g, relay, .from = server, .to = client, .most = relay_most);
    }
    eddy_stream_close(server);
    return 0;
}

/* The server's bytes end after so many: how far the client came. */
static int cut_after(size_t most, eddy_tls_context *context, size_t *received)
{
    eddy_server *between;
    relay_most = most;
    CHECK_INT(eddy_serve("127.0.0.1", 0, relay_both, NULL, NULL, &between), 0);
    eddy_stream *stream;
    char buffer[100];
    ssize_t n = eddy_tls_connect("127.0.0.1", eddy_server_port(between), context, NULL, &stream);
    *received = 0;
    if (n == 0) {
        while ((n = eddy_stream_read(stream, buffer, sizeof buffer)) > 0)
            *received += (size_t)n;
        eddy_stream_close(stream);
    }
    eddy_server_close(between);
    return (int)n;
}

TEST(a_connection_cut_off_anywhere_never_passes_for_its_end)
{
    static struct site site;
    size_t received = 0, ends = 0, handshakes = 0;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), say_and_go), 0);
    site_port = site.port;
    eddy_tls_context *context = client_with(.ca_file = certificate_path("root.pem"),
                                            .no_sessions = true);
    for (size_t most = 0; most < 4000 && !ends; most += most < 1100 ? 57 : 13) {
        int r = cut_after(most, context, &received);
        ends += r == 0;
        handshakes += r < 0 && received;
        CHECK(r == -ECONNABORTED || (r == 0 && received == 3 * sizeof tail));
        if (r < 0)
            CHECK_CONTAINS(last_message(), received ? "without TLS's end: what came may be cut off"
                                                    : " ended the connection");
    }
    CHECK_INT(ends, 1);
    CHECK(handshakes > 3);
    CHECK_INT(eddy_sleep(1), 0);
    eddy_tls_context_close(context);
    site_close(&site);
    struct finding_record *record;
    while ((record = findings_next_report()))
        record->asked_for = true; /* the server's side of it */
    return 0;
}

/* ---- time ---- */

static int say_nothing(eddy_stream *stream, void *context)
{
    (void)stream;
    (void)context;
    return eddy_sleep(1000);
}

TEST(rule_203_a_handshake_has_60_seconds)
{
    eddy_server *server;
    eddy_stream *stream;
    CHECK_INT(eddy_serve("127.0.0.1", 0, say_nothing, NULL, NULL, &server), 0);
    eddy_tls_context *context = client_of_root();
    struct eddy_tls_options options = {.handshake_timeout = 0};
    CHECK_INT(eddy_tls_connect("127.0.0.1", eddy_server_port(server), context, NULL, &stream),
              -ETIMEDOUT);
    CHECK_CONTAINS(last_message(), "the TLS handshake with 127.0.0.1 wasn't over within 60 s");
    CHECK_TIME(60);
    options.handshake_timeout = 5;
    CHECK_INT(eddy_tls_connect("127.0.0.1", eddy_server_port(server), context, &options, &stream),
              -ETIMEDOUT);
    CHECK_TIME(65);
    CHECK_INT(
        eddy_wait_for(
            eddy_tls_connect("127.0.0.1", eddy_server_port(server), context, NULL, &stream), 1),
        -ETIMEDOUT);
    CHECK_TIME(66);
    eddy_server_close(server);
    eddy_tls_context_close(context);
    return 0;
}

TEST(rule_203_a_shutdown_has_30_seconds)
{
    static struct site site;
    eddy_stream *stream;
    CHECK_INT(site_with_visitor(&site, say_nothing, &stream), 0);
    CHECK_INT(eddy_tls_shutdown(stream), -ETIMEDOUT);
    CHECK_CONTAINS(last_message(), "127.0.0.1 didn't end its side within 30 s");
    CHECK_TIME(30);
    eddy_stream_close(stream);
    site_close(&site);
    return 0;
}

TEST(rule_203_how_long_a_server_waits_is_an_option_of_its_service)
{
    struct eddy_tls_service service = {
        .context = server_of("localhost.pem"),
        .handler = say_nothing,
        .options = {.handshake_timeout = 3},
    };
    eddy_server *server;
    eddy_stream *plain;
    char byte;
    CHECK_INT(eddy_tls_serve("127.0.0.1", 0, &service, NULL, &server), 0);
    CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &plain), 0);
    CHECK_INT(eddy_stream_write(plain, "\x16\x03\x01\x02", 4), 4);
    CHECK_INT(eddy_stream_read(plain, &byte, 1), 0);
    CHECK_TIME(3);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    eddy_stream_close(plain);
    eddy_server_close(server);
    eddy_tls_context_close(service.context);
    return 0;
}

TEST(rule_203_a_server_doesnt_wait_for_ever_for_a_client)
{
    static struct site site;
    eddy_stream *plain;
    char byte;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), echo), 0);
    CHECK_INT(eddy_connect("127.0.0.1", site.port, &plain), 0);
    CHECK_INT(eddy_stream_write(plain, "\x16\x03\x01\x02", 4), 4); /* begins a hello, and stops */
    CHECK_INT(eddy_stream_read(plain, &byte, 1), 0);
    CHECK_TIME(60);
    eddy_stream_close(plain);
    site_close(&site);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    return 0;
}

/* ---- nonsense ---- */

static const char *babble_text;

static int babble(eddy_stream *stream, void *context)
{
    (void)context;
    ssize_t n = eddy_stream_write(stream, babble_text, strlen(babble_text));
    return n < 0 ? (int)n : 0;
}

TEST(garbage_before_the_handshake)
{
    static const char *const texts[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
                                        "220 mail.example.org\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "x"};
    static const char *const said[] = {"isn't TLS", "isn't TLS", "isn't TLS",
                                       "ended the connection in the middle of the TLS handshake"};
    eddy_tls_context *context = client_of_root();
    for (size_t i = 0; i < 4; i++) {
        eddy_server *server;
        eddy_stream *stream;
        babble_text = texts[i];
        CHECK_INT(eddy_serve("127.0.0.1", 0, babble, NULL, NULL, &server), 0);
        int r = eddy_tls_connect("127.0.0.1", eddy_server_port(server), context, NULL, &stream);
        if (r != -ECONNRESET) { /* what the client had said was left unread */
            CHECK_INT(r, i < 3 ? -EPROTO : -ECONNABORTED);
            CHECK_CONTAINS(last_message(), said[i]);
        }
        eddy_server_close(server);
    }
    eddy_tls_context_close(context);
    return 0;
}

TEST(garbage_for_a_server)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                        "hello, who is there?"};
    static struct site site;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), echo), 0);
    for (size_t i = 0; i < 2; i++) {
        eddy_stream *plain;
        char buffer[64];
        CHECK_INT(eddy_connect("127.0.0.1", site.port, &plain), 0);
        CHECK_INT(eddy_stream_write(plain, texts[i], strlen(texts[i])), strlen(texts[i]));
        ssize_t n = 1;
        while (n > 0)
            n = eddy_stream_read(plain, buffer, sizeof buffer); /* an alert, maybe */
        eddy_stream_close(plain);
    }
    CHECK_INT(visit(site.port, client_of_root(), "localhost"), 0); /* concerns nobody else */
    site_close(&site);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    return 0;
}

/* ---- two tasks in a stream ---- */

struct reading {
    eddy_stream *stream;
    int expected;
};

static int reading(struct reading *a)
{
    char byte;
    EXPECT_INT(eddy_stream_read(a->stream, &byte, 1), a->expected);
    return 0;
}

TEST(closing_wakes_who_reads)
{
    static struct site site;
    eddy_stream *stream;
    int err;
    CHECK_INT(site_with_visitor(&site, say_nothing, &stream), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, reading, .stream = stream, .expected = -ECONNABORTED);
        CHECK_INT(eddy_sleep(1), 0);
        char byte;
        CHECK_INT(eddy_stream_read(stream, &byte, 1), -EBUSY);
        CHECK_INT(eddy_tls_shutdown(stream), -EBUSY);
        eddy_stream_close(stream);
    }
    CHECK_TIME(1);
    site_close(&site);
    return err;
}

TEST(closing_wakes_who_shuts_down)
{
    static struct site site;
    eddy_stream *stream;
    int err;
    CHECK_INT(site_with_visitor(&site, say_nothing, &stream), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, shutting, .stream = stream, .expected = -ECONNABORTED);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_stream_close(stream);
    }
    CHECK_TIME(1);
    site_close(&site);
    return err;
}

struct writing {
    eddy_stream *stream;
    int expected;
};

static int writing(struct writing *a)
{
    EXPECT_INT(eddy_stream_write(a->stream, "x", 1), a->expected);
    return 0;
}

/* What a cancelled write left goes out by the reader's doing, and a write waits behind it. */
TEST(closing_wakes_who_waits_to_write)
{
    static struct site site;
    static const char much[16 << 20];
    eddy_stream *stream;
    int err;
    CHECK_INT(site_with_visitor(&site, say_nothing, &stream), 0);
    CHECK_INT(eddy_wait_for(eddy_stream_write(stream, much, sizeof much), 1), -ETIMEDOUT);
    eddy_with_group (g, &err) {
        eddy_spawn(g, writing, .stream = stream, .expected = -ECONNABORTED);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(eddy_tls_shutdown(stream), -EBUSY);
        CHECK_CONTAINS(last_message(), "another task writes to this stream");
        eddy_spawn(g, reading, .stream = stream, .expected = -ECONNABORTED);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_stream_close(stream);
    }
    site_close(&site);
    return err;
}

/* ---- a write that was given up ---- */

static int last_read;

static int read_after_a_while(eddy_stream *stream, void *context)
{
    (void)context;
    static char buffer[65536];
    ssize_t n = eddy_sleep(2);
    while (n >= 0 && (n = eddy_stream_read(stream, buffer, sizeof buffer)) > 0)
        continue;
    last_read = (int)n;
    return 0;
}

TEST(closing_after_a_write_that_was_given_up_is_no_good_end)
{
    static struct site site;
    static char data[16 << 20]; /* more than the system holds */
    eddy_stream *stream;
    int err;
    last_read = 1;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), read_after_a_while), 0);
    /* In 1.3 tickets come that nobody reads, and the system resets for that. */
    eddy_tls_context *context = client_with(.ca_file = certificate_path("root.pem"),
                                            .most = EDDY_TLS_1_2);
    CHECK_INT(site_enter(&site, context, &stream), 0);
    eddy_with_timeout (1, &err) {
        CHECK_INT(eddy_stream_write(stream, data, sizeof data), -ECANCELED);
    }
    CHECK_INT(eddy_sleep(2), 0); /* now there is room, also for an end */
    eddy_stream_close(stream);
    CHECK_INT(eddy_server_drain(site.server), 0);
    CHECK_INT(last_read, -ECONNABORTED);
    site_close(&site);
    return 0;
}
