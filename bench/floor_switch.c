/* SPDX-License-Identifier: MIT
 *
 * The floor of a yield: an inline context switch, measured at call depth 4.
 *
 *     group yield       A -> B -> A ...     nobody decides who is next
 *     group yield-100   a ready ring of 100 tasks: append myself, take the first, switch
 *
 * An operation is one switch, so one descent through four calls, the switch, and the way back.
 * Both sides run the same functions: the return predictor, which knows nothing of stacks, then
 * predicts one side's returns by the other's calls. "Each side its own code" shows what it costs
 * when it can't: a misprediction a frame, of 9 to 10 ns where this was written.
 */
#include <stdbool.h>
#include <stddef.h>

#include "floors.h"
#include "raw_task.h"
#include "stopwatch.h"
#include "workload.h"

enum { STACK_STRIDE = 64 * 1024, RING_SIZE = 128 };

static struct raw_task outside; /* the harness, while a raw task runs */
static uint64_t remaining;

/* Two stacks */

static struct raw_task *running, *waiting;

static inline __attribute__((always_inline)) void pair_switch(void)
{
    struct raw_task *from = running;
    struct raw_task *to = waiting;

    running = to;
    waiting = from;
    raw_switch(from, to);
}

static inline __attribute__((always_inline)) void pair_switch_flat(void *context)
{
    (void)context;
    pair_switch();
}

WORKLOAD_AT_DEPTH_4(pair_switch_deep, pair_switch())
WORKLOAD_AT_DEPTH_4(pair_switch_deep_too, pair_switch())

#define PAIR_ENTRY(name, one_switch)                                                               \
    static void name(struct raw_task *self)                                                        \
    {                                                                                              \
        while (remaining > 0) {                                                                    \
            remaining--;                                                                           \
            one_switch(NULL);                                                                      \
        }                                                                                          \
        raw_switch(self, &outside);                                                                \
        __builtin_unreachable();                                                                   \
    }

PAIR_ENTRY(pair_flat, pair_switch_flat)
PAIR_ENTRY(pair_deep, pair_switch_deep)
PAIR_ENTRY(pair_deep_too, pair_switch_deep_too)

static int run_pair(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct raw_pair *entries = self->context;
    struct raw_stacks stacks;
    struct stopwatch watch;

    int error = raw_stacks_map_pair(&stacks, STACK_STRIDE, entries, &running, &waiting);
    if (error < 0)
        return error;
    remaining = operations;

    stopwatch_start(&watch);
    raw_switch(&outside, running);
    stopwatch_stop(&watch, operations, ret_sample);
    raw_stacks_unmap(&stacks);
    return 0;
}

/* A ready ring */

static struct raw_task *ring[RING_SIZE];
static size_t ring_head, ring_tail;
static struct raw_task *ring_leaver;

static inline __attribute__((always_inline)) void ring_yield(struct raw_task *self)
{
    ring[ring_tail++ % RING_SIZE] = self;
    raw_switch(self, ring[ring_head++ % RING_SIZE]);
}

WORKLOAD_AT_DEPTH_4(ring_yield_deep, ring_yield(context))

/* Whoever finds nothing left to do goes outside, and is continued there for the next stretch. */
static void ring_entry(struct raw_task *self)
{
    for (;;) {
        while (remaining > 0) {
            remaining--;
            ring_yield_deep(self);
        }
        ring_leaver = self;
        raw_switch(self, &outside);
    }
}

static void ring_run(uint64_t operations)
{
    remaining = operations;
    raw_switch(&outside, ring_leaver);
}

static int run_ring(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    bool coloured = self->parameter != 0;
    struct raw_stacks stacks;
    struct stopwatch watch;

    int error = raw_stacks_map(&stacks, WORKLOAD_RING_TASKS, STACK_STRIDE);
    if (error < 0)
        return error;
    ring_head = ring_tail = 0;
    for (size_t i = 0; i < WORKLOAD_RING_TASKS; i++) {
        size_t colour = coloured ? raw_stacks_colour(i) : 0;
        struct raw_task *task = raw_stacks_task(&stacks, i, colour);
        raw_task_prepare(task, ring_entry);
        ring[ring_tail++ % RING_SIZE] = task;
    }
    ring_leaver = ring[ring_head++ % RING_SIZE];
    /* Twice round before the clock starts: first touches cost 2 us each. */
    ring_run(2 * WORKLOAD_RING_TASKS);

    stopwatch_start(&watch);
    ring_run(operations);
    stopwatch_stop(&watch, operations, ret_sample);
    raw_stacks_unmap(&stacks);
    return 0;
}

static const struct raw_pair same_code = {pair_deep, pair_deep};
static const struct raw_pair different_code = {pair_deep, pair_deep_too};
static const struct raw_pair no_depth = {pair_flat, pair_flat};

const struct contender floor_switch_contenders[] = {
    {.group = "yield",
     .name = "raw switch, depth 4",
     .is_floor = true,
     .run = run_pair,
     .context = &same_code},
    {.group = "yield",
     .name = "raw switch, depth 4, each side its own code",
     .run = run_pair,
     .context = &different_code},
    {.group = "yield", .name = "raw switch, depth 0", .run = run_pair, .context = &no_depth},
    {.group = "yield-100",
     .name = "raw ready ring, coloured stacks",
     .is_floor = true,
     .run = run_ring,
     .parameter = 1},
    {.group = "yield-100", .name = "raw ready ring, stacks at one page offset", .run = run_ring},
    {.name = NULL},
};
