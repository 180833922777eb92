/* SPDX-License-Identifier: MIT */
/* Condition: returns with the lock whatever happens, and no notification is lost. */
#include "support/test.h"

static eddy_lock lock = EDDY_LOCK_INIT;
static eddy_condition condition = EDDY_CONDITION_INIT(&lock);

struct waiter {
    const char *name;
    double hold;
    int *ready; /* NULL: one wait, whatever has changed */
};

static bool is_ready(void *ready)
{
    return *(int *)ready > 0;
}

static int waiter(struct waiter *a)
{
    int err;
    eddy_with_condition (&condition, &err) {
        err = a->ready ? eddy_condition_wait_until(&condition, is_ready, a->ready)
                       : eddy_condition_wait(&condition);
        EXPECT(eddy_lock_locked(&lock));
        if (err == 0 && a->ready)
            --*a->ready;
        note("%s%s", err < 0 ? "!" : "", a->name);
        if (a->hold > 0) {
            int r = eddy_sleep(a->hold);
            err = err < 0 ? err : r;
        }
    }
    return err;
}

static int notify(size_t count)
{
    int err;
    eddy_with_condition (&condition, &err) {
        err = eddy_condition_notify(&condition, count);
    }
    return err;
}

TEST(rule_152_wait_and_notify_without_the_lock_are_errors)
{
    int ready = 1;
    CHECK_INT(eddy_condition_wait(&condition), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_condition_wait: this task doesn't hold");
    CHECK_INT(eddy_condition_wait_until(&condition, is_ready, &ready), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_condition_wait_until");
    CHECK_INT(eddy_condition_notify(&condition, 1), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_condition_notify");
    CHECK_INT(eddy_condition_notify_all(&condition), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_condition_notify_all");
    return 0;
}

static int hold_for_a_second(void)
{
    int err;
    eddy_with_lock (&lock, &err) {
        err = eddy_sleep(1);
    }
    return err;
}

ORDERED_TEST(rule_152_a_lock_that_another_task_holds_is_not_ours)
{
    eddy_task *holder = eddy_create_task(hold_for_a_second);
    turns(1);
    CHECK(eddy_lock_locked(&lock));
    CHECK_INT(eddy_condition_wait(&condition), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "this task doesn't hold");
    CHECK_INT(eddy_await(holder), 0);
    return eddy_task_release(holder);
}

TEST(bad_input)
{
    eddy_condition none = EDDY_CONDITION_INIT(NULL);
    int err;
    CHECK_INT(eddy_condition_wait(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL condition");
    CHECK_INT(eddy_condition_wait(&none), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no lock");
    CHECK_INT(eddy_condition_wait_until(&condition, NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "predicate");
    eddy_with_condition (NULL, &err) {
        note("never");
    }
    CHECK_INT(err, -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL lock");
    CHECK_NOTES("");
    return 0;
}

FIFO_TEST(rule_153_condition_wait_returns_with_the_lock)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, waiter, .name = "a", .hold = 1);
        eddy_spawn(g, waiter, .name = "b");
        turns(1);
        EXPECT(!eddy_lock_locked(&lock)); /* given up meanwhile */
        EXPECT_INT(eddy_lock_acquire(&lock), 0);
        EXPECT_INT(eddy_condition_notify_all(&condition), 0);
        turns(3);
        EXPECT_NOTES(""); /* not before the notifier has released it */
        EXPECT_INT(eddy_lock_release(&lock), 0);
        turns(3);
        EXPECT_NOTES("a"); /* one after the other */
    }
    CHECK_NOTES("b");
    CHECK_TIME(1);
    CHECK(!eddy_lock_locked(&lock));
    return err;
}

ORDERED_TEST(rule_153_also_when_cancelled_however_long_that_takes)
{
    eddy_task *a = eddy_create_task(waiter, .name = "a");
    turns(1);
    eddy_task *holder = eddy_create_task(hold_for_a_second);
    turns(1);
    CHECK(eddy_task_cancel(a));
    turns(5);
    CHECK(!eddy_task_done(a)); /* parked, not spinning */
    CHECK_NOTES("");
    CHECK_INT(eddy_await(a), -ECANCELED);
    CHECK_NOTES("!a");
    CHECK_TIME(1);
    CHECK(!eddy_lock_locked(&lock));
    CHECK_INT(eddy_await(holder), 0);
    return eddy_task_release(a) + eddy_task_release(holder);
}

TEST(rule_153_also_in_a_scope_that_is_cancelled_already)
{
    int timeout, err, r = 0;
    eddy_with_timeout (0, &timeout) {
        eddy_with_condition (&condition, &err) {
            r = eddy_condition_wait(&condition);
            EXPECT(eddy_lock_locked(&lock));
        }
        EXPECT_INT(err, 0);
    }
    CHECK_INT(r, -ECANCELED);
    CHECK_INT(timeout, -ETIMEDOUT);
    CHECK(!eddy_lock_locked(&lock));
    return 0;
}

ORDERED_TEST(rule_153_a_refused_wait_still_lets_those_who_queue_for_the_lock_go_first)
{
    int timeout, err, r = 0;
    eddy_task *other = NULL;
    eddy_with_timeout (0, &timeout) {
        eddy_with_condition (&condition, &err) {
            other = eddy_create_task(hold_for_a_second);
            eddy_with_shield (1) {
                turns(1);
            }
            r = eddy_condition_wait(&condition);
            EXPECT(eddy_lock_locked(&lock));
            EXPECT_TIME(1);
        }
    }
    CHECK_INT(r, -ECANCELED);
    CHECK_INT(timeout, -ETIMEDOUT);
    CHECK_INT(eddy_await(other), 0);
    return eddy_task_release(other);
}

TEST(rule_154_a_timeout_around_the_wait_gets_its_own_cancel_back)
{
    int err, outer;
    eddy_with_condition (&condition, &outer) {
        eddy_with_timeout (1, &err) {
            err = eddy_condition_wait(&condition);
        }
        EXPECT(eddy_lock_locked(&lock));
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(outer, 0);
    CHECK_TIME(1);
    return 0;
}

FIFO_TEST(rule_155_a_notified_waiter_that_is_cancelled_keeps_the_notification)
{
    int err, ready = 1;
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, waiter, .name = "a", .hold = 1);
        eddy_spawn(g, waiter, .name = "b");
        turns(1);
        EXPECT_INT(notify(1), 0);
        EXPECT(eddy_task_cancel(a)); /* it was notified, and returns 0; the sleep is refused */
        turns(2);
        EXPECT_NOTES("a");
        EXPECT_INT(notify(1), 0);
    }
    CHECK_NOTES("b");
    CHECK_TIME(0);
    CHECK_INT(ready, 1);
    return err;
}

FIFO_TEST(rule_155_one_that_was_cancelled_first_leaves_the_notification_to_the_next)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, waiter, .name = "a");
        eddy_spawn(g, waiter, .name = "b");
        turns(1);
        EXPECT(eddy_task_cancel(a));
        EXPECT_INT(notify(1), 0);
    }
    CHECK_NOTES("!a b");
    return err;
}

ORDERED_TEST(rule_155_cancelled_while_it_queues_for_the_lock_it_was_notified)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, waiter, .name = "a");
        turns(1);
        EXPECT_INT(eddy_lock_acquire(&lock), 0);
        EXPECT_INT(eddy_condition_notify(&condition, 1), 0);
        turns(1);
        EXPECT(eddy_task_cancel(a));
        turns(1);
        EXPECT_NOTES("");
        EXPECT_INT(eddy_lock_release(&lock), 0);
    }
    CHECK_NOTES("a");
    return err;
}

FIFO_TEST(rule_156_notify_wakes_at_most_so_many_in_order)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, waiter, .name = "a");
        eddy_spawn(g, waiter, .name = "b");
        eddy_spawn(g, waiter, .name = "c");
        eddy_spawn(g, waiter, .name = "d");
        turns(1);
        EXPECT_INT(notify(0), 0);
        turns(4);
        EXPECT_NOTES("");
        EXPECT_INT(notify(1), 0);
        turns(4);
        EXPECT_NOTES("a");
        EXPECT_INT(notify(2), 0);
        turns(4);
        EXPECT_NOTES("b c");
        EXPECT_INT(notify(2), 0); /* more than there are */
        turns(4);
        EXPECT_NOTES("d");
        EXPECT_INT(notify(1), 0); /* nobody: not kept for later */
        eddy_task *e = eddy_spawn(g, waiter, .name = "e");
        turns(2);
        EXPECT(!eddy_task_done(e));
        EXPECT_INT(notify(SIZE_MAX), 0);
    }
    CHECK_NOTES("e");
    return err;
}

ORDERED_TEST(rule_156_wait_until_asks_again_after_each_notification)
{
    int err, ready = 0;
    eddy_with_group (g, &err) {
        eddy_spawn(g, waiter, .name = "a", .ready = &ready);
        turns(1);
        EXPECT_INT(notify(1), 0);
        turns(3);
        EXPECT_NOTES("");
        ready = 2;
        EXPECT_INT(notify(1), 0);
        turns(3);
        EXPECT_NOTES("a");
        int inner;
        eddy_with_condition (&condition, &inner) { /* true at once: no trip through the loop */
            eddy_spawn(g, nap, .name = "other");
            inner = eddy_condition_wait_until(&condition, is_ready, &ready);
            EXPECT_NOTES("");
        }
        EXPECT_INT(inner, 0);
    }
    CHECK_NOTES("other");
    return err;
}

FIFO_TEST(two_conditions_share_a_lock)
{
    static eddy_condition other = EDDY_CONDITION_INIT(&lock);
    int err, inner;
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, waiter, .name = "a");
        turns(1);
        eddy_with_condition (&other, &inner) {
            EXPECT_INT(eddy_condition_notify_all(&other), 0);
        }
        turns(2);
        EXPECT(!eddy_task_done(a));
        EXPECT_INT(notify(1), 0);
    }
    CHECK_NOTES("a");
    return err;
}

/* A pot of things, guarded by the condition: nothing is lost, whoever is cancelled and when. */
struct pot {
    int *things, *taken;
};

static int take_one(struct pot *a)
{
    int err;
    eddy_with_condition (&condition, &err) {
        err = eddy_condition_wait_until(&condition, is_ready, a->things);
        if (err == 0) {
            --*a->things;
            ++*a->taken;
        }
    }
    return err;
}

ORDERED_TEST(a_storm_of_cancels_loses_no_notification)
{
    enum { TASKS = 60 };
    unsigned random = 11;
    for (int round = 0; round < 50; round++) {
        int err, things = 0, taken = 0, put = 0, ended = 0;
        eddy_with_group (g, &err) {
            eddy_task *tasks[TASKS];
            for (int i = 0; i < TASKS; i++) {
                tasks[i] = eddy_spawn_as(g, take_one, struct pot, .things = &things,
                                         .taken = &taken);
                random = random * 1103515245 + 12345;
                if (random >> 16 & 1)
                    turns(1);
                if (random >> 17 & 1) {
                    things++;
                    put++;
                    EXPECT_INT(notify(1), 0);
                }
                if (random >> 18 & 1)
                    (void)eddy_task_cancel(tasks[(random >> 20) % (unsigned)(i + 1)]);
            }
            turns(5);
            for (int i = 0; i < TASKS; i++)
                ended += eddy_task_done(tasks[i]);
            EXPECT(things == 0 || ended == TASKS); /* nobody waits beside a thing */
            eddy_group_cancel(g);
        }
        CHECK_INT(err, 0);
        CHECK_INT(taken + things, put);
        CHECK(!eddy_lock_locked(&lock));
    }
    return 0;
}
