/* SPDX-License-Identifier: MIT */
/*
 * The library's programs, with a cancel at each suspension: nothing is lost or left, nothing hangs.
 */
#include <eddy/sweep.h>
#include "support/scenarios.h"

static void survive(const char *name, int (*scenario)(void))
{
    struct eddy_sweep_result result = {.points = 0};
    const struct eddy_sweep_options sweep = {
        .scenario = scenario, .check = scenario_check, .real = !scenario_simulated(), .seed = 1};
    EXPECT_INT(eddy_sweep(&sweep, &result), 0);
    EXPECT_INT(result.failed, 0);
    EXPECT(result.points > 0);
    printf("%s: %zu points, %zu runs, %zu failed, %zu missed\n", name, result.points, result.runs,
           result.failed, result.missed);
}

EACH_SCENARIO_SURVIVES()

int main(int argc, char **argv)
{
    return scenario_main(argc, argv);
}
