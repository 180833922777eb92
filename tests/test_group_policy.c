/* SPDX-License-Identifier: MIT */
/* Groups beyond fail fast: enough successes, supervision, limits, and what doesn't go together. */
#include "support/test.h"

/* ---- run all, first success, enough ---- */

TEST(run_all_cancels_nobody_and_keeps_every_failure)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, nap, .seconds = 1, .name = "a", .result = -EIO);
        eddy_spawn(g, nap, .seconds = 2, .name = "b");
        eddy_spawn(g, nap, .seconds = 3, .name = "c", .result = -EPIPE);
        EXPECT_INT(eddy_sleep(1.5), 0);
    }
    CHECK_INT(err, -EIO);
    CHECK_NOTES("a b c");
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 2);
    return 0;
}

ORDERED_TEST(the_first_success_cancels_the_rest_and_the_body)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_FIRST_SUCCESS) {
        eddy_spawn(g, nap, .seconds = 1, .name = "a", .result = -EIO);
        eddy_spawn(g, nap, .seconds = 2, .name = "b", .result = 7);
        eddy_spawn(g, nap, .seconds = 3, .name = "c");
        eddy_spawn(g, nap, .seconds = 4, .name = "d", .at_cancel = -EPIPE, .cleanup = 1);
        EXPECT_INT(eddy_sleep(10), -ECANCELED);
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "cancelled with the group at ");
        EXPECT_TIME(2);
        EXPECT(!eddy_spawn(g, nap, .seconds = 1)); /* which fails nothing */
    }
    CHECK_INT(err, 0);
    CHECK_TIME(3); /* the clean-up is waited for, its failure forgotten */
    CHECK(!eddy_cancelled());
    CHECK_INT(eddy_sleep(1), 0);
    const char *notes = "a b !c !d";
    CHECK_NOTES(notes);
    CHECK_NO_REPORT();
    return 0;
}

TEST(without_any_success_all_failures_are_kept)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_FIRST_SUCCESS) {
        eddy_spawn(g, nap, .seconds = 2, .name = "a", .result = -EIO);
        eddy_spawn(g, nap, .seconds = 1, .name = "b", .result = -EPIPE);
    }
    CHECK_INT(err, -EPIPE);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 2);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "2 of 2 tasks failed");
    return 0;
}

TEST(neither_success_nor_failure_is_enodata)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_FIRST_SUCCESS)
        eddy_task_cancel(eddy_spawn(g, nap, .seconds = 2));
    CHECK_INT(err, -ENODATA);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "0 of 1 tasks succeeded, 1 were wanted");
    eddy_with_group (g, &err, .policy = EDDY_ENOUGH, .wanted = 2)
        eddy_spawn(g, nap, .seconds = 2);
    CHECK_INT(err, -ENODATA);
    eddy_with_group (g, &err, .policy = EDDY_ENOUGH, .wanted = 2) {
        eddy_spawn(g, nap, .seconds = 2);
        eddy_group_cancel(g);
    }
    CHECK_INT(err, 0); /* as any group that was cancelled by the program */
    return 0;
}

TEST(enough_is_k_of_n)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_ENOUGH, .wanted = 2) {
        eddy_spawn(g, nap, .seconds = 1, .name = "a");
        eddy_spawn(g, nap, .seconds = 2, .name = "b", .result = -EIO);
        eddy_spawn(g, nap, .seconds = 3, .name = "c", .result = 3);
        eddy_spawn(g, nap, .seconds = 4, .name = "d");
    }
    CHECK_INT(err, 0);
    CHECK_TIME(3);
    CHECK_NOTES("a b c !d");
    eddy_with_group (g, &err, .policy = EDDY_ENOUGH, .wanted = 3) {
        eddy_spawn(g, nap, .seconds = 1, .result = -EIO);
        for (int i = 0; i < 2; i++)
            eddy_spawn(g, nap, .seconds = 2);
    }
    CHECK_INT(err, -EIO);
    CHECK_TIME(5); /* they run to their ends */
    return 0;
}

TEST(the_bodys_own_failure_counts_under_every_policy)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_FIRST_SUCCESS) {
        eddy_spawn(g, nap, .seconds = 2, .name = "a");
        err = eddy_fail(-EDOM, "the body's");
    }
    CHECK_INT(err, -EDOM);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "the body's");
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 9) {
        eddy_spawn(g, nap, .seconds = 2, .name = "b");
        err = eddy_fail(-EDOM, "the body's");
    }
    CHECK_INT(err, -EDOM);
    CHECK_NOTES(""); /* cancelled before they began */
    return 0;
}

TEST(a_cancel_from_outside_before_there_is_enough_gives_ecanceled)
{
    int err, inner = 1;
    eddy_with_timeout (2, &err) {
        eddy_with_group (g, &inner, .policy = EDDY_FIRST_SUCCESS) {
            eddy_spawn(g, nap, .seconds = 1, .result = -EIO);
            eddy_spawn(g, nap, .seconds = 3, .name = "a");
        }
        err = inner;
    }
    CHECK_INT(inner, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_NOTES("!a");
    return 0;
}

TEST(a_first_success_inside_another_goes_no_further)
{
    int outer, err;
    eddy_with_group (g, &outer, .policy = EDDY_FIRST_SUCCESS) {
        eddy_spawn(g, nap, .seconds = 5, .name = "a");
        eddy_with_group (h, &err, .policy = EDDY_FIRST_SUCCESS) {
            eddy_spawn(h, nap, .seconds = 1, .name = "b");
            eddy_spawn(h, nap, .seconds = 2, .name = "c");
        }
        EXPECT_INT(err, 0);
        EXPECT_INT(eddy_sleep(1), 0);
    }
    CHECK_INT(outer, 0);
    CHECK_NOTES("b !c a");
    return 0;
}

/* ---- limit ---- */

struct counted {
    int *running, *most;
    int number, result;
};

static int counted(struct counted *a)
{
    if (++*a->running > *a->most)
        *a->most = *a->running;
    int r = eddy_sleep(1);
    --*a->running;
    if (a->number)
        note("%d@%g", a->number, eddy_time());
    return r < 0 ? r : a->result < 0 ? eddy_fail(a->result, "%d failed", a->number) : 0;
}

ORDERED_TEST(a_limit_lets_so_many_run_and_the_rest_wait_in_their_order)
{
    int err, running = 0, most = 0;
    eddy_with_group (g, &err, .limit = 2) {
        for (int i = 1; i <= 5; i++)
            eddy_spawn(g, counted, &running, &most, .number = i);
        EXPECT_TIME(0); /* the spawner isn't held up */
        EXPECT_INT(eddy_group_size(g), 5);
        EXPECT_INT(eddy_sleep(0), 0);
        EXPECT_INT(running, 2);
    }
    CHECK_INT(err, 0);
    CHECK_INT(most, 2);
    CHECK_NOTES("1@1 2@1 3@2 4@2 5@3");
    return 0;
}

static int tick(void)
{
    note("tick");
    return eddy_sleep(1);
}

TEST(whatever_form_the_arguments_have_the_turn_keeps_them)
{
    int err, running = 0, most = 0;
    struct counted own = {&running, &most, 3, 0};
    char text[200];
    eddy_with_group (g, &err, .limit = 1) {
        eddy_spawn(g, tick);
        eddy_task *two = eddy_spawn(g, tick);
        eddy_spawn_on(g, counted, &own);
        EXPECT(eddy_task_describe(two, text, sizeof text) > 0);
        EXPECT_CONTAINS(text, "<Task pending name=");
        EXPECT_CONTAINS(text, "waiting for its turn in the group>");
        EXPECT(!eddy_task_done(two));
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("tick tick 3@3");
    return 0;
}

TEST(a_child_cancelled_before_its_turn_never_begins_and_holds_no_place)
{
    int err, running = 0, most = 0;
    eddy_with_group (g, &err, .limit = 1) {
        eddy_spawn(g, counted, &running, &most, .number = 1);
        eddy_task *two = eddy_spawn(g, counted, &running, &most, .number = 2);
        eddy_spawn(g, counted, &running, &most, .number = 3);
        EXPECT(eddy_task_cancel(two));
        EXPECT(eddy_task_cancel(two));
        EXPECT_INT(eddy_await(two), -ECANCELED);
        EXPECT_TIME(0);
        EXPECT(eddy_task_cancelled(two));
    }
    CHECK_INT(err, 0);
    CHECK_INT(most, 1);
    CHECK_NOTES("1@1 3@2");
    return 0;
}

TEST(a_child_cancelled_with_its_turn_at_hand_gives_the_place_on)
{
    int err, running = 0, most = 0;
    eddy_with_group (g, &err, .limit = 1) {
        eddy_task *one = eddy_spawn(g, counted, &running, &most, .number = 1);
        eddy_spawn(g, counted, &running, &most, .number = 2);
        EXPECT(eddy_task_cancel(one)); /* queued, not begun */
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("2@1");
    return 0;
}

TEST(a_failure_ends_those_that_wait_for_their_turn)
{
    int err, running = 0, most = 0;
    eddy_with_group (g, &err, .limit = 2) {
        eddy_spawn(g, counted, &running, &most, .number = 1, .result = -EIO);
        for (int i = 2; i <= 9; i++)
            eddy_spawn(g, nap, .seconds = 5, .name = "x");
    }
    CHECK_INT(err, -EIO);
    CHECK_TIME(1);
    CHECK_NOTES("1@1 !x");
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL, .limit = 1)
        for (int i = 1; i <= 3; i++)
            eddy_spawn(g, counted, &running, &most, .number = i, .result = -EIO);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 3);
    CHECK_NOTES("1@2 2@3 3@4");
    return 0;
}

TEST(a_cancel_from_outside_ends_those_that_wait_for_their_turn)
{
    int err, running = 0, most = 0;
    eddy_with_timeout (1.5, &err)
        eddy_with_group (g, &err, .limit = 2)
            for (int i = 1; i <= 5; i++)
                eddy_spawn(g, counted, &running, &most);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(running, 0);
    CHECK_TIME(1.5);
    return 0;
}

static int spawns_more(struct counted *a);
struct spawner {
    eddy_group *group;
    struct counted child;
};

static int spawner(struct spawner *a)
{
    for (int i = 1; i <= 2; i++)
        eddy_spawn_as(a->group, spawns_more, struct counted, a->child.running, a->child.most,
                      .number = i);
    return 0;
}

static int spawns_more(struct counted *a)
{
    return counted(a);
}

TEST(children_spawn_into_a_limit_too_while_the_block_is_being_left)
{
    int err, running = 0, most = 0;
    eddy_with_group (g, &err, .limit = 1)
        eddy_spawn(g, spawner, .group = g, .child = {&running, &most, 0, 0});
    CHECK_INT(err, 0);
    CHECK_INT(most, 1);
    CHECK_NOTES("1@1 2@2");
    return 0;
}

TEST(an_eager_child_and_a_limit_are_refused)
{
    int err;
    eddy_with_group (g, &err, .limit = 1)
        EXPECT(!eddy_spawn_eager(g, tick));
    CHECK_INT(err, -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_spawn_eager: the group has a limit, at test_group_policy");
    return 0;
}

/* ---- supervise ---- */

static eddy_local who = EDDY_LOCAL_INIT;

struct worker {
    int *lives, fail_until, code;
    double seconds;
    int own; /* to see that each life has a fresh copy */
};

static int worker(struct worker *a)
{
    EXPECT_INT(a->own++, 5);
    EXPECT_TEXT(eddy_local_get(&who), "given");
    EXPECT_INT(eddy_local_set(&who, "changed", NULL), 0);
    int life = ++*a->lives, r = eddy_sleep(a->seconds);
    note("%d@%g", life, eddy_time());
    return r < 0 ? r : life <= a->fail_until ? eddy_fail(a->code, "life %d", life) : life;
}

static void expect_restarts(int count)
{
    for (int i = 0; i < count; i++)
        EXPECT_REPORT(EDDY_LOG_NOTE, "and is started again");
    EXPECT_NO_REPORT();
}

TEST(a_child_that_fails_is_started_again_with_its_original_arguments)
{
    int err, lives = 0;
    CHECK_INT(eddy_local_set(&who, "given", NULL), 0);
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 3) {
        eddy_task *task = eddy_spawn(g, worker, &lives, .fail_until = 2, .code = -EIO, .seconds = 1,
                                     .own = 5);
        EXPECT_INT(eddy_task_set_name(task, "w"), 0);
        EXPECT_INT(eddy_await(task), 3); /* the handle stays */
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("1@1 2@2 3@3");
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_NOTE, "task 'w' (worker, spawned at ");
    CHECK(record && record->level == EDDY_LOG_WARNING);
    CHECK_CONTAINS(record->message, "failed with EIO: life 1 and is started again");
    expect_restarts(1);
    CHECK_TEXT(eddy_local_get(&who), "given");
    return 0;
}

TEST(beyond_its_restarts_the_group_fails)
{
    int err, lives = 0;
    CHECK_INT(eddy_local_set(&who, "given", NULL), 0);
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 2) {
        eddy_spawn(g, worker, &lives, .fail_until = 9, .code = -EIO, .seconds = 1, .own = 5);
        eddy_spawn(g, nap, .seconds = 60, .name = "other");
    }
    CHECK_INT(err, -EIO);
    CHECK_NOTES("1@1 2@2 3@3 !other");
    CHECK_TEXT(eddy_failure_message(eddy_failure_child(eddy_last_failure(), 0)), "life 3");
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 1);
    expect_restarts(2);
    return 0;
}

TEST(restarts_count_in_a_window)
{
    int err, lives = 0;
    CHECK_INT(eddy_local_set(&who, "given", NULL), 0);
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 2, .restart_seconds = 1.5)
        eddy_spawn(g, worker, &lives, .fail_until = 4, .code = -EIO, .seconds = 1, .own = 5);
    CHECK_INT(err, 0); /* one a second: never more than two in 1.5 s */
    CHECK_NOTES("1@1 2@2 3@3 4@4 5@5");
    expect_restarts(4);
    lives = 0;
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 2, .restart_seconds = 2.5)
        eddy_spawn(g, worker, &lives, .fail_until = 4, .code = -EIO, .seconds = 1, .own = 5);
    CHECK_INT(err, -EIO); /* the third within 2.5 s */
    CHECK_NOTES("1@6 2@7 3@8");
    expect_restarts(2);
    return 0;
}

static int once = 0;

static int fails_once(void)
{
    note("tick");
    return once++ ? 0 : eddy_fail(-EAGAIN, "once");
}

TEST(a_child_without_arguments_or_with_the_callers_struct_is_started_again_as_well)
{
    int err, running = 0, most = 0;
    once = 0;
    struct counted own = {&running, &most, 1, -EIO};
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 2, .limit = 1) {
        eddy_spawn(g, fails_once);
        eddy_spawn_on(g, counted, &own);
        EXPECT_INT(eddy_sleep(0.5), 0);
        own.result = 0;
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("tick tick 1@1");
    expect_restarts(1);
    return 0;
}

TEST(a_cancelled_child_is_not_started_again)
{
    int err, lives = 0;
    CHECK_INT(eddy_local_set(&who, "given", NULL), 0);
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 9) {
        eddy_task *task = eddy_spawn(g, worker, &lives, .seconds = 9, .own = 5);
        eddy_task *late = eddy_spawn(g, nap, .seconds = 9, .at_cancel = -EIO);
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT(eddy_task_cancel(task));
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_INT(lives, 1);
        EXPECT(eddy_task_cancel(late));
    }
    CHECK_INT(err, -EIO); /* a clean-up that fails has failed */
    CHECK_NOTES("1@1");
    CHECK_NO_REPORT();
    return 0;
}

static int fails_at_once(void)
{
    return -EIO;
}

ORDERED_TEST(a_child_that_fails_at_once_leaves_the_others_their_turns)
{
    int err;
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 50) {
        eddy_spawn(g, fails_at_once);
        turns(10);
        note("body");
        eddy_group_cancel(g);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("body");
    while (test_next_report())
        EXPECT_REPORT(EDDY_LOG_NOTE, "(fails_at_once, spawned at ");
    return 0;
}

/* ---- what doesn't go together ---- */

#define CHECK_REFUSED(message, ...)                                                                \
    do {                                                                                           \
        int error_ = 1, ran_ = 0;                                                                  \
        eddy_with_group (g, &error_, __VA_ARGS__) {                                                \
            ran_++;                                                                                \
            EXPECT(!eddy_spawn(g, tick));                                                          \
        }                                                                                          \
        CHECK_INT(error_, -EINVAL);                                                                \
        CHECK_INT(ran_, 1);                                                                        \
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_with_group: " message);                                \
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_spawn: the group has ended");                          \
    } while (0)

TEST(options_that_do_not_go_together_are_refused_with_a_message)
{
    CHECK_REFUSED("unknown policy", .policy = (enum eddy_group_policy)99);
    CHECK_REFUSED("EDDY_ENOUGH needs .wanted", .policy = EDDY_ENOUGH);
    CHECK_REFUSED(".wanted is for EDDY_ENOUGH", .wanted = 1);
    CHECK_REFUSED(".wanted is for EDDY_ENOUGH", .policy = EDDY_FIRST_SUCCESS, .wanted = 1);
    CHECK_REFUSED("EDDY_SUPERVISE needs .restarts", .policy = EDDY_SUPERVISE);
    CHECK_REFUSED("EDDY_SUPERVISE needs .restarts", .policy = EDDY_SUPERVISE, .restart_seconds = 3);
    CHECK_REFUSED(".restarts and .restart_seconds are for EDDY_SUPERVISE", .restarts = 3);
    CHECK_REFUSED(".restarts and .restart_seconds are for EDDY_SUPERVISE", .policy = EDDY_RUN_ALL,
                  .restart_seconds = 3);
    CHECK_REFUSED(".restarts is more than 65,536", .policy = EDDY_SUPERVISE, .restarts = 65537);
    CHECK_REFUSED(".restart_seconds isn't a time", .policy = EDDY_SUPERVISE, .restarts = 1,
                  .restart_seconds = -1);
    CHECK_REFUSED(".restart_seconds isn't a time", .policy = EDDY_SUPERVISE, .restarts = 1,
                  .restart_seconds = NAN);
    return 0;
}
