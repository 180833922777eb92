/* SPDX-License-Identifier: MIT */
/*
 * eddy_connect: resolve, then try the addresses, as a race if there are several.
 *
 * Each attempt is a stream from the start, so that its one watch serves the connecting too. To
 * call connect again once the socket is writable tells how it went: done, failed, or still at it.
 */
#include "eddy/connect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "eddy/race.h"
#include "failure.h"
#include "log.h"
#include "resolve.h"
#include "stream.h"

/* RFC 8305's Connection Attempt Delay. */
#define DELAY 0.25

/* ---- one address ---- */

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

/* The first one of the family, or NULL. */
static const struct address *find_family(const struct address_list *list, int family)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->addresses[i].any.sa_family == family)
            return &list->addresses[i];
    return NULL;
}

/* To the first local address of its family that can be had. */
static int bind_locally(struct engine *engine, int descriptor, int family,
                        const struct address_list *locals)
{
    int r = -EADDRNOTAVAIL;
    if (address_port(&locals->addresses[0])) /* which several attempts may have at the same time */
        (void)engine->call->set_option(engine, descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    for (size_t i = 0; i < locals->count && r != 0; i++) {
        const struct address *local = &locals->addresses[i];
        if (local->any.sa_family == family)
            r = engine->call->bind(engine, descriptor, &local->any, local->size);
    }
    return r;
}

/* A socket that is bound if it is to be, as a stream. */
static int open_socket(struct eddy_loop *loop, const struct address *address,
                       const struct address_list *locals, struct eddy_stream **ret_stream)
{
    struct engine *engine = loop->engine;
    int descriptor = engine->call->socket(engine, address->any.sa_family, SOCK_STREAM, 0);
    if (descriptor < 0)
        return descriptor;
    int r = locals->count ? bind_locally(engine, descriptor, address->any.sa_family, locals) : 0;
    struct eddy_stream *stream = r < 0 ? NULL : stream_create(loop, descriptor, address);
    if (!stream) {
        (void)engine->call->close(engine, descriptor);
        return r < 0 ? r : -ENOMEM;
    }
    *ret_stream = stream;
    return 0;
}

static int connect_to(struct eddy_loop *loop, const struct address *address,
                      const struct address_list *locals, struct eddy_stream **ret_stream)
{
    struct eddy_stream *stream;
    int r = open_socket(loop, address, locals, &stream);
    if (r < 0)
        return r;
    stream_send_at_once(stream);
    r = loop->engine->call->connect(loop->engine, stream->watch.descriptor, &address->any,
                                    address->size);
    if (r == -EINPROGRESS)
        r = connect_finish(stream, address);
    if (r < 0) {
        eddy_stream_close(stream);
        return r;
    }
    *ret_stream = stream;
    return 0;
}

/* ---- several ---- */

struct attempt {
    const struct address *address;
    const struct address_list *locals;
    struct eddy_stream *stream; /* NULL until it has succeeded */
    int code;                   /* 0 until it has failed */
    bool skipped;               /* for want of a local address of its family */
};

static int attempt(struct attempt *a)
{
    a->skipped = a->locals->count && !find_family(a->locals, a->address->any.sa_family);
    a->code = a->skipped ? -EADDRNOTAVAIL
                         : connect_to(loop_self, a->address, a->locals, &a->stream);
    return a->code;
}

/* "localhost (127.0.0.1:80): Connection refused", or without the name if it says no more, or
 * "localhost (127.0.0.1:80) from 127.0.0.1:4000: Address already in use". */
static struct eddy_failure *describe_attempt(const char *host, const struct attempt *a)
{
    char text[ADDRESS_TEXT_SIZE], from[ADDRESS_TEXT_SIZE] = "";
    struct address numeric;
    bool named = !address_parse(host, 0, &numeric);
    const struct address *local = find_family(a->locals, a->address->any.sa_family);
    const char *why = a->skipped ? "the local address is of another family" : strerror(-a->code);
    (void)address_text(a->address, text, sizeof text);
    if (local)
        (void)address_text(local, from, sizeof from);
    return failure_make(a->code, __FILE__, __LINE__, "can't connect to %s%s%s%s%s%s: %s",
                        named ? host : "", named ? " (" : "", text, named ? ")" : "",
                        local ? " from " : "", from, why);
}

/* One failure as it is, several as the children of one under the last one's code. */
static int fail_attempts(const char *host, int port, struct attempt *attempts, size_t count)
{
    struct eddy_failure *failures[RESOLVE_MAX], *all;
    size_t failed = 0;
    int last = -EADDRNOTAVAIL;
    for (size_t i = 0; i < count; i++) {
        failures[failed++] = describe_attempt(host, &attempts[i]);
        if (!attempts[i].skipped)
            last = attempts[i].code;
    }
    if (failed == 1) {
        failure_set(failures[0]);
        return failures[0] ? failures[0]->code : last;
    }
    all = failure_make(last, __FILE__, __LINE__,
                       "can't connect to %s port %d at any of %zu addresses", host, port, failed);
    for (size_t i = 0; i < failed; i++) {
        if (all && failures[i])
            failure_add_child(all, failures[i]);
        else
            eddy_failure_release(failures[i]);
    }
    failure_set(all);
    return last;
}

/* The families take turns, beginning with the resolver's first: RFC 8305, section 4. */
static void interleave(const struct address_list *list, const struct address_list *locals,
                       struct attempt *attempts)
{
    size_t next[2] = {0, 0}; /* of the first one's family; of others */
    for (size_t i = 0; i < list->count; i++) {
        int family = list->addresses[0].any.sa_family, turn = i % 2;
        for (int tries = 0; tries < 2; tries++, turn = !turn) {
            while (next[turn] < list->count &&
                   (list->addresses[next[turn]].any.sa_family == family) == turn)
                next[turn]++;
            if (next[turn] < list->count)
                break;
        }
        attempts[i] = (struct attempt){.address = &list->addresses[next[turn]++], .locals = locals};
    }
}

/* The index of the one that has won, -EINPROGRESS if each has failed, or why it didn't come to
 * that. */
static int run_attempts(struct attempt *attempts, size_t count, double delay)
{
    if (count == 1) {
        int r = attempt(&attempts[0]);
        return r == 0 || r == -ECANCELED ? r : -EINPROGRESS;
    }
    int winner = eddy_race(delay, attempt, attempts, count, NULL);
    size_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        if ((int)i != winner)
            eddy_stream_close(attempts[i].stream);
        failed += attempts[i].code < 0 && attempts[i].code != -ECANCELED;
    }
    if (winner >= 0)
        return winner;
    if (failed == count)
        return -EINPROGRESS;
    return eddy_cancelled() ? -ECANCELED : winner; /* even if some had failed by then */
}

static int connect_to_any(const char *host, int port, const struct address_list *list,
                          const struct address_list *locals, double delay,
                          struct eddy_stream **ret_stream)
{
    struct attempt attempts[RESOLVE_MAX];
    interleave(list, locals, attempts);
    int r = run_attempts(attempts, list->count, delay);
    if (r == -EINPROGRESS)
        return fail_attempts(host, port, attempts, list->count);
    if (r < 0)
        return r;
    *ret_stream = attempts[r].stream;
    return 0;
}

/* ---- where from ---- */

/* No addresses: the system chooses. */
static int resolve_locals(const struct eddy_connect_options *options, struct address_list *locals)
{
    locals->count = 0;
    if (options->local_host)
        return resolve(options->local_host, options->local_port, locals);
    if (!options->local_port)
        return 0;
    locals->count = 2;
    (void)address_parse("0.0.0.0", options->local_port, &locals->addresses[0]);
    (void)address_parse("::", options->local_port, &locals->addresses[1]);
    return 0;
}

/* ---- public ---- */

static int check_arguments(const char *call, const char *host, int port,
                           const struct eddy_connect_options *options, eddy_stream **ret_stream)
{
    if (!host || !ret_stream)
        return log_misuse(-EINVAL, call, "the %s is NULL", host ? "stream" : "host");
    if (port < 1 || port > UINT16_MAX)
        return log_misuse(-EINVAL, call, "port %d isn't within 1 and 65535", port);
    if (options->local_port < 0 || options->local_port > UINT16_MAX)
        return log_misuse(-EINVAL, call, "local port %d isn't within 0 and 65535",
                          options->local_port);
    if (isnan(options->delay) || options->delay < 0)
        return log_misuse(-EINVAL, call, "a delay of %g seconds", options->delay);
    return task_current() ? 0 : log_misuse(-EINVAL, call, "awaited outside a task");
}

static int connect_by(const char *call, const char *host, int port,
                      const struct eddy_connect_options *options, eddy_stream **ret_stream)
{
    struct address_list list, locals;
    int r = check_arguments(call, host, port, options, ret_stream);
    if (r == 0)
        r = resolve(host, port, &list);
    if (r == 0)
        r = resolve_locals(options, &locals);
    if (r < 0)
        return r;
    return connect_to_any(host, port, &list, &locals, options->delay > 0 ? options->delay : DELAY,
                          ret_stream);
}

int eddy_connect(const char *host, int port, eddy_stream **ret_stream)
{
    static const struct eddy_connect_options none;
    return connect_by("eddy_connect", host, port, &none, ret_stream);
}

int eddy_connect_with(const char *host, int port, const struct eddy_connect_options *options,
                      eddy_stream **ret_stream)
{
    static const struct eddy_connect_options none;
    return connect_by("eddy_connect_with", host, port, options ? options : &none, ret_stream);
}
