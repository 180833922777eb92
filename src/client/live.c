/* SPDX-License-Identifier: MIT */
/*
 * The set of open handles: a hash table with linear probing, freed when it becomes empty. Removal
 * moves later entries of the same run back, so there are no tombstones.
 */
#include <eddy.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "live.h"

static _Thread_local struct {
    const void **entries;
    size_t capacity; /* 0 or a power of two, at least twice the count */
    size_t count;
} live;

static size_t slot_of(const void *object)
{
    return (size_t)(((uintptr_t)object >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
           (live.capacity - 1);
}

/* Where it is, or the free place where it would be. */
static size_t find(const void *object)
{
    size_t i = slot_of(object);
    while (live.entries[i] && live.entries[i] != object)
        i = (i + 1) & (live.capacity - 1);
    return i;
}

static int grow(void)
{
    const void **old = live.entries;
    size_t old_capacity = live.capacity;
    size_t capacity = old_capacity ? old_capacity * 2 : 16;
    const void **entries = calloc(capacity, sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    live.entries = entries;
    live.capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i])
            entries[find(old[i])] = old[i];
    free(old);
    return 0;
}

int live_add(const void *object)
{
    if ((live.count + 1) * 2 > live.capacity && grow() < 0)
        return -ENOMEM;
    live.entries[find(object)] = object;
    live.count++;
    return 0;
}

void live_remove(const void *object)
{
    if (!live_is(object))
        return;
    size_t mask = live.capacity - 1;
    size_t hole = find(object);
    live.entries[hole] = NULL;
    for (size_t i = (hole + 1) & mask; live.entries[i]; i = (i + 1) & mask) {
        size_t home = slot_of(live.entries[i]);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            live.entries[hole] = live.entries[i];
            live.entries[i] = NULL;
            hole = i;
        }
    }
    if (--live.count == 0) {
        free(live.entries);
        live.entries = NULL;
        live.capacity = 0;
    }
}

bool live_is(const void *object)
{
    return object && live.capacity && live.entries[find(object)] == object;
}

bool live_check(const void *object, const char *call, const char *kind)
{
    if (live_is(object))
        return true;
    if (object)
        eddy_fail(-EINVAL, "%s: the %s is closed, or another thread's", call, kind);
    else
        eddy_fail(-EINVAL, "%s: NULL %s", call, kind);
    return false;
}

bool live_in_task(const char *call)
{
    if (eddy_current_task())
        return true;
    fprintf(stderr, "eddy: error: %s: called outside a task (EINVAL)\n", call);
    eddy_fail(-EINVAL, "%s: called outside a task", call);
    return false;
}
