/* SPDX-License-Identifier: MIT */
/*
 * call_soon, call_later, call_at and their handles; call_soon_threadsafe.
 *
 * Calls live in blocks that never move, 1024 each, and are recycled; a handle is block and place
 * plus a generation, so a stale one is recognised and nobody needs to release anything.
 */
#include <math.h>
#include <stdlib.h>
#include "call.h"
#include "local.h"
#include "log.h"
#include "memory.h"

#define BLOCK_SIZE 1024
#define BLOCKS_MAX 4096 /* four million callbacks waiting at once */

enum call_state { CALL_FREE, CALL_READY, CALL_TIMED, CALL_DROPPED };

struct call {
    struct work work;
    struct timer timer;
    eddy_callback *callback;
    void *argument;
    struct locals *locals; /* of who asked for the call; given to it when it runs */
    struct call *next_free;
    uint32_t index, generation;
    enum call_state state;
};

struct calls {
    struct call *free;
    uint32_t made;
    struct call *blocks[BLOCKS_MAX];
};

void calls_destroy(struct eddy_loop *loop)
{
    if (!loop->calls)
        return;
    for (uint32_t i = 0; i < loop->calls->made; i++) {
        struct locals *locals = loop->calls->blocks[i / BLOCK_SIZE][i % BLOCK_SIZE].locals;
        if (locals)
            locals_release(locals);
    }
    for (uint32_t i = 0; i < BLOCKS_MAX && loop->calls->blocks[i]; i++)
        memory_free(loop->calls->blocks[i]);
    memory_free(loop->calls);
}

static struct call *call_take(struct eddy_loop *loop)
{
    struct calls *calls = loop->calls;
    if (!calls && !(calls = loop->calls = memory_allocate_zeroed(1, sizeof *calls)))
        return NULL;
    struct call *call = calls->free;
    if (call) {
        calls->free = call->next_free;
        return call;
    }
    uint32_t block = calls->made / BLOCK_SIZE;
    if (block == BLOCKS_MAX)
        return NULL;
    if (!calls->blocks[block] &&
        !(calls->blocks[block] = memory_allocate_zeroed(BLOCK_SIZE, sizeof **calls->blocks)))
        return NULL;
    call = &calls->blocks[block][calls->made % BLOCK_SIZE];
    call->index = calls->made++;
    call->generation = loop->first_generation;
    return call;
}

static void call_free(struct call *call)
{
    if (call->locals)
        locals_release(call->locals);
    call->locals = NULL;
    call->generation++;
    call->state = CALL_FREE;
    call->next_free = loop_self->calls->free;
    loop_self->calls->free = call;
}

static eddy_handle *call_handle(const struct eddy_loop *loop, const struct call *call)
{
    return (eddy_handle *)((uintptr_t)loop->id << 56 | (uintptr_t)call->generation << 24 |
                           (call->index + 1));
}

static struct call *call_find(const eddy_handle *handle)
{
    uintptr_t bits = (uintptr_t)handle;
    struct eddy_loop *loop = loop_self;
    uint32_t index = (uint32_t)(bits & 0xffffff) - 1;
    if (!loop || !loop->calls || bits >> 56 != loop->id || index >= loop->calls->made)
        return NULL;
    struct call *call = &loop->calls->blocks[index / BLOCK_SIZE][index % BLOCK_SIZE];
    return call->generation == (uint32_t)(bits >> 24) ? call : NULL;
}

/* Runs it with the locals of who asked for it, whose reference goes with them. */
static void call_back(eddy_callback *callback, void *argument, struct locals *locals)
{
    struct locals *before = locals_enter(locals);
    callback(argument);
    locals_leave(before);
}

/* In the ready queue a cancelled call can't be unlinked: it is dropped when its turn comes. */
static void call_run(struct work *work)
{
    if (!loop_self)
        return;
    struct call *call = container_of(work, struct call, work);
    bool dropped = call->state == CALL_DROPPED;
    eddy_callback *callback = call->callback;
    void *argument = call->argument;
    struct locals *locals = dropped ? NULL : call->locals;
    if (!dropped)
        call->locals = NULL;
    call_free(call);
    if (!dropped)
        call_back(callback, argument, locals);
}

static void call_due(struct timer *timer)
{
    struct call *call = container_of(timer, struct call, timer);
    call->state = CALL_READY;
    loop_ready(loop_self, &call->work);
}

static struct call *call_new(const char *name, eddy_callback *callback, void *argument)
{
    struct eddy_loop *loop = loop_self;
    if (!loop || !callback) {
        log_misuse(-EINVAL, name, loop ? "the callback is NULL" : "called outside a loop");
        return NULL;
    }
    struct call *call = call_take(loop);
    if (!call) {
        eddy_fail(-ENOMEM, "%s: no memory for one more callback", name);
        return NULL;
    }
    call->callback = callback;
    call->argument = argument;
    call->locals = locals_inherit();
    call->work.run = call_run;
    timer_init(&call->timer, call_due);
    return call;
}

eddy_handle *eddy_call_soon(eddy_callback *callback, void *argument)
{
    struct call *call = call_new("eddy_call_soon", callback, argument);
    if (!call)
        return NULL;
    call->state = CALL_READY;
    loop_ready(loop_self, &call->work);
    return call_handle(loop_self, call);
}

static eddy_handle *call_timed(const char *name, double seconds, int64_t from,
                               eddy_callback *callback, void *argument)
{
    if (isnan(seconds)) {
        log_misuse(-EINVAL, name, "not a number of seconds");
        return NULL;
    }
    struct call *call = call_new(name, callback, argument);
    if (!call)
        return NULL;
    call->state = CALL_TIMED;
    timer_set(&loop_self->timers, &call->timer, from + seconds_to_nanoseconds(seconds));
    return call_handle(loop_self, call);
}

eddy_handle *eddy_call_later(double seconds, eddy_callback *callback, void *argument)
{
    return call_timed("eddy_call_later", seconds, loop_self ? loop_now(loop_self) : 0, callback,
                      argument);
}

eddy_handle *eddy_call_at(double time, eddy_callback *callback, void *argument)
{
    return call_timed("eddy_call_at", time, 0, callback, argument);
}

bool eddy_handle_cancel(eddy_handle *handle)
{
    struct call *call = call_find(handle);
    if (!call || call->state == CALL_DROPPED)
        return false;
    if (call->state == CALL_TIMED) {
        timer_cancel(&loop_self->timers, &call->timer);
        call_free(call);
        return true;
    }
    call->state = CALL_DROPPED;
    return true;
}

/* ---- from other threads ---- */

struct posted_call {
    struct post post;
    struct work work;
    eddy_callback *callback;
    void *argument;
    struct locals *locals;
};

static void posted_call_free(struct posted_call *posted)
{
    if (posted->locals)
        locals_release(posted->locals);
    memory_free(posted);
}

static void posted_call_run(struct work *work)
{
    struct posted_call *posted = container_of(work, struct posted_call, work);
    eddy_callback *callback = posted->callback;
    void *argument = posted->argument;
    struct locals *locals = posted->locals;
    if (loop_self)
        posted->locals = NULL;
    posted_call_free(posted);
    if (loop_self)
        call_back(callback, argument, locals);
}

static void posted_call_arrive(struct post *post)
{
    struct posted_call *posted = container_of(post, struct posted_call, post);
    if (!loop_self) { /* the loop is being destroyed */
        posted_call_free(posted);
        return;
    }
    posted->work.run = posted_call_run;
    loop_ready(loop_self, &posted->work);
}

int eddy_call_soon_threadsafe(eddy_loop *loop, eddy_callback *callback, void *argument)
{
    if (!loop || !callback)
        return log_misuse(-EINVAL, "eddy_call_soon_threadsafe", "the %s is NULL",
                          loop ? "callback" : "loop");
    if (atomic_load(&loop->closing))
        return eddy_fail(-ESHUTDOWN, "eddy_call_soon_threadsafe: the loop is closing");
    struct posted_call *posted = memory_allocate(sizeof *posted);
    if (!posted)
        return eddy_fail(-ENOMEM, "eddy_call_soon_threadsafe: no memory");
    *posted = (struct posted_call){.post.run = posted_call_arrive,
                                   .callback = callback,
                                   .argument = argument,
                                   .locals = locals_inherit()};
    loop_post(loop, &posted->post);
    return 0;
}
