/* SPDX-License-Identifier: MIT */
/* Barrier: all or nobody, round after round. */
#include "support/test.h"

struct party {
    eddy_barrier *barrier;
    const char *name;
    int *number;
    int rounds;
};

/* Not for ever: the other one may be cancelled on purpose. */
static int meet(eddy_barrier *barrier)
{
    return eddy_wait_for(eddy_barrier_wait(barrier), 9);
}

static int party(struct party *a)
{
    for (int i = 0; i < (a->rounds ? a->rounds : 1); i++) {
        int r = meet(a->barrier);
        if (r < 0) {
            note("!%s", a->name);
            return r;
        }
        note("%s%d", a->name, r);
        if (a->number)
            *a->number = r;
    }
    return 0;
}

ORDERED_TEST(rule_161_the_last_one_releases_all_and_the_numbers_are_a_permutation)
{
    eddy_barrier barrier = EDDY_BARRIER_INIT(4);
    int err, number[4] = {-1, -1, -1, -1}, seen = 0;
    CHECK_INT(eddy_barrier_parties(&barrier), 4);
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn(g, party, .barrier = &barrier, .name = "p", .number = &number[i]);
        turns(2);
        EXPECT_NOTES("");
        EXPECT_INT(eddy_barrier_waiting(&barrier), 3);
        number[3] = meet(&barrier); /* the last one doesn't suspend */
        EXPECT_NOTES("");
        EXPECT_INT(eddy_barrier_waiting(&barrier), 0);
    }
    for (int i = 0; i < 4; i++)
        seen |= number[i] < 0 ? 0 : 1 << number[i];
    CHECK_INT(seen, 15);
    CHECK_NOTES("p0 p1 p2");
    return err;
}

ORDERED_TEST(rule_162_who_comes_while_a_round_goes_out_waits_for_the_next)
{
    eddy_barrier barrier = EDDY_BARRIER_INIT(2);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, party, .barrier = &barrier, .name = "a");
        turns(1);
        EXPECT_INT(meet(&barrier), 1); /* a has not run yet */
        eddy_spawn(g, party, .barrier = &barrier, .name = "b");
        EXPECT_INT(meet(&barrier), 0); /* b is the last of the second round */
        EXPECT_NOTES("a0 b1");
        eddy_spawn(g, party, .barrier = &barrier, .name = "c", .rounds = 100);
        eddy_spawn(g, party, .barrier = &barrier, .name = "d", .rounds = 100);
    }
    CHECK_INT(eddy_barrier_waiting(&barrier), 0);
    return err;
}

ORDERED_TEST(rule_163_a_cancelled_waiter_is_not_counted_and_breaks_nothing)
{
    eddy_barrier barrier = EDDY_BARRIER_INIT(3);
    int err;
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, party, .barrier = &barrier, .name = "a");
        eddy_spawn(g, party, .barrier = &barrier, .name = "b");
        turns(1);
        EXPECT(eddy_task_cancel(a));
        turns(1);
        EXPECT_INT(eddy_barrier_waiting(&barrier), 1);
        EXPECT(!eddy_barrier_broken(&barrier));
        eddy_spawn(g, party, .barrier = &barrier, .name = "c");
        turns(1);
        EXPECT_NOTES("!a");
        EXPECT_INT(meet(&barrier), 2);
    }
    CHECK_NOTES("b0 c1"); /* no number twice */
    return err;
}

ORDERED_TEST(a_waiter_let_go_keeps_its_number_although_a_cancel_arrives)
{
    eddy_barrier barrier = EDDY_BARRIER_INIT(2);
    int err;
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, party, .barrier = &barrier, .name = "a");
        turns(1);
        EXPECT_INT(meet(&barrier), 1);
        EXPECT(eddy_task_cancel(a));
    }
    CHECK_NOTES("a0");
    return err;
}

ORDERED_TEST(rule_164_reset_breaks_those_who_wait_and_is_usable_again)
{
    eddy_barrier barrier = EDDY_BARRIER_INIT(3);
    int err;
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, party, .barrier = &barrier, .name = "a");
        eddy_spawn(g, party, .barrier = &barrier, .name = "b");
        turns(1);
        EXPECT_INT(eddy_barrier_reset(&barrier), 0);
        EXPECT(!eddy_barrier_broken(&barrier));
        EXPECT_INT(eddy_barrier_waiting(&barrier), 0);
        eddy_spawn(g, party, .barrier = &barrier, .name = "c");
        eddy_spawn(g, party, .barrier = &barrier, .name = "d");
        turns(2);
        EXPECT_NOTES("!a !b");
        EXPECT_INT(meet(&barrier), 2);
    }
    CHECK_INT(err, -EPIPE);
    CHECK_NOTES("c0 d1");
    return 0;
}

ORDERED_TEST(rule_164_abort_breaks_until_reset)
{
    eddy_barrier barrier = EDDY_BARRIER_INIT(2);
    int err;
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, party, .barrier = &barrier, .name = "a");
        turns(1);
        EXPECT_INT(eddy_barrier_abort(&barrier), 0);
        EXPECT(eddy_barrier_broken(&barrier));
        turns(1);
        EXPECT_NOTES("!a");
        EXPECT_INT(meet(&barrier), -EPIPE); /* at once */
        EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EPIPE);
        EXPECT_INT(eddy_barrier_reset(&barrier), 0);
        EXPECT(!eddy_barrier_broken(&barrier));
        eddy_spawn(g, party, .barrier = &barrier, .name = "b");
        turns(1);
        EXPECT_INT(meet(&barrier), 1);
    }
    CHECK_INT(err, -EPIPE);
    CHECK_NOTES("b0");
    return 0;
}

TEST(a_barrier_for_one_never_waits_and_a_cancelled_scope_still_completes_a_round)
{
    eddy_barrier one = EDDY_BARRIER_INIT(1), two = EDDY_BARRIER_INIT(2);
    int err;
    eddy_with_timeout (0, &err) {
        EXPECT_INT(eddy_barrier_wait(&one), 0);
        EXPECT_INT(eddy_barrier_wait(&two), -ECANCELED);
        EXPECT_INT(eddy_barrier_waiting(&two), 0);
    }
    CHECK_INT(err, -ETIMEDOUT);
    return 0;
}

TEST(bad_input)
{
    eddy_barrier none = EDDY_BARRIER_INIT(0), many = EDDY_BARRIER_INIT((uint64_t)-1);
    CHECK_INT(eddy_barrier_wait(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_barrier_wait: NULL");
    CHECK_INT(eddy_barrier_wait(&none), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "for 0 tasks");
    CHECK_INT(eddy_barrier_wait(&many), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "for -1 tasks");
    CHECK_INT(eddy_barrier_reset(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_barrier_reset");
    CHECK_INT(eddy_barrier_abort(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_barrier_abort");
    CHECK(!eddy_barrier_broken(NULL) && !eddy_barrier_waiting(NULL) && !eddy_barrier_parties(NULL));
    return 0;
}

static int quiet_party(struct party *a)
{
    int r = eddy_barrier_wait(a->barrier);
    if (r >= 0)
        *a->number = r;
    return r < 0 ? r : 0;
}

TEST(a_storm_of_cancels_never_lets_a_part_of_a_round_through)
{
    enum { TASKS = 60, PARTIES = 4 };
    eddy_barrier barrier = EDDY_BARRIER_INIT(PARTIES);
    unsigned random = 5;
    for (int round = 0; round < 50; round++) {
        int err, number[TASKS], through[PARTIES] = {0};
        eddy_with_group (g, &err) {
            eddy_task *tasks[TASKS];
            for (int i = 0; i < TASKS; i++) {
                number[i] = -1;
                tasks[i] = eddy_spawn_as(g, quiet_party, struct party, .barrier = &barrier,
                                         .number = &number[i]);
                random = random * 1103515245 + 12345;
                if (random >> 16 & 1)
                    (void)eddy_task_cancel(tasks[(random >> 18) % (unsigned)(i + 1)]);
                if (random >> 17 & 1)
                    turns(1);
            }
            turns(2);
            EXPECT(eddy_barrier_waiting(&barrier) < PARTIES);
            eddy_group_cancel(g);
        }
        CHECK_INT(err, 0);
        for (int i = 0; i < TASKS; i++)
            if (number[i] >= 0)
                through[number[i]]++;
        for (int i = 1; i < PARTIES; i++)
            CHECK_INT(through[i], through[0]);
    }
    return 0;
}
