/* SPDX-License-Identifier: MIT */
/*
 * Setting up an io_uring. What the kernel can do is asked of the kernel, never guessed from its
 * version: setup flags by EINVAL, features by the bits that come back, operations by the probe.
 *
 * The flags make the ring quiet: completions are worked off only when this thread enters it
 * (DEFER_TASKRUN), which alone made 1.3-1.7x at 1,000 connections elsewhere. Each is younger than
 * the one after it, so they are given up in this order:
 *
 *     DEFER_TASKRUN 6.1   ->   SINGLE_ISSUER 6.0   ->   COOP_TASKRUN 5.19   ->   SUBMIT_ALL 5.18
 */
#include <errno.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "engine/uring_ring.h"
#include "feature.h"

enum {
    ENTRIES = 256,
    ENTRIES_LEAST = 8,       /* with less than that don't begin, unless asked to */
    ENTRIES_MOST = 32768,    /* the kernel's own limit */
    COMPLETIONS_FACTOR = 16, /* overflowing loses nothing, but it is the slow path */
    NANOSECONDS_PER_SECOND = 1000000000,
};

static const struct {
    unsigned flags;
    enum feature feature; /* FEATURE_COUNT: none of its own */
} optional_flags[] = {
    {IORING_SETUP_DEFER_TASKRUN, FEATURE_URING_DEFER_TASKRUN},
    {IORING_SETUP_SINGLE_ISSUER, FEATURE_URING_SINGLE_ISSUER},
    {IORING_SETUP_COOP_TASKRUN, FEATURE_URING_COOP_TASKRUN},
    {IORING_SETUP_SUBMIT_ALL, FEATURE_COUNT},
};
#define OPTIONAL_FLAGS (sizeof optional_flags / sizeof *optional_flags)

/* All but the first `without`, and not what the user masked. */
static unsigned setup_flags(size_t without)
{
    unsigned flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
    for (size_t i = without; i < OPTIONAL_FLAGS; i++) {
        enum feature feature = optional_flags[i].feature;
        if (feature == FEATURE_COUNT || feature_allowed(feature))
            flags |= optional_flags[i].flags;
    }
    if (!(flags & IORING_SETUP_SINGLE_ISSUER))
        flags &= ~IORING_SETUP_DEFER_TASKRUN; /* it needs the other */
    if (flags & (IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN))
        flags |= IORING_SETUP_TASKRUN_FLAG;
    return flags;
}

/* Some kernels count the ring against RLIMIT_MEMLOCK: a small one is better than none. */
static int set_up(struct io_uring *io_uring, unsigned entries, unsigned factor,
                  struct io_uring_params *parameters)
{
    for (;;) {
        int r = -EINVAL;
        for (size_t without = 0; r == -EINVAL && without <= OPTIONAL_FLAGS; without++) {
            *parameters = (struct io_uring_params){
                .flags = setup_flags(without),
                .cq_entries = entries * factor,
            };
            r = io_uring_queue_init_params(entries, io_uring, parameters);
        }
        if (r != -ENOMEM || entries <= ENTRIES_LEAST)
            return r;
        entries /= 2;
    }
}

static const struct {
    unsigned feature;
    const char *name;
} needed_features[] = {
    {IORING_FEAT_NODROP, "completions that are never dropped"},
    {IORING_FEAT_SUBMIT_STABLE, "stable submission"},
    {IORING_FEAT_RW_CUR_POS, "reading at the file's position"},
    {IORING_FEAT_EXT_ARG, "a timeout for waiting"},
    {IORING_FEAT_CQE_SKIP, "suppressed completions"},
};

static const struct {
    int operation;
    const char *name;
} needed_operations[] = {
    {IORING_OP_POLL_ADD, "POLL_ADD"}, {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL"},
    {IORING_OP_OPENAT, "OPENAT"},     {IORING_OP_READ, "READ"},
    {IORING_OP_WRITE, "WRITE"},       {IORING_OP_FSYNC, "FSYNC"},
    {IORING_OP_CLOSE, "CLOSE"},       {IORING_OP_MKDIRAT, "MKDIRAT"},
    {IORING_OP_RENAMEAT, "RENAMEAT"}, {IORING_OP_UNLINKAT, "UNLINKAT"},
};

/* What is missing, or NULL. Multishot polls have no bit; MKDIRAT is younger than they are. */
static const char *find_missing(struct io_uring *io_uring, unsigned features, int *ret_error)
{
    *ret_error = -ENOTSUP;
    for (size_t i = 0; i < sizeof needed_features / sizeof *needed_features; i++) {
        if (!(features & needed_features[i].feature))
            return needed_features[i].name;
    }
    struct io_uring_probe *probe = io_uring_get_probe_ring(io_uring);
    if (!probe)
        return "the probe for operations";
    const char *missing = NULL;
    for (size_t i = 0; !missing && i < sizeof needed_operations / sizeof *needed_operations; i++) {
        if (!io_uring_opcode_supported(probe, needed_operations[i].operation))
            missing = needed_operations[i].name;
    }
    io_uring_free_probe(probe);
    return missing;
}

/* The user's number (tests use 1 to 8, and small completion queues with them), or ours. */
static bool parse_entries(unsigned *ret_entries, unsigned *ret_factor)
{
    const char *text = getenv("EDDY_URING_ENTRIES");
    *ret_entries = ENTRIES;
    *ret_factor = COMPLETIONS_FACTOR;
    if (!text || !*text)
        return true;
    char *end;
    unsigned long entries = strtoul(text, &end, 10);
    if (*end || entries < 1 || entries > ENTRIES_MOST)
        return false;
    *ret_entries = (unsigned)entries;
    *ret_factor = 2;
    return true;
}

static void explain(char *why, size_t why_size, int error)
{
    char text[64];
    const char *hint = "";
    if (error == -EPERM)
        hint = " (kernel.io_uring_disabled, or the container's seccomp profile)";
    else if (error == -ENOSYS)
        hint = " (the kernel has none)";
    (void)snprintf(why, why_size, "io_uring_setup: %s%s", strerror_r(-error, text, sizeof text),
                   hint);
}

/* A ring may be mapped where another thread's was, whose end came before: liburing maps behind the
 * thread sanitizer's back, so it is told in this way. */
static atomic_uint rings_ended;

int uring_ring_create(struct uring_ring *ring, char *why, size_t why_size)
{
    unsigned entries, factor;
    if (!parse_entries(&entries, &factor)) {
        (void)snprintf(why, why_size, "EDDY_URING_ENTRIES must be 1 to %d", ENTRIES_MOST);
        return -EINVAL;
    }
    if (!feature_allowed(FEATURE_URING)) {
        (void)snprintf(why, why_size, "io_uring is masked by EDDY_MASK");
        return -ENOTSUP;
    }
    struct io_uring_params parameters;
    int r = set_up(&ring->io_uring, entries, factor, &parameters);
    if (r < 0) {
        explain(why, why_size, r);
        return r;
    }
    const char *missing = find_missing(&ring->io_uring, parameters.features, &r);
    if (missing) {
        io_uring_queue_exit(&ring->io_uring);
        (void)snprintf(why, why_size, "this kernel's io_uring lacks %s", missing);
        return r;
    }
    /* A child that writes to shared rings would corrupt its parent's. */
    (void)io_uring_ring_dontfork(&ring->io_uring);
    ring->creator = getpid();
    (void)atomic_load_explicit(&rings_ended, memory_order_acquire);

    /* Entry i of the queue is always entry i of the array: uring_ring_enter need not fill it in. */
    struct io_uring_sq *queue = &ring->io_uring.sq;
    for (unsigned i = 0; queue->array && i < queue->ring_entries; i++)
        queue->array[i] = i;
    return 0;
}

bool uring_ring_is_here(const struct uring_ring *ring)
{
    return ring->creator == getpid();
}

void uring_ring_destroy(struct uring_ring *ring)
{
    atomic_fetch_add_explicit(&rings_ended, 1, memory_order_release);
    if (uring_ring_is_here(ring))
        io_uring_queue_exit(&ring->io_uring);
    else
        close(ring->io_uring.ring_fd); /* its mappings didn't come along: there may be others */
}

static bool has_flag(const struct uring_ring *ring, unsigned flag)
{
    return __atomic_load_n(ring->io_uring.sq.kflags, __ATOMIC_RELAXED) & flag;
}

bool uring_ring_has_deferred(const struct uring_ring *ring)
{
    return has_flag(ring, IORING_SQ_TASKRUN);
}

int uring_ring_enter(struct uring_ring *ring, int64_t timeout_ns)
{
    struct io_uring *io_uring = &ring->io_uring;
    io_uring_smp_store_release(io_uring->sq.ktail, io_uring->sq.sqe_tail);
    unsigned submit = io_uring_sq_ready(io_uring);
    unsigned wait = timeout_ns != 0 && io_uring_cq_ready(io_uring) == 0;
    if (!submit && !wait && !has_flag(ring, IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW))
        return 0;

    struct __kernel_timespec timeout = {
        .tv_sec = timeout_ns / NANOSECONDS_PER_SECOND,
        .tv_nsec = timeout_ns % NANOSECONDS_PER_SECOND,
    };
    struct io_uring_getevents_arg argument = {.ts = (uint64_t)(uintptr_t)&timeout};
    bool limited = wait && timeout_ns > 0;
    int r = io_uring_enter2((unsigned)io_uring->ring_fd, submit, wait,
                            IORING_ENTER_GETEVENTS | (limited ? IORING_ENTER_EXT_ARG : 0u),
                            limited ? (sigset_t *)&argument : NULL, limited ? sizeof argument : 0);
    switch (r) {
    case -EINTR:
    case -ETIME:
    case -EBUSY:  /* completions must be taken first, the caller does that next */
    case -EAGAIN: /* the kernel is short of memory; try again in the next turn */
        return 0;
    default:
        return r < 0 ? r : 0;
    }
}
