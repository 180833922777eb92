/* SPDX-License-Identifier: MIT */
/*
 * A scenario through everything at once: a cancel at each of its suspensions, each allocation and
 * each call to the system failing once, storms, and 1,000 shuffled orders. It says what is wrong,
 * also in a run that is disturbed, by wrong_if.
 *
 *     static int scenario_queue(void) { ... wrong_if(sum != 0, "an item was lost"); ... }
 *     SURVIVES(queue)
 */
#ifndef EDDY_TESTS_SUPPORT_SURVIVE_H
#define EDDY_TESTS_SUPPORT_SURVIVE_H

#include <eddy/fault.h>
#include <eddy/search.h>
#include <eddy/sweep.h>
#include "support/test.h"

static char wrong_text[200];

TEST_HELPER void wrong_if(bool wrong, const char *text)
{
    if (wrong && !wrong_text[0])
        (void)snprintf(wrong_text, sizeof wrong_text, "%s", text);
}

TEST_HELPER int nothing_wrong(void)
{
    if (wrong_text[0])
        print_error("%s\n", wrong_text);
    int r = wrong_text[0] ? -EBADE : 0;
    wrong_text[0] = '\0';
    return r;
}

/* A plain scenario runs its loops itself. */
struct survive {
    const char *name;
    int (*scenario)(void);
    bool plain;
};

TEST_HELPER size_t survive_fault(const struct survive *a, enum eddy_fault_kind kind)
{
    struct eddy_fault_result result = {.sites = 0};
    const struct eddy_fault_options fault = {.scenario = a->scenario,
                                             .check = nothing_wrong,
                                             .kind = kind,
                                             .simulated = true,
                                             .plain = a->plain};
    EXPECT_INT(eddy_fault(&fault, &result), 0);
    EXPECT_INT(result.failed, 0);
    return result.runs;
}

TEST_HELPER void survive(const struct survive *a)
{
    struct eddy_sweep_result swept = {.points = 0};
    struct eddy_search_result searched;
    const struct eddy_sweep_options sweep = {
        .scenario = a->scenario, .check = nothing_wrong, .seed = 1, .plain = a->plain};
    EXPECT_INT(eddy_sweep(&sweep, &swept), 0);
    EXPECT_INT(swept.failed, 0);
    EXPECT(swept.points > 0);
    size_t memory = survive_fault(a, EDDY_FAULT_MEMORY);
    size_t engine = survive_fault(a, EDDY_FAULT_ENGINE);
    size_t storms = survive_fault(a, EDDY_FAULT_STORM);
    EXPECT(memory > 2);
    const struct eddy_search_options search = {
        .name = a->name, .scenario = a->scenario, .plain = a->plain};
    EXPECT_INT(eddy_search(&search, &searched), 0);
    EXPECT_INT(nothing_wrong(), 0);
    printf(
        "%s: %zu suspensions, %zu cancels, %zu of memory, %zu of the engine, %zu storms, %d orders\n",
        a->name, swept.points, swept.runs, memory, engine, storms, (int)searched.runs);
}

#define SURVIVES(name)                                                                             \
    PLAIN_TEST(name##_loses_nothing)                                                               \
    {                                                                                              \
        survive(&(struct survive){#name, scenario_##name, false});                                 \
    }
#define SURVIVES_PLAIN(name)                                                                       \
    PLAIN_TEST(name##_loses_nothing)                                                               \
    {                                                                                              \
        survive(&(struct survive){#name, scenario_##name, true});                                  \
    }

#endif
