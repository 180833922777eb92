/* SPDX-License-Identifier: MIT */
/*
 * eddy_connect: resolve, then try the addresses one after the other.
 *
 * Each attempt is a stream from the start, so that its one watch serves the connecting too. To
 * call connect again once the socket is writable tells how it went: done, failed, or still at it.
 */
#include <stdio.h>
#include <string.h>
#include "failure.h"
#include "log.h"
#include "resolve.h"
#include "stream.h"

static int connect_finish(struct eddy_stream *stream, const struct address *address)
{
    struct engine *engine = stream->loop->engine;
    /* The watch begins now: whatever arrives from here on makes an edge, so there is nothing to
     * try before one. */
    stream->ready[STREAM_READ] = stream->ready[STREAM_WRITE] = false;
    for (;;) {
        int r = stream_wait(stream, STREAM_WRITE, "a connection");
        if (r < 0)
            return r;
        r = engine->call->connect(engine, stream->watch.descriptor, &address->any, address->size);
        if (r == 0 || r == -EISCONN)
            return 0;
        if (r != -EALREADY && r != -EINPROGRESS)
            return r;
        stream->ready[STREAM_WRITE] = false;
    }
}

static int connect_to(struct eddy_loop *loop, const struct address *address,
                      struct eddy_stream **ret_stream)
{
    struct engine *engine = loop->engine;
    int descriptor = engine->call->socket(engine, address->any.sa_family, SOCK_STREAM, 0);
    if (descriptor < 0)
        return descriptor;
    struct eddy_stream *stream = stream_create(loop, descriptor, address);
    if (!stream) {
        (void)engine->call->close(engine, descriptor);
        return -ENOMEM;
    }
    stream_send_at_once(stream);
    int r = engine->call->connect(engine, descriptor, &address->any, address->size);
    if (r == -EINPROGRESS)
        r = connect_finish(stream, address);
    if (r < 0) {
        eddy_stream_close(stream);
        return r;
    }
    *ret_stream = stream;
    return 0;
}

/* Errors of this machine: the next address would meet the same. */
static bool is_out_of_resources(int code)
{
    return code == -EMFILE || code == -ENFILE || code == -ENOMEM || code == -ENOBUFS;
}

/* "localhost (127.0.0.1:80): Connection refused", or without the name if it says no more. */
static struct eddy_failure *describe_attempt(const char *host, const struct address *address,
                                             int code)
{
    char text[ADDRESS_TEXT_SIZE];
    struct address numeric;
    (void)address_text(address, text, sizeof text);
    if (address_parse(host, 0, &numeric))
        return failure_make(code, __FILE__, __LINE__, "can't connect to %s: %s", text,
                            strerror(-code));
    return failure_make(code, __FILE__, __LINE__, "can't connect to %s (%s): %s", host, text,
                        strerror(-code));
}

/* One failure as it is, several as the children of one under the last one's code. */
static int fail_attempts(const char *host, int port, struct eddy_failure **failures, size_t count,
                         int last)
{
    struct eddy_failure *all = failures[0];
    if (count > 1) {
        all = failure_make(last, __FILE__, __LINE__,
                           "can't connect to %s port %d at any of %zu addresses", host, port,
                           count);
        for (size_t i = 0; i < count; i++) {
            if (all && failures[i])
                failure_add_child(all, failures[i]);
            else
                eddy_failure_release(failures[i]);
        }
    }
    failure_set(all);
    return last;
}

int eddy_connect(const char *host, int port, eddy_stream **ret_stream)
{
    if (!host || !ret_stream)
        return log_misuse(-EINVAL, "eddy_connect", "the %s is NULL", host ? "stream" : "host");
    if (port < 1 || port > UINT16_MAX)
        return log_misuse(-EINVAL, "eddy_connect", "port %d isn't within 1 and 65535", port);
    if (!task_current())
        return log_misuse(-EINVAL, "eddy_connect", "awaited outside a task");
    struct address_list list;
    int r = resolve(host, port, &list);
    if (r < 0)
        return r;

    struct eddy_failure *failures[RESOLVE_MAX];
    size_t count = 0;
    do {
        r = connect_to(loop_self, &list.addresses[count], ret_stream);
        if (r == 0 || r == -ECANCELED)
            break;
        failures[count] = describe_attempt(host, &list.addresses[count], r);
        count++;
    } while (count < list.count && !is_out_of_resources(r));

    if (r < 0 && r != -ECANCELED)
        return fail_attempts(host, port, failures, count, r);
    for (size_t i = 0; i < count; i++)
        eddy_failure_release(failures[i]);
    return r;
}
