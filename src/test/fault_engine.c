/* SPDX-License-Identifier: MIT */
/*
 * The fault engine: calls on descriptors. Each is counted and may be the one to fail; a storm may
 * answer it with -EAGAIN first, or cut it short.
 *
 * A call that fails isn't made, so a connection that can't be accepted stays where it is, and data
 * that can't be received isn't lost. Closing is the exception: it fails and has closed all the
 * same, as on Linux.
 *
 * Both storms keep to what epoll(7) promises to those who wait for edges: after -EAGAIN, and after
 * a read that gave less than was asked for, a new edge comes as soon as there is something.
 */
#include "test/fault_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Transfers of a run that are cut to one byte. Beyond, so that a megabyte doesn't take a million
 * turns, to an odd number that is still far from any buffer's size. */
#define TRANSFERS_OF_ONE 2000
#define TRANSFER_LATER 1021

/* ---- -EAGAIN ---- */

static bool refusal_take_back(struct fault_engine *fault, int descriptor, unsigned direction)
{
    for (size_t i = 0; i < fault->refusal_count; i++) {
        if (fault->refusals[i].descriptor != descriptor ||
            !(fault->refusals[i].direction & direction))
            continue;
        fault->refusals[i] = fault->refusals[--fault->refusal_count];
        return true;
    }
    return false;
}

/* Whether the call is to be told that there is nothing: every other time, by descriptor. */
static bool refuse(struct fault_engine *fault, int descriptor, unsigned direction)
{
    if (!(fault->plan->storm & FAULT_STORM_AGAIN) ||
        refusal_take_back(fault, descriptor, direction))
        return false;
    if (fault->refusal_count == fault->refusal_capacity) {
        size_t capacity = 2 * fault->refusal_capacity + 16;
        void *grown = realloc(fault->refusals, capacity * sizeof *fault->refusals);
        if (!grown)
            return false;
        fault->refusals = grown;
        fault->refusal_capacity = capacity;
    }
    fault->refusals[fault->refusal_count++] = (struct fault_refusal){descriptor, direction};
    fault_owe(fault, descriptor, direction);
    return true;
}

/* ---- transfers ---- */

size_t fault_part(struct fault_engine *fault, size_t size)
{
    if (!(fault->plan->storm & FAULT_STORM_SHORT) || size <= 1)
        return size;
    size_t most = ++fault->transfers <= TRANSFERS_OF_ONE ? 1 : TRANSFER_LATER;
    return size < most ? size : most;
}

/* What is left of a packet that was read in part is lost: packet pipes are let alone. So is what
 * has no kind, like inotify: it gives whole records or an error. */
static bool is_packets(int descriptor)
{
    struct stat status;
    int flags = fcntl(descriptor, F_GETFL); /* -1 for one of the simulated system */
    return flags >= 0 &&
           ((flags & O_DIRECT) || (fstat(descriptor, &status) == 0 && !(status.st_mode & S_IFMT)));
}

static ssize_t fault_receive(struct engine *base, int descriptor, void *buffer, size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_RECEIVE);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_READ))
        return -EAGAIN;
    size_t part = fault_part(fault, size);
    if (part < size && is_packets(descriptor))
        part = size;
    ssize_t n = fault->inner->call->receive(fault->inner, descriptor, buffer, part);
    if (part < size && n == (ssize_t)part)
        fault_owe(fault, descriptor, READY_READ);
    return n;
}

static ssize_t fault_send(struct engine *base, int descriptor, const void *data, size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_WRITE))
        return -EAGAIN;
    size_t part = fault_part(fault, size);
    ssize_t n = fault->inner->call->send(fault->inner, descriptor, data, part);
    if (part < size && n == (ssize_t)part)
        fault_owe(fault, descriptor, READY_WRITE);
    return n;
}

/* A datagram that is cut is lost in part. */
static bool is_stream_socket(struct engine *inner, int descriptor)
{
    return inner->call->get_option(inner, descriptor, SOL_SOCKET, SO_TYPE) == SOCK_STREAM;
}

/* The message with as much of its first part as is let through; the whole one goes as it is. */
static bool cut_message(struct fault_engine *fault, int descriptor, const struct msghdr *message,
                        struct msghdr *ret_cut, struct iovec *part)
{
    if (!message->msg_iovlen || !is_stream_socket(fault->inner, descriptor))
        return false;
    *part = message->msg_iov[0];
    part->iov_len = fault_part(fault, part->iov_len);
    *ret_cut = *message;
    ret_cut->msg_iov = part;
    ret_cut->msg_iovlen = 1;
    return fault->plan->storm & FAULT_STORM_SHORT && part->iov_len;
}

static ssize_t fault_receive_message(struct engine *base, int descriptor, struct msghdr *message)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_RECEIVE_MESSAGE);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_READ))
        return -EAGAIN;
    struct msghdr cut;
    struct iovec part;
    if (!cut_message(fault, descriptor, message, &cut, &part))
        return fault->inner->call->receive_message(fault->inner, descriptor, message);
    ssize_t n = fault->inner->call->receive_message(fault->inner, descriptor, &cut);
    message->msg_controllen = cut.msg_controllen;
    message->msg_namelen = cut.msg_namelen;
    message->msg_flags = cut.msg_flags;
    if (n == (ssize_t)part.iov_len)
        fault_owe(fault, descriptor, READY_READ);
    return n;
}

static ssize_t fault_send_message(struct engine *base, int descriptor, const struct msghdr *message)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND_MESSAGE);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_WRITE))
        return -EAGAIN;
    struct msghdr cut;
    struct iovec part;
    if (!cut_message(fault, descriptor, message, &cut, &part))
        return fault->inner->call->send_message(fault->inner, descriptor, message);
    ssize_t n = fault->inner->call->send_message(fault->inner, descriptor, &cut);
    if (n == (ssize_t)part.iov_len)
        fault_owe(fault, descriptor, READY_WRITE);
    return n;
}

static ssize_t fault_send_file(struct engine *base, int descriptor, int file, int64_t offset,
                               size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND_FILE);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_WRITE))
        return -EAGAIN;
    size_t part = fault_part(fault, size);
    ssize_t n = fault->inner->call->send_file(fault->inner, descriptor, file, offset, part);
    if (part < size && n == (ssize_t)part)
        fault_owe(fault, descriptor, READY_WRITE);
    return n;
}

static ssize_t fault_receive_into_pipe(struct engine *base, int descriptor, int pipe, size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_RECEIVE_INTO_PIPE);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_READ))
        return -EAGAIN;
    size_t part = fault_part(fault, size);
    ssize_t n = fault->inner->call->receive_into_pipe(fault->inner, descriptor, pipe, part);
    if (part < size && n == (ssize_t)part)
        fault_owe(fault, descriptor, READY_READ);
    return n;
}

static ssize_t fault_send_from_pipe(struct engine *base, int pipe, int descriptor, size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND_FROM_PIPE);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_WRITE))
        return -EAGAIN;
    size_t part = fault_part(fault, size);
    ssize_t n = fault->inner->call->send_from_pipe(fault->inner, pipe, descriptor, part);
    if (part < size && n == (ssize_t)part)
        fault_owe(fault, descriptor, READY_WRITE);
    return n;
}

static ssize_t fault_take_from_pipe(struct engine *base, int pipe, void *buffer, size_t size)
{
    struct engine *inner = fault_engine(base)->inner;
    return inner->call->take_from_pipe(inner, pipe, buffer, size);
}

static int fault_change_group(struct engine *base, int descriptor, enum group_change change,
                              const struct sockaddr *group, socklen_t size, const char *interface)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_CHANGE_GROUP);
    return code ? code
                : fault->inner->call->change_group(fault->inner, descriptor, change, group, size,
                                                   interface);
}

/* Datagrams are never cut: a storm of short transfers lets one through at a time. */
static int fault_receive_datagrams(struct engine *base, int descriptor, struct mmsghdr *messages,
                                   unsigned count)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_RECEIVE_DATAGRAMS);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_READ))
        return -EAGAIN;
    unsigned part = (unsigned)fault_part(fault, count);
    return fault->inner->call->receive_datagrams(fault->inner, descriptor, messages, part);
}

static int fault_send_datagrams(struct engine *base, int descriptor, struct mmsghdr *messages,
                                unsigned count)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND_DATAGRAMS);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_WRITE))
        return -EAGAIN;
    unsigned part = (unsigned)fault_part(fault, count);
    return fault->inner->call->send_datagrams(fault->inner, descriptor, messages, part);
}

/* ---- life of a socket ---- */

static int fault_socket(struct engine *base, int family, int type, int protocol)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SOCKET);
    return code ? code : fault->inner->call->socket(fault->inner, family, type, protocol);
}

static int fault_socket_pair(struct engine *base, int ends[2])
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SOCKET_PAIR);
    return code ? code : fault->inner->call->socket_pair(fault->inner, ends);
}

static int fault_bind(struct engine *base, int descriptor, const struct sockaddr *address,
                      socklen_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_BIND);
    return code ? code : fault->inner->call->bind(fault->inner, descriptor, address, size);
}

static int fault_listen(struct engine *base, int descriptor, int backlog)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_LISTEN);
    return code ? code : fault->inner->call->listen(fault->inner, descriptor, backlog);
}

static int fault_connect(struct engine *base, int descriptor, const struct sockaddr *address,
                         socklen_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_CONNECT);
    return code ? code : fault->inner->call->connect(fault->inner, descriptor, address, size);
}

static int fault_accept(struct engine *base, int descriptor, struct sockaddr *address,
                        socklen_t *size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_ACCEPT);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_READ))
        return -EAGAIN;
    return fault->inner->call->accept(fault->inner, descriptor, address, size);
}

static int fault_shutdown(struct engine *base, int descriptor, int how)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SHUTDOWN);
    return code ? code : fault->inner->call->shutdown(fault->inner, descriptor, how);
}

static int fault_close(struct engine *base, int descriptor)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_CLOSE);
    while (refusal_take_back(fault, descriptor, READY_READ | READY_WRITE))
        continue;
    int r = fault->inner->call->close(fault->inner, descriptor);
    return code ? code : r;
}

/* ---- asking and setting ---- */

static int fault_local_address(struct engine *base, int descriptor, struct sockaddr *address,
                               socklen_t *size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_LOCAL_ADDRESS);
    return code ? code : fault->inner->call->local_address(fault->inner, descriptor, address, size);
}

static int fault_peer_address(struct engine *base, int descriptor, struct sockaddr *address,
                              socklen_t *size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_PEER_ADDRESS);
    return code ? code : fault->inner->call->peer_address(fault->inner, descriptor, address, size);
}

static int fault_set_option(struct engine *base, int descriptor, int level, int option, int value)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SET_OPTION);
    return code ? code
                : fault->inner->call->set_option(fault->inner, descriptor, level, option, value);
}

static int fault_get_option(struct engine *base, int descriptor, int level, int option)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_GET_OPTION);
    return code ? code : fault->inner->call->get_option(fault->inner, descriptor, level, option);
}

static int64_t fault_position(struct engine *base, int descriptor)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_POSITION);
    return code ? code : fault->inner->call->position(fault->inner, descriptor);
}

static ssize_t fault_read_now(struct engine *base, int descriptor, void *buffer, size_t size,
                              int64_t offset)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_READ_NOW);
    if (code)
        return code;
    if (refuse(fault, descriptor, READY_READ))
        return -EAGAIN;
    return fault->inner->call->read_now(fault->inner, descriptor, buffer, fault_part(fault, size),
                                        offset);
}

static int fault_descriptor_status(struct engine *base, int descriptor, struct stat *ret_status)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_DESCRIPTOR_STATUS);
    return code ? code
                : fault->inner->call->descriptor_status(fault->inner, descriptor, ret_status);
}

static int fault_descriptor_flags(struct engine *base, int descriptor, int flags)
{
    struct engine *inner = fault_engine(base)->inner;
    return inner->call->descriptor_flags(inner, descriptor, flags);
}

static int fault_path_status(struct engine *base, const char *path, struct stat *ret_status)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_PATH_STATUS);
    return code ? code : fault->inner->call->path_status(fault->inner, path, ret_status);
}

static int fault_path_mode(struct engine *base, const char *path, mode_t mode)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_PATH_MODE);
    return code ? code : fault->inner->call->path_mode(fault->inner, path, mode);
}

static int fault_path_remove(struct engine *base, const char *path)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_PATH_REMOVE);
    return code ? code : fault->inner->call->path_remove(fault->inner, path);
}

/* ---- processes ---- */

static int fault_pipe(struct engine *base, int ends[2])
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_PIPE);
    return code ? code : fault->inner->call->pipe(fault->inner, ends);
}

static int fault_process_start(struct engine *base, struct process_order *order,
                               struct process_child *child)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_PROCESS_START);
    if (!code)
        return fault->inner->call->process_start(fault->inner, order, child);
    bool before_exec = code == -EAGAIN || code == -ENOSYS || code == -ENFILE || code == -EMFILE;
    order->failed = before_exec ? PROCESS_CLONE : PROCESS_EXECUTE;
    order->which = 0;
    return code;
}

static int fault_process_signal(struct engine *base, const struct process_child *child, int number)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_PROCESS_SIGNAL);
    return code ? code : fault->inner->call->process_signal(fault->inner, child, number);
}

/* That fails when somebody else was quicker: then the child is gone all the same. */
static int fault_process_reap(struct engine *base, const struct process_child *child, int how,
                              int *ret_code)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_PROCESS_REAP);
    int unused;
    if (!code)
        return fault->inner->call->process_reap(fault->inner, child, how, ret_code);
    int r = fault->inner->call->process_reap(fault->inner, child, how & ~WNOWAIT, &unused);
    return r == 0 ? 0 : code;
}

/* ---- life ---- */

static const struct engine_vtable fault_vtable = {
    .destroy = fault_destroy,
    .turn = fault_turn,
    .wake = fault_wake,
    .descriptor = fault_descriptor,
    .watch = fault_watch,
    .rewatch = fault_rewatch,
    .unwatch = fault_unwatch,
    .submit = fault_submit,
    .cancel = fault_cancel,
    .receive = fault_receive,
    .send = fault_send,
    .receive_message = fault_receive_message,
    .send_message = fault_send_message,
    .send_file = fault_send_file,
    .receive_into_pipe = fault_receive_into_pipe,
    .send_from_pipe = fault_send_from_pipe,
    .take_from_pipe = fault_take_from_pipe,
    .change_group = fault_change_group,
    .receive_datagrams = fault_receive_datagrams,
    .send_datagrams = fault_send_datagrams,
    .socket = fault_socket,
    .socket_pair = fault_socket_pair,
    .bind = fault_bind,
    .listen = fault_listen,
    .connect = fault_connect,
    .accept = fault_accept,
    .shutdown = fault_shutdown,
    .close = fault_close,
    .local_address = fault_local_address,
    .peer_address = fault_peer_address,
    .set_option = fault_set_option,
    .get_option = fault_get_option,
    .position = fault_position,
    .read_now = fault_read_now,
    .descriptor_status = fault_descriptor_status,
    .descriptor_flags = fault_descriptor_flags,
    .path_status = fault_path_status,
    .path_mode = fault_path_mode,
    .path_remove = fault_path_remove,
    .pipe = fault_pipe,
    .process_start = fault_process_start,
    .process_signal = fault_process_signal,
    .process_reap = fault_process_reap,
};

int fault_engine_create(struct fault_plan *plan, struct engine *inner, struct engine **ret_engine)
{
    int code = fault_strike(plan, FAULT_CREATE);
    if (code)
        return code;
    struct fault_engine *fault = calloc(1, sizeof *fault);
    if (!fault)
        return -ENOMEM;
    fault->vtable = fault_vtable;
    fault->vtable.name = inner->call->name;
    fault->vtable.submits = inner->call->submits;
    fault->vtable.simulated = inner->call->simulated;
    fault->base.call = &fault->vtable;
    fault->base.pending = inner->pending;
    fault->inner = inner;
    fault->plan = plan;
    *ret_engine = &fault->base;
    return 0;
}
