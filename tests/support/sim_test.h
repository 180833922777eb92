/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the simulated system share: a run whose log goes to the test.
 */
#ifndef EDDY_TESTS_SUPPORT_SIM_TEST_H
#define EDDY_TESTS_SUPPORT_SIM_TEST_H

#define TEST_DEFAULTS .real_system = true /* they make their own simulation */
#include "test.h"

TEST_HELPER int simulate(uint64_t seed, struct eddy_sim_options options, int (*program)(void))
{
    options.loop.log = test_log;
    options.loop.quiet = true;
    return eddy_sim_run_(eddy_sim_start_at_(seed, &options), EDDY_ERASE_(program), NULL, 0,
                         EDDY_NO_ARGUMENTS_, EDDY_SITE_("program"));
}

/* One that has to end with 0. False: it didn't, or one of its checks failed; the seed is said. */
TEST_HELPER bool sim_passes(uint64_t seed, struct eddy_sim_options options, int (*program)(void))
{
    if (eddy_test_failed())
        return false;
    EXPECT_INT(simulate(seed, options, program), 0);
    if (eddy_test_failed())
        printf("seed %llu\n", (unsigned long long)seed);
    return !eddy_test_failed();
}

#endif
