/* SPDX-License-Identifier: MIT */

/* Pictures in memory: their life, and scaling.
 *
 * Scaling is done in two passes, each a weighted sum along one direction:
 *
 *     source  --across-->  width x (source rows needed)  --down-->  width x height
 *
 * For every destination coordinate a "footprint" says which source coordinates contribute and
 * how much: a triangle centred on the destination pixel, one source pixel wide on each side when
 * enlarging (linear interpolation), wider when shrinking (area averaging). */

#include "picture.h"

#include <errno.h>
#include <stdlib.h>

int picture_create(unsigned width, unsigned height, struct picture *ret_picture)
{
    if (width == 0 || height == 0)
        return -EINVAL;
    if (width > PICTURE_PIXELS_LIMIT / height)
        return -EFBIG;
    uint8_t *pixels = malloc((size_t)width * height * 3);
    if (pixels == NULL)
        return -ENOMEM;
    *ret_picture = (struct picture){.width = width, .height = height, .pixels = pixels};
    return 0;
}

void picture_release(struct picture *picture)
{
    free(picture->pixels);
    *picture = (struct picture){0};
}

/* The source coordinates first .. first + count - 1 that make up one destination coordinate. */
struct footprint {
    unsigned first;
    unsigned count;
    float *weights;
};

struct footprints {
    unsigned count;
    struct footprint *each;
    float *weights;
};

static void footprints_release(struct footprints *footprints)
{
    free(footprints->each);
    free(footprints->weights);
}

/* The part of the source that is kept begins at `start` and is `length` long; both are
 * fractions of pixels. */
static int footprints_create(unsigned source_size, double start, double length, unsigned size,
                             struct footprints *ret_footprints)
{
    double step = length / size;
    double radius = step > 1.0 ? step : 1.0;
    unsigned most = (unsigned)(2.0 * radius) + 2;

    struct footprints footprints = {
        .count = size,
        .each = calloc(size, sizeof *footprints.each),
        .weights = calloc((size_t)size * most, sizeof *footprints.weights),
    };
    if (footprints.each == NULL || footprints.weights == NULL) {
        footprints_release(&footprints);
        return -ENOMEM;
    }

    for (unsigned i = 0; i < size; i++) {
        double centre = start + (i + 0.5) * step;
        double from = centre - radius > 0.0 ? centre - radius : 0.0;
        unsigned first = (unsigned)from < source_size ? (unsigned)from : source_size - 1;
        struct footprint *footprint = &footprints.each[i];
        *footprint = (struct footprint){first, 0, footprints.weights + (size_t)i * most};

        double sum = 0.0;
        for (unsigned at = first; at < source_size && footprint->count < most; at++) {
            double distance = at + 0.5 > centre ? at + 0.5 - centre : centre - at - 0.5;
            double weight = distance < radius ? 1.0 - distance / radius : 0.0;
            if (weight == 0.0 && at + 0.5 > centre)
                break;
            footprint->weights[footprint->count++] = (float)weight;
            sum += weight;
        }
        /* At the rim a part of the triangle lies outside; what remains must still add to 1. */
        for (unsigned at = 0; at < footprint->count; at++)
            footprint->weights[at] = (float)(footprint->weights[at] / sum);
    }
    *ret_footprints = footprints;
    return 0;
}

static uint8_t to_byte(float value)
{
    return value <= 0.0f ? 0 : value >= 255.0f ? 255 : (uint8_t)(value + 0.5f);
}

/* Scales the rows first_row .. first_row + rows - 1 across, into floats. */
static void scale_across(const struct picture *source, unsigned first_row, unsigned rows,
                         const struct footprints *columns, float *restrict across)
{
    for (unsigned y = 0; y < rows; y++) {
        const uint8_t *row = picture_row(source, first_row + y);
        for (unsigned x = 0; x < columns->count; x++) {
            const struct footprint *footprint = &columns->each[x];
            const uint8_t *pixel = row + (size_t)footprint->first * 3;
            float red = 0.0f, green = 0.0f, blue = 0.0f;
            for (unsigned i = 0; i < footprint->count; i++, pixel += 3) {
                red += footprint->weights[i] * pixel[0];
                green += footprint->weights[i] * pixel[1];
                blue += footprint->weights[i] * pixel[2];
            }
            *across++ = red;
            *across++ = green;
            *across++ = blue;
        }
    }
}

static void scale_down(const float *across, unsigned first_row, const struct footprints *rows,
                       float *restrict sums, struct picture *picture)
{
    size_t row_values = (size_t)picture->width * 3;
    for (unsigned y = 0; y < picture->height; y++) {
        const struct footprint *footprint = &rows->each[y];
        const float *row = across + (footprint->first - first_row) * row_values;
        for (size_t x = 0; x < row_values; x++)
            sums[x] = 0.0f;
        for (unsigned i = 0; i < footprint->count; i++, row += row_values)
            for (size_t x = 0; x < row_values; x++)
                sums[x] += footprint->weights[i] * row[x];
        uint8_t *pixels = picture_row(picture, y);
        for (size_t x = 0; x < row_values; x++)
            pixels[x] = to_byte(sums[x]);
    }
}

int picture_scale_and_crop(const struct picture *source, unsigned width, unsigned height,
                           struct picture *ret_picture)
{
    struct picture picture = {0};
    struct footprints columns = {0}, rows = {0};
    float *across = NULL, *sums = NULL;
    int result = picture_create(width, height, &picture);
    if (result < 0)
        return result;

    /* One factor for both directions; the direction that has more to give is cropped. */
    double across_factor = (double)source->width / width;
    double down_factor = (double)source->height / height;
    double factor = across_factor < down_factor ? across_factor : down_factor;
    double kept_width = factor * width, kept_height = factor * height;

    result = footprints_create(source->width, (source->width - kept_width) / 2.0, kept_width, width,
                               &columns);
    if (result < 0)
        goto out;
    result = footprints_create(source->height, (source->height - kept_height) / 2.0, kept_height,
                               height, &rows);
    if (result < 0)
        goto out;

    const struct footprint *last = &rows.each[height - 1];
    unsigned first_row = rows.each[0].first;
    unsigned row_count = last->first + last->count - first_row;
    across = malloc((size_t)row_count * width * 3 * sizeof *across);
    sums = malloc((size_t)width * 3 * sizeof *sums);
    if (across == NULL || sums == NULL) {
        result = -ENOMEM;
        goto out;
    }
    scale_across(source, first_row, row_count, &columns, across);
    scale_down(across, first_row, &rows, sums, &picture);
    *ret_picture = picture;
    picture = (struct picture){0};

out:
    free(sums);
    free(across);
    footprints_release(&rows);
    footprints_release(&columns);
    picture_release(&picture);
    return result;
}
