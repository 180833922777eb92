/* SPDX-License-Identifier: MIT */
/* Tasks: creation, order, results, cancellation of whole tasks, and the tutorials' golden traces. */
#include "support/test.h"

/* ---- creation and order ---- */

TEST(rule_040_a_created_task_does_not_run_yet)
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

TEST(rule_042_sleep_0_yields_exactly_one_turn)
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

TEST(rule_043_an_awaiter_queues_behind_what_is_ready)
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

TEST(rule_044_awaiters_resume_in_the_order_in_which_they_came)
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

TEST(rule_045_current_task_is_right_in_interleaved_tasks)
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

/* ---- cancellation ---- */

TEST(rule_066_cancel_arrives_at_the_next_step)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 10, .name = "task");
    turns(1);
    CHECK(eddy_task_cancel(task));
    CHECK(!eddy_task_cancelled(task) && !eddy_task_done(task));
    CHECK_NOTES("");
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_NOTES("!task");
    CHECK(eddy_task_cancelled(task) && eddy_task_done(task));
    CHECK_TIME(0); /* rule 80: and the sleep's timer is gone */
    return eddy_task_release(task);
}

TEST(rule_067_cancel_of_a_done_task_is_false)
{
    eddy_task *task = eddy_create_task(nap, .result = 3);
    CHECK_INT(eddy_await(task), 3);
    CHECK(!eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), 3);
    CHECK(!eddy_task_cancelled(task));
    return eddy_task_release(task);
}

static int notes_body(void)
{
    note("body");
    return 0;
}

TEST(rule_068_cancelled_before_the_first_step_the_body_never_runs)
{
    eddy_task *task = eddy_create_task(notes_body);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK(eddy_task_cancelled(task));
    CHECK_NOTES("");
    return eddy_task_release(task);
}

struct await_and_note {
    eddy_task *task;
    const char *name;
};
static int await_and_note(struct await_and_note *a)
{
    int r = eddy_await(a->task);
    note("%s:%d@%g", a->name, r == -ECANCELED ? -1 : r, eddy_time());
    return r;
}

TEST(rule_069_cancel_goes_down_to_the_innermost_task)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 10, .name = "inner", .cleanup = 2);
    eddy_task *middle = eddy_create_task(await_and_note, .task = inner, .name = "middle");
    eddy_task *outer = eddy_create_task(await_and_note, .task = middle, .name = "outer");
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(outer));
    CHECK_INT(eddy_await(outer), -ECANCELED);
    CHECK_NOTES("!inner middle:-1@3 outer:-1@3"); /* and their ends were waited for */
    CHECK(eddy_task_cancelled(inner) && eddy_task_cancelled(middle) && eddy_task_cancelled(outer));
    return eddy_task_release(inner) + eddy_task_release(middle) + eddy_task_release(outer);
}

static int wait_only(struct await_and_note *a)
{
    int r = eddy_task_wait(a->task);
    note("%s:%d", a->name, r == -ECANCELED ? -1 : r);
    return r;
}

TEST(task_wait_cancelled_leaves_the_task_running)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 5, .name = "inner", .result = 4);
    eddy_task *outer = eddy_create_task_as(wait_only, struct await_and_note, .task = inner,
                                           .name = "outer");
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(outer));
    CHECK_INT(eddy_await(outer), -ECANCELED);
    CHECK_TIME(1);
    CHECK(!eddy_task_done(inner));
    CHECK_INT(eddy_await(inner), 4);
    CHECK_NOTES("outer:-1 inner");
    return eddy_task_release(inner) + eddy_task_release(outer);
}

static int cancels_itself(void)
{
    CHECK(eddy_task_cancel(eddy_current_task()));
    CHECK(eddy_cancelled());
    note("on");
    CHECK_INT(eddy_sleep(1000), -ECANCELED);
    CHECK_INT(eddy_sleep(0), -ECANCELED);
    return -ECANCELED;
}

TEST(rule_070_a_task_that_cancels_itself_is_refused_at_its_next_wait)
{
    eddy_task *task = eddy_create_task(cancels_itself);
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK(eddy_task_cancelled(task));
    CHECK_NOTES("on");
    CHECK_TIME(0);
    return eddy_task_release(task);
}

static int cancels_itself_and_returns(void)
{
    CHECK(eddy_task_cancel(eddy_current_task()));
    return 42;
}

TEST(rule_071_a_cancelled_body_that_returns_a_value_has_that_value)
{
    eddy_task *task = eddy_create_task(cancels_itself_and_returns);
    CHECK_INT(eddy_await(task), 42);
    CHECK(eddy_task_done(task) && !eddy_task_cancelled(task));
    return eddy_task_release(task);
}

static int ignores_cancel(void)
{
    for (int i = 0; i < 3; i++) {
        int r = eddy_sleep(10);
        note("%s", r < 0 ? eddy_error_name(r) : "slept");
    }
    EXPECT(eddy_cancelled());
    return 8;
}

TEST(cancellation_stays)
{
    eddy_task *task = eddy_create_task(ignores_cancel);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK(eddy_task_cancel(task)); /* again: the same, and true */
    CHECK_INT(eddy_await(task), 8);
    CHECK_NOTES("ECANCELED ECANCELED ECANCELED");
    CHECK_TIME(1);
    return eddy_task_release(task);
}

TEST(rule_077_another_error_during_cancellation_is_the_result)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 10, .at_cancel = -EIO);
    turns(1);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -EIO);
    CHECK(!eddy_task_cancelled(task));
    return eddy_task_release(task);
}

static int claims_cancelled(void)
{
    return -ECANCELED;
}

TEST(rule_078_returning_ECANCELED_while_nothing_cancels_is_a_failure)
{
    eddy_task *task = eddy_create_task(claims_cancelled);
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK(eddy_task_done(task) && !eddy_task_cancelled(task));
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -ECANCELED);
    return eddy_task_release(task);
}

TEST(rule_081_a_finished_wait_beats_the_cancel)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 1, .result = 6);
    eddy_task *outer = eddy_create_task(await_and_note, .task = inner, .name = "outer");
    eddy_task *after = eddy_create_task(cancel_later, .task = outer, .seconds = 1);
    CHECK_INT(eddy_await(outer), 6);
    CHECK_NOTES("outer:6@1");
    CHECK_INT(eddy_await(after), 0);
    return eddy_task_release(inner) + eddy_task_release(outer) + eddy_task_release(after);
}

TEST(rule_083_cancel_of_a_failed_task_silences_its_report)
{
    eddy_task *task = eddy_create_task(nap, .name = "x", .result = -EIO);
    turns(2);
    CHECK(!eddy_task_cancel(task));
    return eddy_task_release(task); /* no report: test_assert_clean looks */
}

struct busy_until {
    bool *stop;
    eddy_task *task;
};
static int busy_until(struct busy_until *a)
{
    int r = 0;
    while (r == 0 && !*a->stop)
        r = eddy_sleep(0);
    return r < 0 ? r : 1;
}

/* From the 101st on a refused wait lets the others run first; meanwhile the awaited task ends. */
static int awaits_as_101st(struct busy_until *a)
{
    for (int i = 0; i < 101; i++) /* one cut short, a hundred refused */
        EXPECT_INT(eddy_sleep(1), -ECANCELED);
    *a->stop = true;
    return eddy_await(a->task);
}

TEST(an_await_refused_with_a_yield_sees_a_task_that_ends_meanwhile)
{
    bool stop = false;
    eddy_task *inner = eddy_create_task(busy_until, .stop = &stop);
    eddy_task *outer = eddy_create_task_as(awaits_as_101st, struct busy_until, .stop = &stop,
                                           .task = inner);
    turns(1);
    CHECK(eddy_task_cancel(outer));
    int err, r = 0;
    eddy_with_timeout (5, &err) {
        r = eddy_await(outer);
    }
    CHECK_INT(err, 0);
    CHECK(r == 1 || r == -ECANCELED);
    while (test_next_report())
        CHECK_REPORT(EDDY_LOG_CANCEL_IGNORED, "goes on");
    return eddy_task_release(inner) + eddy_task_release(outer);
}

/* ---- golden traces of the walk-through programs ---- */

struct doing {
    int n;
    double seconds;
};
static int doing(struct doing *a)
{
    note("Doing%d", a->n);
    int r = eddy_sleep(a->seconds);
    if (r < 0)
        return r;
    note("Done%d", a->n);
    return a->n;
}

static int doing_blocking(struct doing *a)
{
    note("Doing%d", a->n);
    note("Done%d", a->n); /* time.sleep() in between: no other task runs */
    return a->n;
}

TEST(golden_two_bare_awaits)
{
    CHECK_INT(doing(&(struct doing){.n = 1, .seconds = 1}), 1);
    note("Full1");
    CHECK_INT(doing(&(struct doing){.n = 2, .seconds = 2}), 2);
    note("Full2");
    CHECK_NOTES("Doing1 Done1 Full1 Doing2 Done2 Full2");
    CHECK_TIME(3);
    return 0;
}

TEST(golden_two_tasks)
{
    eddy_task *one = eddy_create_task(doing, .n = 1, .seconds = 1);
    eddy_task *two = eddy_create_task(doing, .n = 2, .seconds = 2);
    CHECK_INT(eddy_await(one), 1);
    note("Full1");
    CHECK_INT(eddy_await(two), 2);
    note("Full2");
    CHECK_NOTES("Doing1 Doing2 Done1 Full1 Done2 Full2");
    CHECK_TIME(2);
    return eddy_task_release(one) + eddy_task_release(two);
}

TEST(golden_await_in_reverse_and_sleep_longer)
{
    eddy_task *one = eddy_create_task(doing, .n = 1, .seconds = 1);
    eddy_task *two = eddy_create_task(doing, .n = 2, .seconds = 2);
    CHECK_INT(eddy_await(two), 2);
    note("Full2");
    CHECK_INT(eddy_await(one), 1);
    note("Full1");
    CHECK_NOTES("Doing1 Doing2 Done1 Done2 Full2 Full1");
    CHECK_INT(eddy_sleep(0.5), 0);
    CHECK_TIME(2.5);
    return eddy_task_release(one) + eddy_task_release(two);
}

TEST(golden_blocking_inside_tasks)
{
    eddy_task *one = eddy_create_task_as(doing_blocking, struct doing, .n = 1);
    eddy_task *two = eddy_create_task_as(doing_blocking, struct doing, .n = 2);
    CHECK_INT(eddy_await(one), 1);
    note("Full1");
    CHECK_INT(eddy_await(two), 2);
    note("Full2");
    CHECK_NOTES("Doing1 Done1 Doing2 Done2 Full1 Full2");
    return eddy_task_release(one) + eddy_task_release(two);
}

static int never_awaited(void)
{
    test_state.leftovers = 2;
    return eddy_detach(eddy_create_task(doing, .n = 1, .seconds = 1)) +
           eddy_detach(eddy_create_task(doing, .n = 2, .seconds = 2));
}

PLAIN_TEST(golden_tasks_never_awaited)
{
    EXPECT_INT(test_run(never_awaited), 0);
    EXPECT_NOTES("Doing1 Doing2"); /* one more turn, then run cancels them */
    EXPECT_INT(test_run_with(never_awaited, (struct eddy_options){.virtual_clock = false}), 0);
    EXPECT_NOTES("Doing1 Doing2");
}

static int wait_too_short(void)
{
    test_state.leftovers = 1;
    eddy_task *one = eddy_create_task(doing, .n = 1, .seconds = 1);
    eddy_task *two = eddy_create_task(doing, .n = 2, .seconds = 2);
    CHECK_INT(eddy_sleep(1.1), 0);
    note("Full1 Full2");
    CHECK_NOTES("Doing1 Doing2 Done1 Full1 Full2");
    return eddy_task_release(one) + eddy_detach(two);
}

PLAIN_TEST(golden_wait_too_short)
{
    EXPECT_INT(test_run(wait_too_short), 0);
    EXPECT_NOTES("");
}

/* ---- scale ---- */

static int count_up(struct busy_until *a)
{
    (void)a;
    return eddy_sleep(1);
}

TEST(rule_084_ten_thousand_tasks_come_and_go)
{
    for (int round = 0; round < 3; round++) {
        int err;
        eddy_with_group (g, &err) {
            for (int i = 0; i < (TEST_FEW_TASKS ? 200 : 10000); i++)
                eddy_spawn_as(g, count_up, struct busy_until, .stop = NULL);
        }
        CHECK_INT(err, 0);
    }
    CHECK_TIME(3);
    return 0;
}
