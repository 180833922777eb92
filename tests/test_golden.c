/* SPDX-License-Identifier: MIT */
/* The walk-through programs of semantics.md, with asyncio's lines and times. */
#include "support/test.h"

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

ORDERED_TEST(golden_two_tasks)
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

ORDERED_TEST(golden_await_in_reverse_and_sleep_longer)
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

ORDERED_TEST(golden_blocking_inside_tasks)
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
