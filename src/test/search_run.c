/* SPDX-License-Identifier: MIT */
/*
 * One run of a search: the scenario as main task of a simulated loop, and everything that can be
 * wrong with it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "failure.h"
#include "test/invariants.h"
#include "test/search.h"
#include "test/session.h"
#include "test/sim.h"

/* ---- the main task ---- */

struct scenario {
    struct search *search;
};

static int scenario(struct scenario *a)
{
    struct search *search = a->search;
    crash_line_inside_begin();
    int r = search->asked->scenario();
    crash_line_inside_end();
    search->tasks_left = eddy_all_tasks(NULL, 0) - 1;
    return r;
}

/* ---- the log ---- */

static void keep_stuck(struct search *search, const struct eddy_log_record *record)
{
    size_t used = 0, size = sizeof search->stuck;
    used += (size_t)snprintf(search->stuck, size, "%s", record->message);
    for (size_t i = 0; i < eddy_failure_count(record->failure) && used < size; i++)
        used += (size_t)snprintf(search->stuck + used, size - used, "%s %s", i ? "," : ":",
                                 eddy_failure_message(eddy_failure_child(record->failure, i)));
}

static void search_log(void *context, const struct eddy_log_record *record)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    struct search *search = context;
    if (record->event == EDDY_LOG_NOTE && (record->code == -EDEADLK || record->code == -ELOOP))
        keep_stuck(search, record);
    if (search->log)
        search->log(search->log_context, record);
    if (!search->loud || record->level < EDDY_LOG_WARNING)
        return;
    fprintf(stderr, "eddy: %s: %s\n", levels[record->level], record->message);
    eddy_failure_print(record->failure, stderr);
}

/* ---- a run ---- */

EDDY_PRINTF(3, 4)
static void fail(struct search_outcome *outcome, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(outcome->why, sizeof outcome->why, format, arguments);
    va_end(arguments);
    outcome->code = code;
}

static void describe_result(struct search_outcome *outcome, const struct search *search, int r)
{
    const eddy_failure *failure = eddy_last_failure();
    const char *message = search->stuck[0]                  ? search->stuck
                          : eddy_failure_code(failure) == r ? eddy_failure_message(failure)
                                                            : "";
    fail(outcome, r, "%s%s%s", eddy_error_name(r), message[0] ? ": " : "", message);
}

static void judge(struct search_outcome *outcome, const struct search *search,
                  const struct session *session, const struct invariants *before, int r)
{
    if (session->check_failed)
        fail(outcome, -EBADE, "%s", session->check);
    else if (r < 0)
        describe_result(outcome, search, r);
    else if (search->tasks_left)
        fail(outcome, -EBADE, "%zu task%s left", search->tasks_left,
             search->tasks_left == 1 ? "" : "s");
    char left[256];
    if (invariants_check(before, session, left, sizeof left) < 0 && !outcome->code)
        fail(outcome, -EBADE, "%s", left);
}

/* In the words of the line that repeats it. */
static void announce(const struct search *search, const struct search_plan *plan)
{
    char text[EDDY_SEARCH_REPLAY_SIZE], line[EDDY_SEARCH_REPLAY_SIZE + 256];
    bool fits = replay_write(search->name, plan, text, sizeof text);
    (void)snprintf(line, sizeof line, "%s%s %s", fits ? "EDDY_REPLAY=" : "too many choices for ",
                   fits ? text : "EDDY_REPLAY:", program_invocation_name);
    crash_line_set(line);
}

static void take_recorded(struct search_outcome *outcome, struct sim *sim)
{
    outcome->recorded = sim->choices.recorded;
    outcome->recorded_count = sim->choices.recorded_count;
    outcome->lost = sim->choices.lost;
    sim->choices.recorded = NULL;
    sim->choices.recorded_count = 0;
}

int search_run(struct search *search, const struct search_plan *plan, struct search_outcome *ret)
{
    struct eddy_sim_options options = search->options;
    options.loop.log = search_log;
    options.loop.log_context = search;
    options.loop.quiet = true;
    if (plan->choices && !plan->order_only)
        options.priority_steps = UINT32_MAX - 1; /* a change point is the step itself */
    struct sim *sim;
    int r = sim_create(plan->seed, &options, &sim);
    if (r < 0)
        return r;
    sim->choices.prefix = plan->choices;
    sim->choices.prefix_size = plan->choice_count;
    sim->choices.tame_after_prefix = true;
    sim->choices.order_only = plan->order_only;
    sim->choices.record = plan->record;
    sim->narrated = search->loud = plan->shown;
    search->tasks_left = 0;
    search->stuck[0] = '\0';
    announce(search, plan);

    const struct eddy_site_ site = {search->name, "eddy_search", 0};
    const struct scenario arguments = {search};
    const struct task_start start = {.function = EDDY_ERASE_(scenario),
                                     .arguments = &arguments,
                                     .size = sizeof arguments,
                                     .kind = EDDY_COPIED_,
                                     .site = &site};
    struct search_outcome outcome = {.code = 0};
    struct session session = {.scenario = true};
    struct invariants before;
    invariants_take(&before);
    r = search->asked->plain ? sim_run_plain(sim, &session, search->asked->scenario)
                             : sim_run(sim, &session, &start);
    judge(&outcome, search, &session, &before, r);
    outcome.steps = sim->report.steps;
    take_recorded(&outcome, sim);
    sim_free(sim);
    *ret = outcome;
    return 0;
}

void search_outcome_free(struct search_outcome *outcome)
{
    free(outcome->recorded);
    outcome->recorded = NULL;
    outcome->recorded_count = 0;
}
