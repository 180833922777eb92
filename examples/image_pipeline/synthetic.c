/* SPDX-License-Identifier: MIT */

/* Pictures made up from a number, for machines where the photographs can't be had: a sky with a
 * sun, four ridges of hills one before the other, a meadow with flowers, and the grain of a
 * camera over it all.
 *
 * Everything is integer arithmetic on hashed coordinates: no state, no rounding that a compiler
 * or a processor could do differently. Heights, shades and fractions are 16.16 fixed point where
 * "one" is 65536. */

#include "picture.h"

#define ONE 65536
#define RIDGES 4
#define FLOWERS 140

struct colour {
    int red, green, blue;
};

static uint32_t hash(uint32_t seed, uint32_t x, uint32_t y)
{
    uint32_t value = seed * 0x9e3779b1u ^ x * 0x85ebca6bu ^ y * 0xc2b2ae35u;
    value = (value ^ value >> 15) * 0x2c1b3c6du;
    value = (value ^ value >> 12) * 0x297a2d39u;
    return value ^ value >> 15;
}

/* A number from `low` to `high`, both included. */
static int pick(uint32_t seed, uint32_t what, int low, int high)
{
    return low + (int)(hash(seed, what, 77) % (uint32_t)(high - low + 1));
}

static int blend(int from, int to, int fraction)
{
    return from + (int)((int64_t)(to - from) * fraction / ONE);
}

static struct colour mix(struct colour from, struct colour to, int fraction)
{
    return (struct colour){blend(from.red, to.red, fraction), blend(from.green, to.green, fraction),
                           blend(from.blue, to.blue, fraction)};
}

/* A smooth random surface, 0 .. ONE, with one hill or hollow about every `cell` pixels. */
static int surface(uint32_t seed, unsigned x, unsigned y, unsigned cell)
{
    unsigned column = x / cell, row = y / cell;
    int64_t across = (int64_t)(x % cell) * ONE / cell, down = (int64_t)(y % cell) * ONE / cell;
    across = across * across / ONE * (3 * ONE - 2 * across) / ONE;
    down = down * down / ONE * (3 * ONE - 2 * down) / ONE;
    int upper = blend((int)(hash(seed, column, row) & 0xffff),
                      (int)(hash(seed, column + 1, row) & 0xffff), (int)across);
    int lower = blend((int)(hash(seed, column, row + 1) & 0xffff),
                      (int)(hash(seed, column + 1, row + 1) & 0xffff), (int)across);
    return blend(upper, lower, (int)down);
}

/* The same at several sizes at once, the smaller the fainter: what nature looks like. */
static int rough_surface(uint32_t seed, unsigned x, unsigned y, unsigned cell)
{
    int64_t sum = 0, weights = 0;
    for (int weight = 16; weight > 0 && cell > 1; weight /= 2, cell /= 2) {
        sum += (int64_t)weight * surface(seed + (uint32_t)weight, x, y, cell);
        weights += weight;
    }
    return weights == 0 ? ONE / 2 : (int)(sum / weights);
}

struct scene {
    uint32_t seed;
    unsigned width, height;
    struct colour zenith, horizon, near, far, sun;
    int sun_x, sun_y, sun_radius;
};

static struct scene scene_for(unsigned number, unsigned width, unsigned height)
{
    uint32_t seed = hash(number, 1, 2);
    int side = (int)(width < height ? width : height);
    return (struct scene){
        .seed = seed,
        .width = width,
        .height = height,
        .zenith = {pick(seed, 1, 20, 90), pick(seed, 2, 60, 130), pick(seed, 3, 140, 220)},
        .horizon = {pick(seed, 4, 190, 250), pick(seed, 5, 150, 220), pick(seed, 6, 120, 220)},
        .near = {pick(seed, 7, 20, 90), pick(seed, 8, 60, 110), pick(seed, 9, 15, 60)},
        .far = {pick(seed, 10, 110, 160), pick(seed, 11, 130, 170), pick(seed, 12, 150, 200)},
        .sun = {255, pick(seed, 13, 220, 250), pick(seed, 14, 160, 220)},
        .sun_x = pick(seed, 15, (int)width / 6, (int)width * 5 / 6),
        .sun_y = pick(seed, 16, (int)height / 10, (int)height * 3 / 10),
        .sun_radius = side / pick(seed, 17, 12, 22) + 1,
    };
}

static struct colour sky_at(const struct scene *scene, unsigned x, unsigned y)
{
    int down = (int)((int64_t)y * ONE / scene->height);
    struct colour colour = mix(scene->zenith, scene->horizon, down);
    int cloud = rough_surface(scene->seed + 100, x, y * 2, scene->width / 5 + 2) - ONE / 2;
    if (cloud > 0)
        colour = mix(colour, (struct colour){250, 250, 252}, cloud * 2 < ONE ? cloud * 2 : ONE);

    int64_t right = (int64_t)x - scene->sun_x, below = (int64_t)y - scene->sun_y;
    int64_t distance = right * right + below * below;
    int64_t disc = (int64_t)scene->sun_radius * scene->sun_radius;
    if (distance < disc)
        return scene->sun;
    if (distance < disc * 16)
        return mix(scene->sun, colour, (int)(distance * ONE / (disc * 16)));
    return colour;
}

/* Where the crest of a ridge runs; ridge 0 is the farthest. */
static int crest_at(const struct scene *scene, int ridge, unsigned x)
{
    int height = (int)scene->height;
    int top = height * (40 + 13 * ridge) / 100;
    int relief = height * (22 - 3 * ridge) / 100;
    uint32_t seed = scene->seed + 200 + (uint32_t)ridge;
    return top - blend(0, relief, rough_surface(seed, x, 0, scene->width / 4 + 2)) + relief / 2;
}

static struct colour ground_at(const struct scene *scene, int ridge, unsigned x, unsigned y)
{
    struct colour colour = mix(scene->far, scene->near, ONE * ridge / (RIDGES - 1));
    uint32_t seed = scene->seed + 300 + (uint32_t)ridge;
    unsigned cell = (unsigned)(ridge + 1) * scene->width / 160 + 2;
    int light = rough_surface(seed, x, y, cell) - ONE / 2;
    struct colour other = light > 0 ? (struct colour){230, 225, 170} : (struct colour){5, 10, 10};
    int strength = (light > 0 ? light : -light) * (ridge + 2) / RIDGES;
    return mix(colour, other, strength < ONE ? strength : ONE);
}

static void put(uint8_t *pixel, struct colour colour, int grain)
{
    int values[3] = {colour.red + grain, colour.green + grain, colour.blue + grain};
    for (int i = 0; i < 3; i++)
        pixel[i] = (uint8_t)(values[i] < 0 ? 0 : values[i] > 255 ? 255 : values[i]);
}

static void draw_flowers(const struct scene *scene, struct picture *picture)
{
    static const struct colour petals[] = {
        {235, 60, 70}, {250, 200, 50}, {240, 240, 245}, {170, 90, 200}};
    for (uint32_t flower = 0; flower < FLOWERS; flower++) {
        uint32_t seed = hash(scene->seed, flower, 900);
        int height = (int)scene->height, width = (int)scene->width;
        int x = pick(seed, 1, 0, width - 1);
        int y = pick(seed, 2, height * 86 / 100, height - 1);
        int radius = (y - height * 80 / 100) / 12 + 1;
        struct colour petal = petals[hash(seed, 3, 0) % 4];
        for (int down = -radius; down <= radius; down++) {
            for (int right = -radius; right <= radius; right++) {
                int distance = right * right + down * down, at_x = x + right, at_y = y + down;
                if (distance > radius * radius || at_x < 0 || at_x >= width || at_y < 0 ||
                    at_y >= height)
                    continue;
                struct colour shade = mix(petal, (struct colour){60, 30, 20},
                                          (int)((int64_t)distance * ONE / 2 / (radius * radius)));
                if (distance * 8 < radius * radius)
                    shade = (struct colour){120, 80, 20};
                put(picture_row(picture, (unsigned)at_y) + at_x * 3, shade, 0);
            }
        }
    }
}

int picture_synthesize(unsigned number, unsigned width, unsigned height,
                       struct picture *ret_picture)
{
    struct picture picture;
    int result = picture_create(width, height, &picture);
    if (result < 0)
        return result;

    struct scene scene = scene_for(number, width, height);
    for (unsigned x = 0; x < width; x++) {
        int crests[RIDGES];
        for (int ridge = 0; ridge < RIDGES; ridge++)
            crests[ridge] = crest_at(&scene, ridge, x);
        for (unsigned y = 0; y < height; y++) {
            int ridge = RIDGES - 1;
            while (ridge >= 0 && (int)y < crests[ridge])
                ridge--;
            struct colour colour = ridge < 0 ? sky_at(&scene, x, y)
                                             : ground_at(&scene, ridge, x, y);
            int grain = (int)(hash(scene.seed, x, y) % 9) - 4;
            put(picture_row(&picture, y) + (size_t)x * 3, colour, grain);
        }
    }
    draw_flowers(&scene, &picture);
    *ret_picture = picture;
    return 0;
}
