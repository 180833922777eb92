/* SPDX-License-Identifier: MIT */
/*
 * The io_uring engine's watches.
 *
 * An edge watch is one multishot poll. A level watch is a poll for one event, asked for again after
 * each delivery; if the state still holds, it completes at once.
 *
 * A poll holds a reference to its file: after unwatch a plain close() would close nothing until the
 * next turn, a port would still be taken and the peer not see the end. So this engine's close(),
 * and the unwatch of a level watch, whose descriptor the user closes by himself, first hand the
 * cancellation to the kernel.
 *
 * What a poll tells comes of whoever woke it, not of the file: a socket that gets data wakes with
 * "data, of either band, urgent or not". So whether urgent data came isn't known then, and taking
 * it for true would cost a useless recv() a message. Such a watch is in doubt, and the files of all
 * that are get asked together: a while later, or before a wait that would be over by then. A level
 * watch's file is asked at each completion: who waits for another's descriptor may read it with a
 * call that blocks, and what woke the poll may be urgent data alone, or taken by somebody else.
 *
 * Why not an epoll set that the ring waits on? CPU time of one 64-byte echo over loopback TCP (recv
 * and send directly), medians of 41 and 101 interleaved blocks, two runs on Linux 6.18, against a
 * bare epoll loop in the same run:
 *
 *                                    1 connection     32 connections a turn
 *     recv + send, no waiting          0.86 - 0.87      0.95 - 0.96
 *     ring, multishot polls            0.96 - 0.98      0.96 - 0.99       <- this
 *     ring, EPOLL_WAIT (6.15)          1.02 - 1.03      1.00 - 1.01
 *     ring, poll of the epoll set      1.16 - 1.22      1.00 - 1.01
 *
 * Why not receive by the ring? One entry a receive costs what a poll and recv() do (4.5 and 4.5 us
 * of CPU an echo at 1,000 connections, 4.1 and 3.8 at 50; least of five, same machine). A multishot
 * receive into buffers of the ring's is a tenth cheaper, `make bench` has it as the floor; but it
 * takes bytes from the system before anybody asked for them, and then they are missing where a
 * descriptor is spliced or handed on, and the peer isn't held back by who doesn't read.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include "engine/events.h"
#include "engine/uring_engine.h"

enum { LOOK_BATCH = 64 };

/* A ring polls everything: files are always ready to it. epoll refuses what has no readiness, and
 * the callers rely on it. Devices differ among themselves, and so do files (some of /proc and /sys
 * have it), so epoll itself is asked; without a descriptor to ask by, a device is taken to be a
 * terminal. */
static int check_pollable(int descriptor)
{
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode))
        return -EPERM;
    if (!S_ISCHR(status.st_mode) && !S_ISREG(status.st_mode))
        return 0;
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        return S_ISCHR(status.st_mode) ? 0 : -EPERM;
    struct epoll_event event = {.events = EPOLLIN};
    int r = epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) < 0 ? -errno : 0;
    close(set);
    return r;
}

/* The watch's slot; 0 after unwatch. */
static uint32_t watch_slot(const struct watch *watch)
{
    return (uint32_t)watch->engine[0];
}

static int watch_begin(struct uring_engine *uring, struct watch *watch)
{
    uint32_t index = slot_take(&uring->table, SLOT_WATCH, watch);
    if (!index)
        return -ENOMEM;
    watch->engine[0] = index;
    if (!watch->level || watch->wanted)
        slot_push(&uring->table, &uring->todo, index);
    return 0;
}

void uring_watch_prepare(const struct watch *watch, struct io_uring_sqe *entry)
{
    if (watch->level)
        io_uring_prep_poll_add(entry, watch->descriptor, events_from_ready(watch->wanted));
    else
        io_uring_prep_poll_multishot(entry, watch->descriptor, events_of_edges() | EPOLLRDBAND);
}

void uring_watch_end(struct uring_engine *uring, uint32_t index)
{
    struct slot *slot = slot_at(&uring->table, index);
    slot->target = NULL;
    slot->cancelled = true;
    if (!slot->flying && !slot->queued) {
        slot_put(&uring->table, index);
        return;
    }
    uring->polls_to_cancel++;
    if (!slot->queued)
        slot_push(&uring->table, &uring->todo, index);
}

/* Eventfds, and what may hand on their signal (epoll sets), are files without a type: 1 if this is
 * one, which a foreign loop now waits for, too; 0 if it isn't or nobody needs that. */
static int chain(const struct uring_engine *uring, int descriptor)
{
    struct stat status;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
    if (!uring->foreign || fstat(descriptor, &status) < 0 || status.st_mode & S_IFMT)
        return 0;
    if (epoll_ctl(uring->set, EPOLL_CTL_ADD, descriptor, &event) == 0)
        return 1;
    return errno == EEXIST ? 0 : -errno;
}

static void unchain(const struct uring_engine *uring, const struct watch *watch)
{
    if (watch->engine[1])
        (void)epoll_ctl(uring->set, EPOLL_CTL_DEL, watch->descriptor, NULL);
}

int uring_watch(struct engine *engine, struct watch *watch)
{
    struct uring_engine *uring = uring_engine(engine);
    int r = check_pollable(watch->descriptor);
    int chained = r < 0 ? r : chain(uring, watch->descriptor);
    if (chained < 0)
        return chained;
    watch->engine[1] = (uint64_t)chained;
    r = watch_begin(uring, watch);
    if (r < 0)
        unchain(uring, watch);
    return r;
}

/* What flies asks for the old events. The new request has a slot of its own, so that the two can't
 * be mixed up. */
int uring_rewatch(struct engine *engine, struct watch *watch)
{
    struct uring_engine *uring = uring_engine(engine);
    uint32_t index = watch_slot(watch);
    struct slot *slot = slot_at(&uring->table, index);
    assert(watch->level && slot->target == watch);
    if (slot->queued && watch->wanted)
        return 0; /* feed() will look */
    int r = watch_begin(uring, watch);
    if (r == 0)
        uring_watch_end(uring, index);
    return r;
}

void uring_unwatch(struct engine *engine, struct watch *watch)
{
    struct uring_engine *uring = uring_engine(engine);
    assert(slot_at(&uring->table, watch_slot(watch))->target == watch);
    uring_watch_end(uring, watch_slot(watch));
    watch->engine[0] = 0;
    unchain(uring, watch);
    if (watch->level)
        uring_flush_cancelled_polls(uring);
}

int uring_close(struct engine *engine, int descriptor)
{
    uring_flush_cancelled_polls(uring_engine(engine));
    return engine_socket_close(engine, descriptor);
}

/* ---- urgent data ---- */

void uring_look_prepare(struct io_uring_sqe *entry)
{
    static struct __kernel_timespec after = {.tv_nsec = URING_LOOK_AFTER_NS};
    io_uring_prep_timeout(entry, &after, 0, 0);
}

/* Without the bits that say nothing: no file is ever ready for band data by itself. */
static int settle_urgency(struct uring_engine *uring, struct slot *slot, int result)
{
    if (result < 0 || !(result & EPOLLRDBAND))
        return result;
    slot->in_doubt = true;
    uring->in_doubt = true;
    const struct slot *look = slot_at(&uring->table, uring->look);
    if (!look->flying && !look->queued && !look->cancelled)
        slot_push(&uring->table, &uring->todo, uring->look);
    return result & ~(EPOLLRDBAND | EPOLLPRI);
}

/* The next ones in doubt, from slot `first` on: their files and slots. */
static nfds_t gather_doubtful(struct uring_engine *uring, uint32_t *first,
                              struct pollfd files[LOOK_BATCH], uint32_t slots[LOOK_BATCH])
{
    nfds_t count = 0;
    for (; *first < uring->table.made && count < LOOK_BATCH; ++*first) {
        struct slot *slot = slot_at(&uring->table, *first);
        const struct watch *watch = slot->target;
        if (!slot->in_doubt || !watch)
            continue;
        slot->in_doubt = false;
        slots[count] = *first;
        files[count++] = (struct pollfd){.fd = watch->descriptor, .events = POLLPRI};
    }
    return count;
}

int uring_look(struct uring_engine *uring)
{
    struct pollfd files[LOOK_BATCH];
    uint32_t slots[LOOK_BATCH], next = 1;
    nfds_t count;
    int delivered = 0;
    uring->in_doubt = false;
    while ((count = gather_doubtful(uring, &next, files, slots)) > 0) {
        if (poll(files, count, 0) <= 0)
            continue;
        for (nfds_t i = 0; i < count; i++) {
            struct watch *watch = slot_at(&uring->table, slots[i])->target;
            if (!(files[i].revents & POLLPRI) || !watch || watch->descriptor != files[i].fd)
                continue; /* it may have been unwatched by one before it */
            watch->ready(watch, READY_READ | READY_HANGUP);
            delivered++;
        }
    }
    return delivered;
}

/* ---- completions ---- */

/* What the file is ready for by now, in place of what its poll was told. */
static int settle_level(const struct watch *watch, int result)
{
    struct pollfd file = {.fd = watch->descriptor,
                          .events = (short)events_from_ready(watch->wanted)};
    if (result < 0 || poll(&file, 1, 0) < 0 || file.revents & POLLNVAL)
        return result;
    return file.revents;
}

int uring_watch_complete(struct uring_engine *uring, uint32_t index, int result, bool last)
{
    struct slot *slot = slot_at(&uring->table, index);
    struct watch *watch = slot->target;
    if (!watch) {
        if (last && !slot->queued)
            slot_put(&uring->table, index);
        return 0;
    }
    /* A poll that the kernel ended (it does when completions overflow) is asked for again, before
     * ready() may unwatch it. One that failed isn't, or it would fail every turn: the caller's own
     * call on the descriptor will tell him why. */
    if (last && (result >= 0 || result == -ECANCELED))
        slot_push(&uring->table, &uring->todo, index);
    if (result == -ECANCELED)
        return 0;

    result = watch->level ? settle_level(watch, result) : settle_urgency(uring, slot, result);
    unsigned what = result < 0 ? READY_READ | READY_WRITE : events_to_ready((uint32_t)result);
    if (watch->level)
        what &= watch->wanted;
    if (!what)
        return 0;
    watch->ready(watch, what);
    return 1;
}
