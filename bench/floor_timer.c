/* SPDX-License-Identifier: MIT
 *
 * The floor of setting and cancelling a timer: a plain wheel, and the clock read that turns a delay
 * into a deadline.
 *
 * 512 other timers are armed all the time, so that slots are neither all empty nor alone.
 */
#include <stddef.h>

#include "floors.h"
#include "raw_wheel.h"
#include "stopwatch.h"
#include "workload.h"

static int run_timer(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    static struct raw_timer live[WORKLOAD_LIVE_TIMERS];
    struct raw_timer timer;
    struct stopwatch watch;
    bool reads_clock = self->parameter != 0;
    uint64_t now = raw_clock_nanoseconds();

    raw_wheel_prepare(now);
    for (size_t i = 0; i < WORKLOAD_LIVE_TIMERS; i++)
        raw_wheel_set(&live[i], now + workload_delay_milliseconds(i * 7919) * 1000000);

    stopwatch_start(&watch);
    for (uint64_t i = 0; i < operations; i++) {
        if (reads_clock)
            now = raw_clock_nanoseconds();
        raw_wheel_set(&timer, now + workload_delay_milliseconds(i) * 1000000);
        raw_wheel_cancel(&timer);
    }
    stopwatch_stop(&watch, operations, ret_sample);
    return 0;
}

const struct contender floor_timer_contenders[] = {
    {.group = "timer",
     .name = "raw wheel + clock_gettime",
     .is_floor = true,
     .run = run_timer,
     .parameter = 1},
    {.group = "timer", .name = "raw wheel alone", .run = run_timer},
    {.name = NULL},
};
