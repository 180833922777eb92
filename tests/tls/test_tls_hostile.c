/* SPDX-License-Identifier: MIT */
/*
 * Peers that do what TLS allows and eddy-tls itself never does: messages in small pieces, questions without
 * end, answers to what wasn't asked. They are OpenSSL by hand, over a plain stream.
 */
#include "tls/tls_test.h"
#include <openssl/ssl.h>

/* ---- a peer by hand ---- */

struct peer {
    SSL_CTX *context;
    SSL *ssl;
    BIO *input, *output;
    eddy_stream *stream;
};

static void peer_open(struct peer *peer, const SSL_METHOD *method, eddy_stream *stream)
{
    *peer = (struct peer){.context = SSL_CTX_new(method),
                          .input = BIO_new(BIO_s_mem()),
                          .output = BIO_new(BIO_s_mem()),
                          .stream = stream};
    const char *file = certificate_path("localhost.pem");
    SSL_CTX_use_certificate_chain_file(peer->context, file);
    SSL_CTX_use_PrivateKey_file(peer->context, file, SSL_FILETYPE_PEM);
    SSL_CTX_set_num_tickets(peer->context, 0);
}

static void peer_begin(struct peer *peer, bool server)
{
    peer->ssl = SSL_new(peer->context);
    SSL_set_bio(peer->ssl, peer->input, peer->output);
    if (server)
        SSL_set_accept_state(peer->ssl);
    else
        SSL_set_connect_state(peer->ssl);
}

static void peer_close(struct peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
}

/* Sends so much of what OpenSSL has made. */
static int peer_say(struct peer *peer, size_t most)
{
    char buffer[1024];
    ssize_t n = 0;
    int piece;
    while (n >= 0 && most &&
           (piece = BIO_read(peer->output, buffer, (int)(most < 1024 ? most : 1024))) > 0) {
        n = eddy_stream_write(peer->stream, buffer, (size_t)piece);
        most -= (size_t)piece;
    }
    return n < 0 ? (int)n : 0;
}

static int peer_say_all(struct peer *peer)
{
    return peer_say(peer, SIZE_MAX);
}

static int peer_hear(struct peer *peer)
{
    char buffer[1024];
    ssize_t n = eddy_stream_read(peer->stream, buffer, sizeof buffer);
    if (n > 0)
        BIO_write(peer->input, buffer, (int)n);
    return n > 0 ? 0 : n < 0 ? (int)n : -ENODATA;
}

static int peer_handshake(struct peer *peer)
{
    int r = 0;
    while (r == 0) {
        int done = SSL_do_handshake(peer->ssl);
        bool waits = done != 1 && SSL_get_error(peer->ssl, done) == SSL_ERROR_WANT_READ;
        r = peer_say_all(peer);
        if (r == 0 && done == 1)
            return 0;
        if (r == 0)
            r = waits ? peer_hear(peer) : -EPROTO;
    }
    return r;
}

/* Five bytes, and back. */
static int peer_echo(struct peer *peer)
{
    char buffer[5];
    int r = 0;
    while (SSL_read(peer->ssl, buffer, sizeof buffer) != sizeof buffer)
        if ((r = peer_hear(peer)) < 0)
            return r;
    SSL_write(peer->ssl, buffer, sizeof buffer);
    return peer_say_all(peer);
}

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

static int connect_to_slow_ticket(eddy_server **server, eddy_tls_context **context,
                                  eddy_stream **stream)
{
    CHECK_INT(eddy_serve("127.0.0.1", 0, send_ticket_slowly, NULL, NULL, server), 0);
    *context = client_of_root();
    CHECK_INT(eddy_tls_connect("127.0.0.1", eddy_server_port(*server), *context, NULL, stream), 0);
    return 0;
}

TEST(a_write_while_half_a_ticket_is_here)
{
    eddy_server *server;
    eddy_tls_context *context;
    eddy_stream *stream;
    char byte;
    CHECK_INT(connect_to_slow_ticket(&server, &context, &stream), 0);
    CHECK_INT(eddy_wait_for(eddy_stream_read(stream, &byte, 1), 0.5), -ETIMEDOUT);
    CHECK_INT(eddy_wait_for(eddy_stream_write(stream, "later", 5), 0.1), -ETIMEDOUT);
    CHECK_INT(eddy_stream_partial_write(stream), 0);
    CHECK_INT(exchange_hello(stream), 0);
    CHECK_TIME(1);
    eddy_stream_close(stream);
    eddy_tls_context_close(context);
    eddy_server_close(server);
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
    eddy_server *server;
    eddy_tls_context *context;
    eddy_stream *stream;
    int err;
    CHECK_INT(connect_to_slow_ticket(&server, &context, &stream), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, reading, .stream = stream, .expected = "hello");
        CHECK_INT(eddy_sleep(0.5), 0);
        CHECK_INT(eddy_stream_write(stream, "hello", 5), 5);
    }
    CHECK_TIME(1);
    eddy_stream_close(stream);
    eddy_tls_context_close(context);
    eddy_server_close(server);
    return err;
}
