/* SPDX-License-Identifier: MIT */
/* Rules of cancellation that no other file holds. */
#include "loop.h"
#include "support/test.h"

/* ---- 73: no counters: asking again changes nothing, and says that it will arrive ---- */

TEST(rule_073_a_second_cancel_is_true_and_changes_nothing)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 10, .name = "task", .cleanup = 2);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task)); /* cleaning up already, in a shield: undisturbed */
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_TIME(3);
    CHECK_NOTES("!task");
    CHECK(!eddy_task_cancel(task));
    return eddy_task_release(task);
}

/* ---- 76: a block absorbs its own cancellation and nobody else's ---- */

struct guarded {
    double inner, outer;
};
static int guarded(struct guarded *a)
{
    int err, outer;
    eddy_with_timeout (a->outer, &outer) {
        eddy_with_timeout (a->inner, &err) {
            EXPECT_INT(eddy_sleep(10), -ECANCELED);
        }
        note("inner:%s", err ? eddy_error_name(err) : "0");
        int r = eddy_sleep(0);
        note("then:%s", r ? eddy_error_name(r) : "0");
    }
    note("outer:%s", outer ? eddy_error_name(outer) : "0");
    int r = eddy_sleep(0);
    note("then:%s", r ? eddy_error_name(r) : "0");
    return r;
}

TEST(rule_076_a_block_absorbs_its_own_cancellation_only)
{
    eddy_task *own = eddy_create_task(guarded, .inner = 1, .outer = 20);
    CHECK_INT(eddy_await(own), 0);
    CHECK_NOTES("inner:ETIMEDOUT then:0 outer:0 then:0");
    eddy_task *outers = eddy_create_task(guarded, .inner = 20, .outer = 1);
    CHECK_INT(eddy_await(outers), 0);
    CHECK_NOTES("inner:ECANCELED then:ECANCELED outer:ETIMEDOUT then:0");
    eddy_task *tasks = eddy_create_task(guarded, .inner = 20, .outer = 20);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(tasks));
    CHECK_INT(eddy_await(tasks), -ECANCELED);
    CHECK_NOTES("inner:ECANCELED then:ECANCELED outer:ECANCELED then:ECANCELED");
    return eddy_task_release(own) + eddy_task_release(outers) + eddy_task_release(tasks);
}

/* ---- 80 ---- */

ORDERED_TEST(rule_080_a_cancelled_sleep_removes_its_timer)
{
    struct eddy_loop *loop = eddy_current_loop();
    CHECK(timer_next(&loop->timers) == TIMER_NEVER);
    eddy_task *task = eddy_create_task(nap, .seconds = 1000);
    turns(1);
    CHECK(timer_next(&loop->timers) != TIMER_NEVER);
    CHECK(eddy_task_cancel(task));
    CHECK(timer_next(&loop->timers) == TIMER_NEVER); /* at once, not when the task has run */
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_TIME(0);
    return eddy_task_release(task);
}
