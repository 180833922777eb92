/* SPDX-License-Identifier: MIT
 *
 * A stopwatch for programs that start others: CPU time includes that of the children, which is most
 * of it, once they have been waited for.
 */
#ifndef EDDY_BENCH_PROCESS_H
#define EDDY_BENCH_PROCESS_H

#include <sys/resource.h>

#include "stopwatch.h"

struct process_watch {
    struct stopwatch own;
    double children;
};

static inline double process_children(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_CHILDREN, &usage) < 0)
        return 0;
    return ((double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec) * 1e9 +
           ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) * 1e3;
}

static inline void process_watch_start(struct process_watch *watch)
{
    watch->children = process_children();
    stopwatch_start(&watch->own);
}

static inline void process_watch_stop(struct process_watch *watch, uint64_t operations,
                                      struct sample *ret_sample)
{
    stopwatch_stop(&watch->own, operations, ret_sample);
    ret_sample->cpu_nanoseconds += process_children() - watch->children;
}

#endif
