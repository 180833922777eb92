/* SPDX-License-Identifier: MIT */

/* Who did what when, as a picture: one panel a version, in it one bar a task, all panels on one
 * time axis.
 *
 *     struct timeline *timeline = timeline_create("Twelve photographs, four ways", "...");
 *     timeline_section(timeline, "sequential");
 *     timeline_add(timeline, "Aqua.jpg", TIMELINE_DOWNLOADING, 0.0, 1.08);
 *     timeline_totals(timeline, 13.0, 0.4, 13.4);
 *     ...
 *     timeline_write(timeline, "timeline.svg", message, sizeof message);
 *
 * Use it from one thread. Running out of memory while recording is remembered and reported by
 * timeline_write, so recording needs no checks. */

#pragma once

#include <stddef.h>

enum timeline_kind {
    TIMELINE_WAITING,
    TIMELINE_DOWNLOADING,
    TIMELINE_PROCESSING,
};

struct timeline;

/* Both texts are copied, as are all names below. NULL when out of memory. */
struct timeline *timeline_create(const char *title, const char *subtitle);

/* NULL is allowed. */
void timeline_destroy(struct timeline *timeline);

/* Begins the next version; what follows belongs to it. Speed-ups are relative to the first. */
void timeline_section(struct timeline *timeline, const char *name);

/* Adds a piece to the lane's bar, in seconds since the version began. Lanes appear in the order
 * of their first mention. Of the whole time between its first and its last piece a lane was
 * waiting where nothing else is added, so waiting need be added only before or after. */
void timeline_add(struct timeline *timeline, const char *lane, enum timeline_kind kind,
                  double start, double end);

/* Marks the lane as failed, at the end of its bar. */
void timeline_fail(struct timeline *timeline, const char *lane);

/* The version's own figures, in seconds; without this call they are worked out from the bars. */
void timeline_totals(struct timeline *timeline, double download, double processing, double total);

/* Writes the picture as SVG, atomically. Returns 0 or a negative errno. */
int timeline_write(const struct timeline *timeline, const char *path, char *message,
                   size_t message_size);
