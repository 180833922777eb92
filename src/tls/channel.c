/* SPDX-License-Identifier: MIT */
/*
 * A connection's cipher text between OpenSSL and the stream beneath.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include "tls.h"

/* ---- life ---- */

struct channel *channel_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

/* Asks for the name and has it checked. False if it can't be one. Beginning with a point it would
 * stand for all names in a domain. */
static bool channel_expect(struct channel *channel, const char *name)
{
    const eddy_tls_context *context = channel->context;
    unsigned char address[ADDRESS_SIZE];
    size_t size = name_address(name, address);
    if (!size && (name[0] == '.' || !SSL_set_tlsext_host_name(channel->ssl, name)))
        return false;
    if (!context_checks_name(context))
        return true;
    X509_VERIFY_PARAM *parameters = SSL_get0_param(channel->ssl);
    X509_VERIFY_PARAM_set_hostflags(parameters, NAME_FLAGS);
    return size ? X509_VERIFY_PARAM_set1_ip(parameters, address, size)
                : X509_VERIFY_PARAM_set1_host(parameters, name, 0);
}

/* "example.org." is example.org: the final point only keeps the resolver from adding domains. */
static int copy_name(const char *name, char copy[NAME_SIZE])
{
    size_t length = strlen(name);
    if (length > 1 && name[length - 1] == '.')
        length--;
    if (!length || length >= NAME_SIZE)
        return eddy_fail(-EINVAL, "a server's name of %zu bytes: between 1 and %d are possible",
                         length, NAME_SIZE - 1);
    memcpy(copy, name, length);
    copy[length] = '\0';
    return 0;
}

static int channel_name(struct channel *channel, const char *name)
{
    if (name) {
        int r = copy_name(name, channel->peer);
        if (r < 0)
            return r;
        char text[TEXT_SIZE];
        ERR_clear_error();
        if (channel_expect(channel, channel->peer))
            return 0;
        return openssl_error(-EINVAL, text) == -ENOMEM
                   ? eddy_fail(-ENOMEM, "no memory for a TLS connection")
                   : eddy_fail(-EINVAL, "%s can't be a server's name", channel->peer);
    }
    if (eddy_stream_peer(channel->beneath, channel->peer, sizeof channel->peer) < 0)
        (void)snprintf(channel->peer, sizeof channel->peer, "the peer");
    return 0;
}

static bool channel_connect_ssl(struct channel *channel)
{
    SSL *ssl = channel->ssl = SSL_new(channel->identity->certificates[0].ssl_context);
    BIO *bio = ssl ? bio_new(channel) : NULL;
    if (!bio || !SSL_set_app_data(ssl, channel)) {
        BIO_free(bio);
        return false;
    }
    SSL_set_bio(ssl, bio, bio);
    if (channel->context->side == EDDY_TLS_CLIENT)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    return true;
}

int channel_open(eddy_tls_context *context, eddy_stream *beneath, const char *name,
                 struct channel **ret_channel)
{
    struct channel *channel = OPENSSL_zalloc(sizeof *channel);
    if (!channel)
        return eddy_fail(-ENOMEM, "no memory for a TLS connection");
    channel->references = 1;
    channel->beneath = beneath;
    channel->context = context;
    context_keep(context);
    channel->identity = context_identity(context);
    int r = 0;
    if (!channel_connect_ssl(channel)) {
        ERR_clear_error();
        r = eddy_fail(-ENOMEM, "no memory for a TLS connection");
    } else {
        r = channel_name(channel, name);
    }
    if (r < 0) {
        channel_release(channel);
        return r;
    }
    *ret_channel = channel;
    return 0;
}

void channel_release(struct channel *channel)
{
    if (--channel->references > 0)
        return;
    SSL_free(channel->ssl);
    if (channel->input.data != channel->embedded)
        OPENSSL_free(channel->input.data);
    OPENSSL_free(channel->protocol);
    OPENSSL_free(channel->refused);
    OPENSSL_free(channel->sending.data);
    OPENSSL_free(channel->output.data);
    identity_release(channel->context, channel->identity);
    eddy_tls_context_close(channel->context);
    OPENSSL_free(channel);
}

/* ---- cipher text ---- */

static size_t bytes_count(const struct bytes *bytes)
{
    return bytes->end - bytes->begin;
}

/* Little room while we don't know that anything comes, so that an idle connection is small. */
static void channel_make_room(struct channel *channel)
{
    struct bytes *input = &channel->input;
    bool large = input->capacity == CHUNK_SIZE;
    if (channel->filled && !large) {
        unsigned char *chunk = OPENSSL_malloc(CHUNK_SIZE);
        if (chunk) {
            *input = (struct bytes){.data = chunk, .capacity = CHUNK_SIZE};
            return;
        }
        ERR_clear_error(); /* little room will do, too */
    }
    if (!channel->filled && large)
        OPENSSL_free(input->data);
    if (!channel->filled || !large)
        *input = (struct bytes){.data = channel->embedded, .capacity = EMBEDDED_SIZE};
}

static int fail_closed(void)
{
    return eddy_fail(-ECONNABORTED, "the stream was closed by another task meanwhile");
}

static ssize_t fill(struct channel *channel)
{
    struct bytes *input = &channel->input;
    if (!channel->beneath)
        return fail_closed();
    channel_make_room(channel);
    input->begin = input->end = 0;
    ssize_t n = eddy_stream_read(channel->beneath, input->data, input->capacity);
    channel->filled = n > 0 && (size_t)n == input->capacity;
    if (n > 0) {
        input->end = (size_t)n;
        channel->fills++;
    }
    return n;
}

ssize_t channel_fill(struct channel *channel)
{
    uint64_t fills = channel->fills;
    int r = eddy_lock_acquire(&channel->filling);
    if (r < 0)
        return r;
    ssize_t n = channel->fills == fills ? fill(channel) : 1;
    (void)eddy_lock_release(&channel->filling);
    return n;
}

size_t channel_output(const struct channel *channel)
{
    return bytes_count(&channel->sending) + bytes_count(&channel->output);
}

int channel_flush(struct channel *channel)
{
    if (!channel_output(channel))
        return 0;
    int r = eddy_lock_acquire(&channel->flushing);
    if (r < 0)
        return r;
    while (r >= 0 && channel_output(channel)) {
        struct bytes *sending = &channel->sending;
        if (!bytes_count(sending)) {
            struct bytes empty = *sending;
            *sending = channel->output;
            channel->output = empty;
        }
        if (!channel->beneath) {
            r = fail_closed();
            break;
        }
        ssize_t n = eddy_stream_write_some(channel->beneath, sending->data + sending->begin,
                                           bytes_count(sending));
        r = n < 0 ? (int)n : 0;
        if (n > 0)
            sending->begin += (size_t)n;
        if (!bytes_count(sending))
            bytes_clear(sending);
    }
    if (!channel_output(channel))
        channel->answers = 0;
    (void)eddy_lock_release(&channel->flushing);
    if (r != -ECANCELED)
        channel->lost = r;
    return r;
}

static void flush_without_waiting(struct channel *channel)
{
    eddy_with_timeout (0, NULL) { /* each wait inside is refused */
        (void)channel_flush(channel);
    }
}

void channel_flush_now(struct channel *channel)
{
    if (channel_output(channel) && eddy_current_task() && !eddy_lock_locked(&channel->flushing)) {
        eddy_defer(flush_without_waiting, channel); /* the last failure stays what it is */
    }
}

struct flush_task {
    struct channel *channel;
};

static int flush_task(struct flush_task *a)
{
    (void)channel_flush(a->channel); /* whoever writes next hears of what went wrong */
    channel_release(a->channel);
    return 0;
}

void channel_flush_later(struct channel *channel)
{
    channel_flush_now(channel);
    if (!channel_output(channel) || eddy_lock_locked(&channel->flushing))
        return;
    channel->references++; /* the task may end at once */
    eddy_task *task = eddy_create_task_eager(flush_task, .channel = channel);
    if (task)
        (void)eddy_detach(task);
    else
        channel_release(channel); /* whoever reads or writes next tries again */
}

/* ---- what OpenSSL wants ---- */

enum channel_want channel_want(struct channel *channel, int result)
{
    int error = SSL_get_error(channel->ssl, result);
    return error == SSL_ERROR_WANT_READ     ? WANT_INPUT
           : error == SSL_ERROR_ZERO_RETURN ? WANT_END
                                            : WANT_ERROR;
}

int channel_error(struct channel *channel, const char *doing)
{
    char text[TEXT_SIZE];
    int code = openssl_error(-EPROTO, text);
    channel->failed = channel->broken = true;
    if (channel->out_of_memory) {
        channel->out_of_memory = false;
        return eddy_fail(-ENOMEM, "%s %s: no memory", doing, channel->peer);
    }
    if (channel->refused)
        return eddy_fail(-EKEYREJECTED, "%s", channel->refused);
    return eddy_fail(code, "%s %s failed: %s", doing, channel->peer, text);
}

int channel_truncated(struct channel *channel)
{
    channel->failed = true;
    return eddy_fail(-ECONNABORTED,
                     "%s ended the connection without TLS's end: what came may be cut off",
                     channel->peer);
}
