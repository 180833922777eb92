/* SPDX-License-Identifier: MIT */
/*
 * eddy_connect_unix. A Unix socket connects at once or not at all; only when the listener's queue
 * is full it says "again", and nothing tells when there is room.
 */
#include <string.h>
#include "eddy/connect.h"
#include "failure.h"
#include "log.h"
#include "stream.h"

#define PAUSE_MIN 0.001
#define PAUSE_MAX 0.064

static int connect_patiently(struct engine *engine, int descriptor,
                             const struct sockaddr_un *address, socklen_t size)
{
    double pause = PAUSE_MIN;
    for (;;) {
        int r = engine->call->connect(engine, descriptor, (const struct sockaddr *)address, size);
        if (r != -EAGAIN)
            return r;
        r = eddy_sleep(pause);
        if (r < 0)
            return r;
        if (pause < PAUSE_MAX)
            pause *= 2;
    }
}

static int connect_to_path(struct eddy_loop *loop, const struct sockaddr_un *address,
                           socklen_t size, struct eddy_stream **ret_stream)
{
    struct engine *engine = loop->engine;
    int descriptor = engine->call->socket(engine, AF_UNIX, SOCK_STREAM, 0);
    if (descriptor < 0)
        return descriptor;
    struct eddy_stream *stream = stream_create(loop, descriptor, NULL);
    if (!stream) {
        (void)engine->call->close(engine, descriptor);
        return -ENOMEM;
    }
    int r = connect_patiently(engine, descriptor, address, size);
    if (r < 0) {
        eddy_stream_close(stream);
        return r;
    }
    *ret_stream = stream;
    return 0;
}

int eddy_connect_unix(const char *path, eddy_stream **ret_stream)
{
    const char *call = "eddy_connect_unix";
    struct sockaddr_un address;
    socklen_t size;
    if (!path || !ret_stream)
        return log_misuse(-EINVAL, call, "the %s is NULL", path ? "stream" : "path");
    if (!task_current())
        return log_misuse(-EINVAL, call, "awaited outside a task");
    int r = address_unix(path, &address, &size);
    if (r == 0)
        r = connect_to_path(loop_self, &address, size, ret_stream);
    if (r == 0 || r == -ECANCELED)
        return r;
    return eddy_fail(r, "can't connect to unix:%.120s: %s", path,
                     r == -EINVAL ? "an empty path" : strerror(-r));
}
