/* SPDX-License-Identifier: MIT */

/* A progress bar on standard error.
 *
 *     downloading  ━━━━━━━━━━━━━━━━━━━━──────────  8 of 12  image_8.jpg
 *
 * On a terminal it is one line that is drawn over and over and never wraps, however narrow the
 * window. On a terminal that can't move its cursor (TERM=dumb) each step is a line of its own,
 * and when standard error goes to a file or a pipe there is no bar at all. NO_COLOR is honoured,
 * and plain ASCII is used where the locale isn't UTF-8. Use it from one thread. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

enum progress_style {
    PROGRESS_SILENT,
    PROGRESS_LINES,
    PROGRESS_BAR,
};

struct progress {
    enum progress_style style;
    bool in_colour;
    bool in_unicode;
    bool is_visible;
    char label[32];
    char line[1024]; /* what is on the screen, to skip drawing the same again */
};

/* Finds out about the terminal. `label` is put before the bar and may be NULL. */
void progress_start(struct progress *bar, const char *label);

/* `text` names what has just been done and may be NULL; it is cut to fit. */
void progress_set(struct progress *bar, size_t done, size_t total, const char *text);

/* Takes the bar off the screen, so that something else can be printed; the next progress_set
 * draws it again. */
void progress_hide(struct progress *bar);

/* Takes the bar off the screen for good. May be called twice. */
void progress_finish(struct progress *bar);
