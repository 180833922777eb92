/* SPDX-License-Identifier: MIT */
/* A child's readiness: eddy_spawn_ready and eddy_ready. */
#include "support/test.h"

/* Ready after so many seconds with a value, or ended before; then runs on. */
struct service {
    double starting, running;
    int value, result;
    const char *name;
    bool never;
};

static int service(struct service *a)
{
    int r = eddy_sleep(a->starting);
    if (r < 0) {
        note("!%s", a->name);
        return a->result < 0 ? a->result : r;
    }
    if (a->never)
        return a->result < 0 ? eddy_fail(a->result, "no port") : 0;
    CHECK_INT(eddy_ready(a->value), 0);
    CHECK_INT(eddy_ready(a->value + 1), 0); /* the second time nobody listens */
    r = eddy_sleep(a->running);
    note("%s%s", r < 0 ? "!" : "", a->name);
    return r < 0 ? r : 0;
}

TEST(spawn_ready_returns_the_childs_value_when_it_is_ready)
{
    int err;
    eddy_with_group (g, &err) {
        int port = eddy_spawn_ready(g, service, .starting = 2, .running = 3, .value = 8080,
                                    .name = "s");
        EXPECT_INT(port, 8080);
        EXPECT_TIME(2);
        EXPECT_INT(eddy_group_size(g), 1);
        EXPECT_INT(eddy_spawn_ready(g, service, .name = "t"), 0); /* 0 is a value */
    }
    CHECK_INT(err, 0);
    CHECK_TIME(5);
    CHECK_NOTES("t s");
    return 0;
}

TEST(a_child_that_fails_before_gives_its_failure)
{
    int err;
    eddy_with_group (g, &err) {
        err = eddy_spawn_ready(g, service, .starting = 1, .never = true, .result = -EADDRINUSE);
        EXPECT_INT(err, -EADDRINUSE);
        EXPECT_TEXT(eddy_failure_message(eddy_last_failure()), "no port");
    }
    CHECK_INT(err, -EADDRINUSE);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 1); /* once */
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        EXPECT_INT(eddy_spawn_ready(g, service, .never = true, .result = -EIO), -EIO);
        EXPECT(!eddy_cancelled());
    }
    CHECK_INT(err, -EIO);
    return 0;
}

static int cancels_itself(void)
{
    eddy_task_cancel(eddy_current_task());
    return eddy_sleep(0);
}

TEST(a_child_that_just_ends_before_gives_epipe)
{
    int err;
    eddy_with_group (g, &err) {
        EXPECT_INT(eddy_spawn_ready(g, service, .starting = 1, .never = true), -EPIPE);
        EXPECT_TEXT(eddy_failure_message(eddy_last_failure()), "service ended before it was ready");
        EXPECT_INT(eddy_spawn_ready(g, cancels_itself), -EPIPE);
    }
    CHECK_INT(err, 0);
    return 0;
}

TEST(a_cancel_of_the_spawner_cancels_the_child_and_waits_for_it)
{
    int err, inner = 0, r = 0;
    eddy_with_group (g, &inner) {
        eddy_with_timeout (1, &err)
            err = r = eddy_spawn_ready(g, service, .starting = 5, .name = "s");
        EXPECT_INT(eddy_group_size(g), 0);
    }
    CHECK_INT(r, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(inner, 0);
    CHECK_NOTES("!s");
    CHECK_TIME(1);
    return 0;
}

TEST(a_failure_of_that_clean_up_is_told)
{
    int err, inner = 0;
    eddy_with_group (g, &inner, .policy = EDDY_RUN_ALL)
        eddy_with_timeout (1, &err)
            err = eddy_spawn_ready(g, service, .starting = 5, .name = "s", .result = -EIO);
    CHECK_INT(err, -EIO);
    CHECK_INT(inner, -EIO);
    CHECK_NOTES("!s");
    return 0;
}

static int stubborn(void)
{
    int r = eddy_sleep(5);
    EXPECT_INT(eddy_ready(7), 0); /* too late: nobody listens */
    eddy_with_shield (EDDY_FOREVER)
        EXPECT_INT(eddy_sleep(1), 0);
    note("out");
    return r;
}

TEST(once_the_spawner_is_cancelled_the_child_cannot_be_ready)
{
    int err, inner = 0, r = 0;
    eddy_with_group (g, &inner)
        eddy_with_timeout (1, &err)
            err = r = eddy_spawn_ready(g, stubborn);
    CHECK_INT(r, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(2);
    CHECK_NOTES("out");
    return inner;
}

struct spawns {
    eddy_group *group;
    int result;
};

static int spawns(struct spawns *a)
{
    a->result = eddy_spawn_ready(a->group, service, .starting = 1, .running = 1, .value = 5,
                                 .name = "s");
    note("%d", a->result);
    return a->result;
}

TEST(ready_and_cancel_at_once_keep_both_child_and_value)
{
    int err;
    eddy_with_group (g, &err) {
        struct spawns args = {g, 0};
        eddy_task *task = eddy_spawn_on(g, spawns, &args);
        eddy_spawn(g, nap, .seconds = 3);
        EXPECT_INT(eddy_sleep(1), 0);
        /* Whoever woke first at this instant. */
        bool ready = args.result == 5;
        EXPECT(ready || !eddy_task_done(task));
        EXPECT_INT(eddy_sleep(0), 0);
        if (eddy_task_cancel(task))
            EXPECT(eddy_await(task) == 5 || eddy_task_cancelled(task));
    }
    CHECK_INT(err, 0);
    eddy_test_note("end");
    return 0;
}

ORDERED_TEST(a_cancel_after_ready_was_said_comes_too_late)
{
    int err;
    eddy_with_group (g, &err) {
        struct spawns args = {g, 0};
        eddy_task *task = eddy_spawn_on(g, spawns, &args);
        EXPECT_INT(eddy_sleep(0), 0); /* the child's timer is set before this task's ... */
        EXPECT_INT(eddy_sleep(0), 0);
        EXPECT_INT(eddy_sleep(1), 0); /* ... so it has said so, and its spawner hasn't run yet */
        EXPECT(eddy_task_cancel(task));
        EXPECT_INT(eddy_await(task), 5);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("5 s"); /* and the child lives on */
    return 0;
}

TEST(ready_without_anybody_who_waits_does_nothing)
{
    int err;
    eddy_with_group (g, &err)
        eddy_spawn(g, service, .value = 3, .name = "s");
    CHECK_INT(err, 0);
    CHECK_INT(eddy_ready(1), 0); /* the main task is nobody's child */
    CHECK_NOTES("s");
    return 0;
}

struct fails_then_is_ready {
    int *lives;
};

static int fails_then_is_ready(struct fails_then_is_ready *a)
{
    return ++*a->lives < 3 ? eddy_fail(-EAGAIN, "not yet") : eddy_ready(42);
}

TEST(with_supervision_a_later_life_may_be_the_ready_one)
{
    int err, lives = 0;
    eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 5, .limit = 1) {
        EXPECT_INT(eddy_spawn_ready(g, fails_then_is_ready, .lives = &lives), 42);
    }
    CHECK_INT(err, 0);
    CHECK_REPORT(EDDY_LOG_NOTE, "started again");
    CHECK_REPORT(EDDY_LOG_NOTE, "started again");
    return 0;
}

static int spawn_ready_refused(void)
{
    int err, r = 0;
    eddy_with_group (g, &err) {
        eddy_task_cancel(eddy_current_task());
        r = eddy_spawn_ready(g, service, .name = "s");
        EXPECT_INT(eddy_group_size(g), 0);
    }
    CHECK_INT(r, -ECANCELED);
    CHECK_NOTES("");
    return -ECANCELED;
}

TEST(a_cancelled_task_spawns_none)
{
    eddy_task *task = eddy_create_task(spawn_ready_refused);
    CHECK_INT(eddy_await(task), -ECANCELED);
    return eddy_task_release(task);
}

TEST(wrong_calls_are_told)
{
    int err;
    CHECK_INT(eddy_spawn_ready(NULL, service, .name = "s"), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_spawn: the group is NULL");
    CHECK_INT(eddy_ready(-3), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_ready: -3 is an error; return it instead");
    eddy_with_group (g, &err) {
        eddy_group_cancel(g);
        eddy_with_shield (EDDY_FOREVER)
            EXPECT_INT(eddy_spawn_ready(g, service, .name = "s"), -ECANCELED);
    }
    CHECK_INT(err, 0);
    return 0;
}

PLAIN_TEST(outside_a_task_it_says_so)
{
    test_stderr_begin();
    EXPECT_INT(eddy_spawn_ready(NULL, service, .name = "s"), -EINVAL);
    EXPECT_INT(eddy_ready(0), -EINVAL);
    const char *text = test_stderr_end();
    EXPECT_CONTAINS(text, "eddy_spawn_ready: awaited outside a task (EINVAL)");
    EXPECT_CONTAINS(text, "eddy_ready: ");
    EXPECT_INT(test_count_lines(text), 2);
    eddy_failure_clear();
}
