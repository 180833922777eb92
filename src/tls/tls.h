/* SPDX-License-Identifier: MIT */
/*
 * TLS from inside.
 *
 *      eddy_stream (lines, limits, one reader and one writer at a time)
 *          |  layer.c: read, write, end, close
 *      channel.c: SSL over two buffers; suspends only in the stream beneath, never inside OpenSSL
 *          |  eddy_stream_read, eddy_stream_write_some
 *      the stream beneath
 *
 * OpenSSL reads from `input` and writes to `output` by callbacks (bio.c) that never wait. So a
 * reader and a writer may be suspended at once, and nobody finds OpenSSL in the middle of
 * something. Cipher text that was made is kept until it went out, whoever is cancelled meanwhile.
 *
 * Memory comes from OpenSSL's allocator, so that one that fails reaches all of it.
 */
#ifndef EDDY_SRC_TLS_H
#define EDDY_SRC_TLS_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <eddy.h>
#include <eddy/stream_layer.h>
#include <eddy/tls.h>

/* Longest name that can be asked for (RFC 1035), and longest text of a failure. */
#define NAME_SIZE 256
#define TEXT_SIZE 1024

/* A port and the whole name: sessions of one that was checked aren't for another. */
#define SESSION_KEY_SIZE (NAME_SIZE + 8)

/* ---- contexts (context.c, options.c, certificate.c) ---- */

struct session_cache;

struct shown_certificate {
    SSL_CTX *ssl_context;
    const char *key_type; /* "RSA", "EC": a connection has one certificate of each to show */
    bool is_like_first;   /* it has all the names that the first one has */
};

/* One reading of the files. */
struct identity {
    unsigned references;
    size_t certificate_count;
    struct shown_certificate certificates[]; /* the first one's context has the roots and whatever
                                                else is common */
};

struct eddy_tls_context {
    pthread_mutex_t lock; /* guards references and identity's pointer, and the cache */
    unsigned references;
    enum eddy_tls_side side;
    bool any_name;
    bool verifies;
    struct eddy_tls_context_options options; /* deep copies */
    unsigned char *protocols;                /* as ALPN sends them */
    size_t protocols_size;
    int key_log; /* descriptor, -1: none */
    struct identity *identity;
    struct session_cache *sessions; /* a client's, or NULL */
};

void context_keep(eddy_tls_context *context);

static inline bool context_checks_name(const eddy_tls_context *context)
{
    return context->side == EDDY_TLS_CLIENT && context->verifies && !context->any_name;
}

/* options.c. What a failure left half copied is freed by options_free, too. */
int options_copy(eddy_tls_context *context, const struct eddy_tls_context_options *options);
void options_free(eddy_tls_context *context);

/* The current one, with a reference. */
struct identity *context_identity(eddy_tls_context *context);
void identity_release(eddy_tls_context *context, struct identity *identity);

/* The program's client with default options: 0 and a reference. Suspends if it has to be made. */
int context_default(eddy_tls_context **ret_context);

int certificate_load(SSL_CTX *ssl_context, const struct eddy_tls_certificate *certificate);
int roots_load(SSL_CTX *ssl_context, const struct eddy_tls_context_options *options);

/* Once all are loaded: what the next one needs to know. */
void certificates_compare(struct identity *identity);

/* OpenSSL's callback: chooses among the server's certificates by the name that is asked for.
 * OpenSSL chooses among these, one of each type of key, by what the client can check. It also takes
 * the name, which a session of TLS 1.2 has only then. */
int certificate_select(SSL *ssl, int *alert, void *argument);

/* ---- sessions that a client can resume (session.c) ---- */

/* NULL without memory. */
struct session_cache *session_cache_new(void);
void session_cache_clear(struct session_cache *cache);
void session_cache_free(struct session_cache *cache);
void session_cache_enable(SSL_CTX *ssl_context);

struct channel;

/* Has the handshake try a session of an earlier connection, if there is one. */
void session_resume(struct channel *channel);

/* ---- a connection (channel.c, bio.c) ---- */

/* Cipher text: data[begin..end). Up to EMBEDDED_SIZE bytes live in the channel itself, so that an
 * idle connection holds no more than that. */
struct bytes {
    unsigned char *data;
    size_t begin, end, capacity;
};

#define EMBEDDED_SIZE 512
#define CHUNK_SIZE 65536

/* Records that one write makes before it sends them. */
#define WRITE_RECORDS 4

struct channel {
    SSL *ssl;
    eddy_stream *beneath;
    eddy_tls_context *context;
    struct identity *identity;
    double shutdown_timeout;
    unsigned references;                /* the stream's, and a shutdown's under way */
    char peer[NAME_SIZE];               /* whom messages speak of */
    char session_key[SESSION_KEY_SIZE]; /* "" for none */
    char *protocol;                     /* ALPN's, or NULL */
    char *refused;                      /* which check of the certificate failed, or NULL */

    unsigned char embedded[EMBEDDED_SIZE];
    struct bytes input; /* NULL data: nothing there */
    bool filled;        /* the last read took all it was offered: more is likely there */
    eddy_lock filling;
    uint64_t fills;

    struct bytes sending; /* being written to the stream beneath: stays where it is */
    struct bytes output;  /* made meanwhile */
    size_t answers;       /* bytes of them that the reader made, since all was sent */
    eddy_lock flushing;
    int lost;     /* why output didn't go out the last time, or 0 */
    bool reading; /* a task is in a read or a shutdown; in a write */
    bool writing;
    bool failed;        /* the connection is beyond use for TLS: no more is said on it */
    bool broken;        /* OpenSSL failed, and may hold a part of a write: there is no other */
    bool ended;         /* our end was said */
    bool end_owed;      /* or is to be said as soon as it can be */
    bool unfinished;    /* a write was given up: the end would be a lie */
    bool out_of_memory; /* in bio.c */
};

/* 0, -ENOMEM, -EINVAL for a name that can't be one. `name` NULL: none to ask for or check. */
int channel_open(eddy_tls_context *context, eddy_stream *beneath, const char *name,
                 struct channel **ret_channel);
void channel_release(struct channel *channel);

/* Reads more cipher text, or waits for another task that does: positive when there was some, 0 at
 * the end of the stream beneath, or the error. Suspends. */
ssize_t channel_fill(struct channel *channel);

/* Writes all cipher text there is. Suspends. What isn't written yet is kept if it fails. */
int channel_flush(struct channel *channel);

/* Tries without suspending. The second leaves what doesn't go out to a task of its own: a reader
 * that waited for room to write wouldn't read, and two that do so wait for each other. */
void channel_flush_now(struct channel *channel);
void channel_flush_later(struct channel *channel);

/* How many bytes wait to be sent. */
size_t channel_output(const struct channel *channel);

/* What a call of OpenSSL that returned `result` <= 0 wants. */
enum channel_want {
    WANT_INPUT,
    WANT_END,   /* the peer said TLS's end */
    WANT_ERROR, /* recorded: channel_error */
};
enum channel_want channel_want(struct channel *channel, int result);

/* Records the failure that OpenSSL's queue tells, and returns its code. */
int channel_error(struct channel *channel, const char *doing);
int channel_truncated(struct channel *channel);

BIO *bio_new(struct channel *channel);

/* False without memory. */
bool bytes_append(struct bytes *bytes, const void *data, size_t size);
void bytes_clear(struct bytes *bytes);

/* ---- checking the peer's certificate (verify.c) ---- */

int verify_callback(int fine, X509_STORE_CTX *store);

/* Wildcards stand for whole parts of a name. */
#define NAME_FLAGS X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS

/* The bytes of a name that is an address, and how many; 0 for other names. The scope of
 * "fe80::1%eth0" is this machine's affair. */
#define ADDRESS_SIZE 16
size_t name_address(const char *name, unsigned char bytes[ADDRESS_SIZE]);

/* After the handshake, whether the certificate is the peer's: OpenSSL (3.0's ssl_verify_cert_chain)
 * skips its check of the name when it has no memory to take the name along. 0, -EKEYREJECTED,
 * -ENOMEM. */
int verify_name(struct channel *channel);

/* Names of a certificate, as eddy_tls_peer_names. */
int certificate_names(const X509 *certificate, char *buffer, size_t size);

/* The channel of an SSL. */
struct channel *channel_of(const SSL *ssl);

/* ---- errors (error.c) ---- */

/* The first error of OpenSSL's queue as text; empties it. Its code as a negative errno where it
 * tells one, else `code`. */
int openssl_error(int code, char text[TEXT_SIZE]);

/* ---- streams (layer.c) ---- */

extern const struct eddy_stream_layer tls_layer;

#endif
