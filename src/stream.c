/* SPDX-License-Identifier: MIT */
/*
 * Streams: life, waiting, closing. Reading is in stream_read.c, writing in stream_write.c, the idea
 * in stream.h.
 */
#include "stream.h"

#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "log.h"
#include "memory.h"
#include "watch.h"

/* ---- edges and waits ---- */

static const unsigned ready_of[2] = {[STREAM_READ] = READY_READ, [STREAM_WRITE] = READY_WRITE};

static void stream_wake(struct eddy_stream *stream, enum stream_direction direction, int result)
{
    struct wait *wait = stream->waits[direction];
    stream->waits[direction] = NULL;
    if (wait)
        wait_finish(wait, result);
}

static void stream_edge(struct watch *watch, unsigned what)
{
    struct eddy_stream *stream = container_of(watch, struct eddy_stream, watch);
    if (what & READY_HANGUP)
        stream->hangup = true;
    for (enum stream_direction direction = STREAM_READ; direction <= STREAM_WRITE; direction++) {
        if (!(what & ready_of[direction]))
            continue;
        stream->ready[direction] = true;
        stream_wake(stream, direction, 0);
    }
}

static int stream_watch(struct eddy_stream *stream)
{
    if (stream->watching)
        return 0;
    int r = stream->loop->engine->call->watch(stream->loop->engine, &stream->watch);
    if (r < 0)
        return eddy_fail(r, "descriptor %d can't be watched: %s", stream->watch.descriptor,
                         strerror(-r));
    stream->watching = true;
    stream->loop->watched++;
    return 0;
}

struct stream_waiter {
    struct wait wait;
    struct eddy_stream *stream;
    enum stream_direction direction;
};

static bool stream_wait_abort(struct wait *wait)
{
    struct stream_waiter *waiter = container_of(wait, struct stream_waiter, wait);
    waiter->stream->waits[waiter->direction] = NULL;
    return true;
}

static int stream_fail_closed(void)
{
    return eddy_fail(-ECONNABORTED, "the stream was closed by another task meanwhile");
}

int stream_wait(struct eddy_stream *stream, enum stream_direction direction, const char *what)
{
    struct stream_waiter waiter = {.stream = stream, .direction = direction};
    int r = wait_begin(&waiter.wait, what, stream_wait_abort);
    if (r < 0)
        return r;
    r = stream_watch(stream);
    if (r < 0)
        return r;
    stream->waits[direction] = &waiter.wait;
    r = wait_park(&waiter.wait);
    stream->streak = 0;
    if (r < 0)
        return r;
    return stream->closed ? stream_fail_closed() : 0;
}

int stream_step(struct eddy_stream *stream)
{
    if (__builtin_expect(stream->closed, 0))
        return stream_fail_closed();
    int r = task_pace(&stream->streak);
    return __builtin_expect(stream->closed, 0) ? stream_fail_closed() : r;
}

/* ---- calls ---- */

bool stream_is_home(const struct eddy_stream *stream)
{
    return loop_self == stream->loop && loop_self && loop_self->id == stream->loop_id;
}

int stream_check(const struct eddy_stream *stream, const char *call)
{
    if (stream && stream_is_home(stream) && !stream->closed)
        return 0;
    return log_misuse(-EINVAL, call,
                      !stream          ? "the stream is NULL"
                      : stream->closed ? "the stream is closed"
                                       : "called outside the stream's loop");
}

int stream_enter(struct eddy_stream *stream, enum stream_direction direction, const char *call)
{
    if (!stream)
        return log_misuse(-EINVAL, call, "the stream is NULL");
    if (!task_current())
        return log_misuse(-EINVAL, call, "awaited outside a task");
    if (!stream_is_home(stream))
        return log_misuse(-EINVAL, call, "the stream belongs to another loop");
    if (stream->closed)
        return log_misuse(-EINVAL, call, "the stream is closed");
    stream->partial[direction] = 0; /* also of a call that is refused */
    if (stream->busy[direction])
        return eddy_fail(-EBUSY, "%s: another task %s this stream", call,
                         direction == STREAM_READ ? "reads from" : "writes to");
    stream->busy[direction] = true;
    stream->references++;
    return 0;
}

void stream_leave(struct eddy_stream *stream, enum stream_direction direction)
{
    stream->busy[direction] = false;
    stream_release(stream);
}

void stream_name(const struct eddy_stream *stream, char name[ADDRESS_TEXT_SIZE])
{
    const struct eddy_stream *lowest = stream_lowest(stream);
    if (!lowest)
        (void)snprintf(name, ADDRESS_TEXT_SIZE, "a stream");
    else if (lowest->peer.size)
        (void)address_text(&lowest->peer, name, ADDRESS_TEXT_SIZE);
    else if (lowest->label)
        (void)snprintf(name, ADDRESS_TEXT_SIZE, "%s", lowest->label);
    else
        (void)snprintf(name, ADDRESS_TEXT_SIZE, "descriptor %d", lowest->watch.descriptor);
}

int stream_fail(struct eddy_stream *stream, enum stream_direction direction, int code)
{
    char name[ADDRESS_TEXT_SIZE];
    stream_name(stream, name);
    if (code != -ENOMEM && code != -ENOBUFS)
        stream->errors[direction] = code;
    return eddy_fail(code, "%s %s failed: %s",
                     direction == STREAM_READ ? "reading from" : "writing to", name,
                     strerror(-code));
}

/* A socket that was made elsewhere may be a blocking one: receiving and sending don't mind. */
bool stream_is_nonblocking(const struct eddy_stream *stream)
{
    struct engine *engine = stream->loop->engine;
    int flags = engine->call->descriptor_flags(engine, stream->watch.descriptor, -1);
    return flags >= 0 && (flags & O_NONBLOCK);
}

/* ---- non-blocking for all who share it ---- */

/* Two descriptors may stand for the same open file (a terminal's 0, 1 and 2 mostly do): then the
 * first one's stream made it non-blocking, the others' found it so. Whichever is closed last makes
 * it blocking again; before that its reads would keep the loop. These are who found it so, of this
 * thread. */
static _Thread_local struct list borrowers;

static void borrow(struct eddy_stream *stream)
{
    stream->borrows = true;
    list_append(&borrowers, &stream->borrower);
}

static void end_borrowing(struct eddy_stream *stream)
{
    if (stream->borrows)
        list_remove(&borrowers, &stream->borrower);
    stream->borrows = false;
}

/* The terminal, say, goes back to the shell as it was, unless another stream shares it, which takes
 * that over. A forked child leaves that to its parent, whose loop would wait in its next read. */
static void restore_blocking(const struct eddy_stream *stream)
{
    int descriptor = stream->watch.descriptor;
    if (stream->process != getpid())
        return;
    (void)fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
    for (struct link *link = borrowers.first; link; link = link->next) {
        struct eddy_stream *other = container_of(link, struct eddy_stream, borrower);
        int flags = fcntl(other->watch.descriptor, F_GETFL);
        if (flags < 0 || flags & O_NONBLOCK)
            continue;
        (void)fcntl(other->watch.descriptor, F_SETFL, flags | O_NONBLOCK);
        end_borrowing(other);
        other->was_blocking = true;
        return;
    }
}

/* ---- life ---- */

struct eddy_stream *stream_create(struct eddy_loop *loop, int descriptor,
                                  const struct address *peer)
{
    struct eddy_stream *stream = memory_allocate_zeroed(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->watch.descriptor = descriptor;
    stream->watch.wanted = READY_READ | READY_WRITE;
    stream->watch.ready = stream_edge;
    stream->loop = loop;
    stream->thread = &loop_self;
    stream->loop_id = loop->id;
    stream->ready[STREAM_READ] = stream->ready[STREAM_WRITE] = true;
    stream->is_socket = true;
    stream->short_read_drains = peer && peer->size;
    stream->references = 1;
    stream->limit = EDDY_STREAM_LIMIT;
    if (peer)
        stream->peer = *peer;
    watch_own(loop, descriptor);
    stream->owns = true;
    return stream;
}

void stream_send_at_once(struct eddy_stream *stream)
{
    struct engine *engine = stream->loop->engine;
    (void)engine->call->set_option(engine, stream->watch.descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* The number may soon be another's. */
static void disown_descriptor(struct eddy_stream *stream)
{
    if (stream->owns && stream_is_home(stream))
        watch_disown(stream->loop, stream->watch.descriptor);
    stream->owns = false;
    end_borrowing(stream);
}

void stream_release(struct eddy_stream *stream)
{
    if (--stream->references > 0)
        return;
    disown_descriptor(stream); /* handed back without having been closed */
    if (stream->layer)
        stream->layer->release(stream->context);
    memory_free(stream->buffer);
    memory_free(stream);
}

/* 0 for a stream socket, -ENOTSOCK for what else can be a stream. */
static int classify_descriptor(int descriptor)
{
    struct stat status;
    struct engine *engine = loop_self->engine;
    int r = engine->call->descriptor_status(engine, descriptor, &status);
    if (r < 0)
        return eddy_fail(r, "descriptor %d: %s", descriptor, strerror(-r));
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode))
        return eddy_fail(-EPERM, "descriptor %d is a file, no stream: see eddy/file.h", descriptor);
    if (!S_ISSOCK(status.st_mode))
        return -ENOTSOCK;
    int type = engine->call->get_option(engine, descriptor, SOL_SOCKET, SO_TYPE);
    bool listening = engine->call->get_option(engine, descriptor, SOL_SOCKET, SO_ACCEPTCONN) > 0;
    if (type != SOCK_STREAM || listening)
        return eddy_fail(-EINVAL, "descriptor %d is a %s socket, no stream", descriptor,
                         listening            ? "listening"
                         : type == SOCK_DGRAM ? "datagram"
                                              : "packet");
    return 0;
}

/* Pipes and terminals: non-blocking as long as they are streams. */
static int prepare_file_stream(struct eddy_stream *stream, int descriptor)
{
    struct engine *engine = stream->loop->engine;
    int flags = engine->call->descriptor_flags(engine, descriptor, -1), r = flags;
    stream->was_blocking = flags >= 0 && !(flags & O_NONBLOCK);
    stream->process = getpid();
    if (stream->was_blocking)
        r = engine->call->descriptor_flags(engine, descriptor, flags | O_NONBLOCK);
    if (r < 0)
        return eddy_fail(r, "descriptor %d: %s", descriptor, strerror(-r));
    stream->is_socket = false;
    if (!stream->was_blocking)
        borrow(stream);
    return 0;
}

int eddy_stream_from_descriptor(int descriptor, eddy_stream **ret_stream)
{
    if (!loop_self || !ret_stream || descriptor < 0)
        return log_misuse(descriptor < 0 ? -EBADF : -EINVAL, "eddy_stream_from_descriptor",
                          !ret_stream      ? "nowhere to put the stream: NULL"
                          : descriptor < 0 ? "descriptor %d"
                                           : "called outside a loop",
                          descriptor);
    int kind = classify_descriptor(descriptor);
    if (kind < 0 && kind != -ENOTSOCK)
        return kind;
    if (watch_is_owned(loop_self, descriptor))
        return eddy_fail(-EEXIST, "descriptor %d is a stream's already", descriptor);
    struct address peer = {.size = 0};
    struct sockaddr_storage storage;
    socklen_t size = sizeof storage;
    struct engine *engine = loop_self->engine;
    bool internet = kind == 0 &&
                    engine->call->peer_address(engine, descriptor, (struct sockaddr *)&storage,
                                               &size) == 0 &&
                    address_from((struct sockaddr *)&storage, size, &peer);
    struct eddy_stream *stream = stream_create(loop_self, descriptor, &peer);
    if (!stream)
        return eddy_fail(-ENOMEM, "no memory for a stream");
    if (internet)
        stream_send_at_once(stream);
    int r = kind == -ENOTSOCK ? prepare_file_stream(stream, descriptor) : 0;
    if (r < 0) {
        stream_release(stream);
        return r;
    }
    *ret_stream = stream;
    return 0;
}

static void close_descriptor(struct eddy_stream *stream)
{
    disown_descriptor(stream);
    int descriptor = stream->watch.descriptor;
    struct eddy_loop *loop = stream_is_home(stream) ? stream->loop : NULL; /* NULL: it has ended */
    if (loop && stream->watching) {
        loop->engine->call->unwatch(loop->engine, &stream->watch);
        loop->watched--;
    }
    if (stream->was_blocking)
        restore_blocking(stream);
    if (loop)
        (void)loop->engine->call->close(loop->engine, descriptor);
    else
        (void)engine_socket_close(NULL, descriptor);
}

void eddy_stream_close(eddy_stream *stream)
{
    if (!stream)
        return;
    if (stream->closed || stream->thread != &loop_self) {
        (void)log_misuse(-EINVAL, "eddy_stream_close",
                         stream->closed ? "the stream is closed already"
                                        : "the stream belongs to another thread's loop");
        return;
    }
    stream->closed = true;
    if (stream->layer)
        stream->layer->close(stream->context);
    else
        close_descriptor(stream);
    stream_wake(stream, STREAM_READ, 0);
    stream_wake(stream, STREAM_WRITE, 0);
    stream_release(stream);
}

void stream_abort(struct eddy_stream *stream)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    struct engine *engine = stream->loop->engine;
    if (stream->closed)
        return;
    if (stream->peer.size) /* TCP's way to a reset: connect to nobody */
        (void)engine->call->connect(engine, stream->watch.descriptor, &nobody, sizeof nobody);
    else
        (void)engine->call->shutdown(engine, stream->watch.descriptor, SHUT_RDWR);
    stream->errors[STREAM_READ] = stream->errors[STREAM_WRITE] = -ECONNABORTED;
    stream_wake(stream, STREAM_READ, 0);
    stream_wake(stream, STREAM_WRITE, 0);
}
