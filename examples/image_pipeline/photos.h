/* SPDX-License-Identifier: MIT */

/* The pictures the photo server serves: twelve photographs that Debian packages, scaled to the
 * tutorial's 1920 x 1080, or twelve synthetic ones. Making them takes some seconds, so the
 * finished JPEGs are kept in a cache directory and only checked the next time. Blocks: call it
 * before the loop runs or in a thread. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PHOTOS_COUNT 12
#define PHOTOS_DIRECTORY "/usr/share/backgrounds/mate/nature"
#define PHOTOS_PACKAGE "mate-backgrounds"

struct photo {
    char *name;
    unsigned char *bytes;
    size_t size;
};

struct photos {
    size_t count;
    struct photo *each;
};

/* Called before the first photo and after each one; `name` is the one just finished, or "". */
typedef void photos_progress(void *context, size_t done, size_t total, const char *name);

struct photos_options {
    const char *directory; /* of *.jpg files; NULL means PHOTOS_DIRECTORY */
    const char *cache;     /* a directory, made if it isn't there; its parents too */
    bool synthetic;        /* draw the pictures instead of looking for photographs */
    photos_progress *progress;
    void *context;
};

/* Loads the first PHOTOS_COUNT photographs by name (or as many as there are, at least one).
 * Several programs may share a cache; one waits for the other. Returns 0 or a negative errno:
 * -ENOENT when there is no photograph, with a message that tells what to install. */
int photos_load(const struct photos_options *options, struct photos *ret_photos, char *message,
                size_t message_size);

void photos_release(struct photos *photos);
