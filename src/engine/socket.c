/* SPDX-License-Identifier: MIT */
/*
 * The system calls on a descriptor, as both engines on real descriptors make them.
 *
 * Results are the calls' own with errors as negative errno. None of them waits: a socket is asked
 * with MSG_DONTWAIT, everything else (pipe, terminal) must have O_NONBLOCK. An interrupted call is
 * made again, and no call here raises SIGPIPE: a peer that went away is -EPIPE.
 *
 * Sockets are the case that counts, so every descriptor is tried as one first; what isn't pays for
 * one failed call (100 ns) and is then read or written as a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "engine/engine.h"

/* A terminal whose other side was closed gives EIO until it has hung up altogether, and its end
 * from then on: which of the two a reader meets is chance, so both are the end. */
static bool has_hung_up(int descriptor)
{
    struct pollfd asked = {.fd = descriptor};
    return poll(&asked, 1, 0) == 1 && asked.revents & POLLHUP;
}

ssize_t engine_socket_receive(struct engine *engine, int descriptor, void *buffer, size_t size)
{
    (void)engine;
    for (;;) {
        ssize_t received = recv(descriptor, buffer, size, MSG_DONTWAIT);
        if (received < 0 && errno == ENOTSOCK)
            received = read(descriptor, buffer, size);
        if (received >= 0)
            return received;
        int error = errno;
        if (error == EIO && has_hung_up(descriptor))
            return 0;
        if (error != EINTR)
            return -error;
    }
}

/* Some calls have no MSG_NOSIGNAL, and the disposition of SIGPIPE belongs to the program. So: block
 * it in this thread, make the call, and take the signal back if this call raised it. One that was
 * pending before is somebody else's and stays. sendfile and splice go in steps: where the peer left
 * between two of them, they have raised it and tell the bytes of those before. */
struct sigpipe {
    sigset_t only, pending, before;
};

static void sigpipe_hold(struct sigpipe *sigpipe)
{
    sigemptyset(&sigpipe->only);
    sigaddset(&sigpipe->only, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &sigpipe->only,
                          &sigpipe->before); /* fails for bad sets only */
    (void)sigpending(&sigpipe->pending);
}

/* The call's result, errors negative; `size` is what a call that goes in steps was to move. */
static ssize_t sigpipe_let_go(struct sigpipe *sigpipe, ssize_t result, size_t size)
{
    if (result < 0)
        result = -errno;
    bool raised = result == -EPIPE || (result > 0 && (size_t)result < size);
    if (raised && !sigismember(&sigpipe->pending, SIGPIPE)) {
        const struct timespec now = {0, 0};
        while (sigtimedwait(&sigpipe->only, NULL, &now) < 0 && errno == EINTR)
            continue;
    }
    (void)pthread_sigmask(SIG_SETMASK, &sigpipe->before, NULL);
    return result;
}

static ssize_t write_without_sigpipe(int descriptor, const struct iovec *parts, size_t count)
{
    struct sigpipe sigpipe;
    sigpipe_hold(&sigpipe);
    return sigpipe_let_go(&sigpipe, writev(descriptor, parts, (int)count), 0);
}

ssize_t engine_socket_send(struct engine *engine, int descriptor, const void *data, size_t size)
{
    (void)engine;
    for (;;) {
        ssize_t sent = send(descriptor, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            return sent;
        sent = -errno;
        if (sent == -ENOTSOCK)
            sent = write_without_sigpipe(descriptor, &(struct iovec){(void *)(uintptr_t)data, size},
                                         1);
        if (sent != -EINTR)
            return sent;
    }
}

ssize_t engine_socket_receive_message(struct engine *engine, int descriptor, struct msghdr *message)
{
    (void)engine;
    for (;;) {
        ssize_t received = recvmsg(descriptor, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (received < 0 && errno == ENOTSOCK) {
            message->msg_controllen = message->msg_namelen = 0;
            message->msg_flags = 0;
            received = readv(descriptor, message->msg_iov, (int)message->msg_iovlen);
        }
        if (received >= 0)
            return received;
        if (errno != EINTR)
            return -errno;
    }
}

ssize_t engine_socket_send_message(struct engine *engine, int descriptor,
                                   const struct msghdr *message)
{
    (void)engine;
    for (;;) {
        ssize_t sent = sendmsg(descriptor, message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            return sent;
        sent = -errno;
        if (sent == -ENOTSOCK && !message->msg_control)
            sent = write_without_sigpipe(descriptor, message->msg_iov, message->msg_iovlen);
        if (sent != -EINTR)
            return sent;
    }
}

ssize_t engine_socket_send_file(struct engine *engine, int descriptor, int file, int64_t offset,
                                size_t size)
{
    (void)engine;
    for (;;) {
        struct sigpipe sigpipe;
        off_t from = offset;
        sigpipe_hold(&sigpipe);
        ssize_t sent = sigpipe_let_go(&sigpipe, sendfile(descriptor, file, &from, size), size);
        if (sent != -EINTR)
            return sent;
    }
}

ssize_t engine_socket_receive_into_pipe(struct engine *engine, int descriptor, int pipe,
                                        size_t size)
{
    (void)engine;
    for (;;) {
        ssize_t moved = splice(descriptor, NULL, pipe, NULL, size, SPLICE_F_NONBLOCK);
        if (moved >= 0)
            return moved;
        int error = errno;
        if (error == EIO && has_hung_up(descriptor))
            return 0;
        if (error != EINTR)
            return -error;
    }
}

ssize_t engine_socket_send_from_pipe(struct engine *engine, int pipe, int descriptor, size_t size)
{
    (void)engine;
    for (;;) {
        struct sigpipe sigpipe;
        sigpipe_hold(&sigpipe);
        ssize_t moved = sigpipe_let_go(
            &sigpipe, splice(pipe, NULL, descriptor, NULL, size, SPLICE_F_NONBLOCK), size);
        if (moved != -EINTR)
            return moved;
    }
}

int engine_socket_socket(struct engine *engine, int family, int type, int protocol)
{
    (void)engine;
    int descriptor = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    return descriptor < 0 ? -errno : descriptor;
}

int engine_socket_socket_pair(struct engine *engine, int ends[2])
{
    (void)engine;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0 ? -errno
                                                                                        : 0;
}

int engine_socket_bind(struct engine *engine, int descriptor, const struct sockaddr *address,
                       socklen_t size)
{
    (void)engine;
    return bind(descriptor, address, size) < 0 ? -errno : 0;
}

int engine_socket_listen(struct engine *engine, int descriptor, int backlog)
{
    (void)engine;
    return listen(descriptor, backlog) < 0 ? -errno : 0;
}

/* An interrupted connect goes on by itself, and asking again would say EALREADY. */
int engine_socket_connect(struct engine *engine, int descriptor, const struct sockaddr *address,
                          socklen_t size)
{
    (void)engine;
    if (connect(descriptor, address, size) == 0)
        return 0;
    return errno == EINTR ? -EINPROGRESS : -errno;
}

int engine_socket_accept(struct engine *engine, int descriptor, struct sockaddr *address,
                         socklen_t *size)
{
    (void)engine;
    for (;;) {
        int accepted = accept4(descriptor, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0)
            return accepted;
        if (errno != EINTR)
            return -errno;
    }
}

int engine_socket_shutdown(struct engine *engine, int descriptor, int how)
{
    (void)engine;
    return shutdown(descriptor, how) < 0 ? -errno : 0;
}

/* On Linux the descriptor is gone even if close was interrupted; closing again would hit whoever
 * got the number in between. */
int engine_socket_close(struct engine *engine, int descriptor)
{
    (void)engine;
    if (close(descriptor) == 0 || errno == EINTR)
        return 0;
    return -errno;
}

int engine_socket_local_address(struct engine *engine, int descriptor, struct sockaddr *address,
                                socklen_t *size)
{
    (void)engine;
    return getsockname(descriptor, address, size) < 0 ? -errno : 0;
}

int engine_socket_peer_address(struct engine *engine, int descriptor, struct sockaddr *address,
                               socklen_t *size)
{
    (void)engine;
    return getpeername(descriptor, address, size) < 0 ? -errno : 0;
}

int engine_socket_set_option(struct engine *engine, int descriptor, int level, int option,
                             int value)
{
    (void)engine;
    return setsockopt(descriptor, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

int engine_socket_get_option(struct engine *engine, int descriptor, int level, int option)
{
    (void)engine;
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(descriptor, level, option, &value, &size) < 0 ? -errno : value;
}

int64_t engine_socket_position(struct engine *engine, int descriptor)
{
    (void)engine;
    off_t position = lseek(descriptor, 0, SEEK_CUR);
    return position < 0 ? -errno : position;
}

ssize_t engine_socket_read_now(struct engine *engine, int descriptor, void *buffer, size_t size,
                               int64_t offset)
{
    (void)engine;
    const struct iovec piece = {.iov_base = buffer, .iov_len = size};
    ssize_t n = preadv2(descriptor, &piece, 1, offset, RWF_NOWAIT);
    return n < 0 ? -errno : n;
}

int engine_socket_descriptor_status(struct engine *engine, int descriptor, struct stat *ret_status)
{
    (void)engine;
    return fstat(descriptor, ret_status) < 0 ? -errno : 0;
}

int engine_socket_descriptor_flags(struct engine *engine, int descriptor, int flags)
{
    (void)engine;
    int r = flags == -1 ? fcntl(descriptor, F_GETFL) : fcntl(descriptor, F_SETFL, flags);
    return r < 0 ? -errno : r;
}

int engine_socket_path_status(struct engine *engine, const char *path, struct stat *ret_status)
{
    (void)engine;
    return lstat(path, ret_status) < 0 ? -errno : 0;
}

int engine_socket_path_mode(struct engine *engine, const char *path, mode_t mode)
{
    (void)engine;
    return chmod(path, mode) < 0 ? -errno : 0;
}

int engine_socket_path_remove(struct engine *engine, const char *path)
{
    (void)engine;
    return unlink(path) < 0 ? -errno : 0;
}
