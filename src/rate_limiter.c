/* SPDX-License-Identifier: MIT */
/*
 * Rate limiter. The bucket is kept as what is missing in it at some time, so that memory of zeros
 * is a full one. Only the first waiter has a timer, in its own frame: for when there is enough for
 * it.
 */
#include "eddy/rate_limiter.h"
#include <math.h>
#include "log.h"
#include "waiters.h"

struct limiter {
    double rate, burst; /* first: what EDDY_RATE_LIMITER_INIT sets */
    double missing;     /* tokens, at `when` */
    int64_t when;       /* nanoseconds on the loop's clock */
    struct waiters waiters;
};

_Static_assert(sizeof(struct limiter) <= sizeof(eddy_rate_limiter),
               "eddy_rate_limiter is too small");

struct limiter_waiter {
    struct waiter waiter;
    struct limiter *limiter;
    struct timer timer;
    double tokens;
};

static struct limiter *limiter_of(const eddy_rate_limiter *memory)
{
    return (struct limiter *)(uintptr_t)memory;
}

static double limiter_missing(const struct limiter *limiter, int64_t now)
{
    if (now <= limiter->when) /* earlier: the clock is that of another run */
        return limiter->missing;
    double missing = limiter->missing - (double)(now - limiter->when) / NANOSECONDS * limiter->rate;
    return missing > 0 ? missing : 0;
}

static void limiter_fill(struct limiter *limiter, int64_t now)
{
    limiter->missing = limiter_missing(limiter, now);
    limiter->when = now;
}

/* What two nanoseconds bring may be owed: times are whole ones, and what a deadline rounds off must
 * not add up. */
static bool limiter_take(struct limiter *limiter, double tokens)
{
    if (limiter->missing + tokens > limiter->burst + limiter->rate * 2 / NANOSECONDS)
        return false;
    limiter->missing += tokens;
    return true;
}

static struct limiter_waiter *limiter_first(const struct limiter *limiter)
{
    struct link *link = limiter->waiters.list.first;
    return link ? container_of(link, struct limiter_waiter, waiter.wait.link) : NULL;
}

/* Sets the first waiter's timer. The bucket was filled just now and hasn't enough for it. */
static void limiter_arm(struct limiter *limiter)
{
    struct limiter_waiter *first = limiter_first(limiter);
    if (!first)
        return;
    double seconds = (limiter->missing + first->tokens - limiter->burst) / limiter->rate;
    int64_t deadline = loop_deadline(loop_self, seconds) - 1; /* that rounds up */
    timer_set(&loop_self->timers, &first->timer,
              deadline > limiter->when ? deadline : limiter->when + 1);
}

static void limiter_serve(struct limiter *limiter)
{
    struct limiter_waiter *first;
    limiter_fill(limiter, loop_now(loop_self));
    while ((first = limiter_first(limiter)) && limiter_take(limiter, first->tokens)) {
        (void)waiters_take(&limiter->waiters);
        wait_finish(&first->waiter.wait, 0);
    }
    limiter_arm(limiter);
}

static void limiter_due(struct timer *timer)
{
    limiter_serve(container_of(timer, struct limiter_waiter, timer)->limiter);
}

static bool limiter_abort(struct wait *wait)
{
    struct limiter_waiter *waiter = container_of(wait, struct limiter_waiter, waiter.wait);
    bool first = timer_is_set(&waiter->timer);
    timer_cancel(&loop_self->timers, &waiter->timer);
    (void)waiters_leave(wait);
    if (first)
        limiter_serve(waiter->limiter);
    return true;
}

/* The limiter, or NULL with *code set. */
static struct limiter *limiter_check(const eddy_rate_limiter *memory, double tokens,
                                     const char *call, int *code)
{
    struct limiter *limiter = limiter_of(memory);
    if (!limiter)
        *code = log_misuse(-EINVAL, call, "NULL limiter");
    else if (!(limiter->rate > 0 && limiter->burst > 0 && isfinite(limiter->rate) &&
               isfinite(limiter->burst)))
        *code = log_misuse(-EINVAL, call, "a limiter of %g tokens a second, %g at once",
                           limiter->rate, limiter->burst);
    else if (!(tokens > 0 && tokens <= limiter->burst))
        *code = log_misuse(-EINVAL, call, "%g tokens of a limiter of %g at once", tokens,
                           limiter->burst);
    else if (waiters_foreign(&limiter->waiters))
        *code = waiters_misuse(call);
    else
        return limiter;
    return NULL;
}

int eddy_rate_limiter_acquire_nowait(eddy_rate_limiter *memory, double tokens)
{
    int code = 0;
    struct limiter *limiter = limiter_check(memory, tokens, "eddy_rate_limiter_acquire_nowait",
                                            &code);
    if (!limiter)
        return code;
    if (!loop_self)
        return log_misuse(-EINVAL, "eddy_rate_limiter_acquire_nowait", "called outside a loop");
    limiter_fill(limiter, loop_now(loop_self));
    return !limiter_first(limiter) && limiter_take(limiter, tokens) ? 0 : -EAGAIN;
}

int eddy_rate_limiter_acquire(eddy_rate_limiter *memory, double tokens)
{
    int code = 0;
    struct limiter *limiter = limiter_check(memory, tokens, "eddy_rate_limiter_acquire", &code);
    if (!limiter)
        return code;
    if (!task_current())
        return task_missing("eddy_rate_limiter_acquire");
    limiter_fill(limiter, loop_now(loop_self));
    if (!limiter_first(limiter) && limiter_take(limiter, tokens))
        return 0;
    struct limiter_waiter waiter = {.limiter = limiter, .tokens = tokens};
    code = wait_begin(&waiter.waiter.wait, "rate limiter", limiter_abort);
    if (code < 0)
        return code;
    timer_init(&waiter.timer, limiter_due);
    waiters_append(&limiter->waiters, &waiter.waiter);
    if (limiter_first(limiter) == &waiter)
        limiter_arm(limiter);
    return wait_park(&waiter.waiter.wait);
}

double eddy_rate_limiter_tokens(const eddy_rate_limiter *memory)
{
    if (!memory)
        return 0;
    const struct limiter *limiter = limiter_of(memory);
    double missing = loop_self ? limiter_missing(limiter, loop_now(loop_self)) : limiter->missing;
    return missing < limiter->burst ? limiter->burst - missing : 0;
}
