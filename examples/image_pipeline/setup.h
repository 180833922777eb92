/* SPDX-License-Identifier: MIT */

/* What the versions need and leave: directories, pictures, the photo server, the table and the
 * timeline. */

#pragma once

#include <stddef.h>

#include "download.h"
#include "options.h"
#include "photo_server.h"
#include "photos.h"
#include "report.h"
#include "timeline.h"

struct setup {
    struct photos photos;
    struct photo_server *server;
    struct image *images;
    char **urls;
    size_t count;
    struct report_row *rows; /* four a repetition */
    struct timeline *timeline;
    char out[PATH_MAX];
    bool synthetic;
};

/* Makes everything ready and says what is going on. 0, or negative after a line on stderr. */
int setup_begin(struct setup *setup, const struct options *options);

/* The images at the start of a version. */
void setup_images(struct image *images, size_t count, const struct options *options, double origin);

/* Draws a version that is through. */
void setup_timeline(struct timeline *timeline, const struct report_row *row,
                    const struct image *images, size_t count);

/* Prints the table and writes the timeline: the exit code, 1 if a picture failed. */
int setup_report(struct setup *setup, const struct options *options);

void setup_end(struct setup *setup);
