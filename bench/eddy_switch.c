/* SPDX-License-Identifier: MIT
 *
 * eddy's yield: tasks that call eddy_sleep(0) four calls down, as often as there is work left.
 *
 * They take turns in the order in which they were spawned. The first one starts the clock when all
 * have been twice round, so first touches don't count; whoever finds the work done stops it.
 */
#include <stdlib.h>

#include "eddy_contenders.h"
#include "stopwatch.h"
#include "workload.h"

enum { WARM_UP_ROUNDS = 2 };

static uint64_t remaining;
static uint64_t switches;
static struct stopwatch watch;
static struct sample *result;

static inline __attribute__((always_inline)) void yield_once(void)
{
    if (eddy_sleep(0) < 0)
        abort();
}

WORKLOAD_AT_DEPTH_4(yield_deep, yield_once())
WORKLOAD_AT_DEPTH_4(yield_deep_too, yield_once())

struct yielder {
    bool starts_clock;
};

#define YIELDER(name, one_yield)                                                                   \
    static int name(struct yielder *arguments)                                                     \
    {                                                                                              \
        for (int i = 0; i < WARM_UP_ROUNDS; i++)                                                   \
            one_yield(NULL);                                                                       \
        if (arguments->starts_clock)                                                               \
            stopwatch_start(&watch);                                                               \
        while (remaining > 0) {                                                                    \
            remaining--;                                                                           \
            one_yield(NULL);                                                                       \
        }                                                                                          \
        if (result != NULL)                                                                        \
            stopwatch_stop(&watch, switches, result);                                              \
        result = NULL;                                                                             \
        return 0;                                                                                  \
    }

YIELDER(yielder, yield_deep)
YIELDER(yielder_too, yield_deep_too)

struct yield_main {
    uint64_t tasks;
    bool different_code;
};

static int yield_main(struct yield_main *arguments)
{
    int error;

    eddy_with_group (tasks, &error) {
        for (uint64_t i = 0; i < arguments->tasks; i++) {
            if (arguments->different_code && i % 2 == 1)
                eddy_spawn_as(tasks, yielder_too, struct yielder, .starts_clock = i == 0);
            else
                eddy_spawn(tasks, yielder, .starts_clock = i == 0);
        }
    }
    return error;
}

static int run_yield(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;

    remaining = switches = operations;
    result = ret_sample;
    return eddy_run_with(&options, yield_main, .tasks = self->parameter,
                         .different_code = self->context != NULL);
}

const struct contender eddy_switch_contenders[] = {
    {.group = "yield", .name = "eddy_sleep(0), depth 4", .run = run_yield, .parameter = 2},
    {.group = "yield",
     .name = "eddy_sleep(0), depth 4, each side its own code",
     .run = run_yield,
     .context = &remaining,
     .parameter = 2},
    {.group = "yield-100",
     .name = "eddy_sleep(0), depth 4",
     .run = run_yield,
     .parameter = WORKLOAD_RING_TASKS},
    {.name = NULL},
};
