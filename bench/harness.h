/* SPDX-License-Identifier: MIT
 *
 * The benchmark harness: what a contender is, and how groups of them are compared.
 *
 * A group is one workload; its contenders all do that workload, one of them is its floor
 * (written by hand for nothing else). They run interleaved in one process:
 *
 *     warm-up: A B C    round 1: A B C    round 2: A B C  ...
 *
 * because the machine drifts by up to 2x in a quarter of an hour: only the ratio of figures
 * taken side by side says anything. A row therefore shows the median of its own figures and the
 * median of its per-round ratios to the floor. Nothing here ever asserts on a time.
 */
#ifndef EDDY_BENCH_HARNESS_H
#define EDDY_BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What one block of operations cost. Negative means "not measured". */
struct sample {
    uint64_t operations;
    double nanoseconds;     /* wall clock, all operations together */
    double cpu_nanoseconds; /* user + system, all operations together */
    double instructions;
    double bytes;
    char note[64]; /* shown at the row's end, e.g. how a sum is made up */
};

struct contender {
    const char *group;
    const char *name;
    bool is_floor; /* exactly one a group */

    /* Does about so many operations and fills in *ret_sample (handed in as EMPTY_SAMPLE). It
     * brackets the part that counts with a stopwatch, so set-up costs nothing. Returns 0, or a
     * negative errno where it can't run here, which becomes the row's text. */
    int (*run)(const struct contender *self, uint64_t operations, struct sample *ret_sample);

    /* For files whose contenders share one run function. */
    const void *context;
    uint64_t parameter;
    size_t size; /* in bytes, of what is handed to and fro */
};

#define EMPTY_SAMPLE                                                                               \
    ((struct sample){.nanoseconds = -1, .cpu_nanoseconds = -1, .instructions = -1, .bytes = -1})

/* CPU time is what survives a busy machine; on an idle one it is the wall clock's, since no figure
 * here includes waiting. */
enum figure { FIGURE_CPU, FIGURE_BYTES };

struct group {
    const char *name;
    const char *title;
    const char *unit;   /* of the figure per operation, after dividing by scale */
    const char *target; /* what eddy wants to reach, for the reader; may be NULL */
    enum figure figure;
    double scale;
    uint64_t operations; /* a block */
    bool spread;         /* several threads or processes at work: not pinned to one core */
};

/* One contender's results. figures[r] belongs to the round r of every row of the group, so that
 * ratios can be taken round by round; NAN where that round failed. */
struct row {
    const struct contender *contender;
    double *figures;
    double *instructions; /* per operation */
    double *wall;         /* ns per operation */
    int error;            /* the last failure, a negative errno, or 0 */
    char note[64];
};

struct result {
    const struct group *group;
    struct row *rows; /* the floor first */
    size_t row_count;
    size_t rounds;
};

struct harness_options {
    const char *only; /* a group, or the part of its name before '-'; NULL: all */
    size_t rounds;
    bool quick; /* a hundredth of the operations: a smoke test, not a measurement */
};

/* Measures one group with all contenders registered for it. `tables` is NULL-terminated, each
 * table ends with an entry without a name. row_count 0: nobody is registered. */
void harness_measure(const struct group *group, const struct contender *const *tables,
                     const struct harness_options *options, struct result *ret_result);
bool harness_group_selected(const struct group *group, const char *only);
void result_release(struct result *result);

#endif
