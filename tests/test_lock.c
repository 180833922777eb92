/* SPDX-License-Identifier: MIT */
/* Lock: FIFO, direct hand-over, nothing lost by a cancel. */
#include "support/test.h"

struct locker {
    eddy_lock *lock;
    const char *name;
    double hold;
};
static int locker(struct locker *a)
{
    int err;
    eddy_with_lock (a->lock, &err) {
        note("%s", a->name);
        if (a->hold > 0)
            err = eddy_sleep(a->hold);
    }
    if (err < 0)
        note("!%s", a->name);
    return err;
}

TEST(rule_145_a_free_lock_is_taken_without_suspending)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    eddy_task *other = eddy_create_task(nap, .name = "other");
    CHECK(!eddy_lock_locked(&lock));
    CHECK_INT(eddy_lock_acquire(&lock), 0);
    CHECK(eddy_lock_locked(&lock));
    CHECK_NOTES(""); /* no trip through the loop */
    CHECK_INT(eddy_lock_release(&lock), 0);
    CHECK(!eddy_lock_locked(&lock));
    CHECK_INT(eddy_await(other), 0);
    return eddy_task_release(other);
}

ORDERED_TEST(rule_146_lock_is_fifo)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    int err;
    CHECK_INT(eddy_lock_acquire(&lock), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, locker, .lock = &lock, .name = "0");
        eddy_spawn(g, locker, .lock = &lock, .name = "1");
        eddy_spawn(g, locker, .lock = &lock, .name = "2");
        turns(1);
        EXPECT_INT(eddy_lock_release(&lock), 0);
        EXPECT(eddy_lock_locked(&lock)); /* handed over at once */
        eddy_spawn(g, locker, .lock = &lock, .name = "barger");
        EXPECT_INT(eddy_lock_acquire(&lock), 0); /* the body too has to queue up */
        note("body");
        EXPECT_INT(eddy_lock_release(&lock), 0);
    }
    CHECK_NOTES("0 1 2 body barger");
    CHECK(!eddy_lock_locked(&lock));
    return err;
}

ORDERED_TEST(rule_146_a_newcomer_does_not_overtake_between_release_and_wake_up)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    int err;
    CHECK_INT(eddy_lock_acquire(&lock), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, nap, .name = "tick");
        eddy_spawn(g, locker, .lock = &lock, .name = "waiter");
        turns(1);
        eddy_spawn(g, locker, .lock = &lock,
                   .name = "newcomer"); /* runs before the waiter's turn */
        EXPECT_INT(eddy_lock_release(&lock), 0);
    }
    CHECK_NOTES("tick waiter newcomer");
    return err;
}

struct releaser {
    eddy_lock *lock;
};
static int releaser(struct releaser *a)
{
    return eddy_lock_release(a->lock);
}

TEST(rule_147_release_of_a_free_lock_is_an_error_and_any_task_may_release)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    CHECK_INT(eddy_lock_release(&lock), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_lock_release");
    CHECK_INT(eddy_lock_acquire(&lock), 0);
    eddy_task *other = eddy_create_task(releaser, .lock = &lock);
    CHECK_INT(eddy_await(other), 0);
    CHECK(!eddy_lock_locked(&lock));
    CHECK_INT(eddy_lock_acquire(&lock), 0); /* not -EDEADLK: it isn't ours any more */
    CHECK_INT(eddy_lock_release(&lock), 0);
    return eddy_task_release(other);
}

ORDERED_TEST(rule_148_a_waiter_cancelled_before_the_release_is_passed_over)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    int err;
    CHECK_INT(eddy_lock_acquire(&lock), 0);
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, locker, .lock = &lock, .name = "a");
        eddy_spawn(g, locker, .lock = &lock, .name = "b");
        turns(1);
        EXPECT(eddy_task_cancel(a));
        EXPECT_INT(eddy_lock_release(&lock), 0);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("!a b");
    CHECK(!eddy_lock_locked(&lock));
    return 0;
}

ORDERED_TEST(rule_149_a_waiter_cancelled_after_the_release_keeps_the_lock)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    int err;
    CHECK_INT(eddy_lock_acquire(&lock), 0);
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, locker, .lock = &lock, .name = "a", .hold = 1);
        eddy_spawn(g, locker, .lock = &lock, .name = "b");
        turns(1);
        EXPECT_INT(eddy_lock_release(&lock), 0);
        EXPECT(eddy_task_cancel(a));
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("a !a b"); /* got it, was refused its sleep, gave it on: exactly one lock */
    CHECK(!eddy_lock_locked(&lock));
    CHECK_TIME(0);
    return 0;
}

TEST(a_lock_taken_twice_by_one_task_is_a_deadlock)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    CHECK_INT(eddy_lock_acquire(&lock), 0);
    CHECK_INT(eddy_lock_acquire(&lock), -EDEADLK);
    CHECK_REPORT(EDDY_LOG_MISUSE, "holds the lock already");
    CHECK_INT(eddy_lock_release(&lock), 0);
    int err;
    eddy_with_lock (&lock, &err) {
        int inner;
        eddy_with_lock (&lock, &inner) {
            note("never");
        }
        EXPECT_INT(inner, -EDEADLK);
        EXPECT_REPORT(EDDY_LOG_MISUSE, "holds the lock already");
        EXPECT(eddy_lock_locked(&lock));
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("");
    CHECK(!eddy_lock_locked(&lock));
    return 0;
}

static int hold_and_end(struct releaser *a)
{
    return eddy_lock_acquire(a->lock);
}

TEST(a_new_task_is_not_taken_for_the_holder_that_ended)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    eddy_task *first = eddy_create_task_as(hold_and_end, struct releaser, .lock = &lock);
    CHECK_INT(eddy_await(first), 0);
    eddy_task *second = eddy_create_task_as(hold_and_end, struct releaser, .lock = &lock);
    turns(1); /* probably on the same stack; it waits */
    CHECK(!eddy_task_done(second));
    CHECK_INT(eddy_lock_release(&lock), 0);
    CHECK_INT(eddy_await(second), 0);
    CHECK_INT(eddy_lock_release(&lock), 0);
    return eddy_task_release(first) + eddy_task_release(second);
}

TEST(a_cancelled_scope_still_takes_a_free_lock_and_skips_the_block_of_a_held_one)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    int err, timeout;
    eddy_with_timeout (0, &timeout) {
        eddy_with_lock (&lock, &err) {
            note("free");
        }
        EXPECT_INT(err, 0);
    }
    CHECK_INT(timeout, 0);
    eddy_task *holder = eddy_create_task_as(hold_and_end, struct releaser, .lock = &lock);
    CHECK_INT(eddy_await(holder), 0);
    eddy_with_timeout (0, &timeout) {
        eddy_with_lock (&lock, &err) {
            note("never");
        }
        EXPECT_INT(err, -ECANCELED);
        EXPECT(eddy_lock_locked(&lock)); /* and wasn't released */
    }
    CHECK_INT(timeout, -ETIMEDOUT);
    CHECK_NOTES("free");
    CHECK_INT(eddy_lock_release(&lock), 0);
    return eddy_task_release(holder);
}

static int leave_lock(eddy_lock *lock, int how)
{
    int err;
    eddy_with_lock (lock, &err) {
        EXPECT(eddy_lock_locked(lock));
        if (how == 1)
            return 1;
        if (how == 2)
            goto out;
        if (how == 3)
            break;
        if (how == 4)
            continue;
    }
    return 3;
out:
    return 2;
}

TEST(every_way_out_of_the_block_releases)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    for (int how = 1; how <= 4; how++) {
        CHECK_INT(leave_lock(&lock, how), how < 3 ? how : 3);
        CHECK(!eddy_lock_locked(&lock));
    }
    eddy_with_lock (&lock, NULL) {
        note("no error variable");
    }
    CHECK_NOTES("no error variable");
    return 0;
}

static int counter;
static int count(struct releaser *a)
{
    int err = 0;
    if (a->lock) {
        eddy_with_lock (a->lock, &err) {
            int seen = counter;
            err = eddy_sleep(0.001);
            counter = seen + 1;
        }
    } else {
        int seen = counter;
        err = eddy_sleep(0.001);
        counter = seen + 1;
    }
    return err;
}

TEST(golden_counter_of_100_tasks_is_1_without_the_lock_and_100_with_it)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    for (int with = 0; with < 2; with++) {
        int err;
        counter = 0;
        eddy_with_group (g, &err) {
            for (int i = 0; i < 100; i++)
                eddy_spawn_as(g, count, struct releaser, .lock = with ? &lock : NULL);
        }
        CHECK_INT(err, 0);
        CHECK_INT(counter, with ? 100 : 1);
    }
    return 0;
}

/* Random cancels and releases: never two holders, nobody forgotten. */
struct stormer {
    eddy_lock *lock;
    int *inside, *got;
};
static int stormer(struct stormer *a)
{
    int err;
    eddy_with_lock (a->lock, &err) {
        EXPECT_INT(++*a->inside, 1);
        ++*a->got;
        err = eddy_sleep(0);
        --*a->inside;
    }
    return err;
}

TEST(a_storm_of_cancels_loses_no_lock)
{
    enum { TASKS = 60 };
    eddy_lock lock = EDDY_LOCK_INIT;
    int inside = 0, got = 0, err;
    unsigned random = 1;
    for (int round = 0; round < 50; round++) {
        eddy_with_group (g, &err) {
            eddy_task *tasks[TASKS];
            for (int i = 0; i < TASKS; i++)
                tasks[i] = eddy_spawn(g, stormer, .lock = &lock, .inside = &inside, .got = &got);
            for (int i = 0; i < TASKS; i++) {
                random = random * 1103515245 + 12345;
                if (random >> 16 & 1)
                    (void)eddy_task_cancel(tasks[random >> 18 & 31]);
                if (random >> 17 & 1)
                    turns(1);
            }
        }
        CHECK_INT(err, 0);
        CHECK(!eddy_lock_locked(&lock));
    }
    CHECK(got > TASKS);
    return 0;
}
