/* SPDX-License-Identifier: MIT */
/*
 * Queues from inside: one set of waiters and rules, three orders of items.
 *
 *      first in first out     a ring:   items[head] ... items[head + count - 1]
 *      last in first out      the same with head 0, taken from its end
 *      lowest first           a heap of entries, each an item and its number in the order of puts
 */
#ifndef EDDY_SRC_QUEUE_H
#define EDDY_SRC_QUEUE_H

#include "eddy/priority_queue.h"
#include "waiters.h"

enum queue_order { QUEUE_FIFO, QUEUE_LIFO, QUEUE_LOWEST };

struct queue {
    uint64_t magic;
    char *items;
    size_t item_size, stride; /* of an item; from one to the next */
    size_t limit, capacity, head, count;
    struct waiters getters, putters; /* of struct queue_waiter; never both non-empty */
    uint64_t shut;
    enum queue_order order;
    size_t unfinished;
    struct waiters joiners;
    eddy_compare_ *compare; /* of a heap */
    uint64_t sequence;      /* of its last entry */
};

_Static_assert(sizeof(struct queue) <= sizeof(eddy_queue), "eddy_queue is too small");

struct queue_waiter {
    struct waiter waiter;
    void *item; /* to fill, or to take from */
};

/* Of an open queue, for eddy_select, once a get (put) would wait. */
struct waiters *queue_waiters(eddy_queue *queue, bool put);

/* Makes a queue; `call` is for the messages. */
int queue_open(eddy_queue *memory, const char *call, enum queue_order order, size_t item_size,
               size_t limit);

/* There is room. */
void heap_put(struct queue *queue, const void *item);

/* There is one. */
void heap_take(struct queue *queue, void *ret_item);

#endif
