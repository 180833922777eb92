/* SPDX-License-Identifier: MIT
 *
 * eddy's spawn and join of an empty task: through a group of its own each, through groups of a
 * hundred, and with a handle that is created, awaited and released.
 */
#include "eddy_contenders.h"
#include "stopwatch.h"

enum { LARGE_GROUP = 100 };

static int nothing(void)
{
    return 0;
}

static int spawn_in_group(uint64_t children)
{
    int error;
    eddy_with_group (group, &error) {
        for (uint64_t i = 0; i < children; i++)
            eddy_spawn(group, nothing);
    }
    return error;
}

static int create_and_await(void)
{
    eddy_task *task = eddy_create_task(nothing);
    if (task == NULL)
        return -ENOMEM;
    int error = eddy_await(task);
    eddy_task_release(task);
    return error;
}

struct spawn_main {
    uint64_t operations;
    uint64_t group_size; /* 0: no group */
    struct sample *ret_sample;
};

static int spawn_main(struct spawn_main *arguments)
{
    uint64_t step = arguments->group_size > 0 ? arguments->group_size : 1;
    uint64_t count = (arguments->operations + step - 1) / step;
    struct stopwatch watch;
    int error = spawn_in_group(LARGE_GROUP); /* so that the stacks are warm */

    stopwatch_start(&watch);
    for (uint64_t i = 0; i < count && error == 0; i++)
        error = arguments->group_size > 0 ? spawn_in_group(step) : create_and_await();
    stopwatch_stop(&watch, count * step, arguments->ret_sample);
    return error;
}

static int run_spawn(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    return eddy_run_with(&options, spawn_main, .operations = operations,
                         .group_size = self->parameter, .ret_sample = ret_sample);
}

const struct contender eddy_spawn_contenders[] = {
    {.group = "spawn", .name = "eddy_spawn, groups of 100", .run = run_spawn, .parameter = 100},
    {.group = "spawn", .name = "eddy_spawn, a group each", .run = run_spawn, .parameter = 1},
    {.group = "spawn", .name = "eddy_create_task, eddy_await, release", .run = run_spawn},
    {.name = NULL},
};
