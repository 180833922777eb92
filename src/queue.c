/* SPDX-License-Identifier: MIT */
/*
 * Queue: getters wait only while it is empty, putters only while it is full.
 *
 * Hand-over is direct: a put gives its item to the first waiting getter, a get takes the first
 * waiting putter's item into the place it made free. Whoever was served is served, also when a
 * cancel arrives before it runs, so no item is lost or doubled. The memory starts small and grows
 * up to the limit, so a generous limit costs nothing until it is needed.
 */
#include "queue.h"
#include <string.h>
#include "log.h"
#include "memory.h"

#define QUEUE_OPEN UINT64_C(0x6564647971756575) /* "eddyqueu" */
#define FIRST_CAPACITY 16

static struct queue *queue_of(const eddy_queue *memory)
{
    return (struct queue *)(uintptr_t)memory;
}

/* ---- life ---- */

/* An entry of a heap keeps the alignment of its item, and has room for a number behind it. */
static size_t heap_stride(size_t item_size)
{
    const size_t number = sizeof(uint64_t);
    size_t stride = (item_size + number - 1) / number * number + number;
    if (item_size % (2 * number) == 0)
        stride += number;
    return stride;
}

int queue_open(eddy_queue *memory, const char *call, enum queue_order order, size_t item_size,
               size_t limit)
{
    struct queue *queue = queue_of(memory);
    if (!queue || !item_size || !limit)
        return log_misuse(-EINVAL, call, "%s",
                          !queue       ? "NULL queue"
                          : !item_size ? "items of 0 bytes"
                                       : "a limit of 0");
    size_t stride = item_size;
    if (order == QUEUE_LOWEST && item_size < PTRDIFF_MAX)
        stride = heap_stride(item_size);
    if (limit != EDDY_UNBOUNDED && limit > (size_t)PTRDIFF_MAX / stride)
        return eddy_fail(-EOVERFLOW, "%s: %zu items of %zu bytes", call, limit, item_size);
    *queue = (struct queue){.magic = QUEUE_OPEN,
                            .item_size = item_size,
                            .stride = stride,
                            .limit = limit,
                            .order = order};
    return 0;
}

int eddy_queue_open(eddy_queue *memory, size_t item_size, size_t limit)
{
    return queue_open(memory, "eddy_queue_open", QUEUE_FIFO, item_size, limit);
}

/* The queue if it is open and nobody of another loop waits in it, or NULL with *code set. */
static struct queue *queue_find(const eddy_queue *memory, const char *call, int *code)
{
    struct queue *queue = queue_of(memory);
    if (!queue || queue->magic != QUEUE_OPEN)
        *code = log_misuse(-EINVAL, call, "the queue isn't open");
    else if (waiters_foreign(&queue->getters) || waiters_foreign(&queue->putters) ||
             waiters_foreign(&queue->joiners))
        *code = waiters_misuse(call);
    else
        return queue;
    return NULL;
}

/* Counts items as done. */
static void queue_finish(struct queue *queue, size_t count)
{
    queue->unfinished -= count < queue->unfinished ? count : queue->unfinished;
    if (!queue->unfinished)
        waiters_wake_all(&queue->joiners, 0);
}

static void queue_shut(struct queue *queue)
{
    queue->shut = 1;
    waiters_wake_all(&queue->getters, -EPIPE);
    waiters_wake_all(&queue->putters, -EPIPE);
}

int eddy_queue_shutdown(eddy_queue *memory)
{
    int code = 0;
    struct queue *queue = queue_find(memory, "eddy_queue_shutdown", &code);
    if (queue)
        queue_shut(queue);
    return code;
}

int eddy_queue_shutdown_immediate(eddy_queue *memory)
{
    int code = 0;
    struct queue *queue = queue_find(memory, "eddy_queue_shutdown_immediate", &code);
    if (!queue)
        return code;
    size_t dropped = queue->count;
    queue->count = queue->head = 0;
    queue_finish(queue, dropped);
    queue_shut(queue);
    return 0;
}

void eddy_queue_close(eddy_queue *memory)
{
    struct queue *queue = queue_of(memory);
    int code = 0;
    if (!queue || queue->magic != QUEUE_OPEN || !queue_find(memory, "eddy_queue_close", &code))
        return;
    queue_shut(queue);
    waiters_wake_all(&queue->joiners, -EPIPE);
    memory_free(queue->items);
    *queue = (struct queue){0};
}

size_t eddy_queue_size(const eddy_queue *memory)
{
    return memory ? queue_of(memory)->count : 0;
}

bool eddy_queue_empty(const eddy_queue *memory)
{
    return eddy_queue_size(memory) == 0;
}

bool eddy_queue_full(const eddy_queue *memory)
{
    return memory && queue_of(memory)->count >= queue_of(memory)->limit;
}

size_t eddy_queue_unfinished(const eddy_queue *memory)
{
    return memory ? queue_of(memory)->unfinished : 0;
}

/* ---- items ---- */

/* Without a call for the items of most queues: numbers and pointers. */
static inline void item_copy(const struct queue *queue, void *to, const void *from)
{
    if (queue->item_size == sizeof(uint64_t))
        memcpy(to, from, sizeof(uint64_t));
    else if (queue->item_size == sizeof(uint32_t))
        memcpy(to, from, sizeof(uint32_t));
    else
        memcpy(to, from, queue->item_size);
}

static inline char *queue_place(struct queue *queue, size_t index)
{
    size_t place = queue->head + index;
    return queue->items +
           (place < queue->capacity ? place : place - queue->capacity) * queue->stride;
}

static int queue_grow(struct queue *queue)
{
    size_t capacity = queue->capacity ? 2 * queue->capacity : FIRST_CAPACITY;
    if (capacity > queue->limit)
        capacity = queue->limit;
    char *items = NULL;
    if (capacity <= (size_t)PTRDIFF_MAX / queue->stride)
        items = memory_allocate(capacity * queue->stride);
    if (!items)
        return eddy_fail(-ENOMEM, "no memory for %zu items of %zu bytes in a queue", capacity,
                         queue->item_size);
    size_t first = queue->capacity - queue->head; /* items up to the end of the old ring */
    if (first > queue->count)
        first = queue->count;
    if (queue->count) {
        memcpy(items, queue->items + queue->head * queue->stride, first * queue->stride);
        memcpy(items + first * queue->stride, queue->items, (queue->count - first) * queue->stride);
    }
    memory_free(queue->items);
    queue->items = items;
    queue->capacity = capacity;
    queue->head = 0;
    return 0;
}

/* There is room. */
static inline void item_put(struct queue *queue, const void *item)
{
    queue->unfinished++;
    if (__builtin_expect(queue->order == QUEUE_LOWEST, 0))
        heap_put(queue, item);
    else
        item_copy(queue, queue_place(queue, queue->count++), item);
}

/* There is one. */
static inline void item_take(struct queue *queue, void *item)
{
    if (__builtin_expect(queue->order == QUEUE_FIFO, 1)) {
        item_copy(queue, item, queue_place(queue, 0));
        queue->head = queue->head + 1 == queue->capacity ? 0 : queue->head + 1;
        queue->count--;
    } else if (queue->order == QUEUE_LIFO) {
        item_copy(queue, item, queue_place(queue, --queue->count));
    } else {
        heap_take(queue, item);
    }
}

/* ---- put and get ---- */

/* The queue, or NULL with *code set. */
static inline struct queue *queue_check(const eddy_queue *memory, const void *item, size_t size,
                                        const char *call, int *code)
{
    struct queue *queue = queue_of(memory);
    if (!queue || !item)
        *code = log_misuse(-EINVAL, call, queue ? "the item is NULL" : "the queue is NULL");
    else if (queue->magic != QUEUE_OPEN)
        *code = log_misuse(-EPIPE, call, "the queue isn't open");
    else if (size != queue->item_size)
        *code = log_misuse(-EINVAL, call, "an item of %zu bytes for a queue of items of %zu bytes",
                           size, queue->item_size);
    else if (waiters_foreign(&queue->getters) || waiters_foreign(&queue->putters))
        *code = waiters_misuse(call);
    else
        return queue;
    return NULL;
}

/* 0, or -EAGAIN where a put would wait. */
static int queue_try_put(struct queue *queue, const void *item)
{
    if (queue->shut)
        return -EPIPE;
    struct waiter *first = waiters_take(&queue->getters);
    if (first) {
        struct queue_waiter *getter = container_of(first, struct queue_waiter, waiter);
        item_copy(queue, getter->item, item);
        queue->unfinished++;
        wait_finish(&first->wait, 0);
        return 0;
    }
    if (queue->count >= queue->limit)
        return -EAGAIN;
    if (queue->count == queue->capacity) {
        int r = queue_grow(queue);
        if (r < 0)
            return r;
    }
    item_put(queue, item);
    return 0;
}

static int queue_try_get(struct queue *queue, void *item)
{
    if (!queue->count)
        return queue->shut ? -EPIPE : -EAGAIN;
    item_take(queue, item);
    struct waiter *first = waiters_take(&queue->putters);
    if (first) { /* the place just made free is enough: no growing, no failing */
        item_put(queue, container_of(first, struct queue_waiter, waiter)->item);
        wait_finish(&first->wait, 0);
    }
    return 0;
}

int eddy_queue_put_(eddy_queue *memory, const void *item, size_t size)
{
    int code = 0;
    struct queue *queue = queue_check(memory, item, size, "eddy_queue_put", &code);
    if (!queue)
        return code;
    if (!task_current())
        return task_missing("eddy_queue_put");
    code = queue_try_put(queue, item);
    if (code != -EAGAIN)
        return code;
    struct queue_waiter putter = {.item = (void *)(uintptr_t)item};
    return waiters_wait(&queue->putters, &putter.waiter, "queue put", "eddy_queue_put");
}

int eddy_queue_get_(eddy_queue *memory, void *item, size_t size)
{
    int code = 0;
    struct queue *queue = queue_check(memory, item, size, "eddy_queue_get", &code);
    if (!queue)
        return code;
    if (!task_current())
        return task_missing("eddy_queue_get");
    code = queue_try_get(queue, item);
    if (code != -EAGAIN)
        return code;
    struct queue_waiter getter = {.item = item};
    return waiters_wait(&queue->getters, &getter.waiter, "queue get", "eddy_queue_get");
}

int eddy_queue_put_nowait_(eddy_queue *memory, const void *item, size_t size)
{
    int code = 0;
    struct queue *queue = queue_check(memory, item, size, "eddy_queue_put_nowait", &code);
    return queue ? queue_try_put(queue, item) : code;
}

int eddy_queue_get_nowait_(eddy_queue *memory, void *item, size_t size)
{
    int code = 0;
    struct queue *queue = queue_check(memory, item, size, "eddy_queue_get_nowait", &code);
    return queue ? queue_try_get(queue, item) : code;
}

struct waiters *queue_waiters(eddy_queue *memory, bool put)
{
    struct queue *queue = queue_of(memory);
    return put ? &queue->putters : &queue->getters;
}

/* ---- unfinished items ---- */

int eddy_queue_task_done(eddy_queue *memory)
{
    int code = 0;
    struct queue *queue = queue_find(memory, "eddy_queue_task_done", &code);
    if (!queue)
        return code;
    if (!queue->unfinished)
        return log_misuse(-EPERM, "eddy_queue_task_done", "called more often than items were put");
    queue_finish(queue, 1);
    return 0;
}

int eddy_queue_join(eddy_queue *memory)
{
    int code = 0;
    struct queue *queue = queue_find(memory, "eddy_queue_join", &code);
    if (!queue)
        return code;
    if (!task_current())
        return task_missing("eddy_queue_join");
    if (!queue->unfinished)
        return 0;
    struct waiter joiner;
    return waiters_wait(&queue->joiners, &joiner, "queue join", "eddy_queue_join");
}
