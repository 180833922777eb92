/* SPDX-License-Identifier: MIT */
/*
 * The io_uring engine's slots: one for everything the kernel is asked for.
 *
 * A slot lives until the kernel's last word on its request, however early the caller lost interest;
 * only its `target`, the caller's memory, goes at once. So a late completion finds a slot without a
 * target and reaches nobody.
 *
 * A request is known to the kernel by its tag, generation << 32 | index. The generation changes
 * with each use of a slot: a cancellation that comes late names a request that is no more, never
 * the slot's next one.
 */
#ifndef EDDY_SRC_ENGINE_URING_SLOT_H
#define EDDY_SRC_ENGINE_URING_SLOT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "memory.h"

enum slot_kind {
    SLOT_WAKE, /* no target: the engine's own poll of its eventfd */
    SLOT_WATCH,
    SLOT_OPERATION,
    SLOT_LOOK, /* no target: the engine's own timer, see uring_watch.c */
};

struct slot {
    void *target; /* struct watch or struct operation; NULL: nobody wants to know any more */
    uint32_t generation;
    uint32_t next; /* in a queue or in the free list */
    uint8_t kind;
    bool queued;    /* in a queue */
    bool flying;    /* the kernel has it: its last completion is still to come */
    bool cancelled; /* it is to end */
    bool in_doubt;  /* a watch: urgent data may have come */
};

/* By index, because the table moves when it grows. Index 0 is nobody: the end of lists, and the tag
 * of cancellations, whose own results don't matter. */
struct slot_table {
    struct slot *slots;
    uint32_t made, free;
};

struct slot_queue {
    uint32_t first, last;
    size_t count;
};

static inline struct slot *slot_at(const struct slot_table *table, uint32_t index)
{
    return &table->slots[index];
}

static inline uint64_t slot_tag(const struct slot_table *table, uint32_t index)
{
    return (uint64_t)slot_at(table, index)->generation << 32 | index;
}

/* 0 for a tag whose request is over. */
static inline uint32_t slot_find(const struct slot_table *table, uint64_t tag)
{
    uint32_t index = (uint32_t)tag;
    return slot_at(table, index)->generation == tag >> 32 ? index : 0;
}

static inline bool slot_grow(struct slot_table *table)
{
    uint32_t made = table->made ? table->made * 2 : 64;
    struct slot *slots = NULL;
    if (made > table->made)
        slots = memory_reallocate(table->slots, made * sizeof *slots);
    if (!slots)
        return false;
    table->slots = slots;
    for (uint32_t i = made; i-- > table->made;) {
        slots[i] = (struct slot){.next = table->free};
        if (i != 0)
            table->free = i;
    }
    table->made = made;
    return true;
}

/* Returns 0 without memory. Moves the table. */
static inline uint32_t slot_take(struct slot_table *table, enum slot_kind kind, void *target)
{
    if (!table->free && !slot_grow(table))
        return 0;
    uint32_t index = table->free;
    struct slot *slot = slot_at(table, index);
    table->free = slot->next;
    *slot = (struct slot){.target = target, .generation = slot->generation, .kind = (uint8_t)kind};
    return index;
}

static inline void slot_put(struct slot_table *table, uint32_t index)
{
    struct slot *slot = slot_at(table, index);
    assert(!slot->queued && !slot->flying);
    *slot = (struct slot){.generation = slot->generation + 1, .next = table->free};
    table->free = index;
}

static inline void slot_push(struct slot_table *table, struct slot_queue *queue, uint32_t index)
{
    struct slot *slot = slot_at(table, index);
    assert(!slot->queued);
    slot->queued = true;
    slot->next = 0;
    if (queue->last)
        slot_at(table, queue->last)->next = index;
    else
        queue->first = index;
    queue->last = index;
    queue->count++;
}

/* The queue must have one. */
static inline uint32_t slot_pop(struct slot_table *table, struct slot_queue *queue)
{
    uint32_t index = queue->first;
    struct slot *slot = slot_at(table, index);
    queue->first = slot->next;
    if (!queue->first)
        queue->last = 0;
    queue->count--;
    slot->queued = false;
    return index;
}

#endif
