/* SPDX-License-Identifier: MIT */
/*
 * Two tasks on one stream, a reader and a writer whose calls are cancelled all the time, and a peer
 * that answers in pieces of any size, with new keys and tickets in between: each byte arrives once.
 */
#include "tls/tls_peer.h"
#include <openssl/err.h>

enum {
    TOTAL = 400000,
    PIECE = 70000,
    SMALL_PIECE = 500,
};

static uint32_t chance_state;

static size_t chance(size_t below)
{
    chance_state = chance_state * 1103515245u + 12345u;
    return (chance_state >> 16) % below;
}

/* At least 1. */
static size_t any_size(void)
{
    return 1 + chance(chance(2) ? PIECE : SMALL_PIECE);
}

/* ---- the peer ---- */

static int say_in_pieces(struct peer *peer)
{
    char piece[2000];
    int n, r = 0;
    while (r == 0 && (n = BIO_read(peer->output, piece,
                                   1 + (int)chance(chance(3) ? sizeof piece : 40))) > 0) {
        ssize_t written = eddy_stream_write(peer->stream, piece, (size_t)n);
        r = written < 0 ? (int)written : chance(4) ? 0 : eddy_sleep(0.01 * (double)chance(10));
    }
    return r;
}

static int answer_in_pieces(struct peer *peer, const char *data, int size)
{
    if (SSL_version(peer->ssl) == TLS1_3_VERSION && !chance(3))
        SSL_key_update(peer->ssl,
                       chance(2) ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    if (SSL_version(peer->ssl) == TLS1_3_VERSION && !chance(4))
        SSL_new_session_ticket(peer->ssl);
    return SSL_write(peer->ssl, data, size) == size ? say_in_pieces(peer) : -EPROTO;
}

/* Up to the other side's end. */
static int echo_in_pieces(struct peer *peer)
{
    static char buffer[20000];
    int r = peer_handshake(peer);
    while (r == 0) {
        ERR_clear_error();
        int n = SSL_read(peer->ssl, buffer, 1 + (int)chance(sizeof buffer));
        if (n > 0)
            r = answer_in_pieces(peer, buffer, n);
        else if (SSL_get_shutdown(peer->ssl) & SSL_RECEIVED_SHUTDOWN)
            break;
        else if (SSL_get_error(peer->ssl, n) != SSL_ERROR_WANT_READ)
            r = -EPROTO;
        else if ((r = say_in_pieces(peer)) == 0)
            r = peer_hear(peer);
    }
    return r;
}

static int most_version;

/* Closes last: what it leaves unread would break the connection. */
static int be_wild(eddy_stream *stream, void *context)
{
    (void)context;
    struct peer peer;
    peer_open(&peer, TLS_server_method(), stream);
    SSL_CTX_set_max_proto_version(peer.context, most_version);
    peer_begin(&peer, true);
    int r = echo_in_pieces(&peer);
    note("%s", r == 0 ? "well" : eddy_error_name(r));
    SSL_shutdown(peer.ssl);
    if (r == 0)
        r = say_in_pieces(&peer);
    while (r == 0)
        r = peer_hear(&peer);
    peer_close(&peer);
    return 0;
}

/* ---- both tasks ---- */

static char data[TOTAL], back[TOTAL + 1]; /* one too many is noticed */

struct using
{
    eddy_stream *stream;
};

static int writing(struct using *a)
{
    size_t sent = 0;
    int err;
    while (sent < TOTAL) {
        size_t size = any_size(), left = TOTAL - sent;
        ssize_t n = 0;
        eddy_with_timeout (0.001 * (double)chance(30), &err)
            n = eddy_stream_write(a->stream, data + sent, size < left ? size : left);
        if (n < 0 && err != -ETIMEDOUT)
            return (int)n;
        sent += n < 0 ? eddy_stream_partial_write(a->stream) : (size_t)n;
    }
    return eddy_stream_write_end(a->stream);
}

static int reading(struct using *a)
{
    size_t received = 0;
    ssize_t n = 1;
    int err;
    while (n != 0 && received <= TOTAL) {
        size_t size = any_size(), left = sizeof back - received;
        eddy_with_timeout (0.001 * (double)chance(100), &err)
            n = eddy_stream_read(a->stream, back + received, size < left ? size : left);
        if (n < 0 && err != -ETIMEDOUT)
            return (int)n;
        received += n > 0 ? (size_t)n : 0;
    }
    CHECK_INT((int)received, TOTAL);
    CHECK(memcmp(data, back, TOTAL) == 0);
    return 0;
}

static int use_wildly(int version, uint32_t seed)
{
    static struct site site;
    eddy_stream *stream;
    int err;
    chance_state = seed;
    most_version = version;
    for (size_t i = 0; i < TOTAL; i++)
        data[i] = (char)(i * 7 + i / 251);
    memset(back, 0, sizeof back);
    CHECK_INT(enter_by_hand(&site, be_wild, &stream), 0);
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, writing, struct using, .stream = stream);
        eddy_spawn_as(g, reading, struct using, .stream = stream);
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_tls_shutdown(stream), 0);
    CHECK_NOTES("well");
    eddy_stream_close(stream);
    site_close(&site);
    return 0;
}

TEST(each_byte_arrives_once_whatever_the_peer_of_TLS_1_3_does_between)
{
    for (uint32_t seed = 1; seed <= 4; seed++)
        CHECK_INT(use_wildly(TLS1_3_VERSION, seed), 0);
    return 0;
}

TEST(each_byte_arrives_once_whatever_the_peer_of_TLS_1_2_does_between)
{
    for (uint32_t seed = 1; seed <= 2; seed++)
        CHECK_INT(use_wildly(TLS1_2_VERSION, seed), 0);
    return 0;
}
