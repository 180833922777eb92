/* SPDX-License-Identifier: MIT */
/*
 * Queue: items from task to task, bounded, first in, first out. asyncio.Queue.
 *
 *     eddy_queue jobs;
 *     int r = eddy_queue_open(&jobs, sizeof(int), 10);
 *     int job = 7;
 *     r = eddy_queue_put(&jobs, &job);      // suspends while it is full: back-pressure
 *     r = eddy_queue_get(&jobs, &job);      // suspends while it is empty
 *     r = eddy_queue_task_done(&jobs);      // the job is done, not only taken
 *     r = eddy_queue_join(&jobs);           // suspends until all jobs are
 *     eddy_queue_close(&jobs);
 *
 * Items are copied in and out; the size of what the pointer points to is checked (-EINVAL and a
 * failure that names both sizes). No item is lost or doubled by a cancel: an operation that was
 * completed by the other side returns 0 even if a cancel arrived before the task ran.
 *
 * Queues in another order are in priority_queue.h; everything here but open is theirs too. While
 * tasks wait for it a queue belongs to their loop: a call from another one is refused (-EINVAL).
 */
#ifndef EDDY_QUEUE_H
#define EDDY_QUEUE_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_queue {
    uint64_t private_[28];
} eddy_queue;

#define EDDY_UNBOUNDED SIZE_MAX

/* Makes a queue of items of item_size bytes, at most `limit` waiting; EDDY_UNBOUNDED has to be
 * asked for. 0, -EINVAL (null, a size or limit of 0), -EOVERFLOW. */
EDDY_API EDDY_MUST_USE int eddy_queue_open(eddy_queue *queue, size_t item_size, size_t limit);

/* Frees the items left and the memory. Tasks still waiting, in join too, are woken with -EPIPE.
 * Doesn't suspend; again, or with NULL, it does nothing. */
EDDY_API void eddy_queue_close(eddy_queue *queue);

/* asyncio's shutdown(): from now on puts fail with -EPIPE, gets take what is left, then fail with
 * -EPIPE; waiters are woken accordingly, and join still waits for task_done. The second form, for
 * shutdown(immediate=True), also drops what is left and counts it as done. Doesn't suspend. 0,
 * -EINVAL. */
EDDY_API int eddy_queue_shutdown(eddy_queue *queue);
EDDY_API int eddy_queue_shutdown_immediate(eddy_queue *queue);

/* How many items are waiting, none, as many as may; NULL is taken for an empty one. */
EDDY_API size_t eddy_queue_size(const eddy_queue *queue);
EDDY_API bool eddy_queue_empty(const eddy_queue *queue);
EDDY_API bool eddy_queue_full(const eddy_queue *queue);

/* put and get as above: 0, -ECANCELED, -EPIPE after shutdown or close, -EINVAL, -ENOMEM (no room
 * for an item more). A free place and an item at hand are taken without suspending, also in a
 * cancelled scope. The nowait forms give -EAGAIN instead of suspending, and may be called by
 * callbacks. */
#define eddy_queue_put(queue, item) eddy_queue_put_(queue, item, sizeof *(item))
#define eddy_queue_get(queue, item) eddy_queue_get_(queue, item, sizeof *(item))
#define eddy_queue_put_nowait(queue, item) eddy_queue_put_nowait_(queue, item, sizeof *(item))
#define eddy_queue_get_nowait(queue, item) eddy_queue_get_nowait_(queue, item, sizeof *(item))

EDDY_API EDDY_ASYNC int eddy_queue_put_(eddy_queue *queue, const void *item, size_t size);
EDDY_API EDDY_ASYNC int eddy_queue_get_(eddy_queue *queue, void *item, size_t size);
EDDY_API EDDY_MUST_USE int eddy_queue_put_nowait_(eddy_queue *queue, const void *item, size_t size);
EDDY_API EDDY_MUST_USE int eddy_queue_get_nowait_(eddy_queue *queue, void *item, size_t size);

/* Says that one item which was put is done with. Doesn't suspend. 0, -EINVAL, -EPERM if that is
 * more often than items were put. */
EDDY_API int eddy_queue_task_done(eddy_queue *queue);

/* Suspends until task_done was called for every item that was put; not at all if nothing is
 * unfinished. 0, -ECANCELED, -EPIPE if the queue is closed meanwhile, -EINVAL. */
EDDY_API EDDY_ASYNC int eddy_queue_join(eddy_queue *queue);

/* Items that were put and for which task_done wasn't called; 0 for NULL. */
EDDY_API size_t eddy_queue_unfinished(const eddy_queue *queue);

EDDY_END_DECLS
#endif
