/* SPDX-License-Identifier: MIT */
/*
 * From a plain stream to a TLS stream: the handshake, connecting, serving.
 */
#include <math.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include "tls.h"

#define HANDSHAKE_TIMEOUT 60.0
#define SHUTDOWN_TIMEOUT 30.0
#define LAST_WORDS_TIMEOUT 1.0

/* ---- the handshake ---- */

/* If nothing can be sent any more, what the peer said before, an alert maybe, tells more than why
 * not. It is here, or nearly so: nobody waits for an answer to what was never sent. */
static ssize_t read_last_words(struct channel *channel, int unsent)
{
    ssize_t n = 0;
    int err;
    eddy_with_timeout (LAST_WORDS_TIMEOUT, &err)
        n = channel_fill(channel);
    if (n >= 0 || (n == -ECANCELED && err != -ETIMEDOUT))
        return n;
    return eddy_fail(unsent, "the TLS handshake with %s failed: nothing can be sent: %s",
                     channel->peer, strerror(-unsent));
}

static int fail_ended(const struct channel *channel)
{
    return eddy_fail(-ECONNABORTED, "%s ended the connection in the middle of the TLS handshake",
                     channel->peer);
}

static int handshake_fill(struct channel *channel, int unsent)
{
    ssize_t n = unsent < 0 ? read_last_words(channel, unsent) : channel_fill(channel);
    return n == 0 ? fail_ended(channel) : n < 0 ? (int)n : 0;
}

static int handshake(struct channel *channel)
{
    for (;;) {
        ERR_clear_error();
        int done = SSL_do_handshake(channel->ssl);
        if (done == 1) {
            channel_flush_later(channel);
            return 0;
        }
        enum channel_want want = channel_want(channel, done);
        if (want == WANT_END)
            return fail_ended(channel);
        if (want == WANT_ERROR) {
            int code = channel_error(channel, "the TLS handshake with");
            channel_flush_now(channel); /* an alert tells the peer */
            return code;
        }
        int unsent = channel_flush(channel);
        if (unsent == -ECANCELED)
            return unsent;
        int r = handshake_fill(channel, unsent);
        if (r < 0)
            return r;
    }
}

static int handshake_in_time(struct channel *channel, double seconds)
{
    int err, r = 0;
    eddy_with_timeout (seconds, &err)
        r = handshake(channel);
    if (err == -ETIMEDOUT && r == -ECANCELED)
        return eddy_fail(-ETIMEDOUT, "the TLS handshake with %s wasn't over within %g s",
                         channel->peer, seconds);
    return r;
}

/* ---- starting ---- */

struct start {
    eddy_tls_context *context;
    const struct eddy_tls_options *options;
    const char *name; /* or NULL */
    int port;         /* with the name what a session is kept for; 0: none is */
};

static int note_protocol(struct channel *channel)
{
    const unsigned char *name;
    unsigned length;
    SSL_get0_alpn_selected(channel->ssl, &name, &length);
    if (!length)
        return 0;
    channel->protocol = OPENSSL_strndup((const char *)name, length);
    return channel->protocol ? 0 : eddy_fail(-ENOMEM, "no memory for a TLS connection");
}

static int start_channel(const struct start *start, eddy_stream *stream,
                         struct channel **ret_channel)
{
    struct channel *channel;
    const struct eddy_tls_options *options = start->options;
    int r = channel_open(start->context, stream, start->name, &channel);
    if (r < 0)
        return r;
    channel->shutdown_timeout = options->shutdown_timeout > 0 ? options->shutdown_timeout
                                                              : SHUTDOWN_TIMEOUT;
    if (start->context->sessions && start->name)
        (void)snprintf(channel->session_key, sizeof channel->session_key, "%d %s", start->port,
                       channel->peer);
    session_resume(channel);
    r = handshake_in_time(channel, options->handshake_timeout > 0 ? options->handshake_timeout
                                                                  : HANDSHAKE_TIMEOUT);
    if (r == 0 && context_checks_name(start->context))
        r = verify_name(channel);
    if (r == 0)
        r = note_protocol(channel);
    if (r < 0) {
        channel_release(channel);
        return r;
    }
    *ret_channel = channel;
    return 0;
}

static int start_tls(const struct start *start, eddy_stream *stream, eddy_stream **ret_secure)
{
    struct channel *channel;
    int r = start_channel(start, stream, &channel);
    if (r < 0)
        return r;
    r = eddy_stream_from_layer(&tls_layer, channel, ret_secure);
    if (r < 0)
        channel_release(channel);
    return r;
}

static int check_options(const struct eddy_tls_options *options, const char *call)
{
    if (isnan(options->handshake_timeout) || options->handshake_timeout < 0 ||
        isnan(options->shutdown_timeout) || options->shutdown_timeout < 0)
        return eddy_fail(-EINVAL, "%s: a timeout of %g and %g s", call, options->handshake_timeout,
                         options->shutdown_timeout);
    return 0;
}

static const struct eddy_tls_options default_options;

int eddy_tls_start(eddy_tls_context *context, eddy_stream *stream,
                   const struct eddy_tls_options *options, eddy_stream **ret_secure)
{
    if (!options)
        options = &default_options;
    int r = check_options(options, "eddy_tls_start");
    if (r < 0)
        return r;
    if (!stream || !ret_secure || !eddy_current_task())
        return eddy_fail(-EINVAL, "eddy_tls_start: %s",
                         stream ? ret_secure ? "awaited outside a task" : "nowhere to put it: NULL"
                                : "the stream is NULL");
    if (context)
        context_keep(context);
    else if ((r = context_default(&context)) < 0)
        return r;
    struct start start = {.context = context, .options = options, .name = options->server_name};
    if (context_checks_name(context) && !options->server_name)
        r = eddy_fail(-EINVAL, "eddy_tls_start: without server_name there is nothing to check the "
                               "peer's certificate for");
    else if (context->side == EDDY_TLS_SERVER && options->server_name)
        r = eddy_fail(-EINVAL, "eddy_tls_start: a server has no server_name");
    else
        r = start_tls(&start, stream, ret_secure);
    eddy_tls_context_close(context);
    return r;
}

/* ---- connecting ---- */

static int connect_with(eddy_tls_context *context, const char *host, int port,
                        const struct eddy_tls_options *options, eddy_stream **ret_stream)
{
    if (context->side != EDDY_TLS_CLIENT)
        return eddy_fail(-EINVAL, "eddy_tls_connect: the context is a server's");
    eddy_stream *plain;
    int r = eddy_connect(host, port, &plain);
    if (r < 0)
        return r;
    struct start start = {.context = context,
                          .options = options,
                          .name = options->server_name ? options->server_name : host,
                          .port = port};
    r = start_tls(&start, plain, ret_stream);
    if (r < 0)
        eddy_stream_close(plain);
    return r;
}

int eddy_tls_connect(const char *host, int port, eddy_tls_context *context,
                     const struct eddy_tls_options *options, eddy_stream **ret_stream)
{
    if (!options)
        options = &default_options;
    int r = check_options(options, "eddy_tls_connect");
    if (r < 0)
        return r;
    if (!host || !ret_stream || !eddy_current_task())
        return eddy_fail(-EINVAL, "eddy_tls_connect: %s",
                         host ? ret_stream ? "awaited outside a task" : "nowhere to put it: NULL"
                              : "the host is NULL");
    if (context)
        context_keep(context);
    else if ((r = context_default(&context)) < 0)
        return r;
    r = connect_with(context, host, port, options, ret_stream);
    eddy_tls_context_close(context);
    return r;
}

/* ---- serving ---- */

static int check_service(const struct eddy_tls_service *service, const char *call)
{
    if (!service || !service->handler || !service->context ||
        service->context->side != EDDY_TLS_SERVER || service->options.server_name)
        return eddy_fail(-EINVAL,
                         "%s: a service needs a handler and a server's context, and has no "
                         "server_name",
                         call);
    return check_options(&service->options, call);
}

int eddy_tls_handler(eddy_stream *stream, void *context)
{
    const struct eddy_tls_service *service = context;
    eddy_stream *secure;
    int r = check_service(service, "eddy_tls_handler");
    if (r == 0)
        r = eddy_tls_start(service->context, stream, &service->options, &secure);
    if (r < 0)
        return r;
    struct channel *channel = eddy_stream_layer_context(secure, &tls_layer);
    channel->references++;
    r = service->handler(secure, service->handler_context);
    if (channel->beneath) { /* it wasn't closed by the handler, against the rule */
        int ended = r < 0 ? r : eddy_tls_shutdown(secure);
        channel->unfinished = ended < 0; /* not to look like a good end */
        eddy_stream_close(secure);
    }
    channel_release(channel);
    return r;
}

int eddy_tls_serve(const char *host, int port, const struct eddy_tls_service *service,
                   const struct eddy_serve_options *options, eddy_server **server)
{
    int r = check_service(service, "eddy_tls_serve");
    if (r < 0)
        return r;
    return eddy_serve(host, port, eddy_tls_handler, (void *)(uintptr_t)service, options, server);
}
