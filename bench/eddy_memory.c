/* SPDX-License-Identifier: MIT
 *
 * An idle eddy task's memory: tasks parked in eddy_sleep, at the default stack size and at the
 * smallest one. The loop, the timers and the handles are counted in.
 */
#include "memory.h"

#include "eddy_contenders.h"
#include "machine.h"

static int sleeper(void)
{
    return eddy_sleep(3600);
}

struct memory_main {
    size_t tasks;
    struct memory_use *ret_use;
};

static int memory_main(struct memory_main *arguments)
{
    int error, read_error = 0;

    eddy_with_group (sleepers, &error) {
        for (size_t i = 0; i < arguments->tasks; i++)
            eddy_spawn(sleepers, sleeper);
        error = eddy_sleep(0); /* until each has gone to sleep */
        read_error = memory_use_read(arguments->ret_use);
        eddy_group_cancel(sleepers);
    }
    return read_error < 0 ? read_error : error;
}

struct memory_run {
    size_t tasks;
    size_t stack_size;
};

static int sleep_in_tasks(void *argument, struct sample *ret_sample)
{
    const struct memory_run *run = argument;
    struct eddy_options options = EDDY_BENCH_OPTIONS;
    struct memory_use before, after;

    int error = memory_use_read(&before);
    if (error < 0)
        return error;
    options.stack_size = run->stack_size;
    error = eddy_run_with(&options, memory_main, .tasks = run->tasks, .ret_use = &after);
    if (error == 0)
        memory_use_sample(&before, &after, run->tasks, ret_sample);
    return error;
}

static int run_memory(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct memory_run run = {.tasks = operations, .stack_size = self->parameter};
    return machine_run_in_child(sleep_in_tasks, &run, ret_sample);
}

const struct contender eddy_memory_contenders[] = {
    {.group = "memory", .name = "eddy task in eddy_sleep, 256 KiB stack", .run = run_memory},
    {.group = "memory",
     .name = "eddy task in eddy_sleep, 28 KiB stack",
     .run = run_memory,
     .parameter = 28 * 1024},
    {.name = NULL},
};
