/* SPDX-License-Identifier: MIT */
/*
 * The simulated engine from inside: what sockets and files have in common.
 *
 *      timer of the loop fires          a task sends, receives, shuts down
 *               |                                   |
 *               +------> sim_edges(watches) <-------+
 *                              |
 *                        edges: w, w, w ...  --------->  what is ready now --> watch->ready
 *                                              turn(), or the timer's end
 *
 * As epoll does it, an edge only says that something has happened; what is ready is looked up when
 * it is told. So several things that happen before that are told as one. A timer tells them right
 * away, on the loop's own stack like a turn: the next one would be too late by a round of the loop.
 */
#ifndef EDDY_SRC_TEST_SIM_ENGINE_H
#define EDDY_SRC_TEST_SIM_ENGINE_H

#include <stdatomic.h>
#include "list.h"
#include "test/sim.h"
#include "test/sim_descriptor.h"

struct sim_socket;

struct sim_engine {
    struct engine base;
    struct sim *sim;
    struct eddy_loop *loop;
    struct sim_descriptors descriptors;
    struct list edges;       /* of edge watches with something to tell, first come, first told */
    struct list levels;      /* of level watches */
    struct link *next_level; /* during a turn: the one to be looked at next */
    atomic_bool woken;
};

/* The engine's own part of a watch. */
struct sim_watch {
    struct link link;      /* in edges or levels */
    struct link of_socket; /* in its socket's: one a number */
    struct sim_socket *socket;
    bool queued; /* in edges */
};

static inline struct sim_engine *sim_engine_of(struct engine *engine)
{
    return (struct sim_engine *)engine;
}

/* Something has happened that these watches of a socket may want to hear of. */
void sim_edges(struct sim_engine *engine, const struct list *watches);

/* Tells the edges: how many it told. Not from a task. */
int sim_tell_edges(struct sim_engine *engine);

/* Ends those of a number that is closed under them, all of them for -1. */
void sim_watches_end(struct sim_engine *engine, const struct list *watches, int number);

/* The simulated system's own timers; fire() calls sim_timer_fired first. */
static inline void sim_timer_set(struct sim *sim, struct timer *timer, int64_t deadline)
{
    sim->timers++;
    timer_set(&sim->loop->timers, timer, deadline);
}

static inline void sim_timer_cancel(struct sim *sim, struct timer *timer)
{
    if (!timer_is_set(timer))
        return;
    sim->timers--;
    timer_cancel(&sim->loop->timers, timer);
}

static inline void sim_timer_fired(struct sim *sim)
{
    sim->timers--;
}

static inline void sim_note(struct sim *sim, enum sim_event event, uint64_t what)
{
    choices_note(&sim->choices, SIM_EVENT(event), what);
}

/* Of a transfer of so many bytes, how many are made with that chance of a short one. The tamest
 * short one lacks one byte. */
static inline size_t sim_shorten(struct sim *sim, double chance, size_t size)
{
    if (size < 2 || !choose_chance(&sim->choices, chance))
        return size;
    uint32_t fewer = size - 1 > UINT32_MAX ? UINT32_MAX : (uint32_t)(size - 1);
    return size - 1 - choose(&sim->choices, fewer);
}

#endif
