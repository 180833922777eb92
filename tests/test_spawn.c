/* SPDX-License-Identifier: MIT */
/* Spawning into groups: who may, when it is refused, policies, handles of children. */
#include "support/test.h"

struct fetch {
    int n;
    int *twice;
};
static int fetch(struct fetch *a)
{
    int r = eddy_sleep(1);
    if (r < 0)
        return r;
    *a->twice = a->n * 2;
    return a->n;
}

TEST(spawn_on_works_on_the_callers_struct)
{
    int twice = 0, err;
    struct fetch job = {.n = 21, .twice = &twice};
    eddy_with_group (g, &err) {
        eddy_spawn_on(g, fetch, &job);
        job.n = 4; /* not copied */
    }
    CHECK_INT(twice, 8);
    return err;
}

static int takes_null(struct fetch *a)
{
    return a ? 1 : 2;
}

TEST(spawn_on_passes_NULL_as_it_is)
{
    int err;
    struct fetch *nothing = NULL;
    eddy_with_group (g, &err) {
        eddy_task *child = eddy_spawn_on(g, takes_null, nothing);
        EXPECT_INT(eddy_await(child), 2);
    }
    return err;
}

struct spawner {
    eddy_group *group;
    int depth;
};
static int spawner(struct spawner *a)
{
    note("%d", a->depth);
    if (a->depth) {
        int r = eddy_sleep(1);
        if (r < 0)
            return r;
        CHECK(eddy_spawn(a->group, spawner, .group = a->group, .depth = a->depth - 1));
    }
    return 0;
}

TEST(rule_097_children_add_children_also_while_the_block_is_left)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, spawner, .group = g, .depth = 3);
    }
    CHECK_NOTES("3 2 1 0");
    CHECK_TIME(3);
    return err;
}

TEST(rule_098_no_new_child_after_a_failure)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .name = "bad", .result = -EIO);
        EXPECT_INT(eddy_sleep(1), -ECANCELED);
        EXPECT(!eddy_spawn(g, nap, .name = "late"));
        EXPECT_INT(eddy_failure_code(eddy_last_failure()), -ECANCELED);
    }
    CHECK_INT(err, -EIO); /* the refused spawn fails nothing */
    CHECK_NOTES("bad");
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 1);
    return 0;
}

static void group_in_callback(void *unused)
{
    (void)unused;
    int err = 0;
    eddy_with_group (g, &err) {
        note("ran");
        EXPECT(!eddy_spawn(g, nap, .name = "child"));
    }
    EXPECT_INT(err, -EINVAL);
}

ORDERED_TEST(rule_099_a_group_outside_a_task_is_an_error)
{
    CHECK(eddy_call_soon(group_in_callback, NULL));
    turns(1);
    CHECK_NOTES("ran");
    CHECK_REPORT(EDDY_LOG_MISUSE, "outside a task");
    while (test_next_report())
        CHECK_REPORT(EDDY_LOG_MISUSE, "spawn");
    return 0;
}

TEST(a_spawn_on_NULL_fails_with_a_report)
{
    eddy_group *none = NULL;
    CHECK(!eddy_spawn(none, nap, .name = "child"));
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    eddy_group_cancel(NULL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_group_cancel");
    CHECK_INT(eddy_group_size(NULL), 0);
    return 0;
}

static int too_many(void)
{
    int err, started = 0;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 10; i++) /* the result ignored, as everybody does */
            started += eddy_spawn(g, nap, .seconds = 10) != NULL;
        EXPECT_INT(eddy_sleep(1), -ECANCELED);
    }
    CHECK_INT(started, 4);
    CHECK_INT(err, -EAGAIN);
    CHECK_TIME(0);
    CHECK(eddy_failure_match(eddy_last_failure(), -EAGAIN, NULL));
    return 0;
}

PLAIN_TEST(a_spawn_beyond_the_cap_fails_the_group)
{
    struct eddy_options options = {.virtual_clock = true, .max_tasks = 5};
    EXPECT_INT(test_run_with(too_many, options), 0);
}

/* ---- policies, memory ---- */

TEST(run_all_collects_and_cancels_nobody)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, nap, .seconds = 1, .name = "a", .result = -EIO);
        eddy_spawn(g, nap, .seconds = 2, .name = "b");
        eddy_spawn(g, nap, .seconds = 3, .name = "c", .result = -EDOM);
        EXPECT_INT(eddy_sleep(2), 0);
    }
    CHECK_INT(err, -EIO);
    CHECK_NOTES("a b c");
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 2);
    CHECK_INT(eddy_failure_code(eddy_failure_child(eddy_last_failure(), 1)), -EDOM);
    return 0;
}

TEST(handles_of_children_are_valid_until_the_group_ends)
{
    int err;
    eddy_task *child = NULL;
    eddy_with_group (g, &err) {
        child = eddy_spawn(g, nap, .result = 3);
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_INT(eddy_group_size(g), 0);
        EXPECT(eddy_task_done(child));
        EXPECT_INT(eddy_task_result(child), 3);
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_await(child), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_await");
    return 0;
}

TEST(a_group_of_very_many_children_remembers_the_last)
{
    if (TEST_FEW_TASKS)
        return 0;
    int err;
    eddy_task *first = NULL, *last = NULL;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 70000; i++) {
            last = eddy_spawn(g, nap, .result = i);
            if (!i)
                first = last;
            if (i % 1000 == 0)
                EXPECT_INT(eddy_sleep(0.001), 0);
        }
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_INT(eddy_task_result(last), 69999);
        EXPECT_INT(eddy_task_result(first), -ESRCH);
    }
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_result");
    return err;
}
