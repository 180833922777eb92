/* SPDX-License-Identifier: MIT */
/*
 * Runs that are disturbed on purpose: see torture.h.
 */
#include "test/torture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "eddy/run.h"
#include "eddy/scope.h"
#include "memory.h"
#include "task.h"
#include "test/invariants.h"
#include "test/sim.h"

enum {
    PATIENCE_SECONDS = 3, /* for a wait without an end, on a real engine */
    LAST_SECONDS = 60,    /* for a run, then the process ends */
};

/* ---- the end of the process ---- */

static char last_words[256];
static const int deadly_signals[] = {SIGALRM, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
enum { DEADLY_SIGNALS = sizeof deadly_signals / sizeof deadly_signals[0] };

/* What the sanitizers call before they end a process, in programs that have one. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((__weak__));

static void say_last_words(void)
{
    if (last_words[0] && write(STDERR_FILENO, last_words, strlen(last_words)) < 0)
        return;
    last_words[0] = '\0';
}

static void die(int number)
{
    say_last_words();
    (void)signal(number, SIG_DFL);
    (void)raise(number == SIGALRM ? SIGABRT : number);
}

struct guard {
    struct sigaction before[DEADLY_SIGNALS];
    unsigned alarm;
};

/* Others' handlers stay: a sanitizer's has more to say. Only the alarm has to be ours. */
static void guard_begin(struct guard *guard, const struct torture *torture,
                        const struct torture_run *run)
{
    (void)snprintf(last_words, sizeof last_words,
                   "%s: crashed, or hangs for good; again by %s=%s %s\n", torture->call,
                   torture->variable, run->repeat, program_invocation_name);
    if (!run->repeat[0])
        (void)snprintf(last_words, sizeof last_words,
                       "%s: the undisturbed run crashed, or hangs for good\n", torture->call);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say_last_words);
    struct sigaction action = {.sa_handler = die, .sa_flags = SA_ONSTACK};
    for (int i = 0; i < DEADLY_SIGNALS; i++) {
        (void)sigaction(deadly_signals[i], NULL, &guard->before[i]);
        if (deadly_signals[i] == SIGALRM || guard->before[i].sa_handler == SIG_DFL)
            (void)sigaction(deadly_signals[i], &action, NULL);
    }
    guard->alarm = alarm(LAST_SECONDS);
}

static void guard_end(const struct guard *guard)
{
    (void)alarm(0);
    for (int i = 0; i < DEADLY_SIGNALS; i++)
        (void)sigaction(deadly_signals[i], &guard->before[i], NULL);
    (void)alarm(guard->alarm);
    last_words[0] = '\0';
}

/* ---- the main task ---- */

struct torture_main {
    int (*scenario)(void);
    struct sweep_point *sweep; /* or NULL */
};

/* Of a sweep, inside a timeout that never expires, unless the sweep makes it. */
static int torture_main(struct torture_main *a)
{
    if (!a->sweep)
        return a->scenario();
    int result = 0, error;
    eddy_with_timeout (EDDY_FOREVER, &error) {
        a->sweep->scope = task_current()->scope;
        result = a->scenario();
        a->sweep->scope = NULL;
    }
    return error < 0 && result >= 0 ? error : result;
}

struct torture_log {
    const struct eddy_options *options; /* the user's */
    char lost[sizeof((struct torture_run *)0)->wrong];
};

/* What a disturbed run has to say is no news, but for handles that nobody released: that is a
 * leak. */
static void torture_log(void *context, const struct eddy_log_record *record)
{
    struct torture_log *log = context;
    if (record->event == EDDY_LOG_HANDLE_LOST && !log->lost[0])
        (void)snprintf(log->lost, sizeof log->lost, "%s", record->message);
    if (log->options->log)
        log->options->log(log->options->log_context, record);
}

/* ---- more than one allocation ---- */

/* On top of the watcher that counts and fails one: fails those that follow it. */
struct burst {
    struct memory_watcher watcher;
    struct memory_watcher *below;
    atomic_size_t left; /* to fail still, once the first one has */
    atomic_size_t count;
};

static bool burst_allows(struct memory_watcher *watcher, size_t size)
{
    struct burst *burst = (struct burst *)watcher;
    if (!burst->below->allows(burst->below, size)) {
        atomic_store(&burst->left, atomic_load(&burst->count));
        return false;
    }
    size_t left = atomic_load(&burst->left);
    while (left && !atomic_compare_exchange_weak(&burst->left, &left, left - 1))
        continue;
    return !left;
}

static void burst_count(struct memory_watcher *watcher, int change)
{
    struct burst *burst = (struct burst *)watcher;
    burst->below->count(burst->below, change);
}

/* It stays: threads of an abandoned job may ask it after the run. */
static void burst_begin(const struct torture_run *run)
{
    static struct burst burst = {.watcher = {burst_allows, burst_count}};
    if (!burst.below) {
        burst.below = memory_watcher;
        memory_watcher = &burst.watcher;
    }
    atomic_store(&burst.left, 0);
    atomic_store(&burst.count, run->burst);
    invariants_fail_allocation(run->allocation);
}

/* ---- a run ---- */

static int run_loop(const struct torture *torture, struct torture_run *run,
                    struct eddy_sim_options *options, struct session *session, const char **why)
{
    static const struct eddy_site_ site = {"scenario", "eddy-test", 0};
    struct torture_main arguments = {torture->scenario, run->swept ? &run->sweep : NULL};
    const struct task_start start = {.function = EDDY_ERASE_(torture_main),
                                     .arguments = &arguments,
                                     .size = sizeof arguments,
                                     .kind = EDDY_IN_PLACE_,
                                     .site = &site};
    *why = NULL;
    if (!torture->simulated) {
        options->loop.virtual_clock = true;
        session_begin(session);
        int r = torture->plain ? torture->scenario()
                               : eddy_run_(&options->loop, start.function, start.arguments,
                                           start.size, start.kind, start.site);
        session_end(session);
        if (run->fault.given_up)
            *why = run->fault.hang;
        return r;
    }
    struct sim *sim;
    int r = sim_create(torture->seed, options, &sim);
    if (r < 0) {
        *why = "the simulated run can't be set up";
        return r;
    }
    r = torture->plain ? sim_run_plain(sim, session, torture->scenario)
                       : sim_run(sim, session, &start);
    if (sim->failure)
        *why = sim->failure == -EDEADLK ? "a deadlock" : "it runs on and on";
    sim_free(sim);
    return r;
}

/* `log` is NULL if what was left behind is excused. */
static void judge(struct torture_run *run, const char *hang, const struct torture_log *log)
{
    char *wrong = run->wrong;
    size_t size = sizeof run->wrong;
    if (hang)
        (void)snprintf(wrong, size, "hung: %s", hang);
    else if (run->result < 0 && strcmp(eddy_error_name(run->result), "EUNKNOWN") == 0)
        (void)snprintf(wrong, size, "the result is %d, which is no errno", run->result);
    else if (log && log->lost[0])
        (void)snprintf(wrong, size, "%s", log->lost);
}

static void set_ring(unsigned entries, char *before, size_t size)
{
    const char *set = getenv("EDDY_URING_ENTRIES");
    (void)snprintf(before, size, "%s", set ? set : "");
    char text[16];
    (void)snprintf(text, sizeof text, "%u", entries);
    (void)setenv("EDDY_URING_ENTRIES", text, 1);
}

static void reset_ring(const char *before)
{
    if (before[0])
        (void)setenv("EDDY_URING_ENTRIES", before, 1);
    else
        (void)unsetenv("EDDY_URING_ENTRIES");
}

void torture_run(struct torture *torture, struct torture_run *run)
{
    static const struct eddy_sim_options defaults;
    struct torture_log log = {.options = torture->options ? &torture->options->loop
                                                          : &defaults.loop};
    struct eddy_sim_options options = torture->options ? *torture->options : defaults;
    options.loop.quiet = true;
    options.loop.log = torture_log;
    options.loop.log_context = &log;
    struct session session = {
        .fault = &run->fault, .sweep = run->swept ? &run->sweep : NULL, .scenario = true};
    run->fault.patience = (int64_t)PATIENCE_SECONDS * NANOSECONDS;
    struct invariants before;
    struct guard guard;
    char ring[16];
    const char *hang;

    torture->runs++;
    invariants_take(&before);
    guard_begin(&guard, torture, run);
    if (run->ring)
        set_ring(run->ring, ring, sizeof ring);
    burst_begin(run);
    run->result = run_loop(torture, run, &options, &session, &hang);
    run->allocations = invariants_allocations();
    run->allocation_failed = invariants_allocation_failed();
    invariants_fail_allocation(0);
    if (run->ring)
        reset_ring(ring);
    /* A check that fails may end a function before its releases: then what is left is no news. */
    bool excused = run->repeat[0] && session.check_left;
    judge(run, hang, excused ? NULL : &log);
    int r = torture->check ? torture->check() : 0;
    if (r && !run->wrong[0])
        (void)snprintf(run->wrong, sizeof run->wrong, "check() gives %d%s%s", r, r < 0 ? " -" : "",
                       r < 0 ? eddy_error_name(r) : "");
    char left[sizeof run->wrong];
    if (!excused && invariants_check(&before, &session, left, sizeof left) < 0 && !run->wrong[0])
        (void)snprintf(run->wrong, sizeof run->wrong, "%s", left);
    run->check_failed = session.check_failed;
    if (!run->repeat[0] && session.check_failed && !run->wrong[0])
        (void)snprintf(run->wrong, sizeof run->wrong, "%.*s", (int)sizeof run->wrong - 1,
                       session.check);
    guard_end(&guard);
}

/* ---- reports ---- */

void torture_report(struct torture *torture, const struct torture_run *run, const char *site)
{
    if (!torture->failed++)
        (void)snprintf(torture->why, sizeof torture->why, "%s: %s", site, run->wrong);
    if (torture->quiet)
        return;
    if (run->repeat[0])
        fprintf(stderr, "%s: %s: %s; again by %s=%s %s\n", torture->call, site, run->wrong,
                torture->variable, run->repeat, program_invocation_name);
    else
        fprintf(stderr, "%s: %s: %s\n", torture->call, site, run->wrong);
}

int torture_undisturbed(struct torture *torture, struct torture_run *run, bool *ret_stable)
{
    struct torture_run first = {.swept = run->swept};
    torture_run(torture, &first);
    if (!first.wrong[0])
        torture_run(torture, run);
    const struct torture_run *bad = first.wrong[0] ? &first : run;
    if (bad->wrong[0]) {
        torture_report(torture, bad, "undisturbed");
        return -EBADE;
    }
    *ret_stable = first.result == run->result;
    return 0;
}

int torture_asked(const struct torture *torture, const char *prefix, size_t *ret_number)
{
    const char *asked = getenv(torture->variable);
    size_t length = strlen(prefix);
    if (!asked || !asked[0])
        return -ENOENT;
    if (strncmp(asked, prefix, length) != 0 || asked[length] != ':')
        return -ESRCH;
    *ret_number = strtoul(asked + length + 1, NULL, 10);
    return 0;
}
