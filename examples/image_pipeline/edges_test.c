/* SPDX-License-Identifier: MIT */

/* The fast edge detection against the tutorial's loop, transcribed line by line. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edges.h"

/* The tutorial's process_single_image, i running over all pixels. */
static void tutorial_edges(const struct picture *picture, uint8_t *new_data)
{
    unsigned width = picture->width, height = picture->height;
    const uint8_t *data = picture->pixels;
    static const unsigned steps[2][2] = {{1, 0}, {0, 1}};
    for (size_t i = 0; i < (size_t)width * height; i++) {
        const uint8_t *current = data + i * 3;
        int total_diff = 0, neighbor_count = 0;
        for (int step = 0; step < 2; step++) {
            size_t x = i % width + steps[step][0], y = i / width + steps[step][1];
            if (x < width && y < height) {
                const uint8_t *neighbor = data + (y * width + x) * 3;
                for (int channel = 0; channel < 3; channel++)
                    total_diff += abs(current[channel] - neighbor[channel]);
                neighbor_count++;
            }
        }
        bool is_edge = neighbor_count > 0 && total_diff / neighbor_count > 30;
        memset(new_data + i * 3, is_edge ? 255 : 0, 3);
    }
}

static void compare_with_tutorial(const struct picture *picture)
{
    size_t size = (size_t)picture->width * picture->height * 3;
    uint8_t *expected = malloc(size);
    struct picture edges = {0};
    assert_non_null(expected);
    tutorial_edges(picture, expected);
    assert_int_equal(detect_edges(picture, &edges), 0);
    assert_int_equal(edges.width, picture->width);
    assert_int_equal(edges.height, picture->height);
    assert_memory_equal(edges.pixels, expected, size);
    picture_release(&edges);
    free(expected);
}

static uint32_t random_state = 1;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

/* `range` small keeps the strengths near the threshold, where the rounding matters. */
static void compare_random(unsigned width, unsigned height, unsigned range)
{
    struct picture picture;
    assert_int_equal(picture_create(width, height, &picture), 0);
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        picture.pixels[i] = (uint8_t)(random_below(range) + random_below(256 - range + 1));
    compare_with_tutorial(&picture);
    picture_release(&picture);
}

static void test_random_pictures(void **state)
{
    (void)state;
    static const unsigned ranges[] = {256, 20, 30, 40};
    for (unsigned width = 1; width <= 40; width++)
        for (unsigned height = 1; height <= 6; height++)
            for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
                compare_random(width, height, ranges[i]);
    for (unsigned i = 0; i < 50; i++)
        compare_random(1 + random_below(300), 1 + random_below(60), 1 + random_below(256));
}

static void test_thin_pictures(void **state)
{
    (void)state;
    compare_random(1, 1, 256);
    for (unsigned length = 2; length <= 200; length++) {
        compare_random(1, length, 60);
        compare_random(length, 1, 60);
    }
}

/* Every pair of differences to the right and below around the threshold. */
static void test_around_the_threshold(void **state)
{
    (void)state;
    for (unsigned right = 0; right <= 70; right++) {
        for (unsigned below = 0; below <= 70; below++) {
            uint8_t pixels[2 * 2 * 3] = {
                100, 100, 100, (uint8_t)(100 + right), 100, 100, 100, 100, (uint8_t)(100 - below),
                100, 100, 100,
            };
            struct picture picture = {2, 2, pixels};
            struct picture edges;
            assert_int_equal(detect_edges(&picture, &edges), 0);
            assert_int_equal(edges.pixels[0], (right + below) / 2 > 30 ? 255 : 0);
            /* Upper right: only below counts. Lower left: only right. Lower right: nothing. */
            assert_int_equal(edges.pixels[3], right > 30 ? 255 : 0);
            assert_int_equal(edges.pixels[6], below > 30 ? 255 : 0);
            assert_int_equal(edges.pixels[9], 0);
            picture_release(&edges);
            compare_with_tutorial(&picture);
        }
    }
}

static void test_synthetic_picture(void **state)
{
    (void)state;
    struct picture picture;
    assert_int_equal(picture_synthesize(1, 333, 187, &picture), 0);
    compare_with_tutorial(&picture);
    picture_release(&picture);
}

static void test_empty_picture(void **state)
{
    (void)state;
    struct picture empty = {0}, edges = {0};
    assert_int_equal(detect_edges(&empty, &edges), -EINVAL);
    assert_null(edges.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_pictures),      cmocka_unit_test(test_thin_pictures),
        cmocka_unit_test(test_around_the_threshold), cmocka_unit_test(test_synthetic_picture),
        cmocka_unit_test(test_empty_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
