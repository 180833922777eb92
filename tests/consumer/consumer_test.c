/* SPDX-License-Identifier: MIT */
/*
 * Tests of somebody else's: they know only the installed headers and library.
 */
#include <eddy.h>
#include <eddy/test.h>

struct add {
    int left;
    int right;
    int *sum;
};

static int add(struct add *a)
{
    int r = eddy_sleep(3600);
    if (r < 0)
        return r;
    *a->sum = a->left + a->right;
    return 0;
}

EDDY_TEST_WITH(adds_in_a_group, .any_order = true)
{
    int sum = 0;
    int error = 0;

    eddy_with_group (group, &error) {
        eddy_spawn(group, add, .left = 40, .right = 2, .sum = &sum);
    }
    EDDY_CHECK_INT(error, 0);
    EDDY_CHECK_INT(sum, 42);
    EDDY_CHECK_TIME(3600);
    return 0;
}

static int nothing(void)
{
    return eddy_sleep(1);
}

EDDY_PLAIN_TEST(runs_loops_of_its_own)
{
    EDDY_EXPECT_INT(eddy_test_run(nothing, NULL), 0);
    EDDY_EXPECT_INT(eddy_sim_run(1, NULL, nothing), 0);
}

EDDY_TEST_MAIN()
