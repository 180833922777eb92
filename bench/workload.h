/* SPDX-License-Identifier: MIT
 *
 * What a floor and eddy must do alike, or their ratio means nothing: sizes, delays, and the call
 * depth at which a switch is measured.
 */
#ifndef EDDY_BENCH_WORKLOAD_H
#define EDDY_BENCH_WORKLOAD_H

#include <stdint.h>

enum {
    WORKLOAD_RING_TASKS = 100,
    WORKLOAD_GATHERED_TASKS = 1000,
    WORKLOAD_QUEUE_CAPACITY = 128, /* a power of two */
    WORKLOAD_LIVE_TIMERS = 512,    /* armed all the time beside the one set and cancelled */
    WORKLOAD_MESSAGE_SIZE = 64,    /* of an echo request */
    WORKLOAD_BUFFER_SIZE = 1024,   /* that a connection's task has for it */
    WORKLOAD_LARGE_MESSAGE_SIZE = 4096,
    WORKLOAD_LARGE_BUFFER_SIZE = 8192, /* larger: a read that fills it can't tell that it was all */
    WORKLOAD_SIM_PAIRS = 500,          /* of a client and the task that serves it */
    WORKLOAD_SIM_DELAY_MIN_US = 900,
    WORKLOAD_SIM_DELAY_MAX_US = 1100,
};

/* The delay of the n-th timer: 1..4096 ms, scattered over the wheel's levels. */
static inline uint64_t workload_delay_milliseconds(uint64_t n)
{
    return 1 + ((uint32_t)(n * 2654435761u) >> 20);
}

/* gcc believes that inline assembly, even one that clobbers memory, leaves alone a static variable
 * whose address nobody takes, once the assembly is in another function (-fipa-reference). A switch
 * runs other functions of the same file, which do change it: so the analysis must stop here. */
#if defined(__GNUC__) && !defined(__clang__)
#define WORKLOAD_OPAQUE __attribute__((noipa))
#else
#define WORKLOAD_OPAQUE __attribute__((noinline))
#endif

/* Defines `static void name(void *context)`, which runs `statement` four calls down. A switch
 * measured in a flat loop flatters methods that desynchronise the return predictor: they pay in
 * the frames above. Each level does something after its call, or it would become a jump. */
#define WORKLOAD_AT_DEPTH_4(name, statement)                                                       \
    static WORKLOAD_OPAQUE void name##_4(void *context)                                            \
    {                                                                                              \
        (void)context;                                                                             \
        statement;                                                                                 \
        __asm__ volatile("");                                                                      \
    }                                                                                              \
    static __attribute__((noinline)) void name##_3(void *context)                                  \
    {                                                                                              \
        name##_4(context);                                                                         \
        __asm__ volatile("");                                                                      \
    }                                                                                              \
    static __attribute__((noinline)) void name##_2(void *context)                                  \
    {                                                                                              \
        name##_3(context);                                                                         \
        __asm__ volatile("");                                                                      \
    }                                                                                              \
    static __attribute__((noinline)) void name(void *context)                                      \
    {                                                                                              \
        name##_2(context);                                                                         \
        __asm__ volatile("");                                                                      \
    }

#endif
