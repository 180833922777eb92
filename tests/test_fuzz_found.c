/* SPDX-License-Identifier: MIT */
/* What fuzz/scope.c found, each in a few lines. */
#include "support/test.h"

/* ---- a group's last child has ended, but its owner hasn't run yet: others get in between ---- */

static eddy_group *shared;

static int child(void)
{
    return 0;
}

static int owner(void)
{
    int err;
    eddy_with_group (g, &err) {
        shared = g;
        eddy_spawn(g, child);
    }
    note("left");
    return err;
}

struct outsider {
    eddy_task *owner;
};
static int outsider(struct outsider *a)
{
    CHECK_INT(eddy_sleep(0), 0); /* by now the child has ended */
    eddy_spawn(shared, nap, .seconds = 10, .name = "late");
    CHECK(eddy_task_cancel(a->owner));
    return 0;
}

ORDERED_TEST(a_cancel_reaches_children_that_came_when_the_join_was_over)
{
    eddy_task *task = eddy_create_task(owner);
    eddy_task *other = eddy_create_task(outsider, .owner = task);
    CHECK_INT(eddy_task_wait(task), 0);
    CHECK_TIME(0);
    CHECK_NOTES("left"); /* the late one was cancelled before it began: rule 68 */
    CHECK_INT(eddy_task_result(task), -ECANCELED);
    CHECK_INT(eddy_task_release(other), 0);
    return eddy_task_release(task);
}

/* ---- a wait that is over can't be interrupted any more ---- */

static int ends_badly(void)
{
    CHECK_INT(eddy_sleep(0), 0);
    return -ECANCELED; /* though nobody cancelled it */
}

struct waiter {
    eddy_task *task;
};
static int waiter(struct waiter *a)
{
    int err;
    eddy_with_timeout (10, &err) {
        EXPECT_INT(eddy_task_wait(a->task), 0);
        EXPECT(eddy_cancelled());
    }
    return err;
}

struct canceller {
    eddy_task *victim;
};
static int canceller(struct canceller *a)
{
    CHECK_INT(eddy_sleep(0), 0); /* by now the victim's wait is over, but it hasn't run */
    CHECK(eddy_task_cancel(a->victim));
    return 0;
}

ORDERED_TEST(a_wait_for_a_task_that_has_ended_was_not_interrupted)
{
    eddy_task *task = eddy_create_task(ends_badly);
    eddy_task *waiting = eddy_create_task(waiter, .task = task);
    eddy_task *cancelling = eddy_create_task(canceller, .victim = waiting);
    CHECK_INT(eddy_await(cancelling), 0);
    CHECK_INT(eddy_await(waiting), 0);
    CHECK_INT(eddy_task_release(cancelling), 0);
    CHECK_INT(eddy_task_release(waiting), 0);
    return eddy_task_release(task);
}
