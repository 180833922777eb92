/* SPDX-License-Identifier: MIT */

/* One picture on its way: downloaded in chunks of 8192 bytes into original_images/, then turned
 * into its edges in processed_images/. No file appears under its name before it is whole. */

#pragma once

#include <eddy.h>
#include <eddy/client.h>
#include <limits.h>

#include "message.h"

struct image {
    int number;
    const char *url;
    double timeout;
    char original[PATH_MAX], processed[PATH_MAX];
    double origin; /* eddy_time() when the version began; the next four are relative to it */
    double download_start, download_end;
    double process_start, process_end;
    int code; /* 0, or why it failed */
    char message[MESSAGE_SIZE];
};

/* Downloads into image->original. Suspends. 0 or a negative errno with a failure; on failure, also
 * by cancellation, no file is left. */
EDDY_ASYNC int download_image(struct image *image, eddy_http_session *session);

/* The argument of process_image, which runs in threads and worker processes: no pointers. */
struct processing {
    char original[PATH_MAX], processed[PATH_MAX];
    double started, ended; /* eddy_time() of whoever did it: all share one clock; 0: never begun */
    char message[MESSAGE_SIZE];
};

/* Finds the edges. Blocks and computes. 0 or a negative errno and the message. */
int process_image(struct processing *job);
