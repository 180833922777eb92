/* SPDX-License-Identifier: MIT */
/*
 * A cancel at each suspension of what tls_scenarios.h does, on a simulated system and, where the
 * pieces that arrive differ, on the real ones. What fails instead: test_tls_faults; memory of
 * eddy-tls and of OpenSSL: test_tls_memory.
 */
#define TEST_DEFAULTS .real_system = true /* each makes its own simulation */
#include "tls/tls_scenarios.h"

static void sweep(int (*scenario)(void), size_t buffer, bool real)
{
    struct eddy_sweep_result result = {.points = 0};
    const struct eddy_sweep_options options = {
        .scenario = scenario,
        .check = nothing_wrong,
        .real = real,
        .sim.link = {.delay_min = 0.1, .delay_max = 0.1, .buffer = buffer}};
    EXPECT_INT(eddy_sweep(&options, &result), 0);
    EXPECT(result.points >= (real ? 4 : 15));
    printf("%zu suspensions, %zu runs, %zu failed, %zu missed\n", result.points, result.runs,
           result.failed, result.missed);
}

PLAIN_TEST(rule_203_a_conversation_swept)
{
    sweep(scenario_service, 200, false);
}

PLAIN_TEST(rule_202_an_upgrade_swept)
{
    sweep(scenario_upgrade, 200, false);
}

PLAIN_TEST(a_full_pipe_swept)
{
    sweep(scenario_pour, 800, false);
}

PLAIN_TEST(rule_203_a_conversation_swept_on_the_engine)
{
    sweep(scenario_service, 0, true);
}
