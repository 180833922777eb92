/* SPDX-License-Identifier: MIT
 *
 * What the contenders of the groups thread, thread-1000 and worker have in common: the job, and the
 * CPU time of two processes.
 */
#ifndef EDDY_BENCH_OFFLOAD_H
#define EDDY_BENCH_OFFLOAD_H

#include <sys/types.h>

#include "harness.h"
#include "stopwatch.h"

enum {
    OFFLOAD_AT_ONCE = 1000,
    OFFLOAD_THREADS = 6, /* eddy's default where there are two processors */
};

/* Travels there and back. */
struct offload_job {
    uint64_t number;
    char more[56];
};

static inline int offload_work(struct offload_job *job)
{
    job->number++;
    return 0;
}

/* Of this process and of one that works for it. */
struct offload_watch {
    struct stopwatch own, other;
};

static inline int offload_watch_start(struct offload_watch *watch, pid_t other)
{
    int error = stopwatch_start_on(&watch->other, other);
    stopwatch_start(&watch->own);
    return error;
}

static inline void offload_watch_stop(struct offload_watch *watch, uint64_t operations,
                                      struct sample *ret_sample)
{
    struct sample other = EMPTY_SAMPLE;
    stopwatch_stop(&watch->own, operations, ret_sample);
    stopwatch_stop(&watch->other, operations, &other);
    ret_sample->cpu_nanoseconds += other.cpu_nanoseconds;
    ret_sample->instructions = -1; /* only this process's were counted */
}

#endif
