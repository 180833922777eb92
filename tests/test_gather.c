/* SPDX-License-Identifier: MIT */
/* Gather: many results, in order. */
#include "support/test.h"

static int release_all(eddy_task *const *tasks, size_t count)
{
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = eddy_task_release(tasks[i]);
    return r;
}

TEST(rule_130_results_are_in_argument_order_and_duplicates_stand_twice)
{
    eddy_task *nine = eddy_create_task(nap, .seconds = 3, .result = 9);
    eddy_task *one = eddy_create_task(nap, .seconds = 1, .result = 1);
    eddy_task *two = eddy_create_task(nap, .seconds = 2, .result = 2);
    eddy_task *tasks[] = {nine, one, nine, two};
    int results[4] = {0};
    CHECK_INT(eddy_gather(tasks, 4, results, EDDY_RAISE_FIRST), 0);
    CHECK(results[0] == 9 && results[1] == 1 && results[2] == 9 && results[3] == 2);
    CHECK_TIME(3);
    CHECK_INT(eddy_gather(tasks, 4, NULL, EDDY_RETURN_EXCEPTIONS), 0); /* all done, no results */
    CHECK_INT(eddy_gather(NULL, 0, NULL, EDDY_RAISE_FIRST), 0);
    return release_all((eddy_task *[]){nine, one, two}, 3);
}

TEST(rule_131_the_first_failure_ends_the_wait_and_the_others_go_on)
{
    eddy_task *tasks[] = {
        eddy_create_task(nap, .seconds = 3, .name = "a", .result = -EPIPE),
        eddy_create_task(nap, .seconds = 1, .name = "b", .result = 4),
        eddy_create_task(nap, .seconds = 2, .name = "c", .result = -EIO),
    };
    int results[3] = {0};
    CHECK_INT(eddy_gather(tasks, 3, results, EDDY_RAISE_FIRST), -EIO);
    CHECK_TIME(2);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "c failed");
    CHECK_INT(results[0], -EINPROGRESS);
    CHECK_INT(results[1], 4);
    CHECK_INT(results[2], -EIO);
    CHECK_NOTES("b c");
    CHECK_INT(eddy_sleep(2), 0); /* the results array is no longer written */
    CHECK_INT(results[0], -EINPROGRESS);
    CHECK_NOTES("a"); /* its failure counts as seen: no report */
    return release_all(tasks, 3);
}

ORDERED_TEST(rule_131_a_failure_already_there_ends_it_at_once)
{
    eddy_task *tasks[] = {
        eddy_create_task(nap, .seconds = 5, .name = "slow"),
        eddy_create_task(nap, .name = "bad", .result = -EIO),
        eddy_create_task(nap, .name = "good", .result = 2),
    };
    turns(2);
    int results[3] = {0};
    CHECK_INT(eddy_gather(tasks, 3, results, EDDY_RAISE_FIRST), -EIO);
    CHECK_TIME(0);
    CHECK(results[0] == -EINPROGRESS && results[1] == -EIO && results[2] == 2);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "bad failed");
    CHECK_INT(eddy_await(tasks[0]), 0);
    return release_all(tasks, 3);
}

ORDERED_TEST(rule_131_of_two_failures_in_one_turn_the_first_counts)
{
    eddy_task *tasks[] = {
        eddy_create_task(nap, .seconds = 2, .name = "slow"),
        eddy_create_task(nap, .seconds = 1, .name = "first", .result = -EIO),
        eddy_create_task(nap, .seconds = 1, .name = "second", .result = -EPIPE),
    };
    int results[3] = {0};
    CHECK_INT(eddy_gather(tasks, 3, results, EDDY_RAISE_FIRST), -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "first failed");
    CHECK(results[0] == -EINPROGRESS && results[1] == -EIO && results[2] == -EPIPE);
    CHECK_INT(eddy_gather(tasks, 3, results, EDDY_RAISE_FIRST), -EIO); /* done: in their order */
    CHECK_INT(eddy_await(tasks[0]), 0);
    CHECK_NOTES("first second slow");
    return release_all(tasks, 3);
}

TEST(rule_132_return_exceptions_lets_all_finish)
{
    eddy_task *tasks[] = {
        eddy_create_task(nap, .seconds = 1, .name = "a", .result = -EIO),
        eddy_create_task(nap, .seconds = 9, .name = "b"),
        eddy_create_task(nap, .seconds = 3, .name = "c", .result = 7),
    };
    eddy_task *cancel_it = eddy_create_task(cancel_later, .task = tasks[1], .seconds = 2);
    int results[3] = {0};
    CHECK_INT(eddy_gather(tasks, 3, results, EDDY_RETURN_EXCEPTIONS), 0);
    CHECK(results[0] == -EIO && results[1] == -ECANCELED && results[2] == 7);
    CHECK_TIME(3);
    CHECK_NOTES("a !b c");
    CHECK_INT(eddy_await(cancel_it), 0);
    return release_all(tasks, 3) + eddy_task_release(cancel_it);
}

TEST(rule_133_a_cancelled_child_gives_ECANCELED_and_the_siblings_go_on)
{
    eddy_task *tasks[] = {
        eddy_create_task(nap, .seconds = 5, .name = "a"),
        eddy_create_task(nap, .seconds = 5, .name = "b"),
    };
    eddy_task *cancel_it = eddy_create_task(cancel_later, .task = tasks[1], .seconds = 1);
    int results[2] = {0};
    CHECK_INT(eddy_gather(tasks, 2, results, EDDY_RAISE_FIRST), -ECANCELED);
    CHECK_TIME(1);
    CHECK(!eddy_cancelled()); /* the gather itself isn't */
    CHECK(results[0] == -EINPROGRESS && results[1] == -ECANCELED);
    CHECK(!eddy_task_done(tasks[0]));
    CHECK_INT(eddy_await(tasks[0]), 0);
    CHECK_NOTES("!b a");
    return release_all(tasks, 2) + eddy_await(cancel_it) + eddy_task_release(cancel_it);
}

struct gatherer {
    eddy_task *const *tasks;
    size_t count;
    int *results;
    enum eddy_gather_mode mode;
};
static int gatherer(struct gatherer *a)
{
    int r = eddy_gather(a->tasks, a->count, a->results, a->mode);
    note("gather:%s@%g", r < 0 ? eddy_error_name(r) : "0", eddy_time());
    return r;
}

static int cancelled_gather(enum eddy_gather_mode mode)
{
    double start = eddy_time();
    eddy_task *tasks[] = {
        eddy_create_task(nap, .seconds = 1, .name = "a", .result = 3),
        eddy_create_task(nap, .seconds = 9, .name = "b", .cleanup = 2),
        eddy_create_task(nap, .seconds = 9, .name = "c", .cleanup = 1, .at_cancel = -EIO),
    };
    int results[3] = {0};
    eddy_task *outer = eddy_create_task(gatherer, .tasks = tasks, .count = 3, .results = results,
                                        .mode = mode);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK(eddy_task_cancel(outer));
    CHECK_INT(eddy_await(outer), -ECANCELED);
    CHECK_TIME(start + 4);
    CHECK(eddy_task_cancelled(outer));
    CHECK(results[0] == 3 && results[1] == -ECANCELED && results[2] == -EIO);
    return release_all(tasks, 3) + eddy_task_release(outer);
}

ORDERED_TEST(rule_134_cancelling_a_gather_cancels_all_and_waits_for_them)
{
    CHECK_INT(cancelled_gather(EDDY_RAISE_FIRST), 0);
    CHECK_NOTES("a !b !c gather:ECANCELED@4");
    CHECK_INT(cancelled_gather(EDDY_RETURN_EXCEPTIONS), 0);
    CHECK_NOTES("a !b !c gather:ECANCELED@8");
    return 0;
}

TEST(rule_134_a_timeout_around_a_gather)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 9, .cleanup = 1)};
    int err;
    eddy_with_timeout (2, &err) {
        EXPECT_INT(eddy_gather(tasks, 1, NULL, EDDY_RAISE_FIRST), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(3);
    CHECK(eddy_task_cancelled(tasks[0]));
    return release_all(tasks, 1);
}

ORDERED_TEST(rule_135_a_cancel_when_all_are_done_does_not_reach_the_gather)
{
    eddy_task *tasks[] = {eddy_create_task(nap, .seconds = 1, .result = 3)};
    int results[1] = {0};
    eddy_task *outer = eddy_create_task(gatherer, .tasks = tasks, .count = 1, .results = results);
    turns(1);
    eddy_task *cancel_it = eddy_create_task(cancel_later, .task = outer, .seconds = 1);
    CHECK_INT(eddy_await(outer), 0); /* cancelled between the child's end and its own turn */
    CHECK_INT(results[0], 3);
    CHECK_NOTES("gather:0@1");
    return release_all(tasks, 1) + eddy_await(cancel_it) + eddy_task_release(cancel_it) +
           eddy_task_release(outer);
}

ORDERED_TEST(a_refused_gather_of_done_tasks_succeeds_of_others_cancels_them)
{
    eddy_task *done = eddy_create_task(nap, .result = 3);
    turns(2);
    eddy_task *pending = eddy_create_task(nap, .seconds = 9);
    int err, results[2] = {0};
    eddy_with_timeout (0, &err) {
        EXPECT_INT(eddy_gather(&done, 1, results, EDDY_RAISE_FIRST), 0);
        EXPECT_INT(results[0], 3);
        eddy_task *both[] = {done, pending};
        EXPECT_INT(eddy_gather(both, 2, results, EDDY_RAISE_FIRST), -ECANCELED);
        EXPECT(results[0] == 3 && results[1] == -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(0);
    CHECK(eddy_task_cancelled(pending));
    return eddy_task_release(done) + eddy_task_release(pending);
}

struct ends_on_stop {
    bool *stop;
    eddy_task *task;
};
static int ends_on_stop(struct ends_on_stop *a)
{
    int r = 0;
    while (r == 0 && !*a->stop)
        r = eddy_sleep(0);
    return r < 0 ? r : 1;
}

static int gathers_as_101st(struct ends_on_stop *a)
{
    for (int i = 0; i < 101; i++)
        EXPECT_INT(eddy_sleep(1), -ECANCELED);
    *a->stop = true;
    return eddy_gather(&a->task, 1, NULL, EDDY_RETURN_EXCEPTIONS);
}

FIFO_TEST(a_gather_refused_with_a_yield_sees_a_task_that_ends_meanwhile)
{
    bool stop = false;
    eddy_task *inner = eddy_create_task(ends_on_stop, .stop = &stop);
    eddy_task *outer = eddy_create_task_as(gathers_as_101st, struct ends_on_stop, .stop = &stop,
                                           .task = inner);
    turns(1);
    CHECK(eddy_task_cancel(outer));
    int err;
    eddy_with_timeout (5, &err) {
        (void)!eddy_await(outer);
    }
    CHECK_INT(err, 0);
    while (test_next_report())
        CHECK_REPORT(EDDY_LOG_CANCEL_IGNORED, "goes on");
    return eddy_task_release(inner) + eddy_task_release(outer);
}

TEST(two_gathers_of_the_same_tasks)
{
    eddy_task *tasks[] = {
        eddy_create_task(nap, .seconds = 2, .result = 2),
        eddy_create_task(nap, .seconds = 1, .name = "bad", .result = -EIO),
    };
    int first[2] = {0}, second[2] = {0}, err;
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, gatherer, .tasks = tasks, .count = 2, .results = first);
        eddy_spawn(g, gatherer, .tasks = tasks, .count = 2, .results = second,
                   .mode = EDDY_RETURN_EXCEPTIONS);
    }
    CHECK_INT(err, -EIO);
    CHECK_NOTES("bad gather:EIO@1 gather:0@2");
    CHECK(first[0] == -EINPROGRESS && second[0] == 2 && second[1] == -EIO);
    return release_all(tasks, 2);
}

TEST(a_NULL_stale_or_own_task_among_them_and_nothing_is_waited_for)
{
    eddy_task *slow = eddy_create_task(nap, .seconds = 5);
    eddy_task *stale = eddy_create_task(nap, .result = 1);
    CHECK_INT(eddy_await(stale), 1);
    CHECK_INT(eddy_task_release(stale), 0);
    eddy_task *with_null[] = {slow, NULL}, *with_stale[] = {slow, stale};
    eddy_task *with_self[] = {slow, eddy_current_task()};
    int results[2] = {5, 5};
    CHECK_INT(eddy_gather(with_null, 2, results, EDDY_RAISE_FIRST), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_gather");
    CHECK_INT(eddy_gather(with_stale, 2, results, EDDY_RAISE_FIRST), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_gather");
    CHECK_INT(eddy_gather(with_self, 2, results, EDDY_RAISE_FIRST), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_gather");
    CHECK_INT(eddy_gather(NULL, 2, results, EDDY_RAISE_FIRST), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_gather");
    CHECK_INT(eddy_gather(&slow, 1, results, (enum eddy_gather_mode)9), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_gather");
    CHECK(results[0] == 5 && results[1] == 5); /* untouched */
    CHECK_TIME(0);
    CHECK_INT(eddy_await(slow), 0);
    return eddy_task_release(slow);
}
