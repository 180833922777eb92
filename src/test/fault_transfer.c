/* SPDX-License-Identifier: MIT */
/*
 * The fault engine: what is received and sent. Each call is counted and may be the one to fail; a
 * storm may answer it with -EAGAIN first, or cut it short.
 *
 * Both storms keep to what epoll(7) promises to those who wait for edges: after -EAGAIN, and after
 * a read that gave less than was asked for, a new edge comes as soon as there is something.
 */
#include "test/fault_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Transfers of a run that are cut to one byte. Beyond, so that a megabyte doesn't take a million
 * turns, to an odd number that is still far from any buffer's size. */
#define TRANSFERS_OF_ONE 2000
#define TRANSFER_LATER 1021

/* ---- -EAGAIN ---- */

bool fault_refusal_take_back(struct fault_engine *fault, int descriptor, unsigned direction)
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

bool fault_refuse(struct fault_engine *fault, int descriptor, unsigned direction)
{
    if (!(fault->plan->storm & FAULT_STORM_AGAIN) ||
        fault_refusal_take_back(fault, descriptor, direction))
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

ssize_t fault_receive(struct engine *base, int descriptor, void *buffer, size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_RECEIVE);
    if (code)
        return code;
    if (fault_refuse(fault, descriptor, READY_READ))
        return -EAGAIN;
    size_t part = fault_part(fault, size);
    if (part < size && is_packets(descriptor))
        part = size;
    ssize_t n = fault->inner->call->receive(fault->inner, descriptor, buffer, part);
    if (part < size && n == (ssize_t)part)
        fault_owe(fault, descriptor, READY_READ);
    return n;
}

ssize_t fault_send(struct engine *base, int descriptor, const void *data, size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND);
    if (code)
        return code;
    if (fault_refuse(fault, descriptor, READY_WRITE))
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

ssize_t fault_receive_message(struct engine *base, int descriptor, struct msghdr *message)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_RECEIVE_MESSAGE);
    if (code)
        return code;
    if (fault_refuse(fault, descriptor, READY_READ))
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

ssize_t fault_send_message(struct engine *base, int descriptor, const struct msghdr *message)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND_MESSAGE);
    if (code)
        return code;
    if (fault_refuse(fault, descriptor, READY_WRITE))
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

ssize_t fault_send_file(struct engine *base, int descriptor, int file, int64_t offset, size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND_FILE);
    if (code)
        return code;
    if (fault_refuse(fault, descriptor, READY_WRITE))
        return -EAGAIN;
    size_t part = fault_part(fault, size);
    ssize_t n = fault->inner->call->send_file(fault->inner, descriptor, file, offset, part);
    if (part < size && n == (ssize_t)part)
        fault_owe(fault, descriptor, READY_WRITE);
    return n;
}

ssize_t fault_receive_into_pipe(struct engine *base, int descriptor, int pipe, size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_RECEIVE_INTO_PIPE);
    if (code)
        return code;
    if (fault_refuse(fault, descriptor, READY_READ))
        return -EAGAIN;
    size_t part = fault_part(fault, size);
    ssize_t n = fault->inner->call->receive_into_pipe(fault->inner, descriptor, pipe, part);
    if (part < size && n == (ssize_t)part)
        fault_owe(fault, descriptor, READY_READ);
    return n;
}

ssize_t fault_send_from_pipe(struct engine *base, int pipe, int descriptor, size_t size)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND_FROM_PIPE);
    if (code)
        return code;
    if (fault_refuse(fault, descriptor, READY_WRITE))
        return -EAGAIN;
    size_t part = fault_part(fault, size);
    ssize_t n = fault->inner->call->send_from_pipe(fault->inner, pipe, descriptor, part);
    if (part < size && n == (ssize_t)part)
        fault_owe(fault, descriptor, READY_WRITE);
    return n;
}

ssize_t fault_take_from_pipe(struct engine *base, int pipe, void *buffer, size_t size)
{
    struct engine *inner = fault_engine(base)->inner;
    return inner->call->take_from_pipe(inner, pipe, buffer, size);
}

/* Datagrams are never cut: a storm of short transfers lets one through at a time. */
int fault_receive_datagrams(struct engine *base, int descriptor, struct mmsghdr *messages,
                            unsigned count)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_RECEIVE_DATAGRAMS);
    if (code)
        return code;
    if (fault_refuse(fault, descriptor, READY_READ))
        return -EAGAIN;
    unsigned part = (unsigned)fault_part(fault, count);
    return fault->inner->call->receive_datagrams(fault->inner, descriptor, messages, part);
}

int fault_send_datagrams(struct engine *base, int descriptor, struct mmsghdr *messages,
                         unsigned count)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SEND_DATAGRAMS);
    if (code)
        return code;
    if (fault_refuse(fault, descriptor, READY_WRITE))
        return -EAGAIN;
    unsigned part = (unsigned)fault_part(fault, count);
    return fault->inner->call->send_datagrams(fault->inner, descriptor, messages, part);
}
