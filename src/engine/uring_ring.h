/* SPDX-License-Identifier: MIT */
/*
 * One io_uring: setting it up on whatever kernel this is, and entering it. Belongs to uring.c.
 *
 * liburing maps the ring and fills entries in; the entering is done here, because a turn of the
 * loop is to cost one system call that submits, waits and takes the timeout, or none at all.
 */
#ifndef EDDY_SRC_ENGINE_URING_RING_H
#define EDDY_SRC_ENGINE_URING_RING_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uring_ring {
    struct io_uring io_uring;
    int creator; /* the process that may use the memory: it isn't there in a forked child */
};

/* 0, or a negative errno and one line of reason in `why`. $EDDY_URING_ENTRIES sets the size. */
int uring_ring_create(struct uring_ring *ring, char *why, size_t why_size);
void uring_ring_destroy(struct uring_ring *ring);

/* An empty entry to fill in: it goes with the next enter. NULL: enter first. */
static inline struct io_uring_sqe *uring_ring_entry(struct uring_ring *ring)
{
    return io_uring_get_sqe(&ring->io_uring);
}

/* Submits all entries, then waits up to timeout_ns (negative: without limit) for a completion that
 * isn't there yet. Makes no system call if there is nothing to do. Not everything need have been
 * submitted when this returns; what is left goes with the next call. Negative errno: hopeless. */
int uring_ring_enter(struct uring_ring *ring, int64_t timeout_ns);

/* There is work that only another enter will do: one does no more than so many pieces of it. */
bool uring_ring_has_deferred(const struct uring_ring *ring);

/* False in a forked child, where the ring's memory isn't. */
bool uring_ring_is_here(const struct uring_ring *ring);

/* Completions to be taken now. */
static inline unsigned uring_ring_ready(const struct uring_ring *ring)
{
    return io_uring_cq_ready(&ring->io_uring);
}

struct uring_completion {
    uint64_t tag;
    int result;
    unsigned flags; /* IORING_CQE_F_... */
};

/* Takes one out; there must be one. A copy, so that its place is free before it is acted upon. */
static inline struct uring_completion uring_ring_take(struct uring_ring *ring)
{
    const struct io_uring_cq *queue = &ring->io_uring.cq;
    const struct io_uring_cqe *entry = &queue->cqes[*queue->khead & queue->ring_mask];
    struct uring_completion completion = {entry->user_data, entry->res, entry->flags};
    io_uring_cq_advance(&ring->io_uring, 1);
    return completion;
}

#endif
