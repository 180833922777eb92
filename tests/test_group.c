/* SPDX-License-Identifier: MIT */
/* Groups: children that end with their block, whatever happens. */
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

TEST(rule_084_leaving_waits_for_all_children)
{
    int twice[5] = {0}, err = 99;
    eddy_with_group (g, &err) {
        EXPECT_INT(err, 0);
        eddy_task *child = NULL;
        for (int i = 0; i < 5; i++)
            child = eddy_spawn(g, fetch, .n = i, .twice = &twice[i]);
        EXPECT_INT(eddy_group_size(g), 5);
        EXPECT_INT(eddy_await(child), 4); /* results by task */
        EXPECT_INT(eddy_task_release(child), -EPERM);
        EXPECT_REPORT(EDDY_LOG_MISUSE, "group");
    }
    CHECK_INT(err, 0);
    CHECK_TIME(1);
    for (int i = 0; i < 5; i++)
        CHECK_INT(twice[i], 2 * i);
    eddy_with_group (empty, &err) {
        EXPECT_INT(eddy_group_size(empty), 0);
    }
    return err;
}

TEST(rule_085_a_child_cancelled_on_its_own_does_not_disturb)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 2, .name = "a");
        eddy_task *b = eddy_spawn(g, nap, .seconds = 2, .name = "b");
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT(eddy_task_cancel(b));
        EXPECT_INT(eddy_sleep(0.5), 0);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("!b a");
    CHECK_TIME(2);
    return 0;
}

ORDERED_TEST(rule_086_the_first_failure_cancels_siblings_and_body_and_all_finish)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 5, .name = "a", .cleanup = 2);
        eddy_spawn(g, nap, .seconds = 1, .name = "b", .result = -EIO);
        eddy_spawn(g, nap, .seconds = 1, .name = "c");
        EXPECT_INT(eddy_sleep(3), -ECANCELED);
        note("body@%g", eddy_time());
    }
    CHECK_INT(err, -EIO);
    CHECK_NOTES("b c !a body@1"); /* c's sleep was over already */
    CHECK_TIME(3);
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EIO);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 1);
    CHECK(!eddy_cancelled());
    return eddy_sleep(1);
}

TEST(rule_087_every_failure_is_kept_in_the_order_of_the_ends)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 9, .at_cancel = -EPIPE, .cleanup = 2);
        eddy_spawn(g, nap, .seconds = 9, .at_cancel = -EIO, .cleanup = 1);
        eddy_spawn(g, nap, .seconds = 9);
        eddy_spawn(g, nap, .seconds = 1, .name = "first", .result = -ENOENT);
    }
    CHECK_INT(err, -ENOENT);
    const eddy_failure *group = eddy_last_failure();
    CHECK_INT(eddy_failure_code(group), -ENOENT);
    CHECK_INT(eddy_failure_count(group), 3);
    CHECK_INT(eddy_failure_code(eddy_failure_child(group, 0)), -ENOENT);
    CHECK_TEXT(eddy_failure_message(eddy_failure_child(group, 0)), "first failed");
    CHECK_INT(eddy_failure_code(eddy_failure_child(group, 1)), -EIO);
    CHECK_INT(eddy_failure_code(eddy_failure_child(group, 2)), -EPIPE);
    CHECK_CONTAINS(eddy_failure_file(group), "test_group.c");
    CHECK_TIME(3);
    return 0;
}

struct holder {
    int *err;
    double cleanup;
    int at_cancel;
};
static int holder(struct holder *a)
{
    eddy_with_group (g, a->err) {
        eddy_spawn(g, nap, .seconds = 10, .name = "child", .cleanup = a->cleanup,
                   .at_cancel = a->at_cancel);
        if (a->cleanup < 0)
            *a->err = eddy_sleep(10);
    }
    note("left@%g", eddy_time());
    EXPECT_INT(eddy_sleep(0), -ECANCELED); /* still cancelled */
    return *a->err;
}

TEST(rule_088_a_cancel_from_outside_cancels_the_children)
{
    int err = 0;
    eddy_task *task = eddy_create_task(holder, .err = &err, .cleanup = 2);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK(eddy_task_cancelled(task));
    CHECK_INT(err, -ECANCELED);
    CHECK_NOTES("!child left@3");
    eddy_task *in_body = eddy_create_task(holder, .err = &err, .cleanup = -1);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(in_body));
    CHECK_INT(eddy_await(in_body), -ECANCELED);
    CHECK_INT(err, -ECANCELED);
    CHECK_NOTES("!child left@4");
    return eddy_task_release(task) + eddy_task_release(in_body);
}

TEST(rule_089_a_child_failing_meanwhile_wins_and_the_parent_stays_cancelled)
{
    int err = 0;
    eddy_task *task = eddy_create_task(holder, .err = &err, .cleanup = 2, .at_cancel = -EIO);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -EIO);
    CHECK_INT(err, -EIO);
    CHECK(!eddy_task_cancelled(task));
    CHECK_NOTES("!child left@3");
    return eddy_task_release(task);
}

TEST(rule_090_an_error_in_the_body_cancels_the_children)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 10, .name = "child");
        EXPECT_INT(eddy_sleep(1), 0);
        err = eddy_fail(-EDOM, "the body's own");
    }
    CHECK_INT(err, -EDOM);
    CHECK_NOTES("!child");
    CHECK_TIME(1);
    const eddy_failure *one = eddy_failure_match(eddy_last_failure(), -EDOM, NULL);
    CHECK_TEXT(eddy_failure_message(one), "the body's own");
    CHECK(!eddy_failure_match(eddy_last_failure(), -EDOM, one));
    return 0;
}

TEST(a_body_that_ends_with_a_childs_own_failure_adds_nothing)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_task *child = eddy_spawn(g, nap, .seconds = 1, .name = "child", .result = -EIO);
        err = eddy_await(child);
    }
    CHECK_INT(err, -EIO);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 1);
    CHECK_TEXT(eddy_failure_message(eddy_failure_child(eddy_last_failure(), 0)), "child failed");
    return 0;
}

TEST(rule_091_another_error_of_the_body_during_cancellation_joins)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 1, .name = "child", .result = -EIO);
        if (eddy_sleep(5) < 0)
            err = eddy_fail(-EDOM, "the body's");
    }
    CHECK_INT(err, -EDOM); /* the body's own code, and every failure kept */
    const eddy_failure *group = eddy_last_failure();
    CHECK_INT(eddy_failure_code(group), -EDOM);
    CHECK_INT(eddy_failure_count(group), 2);
    CHECK(eddy_failure_match(group, -EIO, NULL) && eddy_failure_match(group, -EDOM, NULL));
    return 0;
}

TEST(a_body_that_only_sets_its_code_is_kept_as_a_failure_too)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 1, .name = "child", .result = -EIO);
        if (eddy_sleep(5) < 0)
            err = -EDOM; /* no eddy_fail */
    }
    CHECK_INT(err, -EDOM);
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EDOM);
    CHECK(eddy_failure_match(eddy_last_failure(), -EIO, NULL));
    CHECK(eddy_failure_match(eddy_last_failure(), -EDOM, NULL));
    return 0;
}

/* ---- ways out ---- */

static int leaves(int how)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 10, .name = "child", .cleanup = 1);
        EXPECT_INT(eddy_sleep(1), 0);
        if (how == 1)
            return 11;
        goto out;
    }
    return 0;
out:
    return 12;
}

static int fails_out_of_a_group(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 1, .name = "child", .result = -EIO);
        if (eddy_sleep(5) < 0)
            return eddy_fail(-EDOM, "the body's own words");
    }
    return err;
}

TEST(a_failure_returned_out_of_a_group_keeps_its_words)
{
    CHECK_INT(fails_out_of_a_group(), -EDOM);
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EDOM);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "the body's own words");
    return 0;
}

TEST(return_and_goto_cancel_and_join)
{
    CHECK_INT(leaves(1), 11);
    CHECK_NOTES("!child");
    CHECK_TIME(2);
    CHECK_INT(leaves(2), 12);
    CHECK_NOTES("!child");
    CHECK_TIME(4);
    return 0;
}

TEST(break_and_continue_end_the_block_and_wait_for_the_children)
{
    for (int i = 0; i < 2; i++) {
        int err;
        eddy_with_group (g, &err) {
            eddy_spawn(g, nap, .seconds = 1, .name = "child", .result = -EIO);
            if (i == 0)
                break;
            continue;
        }
        CHECK_NOTES("child");
        CHECK_INT(err, -EIO);
    }
    CHECK_TIME(2);
    return 0;
}

/* ---- nesting ---- */

struct inner_group {
    int *err;
    int result;
    double seconds;
};
static int inner_group(struct inner_group *a)
{
    eddy_with_group (g, a->err) {
        eddy_spawn(g, nap, .seconds = a->seconds, .name = "inner", .result = a->result);
    }
    return *a->err;
}

TEST(rule_094_an_inner_failure_goes_up_as_group_in_group)
{
    int err, inner = 0;
    eddy_with_group (g, &err) {
        eddy_spawn(g, inner_group, .err = &inner, .result = -EIO, .seconds = 1);
        eddy_spawn(g, nap, .seconds = 5, .name = "other");
    }
    CHECK_INT(inner, -EIO);
    CHECK_INT(err, -EIO);
    CHECK_NOTES("inner !other");
    const eddy_failure *outer = eddy_last_failure();
    CHECK_INT(eddy_failure_count(outer), 1);
    CHECK_INT(eddy_failure_count(eddy_failure_child(outer, 0)), 1);
    const eddy_failure *leaf = eddy_failure_match(outer, -EIO, NULL);
    CHECK_TEXT(eddy_failure_message(leaf), "inner failed");
    return 0;
}

TEST(rule_094_an_outer_failure_cancels_the_inner_group_and_surfaces_outside)
{
    int err, inner = 0;
    eddy_with_group (g, &err) {
        eddy_spawn(g, inner_group, .err = &inner, .seconds = 5);
        eddy_spawn(g, nap, .seconds = 1, .name = "bad", .result = -EIO);
    }
    CHECK_INT(inner, -ECANCELED);
    CHECK_INT(err, -EIO);
    CHECK_NOTES("bad !inner");
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 1);
    return 0;
}

struct await_task {
    eddy_task *task;
};
static int await_task(struct await_task *a)
{
    return eddy_await(a->task);
}

ORDERED_TEST(one_failure_that_two_children_end_with_is_walked_to_an_end)
{
    int err, found = 0;
    eddy_with_group (g, &err) {
        eddy_task *bad = eddy_spawn(g, nap, .seconds = 1, .name = "bad", .result = -EIO);
        eddy_spawn(g, await_task, .task = bad); /* ends with the same record */
        eddy_spawn(g, nap, .seconds = 1, .name = "other", .result = -EIO);
    }
    CHECK_INT(err, -EIO);
    const eddy_failure *one = NULL;
    while ((one = eddy_failure_match(eddy_last_failure(), -EIO, one)) && found < 10)
        found++;
    CHECK(found == 2 || found == 3);
    CHECK_NOTES("bad other");
    return 0;
}

/* ---- cancel ---- */

TEST(rule_102_group_cancel_ends_the_block_without_an_error)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 10, .name = "child");
        EXPECT_INT(eddy_sleep(1), 0);
        eddy_group_cancel(g);
        eddy_group_cancel(g); /* again does nothing */
        err = eddy_sleep(5);
        EXPECT_INT(err, -ECANCELED);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("!child");
    CHECK_TIME(1);
    return eddy_sleep(1);
}

struct group_canceller {
    eddy_group *group;
    double seconds;
};
static int group_canceller(struct group_canceller *a)
{
    int r = eddy_sleep(a->seconds);
    eddy_group_cancel(a->group);
    return r;
}

TEST(rule_102_a_child_may_cancel_its_group_while_it_is_left)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 10, .name = "child");
        eddy_spawn(g, group_canceller, .group = g, .seconds = 1);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("!child");
    CHECK_TIME(1);
    return 0;
}

TEST(rule_103_a_timeout_that_lands_after_group_cancel_is_not_lost)
{
    int err, group = 0;
    eddy_with_timeout (0.5, &err) {
        eddy_with_group (g, &group) {
            eddy_spawn(g, nap, .seconds = 10, .name = "child", .cleanup = 1);
            eddy_spawn(g, group_canceller, .group = g, .seconds = 0.1);
        }
        note("left@%g", eddy_time());
    }
    CHECK_INT(group, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_NOTES("!child left@1.1");
    return 0;
}

TEST(a_timeout_around_a_group_joins_before_it_ends)
{
    int err, group = 0;
    eddy_with_timeout (1, &err) {
        eddy_with_group (g, &group) {
            eddy_spawn(g, nap, .seconds = 10, .name = "child", .cleanup = 3);
        }
        EXPECT_TIME(4);
    }
    CHECK_INT(group, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_NOTES("!child");
    return 0;
}

struct quick_group {
    int *err;
};
static int quick_group(struct quick_group *a)
{
    eddy_with_group (g, a->err) {
        eddy_spawn(g, nap, .seconds = 1, .name = "child");
    }
    return 0;
}

ORDERED_TEST(a_cancel_with_nothing_left_to_wait_for_does_not_cancel_the_group)
{
    int err = 99;
    eddy_task *task = eddy_create_task(quick_group, .err = &err);
    turns(1);
    eddy_task *cancel_it = eddy_create_task(cancel_later, .task = task, .seconds = 1);
    CHECK_INT(eddy_await(task), 0); /* cancelled when its last child had ended */
    CHECK_INT(err, 0);
    CHECK_NOTES("child");
    CHECK_INT(eddy_await(cancel_it), 0);
    eddy_with_timeout (0, &err) {
        int group = 99;
        eddy_with_group (g, &group) {
            (void)g;
        }
        EXPECT_INT(group, 0);
    }
    CHECK_INT(err, 0);
    return eddy_task_release(task) + eddy_task_release(cancel_it);
}

TEST(a_group_in_a_cancelled_scope_cancels_what_is_spawned)
{
    int err, group = 0;
    eddy_with_timeout (0, &err) {
        eddy_with_group (g, &group) {
            EXPECT(eddy_spawn(g, nap, .name = "child"));
        }
    }
    CHECK_INT(group, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_NOTES(""); /* rule 68 */
    return 0;
}
