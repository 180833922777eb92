/* SPDX-License-Identifier: MIT */
/*
 * eddy_fault: counts what can fail in a run, then makes one run for each of them, and after each
 * another one without any disturbance, which must be as the first one was.
 */
#include "eddy/fault.h"

#include <stdio.h>
#include "log.h"
#include "test/torture.h"

/* ---- storms ---- */

static const struct {
    const char *name;
    unsigned storm;
    unsigned ring; /* entries of an io_uring: pressure on its queues */
} storms[] = {
    {"transfers of one byte", FAULT_STORM_SHORT, 0},
    {"-EAGAIN first", FAULT_STORM_AGAIN, 0},
    {"waits that end early", FAULT_STORM_EARLY, 0},
    {"late completions", FAULT_STORM_LATE, 0},
    {"all storms", FAULT_STORM_SHORT | FAULT_STORM_AGAIN | FAULT_STORM_EARLY | FAULT_STORM_LATE, 0},
    {"a ring of 1", 0, 1},
    {"a ring of 2", FAULT_STORM_AGAIN, 2},
    {"a ring of 4", FAULT_STORM_LATE, 4},
    {"a ring of 8", FAULT_STORM_SHORT, 8},
};
enum { STORMS = sizeof storms / sizeof storms[0], STORMS_WITHOUT_RING = 5 };

/* ---- one kind of fault ---- */

/* Allocations that fail after the first one, in every other run: the error's own record needs
 * memory too, and so do second attempts. */
#define BURST 3

struct fault_run {
    struct torture torture;
    const struct eddy_fault_options *fault;
    const char *prefix; /* "engine" */
    size_t sites;
    int result; /* of the undisturbed run */
    bool stable;
    size_t missed;
};

static const char *prefix_of(enum eddy_fault_kind kind)
{
    static const char *const prefixes[] = {[EDDY_FAULT_MEMORY] = "memory",
                                           [EDDY_FAULT_ENGINE] = "engine",
                                           [EDDY_FAULT_STORM] = "storm"};
    return prefixes[kind];
}

static size_t count_sites(const struct eddy_fault_options *fault, const struct torture_run *run)
{
    switch (fault->kind) {
    case EDDY_FAULT_MEMORY:
        return 2 * run->allocations; /* alone, and with those that follow */
    case EDDY_FAULT_ENGINE:
        return run->fault.sites;
    case EDDY_FAULT_STORM:
        break;
    }
    return fault->simulated ? STORMS_WITHOUT_RING : STORMS;
}

static void plan(const struct fault_run *all, size_t site, struct torture_run *run)
{
    *run = (struct torture_run){.result = 0};
    (void)snprintf(run->repeat, sizeof run->repeat, "%s:%zu", all->prefix, site);
    switch (all->fault->kind) {
    case EDDY_FAULT_MEMORY:
        run->allocation = (site + 1) / 2;
        run->burst = site % 2 ? 0 : BURST;
        break;
    case EDDY_FAULT_ENGINE:
        run->fault.fail = site;
        break;
    case EDDY_FAULT_STORM:
        run->fault.storm = storms[site - 1].storm;
        run->fault.state = all->fault->seed + site;
        run->ring = storms[site - 1].ring;
        break;
    }
}

static void describe(const struct fault_run *all, size_t site, const struct torture_run *run,
                     char *text, size_t size)
{
    const struct fault_plan *plan = &run->fault;
    if (all->fault->kind == EDDY_FAULT_MEMORY)
        (void)snprintf(text, size, "allocation #%zu%s%s", run->allocation,
                       run->burst ? " and those after it" : "",
                       run->allocation_failed ? "" : ", to which it never came");
    else if (all->fault->kind == EDDY_FAULT_STORM)
        (void)snprintf(text, size, "%s", storms[site - 1].name);
    else if (plan->failed_call)
        (void)snprintf(text, size, "%s #%zu: -%s", plan->failed_call, plan->failed_number,
                       eddy_error_name(plan->failed_code));
    else
        (void)snprintf(text, size, "engine call #%zu, to which it never came", site);
}

static void check_result(const struct fault_run *all, struct torture_run *run)
{
    if (all->stable && !run->wrong[0] && !run->check_failed && run->result != all->result)
        (void)snprintf(run->wrong, sizeof run->wrong, "the result is %d%s%s, not %d%s%s",
                       run->result, run->result < 0 ? " -" : "",
                       run->result < 0 ? eddy_error_name(run->result) : "", all->result,
                       all->result < 0 ? " -" : "",
                       all->result < 0 ? eddy_error_name(all->result) : "");
}

static void run_site(struct fault_run *all, size_t site)
{
    struct torture_run run, after = {.result = 0};
    char text[128];
    plan(all, site, &run);
    torture_run(&all->torture, &run);
    if (all->fault->kind == EDDY_FAULT_STORM)
        check_result(all, &run);
    bool struck = all->fault->kind == EDDY_FAULT_STORM || run.allocation_failed ||
                  run.fault.failed_call;
    all->missed += !struck;
    describe(all, site, &run, text, sizeof text);
    if (run.wrong[0]) {
        torture_report(&all->torture, &run, text);
        return;
    }
    torture_run(&all->torture, &after);
    check_result(all, &after);
    if (!after.wrong[0])
        return;
    (void)snprintf(run.wrong, sizeof run.wrong, "the next run: %.200s", after.wrong);
    torture_report(&all->torture, &run, text);
}

static int run_all(struct fault_run *all)
{
    size_t only;
    int asked = torture_asked(&all->torture, all->prefix, &only);
    if (asked == -ESRCH)
        return 0;
    struct torture_run base = {.result = 0};
    int r = torture_undisturbed(&all->torture, &base, &all->stable);
    if (r < 0)
        return r;
    all->result = base.result;
    all->sites = count_sites(all->fault, &base);
    for (size_t site = 1; site <= all->sites; site++)
        if (asked < 0 || site == only)
            run_site(all, site);
    return all->torture.failed ? -EBADE : 0;
}

int eddy_fault(const struct eddy_fault_options *fault, struct eddy_fault_result *result)
{
    if (!fault || !fault->scenario || fault->kind < EDDY_FAULT_MEMORY ||
        fault->kind > EDDY_FAULT_STORM)
        return log_misuse(-EINVAL, "eddy_fault",
                          fault && fault->scenario ? "an unknown kind" : "no scenario");
    if (loop_self)
        return log_misuse(-EBUSY, "eddy_fault", "called inside a loop");
    struct fault_run all = {.torture = {.call = "eddy_fault",
                                        .variable = "EDDY_FAULT",
                                        .scenario = fault->scenario,
                                        .check = fault->check,
                                        .simulated = fault->simulated,
                                        .plain = fault->plain,
                                        .quiet = fault->quiet,
                                        .seed = fault->seed,
                                        .options = &fault->sim},
                            .fault = fault,
                            .prefix = prefix_of(fault->kind)};
    int r = run_all(&all);
    if (result) {
        *result = (struct eddy_fault_result){.sites = all.sites,
                                             .runs = all.torture.runs,
                                             .failed = all.torture.failed,
                                             .missed = all.missed};
        (void)snprintf(result->why, sizeof result->why, "%s", all.torture.why);
    }
    return r;
}
