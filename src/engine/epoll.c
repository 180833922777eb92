/* SPDX-License-Identifier: MIT */
/*
 * The epoll engine: readiness only; files go to the thread pool (submits == false).
 *
 *     watch ----EPOLL_CTL_ADD----> set of descriptors --+
 *                                                       +--> epoll_pwait2 --> batch --> ready()
 *     wake -----write-----------> eventfd --------------+
 *
 * A watch's address travels in its epoll_event. Between the kernel's filling the batch and the
 * delivery of its last event a watch may be unwatched, freed, and its memory reused; so unwatch
 * wipes the address out of what is left of the batch. That is a search, but a short one, and only
 * when a callback unwatches.
 *
 * The eventfd is edge-triggered and never read: each write is an edge of its own, and adding one
 * at a time overflows in no one's lifetime. The flag `woken` saves the write when one is under way.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "engine/engine.h"
#include "engine/events.h"
#include "feature.h"
#include "memory.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* the same on every architecture */
#endif

enum {
    BATCH = 256, /* events a turn takes at most: the rest comes with the next one */
    NANOSECONDS_PER_MILLISECOND = 1000000,
    NANOSECONDS_PER_SECOND = 1000000000,
};

struct epoll_engine {
    struct engine base;
    int set;
    int eventfd;
    bool pwait2;
    atomic_bool woken;         /* a wake was asked for and not yet seen by a turn */
    int batch_next, batch_end; /* what turn() has still to deliver; equal outside of it */
    struct epoll_event batch[BATCH];
};

static struct epoll_engine *epoll_engine(struct engine *engine)
{
    return (struct epoll_engine *)engine;
}

static int wait_nanoseconds(int set, struct epoll_event *events, int count, int64_t timeout_ns)
{
    struct timespec timeout = {
        .tv_sec = timeout_ns / NANOSECONDS_PER_SECOND,
        .tv_nsec = timeout_ns % NANOSECONDS_PER_SECOND,
    };
    return (int)syscall(SYS_epoll_pwait2, set, events, count, timeout_ns < 0 ? NULL : &timeout,
                        NULL, (size_t)0);
}

/* Rounded up: rounded down, a wait for the last part of a millisecond would be a busy loop, and
 * every timer early. */
static int wait_milliseconds(int set, struct epoll_event *events, int count, int64_t timeout_ns)
{
    int64_t timeout = -1;
    if (timeout_ns >= 0) {
        timeout = timeout_ns / NANOSECONDS_PER_MILLISECOND;
        if (timeout_ns % NANOSECONDS_PER_MILLISECOND != 0)
            timeout++;
        if (timeout > INT_MAX)
            timeout = INT_MAX;
    }
    return epoll_wait(set, events, count, (int)timeout);
}

static uint32_t events_of_watch(const struct watch *watch)
{
    if (!watch->level)
        return events_of_edges() | EPOLLET;
    /* The kernel adds errors and hang-ups to whatever is asked. To a watch that wants nothing they
     * would come again every turn without end. */
    uint32_t events = events_from_ready(watch->wanted);
    return events ? events : EPOLLET;
}

static int epoll_turn(struct engine *engine, int64_t timeout_ns)
{
    struct epoll_engine *epoll = epoll_engine(engine);
    assert(epoll->batch_next == epoll->batch_end && "turn() called by a callback");

    int count;
    if (epoll->pwait2 && timeout_ns != 0)
        count = wait_nanoseconds(epoll->set, epoll->batch, BATCH, timeout_ns);
    else
        count = wait_milliseconds(epoll->set, epoll->batch, BATCH, timeout_ns);
    if (count < 0)
        return errno == EINTR ? 0 : -errno;

    int delivered = 0;
    epoll->batch_end = count;
    for (epoll->batch_next = 0; epoll->batch_next < epoll->batch_end;) {
        struct epoll_event event = epoll->batch[epoll->batch_next++];
        if (event.data.ptr == epoll) {
            /* An exchange, not a store: it makes everything visible that wakers did before. */
            atomic_exchange(&epoll->woken, false);
            continue;
        }
        struct watch *watch = event.data.ptr;
        if (!watch)
            continue;
        unsigned what = events_to_ready(event.events);
        if (watch->level)
            what &= watch->wanted;
        if (!what)
            continue;
        delivered++;
        watch->ready(watch, what);
    }
    epoll->batch_next = epoll->batch_end = 0;
    return delivered;
}

static void epoll_wake(struct engine *engine)
{
    struct epoll_engine *epoll = epoll_engine(engine);
    if (atomic_exchange(&epoll->woken, true))
        return;
    int saved = errno;
    const uint64_t one = 1;
    while (write(epoll->eventfd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    errno = saved;
}

static int epoll_descriptor(struct engine *engine)
{
    return epoll_engine(engine)->set;
}

static int epoll_watch(struct engine *engine, struct watch *watch)
{
    struct epoll_event event = {.events = events_of_watch(watch), .data.ptr = watch};
    if (epoll_ctl(epoll_engine(engine)->set, EPOLL_CTL_ADD, watch->descriptor, &event) < 0)
        return -errno;
    return 0;
}

static int epoll_rewatch(struct engine *engine, struct watch *watch)
{
    struct epoll_event event = {.events = events_of_watch(watch), .data.ptr = watch};
    if (epoll_ctl(epoll_engine(engine)->set, EPOLL_CTL_MOD, watch->descriptor, &event) < 0)
        return -errno;
    return 0;
}

static void epoll_unwatch(struct engine *engine, struct watch *watch)
{
    struct epoll_engine *epoll = epoll_engine(engine);
    epoll_ctl(epoll->set, EPOLL_CTL_DEL, watch->descriptor, NULL);
    for (int i = epoll->batch_next; i < epoll->batch_end; i++) {
        if (epoll->batch[i].data.ptr == watch)
            epoll->batch[i].data.ptr = NULL;
    }
}

static int epoll_submit(struct engine *engine, struct operation *operation)
{
    (void)engine;
    (void)operation;
    return -ENOTSUP;
}

static void epoll_cancel(struct engine *engine, struct operation *operation)
{
    (void)engine;
    (void)operation;
}

static void epoll_destroy(struct engine *engine)
{
    struct epoll_engine *epoll = epoll_engine(engine);
    if (epoll->eventfd >= 0)
        close(epoll->eventfd);
    if (epoll->set >= 0)
        close(epoll->set);
    memory_free(epoll);
}

static const struct engine_vtable epoll_vtable = {
    .name = "epoll",
    .submits = false,
    .destroy = epoll_destroy,
    .turn = epoll_turn,
    .wake = epoll_wake,
    .descriptor = epoll_descriptor,
    .watch = epoll_watch,
    .rewatch = epoll_rewatch,
    .unwatch = epoll_unwatch,
    .submit = epoll_submit,
    .cancel = epoll_cancel,
    ENGINE_SOCKET_CALLS,
};

/* Whatever the refusal (ENOSYS on 5.10, EPERM in an old sandbox): there is the other call. */
static bool probe_pwait2(int set)
{
    struct epoll_event event;
    return feature_allowed(FEATURE_EPOLL_PWAIT2) && wait_nanoseconds(set, &event, 1, 0) >= 0;
}

int engine_epoll_create(struct engine **ret_engine)
{
    struct epoll_engine *epoll = memory_allocate_zeroed(1, sizeof *epoll);
    if (!epoll)
        return -ENOMEM;
    epoll->base.call = &epoll_vtable;
    epoll->eventfd = -1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = epoll};

    epoll->set = epoll_create1(EPOLL_CLOEXEC);
    if (epoll->set < 0)
        goto fail;
    epoll->pwait2 = probe_pwait2(epoll->set);
    epoll->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (epoll->eventfd < 0)
        goto fail;
    if (epoll_ctl(epoll->set, EPOLL_CTL_ADD, epoll->eventfd, &event) < 0)
        goto fail;
    *ret_engine = &epoll->base;
    return 0;

fail:;
    int error = -errno;
    epoll_destroy(&epoll->base);
    return error;
}
