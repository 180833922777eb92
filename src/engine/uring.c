/* SPDX-License-Identifier: MIT */
/*
 * The io_uring engine: readiness by multishot polls, whole file operations, one system call a turn.
 *
 *   watch, submit, cancel, unwatch            turn
 *   ------------------------------            ---------------------------------------------------
 *   slot ---> [todo: slot slot slot ...] ---> entries ---enter---> kernel ---> completions ---+
 *     ^                                                                                       |
 *     +-------------------------- tag, see uring_slot.h --------------------------------------+
 *
 * Slots queue as `todo` without a limit, and turn() feeds them to a ring of whatever size, so a
 * full ring is nobody's error. Outside of turn() the ring is entered in one case: uring_watch.c.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "engine/events.h"
#include "engine/uring_engine.h"
#include "engine/uring_operation.h"
#include "memory.h"

/* ---- from todo into the ring ---- */

/* It wants something of the kernel: an entry goes into the ring. */
static void feed_slot(struct uring_engine *uring, uint32_t index, struct io_uring_sqe *entry)
{
    struct slot *slot = slot_at(&uring->table, index);
    uint64_t tag = slot_tag(&uring->table, index);
    if (slot->flying) {
        io_uring_prep_cancel64(entry, tag, 0);
        entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
        entry->user_data = 0;
        return;
    }
    if (slot->kind == SLOT_WAKE)
        io_uring_prep_poll_multishot(entry, uring->eventfd, EPOLLIN);
    else if (slot->kind == SLOT_OPERATION)
        uring_operation_prepare(slot->target, entry);
    else if (slot->kind == SLOT_LOOK)
        uring_look_prepare(entry);
    else
        uring_watch_prepare(slot->target, entry);
    entry->user_data = tag;
    slot->flying = true;
    uring->flying++;
}

/* It ended by itself, or never began. */
static void feed_nothing(struct uring_engine *uring, uint32_t index)
{
    if (slot_at(&uring->table, index)->target)
        slot_push(&uring->table, &uring->finished, index); /* an operation: it is owed done() */
    else
        slot_put(&uring->table, index);
}

/* Up to so many, and as much as fits; the rest stays. Returns how many it took out of todo. */
static size_t feed(struct uring_engine *uring, size_t most)
{
    size_t taken = 0;
    for (; uring->todo.first && taken < most; taken++) {
        const struct slot *slot = slot_at(&uring->table, uring->todo.first);
        bool nothing = slot->cancelled && !slot->flying;
        struct io_uring_sqe *entry = nothing ? NULL : uring_ring_entry(&uring->ring);
        if (!nothing && !entry)
            break;
        uint32_t index = slot_pop(&uring->table, &uring->todo);
        if (slot->cancelled && slot->kind == SLOT_WATCH)
            uring->polls_to_cancel--;
        if (nothing)
            feed_nothing(uring, index);
        else
            feed_slot(uring, index, entry);
    }
    return taken;
}

void uring_flush_cancelled_polls(struct uring_engine *uring)
{
    if (uring->polls_to_cancel == 0)
        return;
    while (uring->polls_to_cancel > 0) {
        if (feed(uring, SIZE_MAX) == 0)
            return;
        if (uring_ring_enter(&uring->ring, 0) < 0)
            return;
    }
    /* The file goes when the poll's end is worked off, which is deferred. */
    for (int i = 0; i < 16 && uring_ring_has_deferred(&uring->ring); i++)
        (void)uring_ring_enter(&uring->ring, 0);
}

/* ---- from completions to callbacks ---- */

static int finish_operation(struct uring_engine *uring, struct operation *operation, int result)
{
    uring->base.pending--;
    operation->done(operation, result);
    return 1;
}

static int complete_operation(struct uring_engine *uring, uint32_t index, int result)
{
    struct slot *slot = slot_at(&uring->table, index);
    struct operation *operation = slot->target;
    if (uring_operation_interrupted(operation, result, slot->cancelled)) {
        slot_push(&uring->table, &uring->todo, index);
        return 0;
    }
    result = uring_operation_result(operation, result, slot->cancelled);
    slot->target = NULL;
    if (!slot->queued) /* else feed() finds it, on its way to be cancelled */
        slot_put(&uring->table, index);
    return finish_operation(uring, operation, result);
}

static void complete_wake(struct uring_engine *uring, uint32_t index, bool last)
{
    const struct slot *slot = slot_at(&uring->table, index);
    /* An exchange, not a store: it makes everything visible that wakers did before. */
    atomic_exchange(&uring->woken, false);
    uring->awake = true;
    if (last && !slot->cancelled)
        slot_push(&uring->table, &uring->todo, index);
    else if (last && !slot->queued)
        slot_put(&uring->table, index);
}

static int complete(struct uring_engine *uring, struct uring_completion completion)
{
    uint32_t index = slot_find(&uring->table, completion.tag);
    if (!index)
        return 0;
    struct slot *slot = slot_at(&uring->table, index);
    bool last = !(completion.flags & IORING_CQE_F_MORE);
    if (last) {
        slot->flying = false;
        uring->flying--;
    }
    switch ((enum slot_kind)slot->kind) {
    case SLOT_OPERATION:
        return complete_operation(uring, index, completion.result);
    case SLOT_WATCH:
        return uring_watch_complete(uring, index, completion.result, last);
    case SLOT_WAKE:
        complete_wake(uring, index, last);
        return 0;
    case SLOT_LOOK:
        if (!slot->cancelled)
            return uring_look(uring);
        if (!slot->queued)
            slot_put(&uring->table, index);
    }
    return 0;
}

/* Not the completions that come in while this runs, or it might never end. */
static int deliver(struct uring_engine *uring)
{
    int delivered = 0;
    for (unsigned left = uring_ring_ready(&uring->ring); left > 0; left--)
        delivered += complete(uring, uring_ring_take(&uring->ring));
    return delivered;
}

static int deliver_finished(struct uring_engine *uring)
{
    int delivered = 0;
    for (size_t left = uring->finished.count; left > 0; left--) {
        uint32_t index = slot_pop(&uring->table, &uring->finished);
        struct operation *operation = slot_at(&uring->table, index)->target;
        slot_put(&uring->table, index);
        delivered += finish_operation(uring, operation, -ECANCELED);
    }
    return delivered;
}

/* ---- for a foreign loop ---- */

/* The ring itself won't do: with DEFER_TASKRUN whoever sleeps in poll() on it isn't woken by work
 * that is put off until the ring is entered (Linux 6.18). A registered eventfd is signalled by
 * that, too; but such a signal that comes of another eventfd's takes the kernel some milliseconds,
 * or gets lost (seen there: all but the first). So a set has it and beside it, for one edge each,
 * those watched descriptors whose signal may come of an eventfd's. */
static int foreign_begin(struct uring_engine *uring)
{
    struct epoll_event event = {.events = EPOLLIN};
    int told = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), set = epoll_create1(EPOLL_CLOEXEC), r = 0;
    if (told < 0 || set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, told, &event) < 0)
        r = -errno;
    if (r == 0)
        r = io_uring_register_eventfd(&uring->ring.io_uring, told);
    if (r < 0) {
        if (told >= 0)
            close(told);
        if (set >= 0)
            close(set);
        return r;
    }
    uring->told = told;
    uring->set = set;
    uring->foreign = true;
    return 0;
}

static int uring_descriptor(struct engine *engine)
{
    struct uring_engine *uring = uring_engine(engine);
    int r = uring->foreign ? 0 : foreign_begin(uring);
    if (r < 0)
        return r;
    bool owed = uring->todo.first || uring->finished.first || uring_ring_ready(&uring->ring) ||
                uring_ring_has_deferred(&uring->ring);
    return owed ? -EAGAIN : uring->set;
}

/* What happens from here on tells anew. */
static void uring_hear(const struct uring_engine *uring)
{
    enum { EDGES = 16 };
    struct epoll_event edges[EDGES];
    uint64_t count;
    while (read(uring->told, &count, sizeof count) < 0 && errno == EINTR)
        continue;
    while (epoll_wait(uring->set, edges, EDGES, 0) == EDGES)
        continue;
}

/* With a small ring todo is fed in portions, each with an enter of its own; the last one waits.
 * What is added meanwhile is left to the next turn, so that a level watch comes once in each. */
static int uring_turn(struct engine *engine, int64_t timeout_ns)
{
    struct uring_engine *uring = uring_engine(engine);
    assert(!uring->turning && "turn() called by a callback");
    uring->turning = true;
    uring->awake = false;
    if (__builtin_expect(uring->foreign, 0))
        uring_hear(uring);

    int delivered = 0, r;
    size_t planned = uring->todo.count, taken;
    bool stuck;
    do {
        taken = feed(uring, planned);
        planned -= taken;
        delivered += deliver_finished(uring);
        if (uring->in_doubt && timeout_ns > 0 && timeout_ns < URING_LOOK_AFTER_NS)
            delivered += uring_look(uring);
        /* The wake poll always flies, except at the engine's end. */
        bool wait = delivered == 0 && uring->todo.count == 0 && !uring->awake && uring->flying > 0;
        r = uring_ring_enter(&uring->ring, wait ? timeout_ns : 0);
        if (r < 0)
            break;
        int count = deliver(uring);
        delivered += count;
        stuck = taken == 0 && count == 0;
    } while (planned > 0 && !stuck);

    uring->turning = false;
    return r < 0 ? r : delivered;
}

static void uring_signal(int descriptor)
{
    const uint64_t one = 1;
    while (write(descriptor, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static void uring_wake(struct engine *engine)
{
    struct uring_engine *uring = uring_engine(engine);
    if (atomic_exchange(&uring->woken, true))
        return;
    int saved = errno;
    uring_signal(uring->eventfd);
    if (uring->foreign) /* that by itself may not be told: see foreign_begin */
        uring_signal(uring->told);
    errno = saved;
}

/* ---- operations ---- */

static int uring_submit(struct engine *engine, struct operation *operation)
{
    struct uring_engine *uring = uring_engine(engine);
    if (!uring_operation_known(operation))
        return -ENOTSUP;
    uring_operation_check(operation);
    uint32_t index = slot_take(&uring->table, SLOT_OPERATION, operation);
    if (!index)
        return -ENOMEM;
    operation->engine[0] = index;
    uring->base.pending++;
    slot_push(&uring->table, &uring->todo, index);
    return 0;
}

static void uring_cancel(struct engine *engine, struct operation *operation)
{
    struct uring_engine *uring = uring_engine(engine);
    uint32_t index = (uint32_t)operation->engine[0];
    struct slot *slot = slot_at(&uring->table, index);
    assert(slot->target == operation);
    if (slot->cancelled)
        return;
    slot->cancelled = true;
    if (!slot->queued)
        slot_push(&uring->table, &uring->todo, index);
}

/* ---- birth and death ---- */

/* Until the kernel's last word on everything: it may still write into buffers, and keeps files open
 * (closing the ring would give them back too, but some time later). */
static void cancel_everything(struct uring_engine *uring)
{
    for (uint32_t i = 1; i < uring->table.made; i++) {
        struct slot *slot = slot_at(&uring->table, i);
        if ((!slot->flying && !slot->queued) || slot->cancelled)
            continue;
        if (slot->kind == SLOT_WATCH) {
            uring_watch_end(uring, i);
            continue;
        }
        slot->cancelled = true;
        if (!slot->queued)
            slot_push(&uring->table, &uring->todo, i);
    }
    while (uring->flying || uring->todo.first || uring->finished.first) {
        if (uring_turn(&uring->base, -1) < 0)
            return;
    }
}

static void uring_destroy(struct engine *engine)
{
    struct uring_engine *uring = uring_engine(engine);
    if (uring_ring_is_here(&uring->ring))
        cancel_everything(uring);
    uring_ring_destroy(&uring->ring);
    if (uring->foreign) {
        close(uring->set);
        close(uring->told);
    }
    close(uring->eventfd);
    memory_free(uring->table.slots);
    memory_free(uring);
}

static const struct engine_vtable uring_vtable = {
    .name = "uring",
    .submits = true,
    .destroy = uring_destroy,
    .turn = uring_turn,
    .wake = uring_wake,
    .descriptor = uring_descriptor,
    .watch = uring_watch,
    .rewatch = uring_rewatch,
    .unwatch = uring_unwatch,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .receive = engine_socket_receive,
    .send = engine_socket_send,
    .receive_message = engine_socket_receive_message,
    .send_message = engine_socket_send_message,
    .send_file = engine_socket_send_file,
    .receive_into_pipe = engine_socket_receive_into_pipe,
    .send_from_pipe = engine_socket_send_from_pipe,
    .change_group = engine_socket_change_group,
    .receive_datagrams = engine_socket_receive_datagrams,
    .send_datagrams = engine_socket_send_datagrams,
    .socket = engine_socket_socket,
    .bind = engine_socket_bind,
    .listen = engine_socket_listen,
    .connect = engine_socket_connect,
    .accept = engine_socket_accept,
    .shutdown = engine_socket_shutdown,
    .close = uring_close,
    .local_address = engine_socket_local_address,
    .peer_address = engine_socket_peer_address,
    .set_option = engine_socket_set_option,
    .get_option = engine_socket_get_option,
    .position = engine_socket_position,
    .read_now = engine_socket_read_now,
    .take_from_pipe = engine_socket_receive,
    .socket_pair = engine_socket_socket_pair,
    .descriptor_status = engine_socket_descriptor_status,
    .descriptor_flags = engine_socket_descriptor_flags,
    .path_status = engine_socket_path_status,
    .path_mode = engine_socket_path_mode,
    .path_remove = engine_socket_path_remove,
    .pipe = engine_process_pipe,
    .process_start = engine_process_start,
    .process_signal = engine_process_signal,
    .process_reap = engine_process_reap,
};

int engine_uring_create(struct engine **ret_engine, char *why, size_t why_size)
{
    struct uring_engine *uring = memory_allocate_zeroed(1, sizeof *uring);
    if (!uring)
        return -ENOMEM;
    uring->base.call = &uring_vtable;
    int r = -ENOMEM;
    uint32_t wake = slot_take(&uring->table, SLOT_WAKE, NULL);
    uring->look = slot_take(&uring->table, SLOT_LOOK, NULL);
    if (!wake || !uring->look)
        goto fail;
    slot_push(&uring->table, &uring->todo, wake);
    uring->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (uring->eventfd < 0) {
        r = -errno;
        goto fail;
    }
    r = uring_ring_create(&uring->ring, why, why_size);
    if (r < 0) {
        close(uring->eventfd);
        goto fail;
    }
    *ret_engine = &uring->base;
    return 0;

fail:
    memory_free(uring->table.slots);
    memory_free(uring);
    return r;
}
