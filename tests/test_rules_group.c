/* SPDX-License-Identifier: MIT */
/* Rules of groups that no other file holds: interrupts, nesting, what is left behind. */
#define TEST_DEFAULTS .real_system = true
#include "loop.h"
#include "support/test.h"

/* ---- 92, 93: an interrupt in the body ---- */

static int interrupted_in_a_group(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 10, .name = "child");
        CHECK_INT(raise(SIGINT), 0);
        CHECK_INT(eddy_sleep(10), -ECANCELED);
    }
    CHECK_INT(err, -ECANCELED);
    CHECK_INT(eddy_sleep(0), -ECANCELED); /* still on its way out */
    return err;
}

PLAIN_TEST(rule_092_an_interrupt_in_the_body_leaves_the_group_and_ends_the_run)
{
    EXPECT_INT(test_run(interrupted_in_a_group), -EINTR);
    EXPECT_NOTES("!child");
}

static int interrupted_with_a_failing_child(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 10, .name = "child", .at_cancel = -EIO);
        CHECK_INT(raise(SIGINT), 0);
        CHECK_INT(eddy_sleep(10), -ECANCELED);
    }
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 1);
    return err;
}

PLAIN_TEST(rule_093_an_interrupt_swallows_no_childs_failure)
{
    EXPECT_INT(test_run(interrupted_with_a_failing_child), -EIO);
    EXPECT_INT(eddy_failure_count(eddy_last_failure()), 1);
    EXPECT_NOTES("!child");
    eddy_failure_clear();
}

/* ---- 95, 96: how far a group's own cancellation reaches ---- */

static int nested_failures(void)
{
    int outer, inner;
    eddy_with_group (g, &outer) {
        eddy_spawn(g, nap, .seconds = 1, .name = "outer", .result = -EIO);
        eddy_with_group (h, &inner) {
            eddy_spawn(h, nap, .seconds = 10, .name = "inner", .at_cancel = -EPIPE);
            EXPECT_INT(eddy_sleep(20), -ECANCELED);
        }
        EXPECT_INT(inner, -EPIPE);
        EXPECT(eddy_cancelled()); /* by the outer one, still */
        EXPECT_INT(eddy_sleep(1), -ECANCELED);
        outer = inner;
    }
    EXPECT(!eddy_cancelled());
    EXPECT_INT(eddy_sleep(1), 0);
    return outer;
}

TEST(rule_095_both_nested_groups_fail_and_each_absorbs_its_own)
{
    eddy_task *task = eddy_create_task(nested_failures);
    CHECK_INT(eddy_await(task), -EPIPE); /* the body's own code */
    CHECK_TIME(2);
    CHECK_NOTES("outer !inner");
    return eddy_task_release(task);
}

TEST(rule_096_a_group_that_failed_leaves_its_task_uncancelled)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 1, .result = -EIO);
        EXPECT_INT(eddy_sleep(10), -ECANCELED);
    }
    CHECK_INT(err, -EIO);
    CHECK(!eddy_cancelled());
    CHECK_INT(eddy_sleep(1), 0);
    eddy_with_group (g, &err) {
        CHECK(eddy_spawn(g, nap, .seconds = 1, .name = "later"));
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("later");
    return 0;
}

/* ---- 99: entered twice ---- */

static eddy_group *kept;
static int enters_and_spawns_into(void)
{
    CHECK(!eddy_spawn(kept, nap, .name = "never"));
    CHECK_REPORT(EDDY_LOG_MISUSE, "the group has ended");
    return 0;
}

TEST(rule_099_a_group_that_was_left_can_not_be_used_again)
{
    struct eddy_group group;
    struct eddy_group_options options = {.error = NULL};
    eddy_group_open_(&group, options, EDDY_SITE_("group"));
    CHECK(eddy_spawn(&group, nap, .name = "child"));
    CHECK(!eddy_group_leave_(&group, false));
    kept = &group;
    CHECK_NOTES("child");
    return enters_and_spawns_into();
}

/* ---- 100 ---- */

TEST(rule_100_an_error_of_another_block_in_the_body_is_the_bodys)
{
    int err, timeout;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 10, .name = "child");
        eddy_with_timeout (1, &timeout) {
            EXPECT_INT(eddy_sleep(5), -ECANCELED);
        }
        err = timeout; /* what raising is in Python */
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "timed out after 1 s");
    CHECK_NOTES("!child");
    CHECK_TIME(1);
    return 0;
}

/* ---- 105 ---- */

TEST(rule_105_a_group_that_ended_keeps_no_task_and_no_failure)
{
    struct eddy_loop *loop = eddy_current_loop();
    eddy_task *child = NULL;
    int err = 0;
    uint32_t slots = 0;
    for (int round = 0; round < 100; round++) {
        eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
            for (int i = 0; i < 10; i++)
                child = eddy_spawn(g, nap, .seconds = 1, .result = -EIO);
        }
        EXPECT_INT(err, -EIO);
        EXPECT_INT(loop->task_count, 1);
        if (!slots)
            slots = loop->slots_made;
        EXPECT_INT(loop->slots_made, slots); /* the same ones again and again */
        eddy_failure_clear();
    }
    CHECK_INT(eddy_task_result(child), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_result");
    return 0; /* records that were kept would be found by the leak checkers */
}
