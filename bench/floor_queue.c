/* SPDX-License-Identifier: MIT
 *
 * The floors of passing items between two raw tasks.
 *
 *     group hop      A --item--> B --item--> A ...    through a slot each way; an operation is one
 *                                                     hop: put, switch, take
 *     group queue    producer ==[ring of 128]==> consumer    an operation is one item; they switch
 *                                                     only when the ring is full or empty
 *
 * The consumer adds up what it gets, so a lost item makes the run fail.
 */
#include <errno.h>
#include <stdbool.h>

#include "floors.h"
#include "raw_task.h"
#include "stopwatch.h"
#include "workload.h"

enum { STACK_STRIDE = 64 * 1024 };

static struct raw_task outside;
static struct raw_task *left, *right;
static uint64_t item_count;
static uint64_t sum;

/* A slot each way */

static uint64_t slot_to_right, slot_to_left;

static void hop_left(struct raw_task *self)
{
    for (uint64_t item = 1; item <= item_count; item += 2) {
        slot_to_right = item;
        raw_switch(self, right);
        sum += slot_to_left;
    }
    raw_switch(self, &outside);
    __builtin_unreachable();
}

static void hop_right(struct raw_task *self)
{
    for (;;) {
        uint64_t item = slot_to_right;
        sum += item;
        slot_to_left = item + 1;
        raw_switch(self, left);
    }
}

/* A ring */

static struct {
    uint64_t items[WORKLOAD_QUEUE_CAPACITY];
    size_t head;
    size_t tail;
} ring;

static inline __attribute__((always_inline)) bool ring_put(uint64_t item)
{
    if (ring.tail - ring.head == WORKLOAD_QUEUE_CAPACITY)
        return false;
    ring.items[ring.tail++ % WORKLOAD_QUEUE_CAPACITY] = item;
    /* Item by item, as a real producer would: not one vectorised fill. */
    __asm__ volatile("" ::: "memory");
    return true;
}

static inline __attribute__((always_inline)) bool ring_take(uint64_t *ret_item)
{
    if (ring.tail == ring.head)
        return false;
    *ret_item = ring.items[ring.head++ % WORKLOAD_QUEUE_CAPACITY];
    __asm__ volatile("" ::: "memory");
    return true;
}

/* A library's queue is behind a call and doesn't know its items' size at compile time; this
 * variant shows what the calls alone cost. */
static __attribute__((noinline)) bool ring_put_called(uint64_t item)
{
    return ring_put(item);
}

static __attribute__((noinline)) bool ring_take_called(uint64_t *ret_item)
{
    return ring_take(ret_item);
}

#define PRODUCER_ENTRY(name, put)                                                                  \
    static void name(struct raw_task *self)                                                        \
    {                                                                                              \
        for (uint64_t item = 1; item <= item_count; item++)                                        \
            while (!put(item))                                                                     \
                raw_switch(self, right);                                                           \
        for (;;)                                                                                   \
            raw_switch(self, right);                                                               \
    }

#define CONSUMER_ENTRY(name, take)                                                                 \
    static void name(struct raw_task *self)                                                        \
    {                                                                                              \
        for (uint64_t taken = 0; taken < item_count; taken++) {                                    \
            uint64_t item;                                                                         \
            while (!take(&item))                                                                   \
                raw_switch(self, left);                                                            \
            sum += item;                                                                           \
        }                                                                                          \
        raw_switch(self, &outside);                                                                \
        __builtin_unreachable();                                                                   \
    }

PRODUCER_ENTRY(produce, ring_put)
CONSUMER_ENTRY(consume, ring_take)
PRODUCER_ENTRY(produce_called, ring_put_called)
CONSUMER_ENTRY(consume_called, ring_take_called)

static int run_pair(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct raw_pair *entries = self->context;
    struct raw_stacks stacks;
    struct stopwatch watch;

    int error = raw_stacks_map_pair(&stacks, STACK_STRIDE, entries, &left, &right);
    if (error < 0)
        return error;
    ring.head = ring.tail = 0;
    sum = 0;
    item_count = operations / 2 * 2;

    stopwatch_start(&watch);
    raw_switch(&outside, left);
    stopwatch_stop(&watch, item_count, ret_sample);
    raw_stacks_unmap(&stacks);
    return sum == item_count * (item_count + 1) / 2 ? 0 : -EBADMSG;
}

static const struct raw_pair hop = {hop_left, hop_right};
static const struct raw_pair queue = {produce, consume};
static const struct raw_pair queue_called = {produce_called, consume_called};

const struct contender floor_queue_contenders[] = {
    {.group = "hop",
     .name = "raw slot each way",
     .is_floor = true,
     .run = run_pair,
     .context = &hop},
    {.group = "queue",
     .name = "raw ring of 128, inlined",
     .is_floor = true,
     .run = run_pair,
     .context = &queue},
    {.group = "queue",
     .name = "raw ring of 128, behind calls",
     .run = run_pair,
     .context = &queue_called},
    {.name = NULL},
};
