/* SPDX-License-Identifier: MIT
 *
 * The floor of an idle task's memory: raw stackful tasks, each entered once and parked, with one
 * touched page. Resident memory and page tables are counted apart, because the distance between
 * stacks hardly shows in the first and decides the second.
 *
 * Each run is in a forked child: a process that once held 100,000 stacks is no clean start.
 */
#include "memory.h"

#include "floors.h"
#include "machine.h"
#include "raw_task.h"

static struct raw_task outside;

static void park_entry(struct raw_task *self)
{
    for (;;)
        raw_switch(self, &outside);
}

struct memory_run {
    size_t tasks;
    size_t stride;
};

static int park_tasks(void *argument, struct sample *ret_sample)
{
    const struct memory_run *run = argument;
    struct memory_use before, after;
    struct raw_stacks stacks;

    int error = memory_use_read(&before);
    if (error < 0)
        return error;
    error = raw_stacks_map(&stacks, run->tasks, run->stride);
    if (error < 0)
        return error;
    for (size_t i = 0; i < run->tasks; i++) {
        struct raw_task *task = raw_stacks_task(&stacks, i, 0);
        raw_task_prepare(task, park_entry);
        raw_switch(&outside, task);
    }
    error = memory_use_read(&after);
    if (error < 0)
        return error;
    memory_use_sample(&before, &after, run->tasks, ret_sample);
    raw_stacks_unmap(&stacks);
    return 0;
}

static int run_memory(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct memory_run run = {.tasks = operations, .stride = self->parameter};
    return machine_run_in_child(park_tasks, &run, ret_sample);
}

const struct contender floor_memory_contenders[] = {
    {.group = "memory",
     .name = "raw task, a stack every 16 KiB",
     .is_floor = true,
     .run = run_memory,
     .parameter = 16 * 1024},
    {.group = "memory",
     .name = "raw task, a stack every 32 KiB",
     .run = run_memory,
     .parameter = 32 * 1024},
    {.group = "memory",
     .name = "raw task, a stack every 320 KiB",
     .run = run_memory,
     .parameter = 320 * 1024},
    {.name = NULL},
};
