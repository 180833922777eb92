/* SPDX-License-Identifier: MIT
 *
 * What the contenders of group post have in common: a thread that posts in bursts, and the other
 * side, which is awake all the time and delivers them.
 *
 *     poster      | posts 4096 |            | posts 4096 |
 *     receiver                 | delivers   |            | delivers   |
 *
 * An operation is one post, from the call to the end of its callback. The figure is the CPU time of
 * both threads, each while it is at work: were they at work together, waiting for each other would
 * be counted, too, and on a busy machine little else.
 */
#ifndef EDDY_BENCH_POST_LOAD_H
#define EDDY_BENCH_POST_LOAD_H

#include <semaphore.h>
#include <stdint.h>

#include "harness.h"

enum { POST_BURST = 4096 };

struct post_load {
    /* Posts number n of a burst: 0 or a negative errno. On the poster's thread. */
    int (*post)(struct post_load *load, unsigned n);
    /* Delivers until `taken` is POST_BURST. On the receiver's. */
    int (*deliver)(struct post_load *load);
    void *context;
    unsigned taken;

    /* the load's own */
    uint64_t bursts;
    sem_t begin, end;
    double posting, delivering; /* CPU nanoseconds */
    int error;
};

/* About so many posts. On the thread that receives. */
int post_load_run(struct post_load *load, uint64_t operations, struct sample *ret_sample);

#endif
