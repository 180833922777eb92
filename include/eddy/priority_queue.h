/* SPDX-License-Identifier: MIT */
/*
 * Queues in another order: lowest first (asyncio.PriorityQueue), last in first out
 * (asyncio.LifoQueue).
 *
 *     struct job { int priority; const char *text; };
 *     static int by_priority(const struct job *a, const struct job *b)
 *     {
 *         return a->priority - b->priority;
 *     }
 *
 *     eddy_priority_queue jobs;
 *     int r = eddy_priority_queue_open(&jobs, struct job, 100, by_priority);
 *     r = eddy_queue_put(&jobs, &job);
 *     r = eddy_queue_get(&jobs, &job);      // the lowest of those waiting
 *     eddy_queue_close(&jobs);
 *
 * Both are queues: every call of queue.h works on them, as on asyncio's subclasses of Queue.
 */
#ifndef EDDY_PRIORITY_QUEUE_H
#define EDDY_PRIORITY_QUEUE_H

#include <eddy/queue.h>

EDDY_BEGIN_DECLS

typedef eddy_queue eddy_priority_queue;
typedef eddy_queue eddy_lifo_queue;

typedef int eddy_compare_(const void *one, const void *other);

EDDY_API EDDY_MUST_USE int eddy_priority_queue_open_(eddy_priority_queue *queue, size_t item_size,
                                                     size_t limit, eddy_compare_ *compare);

/* Makes a queue that hands out the last item first. Errors as eddy_queue_open. */
EDDY_API EDDY_MUST_USE int eddy_lifo_queue_open(eddy_lifo_queue *queue, size_t item_size,
                                                size_t limit);

EDDY_END_DECLS

/* eddy_priority_queue_open(queue, type, limit, compare): makes a queue of items of a type that
 * hands out the lowest first by `int compare(const type *a, const type *b)`, negative if a comes
 * before b, as for qsort; of equal ones the first that was put. compare must not suspend and must
 * not use the queue. Errors as eddy_queue_open; -EINVAL also for a NULL compare. */
#ifndef __cplusplus
#define eddy_priority_queue_open(queue, type, limit, compare)                                      \
    eddy_priority_queue_open_(                                                                     \
        queue, sizeof(type), limit, __extension__({                                                \
            _Static_assert(_Alignof(type) <= 16, "eddy: " #type " wants more alignment than 16");  \
            _Pragma("GCC diagnostic push")                                                         \
                _Pragma("GCC diagnostic error \"-Wincompatible-pointer-types\"") int (             \
                    *eddy_compare_given_)(const type *, const type *) = (compare);                 \
            _Pragma("GCC diagnostic pop")(eddy_compare_ *)(void (*)(void))eddy_compare_given_;     \
        }))
#else
namespace eddy_cxx_ {
template <class Type>
EDDY_MUST_USE int open_priority_queue(eddy_priority_queue *queue, size_t limit,
                                      int (*compare)(const Type *, const Type *))
{
    static_assert(alignof(Type) <= 16, "eddy: the items want more alignment than 16");
    return eddy_priority_queue_open_(
        queue, sizeof(Type), limit,
        reinterpret_cast<eddy_compare_ *>(reinterpret_cast<void (*)()>(compare)));
}
} // namespace eddy_cxx_
#define eddy_priority_queue_open(queue, type, limit, compare)                                      \
    eddy_cxx_::open_priority_queue<type>(queue, limit, compare)
#endif

#endif
