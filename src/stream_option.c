/* SPDX-License-Identifier: MIT */
/*
 * What can be asked of a stream, and set: addresses, limit, options of TCP. Of a layer it is asked
 * of the stream beneath.
 */
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include "log.h"
#include "stream.h"

int eddy_stream_descriptor(const eddy_stream *stream)
{
    if (!stream)
        return -EINVAL;
    stream = stream_lowest(stream);
    return stream ? stream->watch.descriptor : -ENOTCONN;
}

/* ---- addresses ---- */

typedef int address_call(struct engine *engine, int descriptor, struct sockaddr *address,
                         socklen_t *size);

/* Also when its loop has ended: the descriptor is still open. */
static int describe_address(const struct eddy_stream *stream, const char *what, char *buffer,
                            size_t size)
{
    bool local = strcmp(what, "address") == 0, home = stream && stream_is_home(stream);
    const struct engine_vtable *call = home ? stream->loop->engine->call : NULL;
    address_call *ask = !home   ? local ? engine_socket_local_address : engine_socket_peer_address
                        : local ? call->local_address
                                : call->peer_address;
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
    } address;
    socklen_t length = sizeof address;
    if (!stream)
        return eddy_fail(-ENOTCONN, "a stream without a descriptor has no %s", what);
    if (!local && stream->peer.size)
        return address_text(&stream->peer, buffer, size);
    int r = stream->is_socket ? ask(home ? stream->loop->engine : NULL, stream->watch.descriptor,
                                    &address.any, &length)
                              : -ENOTSOCK;
    if (r == 0)
        r = address_text_any(&address.any, length, buffer, size);
    return r >= 0 ? r
                  : eddy_fail(-ENOTCONN, "descriptor %d has no %s", stream->watch.descriptor, what);
}

int eddy_stream_peer(const eddy_stream *stream, char *buffer, size_t size)
{
    if (!stream || (!buffer && size))
        return log_misuse(-EINVAL, "eddy_stream_peer", "the %s is NULL",
                          stream ? "buffer" : "stream");
    return describe_address(stream_lowest(stream), "peer", buffer, size);
}

int eddy_stream_local_address(const eddy_stream *stream, char *buffer, size_t size)
{
    if (!stream || (!buffer && size))
        return log_misuse(-EINVAL, "eddy_stream_local_address", "the %s is NULL",
                          stream ? "buffer" : "stream");
    return describe_address(stream_lowest(stream), "address", buffer, size);
}

/* ---- limit ---- */

int eddy_stream_set_limit(eddy_stream *stream, size_t limit)
{
    if (!stream || !limit || limit > EDDY_STREAM_LIMIT_MAX)
        return log_misuse(-EINVAL, "eddy_stream_set_limit",
                          stream ? "%zu bytes aren't within 1 and %zu" : "the stream is NULL",
                          limit, EDDY_STREAM_LIMIT_MAX);
    stream->limit = limit;
    return 0;
}

/* ---- options ---- */

struct option {
    int level, name, value;
};

static int set_options(const eddy_stream *stream, const char *call, const struct option *options,
                       size_t count)
{
    int r = stream_check(stream, call);
    if (r < 0)
        return r;
    stream = stream_lowest(stream);
    if (!stream || !stream->is_socket)
        return eddy_fail(-ENOTSOCK, "%s: the stream is no socket", call);
    struct engine *engine = stream->loop->engine;
    for (size_t i = 0; i < count; i++) {
        r = engine->call->set_option(engine, stream->watch.descriptor, options[i].level,
                                     options[i].name, options[i].value);
        if (r < 0)
            return eddy_fail(r, "%s: descriptor %d: %s", call, stream->watch.descriptor,
                             strerror(-r));
    }
    return 0;
}

int eddy_stream_set_nodelay(eddy_stream *stream, bool on)
{
    return set_options(stream, "eddy_stream_set_nodelay",
                       &(struct option){IPPROTO_TCP, TCP_NODELAY, on}, 1);
}

/* The system's own most: 32767 seconds, 127 probes. */
static bool is_keepalive(double idle, double interval, int probes)
{
    return idle >= 1 && idle <= 32767 && interval >= 1 && interval <= 32767 && probes >= 1 &&
           probes <= 127;
}

int eddy_stream_set_keepalive(eddy_stream *stream, double idle, double interval, int probes)
{
    const char *call = "eddy_stream_set_keepalive";
    if (idle == EDDY_FOREVER)
        return set_options(stream, call, &(struct option){SOL_SOCKET, SO_KEEPALIVE, 0}, 1);
    if (!is_keepalive(idle, interval, probes))
        return log_misuse(-EINVAL, call,
                          "%g seconds, every %g, %d times: not within 1 and 32767, and 127", idle,
                          interval, probes);
    const struct option options[] = {
        {IPPROTO_TCP, TCP_KEEPIDLE, (int)lround(idle)},
        {IPPROTO_TCP, TCP_KEEPINTVL, (int)lround(interval)},
        {IPPROTO_TCP, TCP_KEEPCNT, probes},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
    };
    return set_options(stream, call, options, sizeof options / sizeof *options);
}
