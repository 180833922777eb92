/* SPDX-License-Identifier: MIT */
/* Defer: on every way out, in the opposite order, once, with the argument of then. */
#include "support/test.h"

static void say(const char *text)
{
    note("%s", text);
}

static int say_number(int number)
{
    note("%d", number);
    return -1;
}

static bool say_and_fail(const char *text)
{
    note("%s", text);
    errno = EPROTO;
    return eddy_fail(-EIO, "dropped") < 0;
}

static int leave(int how)
{
    eddy_defer(say, "outer");
    for (int i = 0; i < 2; i++) {
        eddy_defer(say, "inner");
        eddy_defer(say_number, i);
        if (how == 1)
            return 1;
        if (how == 2)
            break;
        if (how == 3)
            continue;
        if (how == 4)
            goto out;
    }
    note("end");
    return 0;
out:
    note("out");
    return 4;
}

TEST(it_runs_on_every_way_out_in_the_opposite_order)
{
    CHECK_INT(leave(0), 0);
    CHECK_NOTES("0 inner 1 inner end outer");
    CHECK_INT(leave(1), 1);
    CHECK_NOTES("0 inner outer");
    CHECK_INT(leave(2), 0);
    CHECK_NOTES("0 inner end outer");
    CHECK_INT(leave(3), 0);
    CHECK_NOTES("0 inner 1 inner end outer");
    CHECK_INT(leave(4), 4);
    CHECK_NOTES("0 inner out outer");
    return 0;
}

TEST(the_argument_is_evaluated_where_it_stands_and_once)
{
    const char *text = "then";
    int count = 0;
    {
        eddy_defer(say, text);
        eddy_defer(say_number, ++count);
        text = "now";
        count = 5;
    }
    CHECK_NOTES("1 then");
    CHECK_INT(count, 5);
    return 0;
}

static int fail_with_clean_up(void)
{
    eddy_defer(say_and_fail, "clean-up");
    errno = ENOENT;
    return eddy_fail(-errno, "what counts");
}

TEST(the_failure_and_errno_of_the_way_out_stay)
{
    CHECK_INT(fail_with_clean_up(), -ENOENT);
    CHECK_INT(errno, ENOENT);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "what counts");
    eddy_failure_clear();
    {
        eddy_defer(say_and_fail, "alone");
    }
    CHECK(!eddy_last_failure());
    CHECK_NOTES("clean-up alone");
    return 0;
}

static int sleep_and_drop(void)
{
    eddy_defer(say_and_fail, "dropped");
    return eddy_sleep(10);
}

TEST(why_the_task_was_cancelled_stays)
{
    int err;
    (void)eddy_fail(-EIO, "earlier");
    eddy_with_timeout (1.0, &err) {
        CHECK_INT(sleep_and_drop(), -ECANCELED);
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "cancelled by the timeout at ");
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_NOTES("dropped");
    return 0;
}

TEST(functions_of_libc_and_of_eddy_fit)
{
    FILE *file = tmpfile();
    char *memory = malloc(10);
    eddy_queue queue;
    eddy_lock lock = EDDY_LOCK_INIT;
    CHECK(file && memory);
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    CHECK_INT(eddy_lock_acquire(&lock), 0);
    {
        eddy_defer(fclose, file);
        eddy_defer(free, memory);
        eddy_defer(eddy_queue_close, &queue);
        eddy_defer(eddy_lock_release, &lock);
        eddy_defer(eddy_failure_release, NULL);
        int copy = dup(0);
        if (copy >= 0) {
            eddy_defer(close, copy);
        }
    }
    CHECK(!eddy_lock_locked(&lock));
    CHECK_INT(eddy_queue_join(&queue), -EINVAL); /* it was closed */
    CHECK_REPORT(EDDY_LOG_MISUSE, "isn't open");
    return 0;
}

static int wait_on_the_way_out(const char *name)
{
    eddy_with_shield (1) {
        EXPECT_INT(eddy_sleep(0.5), 0);
    }
    note("%s", name);
    return 0;
}

static int sleeper(void)
{
    eddy_defer(wait_on_the_way_out, "cleaned up");
    return eddy_sleep(10);
}

ORDERED_TEST(a_cancelled_task_cleans_up_and_may_wait_meanwhile)
{
    eddy_task *task = eddy_create_task(sleeper);
    turns(1);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_NOTES("cleaned up");
    CHECK_TIME(0.5);
    return eddy_task_release(task);
}

PLAIN_TEST(outside_a_task_it_works_as_well)
{
    {
        eddy_defer(say_and_fail, "plain");
    }
    EXPECT(!eddy_last_failure());
    EXPECT_NOTES("plain");
}
