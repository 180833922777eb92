/* SPDX-License-Identifier: MIT */
/*
 * The tests of a program, in the order of its source, and its main.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "engine/engine.h"
#include "test/findings.h"
#include "test/invariants.h"
#include "test/test_kit.h"

const char *const test_system_names[TEST_SYSTEMS] = {"epoll", "uring", "sim"};

static struct test *first, *last;
static size_t registered;

void eddy_test_register_(const char *name, int (*body)(void), void (*plain)(void),
                         const struct eddy_test_options *options, const char *file, int line)
{
    struct test *test = calloc(1, sizeof *test);
    if (!test)
        abort();
    *test = (struct test){.name = name, .body = body, .plain = plain, .file = file, .line = line};
    if (options)
        test->options = *options;
    if (last)
        last->next = test;
    else
        first = test;
    last = test;
    registered++;
}

__attribute__((__destructor__)) static void tests_free(void)
{
    while (first) {
        struct test *test = first;
        first = test->next;
        free(test);
    }
}

/* ---- which ones, and where ---- */

bool test_runs_on(const struct test *test, enum test_system system)
{
    return system != TEST_SIM || (!test->options.real_system && !test->options.real_clock);
}

static bool uring_works(void)
{
    struct engine *engine;
    char why[128];
    if (engine_create("uring", &engine, why, sizeof why) < 0)
        return false;
    bool works = strcmp(engine->call->name, "uring") == 0;
    engine->call->destroy(engine);
    return works;
}

/* Where the plan has it run: without a word on that, once everywhere, by the thousand on sim. */
static bool wanted_on(const struct test_plan *plan, const struct test *test,
                      enum test_system system, bool have_uring)
{
    bool swept = plan->mode == TEST_SWEEP || plan->mode == TEST_FAULT;
    if (!test_runs_on(test, system))
        return false;
    if (plan->mode != TEST_ONCE && !test->body)
        return false; /* a plain test is no scenario */
    if (!swept && plan->mode != TEST_ONCE && plan->order != EDDY_SIM_FIFO &&
        test->options.fifo_only)
        return false;
    if (swept && (test->options.heavy || test->options.real_clock))
        return false;
    if (plan->systems_given)
        return plan->systems[system];
    if (plan->mode != TEST_ONCE)
        return system == TEST_SIM;
    return system != TEST_URING || have_uring;
}

static bool one_system(const struct test_plan *plan)
{
    size_t count = 0;
    for (int system = 0; system < TEST_SYSTEMS; system++)
        count += plan->systems[system];
    return plan->systems_given ? count == 1 : plan->mode != TEST_ONCE;
}

/* Whether a name of the command line is this test's, or this variant's. */
static bool is_named(const char *name, const struct test *test, enum test_system system)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s[%s]", test->name, test_system_names[system]);
    return strcmp(name, test->name) == 0 || strcmp(name, full) == 0;
}

static bool chosen(const struct test_plan *plan, const struct test *test, enum test_system system)
{
    for (size_t i = 0; i < plan->name_count; i++)
        if (is_named(plan->names[i], test, system))
            return true;
    return plan->name_count == 0;
}

/* Whether each name is that of some test, wherever that may run. */
static int names_check(const struct test_plan *plan)
{
    for (size_t i = 0; i < plan->name_count; i++) {
        bool found = false;
        for (const struct test *test = first; test && !found; test = test->next)
            for (int system = 0; system < TEST_SYSTEMS; system++)
                found |= is_named(plan->names[i], test, (enum test_system)system);
        if (!found) {
            fprintf(stderr, "%s: there is no test '%s'; --list names them\n", plan->program,
                    plan->names[i]);
            return -ENOENT;
        }
    }
    return 0;
}

ssize_t test_choose(const struct test_plan *plan, struct variant **ret_variants)
{
    int r = names_check(plan);
    if (r < 0)
        return r;
    struct variant *variants = malloc((TEST_SYSTEMS * registered + 1) * sizeof *variants);
    if (!variants)
        return -ENOMEM;
    bool have_uring = !plan->systems_given && uring_works();
    bool plain_names = one_system(plan);
    ssize_t count = 0;
    for (const struct test *test = first; test; test = test->next) {
        for (int i = 0; i < TEST_SYSTEMS; i++) {
            enum test_system system = (enum test_system)i;
            if (!wanted_on(plan, test, system, have_uring) || !chosen(plan, test, system))
                continue;
            struct variant *variant = &variants[count++];
            *variant = (struct variant){.test = test, .system = system};
            if (plain_names)
                (void)snprintf(variant->name, sizeof variant->name, "%s", test->name);
            else
                (void)snprintf(variant->name, sizeof variant->name, "%s[%s]", test->name,
                               test_system_names[system]);
        }
    }
    *ret_variants = variants;
    return count;
}

/* ---- main ---- */

static int run(const struct test_plan *plan, struct variant *variants, size_t count)
{
    if (plan->list) {
        for (size_t i = 0; i < count; i++)
            printf("%s\n", variants[i].name);
        return EXIT_SUCCESS;
    }
    if (count == 0) {
        printf("SKIP: none of its tests can run on what was asked for\n");
        return 77;
    }
    return plan->mode == TEST_ONCE ? test_run_group(plan->program, variants, count)
                                   : test_torture(plan, variants, count);
}

int eddy_test_main(int argc, char **argv)
{
    struct test_plan plan;
    bool done;
    int status = test_options_parse(argc, argv, &plan, &done);
    if (done)
        return status;
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* whoever dies has said how far it came */
    invariants_watch();
    struct variant *variants;
    ssize_t count = test_choose(&plan, &variants);
    if (count < 0)
        return 2;
    status = run(&plan, variants, (size_t)count);
    free(variants);
    return status;
}
