/* SPDX-License-Identifier: MIT */
/*
 * A producer and a consumer with a queue between them; an empty item says that it was the last.
 * Tutorial: Mastering Asyncio, "Producer-Consumer with Queues".
 *
 *     async def producer(queue):
 *         for item in generate_items():
 *             await queue.put(item)
 *         await queue.put(None)             # Signal completion
 *
 *     async def consumer(queue):
 *         while True:
 *             item = await queue.get()
 *             if item is None:
 *                 break
 *             await process(item)
 *
 * The queue holds two items. The producer is quicker, so it soon waits for room: back-pressure.
 */
#include <stdio.h>
#include <eddy.h>

struct worker {
    eddy_queue *queue;
};

static EDDY_ASYNC int producer(struct worker *a)
{
    static const char *const items[] = {"apple", "banana", "cherry", "date", "elderberry", NULL};
    for (int i = 0;; i++) {
        int r = eddy_queue_put(a->queue, &items[i]);
        if (r < 0 || !items[i])
            return r;
        printf("put %s\n", items[i]);
    }
}

static EDDY_ASYNC int consumer(struct worker *a)
{
    for (;;) {
        const char *item;
        int r = eddy_queue_get(a->queue, &item);
        if (r < 0 || !item)
            return r;
        r = eddy_sleep(1.0); /* stands for the work */
        if (r < 0)
            return r;
        printf("processed %s\n", item);
    }
}

static EDDY_ASYNC int main_task(void)
{
    eddy_queue queue;
    int err = eddy_queue_open(&queue, sizeof(const char *), 2);
    if (err < 0)
        return err;
    eddy_with_group (group, &err) {
        eddy_spawn_as(group, producer, struct worker, .queue = &queue);
        eddy_spawn_as(group, consumer, struct worker, .queue = &queue);
    }
    eddy_queue_close(&queue);
    return err;
}

int main(void)
{
    return eddy_run(main_task) < 0;
}
