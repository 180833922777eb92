/* SPDX-License-Identifier: MIT */
/*
 * Peers that do what TLS allows and eddy-tls itself never does: messages in small pieces, questions
 * without end.
 */
#include "tls/tls_peer.h"
#include <sys/socket.h>

/* ---- a message of the handshake's kind that comes in pieces ---- */

static int fill_ticket(SSL *ssl, void *argument)
{
    static const char filling[2000];
    (void)argument;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), filling, sizeof filling);
}

/* A second lies between the ticket's first record and the others. */
static int send_ticket_slowly(eddy_stream *stream, void *context)
{
    (void)context;
    struct peer peer;
    peer_open(&peer, TLS_server_method(), stream);
    SSL_CTX_set_session_ticket_cb(peer.context, fill_ticket, NULL, NULL);
    SSL_CTX_set_max_send_fragment(peer.context, 512);
    peer_begin(&peer, true);
    int r = peer_handshake(&peer);
    if (r == 0) {
        SSL_new_session_ticket(peer.ssl);
        SSL_do_handshake(peer.ssl);
        r = peer_say(&peer, 600);
    }
    if (r == 0)
        r = eddy_sleep(1);
    if (r == 0)
        r = peer_say_all(&peer);
    if (r == 0)
        r = peer_echo(&peer);
    peer_close(&peer);
    return r;
}

TEST(a_write_while_half_a_ticket_is_here)
{
    static struct site site;
    eddy_stream *stream;
    char byte;
    CHECK_INT(enter_by_hand(&site, send_ticket_slowly, &stream), 0);
    CHECK_INT(eddy_wait_for(eddy_stream_read(stream, &byte, 1), 0.5), -ETIMEDOUT);
    CHECK_INT(eddy_wait_for(eddy_stream_write(stream, "later", 5), 0.1), -ETIMEDOUT);
    CHECK_INT(eddy_stream_partial_write(stream), 0);
    CHECK_INT(exchange_hello(stream), 0);
    CHECK_TIME(1);
    eddy_stream_close(stream);
    site_close(&site);
    return 0;
}

struct reading {
    eddy_stream *stream;
    const char *expected;
};

static int reading(struct reading *a)
{
    char buffer[6] = "";
    EXPECT_INT(eddy_stream_read_exactly(a->stream, buffer, 5), 5);
    EXPECT_TEXT(buffer, a->expected);
    return 0;
}

TEST(a_write_while_half_a_ticket_is_here_and_another_task_reads)
{
    static struct site site;
    eddy_stream *stream;
    int err;
    CHECK_INT(enter_by_hand(&site, send_ticket_slowly, &stream), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, reading, .stream = stream, .expected = "hello");
        CHECK_INT(eddy_sleep(0.5), 0);
        CHECK_INT(eddy_stream_write(stream, "hello", 5), 5);
    }
    CHECK_TIME(1);
    eddy_stream_close(stream);
    site_close(&site);
    return err;
}

TEST(an_end_while_half_a_ticket_is_here)
{
    static struct site site;
    eddy_stream *stream;
    char byte;
    for (int both = 0; both < 2; both++) {
        CHECK_INT(enter_by_hand(&site, send_ticket_slowly, &stream), 0);
        CHECK_INT(eddy_wait_for(eddy_stream_read(stream, &byte, 1), 0.5), -ETIMEDOUT);
        if (both) {
            CHECK_INT(eddy_tls_shutdown(stream), 0);
        } else {
            CHECK_INT(eddy_stream_write_end(stream), 0);
            CHECK_INT(eddy_stream_write(stream, "later", 5), -EPIPE);
            CHECK_INT(eddy_stream_read(stream, &byte, 1), 0); /* the peer's answer */
        }
        CHECK_TIME(1 + both);
        eddy_stream_close(stream);
        site_close(&site);
    }
    return 0;
}

/* ---- questions without end ---- */

/* The system's, so that it is full soon; a simulated one is small as it is. */
static void have_little_room(const eddy_stream *stream, int option)
{
    const int size = 4096;
    (void)setsockopt(eddy_stream_descriptor(stream), SOL_SOCKET, option, &size, sizeof size);
}

static int echo_with_little_room(eddy_stream *stream, void *context)
{
    have_little_room(stream, SO_SNDBUF);
    return echo(stream, context);
}

/* Never reads what it asks for. */
static int ask_without_end(struct peer *peer)
{
    int r = peer_handshake(peer);
    for (int i = 0; r == 0 && i < 400000; i++) {
        SSL_key_update(peer->ssl, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(peer->ssl);
        if (i % 100 == 0)
            r = peer_say_all(peer);
    }
    return r;
}

TEST(a_peer_that_wants_answers_and_reads_none_is_left)
{
    static struct site site;
    struct peer peer;
    eddy_stream *stream;
    CHECK_INT(site_open(&site, server_of("localhost.pem"), echo_with_little_room), 0);
    CHECK_INT(eddy_connect("127.0.0.1", site.port, &stream), 0);
    have_little_room(stream, SO_RCVBUF);
    peer_open(&peer, TLS_client_method(), stream);
    peer_begin(&peer, false);
    int r = ask_without_end(&peer);
    CHECK(r == -ECONNRESET || r == -EPIPE);
    peer_close(&peer);
    eddy_stream_close(stream);
    site_close(&site);
    CHECK_INT(eddy_sleep(1), 0); /* the task that was to send the answers ends */
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    return 0;
}

/* ---- a second handshake ---- */

/* Of TLS 1.2: 1 if the peer goes along. */
static int shake_hands_again(eddy_stream *stream, void *context)
{
    (void)context;
    struct peer peer;
    char byte;
    peer_open(&peer, TLS_server_method(), stream);
    SSL_CTX_set_max_proto_version(peer.context, TLS1_2_VERSION);
    peer_begin(&peer, true);
    int r = peer_handshake(&peer);
    SSL_renegotiate(peer.ssl);
    bool waits = true;
    while (r == 0 && waits &&
           !(SSL_is_init_finished(peer.ssl) && !SSL_renegotiate_pending(peer.ssl))) {
        SSL_do_handshake(peer.ssl);
        waits = SSL_get_error(peer.ssl, SSL_read(peer.ssl, &byte, 1)) == SSL_ERROR_WANT_READ;
        r = peer_say_all(&peer);
        if (r == 0 && waits)
            r = peer_hear(&peer);
    }
    note("%s", r == 0 && waits ? "again" : "refused");
    peer_close(&peer);
    return 0;
}

TEST(a_handshake_is_never_made_anew)
{
    static struct site site;
    eddy_stream *stream;
    char byte;
    CHECK_INT(enter_by_hand(&site, shake_hands_again, &stream), 0);
    CHECK_INT(eddy_wait_for(eddy_stream_read(stream, &byte, 1), 10), -EPROTO);
    CHECK_NOTES("refused");
    eddy_stream_close(stream);
    site_close(&site);
    return 0;
}

/* ---- before the handshake, and in it ---- */

static const char end_of_tls[] = "\x15\x03\x03\x00\x02\x01"; /* an alert: close_notify */

static int end_at_once(eddy_stream *stream, void *context)
{
    (void)context;
    ssize_t n = eddy_stream_write(stream, end_of_tls, sizeof end_of_tls);
    return n < 0 ? (int)n : eddy_sleep(1000);
}

TEST(an_end_in_the_middle_of_the_handshake_isnt_waited_behind)
{
    static struct site site;
    eddy_stream *stream;
    CHECK_INT(enter_by_hand(&site, end_at_once, &stream), -ECONNABORTED);
    CHECK_CONTAINS(last_message(), "ended the connection in the middle of the TLS handshake");
    CHECK_TIME(0);
    site_close(&site);
    return 0;
}

static eddy_tls_context *upgrade_context;
static bool upgraded;

static int upgrade_at_a_line(eddy_stream *plain, void *context)
{
    (void)context;
    char line[64] = "";
    eddy_stream *secure;
    CHECK_INT(eddy_stream_read_line(plain, line, sizeof line), 9);
    int r = eddy_tls_start(upgrade_context, plain, NULL, &secure);
    if (r < 0)
        return r;
    upgraded = true;
    eddy_stream_close(secure);
    return 0;
}

/* As an attacker in between puts commands before the handshake, for them to be taken for the
 * client's. */
TEST(what_comes_plain_behind_STARTTLS_is_never_taken_for_secure)
{
    static const char commands[] = "STARTTLS\nDELETE all\nQUIT please, now\n";
    eddy_server *server;
    eddy_stream *plain, *secure;
    eddy_tls_context *context = client_of_root();
    struct eddy_tls_options options = {.server_name = "localhost"};
    upgrade_context = server_of("localhost.pem");
    upgraded = false;
    CHECK_INT(eddy_serve("127.0.0.1", 0, upgrade_at_a_line, NULL, NULL, &server), 0);
    CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &plain), 0);
    CHECK_INT(eddy_stream_write(plain, commands, sizeof commands - 1), sizeof commands - 1);
    CHECK(eddy_tls_start(context, plain, &options, &secure) < 0);
    CHECK(!upgraded);
    eddy_stream_close(plain);
    eddy_server_close(server);
    eddy_tls_context_close(context);
    eddy_tls_context_close(upgrade_context);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from");
    return 0;
}

/* ---- versions that are broken ---- */

/* So that nothing but the version's number stands between the two. */
#define ANY_CIPHER "ALL:@SECLEVEL=0"

/* A peer that speaks no more than that version, and at least TLS 1.0: what came of it there. */
static int old_handshake(eddy_stream *stream, bool server, int most)
{
    struct peer peer;
    peer_open(&peer, server ? TLS_server_method() : TLS_client_method(), stream);
    SSL_CTX_set_min_proto_version(peer.context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(peer.context, most);
    SSL_CTX_set_cipher_list(peer.context, ANY_CIPHER);
    peer_begin(&peer, server);
    int r = peer_handshake(&peer);
    peer_close(&peer);
    return r;
}

static int old_server(eddy_stream *stream, void *context)
{
    int r = old_handshake(stream, true, *(const int *)context);
    return r == -EPROTO || r == -ENODATA ? 0 : r; /* it may be refused */
}

static int speak_to_old_server(int most, int expected)
{
    eddy_server *server;
    eddy_stream *stream;
    eddy_tls_context *client = client_with(.ca_file = certificate_path("root.pem"),
                                           .ciphers = ANY_CIPHER);
    CHECK_INT(eddy_serve("127.0.0.1", 0, old_server, &most, NULL, &server), 0);
    CHECK_INT(eddy_tls_connect("127.0.0.1", eddy_server_port(server), client, NULL, &stream),
              expected);
    if (expected == 0) {
        CHECK_TEXT(eddy_tls_version(stream), "TLSv1.2");
        eddy_stream_close(stream);
    }
    eddy_server_close(server);
    eddy_tls_context_close(client);
    return 0;
}

static int speak_to_old_client(int most, int expected)
{
    static struct site site;
    eddy_stream *stream;
    const struct eddy_tls_certificate own = {certificate_path("localhost.pem"), NULL, NULL};
    CHECK_INT(
        site_open(&site,
                  server_with(.certificates = &own, .certificate_count = 1, .ciphers = ANY_CIPHER),
                  echo),
        0);
    CHECK_INT(eddy_connect("127.0.0.1", site.port, &stream), 0);
    CHECK_INT(old_handshake(stream, false, most), expected);
    eddy_stream_close(stream);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "the connection from"); /* which said no end, either */
    site_close(&site);
    return 0;
}

TEST(rule_203_versions_before_1_2_are_spoken_by_neither_side)
{
    CHECK_INT(speak_to_old_server(TLS1_2_VERSION, 0), 0);
    CHECK_INT(speak_to_old_server(TLS1_1_VERSION, -EPROTO), 0);
    CHECK_INT(speak_to_old_server(TLS1_VERSION, -EPROTO), 0);
    CHECK_INT(speak_to_old_client(TLS1_2_VERSION, 0), 0);
    CHECK_INT(speak_to_old_client(TLS1_1_VERSION, -EPROTO), 0);
    CHECK_INT(speak_to_old_client(TLS1_VERSION, -EPROTO), 0);
    return 0;
}

/* ---- somebody reads what is being shut down ---- */

/* So much cipher text that a reader's buffers, small and large, are both filled to the last
 * byte. */
static int fill_two_buffers(eddy_stream *stream, void *context)
{
    (void)context;
    static const char data[65536 + 402];
    struct peer peer;
    peer_open(&peer, TLS_server_method(), stream);
    peer_begin(&peer, true);
    int r = peer_handshake(&peer);
    if (r == 0) {
        SSL_write(peer.ssl, data, 65536);
        SSL_write(peer.ssl, data, 402);
        r = peer_say_all(&peer);
    }
    if (r == 0)
        r = eddy_sleep(3);
    SSL_write(peer.ssl, data, 5);
    SSL_shutdown(peer.ssl);
    if (r == 0)
        r = peer_say_all(&peer);
    while (r == 0)
        r = peer_hear(&peer);
    peer_close(&peer);
    return r == -ENODATA ? 0 : r;
}

TEST(a_read_while_another_task_shuts_down)
{
    static struct site site;
    eddy_stream *stream;
    char byte;
    int err;
    CHECK_INT(enter_by_hand(&site, fill_two_buffers, &stream), 0);
    CHECK_INT(eddy_sleep(1), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, shutting, .stream = stream, .expected = 0);
        CHECK_INT(eddy_sleep(1), 0);
        for (int i = 0; i < 3; i++) {
            CHECK_INT(eddy_stream_read(stream, &byte, 1), -EBUSY);
            CHECK_CONTAINS(last_message(), "shuts");
            CHECK_INT(eddy_tls_shutdown(stream), -EBUSY);
        }
    }
    eddy_stream_close(stream);
    site_close(&site);
    return err;
}
