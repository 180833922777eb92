/* SPDX-License-Identifier: MIT */
/*
 * Contexts: life, what the files are read for, the program's default one. What a context was asked
 * for is checked and copied in options.c.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tls.h"

/* Of TLS 1.2: an ephemeral key and a cipher that authenticates, or at least the former. */
#define CIPHERS                                                                                    \
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES256:ECDHE+AES128:!aNULL:!eNULL:!SHA1"

/* ---- what a reading of the files makes ---- */

static void key_log_line(const SSL *ssl, const char *line)
{
    const struct channel *channel = channel_of(ssl);
    char text[1024];
    int size = snprintf(text, sizeof text, "%s\n", line);
    if (size > 0 && (size_t)size < sizeof text &&
        write(channel->context->key_log, text, (size_t)size) < 0)
        return; /* the connection is what counts */
}

static int protocol_select(SSL *ssl, const unsigned char **chosen, unsigned char *size,
                           const unsigned char *offered, unsigned offered_size, void *argument)
{
    (void)argument;
    const eddy_tls_context *context = channel_of(ssl)->context;
    unsigned char *match;
    int r = SSL_select_next_proto(&match, size, context->protocols,
                                  (unsigned)context->protocols_size, offered, offered_size);
    *chosen = match;
    return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void set_sessions(const eddy_tls_context *context, SSL_CTX *made)
{
    static const unsigned char name[] = "eddy";
    (void)SSL_CTX_set_session_id_context(made, name, sizeof name - 1);
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF); /* a server's are in its tickets */
    if (context->sessions)
        session_cache_enable(made);
    if (context->options.no_sessions) {
        (void)SSL_CTX_set_options(made, SSL_OP_NO_TICKET);
        (void)SSL_CTX_set_num_tickets(made, 0);
    }
}

static void set_verify(const eddy_tls_context *context, SSL_CTX *made)
{
    int mode = SSL_VERIFY_PEER;
    if (context->options.verify == EDDY_TLS_VERIFY_REQUIRED)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    if (context->verifies)
        SSL_CTX_set_verify(made, mode, verify_callback);
    /* A root that was named is one, whoever has signed it. */
    (void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(made), X509_V_FLAG_PARTIAL_CHAIN);
}

static int set_protocols(const eddy_tls_context *context, SSL_CTX *made)
{
    if (!context->protocols)
        return 0;
    if (context->side == EDDY_TLS_SERVER)
        SSL_CTX_set_alpn_select_cb(made, protocol_select, NULL);
    else if (SSL_CTX_set_alpn_protos(made, context->protocols, (unsigned)context->protocols_size))
        return eddy_fail(-ENOMEM, "no memory for a TLS context");
    return 0;
}

static int ssl_context_configure(const eddy_tls_context *context, SSL_CTX *made)
{
    const struct eddy_tls_context_options *options = &context->options;
    (void)SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (!SSL_CTX_set_min_proto_version(made,
                                       options->least ? (int)options->least : TLS1_2_VERSION) ||
        !SSL_CTX_set_max_proto_version(made, (int)options->most)) {
        ERR_clear_error();
        return eddy_fail(-EINVAL, "the versions of TLS asked for aren't to be had");
    }
    if (SSL_CTX_set_cipher_list(made, options->ciphers ? options->ciphers : CIPHERS) != 1) {
        ERR_clear_error();
        return eddy_fail(-EINVAL, "OpenSSL knows no cipher \"%s\"", options->ciphers);
    }
    set_sessions(context, made);
    set_verify(context, made);
    if (context->key_log >= 0)
        SSL_CTX_set_keylog_callback(made, key_log_line);
    return set_protocols(context, made);
}

/* One certificate's; the first one has all that is common, and lends it to the others. */
static int ssl_context_make(const eddy_tls_context *context, struct identity *identity,
                            size_t index)
{
    const struct eddy_tls_context_options *options = &context->options;
    SSL_CTX *made = SSL_CTX_new(context->side == EDDY_TLS_CLIENT ? TLS_client_method()
                                                                 : TLS_server_method());
    if (!made) {
        ERR_clear_error();
        return eddy_fail(-ENOMEM, "no memory for a TLS context");
    }
    identity->certificates[index].ssl_context = made;
    identity->certificate_count = index + 1;
    int r = ssl_context_configure(context, made);
    if (r == 0 && index < options->certificate_count)
        r = certificate_load(made, &options->certificates[index]);
    if (r < 0 || !context->verifies)
        return r;
    if (index == 0)
        return roots_load(made, options);
    SSL_CTX_set1_cert_store(made, SSL_CTX_get_cert_store(identity->certificates[0].ssl_context));
    return 0;
}

static void identity_free(struct identity *identity)
{
    for (size_t i = 0; i < identity->certificate_count; i++)
        SSL_CTX_free(identity->certificates[i].ssl_context);
    OPENSSL_free(identity);
}

static int identity_make(const eddy_tls_context *context, struct identity **ret_identity)
{
    size_t count = context->side == EDDY_TLS_SERVER ? context->options.certificate_count : 1;
    struct identity *identity = OPENSSL_zalloc(sizeof *identity +
                                               count * sizeof identity->certificates[0]);
    if (!identity)
        return eddy_fail(-ENOMEM, "no memory for a TLS context");
    identity->references = 1;
    for (size_t i = 0; i < count; i++) {
        int r = ssl_context_make(context, identity, i);
        if (r < 0) {
            identity_free(identity);
            return r;
        }
    }
    if (count > 1)
        certificates_compare(identity);
    if (context->side == EDDY_TLS_SERVER)
        (void)SSL_CTX_set_tlsext_servername_callback(identity->certificates[0].ssl_context,
                                                     certificate_select);
    *ret_identity = identity;
    return 0;
}

struct identity *context_identity(eddy_tls_context *context)
{
    (void)pthread_mutex_lock(&context->lock);
    struct identity *identity = context->identity;
    identity->references++;
    (void)pthread_mutex_unlock(&context->lock);
    return identity;
}

void identity_release(eddy_tls_context *context, struct identity *identity)
{
    (void)pthread_mutex_lock(&context->lock);
    bool last = --identity->references == 0;
    (void)pthread_mutex_unlock(&context->lock);
    if (last)
        identity_free(identity);
}

/* ---- life ---- */

void context_keep(eddy_tls_context *context)
{
    (void)pthread_mutex_lock(&context->lock);
    context->references++;
    (void)pthread_mutex_unlock(&context->lock);
}

void eddy_tls_context_close(eddy_tls_context *context)
{
    if (!context)
        return;
    (void)pthread_mutex_lock(&context->lock);
    bool last = --context->references == 0;
    (void)pthread_mutex_unlock(&context->lock);
    if (!last)
        return;
    if (context->identity)
        identity_free(context->identity);
    session_cache_free(context->sessions);
    if (context->key_log >= 0)
        (void)close(context->key_log);
    options_free(context);
    (void)pthread_mutex_destroy(&context->lock);
    OPENSSL_free(context);
}

static int context_prepare(eddy_tls_context *context)
{
    const char *key_log = context->options.key_log_file;
    if (key_log) {
        context->key_log = open(key_log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (context->key_log < 0)
            return eddy_fail(-errno, "%s: %s", key_log, strerror(errno));
    }
    if (context->side == EDDY_TLS_CLIENT && !context->options.no_sessions) {
        context->sessions = session_cache_new();
        if (!context->sessions)
            return eddy_fail(-ENOMEM, "no memory for a TLS context");
    }
    return identity_make(context, &context->identity);
}

int eddy_tls_context_open(enum eddy_tls_side side, const struct eddy_tls_context_options *options,
                          eddy_tls_context **ret_context)
{
    static const struct eddy_tls_context_options defaults;
    if (!options)
        options = &defaults;
    if (!ret_context || (side != EDDY_TLS_CLIENT && side != EDDY_TLS_SERVER))
        return eddy_fail(-EINVAL, "eddy_tls_context_open: %s",
                         ret_context ? "neither a client nor a server"
                                     : "nowhere to put the context: NULL");
    eddy_tls_context *context = OPENSSL_zalloc(sizeof *context);
    if (!context)
        return eddy_fail(-ENOMEM, "no memory for a TLS context");
    (void)pthread_mutex_init(&context->lock, NULL);
    context->references = 1;
    context->side = side;
    context->key_log = -1;
    int r = options_copy(context, options);
    if (r == 0)
        r = context_prepare(context);
    if (r < 0) {
        eddy_tls_context_close(context);
        return r;
    }
    *ret_context = context;
    return 0;
}

/* Tickets that were given out stay good. Not those of clients that are verified: by them a client
 * would get in, and get new ones, whom the roots that are read now don't let in. */
static void carry_ticket_keys(SSL_CTX *from, SSL_CTX *to)
{
    unsigned char keys[256];
    long size = SSL_CTX_get_tlsext_ticket_keys(from, NULL, 0);
    if (size > 0 && (size_t)size <= sizeof keys &&
        SSL_CTX_get_tlsext_ticket_keys(from, keys, size) == 1)
        (void)SSL_CTX_set_tlsext_ticket_keys(to, keys, size);
    OPENSSL_cleanse(keys, sizeof keys);
}

int eddy_tls_context_reload(eddy_tls_context *context)
{
    if (!context)
        return eddy_fail(-EINVAL, "eddy_tls_context_reload: the context is NULL");
    struct identity *fresh;
    int r = identity_make(context, &fresh);
    if (r < 0)
        return r;
    (void)pthread_mutex_lock(&context->lock);
    struct identity *old = context->identity;
    if (context->side == EDDY_TLS_SERVER && !context->verifies)
        carry_ticket_keys(old->certificates[0].ssl_context, fresh->certificates[0].ssl_context);
    context->identity = fresh;
    if (context->sessions)
        session_cache_clear(context->sessions);
    (void)pthread_mutex_unlock(&context->lock);
    identity_release(context, old);
    return 0;
}

/* ---- the program's own ---- */

static pthread_mutex_t default_lock = PTHREAD_MUTEX_INITIALIZER;
static eddy_tls_context *default_context;

static eddy_tls_context *default_keep(void)
{
    (void)pthread_mutex_lock(&default_lock);
    eddy_tls_context *context = default_context;
    if (context)
        context_keep(context);
    (void)pthread_mutex_unlock(&default_lock);
    return context;
}

struct make_default {
    eddy_tls_context *context;
};

static int make_default(struct make_default *job)
{
    return eddy_tls_context_open(EDDY_TLS_CLIENT, NULL, &job->context);
}

int context_default(eddy_tls_context **ret_context)
{
    *ret_context = default_keep();
    if (*ret_context)
        return 0;
    struct make_default job = {.context = NULL};
    int r = eddy_to_thread(make_default, &job);
    if (r < 0)
        return r;
    (void)pthread_mutex_lock(&default_lock);
    if (!default_context) { /* else another was faster */
        default_context = job.context;
        job.context = NULL;
    }
    (void)pthread_mutex_unlock(&default_lock);
    eddy_tls_context_close(job.context);
    *ret_context = default_keep();
    return 0;
}
