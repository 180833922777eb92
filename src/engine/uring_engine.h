/* SPDX-License-Identifier: MIT */
/*
 * The io_uring engine from inside: what uring.c (turns, operations) and uring_watch.c share.
 */
#ifndef EDDY_SRC_ENGINE_URING_ENGINE_H
#define EDDY_SRC_ENGINE_URING_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "engine/engine.h"
#include "engine/uring_ring.h"
#include "engine/uring_slot.h"

struct uring_engine {
    struct engine base;
    struct uring_ring ring;
    int eventfd;
    atomic_bool woken; /* a wake was asked for and not yet seen by a turn */
    bool awake;        /* seen, by the present turn: it must not wait */
    bool turning;
    bool foreign;             /* a foreign loop waits, for: */
    int set;                  /* an epoll set of what follows and of watched descriptors: uring.c */
    int told;                 /* an eventfd, signalled by every completion */
    uint32_t flying;          /* slots that the kernel has */
    uint32_t polls_to_cancel; /* unwatched, and still in todo */
    uint32_t look;            /* the slot of the timer for watches in doubt */
    bool in_doubt;            /* there are such, and it runs */
    struct slot_table table;
    struct slot_queue todo;     /* for the kernel */
    struct slot_queue finished; /* cancelled before the kernel had them: only done() is missing */
};

static inline struct uring_engine *uring_engine(struct engine *engine)
{
    return (struct uring_engine *)engine;
}

/* Feeds todo to the ring and enters it until the kernel has let go of unwatched files. Delivers
 * nothing. If the ring is too full for it, the next turn does it. */
void uring_flush_cancelled_polls(struct uring_engine *uring);

int uring_watch(struct engine *engine, struct watch *watch);
int uring_rewatch(struct engine *engine, struct watch *watch);
void uring_unwatch(struct engine *engine, struct watch *watch);
int uring_close(struct engine *engine, int descriptor);

/* For the slot of a watch: fills in the entry that asks for its poll; takes a completion of it and
 * returns the number of things delivered; drops it, whatever it is doing. */
void uring_watch_prepare(const struct watch *watch, struct io_uring_sqe *entry);
int uring_watch_complete(struct uring_engine *uring, uint32_t index, int result, bool last);
void uring_watch_end(struct uring_engine *uring, uint32_t index);

/* The timer for watches in doubt: fills in its entry; looks at them, which it does before a wait of
 * less than its own, too, and returns the number of things delivered. */
#define URING_LOOK_AFTER_NS 50000000
void uring_look_prepare(struct io_uring_sqe *entry);
int uring_look(struct uring_engine *uring);

#endif
