/* SPDX-License-Identifier: MIT */
/*
 * The engine interface: the only code that touches the operating system for the program's I/O.
 *
 * Behind it stand epoll and io_uring, and in tests a simulation and a fault injector (eddy-test),
 * so a caller never makes a system call on a descriptor by itself. Three parts:
 *
 *   turn/wake    wait for things to happen, deliver them, be woken from another thread
 *   watch        readiness of a descriptor, for sockets: try the call, wait for an edge, try again
 *   submit       whole operations on files, for engines that have them (ring, simulation); the
 *                others say so at creation (submits == false), or of a kind that they lack
 *                -ENOTSUP, and the caller uses the pool
 *
 * A watch or an operation is the caller's memory and stays in place until unwatch returned, or the
 * operation's completion was delivered. Callbacks run on the loop's stack inside turn() and only
 * queue work.
 *
 * All but wake() is for the one thread that created the engine: a ring knows its thread. A forked
 * child may exec, _exit, or destroy() its copy, nothing else.
 */
#ifndef EDDY_SRC_ENGINE_H
#define EDDY_SRC_ENGINE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include "engine/process.h"
#include "private.h"

enum {
    READY_READ = 1, /* readable, end of stream, or error */
    READY_WRITE = 2,
    READY_HANGUP =
        4, /* beside them: an end, an error or urgent data, behind what may still be read */
};

/* Readiness of one descriptor, edge-triggered: `ready` is called with what became ready, also for
 * what was ready when the watch began. At most one watch a descriptor. Level-triggered (`level`)
 * repeats every turn for the `wanted` directions until changed by rewatch; it may want nothing.
 *
 * What can't be waited for (files, folders, /dev/null) is -EPERM. Unwatch first, then close, and an
 * edge watch's descriptor by the engine's close(): a ring holds on to the file otherwise until the
 * next turn. A level watch's may be closed by anyone. */
struct watch {
    int descriptor;
    uint8_t wanted; /* READY_READ | READY_WRITE; an edge watch wants both, always */
    bool level;
    void (*ready)(struct watch *watch, unsigned what);
    uint64_t engine[6]; /* the engine's own: see there */
};

enum operation_kind {
    OPERATION_OPEN, /* path, within, flags, mode */
    OPERATION_READ, /* descriptor, buffer, size, offset (-1: the file's position) */
    OPERATION_WRITE,
    OPERATION_SYNC,
    OPERATION_CLOSE,
    OPERATION_MAKE_DIRECTORY,   /* path, mode */
    OPERATION_RENAME,           /* path, second_path */
    OPERATION_UNLINK,           /* path, within */
    OPERATION_REMOVE_DIRECTORY, /* path, within */
    OPERATION_STATUS, /* path, within (NULL: descriptor), flags of fstatat, buffer: a struct stat */
    OPERATION_TRUNCATE,   /* descriptor, offset: the new size */
    OPERATION_LIST,       /* descriptor, buffer, size: getdents64 */
    OPERATION_LOCK,       /* descriptor, flags: flock, which mustn't wait */
    OPERATION_COPY,       /* descriptor, second_descriptor, offset in both, size: copy_file_range */
    OPERATION_EXTENT,     /* descriptor, offset, buffer: a struct extent */
    OPERATION_NOTIFY,     /* inotify_init1: a descriptor that doesn't block */
    OPERATION_NOTIFY_ADD, /* descriptor, path, flags: the mask */
    OPERATION_NOTIFY_REMOVE, /* descriptor, flags: the number */
};

struct operation {
    enum operation_kind kind;
    int descriptor, second_descriptor;
    int flags;
    mode_t mode;
    bool within;  /* the path begins in the directory that `descriptor` is, not where we work */
    bool by_call; /* as the system call alone does it: see uring_operation.c */
    const char *path, *second_path;
    void *buffer;
    size_t size; /* paths and buffer, too, stay in place until done() */
    int64_t offset;
    void (*done)(struct operation *operation, int result); /* exactly once a successful submit */
    struct operation *next;                                /* the engine's */
    uint64_t engine[2];                                    /* the engine's */
};

/* What comes next in a file that isn't a hole: SEEK_DATA, SEEK_HOLE. -ENXIO: nothing does. Moves
 * the file's position. */
struct extent {
    int64_t begin, end;
};

static inline int operation_directory(const struct operation *operation)
{
    return operation->within ? operation->descriptor : AT_FDCWD;
}

struct engine;
struct stat;

enum group_change {
    GROUP_JOIN,
    GROUP_LEAVE,
    GROUP_SEND_BY, /* what goes to groups leaves by this interface */
};

struct engine_vtable {
    const char *name;
    bool submits;   /* has submit/cancel */
    bool simulated; /* has no system beneath it: what is to come is on the loop's timers */
    /* Cancels what is still submitted and waits for it: each done() is called. Watches just end. */
    void (*destroy)(struct engine *engine);

    /* Waits up to timeout_ns (0: not at all, negative: without limit), delivers what happened.
     * Returns the number of things delivered, or a negative errno that makes going on pointless.
     * A signal or a wake ends it early with whatever there is, and so may the engine's own affairs:
     * early and with nothing is no error. Never is it early by its clock. Not from a callback. */
    int (*turn)(struct engine *engine, int64_t timeout_ns);

    /* Makes a turn that waits, or the next one, return. Any thread; async-signal-safe. */
    void (*wake)(struct engine *engine);

    /* What a foreign loop waits for in place of turn(): readable once there is something to
     * deliver. -EAGAIN while only a turn, which needn't wait, hands on what was asked for;
     * -ENOTSUP. */
    int (*descriptor)(struct engine *engine);

    int (*watch)(struct engine *engine, struct watch *watch);
    int (*rewatch)(struct engine *engine, struct watch *watch); /* level: `wanted` has changed */
    void (*unwatch)(struct engine *engine, struct watch *watch);

    /* 0: done() will be called. Else a negative errno and it won't. */
    int (*submit)(struct engine *engine, struct operation *operation);
    /* Asks; done() still comes, with -ECANCELED or the real result. */
    void (*cancel)(struct engine *engine, struct operation *operation);

    /* Calls that never wait: -EAGAIN instead. Results as of the system calls, errors negative. */
    ssize_t (*receive)(struct engine *engine, int descriptor, void *buffer, size_t size);
    ssize_t (*send)(struct engine *engine, int descriptor, const void *data, size_t size);
    /* recvmsg and sendmsg: parts of memory, addresses, descriptors on their way. */
    ssize_t (*receive_message)(struct engine *engine, int descriptor, struct msghdr *message);
    ssize_t (*send_message)(struct engine *engine, int descriptor, const struct msghdr *message);
    /* sendfile from an offset. -EINVAL: not with these two. */
    ssize_t (*send_file)(struct engine *engine, int descriptor, int file, int64_t offset,
                         size_t size);
    /* splice: between what is non-blocking and a pipe's end, which is full or empty for -EAGAIN,
     * too. -EINVAL: not with this descriptor. */
    ssize_t (*receive_into_pipe)(struct engine *engine, int descriptor, int pipe, size_t size);
    ssize_t (*send_from_pipe)(struct engine *engine, int pipe, int descriptor, size_t size);
    /* Reads what is known to be in a pipe of ours; no fault is made of that. */
    ssize_t (*take_from_pipe)(struct engine *engine, int pipe, void *buffer, size_t size);
    /* Of a datagram socket; `group` tells at least the family, `interface` (a name) may be NULL. */
    int (*change_group)(struct engine *engine, int descriptor, enum group_change change,
                        const struct sockaddr *group, socklen_t size, const char *interface);
    /* recvmmsg and sendmmsg: how many of them, at least one. Received: msg_len is the datagram's
     * whole size, also if there was less room; what is told of an address is msg_name's. */
    int (*receive_datagrams)(struct engine *engine, int descriptor, struct mmsghdr *messages,
                             unsigned count);
    int (*send_datagrams)(struct engine *engine, int descriptor, struct mmsghdr *messages,
                          unsigned count);
    int (*socket)(struct engine *engine, int family, int type, int protocol); /* non-blocking */
    int (*socket_pair)(struct engine *engine, int ends[2]); /* Unix streams, non-blocking */
    int (*bind)(struct engine *engine, int descriptor, const struct sockaddr *address,
                socklen_t size);
    int (*listen)(struct engine *engine, int descriptor, int backlog);
    int (*connect)(struct engine *engine, int descriptor, const struct sockaddr *address,
                   socklen_t size);
    int (*accept)(struct engine *engine, int descriptor, struct sockaddr *address, socklen_t *size);
    int (*shutdown)(struct engine *engine, int descriptor, int how);
    int (*close)(struct engine *engine, int descriptor);
    int (*local_address)(struct engine *engine, int descriptor, struct sockaddr *address,
                         socklen_t *size); /* getsockname */
    int (*peer_address)(struct engine *engine, int descriptor, struct sockaddr *address,
                        socklen_t *size); /* getpeername */
    int (*set_option)(struct engine *engine, int descriptor, int level, int option, int value);
    /* The value; no option of ours has negative ones. */
    int (*get_option)(struct engine *engine, int descriptor, int level, int option);
    /* As pread, but only what is in memory: -EAGAIN for the rest. Any error may be just the
     * engine's or the file system's way to say that it can't do this. */
    ssize_t (*read_now)(struct engine *engine, int descriptor, void *buffer, size_t size,
                        int64_t offset);
    /* What a file that was just opened has for a position; -ESPIPE if it can't be sought. */
    int64_t (*position)(struct engine *engine, int descriptor);
    int (*descriptor_status)(struct engine *engine, int descriptor,
                             struct stat *ret_status); /* fstat */
    /* Its flags (F_GETFL); what they are set to (F_SETFL), unless that is -1. */
    int (*descriptor_flags)(struct engine *engine, int descriptor, int flags);
    /* Names of sockets in the file system, as quick as the bind that makes them: lstat, chmod,
     * unlink. */
    int (*path_status)(struct engine *engine, const char *path, struct stat *ret_status);
    int (*path_mode)(struct engine *engine, const char *path, mode_t mode);
    int (*path_remove)(struct engine *engine, const char *path);

    /* Processes: engine/process.h. A pipe for a child's input or output, close-on-exec. */
    int (*pipe)(struct engine *engine, int ends[2]);
    /* Doesn't return before the child executes its program, or has failed to: then it is gone, and
     * the order says which step failed. -ENOTSUP: there are no processes here. */
    int (*process_start)(struct engine *engine, struct process_order *order,
                         struct process_child *ret_child);
    int (*process_signal)(struct engine *engine, const struct process_child *child, int number);
    /* 1 and the exit code, or minus the signal, of a child that has ended; 0 if it hasn't and `how`
     * has WNOHANG; -ECHILD if somebody else took that. With WNOWAIT the child keeps its number. */
    int (*process_reap)(struct engine *engine, const struct process_child *child, int how,
                        int *ret_code);
};

struct engine {
    const struct engine_vtable *call;
    size_t pending; /* operations submitted and not delivered: a virtual clock waits for them */
};

/* Make an engine: 0, or a negative errno that says why it can't be had here. */
int engine_epoll_create(struct engine **ret_engine);
/* -ENOTSUP when built without liburing; `why` gets one line of reason. */
int engine_uring_create(struct engine **ret_engine, char *why, size_t why_size);

/* Chooses by name ("epoll", "uring"), or by probing with NULL or "": uring if its ring can be made
 * and has what it needs, else epoll. `why` gets one line that says why not the better one, or "".
 * A name that is unknown is -EINVAL; uring by name that can't be had falls back to epoll too, and
 * says so. */
EDDY_PRIVATE int engine_create(const char *name, struct engine **ret_engine, char *why,
                               size_t why_size);

/* Direct system calls shared by the engines on real descriptors: a vtable's lower half. */
#define ENGINE_SOCKET_CALLS                                                                        \
    .receive = engine_socket_receive, .send = engine_socket_send,                                  \
    .receive_message = engine_socket_receive_message, .send_message = engine_socket_send_message,  \
    .send_file = engine_socket_send_file, .receive_into_pipe = engine_socket_receive_into_pipe,    \
    .send_from_pipe = engine_socket_send_from_pipe, .socket = engine_socket_socket,                \
    .bind = engine_socket_bind, .listen = engine_socket_listen, .connect = engine_socket_connect,  \
    .accept = engine_socket_accept, .shutdown = engine_socket_shutdown,                            \
    .close = engine_socket_close, .local_address = engine_socket_local_address,                    \
    .peer_address = engine_socket_peer_address, .set_option = engine_socket_set_option,            \
    .get_option = engine_socket_get_option, .position = engine_socket_position,                    \
    .change_group = engine_socket_change_group,                                                    \
    .receive_datagrams = engine_socket_receive_datagrams,                                          \
    .send_datagrams = engine_socket_send_datagrams, .read_now = engine_socket_read_now,            \
    .take_from_pipe = engine_socket_receive, .socket_pair = engine_socket_socket_pair,             \
    .descriptor_status = engine_socket_descriptor_status,                                          \
    .descriptor_flags = engine_socket_descriptor_flags, .path_status = engine_socket_path_status,  \
    .path_mode = engine_socket_path_mode, .path_remove = engine_socket_path_remove,                \
    .pipe = engine_process_pipe, .process_start = engine_process_start,                            \
    .process_signal = engine_process_signal, .process_reap = engine_process_reap
EDDY_PRIVATE ssize_t engine_socket_receive(struct engine *, int, void *, size_t);
EDDY_PRIVATE ssize_t engine_socket_send(struct engine *, int, const void *, size_t);
EDDY_PRIVATE ssize_t engine_socket_receive_message(struct engine *, int, struct msghdr *);
EDDY_PRIVATE ssize_t engine_socket_send_message(struct engine *, int, const struct msghdr *);
EDDY_PRIVATE ssize_t engine_socket_send_file(struct engine *, int, int, int64_t, size_t);
EDDY_PRIVATE ssize_t engine_socket_receive_into_pipe(struct engine *, int, int, size_t);
EDDY_PRIVATE ssize_t engine_socket_send_from_pipe(struct engine *, int, int, size_t);
EDDY_PRIVATE int engine_socket_change_group(struct engine *, int, enum group_change,
                                            const struct sockaddr *, socklen_t, const char *);
EDDY_PRIVATE int engine_socket_receive_datagrams(struct engine *, int, struct mmsghdr *, unsigned);
EDDY_PRIVATE int engine_socket_send_datagrams(struct engine *, int, struct mmsghdr *, unsigned);
EDDY_PRIVATE int engine_socket_socket(struct engine *, int, int, int);
EDDY_PRIVATE int engine_socket_socket_pair(struct engine *, int[2]);
EDDY_PRIVATE int engine_socket_descriptor_status(struct engine *, int, struct stat *);
EDDY_PRIVATE int engine_socket_descriptor_flags(struct engine *, int, int);
EDDY_PRIVATE int engine_socket_bind(struct engine *, int, const struct sockaddr *, socklen_t);
EDDY_PRIVATE int engine_socket_listen(struct engine *, int, int);
EDDY_PRIVATE int engine_socket_connect(struct engine *, int, const struct sockaddr *, socklen_t);
EDDY_PRIVATE int engine_socket_accept(struct engine *, int, struct sockaddr *, socklen_t *);
EDDY_PRIVATE int engine_socket_shutdown(struct engine *, int, int);
EDDY_PRIVATE int engine_socket_close(struct engine *, int);
EDDY_PRIVATE int engine_socket_local_address(struct engine *, int, struct sockaddr *, socklen_t *);
EDDY_PRIVATE int engine_socket_peer_address(struct engine *, int, struct sockaddr *, socklen_t *);
EDDY_PRIVATE int engine_socket_set_option(struct engine *, int, int, int, int);
EDDY_PRIVATE int engine_socket_get_option(struct engine *, int, int, int);
EDDY_PRIVATE int64_t engine_socket_position(struct engine *, int);
EDDY_PRIVATE ssize_t engine_socket_read_now(struct engine *, int, void *, size_t, int64_t);
EDDY_PRIVATE int engine_socket_path_status(struct engine *, const char *, struct stat *);
EDDY_PRIVATE int engine_socket_path_mode(struct engine *, const char *, mode_t);
EDDY_PRIVATE int engine_socket_path_remove(struct engine *, const char *);

#endif
