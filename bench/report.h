/* SPDX-License-Identifier: MIT
 *
 * What the figures become: a plain-text table for people, JSON for programs.
 */
#ifndef EDDY_BENCH_REPORT_H
#define EDDY_BENCH_REPORT_H

#include <stdio.h>

#include "harness.h"

/* Of the rounds that succeeded: NAN stands for one that failed and is left out. */
struct summary {
    double median;
    double minimum;
    double maximum;
    size_t count;
};

struct summary summarize(const double *values, size_t count);

/* Ratio to the floor, taken round by round. */
struct summary ratio_to_floor(const struct result *result, const struct row *row);

void report_text(FILE *file, const struct result *result);

/* Returns 0, or a negative errno when the file can't be written. */
int report_json(const char *path, const char *machine, const struct result *results, size_t count);

#endif
