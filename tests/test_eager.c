/* SPDX-License-Identifier: MIT */
/* Eager start: a task that runs at once, up to its first suspension. */
#include "support/test.h"

static int answer(void)
{
    note("ran");
    return 42;
}

static void count_call(void *counter)
{
    ++*(int *)counter;
}

TEST(rule_059_it_runs_at_once_and_ends_without_a_turn_of_the_loop)
{
    int turned = 0;
    CHECK(eddy_call_soon(count_call, &turned));
    eddy_task *task = eddy_create_task_eager(answer);
    CHECK_NOTES("ran");
    CHECK(eddy_task_done(task));
    CHECK_INT(eddy_await(task), 42);
    CHECK_INT(turned, 0);
    return eddy_task_release(task);
}

struct steps {
    const char *name;
    int count;
};

static int steps(struct steps *a)
{
    for (int i = 0; i < a->count; i++) {
        note("%s%d", a->name, i);
        int r = eddy_sleep(i % 2 ? 1 : 0); /* a yield, then a real wait */
        if (r < 0) {
            note("!%s", a->name);
            return r;
        }
    }
    note("%s.", a->name);
    return a->count;
}

ORDERED_TEST(rule_059_up_to_its_first_suspension)
{
    eddy_task *queued = eddy_create_task(steps, .name = "q", .count = 1);
    eddy_task *eager = eddy_create_task_eager(steps, .name = "e", .count = 2);
    note("here");
    CHECK_NOTES("e0 here");
    CHECK_INT(eddy_await(eager), 2);
    CHECK_NOTES("q0 e1 q. e.");
    CHECK_TIME(1);
    CHECK_INT(eddy_task_release(queued), 0);
    return eddy_task_release(eager);
}

struct who {
    eddy_task **seen;
};

static int who(struct who *a)
{
    a->seen[0] = eddy_current_task();
    note("%s", eddy_task_name(eddy_current_task()));
    int r = eddy_sleep(1);
    a->seen[1] = eddy_current_task();
    return r;
}

TEST(rule_060_current_task_is_the_new_one_then_the_old_one)
{
    eddy_task *self = eddy_current_task(), *seen[2] = {NULL, NULL};
    eddy_task *task = eddy_create_task_eager(who, .seen = seen);
    CHECK(eddy_current_task() == self);
    CHECK(seen[0] == task && !seen[1]);
    CHECK_INT(eddy_await(task), 0);
    CHECK(seen[1] == task && eddy_current_task() == self);
    CHECK_NOTES("Task-2"); /* rule 63 */
    return eddy_task_release(task);
}

TEST(rule_061_all_tasks_has_it_only_while_it_waits)
{
    eddy_task *done = eddy_create_task_eager(answer);
    eddy_task *waits = eddy_create_task_eager(nap, .seconds = 1);
    eddy_task *all[4];
    CHECK_INT(eddy_all_tasks(all, 4), 2);
    CHECK(all[0] == eddy_current_task() && all[1] == waits);
    CHECK_INT(eddy_await(waits), 0);
    CHECK_NOTES("ran");
    CHECK_INT(eddy_task_release(waits), 0);
    return eddy_task_release(done);
}

TEST(rule_062_a_cancel_does_nothing_to_a_done_one_and_works_on_one_that_waits)
{
    eddy_task *done = eddy_create_task_eager(answer);
    eddy_task *waits = eddy_create_task_eager(steps, .name = "w", .count = 1);
    CHECK(!eddy_task_cancel(done));
    CHECK_INT(eddy_task_result(done), 42);
    CHECK(eddy_task_cancel(waits)); /* queued by its yield: that was granted */
    CHECK_INT(eddy_await(waits), 1);
    CHECK_INT(eddy_task_release(waits), 0);
    waits = eddy_create_task_eager(nap, .seconds = 9, .name = "n");
    CHECK(eddy_task_cancel(waits));
    CHECK_INT(eddy_await(waits), -ECANCELED);
    CHECK(eddy_task_cancelled(waits));
    CHECK_NOTES("ran w0 w. !n");
    CHECK_INT(eddy_task_release(waits), 0);
    return eddy_task_release(done);
}

struct awaits {
    eddy_future *future;
    eddy_task *task;
};

static int awaits(struct awaits *a)
{
    void *value = NULL;
    int r = eddy_future_await(a->future, &value);
    note("%d %s", r, (const char *)value);
    return a->task ? eddy_await(a->task) : 0;
}

TEST(rule_065_futures_and_tasks_can_be_awaited_in_the_first_step)
{
    eddy_future *done = eddy_future_new(), *pending = eddy_future_new();
    CHECK_INT(eddy_future_set_result(done, "done"), 0);
    eddy_task *first = eddy_create_task_eager(awaits, .future = done);
    CHECK_NOTES("0 done");
    CHECK(eddy_task_done(first));
    eddy_task *second = eddy_create_task_eager(awaits, .future = pending, .task = first);
    CHECK(!eddy_task_done(second));
    CHECK_INT(eddy_future_set_result(pending, "later"), 0);
    CHECK_INT(eddy_await(second), 0);
    CHECK_NOTES("0 later");
    eddy_future_release(done);
    eddy_future_release(pending);
    CHECK_INT(eddy_task_release(first), 0);
    return eddy_task_release(second);
}

struct nested {
    int depth;
    eddy_task *creator;
};

static int nested(struct nested *a)
{
    note("+%d", a->depth);
    if (a->depth < 3) {
        eddy_task *inner = eddy_create_task_eager(nested, .depth = a->depth + 1,
                                                  .creator = eddy_current_task());
        note("=%d", a->depth);
        int r = eddy_sleep(a->depth == 2 ? 0 : 1);
        if (r == 0)
            r = eddy_await(inner);
        if (r < 0)
            return r;
        r = eddy_task_release(inner);
        note("-%d", a->depth);
        return r;
    }
    return eddy_sleep(2);
}

TEST(eager_tasks_start_eager_tasks)
{
    eddy_task *task = eddy_create_task_eager(nested, .depth = 1);
    CHECK_NOTES("+1 +2 +3 =2 =1");
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("-2 -1");
    CHECK_TIME(2);
    return eddy_task_release(task);
}

struct turncoat {
    eddy_task *creator;
};

static int turncoat(struct turncoat *a)
{
    EXPECT(eddy_task_cancel(a->creator));
    return eddy_sleep(0);
}

static int betrayed(void)
{
    eddy_task *task = eddy_create_task_eager(turncoat, .creator = eddy_current_task());
    note("%s", eddy_cancelled() ? "cancelled" : "free");
    int r = eddy_sleep(1);
    EXPECT_INT(eddy_task_release(task), 0);
    return r;
}

TEST(an_eager_task_may_cancel_its_creator)
{
    eddy_task *task = eddy_create_task(betrayed);
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_NOTES("cancelled");
    while (eddy_all_tasks(NULL, 0) > 1) /* the turncoat */
        CHECK_INT(eddy_sleep(0), 0);
    return eddy_task_release(task);
}

static void start_in_callback(void *result)
{
    eddy_task **tasks = result;
    tasks[0] = eddy_create_task_eager(answer);
    tasks[1] = eddy_create_task_eager(nap, .seconds = 1, .name = "nap");
    EXPECT(!eddy_current_task());
    note("callback");
}

ORDERED_TEST(a_callback_may_start_one_too)
{
    eddy_task *tasks[2] = {NULL, NULL};
    CHECK(eddy_call_soon(start_in_callback, tasks));
    turns(1);
    CHECK_NOTES("ran callback");
    CHECK(eddy_task_done(tasks[0]) && !eddy_task_done(tasks[1]));
    CHECK_INT(eddy_await(tasks[1]), 0);
    CHECK_NOTES("nap");
    return eddy_task_release(tasks[0]) + eddy_task_release(tasks[1]);
}

TEST(errno_and_the_last_failure_are_the_creators_own)
{
    errno = EXDEV;
    CHECK_INT(eddy_fail(-EDOM, "mine"), -EDOM);
    eddy_task *task = eddy_create_task_eager(nap, .seconds = 1, .name = "bad", .result = -EIO);
    CHECK_INT(errno, EXDEV);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "mine");
    CHECK_INT(eddy_await(task), -EIO);
    CHECK_NOTES("bad");
    eddy_failure_clear();
    return eddy_task_release(task);
}

/* ---- in groups ---- */

static int fails_at_once(void)
{
    return eddy_fail(-EIO, "at once");
}

TEST(rule_101_one_that_fails_in_its_first_step_aborts_the_group)
{
    int err, after = 0;
    eddy_task *sibling = NULL, *failed = NULL;
    eddy_with_group (g, &err) {
        sibling = eddy_spawn(g, nap, .seconds = 9, .name = "sibling");
        failed = eddy_spawn_eager(g, fails_at_once);
        CHECK(failed && eddy_task_done(failed)); /* creation itself went well */
        CHECK_INT(eddy_task_result(failed), -EIO);
        CHECK(!eddy_task_done(sibling));
        after = eddy_sleep(1);
    }
    CHECK_INT(err, -EIO);
    CHECK_INT(after, -ECANCELED);
    CHECK_NOTES(""); /* the sibling never began */
    CHECK_TIME(0);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 1);
    return 0;
}

struct second {
    eddy_group *group;
};

static int second(struct second *a)
{
    EXPECT(eddy_spawn_eager(a->group, fails_at_once));
    int r = eddy_sleep(0);
    note("%d", r);
    return r;
}

TEST(rule_101_a_child_is_cancelled_by_one_that_it_creates)
{
    int err;
    eddy_with_group (g, &err)
        eddy_spawn_eager(g, second, .group = g);
    CHECK_INT(err, -EIO);
    CHECK_NOTES("-125");
    return 0;
}

static int cancels_group(struct second *a)
{
    eddy_group_cancel(a->group);
    note("%s", eddy_cancelled() ? "cancelled" : "free");
    return eddy_sleep(1);
}

TEST(rule_104_an_eager_child_that_cancels_its_group_is_cancelled_itself)
{
    int err;
    eddy_task *child = NULL;
    eddy_with_group (g, &err) {
        struct second arguments = {g};
        child = eddy_spawn_eager_(g, EDDY_ERASE_(cancels_group), &arguments, sizeof arguments,
                                  EDDY_COPIED_, EDDY_SITE_("cancels_group"));
        CHECK(eddy_task_cancelled(child));
        CHECK_INT(eddy_sleep(1), -ECANCELED);
        CHECK(!eddy_spawn_eager(g, answer)); /* shutting down */
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("cancelled");
    CHECK_TIME(0);
    return 0;
}

TEST(an_eager_child_with_arguments_in_place_is_joined_by_the_block)
{
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 3; i++)
            eddy_spawn_eager(g, steps, .name = "x", .count = 2);
        CHECK_NOTES("x0 x0 x0");
        CHECK_INT(eddy_group_size(g), 3);
        CHECK(eddy_spawn_eager(g, answer));
        CHECK_INT(eddy_group_size(g), 3);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("ran x1 x1 x1 x. x. x.");
    return 0;
}

static int depth;

static int deep(void)
{
    if (++depth == 1000)
        return 7;
    eddy_task *task = eddy_create_task_eager(deep);
    int r = task ? eddy_await(task) : -ENOMEM;
    EXPECT_INT(eddy_task_release(task), 0);
    return r;
}

TEST(a_thousand_within_each_other)
{
    depth = 0;
    eddy_task *task = eddy_create_task_eager(deep);
    CHECK(eddy_task_done(task));
    CHECK_INT(eddy_await(task), 7);
    return eddy_task_release(task);
}

static int none_here(void)
{
    CHECK(!eddy_create_task_eager(answer));
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EAGAIN);
    eddy_failure_clear();
    return 0;
}

PLAIN_TEST(where_none_can_be_had_there_is_none)
{
    EXPECT_INT(test_run_with(none_here, (struct eddy_options){.max_tasks = 1}), 0);
    EXPECT_NOTES("");
    test_stderr_begin();
    EXPECT(!eddy_create_task_eager(answer));
    EXPECT_CONTAINS(test_stderr_end(), "outside a loop");
}
