/* SPDX-License-Identifier: MIT */
/*
 * A test a scenario, each of which makes everything of one kind fail that can. The program says
 * which kind:
 *
 *     static const enum eddy_fault_kind kind = EDDY_FAULT_MEMORY;
 */
#ifndef EDDY_TESTS_SUPPORT_FAULT_LIBRARY_H
#define EDDY_TESTS_SUPPORT_FAULT_LIBRARY_H

#include <eddy/fault.h>
#include "sanitizer.h"
#include "scenarios.h"

static const enum eddy_fault_kind kind;

/* With stacks so large that each is a mapping of its own, and so each spawn may fail: of more than
 * half of what a mapping has at most (64 MiB, stack.c). Under a sanitizer they are four times
 * that. */
#define LARGE_STACKS ((size_t)(EDDY_ASAN || EDDY_TSAN ? 9 : 36) << 20)

TEST_HELPER void survive_with(const char *name, int (*scenario)(void), size_t stack_size)
{
    struct eddy_fault_result result = {.sites = 0};
    const struct eddy_fault_options fault = {.scenario = scenario,
                                             .check = scenario_check,
                                             .kind = kind,
                                             .simulated = scenario_simulated(),
                                             .seed = 1,
                                             .sim.loop.stack_size = stack_size};
    EXPECT_INT(eddy_fault(&fault, &result), 0);
    EXPECT_INT(result.failed, 0);
    EXPECT(result.sites >= 4); /* to make a loop alone takes as many */
    printf("%s: %zu sites, %zu runs, %zu failed, %zu missed\n", name, result.sites, result.runs,
           result.failed, result.missed);
}

TEST_HELPER void survive(const char *name, int (*scenario)(void))
{
    survive_with(name, scenario, 0);
    if (kind == EDDY_FAULT_MEMORY && scenario != scenario_crowd) /* a crowd needs several anyway */
        survive_with(name, scenario, LARGE_STACKS);
}

EACH_SCENARIO_SURVIVES()

int main(int argc, char **argv)
{
    return scenario_main(argc, argv);
}

#endif
