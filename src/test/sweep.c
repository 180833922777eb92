/* SPDX-License-Identifier: MIT */
/*
 * The cancel sweep: an undisturbed run counts the suspensions, then there is a run for each of
 * them, at each of its two instants, and each way to cancel.
 */
#include "eddy/sweep.h"

#include <stdio.h>
#include "log.h"
#include "test/torture.h"

/* ---- striking ---- */

static void strike(struct sweep_point *point, struct wait *wait)
{
    struct eddy_loop *loop = wait->task->loop;
    struct timed_scope *timeout = (struct timed_scope *)point->scope;
    if ((point->kind == EDDY_SWEEP_MAIN && !loop->main) ||
        (point->kind == EDDY_SWEEP_TIMEOUT && !timeout))
        return; /* it is over; what is left are tasks that nobody awaited */
    point->what = wait->what;
    (void)eddy_task_describe(task_handle(wait->task), point->task, sizeof point->task);
    if (point->kind == EDDY_SWEEP_MAIN)
        task_cancel(loop->main);
    else if (point->kind == EDDY_SWEEP_TASK)
        task_cancel(wait->task);
    else
        timeout->timer.fire(&timeout->timer); /* as the timer would, which was never set */
}

void sweep_parked(struct sweep_point *point, struct wait *wait)
{
    if (++point->parked == point->strike && !point->at_finish)
        strike(point, wait);
}

void sweep_finished(struct sweep_point *point, struct wait *wait)
{
    if (++point->finished == point->strike && point->at_finish)
        strike(point, wait);
}

/* ---- the runs ---- */

static const struct {
    unsigned kind;
    const char *name, *verb;
} kinds[] = {
    {EDDY_SWEEP_MAIN, "main", "main task cancelled"},
    {EDDY_SWEEP_TASK, "task", "task cancelled"},
    {EDDY_SWEEP_TIMEOUT, "timeout", "timeout"},
};
static const char *const instants[] = {"park", "finish"};

struct sweep_run {
    struct torture torture;
    unsigned kinds;
    size_t most;
    size_t parked, finished;
    size_t missed;
};

static void run_point(struct sweep_run *all, size_t kind, bool at_finish, size_t number)
{
    struct torture_run run = {
        .swept = true,
        .sweep = {.strike = number, .at_finish = at_finish, .kind = kinds[kind].kind}};
    (void)snprintf(run.repeat, sizeof run.repeat, "%s:%s:%zu", kinds[kind].name,
                   instants[at_finish], number);
    torture_run(&all->torture, &run);
    all->missed += !run.sweep.what;
    if (!run.wrong[0])
        return;
    char text[320];
    if (run.sweep.what)
        (void)snprintf(text, sizeof text, "%s at %s #%zu (%s) of %s", kinds[kind].verb,
                       instants[at_finish], number, run.sweep.what, run.sweep.task);
    else
        (void)snprintf(text, sizeof text, "%s #%zu, to which it never came", instants[at_finish],
                       number);
    torture_report(&all->torture, &run, text);
}

static void run_instant(struct sweep_run *all, size_t kind, bool at_finish)
{
    char prefix[24];
    size_t only;
    (void)snprintf(prefix, sizeof prefix, "%s:%s", kinds[kind].name, instants[at_finish]);
    int asked = torture_asked(&all->torture, prefix, &only);
    if (asked == -ESRCH)
        return;
    size_t count = at_finish ? all->finished : all->parked;
    size_t hit = all->most && all->most < count ? all->most : count;
    if (asked == 0 && only && only <= count)
        run_point(all, kind, at_finish, only);
    for (size_t i = 0; i < hit && asked < 0; i++)
        run_point(all, kind, at_finish, 1 + i * count / hit);
}

static int run_all(struct sweep_run *all)
{
    struct torture_run base = {.swept = true};
    bool stable;
    int r = torture_undisturbed(&all->torture, &base, &stable);
    if (r < 0)
        return r;
    all->parked = base.sweep.parked;
    all->finished = base.sweep.finished;
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
        if (!(all->kinds & kinds[kind].kind))
            continue;
        run_instant(all, kind, false);
        run_instant(all, kind, true);
    }
    return all->torture.failed ? -EBADE : 0;
}

int eddy_sweep(const struct eddy_sweep_options *sweep, struct eddy_sweep_result *result)
{
    if (!sweep || !sweep->scenario || sweep->kinds & ~(unsigned)EDDY_SWEEP_ALL)
        return log_misuse(-EINVAL, "eddy_sweep",
                          sweep && sweep->scenario ? "an unknown kind" : "no scenario");
    if (loop_self)
        return log_misuse(-EBUSY, "eddy_sweep", "called inside a loop");
    struct sweep_run all = {.torture = {.call = "eddy_sweep",
                                        .variable = "EDDY_SWEEP",
                                        .scenario = sweep->scenario,
                                        .check = sweep->check,
                                        .simulated = !sweep->real,
                                        .plain = sweep->plain,
                                        .quiet = sweep->quiet,
                                        .seed = sweep->seed,
                                        .options = &sweep->sim},
                            .kinds = sweep->kinds ? sweep->kinds : EDDY_SWEEP_ALL,
                            .most = sweep->most};
    if (sweep->plain)
        all.kinds &= ~(unsigned)EDDY_SWEEP_TIMEOUT; /* there is nothing to put it around */
    int r = run_all(&all);
    if (result) {
        *result = (struct eddy_sweep_result){.points = all.parked,
                                             .runs = all.torture.runs,
                                             .failed = all.torture.failed,
                                             .missed = all.missed};
        (void)snprintf(result->why, sizeof result->why, "%s", all.torture.why);
    }
    return r;
}
