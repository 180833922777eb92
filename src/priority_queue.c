/* SPDX-License-Identifier: MIT */
/*
 * Priority queue: a binary heap. An entry is an item with a number behind it, so that equal items
 * keep the order of their puts. LIFO queue: only its open is here.
 */
#include "eddy/priority_queue.h"
#include <string.h>
#include "log.h"
#include "queue.h"

static uint64_t *heap_sequence(const struct queue *queue, const char *entry)
{
    return (uint64_t *)(uintptr_t)(entry + queue->stride - sizeof(uint64_t));
}

static char *heap_entry(const struct queue *queue, size_t index)
{
    return queue->items + index * queue->stride;
}

/* The comparison has another type than this one says: its arguments point to some struct. */
static CALLS_ERASED int heap_compare(const struct queue *queue, const void *one, const void *other)
{
    return queue->compare(one, other);
}

static bool heap_before(const struct queue *queue, const char *one, const char *other)
{
    int order = heap_compare(queue, one, other);
    return order ? order < 0 : *heap_sequence(queue, one) < *heap_sequence(queue, other);
}

void heap_put(struct queue *queue, const void *item)
{
    size_t hole = queue->count++;
    while (hole) { /* the newest of equals stays below the others */
        char *parent = heap_entry(queue, (hole - 1) / 2);
        if (heap_compare(queue, item, parent) >= 0)
            break;
        memcpy(heap_entry(queue, hole), parent, queue->stride);
        hole = (hole - 1) / 2;
    }
    char *entry = heap_entry(queue, hole);
    memcpy(entry, item, queue->item_size);
    *heap_sequence(queue, entry) = ++queue->sequence;
}

void heap_take(struct queue *queue, void *ret_item)
{
    memcpy(ret_item, heap_entry(queue, 0), queue->item_size);
    const char *last = heap_entry(queue, --queue->count);
    size_t hole = 0;
    for (size_t child; (child = 2 * hole + 1) < queue->count; hole = child) {
        if (child + 1 < queue->count &&
            heap_before(queue, heap_entry(queue, child + 1), heap_entry(queue, child)))
            child++;
        if (!heap_before(queue, heap_entry(queue, child), last))
            break;
        memcpy(heap_entry(queue, hole), heap_entry(queue, child), queue->stride);
    }
    if (queue->count)
        memcpy(heap_entry(queue, hole), last, queue->stride);
}

int eddy_priority_queue_open_(eddy_priority_queue *memory, size_t item_size, size_t limit,
                              eddy_compare_ *compare)
{
    if (!compare)
        return log_misuse(-EINVAL, "eddy_priority_queue_open", "the comparison is NULL");
    int r = queue_open(memory, "eddy_priority_queue_open", QUEUE_LOWEST, item_size, limit);
    if (r == 0)
        ((struct queue *)(void *)memory)->compare = compare;
    return r;
}

int eddy_lifo_queue_open(eddy_lifo_queue *memory, size_t item_size, size_t limit)
{
    return queue_open(memory, "eddy_lifo_queue_open", QUEUE_LIFO, item_size, limit);
}
