/* SPDX-License-Identifier: MIT */
/*
 * Choices: of the seed's generator, or of a prefix that is being replayed.
 */
#include "test/choice.h"

#include <stdlib.h>
#include "test/sim.h"

/* Steps of a delay: few enough that a shrunk one reads well. */
#define DELAY_STEPS 256

/* Sebastiano Vigna's splitmix64: its mixing of a counter serves as the hash, too. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t next_number(struct choices *choices)
{
    choices->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(choices->state);
}

void choices_begin(struct choices *choices, uint64_t seed)
{
    *choices = (struct choices){.state = mix(seed), .hash = mix(~seed)};
}

void choices_end(struct choices *choices)
{
    free(choices->recorded);
    choices->recorded = NULL;
    choices->recorded_count = choices->recorded_capacity = 0;
}

void choices_note(struct choices *choices, uint64_t kind, uint64_t what)
{
    choices->hash = mix(choices->hash + mix(kind + UINT64_C(0x9e3779b97f4a7c15)) + what);
}

static void record(struct choices *choices, struct choice choice)
{
    if (choices->recorded_count == choices->recorded_capacity) {
        size_t capacity = choices->recorded_capacity ? 2 * choices->recorded_capacity : 256;
        struct choice *grown = realloc(choices->recorded, capacity * sizeof *grown);
        if (!grown) {
            choices->lost = true;
            return;
        }
        choices->recorded = grown;
        choices->recorded_capacity = capacity;
    }
    choices->recorded[choices->recorded_count++] = choice;
}

/* `own` is what the seed says. */
static uint32_t take(struct choices *choices, bool order, uint32_t count, uint32_t own)
{
    uint32_t taken = own;
    if (choices->prefix && (order || !choices->order_only)) {
        if (choices->prefix_used < choices->prefix_size)
            taken = choices->prefix[choices->prefix_used++];
        else if (choices->tame_after_prefix)
            taken = 0;
        if (taken >= count)
            taken = count - 1; /* of a run that went another way */
    }
    choices->made++;
    choices_note(choices, count, taken);
    if (choices->record)
        record(choices, (struct choice){taken, count, order});
    return taken;
}

static uint32_t below(struct choices *choices, uint32_t count)
{
    return (uint32_t)((next_number(choices) >> 32) * count >> 32);
}

uint32_t choose(struct choices *choices, uint32_t count)
{
    return count < 2 ? 0 : take(choices, false, count, below(choices, count));
}

uint32_t choose_order(struct choices *choices, uint32_t count)
{
    return count < 2 ? 0 : take(choices, true, count, below(choices, count));
}

bool choose_chance(struct choices *choices, double chance)
{
    if (chance <= 0 || chance >= 1)
        return chance >= 1;
    double drawn = (double)(next_number(choices) >> 11) * 0x1p-53;
    return take(choices, false, 2, drawn < chance);
}

int64_t choose_delay(struct choices *choices, double least, double most)
{
    if (!(most > least))
        return seconds_to_nanoseconds(least);
    double step = choose(choices, DELAY_STEPS);
    return seconds_to_nanoseconds(least + (most - least) * step / (DELAY_STEPS - 1));
}
