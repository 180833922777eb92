/* SPDX-License-Identifier: MIT */

/* What timeline.c records and timeline_svg.c draws. */

#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "timeline.h"

struct timeline_span {
    enum timeline_kind kind;
    double start, end;
};

struct timeline_lane {
    char *name;
    struct timeline_span *spans;
    size_t count;
    bool has_failed;
};

struct timeline_version {
    char *name;
    struct timeline_lane *lanes;
    size_t count;
    double download, processing, total;
    bool has_totals;
};

struct timeline {
    char *title;
    char *subtitle;
    struct timeline_version *versions;
    size_t count;
    bool is_out_of_memory;
};

/* The version's figures: those given, or the bars' own if none were. */
struct timeline_totals {
    double download, processing, total;
};
struct timeline_totals timeline_version_totals(const struct timeline_version *version);

/* Writes the SVG text. */
void timeline_draw(const struct timeline *timeline, FILE *stream);
