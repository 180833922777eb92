/* SPDX-License-Identifier: MIT */
/* Event: set wakes everybody. */
#include "support/test.h"

struct waiter {
    eddy_event *event;
    const char *name;
};
static int waiter(struct waiter *a)
{
    int r = eddy_event_wait(a->event);
    note("%s%s", r < 0 ? "!" : "", a->name);
    return r;
}

ORDERED_TEST(rule_150_set_wakes_all_in_order_even_if_cleared_before_they_run)
{
    eddy_event event = EDDY_EVENT_INIT;
    int err;
    CHECK(!eddy_event_is_set(&event));
    eddy_with_group (g, &err) {
        eddy_spawn(g, waiter, .event = &event, .name = "a");
        eddy_spawn(g, waiter, .event = &event, .name = "b");
        turns(1);
        EXPECT_NOTES("");
        eddy_event_set(&event);
        EXPECT(eddy_event_is_set(&event));
        eddy_event_clear(&event);
        EXPECT(!eddy_event_is_set(&event));
        eddy_spawn(g, waiter, .event = &event, .name = "late");
        turns(2);
        EXPECT_NOTES("a b");
        eddy_event_set(&event);
    }
    CHECK_NOTES("late");
    return err;
}

TEST(rule_151_wait_on_a_set_event_does_not_suspend)
{
    eddy_event event = EDDY_EVENT_INIT;
    eddy_task *other = eddy_create_task(nap, .name = "other");
    eddy_event_set(&event);
    eddy_event_set(&event); /* again does nothing */
    CHECK_INT(eddy_event_wait(&event), 0);
    CHECK_NOTES("");
    int err;
    eddy_with_timeout (0, &err) {
        EXPECT_INT(eddy_event_wait(&event), 0); /* nor is it refused */
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_await(other), 0);
    return eddy_task_release(other);
}

ORDERED_TEST(rule_151_a_cancelled_waiter_disappears)
{
    eddy_event event = EDDY_EVENT_INIT;
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, waiter, .event = &event, .name = "a");
        eddy_task *b = eddy_spawn(g, waiter, .event = &event, .name = "b");
        eddy_spawn(g, waiter, .event = &event, .name = "c");
        turns(1);
        EXPECT(eddy_task_cancel(b));
        turns(1);
        EXPECT_NOTES("!b");
        eddy_event_set(&event);
    }
    CHECK_NOTES("a c");
    return err;
}

ORDERED_TEST(a_waiter_that_was_woken_beats_the_cancel)
{
    eddy_event event = EDDY_EVENT_INIT;
    eddy_task *task = eddy_create_task(waiter, .event = &event, .name = "a");
    turns(1);
    eddy_event_set(&event);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("a");
    return eddy_task_release(task);
}

static void set_callback(void *event)
{
    eddy_event_set(event);
}

TEST(a_callback_may_set_it)
{
    eddy_event event = EDDY_EVENT_INIT;
    CHECK(eddy_call_later(2, set_callback, &event));
    CHECK_INT(eddy_event_wait(&event), 0);
    CHECK_TIME(2);
    CHECK_INT(eddy_wait_for(eddy_event_wait(&event), 0), 0);
    eddy_event_clear(&event);
    CHECK_INT(eddy_wait_for(eddy_event_wait(&event), 1), -ETIMEDOUT);
    CHECK_TIME(3);
    return 0;
}

TEST(an_event_without_a_waiter_any_more_can_be_freed)
{
    eddy_event *event = calloc(1, sizeof *event); /* zeroed is EDDY_EVENT_INIT */
    eddy_task *task = eddy_create_task(waiter, .event = event, .name = "a");
    turns(1);
    eddy_event_set(event);
    free(event); /* the waiter has been woken: it doesn't look again */
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("a");
    return eddy_task_release(task);
}
