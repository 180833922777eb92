/* SPDX-License-Identifier: MIT */
/*
 * The fault engine from inside.
 *
 *      loop, streams, files
 *             |  calls        ^  edges, completions
 *             v               |
 *      fault_engine.c    fault_delivery.c       counts, fails, cuts short; holds back, adds edges
 *      fault_transfer.c       ^
 *             |               |
 *             v               |
 *          the engine that is wrapped
 *
 * The wrapped engine never sees the caller's watches and operations but copies of them, which lead
 * back here: `engine[0]` of the caller's has the copy.
 */
#ifndef EDDY_SRC_TEST_FAULT_ENGINE_H
#define EDDY_SRC_TEST_FAULT_ENGINE_H

#include <stdatomic.h>
#include "list.h"
#include "test/fault_plan.h"

/* A call on this descriptor was answered -EAGAIN by a storm: the next one is let through. */
struct fault_refusal {
    int descriptor;
    unsigned direction; /* READY_READ or READY_WRITE */
};

struct fault_engine {
    struct engine base;
    struct engine_vtable vtable; /* with the name and the abilities of the engine it wraps */
    struct engine *inner;
    struct fault_plan *plan;
    struct list watches; /* of struct fault_watch */
    struct list held;    /* of struct fault_operation */
    size_t held_count;
    struct fault_refusal *refusals;
    size_t refusal_count, refusal_capacity;
    size_t transfers; /* cut short so far */
    size_t turns;
    atomic_bool woken;
    int64_t waiting_since; /* real time, 0: something has happened since the last wait */
    bool ending;           /* the wrapped engine is being destroyed: nothing is held back */
};

static inline struct fault_engine *fault_engine(struct engine *engine)
{
    return (struct fault_engine *)engine;
}

/* 1 to `most`, by the plan's generator. */
unsigned fault_choose(struct fault_plan *plan, unsigned most);

/* ---- fault_delivery.c: the upper half of the vtable ---- */

void fault_destroy(struct engine *base);
int fault_descriptor(struct engine *base);
int fault_turn(struct engine *base, int64_t timeout);
void fault_wake(struct engine *base);
int fault_watch(struct engine *base, struct watch *watch);
int fault_rewatch(struct engine *base, struct watch *watch);
void fault_unwatch(struct engine *base, struct watch *watch);
int fault_submit(struct engine *base, struct operation *operation);
void fault_cancel(struct engine *base, struct operation *operation);

/* The descriptor's watch, if there is one, is told in the next turn that it is ready: whoever was
 * made to believe that there is nothing would wait for ever otherwise. A watch that begins later
 * learns the truth from the wrapped engine. */
void fault_owe(struct fault_engine *fault, int descriptor, unsigned what);

/* ---- fault_transfer.c: the vtable's calls that receive and send ---- */

ssize_t fault_receive(struct engine *base, int descriptor, void *buffer, size_t size);
ssize_t fault_send(struct engine *base, int descriptor, const void *data, size_t size);
ssize_t fault_receive_message(struct engine *base, int descriptor, struct msghdr *message);
ssize_t fault_send_message(struct engine *base, int descriptor, const struct msghdr *message);
ssize_t fault_send_file(struct engine *base, int descriptor, int file, int64_t offset, size_t size);
ssize_t fault_receive_into_pipe(struct engine *base, int descriptor, int pipe, size_t size);
ssize_t fault_send_from_pipe(struct engine *base, int pipe, int descriptor, size_t size);
ssize_t fault_take_from_pipe(struct engine *base, int pipe, void *buffer, size_t size);
int fault_receive_datagrams(struct engine *base, int descriptor, struct mmsghdr *messages,
                            unsigned count);
int fault_send_datagrams(struct engine *base, int descriptor, struct mmsghdr *messages,
                         unsigned count);

/* Whether a call is to be told that there is nothing: every other time, by descriptor. */
bool fault_refuse(struct fault_engine *fault, int descriptor, unsigned direction);

/* Forgets one refusal in any of these directions: whether there was one. */
bool fault_refusal_take_back(struct fault_engine *fault, int descriptor, unsigned direction);

/* How much of a transfer is let through. */
size_t fault_part(struct fault_engine *fault, size_t size);

#endif
