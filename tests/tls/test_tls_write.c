/* SPDX-License-Identifier: MIT */
/*
 * Writes that didn't come to their end: each byte that counts as written goes out, once; and what a
 * write says when the connection had failed before.
 */
#include "tls/tls_peer.h"
#include <eddy/stream_layer.h>

/* ---- cancelled ---- */

static size_t expected;

static int thank_for_all(eddy_stream *stream, void *context)
{
    (void)context;
    static char buffer[65536];
    size_t received = 0;
    ssize_t n = eddy_sleep(5);
    while (n >= 0 && received < expected &&
           (n = eddy_stream_read(stream, buffer, sizeof buffer)) > 0)
        received += (size_t)n;
    CHECK_INT((int)received, (int)expected);
    n = eddy_stream_write(stream, "thank", 5);
    return n < 0 ? (int)n : 0;
}

struct awaiting_thanks {
    eddy_stream *stream;
};

static int awaiting_thanks(struct awaiting_thanks *a)
{
    char buffer[6] = "";
    EXPECT_INT(eddy_stream_read_exactly(a->stream, buffer, 5), 5);
    EXPECT_TEXT(buffer, "thank");
    return 0;
}

/* Nobody calls the stream again: the reader waits already. */
TEST(what_a_cancelled_write_has_taken_goes_out)
{
    static struct site site;
    static const char much[16 << 20]; /* more than the system holds */
    eddy_stream *stream;
    int err;
    CHECK_INT(site_with_visitor(&site, thank_for_all, &stream), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, awaiting_thanks, .stream = stream);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(eddy_wait_for(eddy_stream_write(stream, much, sizeof much), 1), -ETIMEDOUT);
        expected = eddy_stream_partial_write(stream);
        CHECK(expected > 0);
    }
    eddy_stream_close(stream);
    site_close(&site);
    return err;
}

/* ---- failed for a moment ---- */

struct narrow {
    eddy_stream *beneath;
    int failures; /* that many writes fail from now on */
};

static ssize_t narrow_read(void *context, void *buffer, size_t size)
{
    return eddy_stream_read(((struct narrow *)context)->beneath, buffer, size);
}

static ssize_t narrow_write(void *context, const void *data, size_t size)
{
    struct narrow *narrow = context;
    if (narrow->failures) {
        narrow->failures--;
        return eddy_fail(-ENOBUFS, "no room for a moment");
    }
    return eddy_stream_write_some(narrow->beneath, data, size);
}

static void narrow_close(void *context)
{
    eddy_stream_close(((struct narrow *)context)->beneath);
}

static void narrow_release(void *context)
{
    (void)context;
}

static const struct eddy_stream_layer narrow_layer = {
    .read = narrow_read,
    .write = narrow_write,
    .close = narrow_close,
    .release = narrow_release,
};

/* A stream on which writes may fail, and TLS on that. */
static int enter_narrow(struct site *site, struct narrow *narrow, eddy_stream **stream)
{
    eddy_stream *layered;
    const struct eddy_tls_options options = {.server_name = "127.0.0.1"};
    *narrow = (struct narrow){.failures = 0};
    CHECK_INT(site_open(site, server_of("localhost.pem"), echo), 0);
    site->visitor = client_of_root();
    CHECK_INT(eddy_connect("127.0.0.1", site->port, &narrow->beneath), 0);
    CHECK_INT(eddy_stream_from_layer(&narrow_layer, narrow, &layered), 0);
    return eddy_tls_start(site->visitor, layered, &options, stream);
}

/* A caller may go on after the error: with what eddy_stream_partial_write says is left. */
TEST(what_couldnt_go_out_for_a_moment_is_sent_once)
{
    static struct site site;
    static struct narrow narrow;
    static const char data[] = "once";
    for (int failures = 1; failures < 5; failures++) {
        eddy_stream *stream;
        char back[16] = "";
        size_t sent = 0;
        CHECK_INT(enter_narrow(&site, &narrow, &stream), 0);
        narrow.failures = failures;
        for (int i = 0; sent < 4 && i < 10; i++) {
            ssize_t n = eddy_stream_write(stream, data + sent, 4 - sent);
            CHECK(n == -ENOBUFS || n == (ssize_t)(4 - sent));
            sent += n < 0 ? eddy_stream_partial_write(stream) : (size_t)n;
        }
        CHECK_INT((int)sent, 4);
        CHECK_INT(eddy_stream_write_end(stream), 0);
        CHECK_INT(eddy_stream_read_exactly(stream, back, sizeof back - 1), -ENODATA);
        CHECK_TEXT(back, data);
        eddy_stream_close(stream);
        site_close(&site);
    }
    return 0;
}

/* ---- on a connection that has failed ---- */

/* A record that nobody with the keys has made. */
static const char forged[] = "\x17\x03\x03\x00\x20"
                             "and this isn't encrypted at all..";

static int send_forged_by(eddy_stream *stream, int most)
{
    struct peer peer;
    peer_open(&peer, TLS_server_method(), stream);
    SSL_CTX_set_max_proto_version(peer.context, most);
    peer_begin(&peer, true);
    ssize_t n = peer_handshake(&peer);
    if (n == 0)
        n = eddy_stream_write(stream, forged, sizeof forged - 1);
    peer_close(&peer);
    return n < 0 ? (int)n : eddy_sleep(10);
}

static int send_forged(eddy_stream *stream, void *context)
{
    (void)context;
    return send_forged_by(stream, 0);
}

static int send_forged_by_1_2(eddy_stream *stream, void *context)
{
    (void)context;
    return send_forged_by(stream, TLS1_2_VERSION);
}

static int refuse_forged(eddy_stream *stream, void *context)
{
    (void)context;
    struct peer peer;
    char byte;
    peer_open(&peer, TLS_server_method(), stream);
    peer_begin(&peer, true);
    int r = peer_handshake(&peer);
    BIO_write(peer.input, forged, sizeof forged - 1);
    SSL_read(peer.ssl, &byte, 1);
    if (r == 0)
        r = peer_say_all(&peer);
    peer_close(&peer);
    return r < 0 ? r : eddy_sleep(10);
}

TEST(a_write_after_a_failure_says_so)
{
    static eddy_stream_handler *const handlers[] = {send_forged, send_forged_by_1_2, refuse_forged};
    static const char *const said[] = {"bad record mac", "bad record mac",
                                       "the peer refused by the alert"};
    for (int i = 0; i < 3; i++) {
        static struct site site;
        eddy_stream *stream;
        char byte;
        CHECK_INT(enter_by_hand(&site, handlers[i], &stream), 0);
        CHECK_INT(eddy_stream_read(stream, &byte, 1), -EPROTO);
        CHECK_CONTAINS(last_message(), said[i]);
        CHECK_INT(eddy_stream_write(stream, "x", 1), -EPIPE);
        CHECK_CONTAINS(last_message(), "the connection to 127.0.0.1 has failed before");
        CHECK_INT(eddy_stream_write_end(stream), -EPIPE);
        eddy_stream_close(stream);
        site_close(&site);
    }
    return 0;
}
