/* SPDX-License-Identifier: MIT */
/*
 * Every order, depth first: the last choice that has an alternative left takes it, and what comes
 * behind that begins with zeros again. Like counting, with digits whose bases the runs tell.
 */
#include <errno.h>
#include <stdlib.h>
#include "test/search.h"

int order_path_next(struct order_path *path, const struct search_outcome *outcome)
{
    size_t orders = 0, last = 0; /* how many, and up to which one something is left */
    for (size_t i = 0; i < outcome->recorded_count; i++) {
        const struct choice *choice = &outcome->recorded[i];
        if (!choice->order)
            continue;
        orders++;
        if (choice->taken + 1 < choice->count)
            last = orders;
    }
    if (!last)
        return 0;
    if (last > path->capacity) {
        uint32_t *grown = realloc(path->choices, 2 * last * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        path->choices = grown;
        path->capacity = 2 * last;
    }
    path->count = 0;
    for (size_t i = 0; path->count < last; i++)
        if (outcome->recorded[i].order)
            path->choices[path->count++] = outcome->recorded[i].taken;
    path->choices[last - 1]++;
    return 1;
}
