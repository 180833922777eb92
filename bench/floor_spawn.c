/* SPDX-License-Identifier: MIT
 *
 * The floor of spawn and join: take the warmest pooled stack, set it up, switch in, run an empty
 * function, switch back, put the stack back. No queue, no result, no name: whatever a runtime
 * does besides is what its ratio shows.
 */
#include "floors.h"
#include "raw_task.h"
#include "stopwatch.h"

enum { STACK_STRIDE = 64 * 1024, POOLED_STACKS = 16 };

static struct raw_task outside;
static struct raw_task *pool;

static __attribute__((noinline)) void empty_function(void)
{
    __asm__ volatile("");
}

static void child_entry(struct raw_task *self)
{
    empty_function();
    raw_switch(self, &outside);
    __builtin_unreachable();
}

static inline __attribute__((always_inline)) void spawn_and_join(void)
{
    struct raw_task *child = pool;
    pool = child->next;
    raw_task_prepare(child, child_entry);
    raw_switch(&outside, child);
    child->next = pool;
    pool = child;
}

static int run_spawn(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct raw_stacks stacks;
    struct stopwatch watch;

    (void)self;
    int error = raw_stacks_map(&stacks, POOLED_STACKS, STACK_STRIDE);
    if (error < 0)
        return error;
    pool = NULL;
    for (size_t i = 0; i < POOLED_STACKS; i++) {
        struct raw_task *task = raw_stacks_task(&stacks, i, raw_stacks_colour(i));
        task->next = pool;
        pool = task;
    }

    stopwatch_start(&watch);
    for (uint64_t i = 0; i < operations; i++)
        spawn_and_join();
    stopwatch_stop(&watch, operations, ret_sample);
    raw_stacks_unmap(&stacks);
    return 0;
}

const struct contender floor_spawn_contenders[] = {
    {.group = "spawn", .name = "raw pooled stack, in and out", .is_floor = true, .run = run_spawn},
    {.name = NULL},
};
