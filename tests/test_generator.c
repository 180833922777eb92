/* SPDX-License-Identifier: MIT */
/* Generators: values from a function on a stack of its own. */
#include "support/test.h"

struct count {
    int from, to;
    double pause;
    const char *name; /* notes its clean-up */
    int at_end, at_cancel;
    double cleanup;
};

static int count_one(int i) /* any function a generator calls may yield */
{
    int local = i;
    return eddy_yield(&local);
}

static int count(struct count *a)
{
    int r = 0;
    for (int i = a->from; i < a->to && r == 0; i++) {
        if (a->pause > 0)
            r = eddy_sleep(a->pause);
        if (r == 0)
            r = count_one(i);
    }
    if (a->name)
        note("%s%s", r < 0 ? "!" : "", a->name);
    if (a->cleanup > 0)
        eddy_with_shield (EDDY_FOREVER) {
            EXPECT_INT(eddy_sleep(a->cleanup), 0);
        }
    if (r < 0)
        return a->at_cancel ? eddy_fail(a->at_cancel, "%s broke", a->name) : r;
    return a->at_end < 0 ? eddy_fail(a->at_end, "%s failed", a->name) : a->at_end;
}

static void count_call(void *counter)
{
    ++*(int *)counter;
}

TEST(values_come_in_order_and_without_a_turn_of_the_loop)
{
    int err = 1, turned = 0;
    CHECK(eddy_call_soon(count_call, &turned));
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 4, .name = "end")
        note("%d", *value);
    CHECK_INT(err, 0);
    CHECK_INT(turned, 0);
    CHECK_NOTES("1 2 3 end");
    eddy_foreach (const int *, value, &err, count, .from = 1, .to = 1)
        note("%d", *value);
    CHECK_INT(err, 0);
    CHECK_NOTES("");
    CHECK_INT(eddy_all_tasks(NULL, 0), 1);
    return eddy_sleep(0);
}

TEST(it_may_suspend_between_values_and_others_run_meanwhile)
{
    int err;
    eddy_task *other = eddy_create_task(nap, .seconds = 1.5, .name = "other");
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 4, .pause = 1)
        note("%d@%g", *value, eddy_time());
    CHECK_INT(err, 0);
    CHECK_NOTES("1@1 other 2@2 3@3");
    return eddy_task_release(other);
}

TEST(the_body_may_suspend_too_and_the_value_stays)
{
    int err, sum = 0;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 4, .pause = 1) {
        int before = *value;
        CHECK_INT(eddy_sleep(2), 0);
        CHECK_INT(*value, before);
        sum += *value;
    }
    CHECK(err == 0 && sum == 6);
    CHECK_TIME(9);
    return 0;
}

TEST(break_and_continue_are_those_of_a_loop_and_a_break_ends_the_generator)
{
    int err, seen = 0;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 1000000, .name = "g") {
        if (*value % 2)
            continue;
        seen = *value;
        if (*value == 10)
            break;
    }
    CHECK(err == 0 && seen == 10);
    CHECK_NOTES("!g");
    CHECK_INT(eddy_all_tasks(NULL, 0), 1);
    return 0;
}

TEST(its_clean_up_is_joined_before_the_program_goes_on)
{
    int err;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 9, .name = "g", .cleanup = 2)
        if (*value == 2)
            break;
    CHECK_INT(err, 0);
    CHECK_TIME(2);
    CHECK_NOTES("!g");
    return 0;
}

static int leaves(bool by_goto)
{
    int err;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 9, .name = "g", .cleanup = 1) {
        if (*value == 3 && by_goto)
            goto out;
        if (*value == 3)
            return *value;
    }
out:
    return -1;
}

TEST(return_and_goto_end_it_as_well)
{
    CHECK_INT(leaves(false), 3);
    CHECK_TIME(1);
    CHECK_INT(leaves(true), -1);
    CHECK_TIME(2);
    CHECK_NOTES("!g !g");
    return 0;
}

TEST(a_body_that_sets_the_error_ends_it)
{
    int err, rounds = 0;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 9, .name = "g") {
        rounds++;
        if (*value == 2)
            err = eddy_fail(-EDOM, "bad value");
    }
    CHECK_INT(err, -EDOM);
    CHECK_INT(rounds, 2);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "bad value");
    CHECK_NOTES("!g");
    return 0;
}

TEST(its_failure_travels_to_err)
{
    int err, rounds = 0;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 3, .name = "g", .at_end = -EIO)
        rounds += *value > 0;
    CHECK_INT(err, -EIO);
    CHECK_INT(rounds, 2);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "g failed");
    CHECK_NOTES("g");
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 2, .at_end = 7) /* a result is none */
        rounds += *value;
    CHECK_INT(err, 0);
    return 0;
}

TEST(so_does_one_of_its_clean_up_after_a_break)
{
    int err;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 3, .name = "g", .at_cancel = -EIO)
        if (*value)
            break;
    CHECK_INT(err, -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "g broke");
    CHECK_NOTES("!g");
    return 0;
}

static int returns_past_a_failure(void)
{
    int err;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 3, .name = "g", .at_cancel = -EIO)
        return *value;
    return -1;
}

TEST(a_failure_that_err_can_not_take_is_reported)
{
    CHECK_INT(returns_past_a_failure(), 1);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "nobody waited");
    eddy_foreach (int *, value, NULL, count, .from = 1, .to = 2, .name = "g", .at_end = -EIO)
        note("%d", *value);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "nobody waited");
    CHECK_NOTES("!g 1 g");
    return 0;
}

struct consume {
    double pause; /* of the generator */
    double body;
    double cleanup;
};

static int consume(struct consume *a)
{
    int err, r = 0;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 100, .pause = a->pause, .name = "g",
                  .cleanup = a->cleanup) {
        note("%d", *value);
        if (a->body > 0 && (r = eddy_sleep(a->body)) < 0) {
            note("body");
            break;
        }
    }
    note("%s", err ? eddy_error_name(err) : "0");
    return err < 0 ? err : r;
}

TEST(a_cancel_in_its_wait_ends_it_and_the_loop)
{
    eddy_task *task = eddy_create_task(consume, .pause = 1, .cleanup = 3);
    CHECK_INT(eddy_sleep(2.5), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK(eddy_task_cancelled(task));
    CHECK_TIME(5.5);
    CHECK_NOTES("1 2 !g ECANCELED");
    return eddy_task_release(task);
}

TEST(a_cancel_in_the_body_ends_it_when_the_body_is_left)
{
    eddy_task *task = eddy_create_task(consume, .body = 1, .cleanup = 3);
    CHECK_INT(eddy_sleep(1.5), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_TIME(4.5);
    CHECK_NOTES("1 2 body !g 0");
    return eddy_task_release(task);
}

TEST(a_timeout_around_the_loop_reaches_into_it)
{
    int err, inner;
    eddy_with_timeout (2.5, &err)
        eddy_foreach (int *, value, &inner, count, .from = 1, .to = 100, .pause = 1)
            note("%d", *value);
    CHECK(err == -ETIMEDOUT && inner == -ECANCELED);
    CHECK_TIME(2.5);
    CHECK_NOTES("1 2");
    return 0;
}

TEST(in_a_cancelled_scope_values_come_as_long_as_nobody_waits)
{
    int err, inner, second;
    eddy_with_timeout (0, &err) {
        CHECK_INT(eddy_sleep(0), -ECANCELED);
        eddy_foreach (int *, value, &inner, count, .from = 1, .to = 4)
            note("%d", *value);
        CHECK_INT(inner, 0);
        eddy_foreach (int *, value, &second, count, .from = 1, .to = 4, .pause = 1, .name = "g")
            note("%d", *value);
        CHECK_INT(second, -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_NOTES("1 2 3 !g");
    CHECK_TIME(0);
    return 0;
}

struct doubled {
    int to;
};

static int doubled(struct doubled *a)
{
    int err;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = a->to, .name = "inner") {
        int twice = 2 * *value, r = eddy_yield(&twice);
        if (r < 0)
            return r;
    }
    return err;
}

TEST(generators_consume_generators)
{
    int err;
    eddy_foreach (int *, value, &err, doubled, .to = 4)
        note("%d", *value);
    CHECK_INT(err, 0);
    CHECK_NOTES("2 4 6 inner");
    eddy_foreach (int *, value, &err, doubled, .to = 100) {
        note("%d", *value);
        if (*value == 4)
            break;
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("2 4 !inner");
    eddy_foreach (int *, outer, &err, doubled, .to = 3) {
        int inner;
        eddy_foreach (int *, value, &inner, count, .from = 0, .to = *outer)
            note("%d", *value);
        CHECK_INT(inner, 0);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("0 1 0 1 2 3 inner");
    return 0;
}

static int with_a_timeout_inside(void)
{
    int err, value = 1, r = 0;
    eddy_with_timeout (1, &err) {
        r = eddy_yield(&value); /* the body takes longer than that */
        note("%d", r);
        value = 2;
        r = eddy_yield(&value);
        note("%d", r);
    }
    note("%s", eddy_error_name(err));
    value = 3;
    r = eddy_yield(&value);
    return r;
}

TEST(a_timeout_inside_leaves_the_value_alone_and_is_felt_at_the_next_wait)
{
    int err;
    eddy_foreach (int *, value, &err, with_a_timeout_inside) {
        int before = *value;
        CHECK_INT(eddy_sleep(3), 0);
        CHECK_INT(*value, before);
        note("v%d", *value);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("v1 0 -125 ETIMEDOUT v3");
    return 0;
}

static int stubborn(void)
{
    int value = 0, refused = 0;
    while (refused < 300) {
        value++;
        refused += eddy_yield(&value) < 0;
        if (refused == 150)
            eddy_with_shield (EDDY_FOREVER) {
                EXPECT_INT(eddy_yield(&value), -ECANCELED);
            }
    }
    return -ECANCELED;
}

ORDERED_TEST(one_that_goes_on_yielding_is_refused_and_reported)
{
    int err;
    eddy_task *other = eddy_create_task(nap, .seconds = 0, .name = "other");
    eddy_foreach (int *, value, &err, stubborn)
        if (*value == 2)
            break;
    CHECK_INT(err, 0);
    CHECK_REPORT(EDDY_LOG_CANCEL_IGNORED, "goes on");
    CHECK_NOTES("other"); /* it let the loop run */
    return eddy_task_release(other);
}

static int with_children(void)
{
    int err, value = 1, r = 0;
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .seconds = 1, .name = "child", .result = -EIO);
        while (r == 0)
            r = eddy_yield(&value);
        note("%d", r);
    }
    return err;
}

TEST(a_group_inside_that_fails_ends_it)
{
    int err, rounds = 0;
    eddy_foreach (int *, value, &err, with_children) {
        rounds += *value;
        CHECK(rounds < 10);
        CHECK_INT(eddy_sleep(0.4), 0);
    }
    CHECK_INT(err, -EIO);
    CHECK_INT(rounds, 3);
    CHECK_NOTES("child -125");
    return 0;
}

static int cancels_the_generator(void)
{
    eddy_task *all[3];
    CHECK_INT(eddy_all_tasks(all, 3), 3);
    CHECK_INT(eddy_task_release(all[1]), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "belongs to");
    return eddy_task_cancel(all[1]) ? 0 : -1;
}

TEST(a_cancel_of_the_generator_itself_ends_the_loop)
{
    int err, rounds = 0;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 9, .name = "g") {
        if (*value == 2) {
            eddy_task *task = eddy_create_task(cancels_the_generator);
            CHECK_INT(eddy_await(task), 0);
            CHECK_INT(eddy_task_release(task), 0);
        }
        rounds++;
    }
    CHECK_INT(err, -ECANCELED);
    CHECK_INT(rounds, 2);
    CHECK(!eddy_cancelled());
    CHECK_NOTES("!g");
    return 0;
}

TEST(a_million_values)
{
    const int to = TEST_FEW_TASKS ? 10000 : 1000000;
    int err;
    long sum = 0;
    eddy_foreach (int *, value, &err, count, .from = 0, .to = to)
        sum += *value;
    CHECK_INT(err, 0);
    CHECK(sum == (long)to * (to - 1) / 2);
    return 0;
}

static int yields_nothing_useful(void)
{
    return eddy_yield(NULL);
}

static int no_room(void)
{
    int err;
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 2)
        note("%d", *value);
    CHECK_INT(err, -EAGAIN);
    eddy_failure_clear();
    return 0;
}

TEST(bad_input_of_generators)
{
    int value = 1, err;
    CHECK_INT(eddy_yield(&value), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "outside a generator");
    eddy_foreach (int *, none, &err, yields_nothing_useful)
        note("%d", *none);
    CHECK_INT(err, -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK_NOTES("");
    return 0;
}

PLAIN_TEST(where_no_generator_can_be_had_the_body_does_not_run)
{
    EXPECT_INT(test_run_with(no_room, (struct eddy_options){.virtual_clock = true, .max_tasks = 1}),
               0);
    int err = 0;
    test_stderr_begin();
    eddy_foreach (int *, value, &err, count, .from = 1, .to = 2)
        note("%d", *value);
    EXPECT_CONTAINS(test_stderr_end(), "outside a task");
    EXPECT_INT(err, -EINVAL);
    EXPECT_NOTES("");
}
