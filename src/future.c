/* SPDX-License-Identifier: MIT */
/*
 * Futures. Those who want to know, tasks and callbacks alike, stand in one list in the order in
 * which they came, and go through the ready queue in that order once the future is done.
 *
 * Another thread's outcome travels in the future itself, as a post through the loop's door, which
 * is there also when the loop is not. So only references and state are shared by threads, and the
 * first outcome that sets off is the only one.
 */
#include <stdio.h>
#include <stdlib.h>
#include "door.h"
#include "eddy/future.h"
#include "log.h"
#include "memory.h"
#include "task.h"

enum future_state { FUTURE_PENDING, FUTURE_FINISHED, FUTURE_FAILED, FUTURE_CANCELLED };

struct eddy_future {
    atomic_uint references;
    _Atomic(enum future_state) state; /* written by the loop's thread */
    bool seen;                        /* the outcome was looked at, or can't be lost */
    int code;
    void *value;
    struct eddy_loop *loop;
    const struct eddy_site_ *site;
    struct list waiters; /* of struct future_waiter */

    /* once it was shared */
    struct door *door;
    atomic_flag settled; /* by another thread, whose outcome is: */
    struct post post;
    enum future_state sent_state;
    int sent_code;
    void *sent_value;
};

/* On a waiting task's stack, or allocated for a callback. */
struct future_waiter {
    struct link link;
    struct wait *wait; /* NULL: a callback */
    struct work work;
    eddy_future *future;
    eddy_future_callback *callback;
    void *argument;
};

struct future_wait {
    struct wait wait;
    struct future_waiter waiter;
};

eddy_future *eddy_future_new_(const struct eddy_site_ *site)
{
    if (!loop_self) {
        log_misuse(-EINVAL, "eddy_future_new", "called outside a loop");
        return NULL;
    }
    struct eddy_future *future = memory_allocate_zeroed(1, sizeof *future);
    if (!future) {
        eddy_fail(-ENOMEM, "no memory for a future");
        return NULL;
    }
    atomic_init(&future->references, 1);
    atomic_flag_clear(&future->settled);
    future->loop = loop_self;
    future->site = site;
    return future;
}

eddy_future *eddy_future_keep(eddy_future *future)
{
    if (future)
        atomic_fetch_add_explicit(&future->references, 1, memory_order_relaxed);
    return future;
}

void eddy_future_release(eddy_future *future)
{
    if (!future || atomic_fetch_sub_explicit(&future->references, 1, memory_order_acq_rel) > 1)
        return;
    if (future->state == FUTURE_FAILED && !future->seen)
        log_say(future->loop == loop_self ? future->loop : NULL, EDDY_LOG_ERROR, EDDY_LOG_TASK_LOST,
                "a future (made at %s:%d) failed with %s and nobody looked at it",
                site_file(future->site), future->site->line, eddy_error_name(future->code));
    if (future->door)
        door_release(future->door);
    memory_free(future);
}

static void future_callback_run(struct work *work)
{
    struct future_waiter *waiter = container_of(work, struct future_waiter, work);
    eddy_future *future = waiter->future;
    if (loop_self)
        waiter->callback(future, waiter->argument);
    memory_free(waiter);
    eddy_future_release(future);
}

static void future_finish(eddy_future *future, enum future_state state, int code, void *value)
{
    future->state = state;
    future->code = code;
    future->value = value;
    struct link *link;
    while ((link = list_take_first(&future->waiters))) {
        struct future_waiter *waiter = container_of(link, struct future_waiter, link);
        if (waiter->wait)
            wait_finish(waiter->wait, 0);
        else
            loop_ready(future->loop, &waiter->work);
    }
}

/* 0, or why the future can't be finished now. */
static int future_check(const eddy_future *future, const char *call)
{
    if (!future || future->loop != loop_self)
        return log_misuse(-EINVAL, call,
                          future ? "the future belongs to another loop" : "the future is NULL");
    if (future->state != FUTURE_PENDING)
        return eddy_fail(-EALREADY, "%s: the future is done already", call);
    return 0;
}

int eddy_future_set_result(eddy_future *future, void *value)
{
    int r = future_check(future, "eddy_future_set_result");
    if (r == 0)
        future_finish(future, FUTURE_FINISHED, 0, value);
    return r;
}

int eddy_future_set_error(eddy_future *future, int code)
{
    int r = future_check(future, "eddy_future_set_error");
    if (r < 0)
        return r;
    if (code >= 0)
        return log_misuse(-EINVAL, "eddy_future_set_error", "%d isn't a negative errno code", code);
    future_finish(future, FUTURE_FAILED, code, NULL);
    return 0;
}

bool eddy_future_cancel(eddy_future *future)
{
    if (!future || future->loop != loop_self) {
        (void)future_check(future, "eddy_future_cancel");
        return false;
    }
    if (future->state != FUTURE_PENDING) {
        future->seen = true;
        return false;
    }
    future_finish(future, FUTURE_CANCELLED, -ECANCELED, NULL);
    return true;
}

/* ---- from other threads ---- */

eddy_future *eddy_future_share(eddy_future *future)
{
    if (!future || future->loop != loop_self) {
        log_misuse(-EINVAL, "eddy_future_share",
                   future ? "the future belongs to another loop" : "the future is NULL");
        return NULL;
    }
    if (!future->door) {
        struct door *door = door_here();
        if (!door) {
            eddy_fail(-ENOMEM, "eddy_future_share: no memory");
            return NULL;
        }
        future->door = door_keep(door);
    }
    return eddy_future_keep(future);
}

/* On the loop's thread, or without a loop when that is gone. */
static void future_arrive(struct post *post)
{
    eddy_future *future = container_of(post, eddy_future, post);
    if (loop_self && future->state == FUTURE_PENDING)
        future_finish(future, future->sent_state, future->sent_code, future->sent_value);
    eddy_future_release(future);
}

/* Uses up the caller's reference. */
static int future_send(eddy_future *future, const char *call, enum future_state state, int code,
                       void *value)
{
    if (!future || !future->door) {
        int r = log_misuse(-EINVAL, call,
                           future ? "the future was never shared" : "the future is NULL");
        eddy_future_release(future);
        return r;
    }
    int r = 0;
    if (eddy_future_done(future) || atomic_flag_test_and_set(&future->settled)) {
        r = eddy_fail(-EALREADY, "%s: the future is done already", call);
    } else {
        future->sent_state = state;
        future->sent_code = code;
        future->sent_value = value;
        future->post.run = future_arrive;
        if (door_post(future->door, &future->post))
            return 0;
        r = eddy_fail(-ESHUTDOWN, "%s: the loop has ended", call);
    }
    eddy_future_release(future);
    return r;
}

int eddy_future_set_result_threadsafe(eddy_future *future, void *value)
{
    return future_send(future, "eddy_future_set_result_threadsafe", FUTURE_FINISHED, 0, value);
}

int eddy_future_set_error_threadsafe(eddy_future *future, int code)
{
    const char *call = "eddy_future_set_error_threadsafe";
    if (code < 0)
        return future_send(future, call, FUTURE_FAILED, code, NULL);
    eddy_future_release(future);
    return log_misuse(-EINVAL, call, "%d isn't a negative errno code", code);
}

int eddy_future_cancel_threadsafe(eddy_future *future)
{
    return future_send(future, "eddy_future_cancel_threadsafe", FUTURE_CANCELLED, -ECANCELED, NULL);
}

/* ---- asking and waiting ---- */

bool eddy_future_done(const eddy_future *future)
{
    return future && future->state != FUTURE_PENDING;
}

bool eddy_future_cancelled(const eddy_future *future)
{
    return future && future->state == FUTURE_CANCELLED;
}

int eddy_future_result(eddy_future *future, void **value)
{
    if (!future)
        return log_misuse(-EINVAL, "eddy_future_result", "the future is NULL");
    if (future->state == FUTURE_PENDING)
        return -EINPROGRESS;
    future->seen = true;
    if (future->state == FUTURE_FINISHED && value)
        *value = future->value;
    return future->code;
}

/* As in asyncio a cancel goes on to what is awaited; that it is done ends this wait. */
static bool future_abort(struct wait *wait)
{
    struct future_wait *self = container_of(wait, struct future_wait, wait);
    eddy_future *future = self->waiter.future;
    list_remove(&future->waiters, &self->waiter.link);
    (void)eddy_future_cancel(future);
    return true;
}

int eddy_future_await(eddy_future *future, void **value)
{
    if (!task_current())
        return task_missing("eddy_future_await");
    if (!future || future->loop != loop_self)
        return log_misuse(-EINVAL, "eddy_future_await",
                          future ? "the future belongs to another loop" : "the future is NULL");
    if (future->state != FUTURE_PENDING)
        return eddy_future_result(future, value);
    struct future_wait self = {.waiter.future = future};
    self.waiter.wait = &self.wait;
    eddy_future_keep(future);
    int r = wait_begin(&self.wait, "future", future_abort);
    if (r == 0) {
        list_append(&future->waiters, &self.waiter.link);
        r = wait_park(&self.wait);
        if (r == 0)
            r = eddy_future_result(future, value);
    } else if (r == -ECANCELED) {
        (void)eddy_future_cancel(future); /* refused is cancelled from the start */
    }
    eddy_future_release(future);
    return r;
}

int eddy_future_add_done_callback(eddy_future *future, eddy_future_callback *callback,
                                  void *argument)
{
    if (!future || !callback || future->loop != loop_self)
        return log_misuse(-EINVAL, "eddy_future_add_done_callback", "%s",
                          !future     ? "the future is NULL"
                          : !callback ? "the callback is NULL"
                                      : "the future belongs to another loop");
    struct future_waiter *waiter = memory_allocate_zeroed(1, sizeof *waiter);
    if (!waiter)
        return eddy_fail(-ENOMEM, "no memory for a future's callback");
    waiter->future = eddy_future_keep(future);
    waiter->callback = callback;
    waiter->argument = argument;
    waiter->work.run = future_callback_run;
    if (future->state == FUTURE_PENDING)
        list_append(&future->waiters, &waiter->link);
    else
        loop_ready(future->loop, &waiter->work);
    return 0;
}

size_t eddy_future_remove_done_callback(eddy_future *future, eddy_future_callback *callback,
                                        void *argument)
{
    size_t removed = 0;
    if (!future) {
        (void)future_check(future, "eddy_future_remove_done_callback");
        return 0;
    }
    struct link *next;
    eddy_future_keep(future); /* the callbacks may hold the last references */
    for (struct link *link = future->waiters.first; link; link = next) {
        struct future_waiter *waiter = container_of(link, struct future_waiter, link);
        next = link->next;
        if (waiter->wait || waiter->callback != callback || waiter->argument != argument)
            continue;
        list_remove(&future->waiters, link);
        memory_free(waiter);
        removed++;
        eddy_future_release(future);
    }
    eddy_future_release(future);
    return removed;
}

int eddy_future_describe(const eddy_future *future, char *buffer, size_t size)
{
    if (!future)
        return log_misuse(-EINVAL, "eddy_future_describe", "the future is NULL");
    if (!buffer)
        size = 0;
    switch (atomic_load(&future->state)) {
    case FUTURE_PENDING:
        return snprintf(buffer, size, "<Future pending>");
    case FUTURE_FINISHED:
        return snprintf(buffer, size, "<Future finished result=%p>", future->value);
    case FUTURE_FAILED:
        return snprintf(buffer, size, "<Future finished error=%s>", eddy_error_name(future->code));
    case FUTURE_CANCELLED:
        break;
    }
    return snprintf(buffer, size, "<Future cancelled>");
}
