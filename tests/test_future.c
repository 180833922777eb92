/* SPDX-License-Identifier: MIT */
/* Futures: pending, then finished or cancelled for good. */
#include <pthread.h>
#include "support/test.h"

static int value_a, value_b;

static void say(eddy_future *future, void *name)
{
    EXPECT(eddy_future_done(future));
    note("%s", (const char *)name);
}

#define SAY(name) say, (void *)(uintptr_t)(name)

TEST(rule_026_a_new_future_is_pending)
{
    eddy_future *future = eddy_future_new();
    CHECK(future && !eddy_future_done(future) && !eddy_future_cancelled(future));
    void *value = &value_a;
    CHECK_INT(eddy_future_result(future, &value), -EINPROGRESS);
    CHECK(value == &value_a); /* untouched */
    CHECK_INT(eddy_future_set_result(future, &value_b), 0);
    CHECK(eddy_future_done(future) && !eddy_future_cancelled(future));
    CHECK_INT(eddy_future_result(future, &value), 0);
    CHECK(value == &value_b);
    CHECK_INT(eddy_future_result(future, NULL), 0);
    eddy_future_release(future);
    return 0;
}

TEST(rule_027_finishing_twice_is_EALREADY)
{
    eddy_future *done = eddy_future_new(), *cancelled = eddy_future_new();
    CHECK_INT(eddy_future_set_result(done, NULL), 0);
    CHECK_INT(eddy_future_set_result(done, NULL), -EALREADY);
    CHECK_INT(eddy_future_set_error(done, -EIO), -EALREADY);
    CHECK(eddy_future_cancel(cancelled));
    CHECK_INT(eddy_future_set_result(cancelled, NULL), -EALREADY);
    CHECK_INT(eddy_future_result(done, NULL), 0);
    eddy_future_release(done);
    eddy_future_release(cancelled);
    return 0;
}

ORDERED_TEST(rule_028_cancel_is_true_once_and_schedules_callbacks)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_add_done_callback(future, SAY("called")), 0);
    CHECK(eddy_future_cancel(future));
    CHECK(!eddy_future_cancel(future));
    CHECK(eddy_future_done(future) && eddy_future_cancelled(future));
    CHECK_NOTES("");
    turns(1);
    CHECK_NOTES("called");
    CHECK_INT(eddy_future_result(future, NULL), -ECANCELED);
    CHECK_INT(eddy_future_await(future, NULL), -ECANCELED);
    eddy_future_release(future);
    return 0;
}

ORDERED_TEST(rule_029_callbacks_run_through_the_ready_queue_in_order_once)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_add_done_callback(future, SAY("a")), 0);
    CHECK_INT(eddy_future_add_done_callback(future, SAY("b")), 0);
    CHECK_INT(eddy_future_add_done_callback(future, SAY("c")), 0);
    CHECK_INT(eddy_future_set_result(future, NULL), 0);
    CHECK_NOTES("");
    turns(3);
    CHECK_NOTES("a b c");
    eddy_future_release(future);
    return 0;
}

ORDERED_TEST(rule_030_a_callback_on_a_done_future_is_queued_not_called)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_set_result(future, NULL), 0);
    CHECK_INT(eddy_future_add_done_callback(future, SAY("late")), 0);
    CHECK_NOTES("");
    eddy_future_release(future); /* the callback holds a reference of its own */
    turns(1);
    CHECK_NOTES("late");
    return 0;
}

static void removes(eddy_future *future, void *name)
{
    note("%s", (const char *)name);
    (void)eddy_future_remove_done_callback(future, SAY("b"));
}

ORDERED_TEST(rule_031_remove_takes_all_equal_ones_back_and_counts_them)
{
    static char b[] = "b";
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_add_done_callback(future, say, b), 0);
    CHECK_INT(eddy_future_add_done_callback(future, SAY("a")), 0);
    CHECK_INT(eddy_future_add_done_callback(future, say, b), 0);
    CHECK_INT(eddy_future_add_done_callback(future, removes, (void *)(uintptr_t) "r"), 0);
    CHECK_INT(eddy_future_remove_done_callback(future, say, b), 2);
    CHECK_INT(eddy_future_remove_done_callback(future, say, b), 0);
    CHECK_INT(eddy_future_add_done_callback(future, SAY("z")), 0);
    CHECK_INT(eddy_future_set_result(future, NULL), 0);
    CHECK_INT(eddy_future_remove_done_callback(future, SAY("z")), 0); /* queued already */
    turns(1);
    CHECK_NOTES("a r z");
    eddy_future_release(future);
    return 0;
}

TEST(rule_033_awaiting_a_done_future_does_not_yield)
{
    eddy_task *other = eddy_create_task(nap, .name = "other");
    eddy_future *future = eddy_future_new();
    void *value = NULL;
    int err;
    CHECK_INT(eddy_future_set_result(future, &value_a), 0);
    CHECK_INT(eddy_future_await(future, &value), 0);
    CHECK(value == &value_a);
    eddy_with_timeout (0, &err) {
        EXPECT_INT(eddy_future_await(future, NULL), 0); /* nor is it refused */
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("");
    eddy_future_release(future);
    CHECK_INT(eddy_await(other), 0);
    return eddy_task_release(other);
}

struct future_waiter {
    eddy_future *future;
    const char *name;
};
static int future_waiter(struct future_waiter *a)
{
    void *value = NULL;
    int r = eddy_future_await(a->future, &value);
    note("%s:%s", a->name, r < 0 ? eddy_error_name(r) : value == &value_a ? "a" : "?");
    return r;
}

ORDERED_TEST(waiters_and_callbacks_come_in_the_order_in_which_they_came)
{
    eddy_future *future = eddy_future_new();
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, future_waiter, .future = future, .name = "1");
        eddy_spawn(g, future_waiter, .future = future, .name = "2");
        turns(1);
        EXPECT_INT(eddy_future_add_done_callback(future, SAY("3")), 0);
        eddy_spawn(g, future_waiter, .future = future, .name = "4");
        turns(1);
        EXPECT_INT(eddy_future_set_result(future, &value_a), 0);
        eddy_future_release(future); /* the waiters hold references */
    }
    CHECK_NOTES("1:a 2:a 3 4:a");
    return err;
}

TEST(rule_035_an_error_nobody_looked_at_is_reported_at_the_last_release)
{
    eddy_future *future = eddy_future_new();
    CHECK(eddy_future_keep(future) == future);
    CHECK_INT(eddy_future_set_error(future, -EIO), 0);
    eddy_future_release(future);
    CHECK_NO_REPORT();
    eddy_future_release(future);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "EIO");
    for (int way = 0; way < 3; way++) {
        future = eddy_future_new();
        CHECK_INT(eddy_future_set_error(future, -EIO), 0);
        if (way == 0)
            CHECK_INT(eddy_future_result(future, NULL), -EIO);
        if (way == 1)
            CHECK_INT(eddy_future_await(future, NULL), -EIO);
        if (way == 2)
            CHECK(!eddy_future_cancel(future)); /* rule 83 */
        eddy_future_release(future);
    }
    eddy_future_release(eddy_future_new()); /* a pending one goes quietly */
    eddy_future_release(NULL);
    return 0;
}

static void finish_unless_cancelled(void *future)
{
    note("%d", eddy_future_set_result(future, NULL) == -EALREADY);
}

TEST(rule_038_a_timer_does_nothing_to_a_cancelled_future)
{
    eddy_future *future = eddy_future_new();
    CHECK(eddy_call_later(1, finish_unless_cancelled, future));
    CHECK(eddy_future_cancel(future));
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_NOTES("1");
    CHECK(eddy_future_cancelled(future));
    eddy_future_release(future);
    return 0;
}

ORDERED_TEST(rule_069_a_cancel_of_the_waiting_task_cancels_the_future)
{
    eddy_future *future = eddy_future_new();
    eddy_task *a = eddy_create_task(future_waiter, .future = future, .name = "a");
    eddy_task *b = eddy_create_task(future_waiter, .future = future, .name = "b");
    turns(1);
    CHECK(eddy_task_cancel(a));
    CHECK(eddy_future_cancelled(future));
    CHECK_INT(eddy_await(a), -ECANCELED);
    CHECK_INT(eddy_await(b), -ECANCELED); /* the other waiter's future is gone, too */
    CHECK(eddy_task_cancelled(a) && !eddy_task_cancelled(b));
    eddy_future_release(future);
    return eddy_task_release(a) + eddy_task_release(b);
}

TEST(rule_069_a_refused_wait_cancels_the_future_as_well)
{
    eddy_future *future = eddy_future_new();
    int err;
    eddy_with_timeout (0, &err) {
        EXPECT_INT(eddy_future_await(future, NULL), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK(eddy_future_cancelled(future)); /* as a cancel during the wait does, and eddy_await */
    eddy_future_release(future);
    return 0;
}

ORDERED_TEST(a_future_finished_before_the_cancel_keeps_its_value)
{
    eddy_future *future = eddy_future_new();
    eddy_task *a = eddy_create_task(future_waiter, .future = future, .name = "a");
    turns(1);
    CHECK_INT(eddy_future_set_result(future, &value_a), 0);
    CHECK(eddy_task_cancel(a));
    CHECK_INT(eddy_await(a), 0);
    CHECK_NOTES("a:a");
    eddy_future_release(future);
    return eddy_task_release(a);
}

TEST(bad_arguments_of_futures)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_set_error(future, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_set_error");
    CHECK_INT(eddy_future_set_error(future, 5), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_set_error");
    CHECK(!eddy_future_done(future));
    CHECK_INT(eddy_future_set_result(NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_set_result");
    CHECK_INT(eddy_future_set_error(NULL, -EIO), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_set_error");
    CHECK(!eddy_future_cancel(NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_cancel");
    CHECK_INT(eddy_future_await(NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_await");
    CHECK_INT(eddy_future_result(NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_result");
    CHECK_INT(eddy_future_add_done_callback(future, NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_add_done_callback");
    CHECK_INT(eddy_future_add_done_callback(NULL, SAY("x")), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_add_done_callback");
    CHECK_INT(eddy_future_remove_done_callback(NULL, SAY("x")), 0);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_future_remove_done_callback");
    CHECK(!eddy_future_keep(NULL) && !eddy_future_done(NULL) && !eddy_future_cancelled(NULL));
    eddy_future_release(future);
    return 0;
}

TEST(descriptions_of_futures)
{
    char text[100];
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_describe(future, text, sizeof text), 16);
    CHECK_TEXT(text, "<Future pending>");
    CHECK_INT(eddy_future_set_error(future, -EIO), 0);
    (void)eddy_future_describe(future, text, sizeof text);
    CHECK_TEXT(text, "<Future finished error=EIO>");
    CHECK(!eddy_future_cancel(future));
    eddy_future_release(future);
    future = eddy_future_new();
    CHECK(eddy_future_cancel(future));
    (void)eddy_future_describe(future, text, sizeof text);
    CHECK_TEXT(text, "<Future cancelled>");
    eddy_future_release(future);
    future = eddy_future_new();
    CHECK_INT(eddy_future_set_result(future, &value_a), 0);
    (void)eddy_future_describe(future, text, sizeof text);
    CHECK_CONTAINS(text, "<Future finished result=0x");
    eddy_future_release(future);
    return 0;
}

static int callback_at_the_end(void)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_set_result(future, NULL), 0);
    CHECK_INT(eddy_future_add_done_callback(future, SAY("ran")), 0);
    eddy_future_release(future);
    return 0;
}

PLAIN_TEST(a_callback_queued_by_main_at_its_end_still_runs)
{
    EXPECT_INT(test_run(callback_at_the_end), 0); /* and nothing leaks: ASan looks */
    EXPECT_NOTES("ran");
}

static void rearm(eddy_future *future, void *unused)
{
    (void)eddy_future_add_done_callback(future, rearm, unused); /* for ever */
}

static int rearms(void)
{
    eddy_future *future = eddy_future_new();
    CHECK_INT(eddy_future_set_result(future, NULL), 0);
    CHECK_INT(eddy_future_add_done_callback(future, rearm, NULL), 0);
    eddy_future_release(future);
    return 0;
}

PLAIN_TEST(callbacks_that_never_got_their_turn_leak_nothing)
{
    EXPECT_INT(test_run(rearms), 0); /* ASan looks */
}

static eddy_future *foreign;

static int uses_foreign(void)
{
    EXPECT_INT(eddy_future_await(foreign, NULL), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "another loop");
    EXPECT_INT(eddy_future_set_result(foreign, NULL), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "another loop");
    EXPECT(!eddy_future_cancel(foreign));
    EXPECT_REPORT(EDDY_LOG_MISUSE, "another loop");
    EXPECT_INT(eddy_future_add_done_callback(foreign, SAY("x")), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "another loop");
    return 0;
}

static void *other_thread(void *unused)
{
    EXPECT_INT(test_run(uses_foreign), 0);
    return unused;
}

TEST(rule_039_a_future_of_another_loop_is_refused)
{
    pthread_t thread;
    foreign = eddy_future_new();
    CHECK_INT(pthread_create(&thread, NULL, other_thread, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0); /* blocks this loop: only one thread runs */
    CHECK(!eddy_future_done(foreign));
    eddy_future_release(foreign);
    return 0;
}

PLAIN_TEST(no_future_outside_a_loop)
{
    test_stderr_begin();
    EXPECT(!eddy_future_new());
    EXPECT_CONTAINS(test_stderr_end(), "eddy_future_new");
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
}
