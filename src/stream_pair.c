/* SPDX-License-Identifier: MIT */
/*
 * Streams in pairs, of this program's own: pipes and connected sockets.
 */
#include <string.h>
#include "log.h"
#include "stream.h"

/* Streams of both, or of none, and then the descriptors are closed. */
static int to_streams(struct engine *engine, const int ends[2], eddy_stream **ret_first,
                      eddy_stream **ret_second)
{
    eddy_stream *first, *second;
    int r = eddy_stream_from_descriptor(ends[0], &first);
    if (r < 0) {
        (void)engine->call->close(engine, ends[0]);
        (void)engine->call->close(engine, ends[1]);
        return r;
    }
    r = eddy_stream_from_descriptor(ends[1], &second);
    if (r < 0) {
        eddy_stream_close(first);
        (void)engine->call->close(engine, ends[1]);
        return r;
    }
    *ret_first = first;
    *ret_second = second;
    return 0;
}

static int make(const char *call, bool pipe, eddy_stream **ret_first, eddy_stream **ret_second)
{
    int ends[2];
    if (!loop_self || !ret_first || !ret_second)
        return log_misuse(-EINVAL, call,
                          loop_self ? "nowhere to put a stream: NULL" : "called outside a loop");
    struct engine *engine = loop_self->engine;
    int r = pipe ? engine->call->pipe(engine, ends) : engine->call->socket_pair(engine, ends);
    if (r < 0)
        return eddy_fail(r, "%s: %s", call, strerror(-r));
    r = to_streams(engine, ends, ret_first, ret_second);
    if (r == 0 && pipe)
        (*ret_first)->short_read_drains = true; /* nobody writes packets into it */
    return r;
}

int eddy_stream_pipe(eddy_stream **ret_reader, eddy_stream **ret_writer)
{
    return make("eddy_stream_pipe", true, ret_reader, ret_writer);
}

int eddy_stream_pair(eddy_stream **ret_one, eddy_stream **ret_other)
{
    return make("eddy_stream_pair", false, ret_one, ret_other);
}
