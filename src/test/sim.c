/* SPDX-License-Identifier: MIT */
/*
 * A simulated run: its life from options to report, and its end when nothing can happen any more.
 */
#include "test/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "log.h"
#include "test/session.h"

#define STEPS_DEFAULT 10000000

/* What tasks that were cancelled may take to end. */
#define STEPS_TO_END 100000

/* Tasks named in the report of a run that was given up. */
#define REPORTED_TASKS 100

static _Thread_local struct eddy_sim_outcome last_report;

/* ---- options ---- */

static bool is_chance(double chance)
{
    return chance >= 0 && chance <= 1;
}

/* Not NaN, and in seconds a time that a timer can hold. */
static bool is_amount(double amount)
{
    return amount >= 0 && isfinite(amount);
}

int sim_link_check(const char *call, const struct eddy_sim_link *link)
{
    if (!is_amount(link->delay_min) || !is_amount(link->delay_max))
        return log_misuse(-EINVAL, call, "a link's delay of %g to %g s", link->delay_min,
                          link->delay_max);
    if (!is_amount(link->bandwidth))
        return log_misuse(-EINVAL, call, "a link's bandwidth of %g bytes/s", link->bandwidth);
    if (!is_chance(link->short_io) || !is_chance(link->reset) || !is_chance(link->refuse))
        return log_misuse(-EINVAL, call,
                          "a link's chances of %g, %g and %g for short transfers, resets and "
                          "refused connects: each is 0 to 1",
                          link->short_io, link->reset, link->refuse);
    if (!is_chance(link->loss) || !is_chance(link->duplicate))
        return log_misuse(
            -EINVAL, call,
            "a link's chances of %g and %g for the loss and the doubling of a datagram: "
            "each is 0 to 1",
            link->loss, link->duplicate);
    return 0;
}

int sim_disk_check(const char *call, const struct eddy_sim_disk *disk)
{
    if (!is_amount(disk->delay_min) || !is_amount(disk->delay_max))
        return log_misuse(-EINVAL, call, "a disk's delay of %g to %g s", disk->delay_min,
                          disk->delay_max);
    if (!is_chance(disk->short_io) || !is_chance(disk->failure))
        return log_misuse(
            -EINVAL, call,
            "a disk's chances of %g and %g for short transfers and failures: each is 0 to 1",
            disk->short_io, disk->failure);
    return 0;
}

static int options_check(const struct eddy_sim_options *options)
{
    const char *call = "eddy_sim_run";
    if (options->order < EDDY_SIM_FIFO || options->order > EDDY_SIM_PRIORITIES)
        return log_misuse(-EINVAL, call, "there is no order %d", (int)options->order);
    if (!is_amount(options->job_delay_min) || !is_amount(options->job_delay_max))
        return log_misuse(-EINVAL, call, "a job's delay of %g to %g s", options->job_delay_min,
                          options->job_delay_max);
    if (!is_chance(options->worker_death))
        return log_misuse(-EINVAL, call, "a worker's death with a chance of %g: it is 0 to 1",
                          options->worker_death);
    int r = sim_link_check(call, &options->link);
    return r < 0 ? r : sim_disk_check(call, &options->disk);
}

/* ---- life ---- */

int sim_create(uint64_t seed, const struct eddy_sim_options *options, struct sim **ret_sim)
{
    static const struct eddy_sim_options defaults;
    if (!options)
        options = &defaults;
    int r = options_check(options);
    if (r < 0)
        return r;
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim)
        return eddy_fail(-ENOMEM, "no memory for a simulated run");
    sim->options = *options;
    if (!sim->options.max_steps)
        sim->options.max_steps = STEPS_DEFAULT;
    sim->step_limit = sim->options.max_steps;
    sim->report.seed = seed;
    choices_begin(&sim->choices, seed);
    *ret_sim = sim;
    return 0;
}

/* The report of a run under way, or at its end. */
static struct eddy_sim_outcome report_now(const struct sim *sim)
{
    struct eddy_sim_outcome report = sim->report;
    report.hash = sim->choices.hash;
    report.choices = sim->choices.made;
    report.deadlock = sim->failure == -EDEADLK;
    return report;
}

void sim_free(struct sim *sim)
{
    if (!sim)
        return;
    last_report = report_now(sim);
    sim_order_free(sim->order);
    sim_names_free(sim->names);
    choices_end(&sim->choices);
    free(sim);
}

/* The result of a run, or why it was given up. */
static int outcome_of(struct sim *sim, int result)
{
    sim->loop = NULL;
    if (sim->failure == -EDEADLK)
        return eddy_fail(-EDEADLK, "the simulated run came to where nothing could happen any more");
    if (sim->failure)
        return eddy_fail(sim->failure, "the simulated run took more than %llu steps",
                         (unsigned long long)sim->options.max_steps);
    return result;
}

int sim_run_plain(struct sim *sim, struct session *session, int (*function)(void))
{
    session->sim = sim;
    session_begin(session);
    int r = function();
    session_end(session);
    return outcome_of(sim, r);
}

int sim_run(struct sim *sim, struct session *session, const struct task_start *start)
{
    struct eddy_options options = sim->options.loop;
    options.engine = NULL;
    options.virtual_clock = true;
    session->sim = sim;
    session_begin(session);
    int r = eddy_run_(&options, start->function, start->arguments, start->size, start->kind,
                      start->site);
    session_end(session);
    return outcome_of(sim, r);
}

const struct eddy_sim_start_ *eddy_sim_start_at_(uint64_t seed,
                                                 const struct eddy_sim_options *options)
{
    static _Thread_local struct eddy_sim_start_ start;
    start = (struct eddy_sim_start_){seed, options};
    return &start;
}

int eddy_sim_run_(const struct eddy_sim_start_ *run, eddy_function_ *function,
                  const void *arguments, size_t size, enum eddy_arguments_kind_ kind,
                  const struct eddy_site_ *site)
{
    if (loop_self)
        return log_misuse(-EBUSY, "eddy_sim_run", "a loop runs on this thread already, at %s:%d",
                          site->file, site->line);
    struct sim *sim;
    int r = sim_create(run->seed, run->options, &sim);
    if (r < 0)
        return r;
    /* Of a test in whose calls faults are made, or that is swept, this is a part. */
    struct session session = {.fault = session_self ? session_self->fault : NULL,
                              .sweep = session_self ? session_self->sweep : NULL};
    const struct task_start start = {
        .function = function, .arguments = arguments, .size = size, .kind = kind, .site = site};
    r = sim_run(sim, &session, &start);
    sim_free(sim);
    return r;
}

/* ---- giving up ---- */

static struct eddy_failure *describe_tasks(struct eddy_loop *loop, int code, const char *message)
{
    struct eddy_failure *report = failure_make(code, "", 0, "%s", message);
    size_t count = 0;
    for (struct link *link = loop->tasks.first; report && link; link = link->next) {
        char text[256];
        if (count++ == REPORTED_TASKS)
            break;
        (void)eddy_task_describe(task_handle(container_of(link, struct task, in_loop)), text,
                                 sizeof text);
        struct eddy_failure *child = failure_make(code, "", 0, "%s", text);
        if (child)
            failure_add_child(report, child);
    }
    return report;
}

static void report_giving_up(struct sim *sim, int code)
{
    struct eddy_loop *loop = sim->loop;
    char message[256];
    if (code == -EDEADLK)
        (void)snprintf(message, sizeof message,
                       "deadlock: at %.6f s nothing can happen any more, and %zu task%s",
                       (double)loop_now(loop) / NANOSECONDS, loop->task_count,
                       loop->task_count == 1 ? " waits" : "s wait");
    else
        (void)snprintf(message, sizeof message,
                       "after %llu steps there is no end in sight of %zu task%s",
                       (unsigned long long)sim->report.steps, loop->task_count,
                       loop->task_count == 1 ? "" : "s");
    struct eddy_failure *tasks = describe_tasks(loop, code, message);
    log_record(loop, &(struct eddy_log_record){.level = EDDY_LOG_ERROR,
                                               .event = EDDY_LOG_NOTE,
                                               .message = message,
                                               .task = "",
                                               .code = code,
                                               .failure = tasks});
    eddy_failure_release(tasks);
}

void sim_give_up(struct sim *sim, int code)
{
    struct eddy_loop *loop = sim->loop;
    sim->step_limit = sim->report.steps + STEPS_TO_END;
    sim->idle = 0;
    if (!sim->failure) {
        sim->failure = code;
        report_giving_up(sim, code);
        if (loop->main) {
            task_cancel(loop->main);
            return;
        }
    }
    if (sim->cancelled)
        log_abort("a simulated run can't be ended: %zu task%s on though cancelled",
                  loop->task_count, loop->task_count == 1 ? " goes" : "s go");
    sim->cancelled = true;
    for (struct link *link = loop->tasks.first; link; link = link->next)
        task_cancel(container_of(link, struct task, in_loop));
}

/* ---- asking ---- */

/* In a job of a simulated pool there is no loop, yet it is part of the run. */
static struct sim *sim_self(void)
{
    struct session *session = session_self;
    if (!session || !session->sim || !session->loop)
        return NULL;
    return loop_self && loop_self != session->loop ? NULL : session->sim;
}

struct sim *sim_here(const char *call, int *code)
{
    struct sim *sim = sim_self();
    if (!sim)
        *code = log_misuse(-EINVAL, call, "called outside a simulated run");
    return sim;
}

bool eddy_sim_active(void)
{
    return sim_self() != NULL;
}

struct eddy_sim_outcome eddy_sim_report(void)
{
    const struct sim *sim = sim_self();
    return sim ? report_now(sim) : last_report;
}

uint32_t eddy_sim_choose(uint32_t count)
{
    struct sim *sim = sim_self();
    return sim ? choose(&sim->choices, count) : 0;
}
