/* SPDX-License-Identifier: MIT
 *
 * The other floors of a TCP echo. io_uring at its best for small messages is multishot recv into a
 * ring of provided buffers and a direct send(): a send through the ring costs more. The second one
 * leaves bytes with the system until it wants them, as eddy does: multishot poll, recv(), send(). One
 * enter a turn reaps and waits. Refused rings (EPERM, ENOSYS) become the row's text.
 *
 * Left out when built with BENCH_WITHOUT_URING.
 */
#ifndef BENCH_WITHOUT_URING
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "echo_trial.h"
#include "floors.h"

enum {
    ENTRIES = 1024,
    COMPLETIONS = 8192, /* generous: an overflowing completion queue is the slow path */
    BUFFERS = 1024,     /* a power of two */
    BUFFER_SIZE_MIN = 256,
    BUFFER_GROUP = 0,
    /* Stand for the listener, and for nothing, where other completions name their socket. */
    ACCEPT_MARK = -1,
    REMOVE_MARK = -2,
};

static struct io_uring ring;
static struct io_uring_buf_ring *buffer_ring;
static char *buffers;
static size_t buffer_size;
static int listening_socket;
static bool polls; /* instead of receiving by the ring */

static char *buffer_at(unsigned index)
{
    return buffers + index * buffer_size;
}

static void give_buffer(unsigned index)
{
    io_uring_buf_ring_add(buffer_ring, buffer_at(index), (unsigned)buffer_size,
                          (unsigned short)index, io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(buffer_ring, 1);
}

static struct io_uring_sqe *next_entry(void)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
    while (entry == NULL) {
        io_uring_submit(&ring);
        entry = io_uring_get_sqe(&ring);
    }
    return entry;
}

static void arm_accept(void)
{
    struct io_uring_sqe *entry = next_entry();
    io_uring_prep_multishot_accept(entry, listening_socket, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(entry, (uint64_t)ACCEPT_MARK);
}

static void arm_receive(int descriptor)
{
    struct io_uring_sqe *entry = next_entry();
    if (polls) {
        io_uring_prep_poll_multishot(entry, descriptor, POLLIN | POLLRDHUP);
    } else {
        io_uring_prep_recv_multishot(entry, descriptor, NULL, 0, 0);
        entry->flags |= IOSQE_BUFFER_SELECT;
        entry->buf_group = BUFFER_GROUP;
    }
    io_uring_sqe_set_data64(entry, (uint64_t)descriptor);
}

static void accepted(const struct io_uring_cqe *completion)
{
    if (completion->res >= 0) {
        setsockopt(completion->res, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        arm_receive(completion->res);
    }
    if ((completion->flags & IORING_CQE_F_MORE) == 0)
        arm_accept();
}

static void received(const struct io_uring_cqe *completion)
{
    int descriptor = (int)completion->user_data;

    if (completion->res > 0) {
        unsigned index = completion->flags >> IORING_CQE_BUFFER_SHIFT;
        /* A socket's buffer always has room for the answers to what was asked: no EAGAIN. */
        (void)send(descriptor, buffer_at(index), (size_t)completion->res, MSG_NOSIGNAL);
        give_buffer(index);
    }
    if ((completion->flags & IORING_CQE_F_MORE) != 0)
        return;
    if (completion->res > 0 || completion->res == -ENOBUFS)
        arm_receive(descriptor);
    else
        close(descriptor);
}

/* A poll is an edge: all there is has to be taken, and a short read means that it was. */
static void readable(const struct io_uring_cqe *completion)
{
    int descriptor = (int)completion->user_data;
    char buffer[WORKLOAD_LARGE_BUFFER_SIZE];
    ssize_t length = 0;

    if (completion->res < 0) { /* removed: nothing refers to the number any more */
        close(descriptor);
        return;
    }
    do {
        length = recv(descriptor, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (length > 0)
            (void)send(descriptor, buffer, (size_t)length, MSG_NOSIGNAL);
    } while (length == sizeof(buffer));
    bool ended = length == 0 || (length < 0 && errno != EAGAIN);
    bool more = (completion->flags & IORING_CQE_F_MORE) != 0;
    if (ended && more) {
        struct io_uring_sqe *entry = next_entry();
        io_uring_prep_poll_remove(entry, (uint64_t)descriptor);
        io_uring_sqe_set_data64(entry, (uint64_t)REMOVE_MARK);
    } else if (ended) {
        close(descriptor);
    } else if (!more) {
        arm_receive(descriptor);
    }
}

static int set_up_ring(void)
{
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETIONS,
    };
    struct io_uring_buf_reg registration = {.ring_entries = BUFFERS, .bgid = BUFFER_GROUP};

    int error = io_uring_queue_init_params(ENTRIES, &ring, &parameters);
    if (error < 0)
        return error;
    /* Spares the descriptor's look-up in every enter; not having it is no failure. */
    (void)io_uring_register_ring_fd(&ring);

    void *memory;
    error = posix_memalign(&memory, 4096, BUFFERS * sizeof(struct io_uring_buf));
    if (error != 0)
        return -error;
    buffer_ring = memory;
    io_uring_buf_ring_init(buffer_ring);
    registration.ring_addr = (uint64_t)(uintptr_t)memory;
    error = io_uring_register_buf_ring(&ring, &registration, 0);
    if (error < 0)
        return error;
    buffers = calloc(BUFFERS, buffer_size);
    if (buffers == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < BUFFERS; i++)
        give_buffer(i);
    return 0;
}

static int serve(int listener, uint16_t port, size_t size)
{
    (void)port;
    buffer_size = size > BUFFER_SIZE_MIN ? size : BUFFER_SIZE_MIN;
    listening_socket = listener;
    int error = set_up_ring();
    if (error < 0)
        return error;
    arm_accept();
    for (;;) {
        struct io_uring_cqe *completion;
        unsigned head, count = 0;

        error = io_uring_submit_and_wait(&ring, 1);
        if (error < 0 && error != -EINTR)
            return error;
        io_uring_for_each_cqe(&ring, head, completion)
        {
            if ((int64_t)completion->user_data == ACCEPT_MARK)
                accepted(completion);
            else if (!polls)
                received(completion);
            else if ((int64_t)completion->user_data != REMOVE_MARK)
                readable(completion);
            count++;
        }
        io_uring_cq_advance(&ring, count);
    }
}

static int serve_polling(int listener, uint16_t port, size_t size)
{
    polls = true;
    return serve(listener, port, size);
}

static const struct echo_server server = {.serve = serve};
static const struct echo_server polling_server = {.serve = serve_polling};

const struct contender floor_echo_uring_contenders[] = {
    ECHO_CONTENDERS("raw io_uring", server, false),
    ECHO_CONTENDERS("raw io_uring, polls", polling_server, false),
    IDLE_CONTENDER("raw io_uring, 1024 buffers for all", server, false),
    {.name = NULL},
};
#endif
