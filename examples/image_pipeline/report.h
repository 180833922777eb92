/* SPDX-License-Identifier: MIT */

/* The table at the end: what the versions took here, beside the tutorial's own figures. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The tutorial's four versions, in its order. */
enum report_version {
    REPORT_SEQUENTIAL,
    REPORT_THREADS,
    REPORT_PROCESSES,
    REPORT_LIMITED,
};

struct report_row {
    enum report_version version;
    const char *name;
    double download; /* seconds, as are the next two */
    double processing;
    double total;
    size_t pictures;
    size_t failed; /* of those pictures */
};

struct report {
    const struct report_row *rows;
    size_t count;
    double pace;    /* seconds the photo server spreads a response over; 0 if it isn't ours */
    bool synthetic; /* the pictures are generated ones */
};

/* At most 78 columns wide. Ratios are to the sequential version, if it is among the rows. */
void report_print(FILE *stream, const struct report *report);
