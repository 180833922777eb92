/* SPDX-License-Identifier: MIT */
/*
 * eddy_blocking_sleep: time.sleep(), on whichever clock the calling code lives by.
 *
 *     on the loop's thread, virtual clock    the clock moves on, as during a freeze
 *     in a job of such a loop                the pool sees to it that the clock gets there
 *     anywhere else                          clock_nanosleep
 */
#include <errno.h>
#include <math.h>
#include <time.h>
#include "blocking.h"
#include "log.h"
#include "loop.h"

_Thread_local struct blocking_clock *blocking_clock;

static void sleep_really(int64_t nanoseconds)
{
    int64_t end = clock_monotonic() + nanoseconds;
    const struct timespec until = {.tv_sec = end / NANOSECONDS, .tv_nsec = end % NANOSECONDS};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

int eddy_blocking_sleep(double seconds)
{
    if (isnan(seconds) || seconds < 0)
        return log_misuse(-EINVAL, "eddy_blocking_sleep", "%g seconds", seconds);
    int64_t nanoseconds = seconds_to_nanoseconds(seconds);
    struct eddy_loop *loop = loop_self;
    if (loop && loop->virtual_clock)
        loop->virtual_now = time_add(loop->virtual_now, nanoseconds);
    else if (!loop && blocking_clock)
        blocking_clock->sleep(blocking_clock, nanoseconds);
    else
        sleep_really(nanoseconds);
    return 0;
}
