/* SPDX-License-Identifier: MIT */
/*
 * A loop inside of another one: turns that never wait.
 *
 *      outer loop:  timeout? --> wait for the descriptor --> turn --> timeout? ...
 *                                          ^                  |
 *               engine's completions, wakes of other threads  +--> poll, run what is ready
 *
 * From when the outer loop asks for the timeout the loop counts as sleeping, so that posts wake it:
 * the engine's own descriptor then tells the outer loop. A ring must be entered once more when
 * tasks have asked it for something; whoever asks between two turns is told a timeout of 0.
 */
#include "eddy/embed.h"
#include <limits.h>
#include "log.h"
#include "run.h"
#include "watchdog.h"

#define EMBED_OPEN UINT64_C(0x65646479656d6265)   /* "eddyembe" */
#define EMBED_CLOSED UINT64_C(0x65646479656d6278) /* "eddyembx" */

#define NANOSECONDS_PER_MILLISECOND 1000000

struct embed {
    uint64_t magic;
    struct eddy_loop *loop;
    int descriptor;
    bool turning;
};

_Static_assert(sizeof(struct embed) <= sizeof(eddy_embed), "eddy_embed is too small");

static struct embed *embed_of(const eddy_embed *memory)
{
    return (struct embed *)(uintptr_t)memory;
}

/* Open, and on this thread. */
static bool embed_is_here(const struct embed *embed)
{
    return embed && embed->magic == EMBED_OPEN && loop_self == embed->loop;
}

int eddy_embed_open(eddy_embed *memory, const struct eddy_options *given)
{
    const char *call = "eddy_embed_open";
    if (!memory)
        return log_misuse(-EINVAL, call, "the embed is NULL");
    if (loop_self)
        return log_misuse(-EBUSY, call, "this thread has a loop already");
    struct eddy_options options = {.keep_sigint = true};
    if (given) {
        options = *given;
        options.keep_sigint = true;
    }
    struct eddy_loop *loop;
    int r = run_open(&options, &loop);
    if (r < 0)
        return r;
    run_begin(loop, &options);
    int descriptor = -EAGAIN;
    while (descriptor == -EAGAIN) { /* a ring wants to be entered first */
        loop_turn_at_once(loop);
        descriptor = loop->engine->call->descriptor(loop->engine);
    }
    if (descriptor < 0) {
        r = eddy_fail(descriptor, "%s: the %s engine has no descriptor to wait for", call,
                      loop->engine->call->name);
        run_close(loop);
        return r;
    }
    watchdog_enter(loop);
    *embed_of(memory) = (struct embed){.magic = EMBED_OPEN, .loop = loop, .descriptor = descriptor};
    return 0;
}

int eddy_embed_descriptor(const eddy_embed *memory)
{
    const struct embed *embed = embed_of(memory);
    if (!embed || embed->magic != EMBED_OPEN)
        return log_misuse(-EINVAL, "eddy_embed_descriptor", "not open");
    return embed->descriptor;
}

/* Nanoseconds, negative for ever. */
static int64_t embed_limit(const struct embed *embed)
{
    return embed_is_here(embed) ? loop_rest(embed->loop) : 0;
}

double eddy_embed_timeout(eddy_embed *memory)
{
    int64_t limit = embed_limit(embed_of(memory));
    return limit < 0 ? EDDY_FOREVER : (double)limit / NANOSECONDS;
}

int eddy_embed_poll_timeout(eddy_embed *memory)
{
    int64_t limit = embed_limit(embed_of(memory));
    if (limit < 0)
        return -1;
    limit = limit / NANOSECONDS_PER_MILLISECOND + (limit % NANOSECONDS_PER_MILLISECOND != 0);
    return limit < INT_MAX ? (int)limit : INT_MAX;
}

/* 0, or why this call can't be made here and now. */
static int embed_check(const struct embed *embed, const char *call)
{
    if (!embed_is_here(embed))
        return log_misuse(-EINVAL, call, "not open, or on another thread");
    if (embed->turning || embed->loop->current)
        return log_misuse(-EBUSY, call, "called inside of a turn");
    return 0;
}

int eddy_embed_turn(eddy_embed *memory)
{
    struct embed *embed = embed_of(memory);
    int r = embed_check(embed, "eddy_embed_turn");
    if (r < 0)
        return r;
    embed->turning = true;
    loop_turn_at_once(embed->loop);
    embed->turning = false;
    size_t left = embed->loop->task_count;
    return left < INT_MAX ? (int)left : INT_MAX;
}

int eddy_embed_close(eddy_embed *memory)
{
    struct embed *embed = embed_of(memory);
    if (embed && embed->magic == EMBED_CLOSED)
        return 0;
    int r = embed_check(embed, "eddy_embed_close");
    if (r < 0)
        return r;
    embed->magic = EMBED_CLOSED;
    watchdog_leave(embed->loop);
    run_leftovers(embed->loop);
    run_close(embed->loop);
    return 0;
}
