/* SPDX-License-Identifier: MIT */

/* A picture in memory: rows of red, green and blue bytes, and what can be done with it without
 * knowing a file format. */

#pragma once

#include <stddef.h>
#include <stdint.h>

/* The size the tutorial asked its photo site for. */
#define PICTURE_WIDTH 1920
#define PICTURE_HEIGHT 1080

/* Larger pictures are refused, before memory is reserved for them. */
#define PICTURE_PIXELS_LIMIT ((size_t)100 * 1000 * 1000)

/* width * height * 3 bytes, no padding between rows. {0} is the empty picture. */
struct picture {
    unsigned width;
    unsigned height;
    uint8_t *pixels;
};

/* Returns 0, -EINVAL for an empty side, -EFBIG beyond the limit, or -ENOMEM. The pixels are not
 * initialised. */
int picture_create(unsigned width, unsigned height, struct picture *ret_picture);

/* Frees the pixels; the picture is empty afterwards. An empty one is allowed. */
void picture_release(struct picture *picture);

static inline uint8_t *picture_row(const struct picture *picture, unsigned y)
{
    return picture->pixels + (size_t)y * picture->width * 3;
}

/* Scales the picture until it covers width x height and cuts off, left and right or above and
 * below alike, what sticks out. Every source pixel is weighed by how near it is, over an area
 * that grows as the picture shrinks, so that fine texture is averaged and not skipped. */
int picture_scale_and_crop(const struct picture *source, unsigned width, unsigned height,
                           struct picture *ret_picture);

/* Draws a landscape that compresses about as well as a photograph does: the same number gives
 * the same pixels on every machine. */
int picture_synthesize(unsigned number, unsigned width, unsigned height,
                       struct picture *ret_picture);
