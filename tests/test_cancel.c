/* SPDX-License-Identifier: MIT */
/* Cancelling tasks: when it arrives, where it goes, what it leaves behind. */
#include "support/test.h"

ORDERED_TEST(rule_066_cancel_arrives_at_the_next_step)
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

TEST(rule_072_a_swallowed_cancel_stays_and_refuses_every_further_wait)
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

ORDERED_TEST(rule_077_another_error_during_cancellation_is_the_result)
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

ORDERED_TEST(rule_081_a_finished_wait_beats_the_cancel)
{
    eddy_task *inner = eddy_create_task(nap, .seconds = 1, .result = 6);
    eddy_task *outer = eddy_create_task(await_and_note, .task = inner, .name = "outer");
    eddy_task *after = eddy_create_task(cancel_later, .task = outer, .seconds = 1);
    CHECK_INT(eddy_await(outer), 6);
    CHECK_NOTES("outer:6@1");
    CHECK_INT(eddy_await(after), 0);
    return eddy_task_release(inner) + eddy_task_release(outer) + eddy_task_release(after);
}

ORDERED_TEST(rule_083_cancel_of_a_failed_task_silences_its_report)
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

FIFO_TEST(an_await_refused_with_a_yield_sees_a_task_that_ends_meanwhile)
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
