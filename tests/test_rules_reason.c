/* SPDX-License-Identifier: MIT */
/* Rule 79 and beyond: who cancelled, from where, why, as the failure of an -ECANCELED tells it. */
#define TEST_DEFAULTS .real_system = true
#include <pthread.h>
#include "loop.h"
#include "support/test.h"

/* What the current task's last failure says, "" if there is none. */
static const char *story(void)
{
    return eddy_failure_message(eddy_last_failure());
}

/* Sleeps and notes why not. */
struct sleeper {
    double seconds;
    char *why; /* of 256 bytes */
};
static int sleeper(struct sleeper *a)
{
    int r = eddy_sleep(a->seconds);
    if (r < 0)
        (void)snprintf(a->why, 256, "%s", story());
    return r;
}

TEST(rule_079_the_reason_travels_to_the_awaiter)
{
    char why[256] = "", place[64];
    eddy_task *task = eddy_create_task(sleeper, .seconds = 9, .why = why);
    turns(1);
    CHECK_INT(eddy_task_set_name(eddy_current_task(), "boss"), 0);
    CHECK(eddy_task_cancel_because(task, "out of beer"));
    (void)snprintf(place, sizeof place, "test_rules_reason.c:%d: out of beer", __LINE__ - 1);
    CHECK_INT(eddy_failure_code(eddy_last_failure()), 0); /* not the canceller's own */
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_CONTAINS(why, "cancelled by task 'boss' at ");
    CHECK_CONTAINS(why, place);
    CHECK_CONTAINS(story(), "cancelled by task 'boss' at ");
    CHECK_CONTAINS(story(), place);
    const eddy_failure *failure = eddy_last_failure();
    CHECK_INT(eddy_failure_code(failure), -ECANCELED);
    CHECK_CONTAINS(eddy_failure_file(failure), "test_rules_reason.c");
    CHECK_INT(eddy_failure_line(failure), __LINE__ - 11);
    eddy_failure_clear();
    CHECK_INT(eddy_task_result(task), -ECANCELED); /* and to who asks later */
    CHECK_CONTAINS(story(), "out of beer");
    eddy_failure_clear();
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_CONTAINS(story(), "out of beer");
    return eddy_task_release(task);
}

static int awaits_a_task(struct sleeper *a)
{
    eddy_task *inner = eddy_create_task(sleeper, .seconds = 9, .why = a->why);
    int r = eddy_await(inner);
    EXPECT_CONTAINS(story(), "the last straw");
    return r + eddy_task_release(inner);
}

TEST(the_reason_goes_down_to_what_is_awaited)
{
    char why[256] = "";
    eddy_task *task = eddy_create_task_as(awaits_a_task, struct sleeper, .why = why);
    turns(2);
    CHECK(eddy_task_cancel_because(task, "the last straw"));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_CONTAINS(why, "cancelled by task 'Task-1' at ");
    CHECK_CONTAINS(why, "the last straw");
    return eddy_task_release(task);
}

/* ---- gather ---- */

TEST(rule_133_a_gather_of_a_cancelled_task_says_who_cancelled_it)
{
    char why[256] = "";
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 1),
                          eddy_create_task_as(sleeper, struct sleeper, .seconds = 9, .why = why)};
    turns(1);
    CHECK(eddy_task_cancel_because(tasks[1], "too slow"));
    for (int i = 0; i < 2; i++) { /* while it ends, and when it has */
        eddy_failure_clear();
        CHECK_INT(eddy_gather(tasks, 2, NULL, EDDY_RAISE_FIRST), -ECANCELED);
        CHECK_CONTAINS(story(), "cancelled by task 'Task-1' at test_rules_reason.c:");
        CHECK_CONTAINS(story(), ": too slow");
        CHECK_INT(eddy_failure_line(eddy_last_failure()), __LINE__ - 6);
    }
    eddy_failure_clear();
    CHECK_INT(eddy_gather(tasks, 2, NULL, EDDY_RETURN_EXCEPTIONS), 0);
    CHECK(!eddy_last_failure());
    return eddy_task_release(tasks[0]) + eddy_task_release(tasks[1]);
}

struct gathers {
    eddy_task *task;
    char *why;
};
static int gathers(struct gathers *a)
{
    int r = eddy_gather(&a->task, 1, NULL, EDDY_RAISE_FIRST);
    (void)snprintf(a->why, 256, "%s", story());
    return r;
}

TEST(rule_134_a_gather_that_is_cancelled_passes_the_reason_on)
{
    char inner[256] = "", outer[256] = "";
    eddy_task *task = eddy_create_task(sleeper, .seconds = 9, .why = inner);
    eddy_task *waits = eddy_create_task(gathers, .task = task, .why = outer);
    turns(2);
    CHECK(eddy_task_cancel_because(waits, "no more"));
    CHECK_INT(eddy_await(waits), -ECANCELED);
    CHECK_CONTAINS(inner, ": no more");
    CHECK_CONTAINS(outer, ": no more");
    return eddy_task_release(task) + eddy_task_release(waits);
}

/* ---- timeouts ---- */

TEST(a_timeout_is_named_by_its_place_and_time)
{
    int err;
    eddy_with_timeout (2.5, &err) {
        EXPECT_INT(eddy_sleep(9), -ECANCELED);
        EXPECT_CONTAINS(story(), "cancelled by the timeout at test_rules_reason.c:");
        EXPECT_CONTAINS(story(), ", after 2.5 s");
        EXPECT_INT(eddy_failure_line(eddy_last_failure()), __LINE__ - 4);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TEXT(story(), "timed out after 2.5 s");
    eddy_with_timeout (3, &err) {
        eddy_with_timeout (9, NULL) {
            EXPECT_INT(eddy_sleep(9), -ECANCELED);
            EXPECT_CONTAINS(story(), ", after 3 s"); /* the one that did it, not the nearest */
        }
    }
    CHECK_INT(err, -ETIMEDOUT);
    return 0;
}

TEST(what_a_timeout_cancelled_further_down_names_it_too)
{
    char why[256] = "";
    eddy_task *task = eddy_create_task(sleeper, .seconds = 9, .why = why);
    CHECK_INT(eddy_wait_for(eddy_await(task), 1), -ETIMEDOUT);
    CHECK_CONTAINS(why, "cancelled by the timeout at test_rules_reason.c:");
    CHECK_CONTAINS(why, ", after 1 s");
    return eddy_task_release(task);
}

TEST(a_cancellation_that_is_over_is_not_told_of_a_later_failure)
{
    int err;
    eddy_future *future = eddy_future_new();
    eddy_with_timeout (1, &err) {
        EXPECT_INT(eddy_sleep(9), -ECANCELED);
        err = -EIO; /* another error because of the interruption */
    }
    CHECK_INT(err, -EIO);
    CHECK(eddy_future_cancel(future));
    CHECK_INT(eddy_future_await(future, NULL), -ECANCELED);
    CHECK(!eddy_last_failure());
    eddy_future_release(future);
    return 0;
}

/* ---- groups ---- */

TEST(a_group_names_the_child_that_failed)
{
    char why[256] = "";
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, sleeper, .seconds = 9, .why = why);
        eddy_task *bad = eddy_spawn(g, nap, .seconds = 1, .result = -EIO, .name = "x");
        EXPECT_INT(eddy_task_set_name(bad, "bad"), 0);
        EXPECT_INT(eddy_sleep(9), -ECANCELED);
        EXPECT_CONTAINS(story(), "because task 'bad' failed with EIO");
    }
    CHECK_INT(err, -EIO);
    CHECK_NOTES("x");
    CHECK_CONTAINS(why, "cancelled with the group at test_rules_reason.c:");
    CHECK_CONTAINS(why, ", because task 'bad' failed with EIO");
    return 0;
}

TEST(a_group_names_its_body_its_canceller_and_the_line_that_asked)
{
    char why[256] = "", place[64];
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, sleeper, .seconds = 9, .why = why);
        turns(1);
        err = -EPIPE;
    }
    CHECK_INT(err, -EPIPE);
    CHECK_CONTAINS(why, ", because its body ended with EPIPE");
    eddy_with_group (g, &err) {
        eddy_spawn(g, sleeper, .seconds = 9, .why = why);
        turns(1);
        eddy_group_cancel(g);
        (void)snprintf(place, sizeof place, " by task 'Task-1' at test_rules_reason.c:%d",
                       __LINE__ - 2);
        eddy_group_cancel(g); /* changes nothing */
        EXPECT_INT(eddy_sleep(1), -ECANCELED);
        EXPECT_INT(eddy_failure_line(eddy_last_failure()), __LINE__ - 5);
    }
    CHECK_INT(err, 0);
    CHECK_CONTAINS(why, "cancelled with the group at test_rules_reason.c:");
    CHECK_CONTAINS(why, place);
    return 0;
}

static int left_by_return(struct sleeper *a)
{
    eddy_with_group (g, NULL) {
        eddy_spawn(g, sleeper, .seconds = 9, .why = a->why);
        turns(1);
        return 5;
    }
    return 0;
}

static int in_a_group(struct sleeper *a)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, sleeper, .seconds = 9, .why = a->why);
    }
    return err;
}

TEST(a_group_left_by_return_and_one_cancelled_from_outside)
{
    char why[256] = "";
    struct sleeper a = {.why = why};
    CHECK_INT(left_by_return(&a), 5);
    CHECK_CONTAINS(why, ", because its body was left by return or goto");
    eddy_task *task = eddy_create_task_as(in_a_group, struct sleeper, .why = why);
    turns(2);
    CHECK(eddy_task_cancel_because(task, "enough"));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_CONTAINS(why, "cancelled by task 'Task-1' at ");
    CHECK_CONTAINS(why, ": enough");
    return eddy_task_release(task);
}

/* ---- the runtime itself ---- */

static char seen[256];
static int sleeps_and_sees(void)
{
    int r = eddy_sleep(9);
    (void)snprintf(seen, sizeof seen, "%s", story());
    return r;
}

static int interrupted(void)
{
    EXPECT_INT(raise(SIGINT), 0);
    return sleeps_and_sees();
}

static int leaves_one(void)
{
    eddy_test_allow_leftovers(1);
    return eddy_detach(eddy_create_task(sleeps_and_sees)) + eddy_sleep(1);
}

static void cancels_it(void *task)
{
    EXPECT(eddy_task_cancel(task));
}

static int cancelled_by_a_callback(void)
{
    CHECK(eddy_call_later(1, cancels_it, eddy_current_task()));
    return sleeps_and_sees() == -ECANCELED ? 0 : -EIO;
}

PLAIN_TEST(an_interrupt_the_end_of_main_and_a_callback_are_told)
{
    EXPECT_INT(test_run(interrupted), -EINTR);
    EXPECT_TEXT(seen, "cancelled by SIGINT");
    EXPECT_INT(test_run(leaves_one), 0);
    EXPECT_TEXT(seen, "cancelled because the main task has ended");
    EXPECT_INT(test_run(cancelled_by_a_callback), 0);
    EXPECT_CONTAINS(seen, "cancelled by a callback at test_rules_reason.c:");
}

/* ---- what it costs ---- */

TEST(no_cancel_allocates_once_there_were_some)
{
    struct eddy_loop *loop = eddy_current_loop();
    const struct cancellation *spare = NULL;
    for (int i = 0; i < 10; i++) {
        eddy_task *task = eddy_create_task(nap, .seconds = 9);
        turns(1);
        CHECK(eddy_task_cancel_because(task, "again"));
        CHECK_INT(eddy_await(task), -ECANCELED);
        CHECK_INT(eddy_task_release(task), 0);
        eddy_failure_clear();
        CHECK(loop->cancellations); /* given back */
        CHECK(!spare || spare == loop->cancellations);
        spare = loop->cancellations;
    }
    return 0;
}

TEST(a_function_pointer_to_cancel_works_too)
{
    bool (*cancel)(eddy_task *) = eddy_task_cancel;
    eddy_task *task = eddy_create_task(nap, .seconds = 9);
    CHECK(cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_TEXT(story(), "cancelled by task 'Task-1'");
    return eddy_task_release(task);
}
