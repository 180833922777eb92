/* SPDX-License-Identifier: MIT */
/*
 * Queue: a ring of items, getters waiting only while it is empty, putters only while it is full.
 *
 * Hand-over is direct: a put gives its item to the first waiting getter, a get takes the first
 * waiting putter's item into the place it made free. Whoever was served is served, also when a
 * cancel arrives before it runs, so no item is lost or doubled. The ring starts small and grows up
 * to the limit, so a generous limit costs nothing until it is needed.
 */
#include <stdlib.h>
#include <string.h>
#include "eddy/queue.h"
#include "log.h"
#include "memory.h"
#include "task.h"

#define QUEUE_OPEN UINT64_C(0x6564647971756575) /* "eddyqueu" */
#define FIRST_CAPACITY 16

struct queue {
    uint64_t magic;
    char *items;
    size_t item_size, limit, capacity, head, count;
    struct list getters, putters; /* of struct queue_wait; never both non-empty */
    uint64_t shut;
};

_Static_assert(sizeof(struct queue) <= sizeof(eddy_queue), "eddy_queue is too small");

struct queue_wait {
    struct wait wait;
    struct list *waiters;
    void *item; /* to fill, or to take from */
};

static struct queue *queue_of(const eddy_queue *memory)
{
    return (struct queue *)(uintptr_t)memory;
}

int eddy_queue_open(eddy_queue *memory, size_t item_size, size_t limit)
{
    struct queue *queue = queue_of(memory);
    if (!queue || !item_size || !limit)
        return log_misuse(-EINVAL, "eddy_queue_open", "%s",
                          !queue       ? "NULL queue"
                          : !item_size ? "items of 0 bytes"
                                       : "a limit of 0");
    if (limit != EDDY_UNBOUNDED && limit > (size_t)PTRDIFF_MAX / item_size)
        return eddy_fail(-EOVERFLOW, "eddy_queue_open: %zu items of %zu bytes", limit, item_size);
    *queue = (struct queue){.magic = QUEUE_OPEN, .item_size = item_size, .limit = limit};
    return 0;
}

static void finish_all(struct list *waiters, int code)
{
    struct link *link;
    while ((link = list_take_first(waiters)))
        wait_finish(container_of(link, struct wait, link), code);
}

int eddy_queue_shutdown(eddy_queue *memory)
{
    struct queue *queue = queue_of(memory);
    if (!queue || queue->magic != QUEUE_OPEN)
        return log_misuse(-EINVAL, "eddy_queue_shutdown", "the queue isn't open");
    queue->shut = 1;
    finish_all(&queue->getters, -EPIPE);
    finish_all(&queue->putters, -EPIPE);
    return 0;
}

void eddy_queue_close(eddy_queue *memory)
{
    struct queue *queue = queue_of(memory);
    if (!queue || queue->magic != QUEUE_OPEN)
        return;
    (void)eddy_queue_shutdown(memory);
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

static char *queue_place(struct queue *queue, size_t index)
{
    size_t place = queue->head + index;
    return queue->items +
           (place < queue->capacity ? place : place - queue->capacity) * queue->item_size;
}

static int queue_grow(struct queue *queue)
{
    size_t capacity = queue->capacity ? 2 * queue->capacity : FIRST_CAPACITY;
    if (capacity > queue->limit)
        capacity = queue->limit;
    if (capacity > (size_t)PTRDIFF_MAX / queue->item_size)
        return eddy_fail(-ENOMEM, "no memory for %zu items of %zu bytes in a queue", capacity,
                         queue->item_size);
    char *items = memory_allocate(capacity * queue->item_size);
    if (!items)
        return eddy_fail(-ENOMEM, "no memory for %zu items of %zu bytes in a queue", capacity,
                         queue->item_size);
    size_t first = queue->capacity - queue->head; /* items up to the end of the old ring */
    if (first > queue->count)
        first = queue->count;
    if (queue->count) {
        memcpy(items, queue->items + queue->head * queue->item_size, first * queue->item_size);
        memcpy(items + first * queue->item_size, queue->items,
               (queue->count - first) * queue->item_size);
    }
    memory_free(queue->items);
    queue->items = items;
    queue->capacity = capacity;
    queue->head = 0;
    return 0;
}

static int queue_append(struct queue *queue, const void *item)
{
    if (queue->count == queue->capacity) {
        int r = queue_grow(queue);
        if (r < 0)
            return r;
    }
    item_copy(queue, queue_place(queue, queue->count), item);
    queue->count++;
    return 0;
}

/* The queue, or NULL with *code set. */
static struct queue *queue_check(const eddy_queue *memory, const void *item, size_t size,
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
    else
        return queue;
    return NULL;
}

/* 0, or -EAGAIN where a put would wait. */
static int queue_try_put(struct queue *queue, const void *item)
{
    if (queue->shut)
        return -EPIPE;
    struct link *first = list_take_first(&queue->getters);
    if (first) {
        struct queue_wait *getter = container_of(first, struct queue_wait, wait.link);
        item_copy(queue, getter->item, item);
        wait_finish(&getter->wait, 0);
        return 0;
    }
    return queue->count >= queue->limit ? -EAGAIN : queue_append(queue, item);
}

static int queue_try_get(struct queue *queue, void *item)
{
    if (!queue->count)
        return queue->shut ? -EPIPE : -EAGAIN;
    item_copy(queue, item, queue_place(queue, 0));
    queue->head = queue->head + 1 == queue->capacity ? 0 : queue->head + 1;
    queue->count--;
    struct link *first = list_take_first(&queue->putters);
    if (first) { /* the place just made free is enough: no growing, no failing */
        struct queue_wait *putter = container_of(first, struct queue_wait, wait.link);
        item_copy(queue, queue_place(queue, queue->count++), putter->item);
        wait_finish(&putter->wait, 0);
    }
    return 0;
}

static bool queue_abort(struct wait *wait)
{
    list_remove(container_of(wait, struct queue_wait, wait)->waiters, &wait->link);
    return true;
}

static int queue_wait(struct list *waiters, void *item, const char *what)
{
    struct queue_wait wait = {.waiters = waiters, .item = item};
    int r = wait_begin(&wait.wait, what, queue_abort);
    if (r < 0)
        return r;
    list_append(waiters, &wait.wait.link);
    return wait_park(&wait.wait);
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
    return code == -EAGAIN ? queue_wait(&queue->putters, (void *)(uintptr_t)item, "queue put")
                           : code;
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
    return code == -EAGAIN ? queue_wait(&queue->getters, item, "queue get") : code;
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
