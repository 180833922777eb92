/* SPDX-License-Identifier: MIT */
/* What can be asked of a TLS stream. */
#include <string.h>
#include "tls.h"

static struct channel *channel_in(const eddy_stream *stream)
{
    return eddy_stream_layer_context(stream, &tls_layer);
}

static const char *text_or_none(const char *text)
{
    return text ? text : "";
}

const char *eddy_tls_version(const eddy_stream *stream)
{
    const struct channel *channel = channel_in(stream);
    return channel ? SSL_get_version(channel->ssl) : "";
}

const char *eddy_tls_cipher(const eddy_stream *stream)
{
    const struct channel *channel = channel_in(stream);
    return channel ? text_or_none(SSL_get_cipher_name(channel->ssl)) : "";
}

const char *eddy_tls_protocol(const eddy_stream *stream)
{
    const struct channel *channel = channel_in(stream);
    return channel ? text_or_none(channel->protocol) : "";
}

const char *eddy_tls_server_name(const eddy_stream *stream)
{
    const struct channel *channel = channel_in(stream);
    return channel ? text_or_none(SSL_get_servername(channel->ssl, TLSEXT_NAMETYPE_host_name)) : "";
}

bool eddy_tls_resumed(const eddy_stream *stream)
{
    const struct channel *channel = channel_in(stream);
    return channel && SSL_session_reused(channel->ssl);
}

static int peer_certificate(const eddy_stream *stream, const char *call, X509 **ret_certificate)
{
    const struct channel *channel = channel_in(stream);
    if (!channel)
        return eddy_fail(-EINVAL, "%s: not a TLS stream", call);
    *ret_certificate = SSL_get0_peer_certificate(channel->ssl);
    return *ret_certificate ? 0 : eddy_fail(-ENOENT, "%s showed no certificate", channel->peer);
}

int eddy_tls_peer_names(const eddy_stream *stream, char *buffer, size_t size)
{
    X509 *certificate;
    int r = buffer || !size ? peer_certificate(stream, "eddy_tls_peer_names", &certificate)
                            : eddy_fail(-EINVAL, "eddy_tls_peer_names: the buffer is NULL");
    return r < 0 ? r : certificate_names(certificate, buffer, size);
}

ssize_t eddy_tls_peer_certificate(const eddy_stream *stream, void *buffer, size_t size)
{
    X509 *certificate;
    int r = buffer || !size ? peer_certificate(stream, "eddy_tls_peer_certificate", &certificate)
                            : eddy_fail(-EINVAL, "eddy_tls_peer_certificate: the buffer is NULL");
    if (r < 0)
        return r;
    unsigned char *bytes = NULL;
    int length = i2d_X509(certificate, &bytes);
    if (length < 0)
        return eddy_fail(-ENOMEM, "no memory for a certificate");
    if ((size_t)length <= size)
        memcpy(buffer, bytes, (size_t)length);
    OPENSSL_free(bytes);
    return length;
}
