/* SPDX-License-Identifier: MIT */
/*
 * Peers that do what eddy-tls itself never does: OpenSSL by hand, over a plain stream.
 */
#ifndef EDDY_TESTS_TLS_TLS_PEER_H
#define EDDY_TESTS_TLS_TLS_PEER_H

#include "tls/tls_test.h"
#include <openssl/ssl.h>

struct peer {
    SSL_CTX *context;
    SSL *ssl;
    BIO *input, *output;
    eddy_stream *stream;
};

TEST_HELPER void peer_open(struct peer *peer, const SSL_METHOD *method, eddy_stream *stream)
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

TEST_HELPER void peer_begin(struct peer *peer, bool server)
{
    peer->ssl = SSL_new(peer->context);
    SSL_set_bio(peer->ssl, peer->input, peer->output);
    if (server)
        SSL_set_accept_state(peer->ssl);
    else
        SSL_set_connect_state(peer->ssl);
}

TEST_HELPER void peer_close(struct peer *peer)
{
    SSL_free(peer->ssl);
    SSL_CTX_free(peer->context);
}

/* Sends so much of what OpenSSL has made. */
TEST_HELPER int peer_say(struct peer *peer, size_t most)
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

TEST_HELPER int peer_say_all(struct peer *peer)
{
    return peer_say(peer, SIZE_MAX);
}

TEST_HELPER int peer_hear(struct peer *peer)
{
    char buffer[1024];
    ssize_t n = eddy_stream_read(peer->stream, buffer, sizeof buffer);
    if (n > 0)
        BIO_write(peer->input, buffer, (int)n);
    return n > 0 ? 0 : n < 0 ? (int)n : -ENODATA;
}

TEST_HELPER int peer_handshake(struct peer *peer)
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

/* Five bytes, or the end. */
TEST_HELPER int peer_echo(struct peer *peer)
{
    char buffer[5];
    int r = 0;
    while (SSL_read(peer->ssl, buffer, sizeof buffer) != sizeof buffer) {
        if (SSL_get_shutdown(peer->ssl) & SSL_RECEIVED_SHUTDOWN) {
            SSL_shutdown(peer->ssl);
            return peer_say_all(peer);
        }
        if ((r = peer_hear(peer)) < 0)
            return r;
    }
    SSL_write(peer->ssl, buffer, sizeof buffer);
    return peer_say_all(peer);
}

/* A site whose handler is such a peer, and a client's stream to it. */
TEST_HELPER int enter_by_hand(struct site *site, eddy_stream_handler *handler, eddy_stream **stream)
{
    *site = (struct site){.port = 0};
    CHECK_INT(eddy_serve("127.0.0.1", 0, handler, NULL, NULL, &site->server), 0);
    site->port = eddy_server_port(site->server);
    return site_enter(site, client_of_root(), stream);
}

#endif
