/* SPDX-License-Identifier: MIT */
/*
 * A TLS stream from inside: reading, writing, its end, closing.
 */
#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include "tls.h"

/* Plain text that is encrypted before some of it is sent. */
#define WRITE_STEP (WRITE_RECORDS * SSL3_RT_MAX_PLAIN_LENGTH)

/* ---- saying the end ---- */

/* A message of the peer's handshake, a ticket say, is here by half: OpenSSL can't say an end
 * then. */
static bool in_a_message(const struct channel *channel)
{
    return SSL_in_init(channel->ssl);
}

/* Into the output; once its rest is read, if a message of the peer's is here by half. */
static int channel_say_end(struct channel *channel)
{
    if (channel->ended || channel->failed || channel->unfinished)
        return 0;
    channel->end_owed = in_a_message(channel);
    if (channel->end_owed)
        return 0;
    channel->ended = true;
    ERR_clear_error();
    int r = SSL_shutdown(channel->ssl) < 0 ? channel_error(channel, "saying the end to") : 0;
    ERR_clear_error();
    return r;
}

/* ---- reading ---- */

/* Answers to the peer's questions, new keys say, that wait for it to read them. */
#define ANSWERS_MOST 65536

static int fail_answers(struct channel *channel)
{
    channel->failed = true;
    return eddy_fail(-EPROTO, "%s doesn't read the answers it asks for: %zu bytes wait",
                     channel->peer, channel_output(channel));
}

/* At least one byte. 0 at an end: WANT_END if the peer said it, else that of the stream beneath. */
static ssize_t channel_read(struct channel *channel, void *buffer, size_t size,
                            enum channel_want *ret_end)
{
    for (;;) {
        size_t waiting = channel_output(channel);
        ERR_clear_error();
        int n = SSL_read(channel->ssl, buffer, size < INT_MAX ? (int)size : INT_MAX);
        channel->answers += channel_output(channel) - waiting;
        enum channel_want want = n > 0 ? WANT_INPUT : channel_want(channel, n);
        if (channel->end_owed && want != WANT_ERROR) {
            (void)channel_say_end(channel);
            channel_flush_later(channel);
        }
        if (n > 0)
            return n;
        *ret_end = want;
        if (*ret_end == WANT_END)
            return 0;
        if (*ret_end == WANT_ERROR) {
            int code = channel_error(channel, "reading from");
            channel_flush_now(channel); /* an alert tells the peer */
            return code;
        }
        channel_flush_later(channel); /* what OpenSSL has to answer */
        if (channel->answers > ANSWERS_MOST)
            return fail_answers(channel);
        ssize_t filled = channel_fill(channel);
        if (filled <= 0)
            return filled;
    }
}

static ssize_t layer_read(void *context, void *buffer, size_t size)
{
    struct channel *channel = context;
    enum channel_want end = WANT_ERROR;
    if (channel->reading)
        return eddy_fail(-EBUSY, "another task shuts this stream down");
    channel->reading = true;
    ssize_t n = channel_read(channel, buffer, size, &end);
    channel->reading = false;
    return n == 0 && end != WANT_END ? channel_truncated(channel) : n;
}

/* ---- writing ---- */

static ssize_t encrypt(struct channel *channel, const char *data, size_t size)
{
    for (;;) {
        ERR_clear_error();
        int n = SSL_write(channel->ssl, data, (int)(size < WRITE_STEP ? size : WRITE_STEP));
        if (n > 0)
            return n;
        if (channel_want(channel, n) != WANT_INPUT)
            return channel_error(channel, "writing to");
        /* A message of the peer's handshake, a ticket say, is here by half: its rest comes
         * first. */
        ssize_t filled = channel_fill(channel);
        if (filled <= 0)
            return filled < 0 ? filled : channel_truncated(channel);
    }
}

/* The stream beneath can go on after it. */
static bool is_passing(int code)
{
    return code == -ECANCELED || code == -EBUSY || code == -ENOMEM || code == -ENOBUFS;
}

/* What was encrypted is kept whatever happens to the call: to encrypt it again would send it twice.
 * So it counts as written, and since somebody may wait for its answer already, nothing but the peer
 * may keep it from going out. */
static ssize_t write_step(struct channel *channel, const char *data, size_t size)
{
    int r = channel_flush(channel);
    ssize_t taken = r < 0 ? r : encrypt(channel, data, size);
    if (taken > 0)
        r = channel_flush(channel);
    if (is_passing(r))
        channel_flush_later(channel);
    return r < 0 && !is_passing(r) ? r : taken;
}

static ssize_t layer_write(void *context, const void *data, size_t size)
{
    struct channel *channel = context;
    if (channel->ended || channel->end_owed)
        return eddy_fail(-EPIPE, "writing to %s failed: the writing side was ended", channel->peer);
    if (channel->broken)
        return eddy_fail(-EPIPE, "the connection to %s has failed before", channel->peer);
    channel->writing = true;
    ssize_t n = write_step(channel, data, size);
    channel->writing = false;
    channel->unfinished = n < 0;
    return n;
}

/* ---- ends ---- */

static int layer_write_end(void *context)
{
    struct channel *channel = context;
    if (channel->failed)
        return eddy_fail(-EPIPE, "the connection to %s has failed", channel->peer);
    channel->unfinished = false; /* whoever ends it says so */
    int r = channel_say_end(channel);
    if (r < 0)
        return r;
    channel_flush_later(channel);
    return channel->lost ? eddy_fail(channel->lost, "the end can't be said to %s: %s",
                                     channel->peer, strerror(-channel->lost))
                         : 0;
}

static void layer_close(void *context)
{
    struct channel *channel = context;
    if (eddy_current_task() && !channel->writing) {
        (void)channel_say_end(channel);
        channel_flush_now(channel);
    }
    eddy_stream_close(channel->beneath);
    channel->beneath = NULL;
}

static void layer_release(void *context)
{
    channel_release(context);
}

static eddy_stream *layer_beneath(void *context)
{
    return ((struct channel *)context)->beneath;
}

const struct eddy_stream_layer tls_layer = {
    .read = layer_read,
    .write = layer_write,
    .write_end = layer_write_end,
    .close = layer_close,
    .release = layer_release,
    .beneath = layer_beneath,
};

/* ---- both directions ---- */

/* Drops what still comes, up to the peer's end or the stream's: good enough. */
static int await_peer_end(struct channel *channel)
{
    char dropped[1024];
    enum channel_want end = WANT_INPUT;
    ssize_t n = 1;
    while (n > 0 && channel->beneath)
        n = channel_read(channel, dropped, sizeof dropped, &end);
    return n < 0 ? (int)n : 0;
}

static int shut_down(struct channel *channel)
{
    channel->unfinished = false;
    int r = channel_say_end(channel);
    if (r == 0)
        r = channel_flush(channel);
    return r < 0 ? r : await_peer_end(channel);
}

int eddy_tls_shutdown(eddy_stream *stream)
{
    struct channel *channel = eddy_stream_layer_context(stream, &tls_layer);
    if (!channel || !eddy_current_task())
        return eddy_fail(-EINVAL, "eddy_tls_shutdown: %s",
                         channel ? "awaited outside a task" : "not a TLS stream");
    if (channel->failed)
        return eddy_fail(-ECONNABORTED, "the connection to %s has failed before", channel->peer);
    if (channel->reading || channel->writing)
        return eddy_fail(-EBUSY, "eddy_tls_shutdown: another task %s this stream",
                         channel->writing ? "writes to" : "reads from");
    channel->references++;
    channel->reading = true;
    int err, r = 0;
    eddy_with_timeout (channel->shutdown_timeout, &err)
        r = shut_down(channel);
    if (err == -ETIMEDOUT && r == -ECANCELED)
        r = eddy_fail(-ETIMEDOUT, "%s didn't end its side within %g s", channel->peer,
                      channel->shutdown_timeout);
    channel->reading = false;
    channel_release(channel);
    return r;
}
