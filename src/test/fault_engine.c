/* SPDX-License-Identifier: MIT */
/*
 * The fault engine: its vtable, and the calls on descriptors that make, ask, set and end. Each is
 * counted and may be the one to fail.
 *
 * A call that fails isn't made, so a connection that can't be accepted stays where it is, and data
 * that can't be received isn't lost. Closing is the exception: it fails and has closed all the
 * same, as on Linux.
 */
#include "test/fault_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

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
    if (fault_refuse(fault, descriptor, READY_READ))
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
    while (fault_refusal_take_back(fault, descriptor, READY_READ | READY_WRITE))
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

static int fault_change_group(struct engine *base, int descriptor, enum group_change change,
                              const struct sockaddr *group, socklen_t size, const char *interface)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_CHANGE_GROUP);
    return code ? code
                : fault->inner->call->change_group(fault->inner, descriptor, change, group, size,
                                                   interface);
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
    if (fault_refuse(fault, descriptor, READY_READ))
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
