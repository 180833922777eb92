/* SPDX-License-Identifier: MIT */
/*
 * Descriptors: an array by number, searched upwards from the lowest place that may be free.
 */
#include "test/sim_descriptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool table_grow(struct sim_descriptors *table)
{
    size_t capacity = table->capacity ? 2 * table->capacity : 64;
    struct sim_descriptor *grown = realloc(table->entries, capacity * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + table->capacity, 0, (capacity - table->capacity) * sizeof *grown);
    table->entries = grown;
    table->capacity = capacity;
    return true;
}

int sim_descriptor_take(struct sim_descriptors *table, enum sim_descriptor_kind kind, void *what)
{
    if (table->open == SIM_DESCRIPTOR_MAX)
        return -EMFILE;
    size_t place = table->lowest;
    while (place < table->capacity && table->entries[place].kind)
        place++;
    if (place == table->capacity && !table_grow(table))
        return -ENOMEM;
    table->entries[place] = (struct sim_descriptor){what, kind};
    table->lowest = place + 1;
    table->open++;
    return SIM_DESCRIPTOR_FIRST + (int)place;
}

struct sim_descriptor sim_descriptor_get(const struct sim_descriptors *table, int number)
{
    if (number < SIM_DESCRIPTOR_FIRST || (size_t)(number - SIM_DESCRIPTOR_FIRST) >= table->capacity)
        return (struct sim_descriptor){NULL, SIM_NOTHING};
    return table->entries[number - SIM_DESCRIPTOR_FIRST];
}

void sim_descriptor_free(struct sim_descriptors *table, int number)
{
    size_t place = (size_t)(number - SIM_DESCRIPTOR_FIRST);
    table->entries[place] = (struct sim_descriptor){NULL, SIM_NOTHING};
    if (place < table->lowest)
        table->lowest = place;
    table->open--;
}
