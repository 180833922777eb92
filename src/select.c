/* SPDX-License-Identifier: MIT */
/*
 * Select: one task, several waits.
 *
 *      task --parked in--> select.wait
 *                              ^ finished by the first
 *      cases:  [wait in a queue]  [wait in an event]  [join of a task]  [timer]  ...
 *
 * Each case stands where a task of its own would, in a wait without a task (task.h), a join or a
 * timer. The first that is served takes the others out at that instant, before anybody else runs:
 * so none of them can be served too, and what was handed to the first is the task's.
 *
 * A channel's case may be served on another thread, at any instant. Therefore whoever is about to
 * serve a case, or to give the whole up, first claims it: one atomic flag for all, set once. Who
 * comes too late passes over, and the task stays parked until the post of the first has arrived.
 */
#include "eddy/select.h"
#include <math.h>
#include "channel.h"
#include "log.h"
#include "queue.h"
#include "signals.h"
#include "task.h"
#include "watch.h"

struct select {
    struct wait wait;
    struct timer timer;
    eddy_case *cases;
    size_t count;
    size_t served;       /* the case that was, once the wait is over */
    bool shared;         /* other threads may serve it */
    atomic_bool claimed; /* if shared; else nobody can come too late */
};

/* What a case has in its private words. */
struct listener {
    struct select *select;
    size_t index;
    struct task *task; /* whose end it listens to */
    bool listening;
    union {
        struct wait wait; /* the first member of the next three, too */
        struct waiter event;
        struct queue_waiter queue;
        struct signal_waiter signal;
        struct channel_wait channel;
        struct join join;
        struct timer timer;
    };
};

_Static_assert(sizeof(struct listener) <= sizeof((eddy_case){0}.private_),
               "eddy_case is too small");

static const char *const case_names[] = {
    [EDDY_CASE_GET_] = "queue get",
    [EDDY_CASE_PUT_] = "queue put",
    [EDDY_CASE_CHANNEL_GET_] = "channel get",
    [EDDY_CASE_CHANNEL_PUT_] = "channel put",
    [EDDY_CASE_SIGNAL_] = "signal",
    [EDDY_CASE_EVENT_] = "event",
    [EDDY_CASE_TASK_] = "task",
    [EDDY_CASE_READABLE_] = "readable descriptor",
    [EDDY_CASE_WRITABLE_] = "writable descriptor",
    [EDDY_CASE_AFTER_] = "timer",
    [EDDY_CASE_AT_] = "timer",
};

static struct listener *listener_of(eddy_case *one)
{
    return (struct listener *)(void *)one->private_;
}

/* ---- at once ---- */

static int try_event(const eddy_event *event)
{
    if (!event)
        return log_misuse(-EINVAL, "eddy_select", "NULL event");
    return eddy_event_is_set(event) ? 0 : -EAGAIN;
}

static int try_task(eddy_task *task)
{
    int code = 0;
    const struct task_slot *slot = slot_find(task, "eddy_select", &code);
    if (!slot)
        return code;
    if (slot->task == task_current())
        return log_misuse(-EINVAL, "eddy_select", "a task can't wait for itself");
    return slot->task ? -EAGAIN : 0;
}

static int try_time(double seconds)
{
    if (isnan(seconds))
        return log_misuse(-EINVAL, "eddy_select", "not a number of seconds");
    return seconds <= 0 ? 0 : -EAGAIN;
}

static void signal_told(const eddy_case *one, int number, size_t count)
{
    if (one->item)
        *(int *)one->item = number;
    if (one->count)
        *one->count = count;
}

static int try_signal(const eddy_case *one)
{
    size_t count;
    int number = signals_try(one->object, &count, "eddy_select");
    if (number < 0)
        return number;
    signal_told(one, number, count);
    return 0;
}

/* 0: it happened. -EAGAIN: it would have to be waited for. */
static int case_try(const eddy_case *one)
{
    switch (one->kind) {
    case EDDY_CASE_GET_:
        return eddy_queue_get_nowait_(one->object, one->item, one->size);
    case EDDY_CASE_PUT_:
        return eddy_queue_put_nowait_(one->object, one->item, one->size);
    case EDDY_CASE_CHANNEL_GET_:
        return eddy_channel_get_nowait_(one->object, one->item, one->size);
    case EDDY_CASE_CHANNEL_PUT_:
        return eddy_channel_put_nowait_(one->object, one->item, one->size);
    case EDDY_CASE_SIGNAL_:
        return try_signal(one);
    case EDDY_CASE_EVENT_:
        return try_event(one->object);
    case EDDY_CASE_TASK_:
        return try_task(one->object);
    case EDDY_CASE_READABLE_:
    case EDDY_CASE_WRITABLE_:
        return -EAGAIN; /* only the engine may ask the system */
    case EDDY_CASE_AFTER_:
        return try_time(one->time);
    case EDDY_CASE_AT_:
        return try_time(one->time - eddy_time());
    }
    return log_misuse(-EINVAL, "eddy_select", "unknown case");
}

/* ---- listening ---- */

static void listener_stop(eddy_case *one)
{
    struct listener *listener = listener_of(one);
    if (!listener->listening)
        return;
    listener->listening = false;
    switch (one->kind) {
    case EDDY_CASE_GET_:
    case EDDY_CASE_PUT_:
    case EDDY_CASE_EVENT_:
    case EDDY_CASE_SIGNAL_:
        (void)waiters_leave(&listener->wait);
        break;
    case EDDY_CASE_CHANNEL_GET_:
    case EDDY_CASE_CHANNEL_PUT_:
        (void)remote_wait_leave(&listener->channel.remote);
        break;
    case EDDY_CASE_TASK_:
        list_remove(&listener->task->joiners, &listener->join.link);
        break;
    case EDDY_CASE_READABLE_:
    case EDDY_CASE_WRITABLE_:
        watch_ignore(&listener->wait, one->descriptor, one->kind == EDDY_CASE_WRITABLE_);
        break;
    case EDDY_CASE_AFTER_:
    case EDDY_CASE_AT_:
        timer_cancel(&loop_self->timers, &listener->timer);
        break;
    }
}

static void select_stop(struct select *select)
{
    timer_cancel(&loop_self->timers, &select->timer);
    for (size_t i = 0; i < select->count; i++)
        listener_stop(&select->cases[i]);
}

/* False: another thread has served a case, and its post is on the way. */
static bool select_claim(struct select *select)
{
    return !select->shared || !atomic_exchange(&select->claimed, true);
}

/* It is about to be served, and is out of whatever it stood in. */
static bool listener_claim(struct listener *listener)
{
    listener->listening = false;
    return select_claim(listener->select);
}

/* It was, after a claim. */
static void listener_served(struct listener *listener, int result)
{
    struct select *select = listener->select;
    select->served = listener->index;
    select_stop(select);
    wait_finish(&select->wait, result < 0 ? result : (int)listener->index);
}

static bool listener_taken(struct waiter *waiter)
{
    return listener_claim(container_of(waiter, struct listener, event));
}

static void listener_finished(struct wait *wait)
{
    struct listener *listener = container_of(wait, struct listener, wait);
    const eddy_case *one = &listener->select->cases[listener->index];
    if (one->kind == EDDY_CASE_SIGNAL_ && wait->result > 0)
        signal_told(one, wait->result, listener->signal.count);
    listener_served(listener, wait->result);
}

static void listener_arrived(struct wait *wait)
{
    struct listener *listener = container_of(wait, struct listener, channel.remote.wait);
    listener->listening = false;
    listener_served(listener, wait->result);
}

static void listener_ready(struct wait *wait)
{
    struct listener *listener = container_of(wait, struct listener, wait);
    if (listener_claim(listener))
        listener_served(listener, wait->result);
}

static void listener_joined(struct join *join, const struct task_slot *slot)
{
    struct listener *listener = container_of(join, struct listener, join);
    (void)slot;
    if (listener_claim(listener))
        listener_served(listener, 0);
}

static void listener_due(struct timer *timer)
{
    struct listener *listener = container_of(timer, struct listener, timer);
    if (listener_claim(listener))
        listener_served(listener, 0);
}

static void select_late(struct timer *timer)
{
    struct select *select = container_of(timer, struct select, timer);
    if (!select_claim(select))
        return;
    select_stop(select);
    wait_finish(&select->wait, -ETIMEDOUT);
}

static bool select_abort(struct wait *wait)
{
    struct select *select = container_of(wait, struct select, wait);
    if (!select_claim(select))
        return false;
    select_stop(select);
    return true;
}

static int listen_in(struct listener *listener, struct waiters *waiters)
{
    if (waiters_foreign(waiters))
        return waiters_misuse("eddy_select");
    listener->event.claim = listener_taken;
    waiters_append(waiters, &listener->event);
    return 0;
}

static int listen_to_channel(struct listener *listener, const eddy_case *one)
{
    listener->channel = (struct channel_wait){
        .item = one->item, .remote = {.loop = loop_self, .claimed = &listener->select->claimed}};
    listener->channel.remote.wait = (struct wait){.what = "select", .finished = listener_arrived};
    return channel_listen(one->object, one->kind == EDDY_CASE_CHANNEL_PUT_, &listener->channel);
}

static int listen_to_task(struct listener *listener, eddy_task *handle)
{
    int code;
    listener->task = slot_find(handle, "eddy_select", &code)->task;
    listener->join = (struct join){
        .done = listener_joined, .waiter = listener->select->wait.task, .only_waits = true};
    list_append(&listener->task->joiners, &listener->join.link);
    return 0;
}

static int listen_to_time(struct listener *listener, int64_t deadline)
{
    timer_init(&listener->timer, listener_due);
    timer_set(&loop_self->timers, &listener->timer, deadline);
    return 0;
}

/* 0, or why it can't be waited for; of channels also 1 and -EALREADY (channel.h). */
static int case_listen(struct select *select, size_t index)
{
    eddy_case *one = &select->cases[index];
    struct listener *listener = listener_of(one);
    listener->wait = (struct wait){.what = "select", .finished = listener_finished};
    switch (one->kind) {
    case EDDY_CASE_GET_:
    case EDDY_CASE_PUT_:
        listener->queue.item = one->item;
        return listen_in(listener, queue_waiters(one->object, one->kind == EDDY_CASE_PUT_));
    case EDDY_CASE_CHANNEL_GET_:
    case EDDY_CASE_CHANNEL_PUT_:
        return listen_to_channel(listener, one);
    case EDDY_CASE_SIGNAL_:
        return listen_in(listener, signals_waiters(one->object));
    case EDDY_CASE_EVENT_:
        return listen_in(listener, event_waiters(one->object));
    case EDDY_CASE_TASK_:
        return listen_to_task(listener, one->object);
    case EDDY_CASE_READABLE_:
    case EDDY_CASE_WRITABLE_:
        listener->wait.finished = listener_ready;
        return watch_listen(&listener->wait, one->descriptor, one->kind == EDDY_CASE_WRITABLE_,
                            "eddy_select");
    case EDDY_CASE_AFTER_:
        return one->time < EDDY_FOREVER
                   ? listen_to_time(listener, loop_deadline(loop_self, one->time))
                   : listen_to_time(listener, TIMER_NEVER - 1);
    case EDDY_CASE_AT_:
        return listen_to_time(listener, seconds_to_nanoseconds(one->time));
    }
    return -EINVAL;
}

/* ---- the whole ---- */

static bool is_shared(const eddy_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (cases[i].kind == EDDY_CASE_CHANNEL_GET_ || cases[i].kind == EDDY_CASE_CHANNEL_PUT_)
            return true;
    return false;
}

/* 0: to be parked; 1: select->served was served at once; or a failure, and all is undone. */
static int select_listen(struct select *select)
{
    for (size_t i = 0; i < select->count; i++) {
        struct listener *listener = listener_of(&select->cases[i]);
        *listener = (struct listener){.select = select, .index = i};
        int r = case_listen(select, i);
        listener->listening = r == 0;
        if (r == 0)
            continue;
        select->count = i;
        if (r == -EALREADY || (r < 0 && !select_claim(select)))
            return 0; /* one of those before it was served meanwhile */
        select_stop(select);
        select->served = i;
        return r;
    }
    return 0;
}

int eddy_select_among(double timeout, eddy_case *cases, size_t count)
{
    struct task *task = task_current();
    if (!task)
        return task_missing("eddy_select");
    if (!cases || !count || isnan(timeout))
        return log_misuse(-EINVAL, "eddy_select",
                          isnan(timeout) ? "not a number of seconds" : "no cases");
    for (size_t i = 0; i < count; i++) {
        int r = case_try(&cases[i]);
        if (r != -EAGAIN)
            return r < 0 ? r : (int)i;
    }
    struct select select = {
        .cases = cases, .count = count, .served = count, .shared = is_shared(cases, count)};
    int r = wait_begin(&select.wait, "the first of several things", select_abort);
    if (r < 0)
        return r;
    timer_init(&select.timer, select_late);
    r = select_listen(&select);
    if (r != 0)
        return r < 0 ? r : (int)select.served;
    if (timeout < EDDY_FOREVER)
        timer_set(&task->loop->timers, &select.timer, loop_deadline(task->loop, timeout));
    r = wait_park(&select.wait);
    if (r < 0 && select.served < count)
        return eddy_fail(r, "eddy_select: case %zu (%s) failed", select.served,
                         case_names[cases[select.served].kind]);
    return r;
}
