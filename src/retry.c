/* SPDX-License-Identifier: MIT */
/*
 * Retry: whether there is another attempt, and after how long.
 */
#include "eddy/retry.h"
#include <math.h>
#include "failure.h"
#include "log.h"
#include "task.h"

#define ATTEMPTS_DEFAULT 3
#define BASE_DEFAULT 0.1
#define CAP_DEFAULT 30.0
#define FAILURES_KEPT 100

void eddy_retry_begin_(struct eddy_retry_ *retry, const struct eddy_retry_options *options)
{
    *retry = (struct eddy_retry_){.options = *options};
    struct eddy_retry_options *own = &retry->options;
    if (!(own->base >= 0 && own->cap >= 0)) {
        retry->result = log_misuse(-EINVAL, "eddy_retry", "a base of %g s and a cap of %g s",
                                   own->base, own->cap);
        own->attempts = 0;
        return;
    }
    if (!own->attempts)
        own->attempts = ATTEMPTS_DEFAULT;
    if (own->base == 0)
        own->base = BASE_DEFAULT;
    if (own->cap == 0)
        own->cap = CAP_DEFAULT;
}

void eddy_retry_cleanup_(struct eddy_retry_ *retry)
{
    eddy_failure_release(retry->failures);
    retry->failures = NULL;
}

static bool retry_is_worth(const struct eddy_retry_ *retry)
{
    const int *codes = retry->options.codes;
    if (!codes[0])
        return retry->result != -EINVAL && retry->result != -ECANCELED;
    const size_t count = sizeof retry->options.codes / sizeof retry->options.codes[0];
    for (size_t i = 0; i < count && codes[i]; i++)
        if (codes[i] == retry->result)
            return true;
    return false;
}

/* Keeps the failure of the attempt that has just ended. */
static void retry_remember(struct eddy_retry_ *retry)
{
    const struct eddy_site_ *site = retry->options.site_;
    struct eddy_failure *last = *failure_slot();
    struct eddy_failure *one = last && last->code == retry->result
                                   ? failure_keep(last)
                                   : failure_make(retry->result, site->file, site->line, "%s", "");
    if (!retry->failures)
        retry->failures = failure_make(retry->result, site->file, site->line, "%s", "");
    struct eddy_failure *all = retry->failures;
    if (!all || !one) {
        eddy_failure_release(one);
        return;
    }
    if (all->count == FAILURES_KEPT)
        eddy_failure_release(all->children[--all->count]);
    failure_add_child(all, one);
}

/* The failure of the whole: the result's code, and what was remembered. */
static void retry_fail(struct eddy_retry_ *retry)
{
    struct eddy_failure *all = retry->failures;
    if (!all || (all->count < 2 && all->code == retry->result))
        return; /* the only attempt's own is the last failure */
    const struct eddy_site_ *site = retry->options.site_;
    struct eddy_failure *whole = failure_make(
        retry->result, site->file, site->line,
        retry->result == -ECANCELED ? "cancelled after %u attempts" : "%u attempts failed",
        retry->attempt);
    if (!whole)
        return;
    failure_move_children(whole, all);
    failure_set(whole);
}

/* Different for each task and attempt, and the same again in a run on a virtual clock. */
static double retry_random(const struct eddy_retry_ *retry)
{
    const struct task *task = task_current();
    uint64_t mixed = task ? task->slot->sequence << 32 ^ (uint64_t)loop_now(task->loop) : 0;
    mixed += (retry->attempt + 1) * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    mixed ^= mixed >> 31;
    return (double)(mixed >> 11) / (double)(UINT64_C(1) << 53);
}

static int retry_sleep(const struct eddy_retry_ *retry)
{
    const struct eddy_retry_options *options = &retry->options;
    int doublings = retry->attempt > 1000 ? 1000 : (int)retry->attempt - 1;
    double seconds = fmin(ldexp(options->base, doublings), options->cap);
    return eddy_sleep(options->no_jitter ? seconds : seconds * retry_random(retry));
}

/* Looks at the attempt that has just ended, if there was one: true for one more. */
bool eddy_retry_next_(struct eddy_retry_ *retry)
{
    if (retry->attempt == 0) {
        retry->attempt = 1;
        return retry->options.attempts > 0;
    }
    if (retry->result >= 0)
        return false;
    bool more = retry_is_worth(retry) && retry->attempt < retry->options.attempts;
    if (retry->result != -ECANCELED || !eddy_cancelled())
        retry_remember(retry);
    int r = more ? retry_sleep(retry) : 0;
    if (r < 0)
        retry->result = r;
    else if (more) {
        retry->attempt++;
        return true;
    }
    retry_fail(retry);
    return false;
}
