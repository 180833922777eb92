/* SPDX-License-Identifier: MIT */
/*
 * Sessions that a client can resume: the newest ones, a few a peer. Those of TLS 1.3 are used once,
 * so that two connections can't be linked by them, and each connection brings new ones.
 */
#include <string.h>
#include "tls.h"

#define SESSION_COUNT 256
#define SESSIONS_PER_PEER 4

struct session_cache {
    uint64_t clock;
    struct kept {
        SSL_SESSION *session; /* NULL: free */
        uint64_t since;
        char peer[SESSION_KEY_SIZE];
    } all[SESSION_COUNT];
};

struct session_cache *session_cache_new(void)
{
    return OPENSSL_zalloc(sizeof(struct session_cache));
}

static void kept_drop(struct kept *kept)
{
    SSL_SESSION_free(kept->session);
    kept->session = NULL;
}

void session_cache_clear(struct session_cache *cache)
{
    for (size_t i = 0; i < SESSION_COUNT; i++)
        kept_drop(&cache->all[i]);
}

void session_cache_free(struct session_cache *cache)
{
    if (cache)
        session_cache_clear(cache);
    OPENSSL_free(cache);
}

static bool is_of(const struct kept *kept, const char *peer)
{
    return kept->session && strcmp(kept->peer, peer) == 0;
}

static void session_cache_put(struct session_cache *cache, const char *peer, SSL_SESSION *session)
{
    struct kept *place = &cache->all[0], *oldest_of_peer = NULL;
    size_t of_peer = 0;
    for (size_t i = 0; i < SESSION_COUNT; i++) {
        struct kept *kept = &cache->all[i];
        if (place->session && (!kept->session || kept->since < place->since))
            place = kept;
        if (!is_of(kept, peer))
            continue;
        of_peer++;
        if (!oldest_of_peer || kept->since < oldest_of_peer->since)
            oldest_of_peer = kept;
    }
    if (of_peer >= SESSIONS_PER_PEER)
        place = oldest_of_peer;
    kept_drop(place);
    place->session = session;
    place->since = ++cache->clock;
    memcpy(place->peer, peer, strlen(peer) + 1);
}

static SSL_SESSION *session_cache_take(struct session_cache *cache, const char *peer)
{
    struct kept *newest = NULL;
    for (size_t i = 0; i < SESSION_COUNT; i++)
        if (is_of(&cache->all[i], peer) && (!newest || cache->all[i].since > newest->since))
            newest = &cache->all[i];
    if (!newest)
        return NULL;
    SSL_SESSION *session = newest->session;
    if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
        newest->session = NULL;
    else
        (void)SSL_SESSION_up_ref(session);
    return session;
}

/* OpenSSL has a new one: 1 keeps the reference. */
static int session_new(SSL *ssl, SSL_SESSION *session)
{
    struct channel *channel = channel_of(ssl);
    eddy_tls_context *context = channel->context;
    if (!channel->session_key[0] || !SSL_SESSION_is_resumable(session))
        return 0;
    (void)pthread_mutex_lock(&context->lock);
    bool current = context->identity ==
                   channel->identity; /* not one that a reload has done away with */
    if (current)
        session_cache_put(context->sessions, channel->session_key, session);
    (void)pthread_mutex_unlock(&context->lock);
    return current;
}

void session_cache_enable(SSL_CTX *ssl_context)
{
    SSL_CTX_set_session_cache_mode(ssl_context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(ssl_context, session_new);
}

void session_resume(struct channel *channel)
{
    eddy_tls_context *context = channel->context;
    if (!channel->session_key[0])
        return;
    (void)pthread_mutex_lock(&context->lock);
    SSL_SESSION *session = context->identity == channel->identity
                               ? session_cache_take(context->sessions, channel->session_key)
                               : NULL;
    (void)pthread_mutex_unlock(&context->lock);
    if (session)
        (void)SSL_set_session(channel->ssl, session);
    SSL_SESSION_free(session);
}
