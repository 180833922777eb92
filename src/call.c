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
#include "debug.h"
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
    struct locals *locals;         /* of who asked for the call; given to it when it runs */
    const struct eddy_site_ *site; /* where that was, or NULL */
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

/* Runs it with the locals of who asked for it, whose reference goes with them. The watchdog may ask
 * who keeps the loop. */
static void call_back(eddy_callback *callback, void *argument, struct locals *locals,
                      const struct eddy_site_ *site)
{
    struct eddy_loop *loop = loop_self;
    struct locals *before = locals_enter(locals);
    __atomic_store_n(&loop->calling, site, __ATOMIC_RELAXED);
    callback(argument);
    __atomic_store_n(&loop->calling, NULL, __ATOMIC_RELAXED);
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
    const struct eddy_site_ *site = call->site;
    struct locals *locals = dropped ? NULL : call->locals;
    if (!dropped)
        call->locals = NULL;
    call_free(call);
    if (!dropped)
        call_back(callback, argument, locals, site);
}

static void call_due(struct timer *timer)
{
    struct call *call = container_of(timer, struct call, timer);
    call->state = CALL_READY;
    loop_ready(loop_self, &call->work);
}

static struct call *call_new(const char *name, eddy_callback *callback, void *argument,
                             const struct eddy_site_ *site)
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
    call->site = site;
    call->work.run = call_run;
    timer_init(&call->timer, call_due);
    return call;
}

eddy_handle *eddy_call_soon_(eddy_callback *callback, void *argument, const struct eddy_site_ *site)
{
    struct call *call = call_new("eddy_call_soon", callback, argument, site);
    if (!call)
        return NULL;
    call->state = CALL_READY;
    loop_ready(loop_self, &call->work);
    return call_handle(loop_self, call);
}

static eddy_handle *call_timed(const char *name, double seconds, int64_t from,
                               eddy_callback *callback, void *argument,
                               const struct eddy_site_ *site)
{
    if (isnan(seconds)) {
        log_misuse(-EINVAL, name, "not a number of seconds");
        return NULL;
    }
    struct call *call = call_new(name, callback, argument, site);
    if (!call)
        return NULL;
    call->state = CALL_TIMED;
    timer_set(&loop_self->timers, &call->timer, from + seconds_to_nanoseconds(seconds));
    return call_handle(loop_self, call);
}

eddy_handle *eddy_call_later_(double seconds, eddy_callback *callback, void *argument,
                              const struct eddy_site_ *site)
{
    return call_timed("eddy_call_later", seconds, loop_self ? loop_now(loop_self) : 0, callback,
                      argument, site);
}

eddy_handle *eddy_call_at_(double time, eddy_callback *callback, void *argument,
                           const struct eddy_site_ *site)
{
    return call_timed("eddy_call_at", time, 0, callback, argument, site);
}

/* By pointer: where from isn't known. */
eddy_handle *(eddy_call_soon)(eddy_callback *callback, void *argument)
{
    return eddy_call_soon_(callback, argument, NULL);
}

eddy_handle *(eddy_call_later)(double seconds, eddy_callback *callback, void *argument)
{
    return eddy_call_later_(seconds, callback, argument, NULL);
}

eddy_handle *(eddy_call_at)(double time, eddy_callback *callback, void *argument)
{
    return eddy_call_at_(time, callback, argument, NULL);
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

int eddy_handle_describe(const eddy_handle *handle, char *buffer, size_t size)
{
    const struct call *call = call_find(handle);
    char function[192], place[192] = "", state[48] = "ready";
    size = buffer ? size : 0;
    if (!call || call->state == CALL_FREE)
        return snprintf(buffer, size, "<Handle stale>");
    (void)debug_describe_function(call->callback, function, sizeof function);
    if (call->site)
        (void)snprintf(place, sizeof place, " at %s:%d", site_file(call->site), call->site->line);
    if (call->state == CALL_TIMED)
        (void)snprintf(state, sizeof state, "in %g s",
                       (double)(call->timer.deadline - loop_now(loop_self)) / NANOSECONDS);
    else if (call->state == CALL_DROPPED)
        (void)snprintf(state, sizeof state, "cancelled");
    return snprintf(buffer, size, "<Handle %s%s %s>", function, place, state);
}

/* ---- from other threads ---- */

struct posted_call {
    struct post post;
    struct work work;
    eddy_callback *callback;
    void *argument;
    struct locals *locals;
    const struct eddy_site_ *site;
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
    const struct eddy_site_ *site = posted->site;
    struct locals *locals = posted->locals;
    if (loop_self)
        posted->locals = NULL;
    posted_call_free(posted);
    if (loop_self)
        call_back(callback, argument, locals, site);
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

int eddy_call_soon_threadsafe_(eddy_loop *loop, eddy_callback *callback, void *argument,
                               const struct eddy_site_ *site)
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
                                   .locals = locals_inherit(),
                                   .site = site};
    loop_post(loop, &posted->post);
    return 0;
}

int(eddy_call_soon_threadsafe)(eddy_loop *loop, eddy_callback *callback, void *argument)
{
    return eddy_call_soon_threadsafe_(loop, callback, argument, NULL);
}
