/* SPDX-License-Identifier: MIT */
/*
 * Searching: run after run until one fails; then a smaller one that fails, too, and the line that
 * repeats it.
 */
#include "test/search.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "log.h"
#include "loop.h"

#define RUNS_DEFAULT 1000

/* ---- what is said ---- */

static void print_line(const struct eddy_search_result *result)
{
    if (result->replay[0])
        fprintf(stderr, "EDDY_REPLAY=%s %s\n", result->replay, program_invocation_name);
    else
        fputs("eddy: its choices are too many for a replay line\n", stderr);
}

/* The run that is left, once more and with its log. */
static void show(struct search *search, const struct search_plan *plan)
{
    struct search_plan shown = *plan;
    struct search_outcome outcome;
    shown.shown = true;
    if (search_run(search, &shown, &outcome) < 0)
        return;
    search_outcome_free(&outcome);
    if (!outcome.code)
        fputs("eddy: this time it didn't fail\n", stderr);
}

/* ---- a failure ---- */

/* Once more to have its choices, unless they are there already. */
static bool record(struct search *search, const struct search_plan *plan,
                   struct search_outcome *outcome)
{
    struct search_plan again = *plan;
    if (plan->record)
        return true;
    again.record = true;
    search_outcome_free(outcome);
    int code = outcome->code;
    return search_run(search, &again, outcome) == 0 && outcome->code == code;
}

static void report_unrepeatable(const struct search *search, const struct search_plan *plan)
{
    if (!search->asked->quiet)
        fprintf(stderr,
                "eddy: the run of seed %" PRIu64 " went another way when it was repeated: '%s' "
                "takes time, chance or addresses from elsewhere, or keeps something from run to "
                "run\n",
                plan->seed, search->name);
}

static void found(struct search *search, const struct search_plan *plan,
                  struct search_outcome *outcome, struct eddy_search_result *result)
{
    const bool quiet = search->asked->quiet;
    struct search_plan smallest = *plan;
    struct choice_list list = {NULL, 0};
    result->seed = plan->seed;
    result->code = outcome->code;
    (void)snprintf(result->why, sizeof result->why, "%s", outcome->why);
    if (!quiet)
        fprintf(stderr, "eddy: '%s' failed in run %" PRIu64 ", with seed %" PRIu64 ": %s\n",
                search->name, result->runs, result->seed, result->why);
    bool repeated = record(search, plan, outcome);
    result->choices = result->smallest = outcome->recorded_count;
    if (repeated && shrink(search, plan->seed, outcome, &list)) {
        smallest.choices = list.choices;
        smallest.choice_count = result->smallest = list.count;
        smallest.order_only = false;
        if (!quiet)
            fprintf(stderr, "eddy: chance decided %zu things; %zu will do:\n", result->choices,
                    list.count);
    } else {
        report_unrepeatable(search, plan);
    }
    if (!replay_write(search->name, &smallest, result->replay, sizeof result->replay) &&
        !replay_write(search->name, plan, result->replay, sizeof result->replay))
        result->replay[0] = '\0';
    if (!quiet) {
        if (repeated)
            show(search, &smallest);
        print_line(result);
    }
    free(list.choices);
}

/* ---- strategies ---- */

/* One run: 1 if it failed, and then everything is in the result; 0, or a negative errno. */
static int run_one(struct search *search, const struct search_plan *plan,
                   struct search_outcome *outcome, struct eddy_search_result *result)
{
    int r = search_run(search, plan, outcome);
    if (r < 0)
        return r;
    result->runs++;
    if (!outcome->code)
        return 0;
    found(search, plan, outcome, result);
    return 1;
}

static int search_seeds(struct search *search, uint64_t first, uint64_t runs,
                        struct eddy_search_result *result)
{
    int r = 0;
    for (uint64_t i = 0; i < runs && r == 0; i++) {
        const struct search_plan plan = {.seed = first + i};
        struct search_outcome outcome = {.code = 0};
        r = run_one(search, &plan, &outcome, result);
        search_outcome_free(&outcome);
        if (r == 0 && i == 0 && !search->options.priority_steps)
            search->options.priority_steps = outcome.steps;
    }
    return r;
}

static int search_orders(struct search *search, uint64_t seed, uint64_t runs,
                         struct eddy_search_result *result)
{
    struct order_path path = {NULL, 0, 0};
    int r = 0;
    /* Something to point to, though it is of no length: NULL would be the seed's order. */
    path.choices = calloc(path.capacity = 64, sizeof *path.choices);
    if (!path.choices)
        return -ENOMEM;
    for (uint64_t i = 0; (!runs || i < runs) && r == 0 && !result->complete; i++) {
        const struct search_plan plan = {.seed = seed,
                                         .choices = path.choices,
                                         .choice_count = path.count,
                                         .order_only = true,
                                         .record = true};
        struct search_outcome outcome = {.code = 0};
        r = run_one(search, &plan, &outcome, result);
        if (r == 0) {
            int more = outcome.lost ? -ENOMEM : order_path_next(&path, &outcome);
            result->complete = more == 0;
            r = more < 0 ? more : 0;
        }
        search_outcome_free(&outcome);
    }
    free(path.choices);
    return r;
}

/* Just the run that $EDDY_REPLAY asks for. */
static int replay(struct search *search, uint64_t first, const struct search_plan *plan,
                  struct eddy_search_result *result)
{
    struct search_outcome outcome;
    if (!plan->choices && plan->seed != first) { /* what the search had learnt from its first run */
        const struct search_plan learn = {.seed = first};
        int r = search_run(search, &learn, &outcome);
        if (r < 0)
            return r;
        search_outcome_free(&outcome);
        if (!search->options.priority_steps)
            search->options.priority_steps = outcome.steps;
    }
    struct search_plan shown = *plan;
    shown.record = true;
    shown.shown = !search->asked->quiet;
    int r = search_run(search, &shown, &outcome);
    if (r < 0)
        return r;
    result->runs = 1;
    result->seed = plan->seed;
    result->code = outcome.code;
    result->choices = result->smallest = outcome.recorded_count;
    (void)snprintf(result->why, sizeof result->why, "%s", outcome.why);
    (void)replay_write(search->name, plan, result->replay, sizeof result->replay);
    search_outcome_free(&outcome);
    if (!search->asked->quiet)
        fprintf(stderr, "eddy: the replay of '%s' %s%s\n", search->name,
                outcome.code ? "fails: " : "doesn't fail", outcome.why);
    return outcome.code ? 1 : 0;
}

/* ---- public ---- */

static int search_all(struct search *search, struct eddy_search_result *result)
{
    const struct eddy_search_options *asked = search->asked;
    const uint64_t first = asked->first_seed ? asked->first_seed : 1;
    struct search_plan plan;
    int r = replay_read(search->name, &plan);
    if (r < 0)
        return r;
    if (r > 0) {
        r = replay(search, first, &plan, result);
        free((void *)(uintptr_t)plan.choices);
        return r;
    }
    if (asked->strategy == EDDY_SEARCH_EXHAUSTIVE)
        return search_orders(search, first, asked->runs, result);
    return search_seeds(search, first, asked->runs ? asked->runs : RUNS_DEFAULT, result);
}

int eddy_search(const struct eddy_search_options *asked, struct eddy_search_result *ret_result)
{
    if (!asked || !asked->scenario || asked->strategy < EDDY_SEARCH_RANDOM ||
        asked->strategy > EDDY_SEARCH_EXHAUSTIVE)
        return log_misuse(-EINVAL, "eddy_search", "%s",
                          !asked             ? "the search is NULL"
                          : !asked->scenario ? "the scenario is NULL"
                                             : "there is no such strategy");
    if (loop_self)
        return log_misuse(-EBUSY, "eddy_search", "a loop runs on this thread already");
    struct search search = {
        .asked = asked,
        .name = asked->name ? asked->name : "search",
        .options = asked->sim,
        .log = asked->sim.loop.log,
        .log_context = asked->sim.loop.log_context,
    };
    search.options.order = asked->strategy == EDDY_SEARCH_PRIORITIES ? EDDY_SIM_PRIORITIES
                                                                     : EDDY_SIM_SHUFFLED;
    struct eddy_search_result result = {.runs = 0};
    crash_line_begin();
    int r = search_all(&search, &result);
    crash_line_end();
    if (r < 0)
        return r;
    if (ret_result)
        *ret_result = result;
    return result.code;
}
