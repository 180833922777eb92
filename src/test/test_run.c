/* SPDX-License-Identifier: MIT */
/*
 * One test on one system, as a cmocka test. Around each there is a session, so that loops a plain
 * test makes by itself are looked at too; a body's loop has one of its own within it.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "test/findings.h"
#include "test/invariants.h"
#include "test/sim.h"
#include "test/test_kit.h"

/* The test under way. */
static struct {
    const struct variant *variant;
    struct session session;
    bool in_session;
    struct invariants before;
    char hint[512];
} now;

static const char *program = "";

/* cmocka catches crashes and longjmps out of them, across stacks and past sanitizers: undone. */
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
enum { CRASH_SIGNALS = sizeof crash_signals / sizeof crash_signals[0] };
static struct sigaction crash_actions[CRASH_SIGNALS];

static void crashes_remember(void)
{
    for (int i = 0; i < CRASH_SIGNALS; i++)
        (void)sigaction(crash_signals[i], NULL, &crash_actions[i]);
}

static void crashes_restore(void)
{
    for (int i = 0; i < CRASH_SIGNALS; i++)
        (void)sigaction(crash_signals[i], &crash_actions[i], NULL);
}

/* ---- a loop ---- */

struct test_body {
    int (*function)(void);
};

static int test_body(struct test_body *a)
{
    int r = a->function();
    size_t others = eddy_all_tasks(NULL, 0) - 1;
    struct findings *findings = findings_here();
    if (others > findings->leftovers)
        findings->left_tasks = others;
    return r;
}

static int run_simulated(struct session *session, const struct test_body *body,
                         const struct eddy_sim_options *options, uint64_t seed)
{
    struct sim *sim;
    int r = sim_create(seed, options, &sim);
    if (r < 0)
        return r;
    const struct task_start start = {.function = EDDY_ERASE_(test_body),
                                     .arguments = body,
                                     .size = sizeof *body,
                                     .kind = EDDY_COPIED_,
                                     .site = EDDY_SITE_("test_body")};
    r = sim_run(sim, session, &start);
    sim_free(sim);
    return r;
}

int test_run_loop(int (*function)(void), const struct eddy_test_options *options,
                  enum test_system system, uint64_t seed)
{
    struct eddy_options loop = options->loop;
    loop.virtual_clock = !options->real_clock;
    loop.quiet = true;
    if (!loop.log)
        loop.log = findings_log;
    struct session session = {.sim = NULL};
    const struct test_body body = {function};
    int r;
    if (system == TEST_SIM) {
        struct eddy_sim_options sim = options->sim;
        sim.loop = loop;
        r = run_simulated(&session, &body, &sim, seed);
    } else {
        session_begin(&session);
        r = eddy_run_with(&loop, test_body, .function = function);
        session_end(&session);
    }
    if (session.outer)
        session_add(session.outer, &session);
    return r;
}

int eddy_test_run(int (*function)(void), const struct eddy_test_options *options)
{
    static const struct eddy_test_options defaults;
    if (!options)
        options = &defaults;
    bool simulated = now.variant && now.variant->system == TEST_SIM && !options->real_clock &&
                     !options->real_system;
    return test_run_loop(function, options, simulated ? TEST_SIM : TEST_EPOLL, 1);
}

void test_set_system(enum test_system system)
{
    if (system == TEST_SIM)
        (void)unsetenv("EDDY_ENGINE"); /* the kit's word, not the library's */
    else
        (void)setenv("EDDY_ENGINE", test_system_names[system], 1);
}

/* ---- a test ---- */

static int variant_setup(void **state)
{
    const struct variant *variant = *state;
    const struct test *test = variant->test;
    if (!findings_begin())
        return -1;
    now.variant = variant;
    now.session = (struct session){.sim = NULL};
    test_set_system(variant->system);
    (void)snprintf(now.hint, sizeof now.hint, "%s --engine %s %s", program,
                   test_system_names[variant->system], test->name);
    invariants_take(&now.before);
    if (variant->system == TEST_SIM && test->plain &&
        sim_create(1, &test->options.sim, &now.session.sim) < 0)
        return -1;
    session_begin(&now.session);
    now.in_session = true;
    test_hang_watch(variant->name, now.hint, test->options.patience);
    return 0;
}

/* Also after a cmocka assertion left the test by longjmp. */
static void variant_leave(void)
{
    test_hang_over();
    if (!now.in_session)
        return;
    now.in_session = false;
    session_self = &now.session;
    session_end(&now.session);
    sim_free(now.session.sim);
}

static int variant_teardown(void **state)
{
    (void)state;
    variant_leave();
    findings_end();
    now.variant = NULL;
    return 0;
}

static void look_for_leftovers(const struct test *test)
{
    const struct findings *findings = findings_here();
    char why[512];
    if (findings->left_tasks)
        (void)eddy_test_fail(test->file, test->line, "the test left %zu tasks behind",
                             findings->left_tasks);
    if (findings->created != findings->finished)
        (void)eddy_test_fail(test->file, test->line, "%zu tasks created, %zu finished",
                             findings->created, findings->finished);
    (void)eddy_test_no_report_(test->file, test->line);
    session_allow(&now.session, findings->leftovers);
    if (invariants_check(&now.before, &now.session, why, sizeof why) < 0)
        (void)eddy_test_fail(test->file, test->line, "%s", why);
    if (!findings->file && invariants_check_leaks(why, sizeof why) < 0)
        (void)eddy_test_fail(test->file, test->line, "%s", why);
}

static void run_body(const struct variant *variant)
{
    const struct test *test = variant->test;
    int r = test_run_loop(test->body, &test->options, variant->system, 1);
    struct findings *findings = findings_here();
    if (findings->stuck[0]) { /* whatever failed then is a consequence */
        findings->file = NULL;
        (void)eddy_test_fail(test->file, test->line, "%s", findings->stuck);
    }
    if (!findings->skipped)
        (void)eddy_test_int_(test->file, test->line, "the result of the test", r, 0);
}

static void variant_run(void **state)
{
    const struct variant *variant = *state;
    const struct test *test = variant->test;
    crashes_restore();
    if (test->plain)
        test->plain();
    else
        run_body(variant);
    variant_leave();
    look_for_leftovers(test);
    const struct findings *findings = findings_here();
    if (findings->file) {
        print_error("%s\n", findings->why);
        _fail(findings->file, findings->line);
    }
    if (findings->skipped) {
        printf("SKIP: %s\n", findings->skip_reason);
        _skip(test->file, test->line);
    }
}

int eddy_test_skip(const char *format, ...)
{
    struct findings *findings = findings_here();
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(findings->skip_reason, sizeof findings->skip_reason, format, arguments);
    va_end(arguments);
    if (now.in_session && now.variant->test->plain && !loop_self) {
        printf("SKIP: %s\n", findings->skip_reason);
        _skip(now.variant->test->file, now.variant->test->line);
    }
    findings->skipped = true;
    return EDDY_TEST_FAILED;
}

void eddy_test_turns(int count)
{
    int r = 0;
    while (r == 0 && count-- > 0)
        r = eddy_sleep(0);
    if (r < 0 && now.variant)
        (void)eddy_test_fail(now.variant->test->file, now.variant->test->line,
                             "eddy_test_turns was cut short: -%s", eddy_error_name(r));
}

void eddy_test_allow_leftovers(size_t count)
{
    findings_here()->leftovers = count;
}

/* ---- all of them ---- */

int test_run_group(const char *name, struct variant *variants, size_t count)
{
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    if (!tests)
        return 2;
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){.name = variants[i].name,
                                       .test_func = variant_run,
                                       .setup_func = variant_setup,
                                       .teardown_func = variant_teardown,
                                       .initial_state = &variants[i]};
    program = name;
    crashes_remember();
    int failed = _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
    free(tests);
    return failed;
}
