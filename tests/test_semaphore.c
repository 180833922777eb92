/* SPDX-License-Identifier: MIT */
/* Semaphore: so many at a time, FIFO, no permit lost by a cancel. */
#include "support/test.h"

struct user {
    eddy_semaphore *semaphore;
    const char *name;
    double hold;
};
static int user(struct user *a)
{
    int err;
    eddy_with_semaphore (a->semaphore, &err) {
        note("%s", a->name);
        if (a->hold > 0)
            err = eddy_sleep(a->hold);
    }
    if (err < 0)
        note("!%s", a->name);
    return err;
}

static int taker(struct user *a)
{
    int r = eddy_semaphore_acquire(a->semaphore);
    note("%s%s", r < 0 ? "!" : "", a->name);
    return r;
}

ORDERED_TEST(at_most_so_many_at_a_time)
{
    eddy_semaphore two = EDDY_SEMAPHORE_INIT(2);
    CHECK_INT(eddy_semaphore_value(&two), 2);
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 6; i++)
            eddy_spawn(g, user, .semaphore = &two, .name = "u", .hold = 1);
        turns(1);
        EXPECT_INT(eddy_semaphore_value(&two), 0);
        EXPECT(eddy_semaphore_locked(&two));
        EXPECT_NOTES("u u");
    }
    CHECK_INT(err, 0);
    CHECK_TIME(3);
    CHECK_INT(eddy_semaphore_value(&two), 2);
    CHECK(!eddy_semaphore_locked(&two));
    return 0;
}

ORDERED_TEST(rule_157_fifo_and_locked_while_others_wait)
{
    eddy_semaphore one = EDDY_SEMAPHORE_INIT(1);
    int err;
    CHECK_INT(eddy_semaphore_acquire(&one), 0); /* free: no trip through the loop */
    CHECK(eddy_semaphore_locked(&one));
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, taker, struct user, .semaphore = &one, .name = "a");
        eddy_spawn_as(g, taker, struct user, .semaphore = &one, .name = "b");
        turns(1);
        EXPECT_INT(eddy_semaphore_release(&one), 0);
        EXPECT(eddy_semaphore_locked(&one)); /* the permit is a's already */
        eddy_spawn_as(g, taker, struct user, .semaphore = &one, .name = "late");
        turns(2);
        EXPECT_NOTES("a");
        EXPECT_INT(eddy_semaphore_release(&one), 0);
        EXPECT_INT(eddy_semaphore_release(&one), 0);
        turns(2);
        EXPECT_NOTES("b late");
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_semaphore_value(&one), 0);
    return 0;
}

ORDERED_TEST(rule_158_several_releases_wake_as_many_in_order_before_newcomers)
{
    eddy_semaphore none = EDDY_SEMAPHORE_INIT(0);
    int err;
    CHECK(eddy_semaphore_locked(&none));
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "a");
        eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "b");
        eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "c");
        turns(1);
        eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "new");
        EXPECT_INT(eddy_semaphore_release(&none), 0);
        EXPECT_INT(eddy_semaphore_release(&none), 0);
        turns(2);
        EXPECT_NOTES("a b");
        EXPECT_INT(eddy_semaphore_value(&none), 0);
        EXPECT_INT(eddy_semaphore_release(&none), 0);
        EXPECT_INT(eddy_semaphore_release(&none), 0);
        turns(2);
        EXPECT_NOTES("c new");
    }
    return err;
}

ORDERED_TEST(rule_159_cancelled_waiters_give_their_turn_on)
{
    eddy_semaphore none = EDDY_SEMAPHORE_INIT(0);
    int err;
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "a");
        eddy_task *b = eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "b");
        eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "c");
        eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "d");
        turns(1);
        EXPECT(eddy_task_cancel(a));
        EXPECT(eddy_task_cancel(b));
        EXPECT_INT(eddy_semaphore_release(&none), 0);
        turns(1);
        EXPECT_NOTES("!a !b c");
        EXPECT_INT(eddy_semaphore_release(&none), 0);
    }
    CHECK_NOTES("d");
    return err;
}

ORDERED_TEST(a_permit_handed_over_is_kept_although_a_cancel_arrives)
{
    eddy_semaphore none = EDDY_SEMAPHORE_INIT(0);
    int err;
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "a");
        eddy_spawn_as(g, taker, struct user, .semaphore = &none, .name = "b");
        turns(1);
        EXPECT_INT(eddy_semaphore_release(&none), 0);
        EXPECT(eddy_task_cancel(a));
        turns(1);
        EXPECT_NOTES("a");
        EXPECT_INT(eddy_semaphore_release(&none), 0);
    }
    CHECK_NOTES("b");
    CHECK_INT(eddy_semaphore_value(&none), 0);
    return err;
}

TEST(a_refused_acquire_skips_the_block)
{
    eddy_semaphore one = EDDY_SEMAPHORE_INIT(1);
    int err, timeout;
    eddy_with_timeout (0, &timeout) {
        eddy_with_semaphore (&one, &err) { /* free: taken even here */
            note("free");
            int inner;
            eddy_with_semaphore (&one, &inner) {
                note("never");
            }
            EXPECT_INT(inner, -ECANCELED);
        }
        EXPECT_INT(err, 0);
    }
    CHECK_INT(timeout, -ETIMEDOUT);
    CHECK_NOTES("free");
    CHECK_INT(eddy_semaphore_value(&one), 1);
    return 0;
}

TEST(release_never_overflows)
{
    eddy_semaphore many = EDDY_SEMAPHORE_INIT(PTRDIFF_MAX - 1);
    CHECK_INT(eddy_semaphore_release(&many), 0);
    CHECK_INT(eddy_semaphore_release(&many), -EOVERFLOW);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_semaphore_release");
    CHECK(eddy_semaphore_value(&many) == PTRDIFF_MAX);
    return 0;
}

TEST(rule_160_a_negative_start_value_is_an_error)
{
    int start = -2;
    eddy_semaphore semaphore = EDDY_SEMAPHORE_INIT((uint64_t)start);
    eddy_bounded_semaphore bounded = EDDY_BOUNDED_SEMAPHORE_INIT((uint64_t)start);
    CHECK_INT(eddy_semaphore_acquire(&semaphore), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_semaphore_acquire: the semaphore was made with -2");
    CHECK_INT(eddy_bounded_semaphore_acquire(&bounded), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_bounded_semaphore_acquire");
    return 0;
}

TEST(rule_160_a_bounded_one_refuses_more_releases_than_acquires)
{
    eddy_bounded_semaphore two = EDDY_BOUNDED_SEMAPHORE_INIT(2);
    eddy_bounded_semaphore none = EDDY_BOUNDED_SEMAPHORE_INIT(0);
    CHECK_INT(eddy_bounded_semaphore_release(&two), -EOVERFLOW);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_bounded_semaphore_release: released more often");
    CHECK_INT(eddy_bounded_semaphore_value(&two), 2);
    CHECK_INT(eddy_bounded_semaphore_acquire(&two), 0);
    CHECK_INT(eddy_bounded_semaphore_acquire(&two), 0);
    CHECK(eddy_bounded_semaphore_locked(&two));
    CHECK_INT(eddy_bounded_semaphore_release(&two), 0);
    CHECK_INT(eddy_bounded_semaphore_release(&two), 0);
    CHECK_INT(eddy_bounded_semaphore_release(&two), -EOVERFLOW);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_bounded_semaphore_release");
    CHECK_INT(eddy_bounded_semaphore_release(&none), -EOVERFLOW);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_bounded_semaphore_release");
    CHECK_INT(eddy_bounded_semaphore_acquire(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_bounded_semaphore_acquire");
    CHECK_INT(eddy_bounded_semaphore_release(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_bounded_semaphore_release");
    return 0;
}

struct bounded_user {
    eddy_bounded_semaphore *semaphore;
    int *inside;
};

static int bounded_user(struct bounded_user *a)
{
    int err;
    eddy_with_bounded_semaphore (a->semaphore, &err) {
        EXPECT(++*a->inside <= 2);
        err = eddy_sleep(1);
        --*a->inside;
    }
    return err;
}

TEST(rule_160_a_bounded_one_counts_permits_that_are_handed_over)
{
    eddy_bounded_semaphore two = EDDY_BOUNDED_SEMAPHORE_INIT(2);
    int err, inside = 0;
    eddy_with_group (g, &err) {
        eddy_task *tasks[6];
        for (int i = 0; i < 6; i++)
            tasks[i] = eddy_spawn(g, bounded_user, .semaphore = &two, .inside = &inside);
        turns(1);
        EXPECT(eddy_task_cancel(tasks[1])); /* has one */
        EXPECT(eddy_task_cancel(tasks[5])); /* waits for one */
    }
    CHECK_INT(err, 0);
    CHECK_TIME(2);
    CHECK_INT(eddy_bounded_semaphore_value(&two), 2);
    CHECK_INT(eddy_bounded_semaphore_release(&two), -EOVERFLOW);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_bounded_semaphore_release");
    return 0;
}

struct stormer {
    eddy_semaphore *semaphore;
    int *inside;
};
static int stormer(struct stormer *a)
{
    int err;
    eddy_with_semaphore (a->semaphore, &err) {
        EXPECT(++*a->inside <= 3);
        err = eddy_sleep(0);
        --*a->inside;
    }
    return err;
}

HEAVY_TEST(a_storm_of_cancels_loses_no_permit)
{
    enum { TASKS = 60 };
    eddy_semaphore three = EDDY_SEMAPHORE_INIT(3);
    int inside = 0, err;
    unsigned random = 7;
    for (int round = 0; round < 50; round++) {
        eddy_with_group (g, &err) {
            eddy_task *tasks[TASKS];
            for (int i = 0; i < TASKS; i++)
                tasks[i] = eddy_spawn(g, stormer, .semaphore = &three, .inside = &inside);
            for (int i = 0; i < TASKS; i++) {
                random = random * 1103515245 + 12345;
                if (random >> 16 & 1)
                    (void)eddy_task_cancel(tasks[random >> 18 & 31]);
                if (random >> 17 & 1)
                    turns(1);
            }
        }
        CHECK_INT(err, 0);
        CHECK_INT(eddy_semaphore_value(&three), 3);
    }
    return 0;
}
