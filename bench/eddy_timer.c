/* SPDX-License-Identifier: MIT
 *
 * eddy's timers, set and cancelled while 512 others are live: as callbacks, and as timeout blocks
 * around nothing, which are a cancellation scope besides.
 *
 * The task never suspends meanwhile, so nothing comes due within a block.
 */
#include "eddy_contenders.h"
#include "stopwatch.h"
#include "workload.h"

static double delay_seconds(uint64_t n)
{
    return (double)workload_delay_milliseconds(n) / 1000;
}

static void ignore(void *argument)
{
    (void)argument;
}

static int set_and_cancel(double seconds)
{
    eddy_handle *handle = eddy_call_later(seconds, ignore, NULL);
    return eddy_handle_cancel(handle) ? 0 : -ENOMEM;
}

static int enter_and_leave(double seconds)
{
    int error;
    eddy_with_timeout (seconds, &error)
        __asm__ volatile("");
    return error;
}

struct timer_main {
    uint64_t operations;
    bool timeouts;
    struct sample *ret_sample;
};

static int timer_main(struct timer_main *arguments)
{
    eddy_handle *live[WORKLOAD_LIVE_TIMERS];
    struct stopwatch watch;
    int error = 0;

    for (uint64_t i = 0; i < WORKLOAD_LIVE_TIMERS; i++)
        live[i] = eddy_call_later(delay_seconds(i * 7919), ignore, NULL);

    stopwatch_start(&watch);
    if (arguments->timeouts) {
        for (uint64_t i = 0; i < arguments->operations && error == 0; i++)
            error = enter_and_leave(delay_seconds(i));
    } else {
        for (uint64_t i = 0; i < arguments->operations && error == 0; i++)
            error = set_and_cancel(delay_seconds(i));
    }
    stopwatch_stop(&watch, arguments->operations, arguments->ret_sample);

    for (uint64_t i = 0; i < WORKLOAD_LIVE_TIMERS; i++)
        (void)eddy_handle_cancel(live[i]);
    return error;
}

static int run_timer(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    return eddy_run_with(&options, timer_main, .operations = operations,
                         .timeouts = self->parameter != 0, .ret_sample = ret_sample);
}

const struct contender eddy_timer_contenders[] = {
    {.group = "timer", .name = "eddy_call_later, eddy_handle_cancel", .run = run_timer},
    {.group = "timer", .name = "eddy_with_timeout, in and out", .run = run_timer, .parameter = 1},
    {.name = NULL},
};
