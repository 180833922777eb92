/* SPDX-License-Identifier: MIT */
/* Tasks: creation, order, arguments, outcomes. */
#include "support/test.h"

/* ---- creation and order ---- */

ORDERED_TEST(rule_040_a_created_task_does_not_run_yet)
{
    eddy_task *first = eddy_create_task(nap, .name = "first");
    eddy_task *second = eddy_create_task(nap, .name = "second");
    CHECK_NOTES("");
    CHECK_INT(eddy_await(second), 0);
    CHECK_NOTES("first second");
    CHECK_INT(eddy_await(first), 0);
    CHECK_INT(eddy_task_release(first), 0);
    return eddy_task_release(second);
}

static int helper(void)
{
    note("helper");
    return 7;
}

TEST(rule_041_a_plain_call_takes_no_trip_through_the_loop)
{
    eddy_task *other = eddy_create_task(nap, .name = "other");
    CHECK_INT(helper(), 7);
    CHECK_NOTES("helper");
    CHECK_INT(eddy_await(other), 0);
    return eddy_task_release(other);
}

struct abc {
    const char *name;
};
static int abc(struct abc *a)
{
    for (int i = 0; i < 3; i++) {
        note("%s", a->name);
        int r = eddy_sleep(0);
        if (r < 0)
            return r;
    }
    return 0;
}

ORDERED_TEST(rule_042_sleep_0_yields_exactly_one_turn)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, abc, .name = "a");
        eddy_spawn(g, abc, .name = "b");
        eddy_spawn(g, abc, .name = "c");
    }
    CHECK_NOTES("a b c a b c a b c");
    CHECK_INT(eddy_sleep(-1), 0);
    CHECK_TIME(0);
    return err;
}

struct awaiter {
    eddy_task *task;
    const char *name;
    int expected;
};
static int awaiter(struct awaiter *a)
{
    CHECK_INT(eddy_await(a->task), a->expected);
    note("%s", a->name);
    return 0;
}

ORDERED_TEST(rule_043_an_awaiter_queues_behind_what_is_ready)
{
    eddy_task *one = eddy_create_task(nap, .seconds = 1, .name = "one");
    eddy_task *two = eddy_create_task(nap, .seconds = 1, .name = "two");
    CHECK_INT(eddy_await(one), 0);
    note("main");
    CHECK_NOTES("one two main");
    CHECK_INT(eddy_await(two), 0);
    CHECK_INT(eddy_task_release(one), 0);
    return eddy_task_release(two);
}

ORDERED_TEST(rule_044_awaiters_resume_in_the_order_in_which_they_came)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 1, .result = 5);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, awaiter, .task = task, .name = "a", .expected = 5);
        eddy_spawn(g, awaiter, .task = task, .name = "b", .expected = 5);
        eddy_spawn(g, awaiter, .task = task, .name = "c", .expected = 5);
    }
    CHECK_NOTES("a b c");
    CHECK_INT(eddy_await(task), 5); /* any number of times, also afterwards */
    CHECK_INT(eddy_await(task), 5);
    CHECK_INT(eddy_task_release(task), 0);
    return err;
}

static eddy_task *self_seen[2];
static int see_self(void)
{
    static int count;
    eddy_task *self = eddy_current_task();
    self_seen[count++ % 2] = self;
    EXPECT_INT(eddy_sleep(0), 0);
    EXPECT(eddy_current_task() == self);
    return 0;
}

FIFO_TEST(rule_045_current_task_is_right_in_interleaved_tasks)
{
    eddy_task *self = eddy_current_task();
    CHECK(self);
    eddy_task *a = eddy_create_task(see_self), *b = eddy_create_task(see_self);
    turns(3);
    CHECK(eddy_current_task() == self);
    CHECK(self_seen[0] == a && self_seen[1] == b && a != b);
    CHECK_INT(eddy_task_release(a), 0);
    return eddy_task_release(b);
}

TEST(rule_050_a_task_that_awaits_itself_fails)
{
    CHECK_INT(eddy_await(eddy_current_task()), -EDEADLK);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_await");
    CHECK_INT(eddy_task_wait(eddy_current_task()), -EDEADLK);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_wait");
    return 0;
}

TEST(rule_052_all_tasks_are_the_unfinished_ones_oldest_first)
{
    eddy_task *tasks[4] = {NULL};
    CHECK_INT(eddy_all_tasks(tasks, 4), 1);
    CHECK(tasks[0] == eddy_current_task());
    eddy_task *a = eddy_create_task(nap, .seconds = 1), *b = eddy_create_task(nap, .seconds = 2);
    CHECK_INT(eddy_all_tasks(tasks, 4), 3);
    CHECK(tasks[1] == a && tasks[2] == b && !tasks[3]);
    tasks[2] = NULL;
    CHECK_INT(eddy_all_tasks(tasks, 2), 3); /* how many there are, not how many fit */
    CHECK(!tasks[2]);
    CHECK_INT(eddy_await(a), 0);
    CHECK_INT(eddy_all_tasks(tasks, 4), 2);
    CHECK(tasks[1] == b);
    CHECK_INT(eddy_await(b), 0);
    CHECK_INT(eddy_task_release(a), 0);
    return eddy_task_release(b);
}

/* ---- arguments ---- */

struct many {
    char a;
    int b[5];
    double c;
    const char *text;
    long double d;
    struct {
        int x, y;
    } inner;
};
static int many(struct many *a)
{
    EXPECT_INT((uintptr_t)a % 64, 0);
    EXPECT_INT(a->a, 'x');
    EXPECT_INT(a->b[4], 5);
    EXPECT(a->c == 2.5 && a->d == 0);
    EXPECT_TEXT(a->text, "text");
    EXPECT(a->inner.x == 0 && a->inner.y == 3);
    a->b[4] = 99; /* its own copy */
    return a->b[4];
}

TEST(arguments_are_copied_and_zeroed)
{
    int five = 5;
    eddy_task *task = eddy_create_task(many, .a = 'x', .b[4] = five, .c = 2.5, .text = "text",
                                       .inner.y = 3);
    five = 6;
    CHECK_INT(eddy_await(task), 99);
    return eddy_task_release(task);
}

struct big {
    char bytes[1024];
};
static int big(struct big *a)
{
    return a->bytes[0] + a->bytes[1023];
}

struct aligned {
    _Alignas(64) char c;
};
static int aligned(struct aligned *a)
{
    return (int)((uintptr_t)a % 64) + a->c;
}

static int job_twice(struct abc *a)
{
    note("%s%s", a->name, a->name);
    return 0;
}

TEST(arguments_of_the_largest_size_and_alignment_and_another_name)
{
    eddy_task *one = eddy_create_task(big, .bytes = {[0] = 1, [1023] = 2});
    eddy_task *two = eddy_create_task(aligned, .c = 4);
    eddy_task *three = eddy_create_task_as(job_twice, struct abc, .name = "j");
    CHECK_INT(eddy_await(one), 3);
    CHECK_INT(eddy_await(two), 4);
    CHECK_INT(eddy_await(three), 0);
    CHECK_NOTES("jj");
    return eddy_task_release(one) + eddy_task_release(two) + eddy_task_release(three);
}

/* ---- outcomes ---- */

TEST(results_failures_and_the_callers_last_failure)
{
    eddy_task *good = eddy_create_task(nap, .seconds = 1, .result = INT32_MAX);
    eddy_task *bad = eddy_create_task(nap, .seconds = 2, .name = "bad", .result = -EIO);
    CHECK_INT(eddy_task_result(good), -EINPROGRESS);
    CHECK(!eddy_task_done(good) && !eddy_task_cancelled(good));
    CHECK_INT(eddy_await(good), INT32_MAX);
    CHECK(eddy_task_done(good) && !eddy_task_cancelled(good));
    CHECK_INT(eddy_task_result(good), INT32_MAX);
    CHECK_INT(eddy_task_wait(bad), 0); /* says nothing of the task's outcome */
    CHECK_TIME(2);
    CHECK(!eddy_last_failure());
    CHECK(eddy_task_done(bad) && !eddy_task_cancelled(bad));
    CHECK_INT(eddy_task_result(bad), -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "bad failed");
    eddy_failure_clear();
    CHECK_INT(eddy_await(bad), -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "bad failed");
    CHECK_TEXT(eddy_failure_task(eddy_last_failure()), eddy_task_name(bad));
    CHECK_INT(eddy_task_release(good), 0);
    return eddy_task_release(bad);
}

static int plain_failure(void)
{
    return -EPIPE; /* without eddy_fail */
}

TEST(a_failure_without_a_record_gets_one_with_the_spawn_place)
{
    eddy_task *task = eddy_create_task(plain_failure);
    CHECK_INT(eddy_await(task), -EPIPE);
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EPIPE);
    CHECK_CONTAINS(eddy_failure_file(eddy_last_failure()), "test_task.c");
    return eddy_task_release(task);
}

static int stale_record(void)
{
    (void)eddy_fail(-EIO, "handled");
    return -EPIPE;
}

TEST(a_record_counts_only_if_its_code_is_the_one_returned)
{
    eddy_task *task = eddy_create_task(stale_record);
    CHECK_INT(eddy_await(task), -EPIPE);
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EPIPE);
    CHECK(!strstr(eddy_failure_message(eddy_last_failure()), "handled"));
    return eddy_task_release(task);
}

/* ---- scale ---- */

static int sleeps_a_second(void)
{
    return eddy_sleep(1);
}

TEST(rule_084_ten_thousand_tasks_come_and_go)
{
    for (int round = 0; round < 3; round++) {
        int err;
        eddy_with_group (g, &err) {
            for (int i = 0; i < (TEST_FEW_TASKS ? 200 : 10000); i++)
                eddy_spawn(g, sleeps_a_second);
        }
        CHECK_INT(err, 0);
    }
    CHECK_TIME(3);
    return 0;
}
