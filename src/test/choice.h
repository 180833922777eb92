/* SPDX-License-Identifier: MIT */
/*
 * Everything that chance decides in a simulated run, and the run's hash.
 *
 *     prefix given? --yes--> the next of it, 0 when it has run out
 *          | no
 *          v
 *     the seed's generator (splitmix64)                  --> recorded, for replay and shrinking
 *
 * The number 0 is always the tamest choice: first in, first out; no delay beyond the least; no
 * fault; whole transfers. So a run that fails is made plainer by zeros and by leaving the rest out.
 *
 * The generator goes on with each choice, also where the prefix decides: what the seed has for the
 * rest doesn't depend on it.
 */
#ifndef EDDY_SRC_TEST_CHOICE_H
#define EDDY_SRC_TEST_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choice {
    uint32_t taken, count;
    bool order; /* which of what is ready runs next: what an exhaustive search goes through */
};

struct choices {
    uint64_t state; /* the generator's */
    uint64_t hash;
    uint64_t made;
    const uint32_t *prefix; /* what to take instead, or NULL */
    size_t prefix_size, prefix_used;
    bool tame_after_prefix; /* zeros then, instead of the seed's */
    bool order_only;        /* the prefix, and the zeros after it, are of choices of order alone */
    bool record;
    struct choice *recorded;
    size_t recorded_count, recorded_capacity;
    bool lost; /* no memory to record one: can't be replayed */
};

void choices_begin(struct choices *choices, uint64_t seed);
void choices_end(struct choices *choices); /* frees what was recorded */

/* 0 to count - 1; nothing is drawn or recorded for a count of 0 or 1. */
uint32_t choose(struct choices *choices, uint32_t count);

/* The same, of the order in which things run. */
uint32_t choose_order(struct choices *choices, uint32_t count);

/* True with that chance; never drawn for 0 (false) and 1 (true). False is the tame one. */
bool choose_chance(struct choices *choices, double chance);

/* A duration in nanoseconds between two of seconds, in 256 steps; the least is the tame one. */
int64_t choose_delay(struct choices *choices, double least, double most);

/* An event: mixed into the hash. */
void choices_note(struct choices *choices, uint64_t kind, uint64_t what);

#endif
