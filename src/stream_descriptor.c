/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that travel with the bytes of a Unix socket (SCM_RIGHTS).
 *
 * The system takes them with a message's first byte, and gives them with it. What arrives is
 * close-on-exec at once, and either the caller's or closed again.
 */
#include <string.h>
#include "log.h"
#include "stream.h"

/* The kernel's SCM_MAX_FD. */
_Static_assert(EDDY_STREAM_DESCRIPTORS == 253, "as many as a message may have");

/* Beside them, what options of the socket add: SO_PASSCRED, SO_PASSPIDFD, SO_PASSSEC. */
#define ADDED 512

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

union control {
    struct cmsghdr header; /* aligns it */
    char bytes[CMSG_SPACE(EDDY_STREAM_DESCRIPTORS * sizeof(int)) + ADDED];
};

static int check_family(const struct eddy_stream *stream, const char *call)
{
    struct engine *engine = stream->loop->engine;
    int family = stream->layer || !stream->is_socket
                     ? -ENOTSOCK
                     : engine->call->get_option(engine, stream->watch.descriptor, SOL_SOCKET,
                                                SO_DOMAIN);
    return family == AF_UNIX ? 0 : eddy_fail(-EOPNOTSUPP, "%s: the stream is no Unix socket", call);
}

/* ---- sending ---- */

struct sending {
    const void *data;
    size_t size;
    const int *descriptors;
    size_t count;
};

/* Apart, so that a task that waits doesn't hold the array. */
static __attribute__((__noinline__)) ssize_t send_attempt(struct eddy_stream *stream,
                                                          void *argument)
{
    const struct sending *sending = argument;
    struct engine *engine = stream->loop->engine;
    size_t size = sending->count * sizeof(int);
    struct iovec part = {(void *)(uintptr_t)sending->data, sending->size};
    union control control;
    memset(&control, 0, sizeof control);
    const struct msghdr message = {.msg_iov = &part,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(header), sending->descriptors, size);
    return engine->call->send_message(engine, stream->watch.descriptor, &message);
}

/* -EBADF is about a descriptor that was to be sent, -ETOOMANYREFS about how many are under way: the
 * stream is none the worse. */
static ssize_t send_first(struct eddy_stream *stream, struct sending *sending)
{
    ssize_t n = stream_send_by(stream, send_attempt, sending);
    if (n == -EBADF || n == -ETOOMANYREFS || n == -EINVAL) {
        stream->errors[STREAM_WRITE] = 0;
        return eddy_fail((int)n, "the %zu descriptors can't be sent: %s", sending->count,
                         strerror((int)-n));
    }
    return n;
}

static ssize_t send_with_descriptors(struct eddy_stream *stream, struct sending *sending)
{
    ssize_t n = send_first(stream, sending);
    if (n < 0)
        return stream_fail_partly(stream, n, 0, sending->size);
    size_t sent;
    ssize_t r = stream_send_all(stream, (const char *)sending->data + n, sending->size - (size_t)n,
                                &sent);
    return r < 0 ? stream_fail_partly(stream, r, (size_t)n + sent, sending->size)
                 : (ssize_t)sending->size;
}

static int check_descriptors(const char *call, const int *descriptors, size_t count)
{
    if (!descriptors || !count || count > EDDY_STREAM_DESCRIPTORS)
        return log_misuse(-EINVAL, call,
                          descriptors ? "%zu descriptors aren't within 1 and %d"
                                      : "the descriptors are NULL",
                          count, EDDY_STREAM_DESCRIPTORS);
    return 0;
}

ssize_t eddy_stream_send_descriptors(eddy_stream *stream, const void *data, size_t size,
                                     const int *descriptors, size_t count)
{
    const char *call = "eddy_stream_send_descriptors";
    int r = stream_enter(stream, STREAM_WRITE, call);
    if (r < 0)
        return r;
    r = stream_check_memory(call, data, size);
    if (r == 0 && !size)
        r = log_misuse(-EINVAL, call, "descriptors travel with at least one byte");
    if (r == 0)
        r = check_descriptors(call, descriptors, count);
    if (r == 0)
        r = check_family(stream, call);
    ssize_t sent = r;
    if (r == 0)
        sent = send_with_descriptors(stream, &(struct sending){data, size, descriptors, count});
    stream_leave(stream, STREAM_WRITE);
    return sent;
}

/* ---- receiving ---- */

struct receiving {
    void *buffer;
    size_t size;
    int *descriptors;
    size_t count;
    bool truncated; /* the system had to drop some */
    size_t dropped; /* there was no room for them */
};

/* What arrived goes to the caller, all of it or, if that is too much, nothing. */
static void take_descriptors(struct receiving *receiving, struct engine *engine,
                             const struct cmsghdr *header)
{
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int), room = receiving->count;
    const unsigned char *from = CMSG_DATA(header);
    bool fits = count <= room && !receiving->truncated;
    for (size_t i = 0; i < count; i++) {
        int descriptor;
        memcpy(&descriptor, from + i * sizeof(int), sizeof descriptor);
        if (fits)
            receiving->descriptors[i] = descriptor;
        else
            (void)engine->call->close(engine, descriptor);
    }
    receiving->count = fits ? count : 0;
    receiving->dropped = fits ? 0 : count;
}

/* SO_PASSPIDFD adds one of the sender, which nobody asked us for. */
static void close_pidfd(struct engine *engine, const struct cmsghdr *header)
{
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    if (descriptor >= 0)
        (void)engine->call->close(engine, descriptor);
}

static __attribute__((__noinline__)) ssize_t receive_attempt(struct eddy_stream *stream,
                                                             void *argument)
{
    struct receiving *receiving = argument;
    struct engine *engine = stream->loop->engine;
    struct iovec part = {receiving->buffer, receiving->size};
    union control control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n = engine->call->receive_message(engine, stream->watch.descriptor, &message);
    if (n < 0)
        return n;
    receiving->truncated = message.msg_flags & MSG_CTRUNC;
    const struct cmsghdr *found = NULL;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
         header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
            found = header;
        else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_PIDFD)
            close_pidfd(engine, header);
    if (found)
        take_descriptors(receiving, engine, found);
    else
        receiving->count = 0;
    return n;
}

/* The bytes that came with descriptors which can't be had stay to be read. */
static ssize_t fail_descriptors(struct eddy_stream *stream, const struct receiving *receiving,
                                size_t room, ssize_t n)
{
    int r = stream_leftover_keep(stream, receiving->buffer, (size_t)n);
    if (r < 0)
        return r;
    if (receiving->truncated)
        return eddy_fail(-EMFILE,
                         "descriptors arrived that couldn't be opened here: they are closed");
    return eddy_fail(-EMSGSIZE, "%zu descriptors arrived with room for %zu: they are closed",
                     receiving->dropped, room);
}

static ssize_t receive_with_descriptors(struct eddy_stream *stream, struct receiving *receiving)
{
    size_t room = receiving->count;
    ssize_t n = stream_leftover_take(stream, receiving->buffer, receiving->size);
    if (n > 0) {
        receiving->count = 0;
        return n;
    }
    n = stream_receive_by(stream, receive_attempt, receiving, receiving->size);
    if (n < 0 || (!receiving->truncated && !receiving->dropped))
        return n;
    return fail_descriptors(stream, receiving, room, n);
}

ssize_t eddy_stream_receive_descriptors(eddy_stream *stream, void *buffer, size_t size,
                                        int *descriptors, size_t *count)
{
    const char *call = "eddy_stream_receive_descriptors";
    int r = stream_enter(stream, STREAM_READ, call);
    if (r < 0)
        return r;
    r = stream_check_memory(call, buffer, size);
    if (r == 0 && (!size || !count))
        r = log_misuse(-EINVAL, call, size ? "the count is NULL" : "no room for a byte");
    if (r == 0)
        r = check_descriptors(call, descriptors, *count);
    if (r == 0)
        r = check_family(stream, call);
    ssize_t n = r;
    if (r == 0) {
        struct receiving receiving = {
            .buffer = buffer, .size = size, .descriptors = descriptors, .count = *count};
        n = receive_with_descriptors(stream, &receiving);
        if (n >= 0)
            *count = n > 0 ? receiving.count : 0;
    }
    stream_leave(stream, STREAM_READ);
    return n;
}
