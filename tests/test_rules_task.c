/* SPDX-License-Identifier: MIT */
/* Rules of tasks that no other file holds. */
#define TEST_DEFAULTS .real_system = true
#include "support/process.h"
#include "task.h"

/* ---- 49: a task is no future ---- */

PLAIN_TEST(rule_049_a_result_can_not_be_set_on_a_task)
{
    static const struct mistake mistakes[] = {
        {"set_result", "(void)eddy_future_set_result(task, NULL);", REFUSED,
         "incompatible-pointer-types", NULL},
        {"set_error", "(void)eddy_future_set_error(task, -5);", REFUSED,
         "incompatible-pointer-types", NULL},
    };
    mistakes_check(mistakes, sizeof mistakes / sizeof mistakes[0],
                   "-std=gnu11 -Werror=incompatible-pointer-types",
                   "#include <eddy.h>\n"
                   "void use(eddy_task *task);\n"
                   "void use(eddy_task *task)\n{\n",
                   "}\n");
}

/* ---- 51 ---- */

TEST(rule_051_a_task_can_be_awaited_any_number_of_times_with_the_same_result)
{
    eddy_task *good = eddy_create_task(nap, .seconds = 1, .result = 5);
    eddy_task *bad = eddy_create_task(nap, .seconds = 1, .name = "bad", .result = -EIO);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(eddy_await(good), 5);
        eddy_failure_clear();
        CHECK_INT(eddy_await(bad), -EIO);
        CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "bad failed");
        CHECK_TIME(1);
    }
    CHECK_NOTES("bad");
    return eddy_task_release(good) + eddy_task_release(bad);
}

/* ---- 53: no pending task is ever destroyed; the loop's end unwinds each one ---- */

static int unwinds(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 9, .name = "child");
    }
    note("unwound");
    return err;
}

static int leaves_a_pending_task(void)
{
    eddy_test_allow_leftovers(2);
    CHECK_INT(eddy_detach(eddy_create_task(unwinds)), 0);
    return eddy_sleep(1);
}

PLAIN_TEST(rule_053_a_pending_task_is_unwound_by_the_loops_end_not_destroyed)
{
    EXPECT_INT(test_run(leaves_a_pending_task), 0);
    EXPECT_NOTES("!child unwound");
    EXPECT_INT(test_state.created, 3);
    EXPECT_INT(test_state.finished, 3);
}

/* ---- 56 ---- */

static int creates_while_closing(void)
{
    EXPECT_INT(eddy_sleep(9), -ECANCELED);
    EXPECT(!eddy_create_task(nap, .name = "never"));
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -ESHUTDOWN);
    EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()), "the loop is closing");
    return 0;
}

static int leaves_a_creator(void)
{
    eddy_test_allow_leftovers(1);
    CHECK_INT(eddy_detach(eddy_create_task(creates_while_closing)), 0);
    return eddy_sleep(1);
}

PLAIN_TEST(rule_056_no_task_on_a_closing_loop_or_without_one_and_nothing_leaks)
{
    EXPECT_INT(test_run(leaves_a_creator), 0);
    EXPECT_NOTES("");
    test_stderr_begin();
    EXPECT(!eddy_create_task(nap, .name = "never"));
    EXPECT_CONTAINS(test_stderr_end(), "eddy_create_task: called outside a loop");
}

/* ---- 46: nobody enters a task but the loop; its own bookkeeping is checked ---- */

TEST(rule_046_a_task_runs_while_no_other_does)
{
    struct eddy_loop *loop = eddy_current_loop();
    struct task *self = loop->current;
    CHECK(task_handle(self) == eddy_current_task());
    eddy_task *other = eddy_create_task(nap, .seconds = 1);
    turns(1);
    CHECK(loop->current == self);
    CHECK(!self->wait); /* not parked while it runs */
    CHECK_INT(eddy_await(other), 0);
    CHECK(loop->current == self);
    return eddy_task_release(other);
}

/* ---- 63, 136: eager tasks ---- */

static eddy_local user = EDDY_LOCAL_INIT;

static int says_who(void)
{
    note("%s:%s", eddy_task_name(eddy_current_task()), (const char *)eddy_local_get(&user));
    return 3;
}

TEST(rule_063_name_and_context_are_right_in_the_eager_step)
{
    CHECK_INT(eddy_local_set(&user, "ann", NULL), 0);
    eddy_task *task = eddy_create_task_eager(says_who);
    CHECK_NOTES("Task-2:ann");
    CHECK_INT(eddy_await(task), 3);
    return eddy_task_release(task);
}

TEST(rule_136_a_gather_of_what_is_done_does_not_suspend)
{
    int results[2];
    CHECK_INT(eddy_local_set(&user, "bob", NULL), 0);
    eddy_task *both[] = {eddy_create_task_eager(says_who), eddy_create_task_eager(says_who)};
    eddy_task *other = eddy_create_task(nap, .seconds = 0, .name = "other");
    CHECK_INT(eddy_gather(both, 2, results, EDDY_RAISE_FIRST), 0);
    CHECK_NOTES("Task-2:bob Task-3:bob"); /* the other one hasn't run */
    CHECK(results[0] == 3 && results[1] == 3);
    CHECK_INT(eddy_await(other), 0);
    CHECK_NOTES("other");
    return eddy_task_release(both[0]) + eddy_task_release(both[1]) + eddy_task_release(other);
}
