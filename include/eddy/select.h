/* SPDX-License-Identifier: MIT */
/*
 * Select: waits for the first of several things, whatever they are.
 *
 *     switch (eddy_select(2.0, eddy_case_get(&jobs, &job), eddy_case_event(&stop))) {
 *     case 0:
 *         work(&job);
 *         break;
 *     case 1:
 *         return 0;
 *     case -ETIMEDOUT:
 *         ...
 *     }
 *
 * Exactly one case happens: the others are undone before anything more can come of them, so no item
 * is taken, put, or lost by one that didn't win. That holds for channels, too, whose other end is
 * on another thread, and for signals.
 */
#ifndef EDDY_SELECT_H
#define EDDY_SELECT_H

#include <eddy/channel.h>
#include <eddy/event.h>
#include <eddy/queue.h>
#include <eddy/signal.h>
#include <eddy/task.h>

EDDY_BEGIN_DECLS

enum eddy_case_kind_ {
    EDDY_CASE_GET_,
    EDDY_CASE_PUT_,
    EDDY_CASE_CHANNEL_GET_,
    EDDY_CASE_CHANNEL_PUT_,
    EDDY_CASE_SIGNAL_,
    EDDY_CASE_EVENT_,
    EDDY_CASE_TASK_,
    EDDY_CASE_READABLE_,
    EDDY_CASE_WRITABLE_,
    EDDY_CASE_AFTER_,
    EDDY_CASE_AT_,
};

/* One thing to wait for, made by the functions below; for one select. */
typedef struct eddy_case {
    enum eddy_case_kind_ kind;
    int descriptor;
    void *object;
    void *item;
    size_t size;
    size_t *count;
    double time;
    uint64_t private_[26];
} eddy_case;

/* Suspends until one of the cases happened, and returns its index, counted from 0 in the order of
 * the arguments. Of those that can happen at once the first does, and nothing is suspended, also in
 * a cancelled scope; what becomes possible later comes first come, first served. Descriptors are
 * looked at by the loop, so they always take a turn of it.
 *
 * -ETIMEDOUT after so many seconds (EDDY_FOREVER: no limit; 0 or less only looks, at descriptors
 * too); -ECANCELED if it was interrupted: then nothing has happened. A case that fails makes
 * select fail with its code, as the call it stands for would: -EPIPE of a queue or channel that was
 * shut down, or of a closed stream of signals, -EBUSY of a descriptor that is being waited for,
 * -ESRCH of a stale task, -EINVAL, -ENOMEM; then nothing has happened either. -EINVAL outside a
 * task, without a case, or for NaN. */
#define eddy_select(timeout, ...) EDDY_SELECT_(timeout, __VA_ARGS__)

/* The same for an array of cases. */
EDDY_API EDDY_ASYNC int eddy_select_among(double timeout, eddy_case *cases, size_t count);

static inline eddy_case eddy_case_of_(enum eddy_case_kind_ kind, void *object)
{
    eddy_case one;
    __builtin_memset(&one, 0, sizeof one);
    one.kind = kind;
    one.object = object;
    return one;
}

/* An item was put into a queue, or taken from it into *item (eddy_queue_put, eddy_queue_get). */
#define eddy_case_get(queue, item) eddy_case_item_(EDDY_CASE_GET_, queue, item, sizeof *(item))
#define eddy_case_put(queue, item)                                                                 \
    eddy_case_item_(EDDY_CASE_PUT_, queue, (void *)(uintptr_t)(item), sizeof *(item))

/* The same of a channel (eddy_channel_put, eddy_channel_get), whoever is at its other end. */
#define eddy_case_channel_get(channel, item)                                                       \
    eddy_case_channel_(EDDY_CASE_CHANNEL_GET_, channel, item, sizeof *(item))
#define eddy_case_channel_put(channel, item)                                                       \
    eddy_case_channel_(EDDY_CASE_CHANNEL_PUT_, channel, (void *)(uintptr_t)(item), sizeof *(item))

static inline eddy_case eddy_case_item_(enum eddy_case_kind_ kind, eddy_queue *queue, void *item,
                                        size_t size)
{
    eddy_case one = eddy_case_of_(kind, queue);
    one.item = item;
    one.size = size;
    return one;
}
static inline eddy_case eddy_case_channel_(enum eddy_case_kind_ kind, eddy_channel *channel,
                                           void *item, size_t size)
{
    eddy_case one = eddy_case_of_(kind, channel);
    one.item = item;
    one.size = size;
    return one;
}

/* One of the stream's signals has come: its number, and how often it came (either may be NULL), as
 * of eddy_signals_next. */
static inline eddy_case eddy_case_signal(eddy_signals *signals, int *number, size_t *count)
{
    eddy_case one = eddy_case_of_(EDDY_CASE_SIGNAL_, signals);
    one.item = number;
    one.count = count;
    return one;
}

/* The event is set. */
static inline eddy_case eddy_case_event(eddy_event *event)
{
    return eddy_case_of_(EDDY_CASE_EVENT_, event);
}

/* The task is done; how, is asked by eddy_task_result. Losing leaves it alone. */
static inline eddy_case eddy_case_task(eddy_task *task)
{
    return eddy_case_of_(EDDY_CASE_TASK_, task);
}

/* The descriptor is readable (writable), as for eddy_wait_readable; nothing is read. Not for one of
 * a stream, which may hold bytes already, or of a datagram socket (-EBUSY): a task of its own reads
 * that, into a queue. */
static inline eddy_case eddy_case_readable(int descriptor)
{
    eddy_case one = eddy_case_of_(EDDY_CASE_READABLE_, NULL);
    one.descriptor = descriptor;
    return one;
}
static inline eddy_case eddy_case_writable(int descriptor)
{
    eddy_case one = eddy_case_of_(EDDY_CASE_WRITABLE_, NULL);
    one.descriptor = descriptor;
    return one;
}

/* So many seconds have passed; the clock has got to a time of eddy_time(). */
static inline eddy_case eddy_case_after(double seconds)
{
    eddy_case one = eddy_case_of_(EDDY_CASE_AFTER_, NULL);
    one.time = seconds;
    return one;
}
static inline eddy_case eddy_case_at(double time)
{
    eddy_case one = eddy_case_of_(EDDY_CASE_AT_, NULL);
    one.time = time;
    return one;
}

EDDY_END_DECLS

#ifndef __cplusplus
#define EDDY_SELECT_(timeout, ...)                                                                 \
    eddy_select_among(timeout, (eddy_case[]){__VA_ARGS__},                                         \
                      sizeof((const eddy_case[]){__VA_ARGS__}) / sizeof(eddy_case))
#else
#define EDDY_SELECT_(timeout, ...) eddy_cxx_::select(timeout, __VA_ARGS__)

namespace eddy_cxx_ {
template <class... Cases> EDDY_ASYNC int select(double timeout, Cases... cases)
{
    eddy_case all[] = {cases...};
    return eddy_select_among(timeout, all, sizeof...(cases));
}
} // namespace eddy_cxx_
#endif

#endif
