/* SPDX-License-Identifier: MIT */
/*
 * Tests as scenarios: --seeds, --seed, --sweep, --fault. Checks don't count there but with seeds
 * for a test that says .any_order; crashes, hangs and what is left behind always do.
 *
 * Each test runs in a forked process, which writes its counts into memory shared with the parent:
 * so a run that crashes or hangs is one more failure, named with the line that has it again, and
 * the seeds behind it and the other tests still run. --seed alone stays in the process, for
 * debuggers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "eddy/sweep.h"
#include "test/findings.h"
#include "test/invariants.h"
#include "test/test_kit.h"

enum {
    PRINTED_FAILURES = 3,
    SWEPT_MOST = 300, /* suspensions of one test: few have more */
};

/* Written by the child. */
struct counts {
    uint64_t sites, runs, failed, skipped;
    uint64_t seed; /* of the run under way */
};

static const struct test_plan *plan;
static const struct variant *variant;

static const char *order_name(enum eddy_sim_order order)
{
    static const char *const names[] = {"fifo", "shuffled", "priorities"};
    return names[order];
}

static const char *kind_name(void)
{
    static const char *const faults[] = {"memory", "engine", "storm"};
    return plan->mode == TEST_SWEEP   ? "sweep"
           : plan->mode == TEST_FAULT ? faults[plan->fault]
                                      : order_name(plan->order);
}

/* The line that runs what failed again. */
static void replay_line(char *line, size_t size, uint64_t seed)
{
    const char *test = variant->test->name, *system = test_system_names[variant->system];
    if (plan->mode == TEST_SWEEP)
        (void)snprintf(line, size, "%s --engine %s --sweep %s", plan->program, system, test);
    else if (plan->mode == TEST_FAULT)
        (void)snprintf(line, size, "%s --engine %s --fault %s %s", plan->program, system,
                       kind_name(), test);
    else
        (void)snprintf(line, size, "%s --seed %llu --order %s %s", plan->program,
                       (unsigned long long)seed, order_name(plan->order), test);
}

/* The first few of a test. */
static void print_failure(const struct counts *counts, uint64_t seed, const char *why)
{
    char line[512];
    if (counts->failed > PRINTED_FAILURES)
        return;
    if (counts->failed == PRINTED_FAILURES) {
        printf("%s: and more\n", variant->name);
        return;
    }
    replay_line(line, sizeof line, seed);
    printf("%s: %s\n  again: %s\n", variant->name, why, line);
}

/* ---- seeds ---- */

/* What was wrong with the run, or "". A check that ended a function early, in a test whose checks
 * don't count, is an excuse for what is left, and for nothing else. */
static void judge(const struct invariants *before, const struct session *session, int result,
                  char *why, size_t size)
{
    const struct findings *findings = findings_here();
    bool checks_count = plan->checks || variant->test->options.any_order;
    why[0] = '\0';
    if (findings->skipped)
        return;
    if (findings->stuck[0])
        (void)snprintf(why, size, "%s", findings->stuck);
    else if (findings->file && checks_count)
        (void)snprintf(why, size, "%s:%d: %s", findings->file, findings->line, findings->why);
    else if (result != 0 && checks_count)
        (void)snprintf(why, size, "its result is %d -%s", result, eddy_error_name(result));
    else if (result < 0 && strcmp(eddy_error_name(result), "EUNKNOWN") == 0)
        (void)snprintf(why, size, "its result is %d, which is no errno", result);
    else if (!findings->left && findings->left_tasks)
        (void)snprintf(why, size, "%zu tasks left", findings->left_tasks);
    else if (!findings->left)
        (void)invariants_check(before, session, why, size);
}

/* One run by a seed; a failure is printed. */
static void run_seed(uint64_t seed, struct counts *counts)
{
    const struct test *test = variant->test;
    struct eddy_test_options options = test->options;
    options.sim.order = plan->order;
    char line[512], why[4096];
    replay_line(line, sizeof line, seed);
    counts->seed = seed;
    counts->runs++;
    if (!findings_begin())
        abort();
    test_hang_watch(variant->name, line, test->options.patience);
    struct session session = {.sim = NULL};
    struct invariants before;
    invariants_take(&before);
    session_begin(&session);
    int r = test_run_loop(test->body, &options, TEST_SIM, seed);
    session_end(&session);
    test_hang_over();
    session_allow(&session, findings_here()->leftovers);
    judge(&before, &session, r, why, sizeof why);
    counts->skipped += findings_here()->skipped;
    findings_end();
    if (!why[0])
        return;
    print_failure(counts, seed, why);
    counts->failed++;
}

static void run_seeds(struct counts *counts)
{
    uint64_t end = plan->seed + plan->seeds;
    for (uint64_t seed = counts->seed; seed < end; seed++)
        run_seed(seed, counts);
}

/* ---- sweeps and faults ---- */

static struct eddy_sim_options loop_options(void)
{
    const struct eddy_test_options *options = &variant->test->options;
    struct eddy_sim_options sim = options->sim;
    sim.loop = options->loop;
    sim.loop.quiet = true;
    if (!sim.loop.log)
        sim.loop.log = findings_log;
    return sim;
}

static void run_sweep(struct counts *counts)
{
    struct eddy_sweep_options sweep = {.scenario = variant->test->body,
                                       .real = variant->system != TEST_SIM,
                                       .seed = plan->seed,
                                       .most = SWEPT_MOST,
                                       .sim = loop_options()};
    struct eddy_sweep_result result = {.points = 0};
    int r = eddy_sweep(&sweep, &result);
    counts->sites = result.points;
    counts->runs = result.runs;
    if (r < 0)
        print_failure(counts, plan->seed, result.why[0] ? result.why : eddy_error_name(r));
    counts->failed = result.failed ? result.failed : r < 0;
}

static void run_fault(struct counts *counts)
{
    struct eddy_fault_options fault = {.scenario = variant->test->body,
                                       .kind = plan->fault,
                                       .simulated = variant->system == TEST_SIM,
                                       .seed = plan->seed,
                                       .sim = loop_options()};
    struct eddy_fault_result result = {.sites = 0};
    int r = eddy_fault(&fault, &result);
    counts->sites = result.sites;
    counts->runs = result.runs;
    if (r < 0)
        print_failure(counts, plan->seed, result.why[0] ? result.why : eddy_error_name(r));
    counts->failed = result.failed ? result.failed : r < 0;
}

/* ---- in a process ---- */

/* Of the coverage's counters, in programs that have them. */
extern void __gcov_dump(void) __attribute__((__weak__));

_Noreturn static void child(struct counts *counts)
{
    char why[128];
    test_set_system(variant->system);
    if (plan->mode == TEST_SEEDS) {
        run_seeds(counts);
    } else if (plan->mode == TEST_SWEEP) { /* these two end a run that hangs themselves */
        run_sweep(counts);
    } else {
        run_fault(counts);
    }
    if (invariants_check_leaks(why, sizeof why) < 0) {
        print_failure(counts, counts->seed, why);
        counts->failed++;
    }
    (void)fflush(NULL);
    if (__gcov_dump)
        __gcov_dump();
    _exit(0);
}

/* If the child died, says how, and counts it. */
static bool child_died(int status, struct counts *counts)
{
    char why[128];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    if (WIFSIGNALED(status))
        (void)snprintf(why, sizeof why, "the process died of signal %d, %s", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == TEST_HANG_STATUS)
        (void)snprintf(why, sizeof why, "it hung");
    else
        (void)snprintf(why, sizeof why, "the process ended with status %d", WEXITSTATUS(status));
    print_failure(counts, counts->seed, why);
    counts->failed++;
    return true;
}

/* The test in children, one after the other as long as one dies of a seed and there are more. */
static int run_in_children(struct counts *counts)
{
    counts->seed = plan->seed;
    for (;;) {
        (void)fflush(NULL);
        pid_t pid = fork();
        if (pid < 0)
            return -errno;
        if (pid == 0)
            child(counts);
        int status;
        while (waitpid(pid, &status, 0) < 0)
            if (errno != EINTR)
                return -errno;
        if (!child_died(status, counts))
            return 0;
        if (counts->runs == 0)
            counts->runs = 1;
        if (plan->mode != TEST_SEEDS || ++counts->seed >= plan->seed + plan->seeds)
            return 0;
    }
}

/* ---- all of them ---- */

static void print_counts(const struct counts *counts)
{
    printf("%s: %s: ", variant->name, kind_name());
    if (plan->mode == TEST_SWEEP || plan->mode == TEST_FAULT)
        printf("%llu %s, ", (unsigned long long)counts->sites,
               plan->mode == TEST_SWEEP ? "points" : "sites");
    printf("%llu runs, %llu failed%s\n", (unsigned long long)counts->runs,
           (unsigned long long)counts->failed, counts->skipped ? " (skipped)" : "");
}

static void add(struct counts *all, const struct counts *counts)
{
    all->sites += counts->sites;
    all->runs += counts->runs;
    all->failed += counts->failed;
}

static int run_one(const struct variant *one, struct counts *shared, struct counts *all)
{
    variant = one;
    memset(shared, 0, sizeof *shared);
    int r = run_in_children(shared);
    if (r < 0) {
        fprintf(stderr, "%s: fork: %s\n", plan->program, strerror(-r));
        return r;
    }
    print_counts(shared);
    add(all, shared);
    return 0;
}

static void print_sums(const struct counts *all)
{
    unsigned long long sites = all->sites, runs = all->runs, failed = all->failed;
    if (plan->mode == TEST_SWEEP || plan->mode == TEST_FAULT)
        printf("%s: %llu %s, %llu runs, %llu failed\n", kind_name(), sites,
               plan->mode == TEST_SWEEP ? "points" : "sites", runs, failed);
    else
        printf("%s: %llu runs, %llu failed\n", kind_name(), runs, failed);
    printf("torture: %llu runs, %llu failed\n", runs, failed);
}

int test_torture(const struct test_plan *the_plan, const struct variant *variants, size_t count)
{
    plan = the_plan;
    struct counts all = {.runs = 0};
    struct counts *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 2;
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        if (plan->mode != TEST_SEED) {
            r = run_one(&variants[i], shared, &all);
            continue;
        }
        variant = &variants[i];
        memset(shared, 0, sizeof *shared);
        test_set_system(variant->system);
        run_seed(plan->seed, shared);
        print_counts(shared);
        add(&all, shared);
    }
    (void)munmap(shared, sizeof *shared);
    if (r < 0)
        return 2;
    print_sums(&all);
    return all.failed > 0;
}
