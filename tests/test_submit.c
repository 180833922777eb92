/* SPDX-License-Identifier: MIT */
/* Submissions: tasks for the loop of another thread. */
#include <pthread.h>
#define TEST_DEFAULTS .real_system = true
#include "other_thread.h"

struct add {
    double seconds;
    int left, right;
};

static int add(struct add *a)
{
    CHECK(eddy_current_task());
    int r = eddy_sleep(a->seconds);
    if (r < 0) {
        note("!");
        return r;
    }
    return a->left < 0 ? eddy_fail(a->left, "added %d", a->left) : a->left + a->right;
}

static void submits(struct other *other)
{
    eddy_submission *s = eddy_submit(other->loop, add, .seconds = 0.01, .left = 40, .right = 2);
    EXPECT(s);
    EXPECT(!eddy_current_loop());
    EXPECT_INT(eddy_submission_wait(s, EDDY_FOREVER), 0);
    EXPECT(eddy_submission_done(s));
    EXPECT_INT(eddy_submission_result(s), 42);
    EXPECT_INT(eddy_submission_wait(s, 0), 0);
    EXPECT(!eddy_submission_cancel(s));
    eddy_submission_release(s);
}

TEST_WITH(rule_245_a_result_comes_back, REAL)
{
    return meanwhile(submits, NULL);
}

static void submits_a_failure(struct other *other)
{
    eddy_submission *s = eddy_submit(other->loop, add, .left = -EIO);
    EXPECT_INT(eddy_submission_wait(s, 10), 0);
    for (int i = 0; i < 2; i++) { /* as often as one likes */
        eddy_failure_clear();
        EXPECT_INT(eddy_submission_result(s), -EIO);
        EXPECT_TEXT(eddy_failure_message(eddy_last_failure()), "added -5");
        EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EIO);
    }
    eddy_failure_clear();
    eddy_submission_release(s);
}

TEST_WITH(rule_245_an_error_comes_back_with_its_story, REAL)
{
    return meanwhile(submits_a_failure, NULL);
}

static void submits_something_slow(struct other *other)
{
    eddy_submission *s = eddy_submit(other->loop, add, .seconds = 100);
    EXPECT_INT(eddy_submission_result(s), -EINPROGRESS);
    EXPECT_INT(eddy_submission_wait(s, 0), -ETIMEDOUT);
    EXPECT_INT(eddy_submission_wait(s, 0.02), -ETIMEDOUT);
    EXPECT(!eddy_submission_done(s));
    EXPECT(eddy_submission_cancel(s));
    (void)eddy_submission_cancel(s); /* once more, or too late: harmless */
    EXPECT_INT(eddy_submission_wait(s, 10), 0);
    EXPECT_INT(eddy_submission_result(s), -ECANCELED);
    EXPECT(!eddy_submission_cancel(s));
    eddy_submission_release(s);
}

TEST_WITH(rule_245_a_timeout_and_a_cancel_from_the_thread, REAL)
{
    int r = meanwhile(submits_something_slow, NULL);
    CHECK_NOTES("!");
    return r;
}

static int cancels_all_others(void)
{
    eddy_task *all[8];
    size_t count = eddy_all_tasks(all, 8);
    for (size_t i = 0; i < count; i++) {
        char text[128];
        (void)eddy_task_describe(all[i], text, sizeof text);
        if (strstr(text, "add()"))
            EXPECT(eddy_task_cancel(all[i]));
    }
    return 0;
}

static void submits_what_the_loop_cancels(struct other *other)
{
    eddy_submission *s = eddy_submit(other->loop, add, .seconds = 100);
    eddy_submission *t = eddy_submit(other->loop, cancels_all_others);
    EXPECT_INT(eddy_submission_wait(s, 10), 0);
    EXPECT_INT(eddy_submission_result(s), -ECANCELED);
    eddy_submission_release(s);
    EXPECT_INT(eddy_submission_wait(t, 10), 0);
    eddy_submission_release(t);
}

TEST_WITH(rule_245_a_cancel_from_the_loop, REAL)
{
    int r = meanwhile(submits_what_the_loop_cancels, NULL);
    CHECK_NOTES("!");
    return r;
}

static void submits_what_cannot_be_made(struct other *other)
{
    eddy_submission *s = eddy_submit(other->loop, cancels_all_others);
    EXPECT_INT(eddy_submission_wait(s, 10), 0);
    EXPECT_INT(eddy_submission_result(s), -EAGAIN);
    EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()), "is the cap");
    eddy_failure_clear();
    eddy_submission_release(s);
}

TEST_WITH(rule_245_a_task_that_can_not_be_made_is_the_result, REAL, .max_tasks = 1)
{
    return meanwhile(submits_what_cannot_be_made, NULL);
}

TEST_WITH(released_at_once_the_task_runs_and_its_failure_is_reported, REAL)
{
    eddy_submission_release(eddy_submit(eddy_current_loop(), add, .left = 1));
    eddy_submission_release(eddy_submit(eddy_current_loop(), add, .left = -EIO));
    CHECK_INT(eddy_sleep(0.01), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "nobody waited");
    eddy_submission *s = eddy_submit(eddy_current_loop(), add, .left = -EIO);
    while (!eddy_submission_done(s))
        CHECK_INT(eddy_sleep(0), 0);
    eddy_submission_release(s); /* could have looked */
    CHECK_NO_REPORT();
    return 0;
}

TEST_WITH(on_the_loops_own_thread_it_may_be_cancelled_before_it_arrives_but_not_waited_for, REAL)
{
    eddy_submission *s = eddy_submit(eddy_current_loop(), add, .left = 1);
    CHECK_INT(eddy_submission_wait(s, 1), -EDEADLK);
    CHECK_REPORT(EDDY_LOG_MISUSE, "own loop");
    CHECK(eddy_submission_cancel(s));
    while (!eddy_submission_done(s))
        CHECK_INT(eddy_sleep(0), 0);
    CHECK_INT(eddy_submission_wait(s, 1), 0);
    CHECK_INT(eddy_submission_result(s), -ECANCELED);
    CHECK_INT(eddy_all_tasks(NULL, 0), 1); /* it never was */
    eddy_submission_release(s);
    return 0;
}

TEST(bad_input_of_submissions)
{
    CHECK(!eddy_submit(NULL, cancels_all_others));
    CHECK_REPORT(EDDY_LOG_MISUSE, "loop is NULL");
    CHECK_INT(eddy_submission_wait(NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK_INT(eddy_submission_result(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    CHECK(!eddy_submission_cancel(NULL) && !eddy_submission_done(NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL");
    eddy_submission_release(NULL);
    eddy_submission *s = eddy_submit(eddy_current_loop(), add, .left = 1);
    CHECK_INT(eddy_submission_wait(s, NAN), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "number");
    turns(3);
    CHECK_INT(eddy_submission_result(s), 1);
    eddy_submission_release(s);
    return 0;
}

/* ---- the loop's end ---- */

static eddy_submission *kept[3];

static int ends_with_some_in_every_state(void)
{
    kept[0] = eddy_submit(eddy_current_loop(), add, .seconds = 100);
    turns(3); /* runs */
    kept[1] = eddy_submit(eddy_current_loop(), add, .seconds = 100);
    EXPECT(eddy_submission_cancel(kept[0]));
    test_state.leftovers = 1;
    return 0;
}

static int is_refused_at_the_end(void)
{
    int r = eddy_sleep(100); /* until the loop ends */
    EXPECT(!eddy_submit(eddy_current_loop(), add, .left = 1));
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -ESHUTDOWN);
    return r;
}

static int leaves_one_that_submits(void)
{
    test_state.leftovers = 1;
    return eddy_detach(eddy_create_task(is_refused_at_the_end)) + eddy_sleep(1);
}

PLAIN_TEST(a_closing_loop_refuses)
{
    EXPECT_INT(test_run(leaves_one_that_submits), 0);
}

PLAIN_TEST(whatever_the_loop_leaves_undone_is_done_when_it_ends)
{
    EXPECT_INT(test_run(ends_with_some_in_every_state), 0);
    for (int i = 0; i < 2; i++) {
        EXPECT_INT(eddy_submission_wait(kept[i], EDDY_FOREVER), 0);
        EXPECT(!eddy_submission_cancel(kept[i]));
    }
    EXPECT_INT(eddy_submission_result(kept[0]), -ECANCELED);
    int second = eddy_submission_result(kept[1]);
    EXPECT(second == -ESHUTDOWN || second == -ECANCELED);
    for (int i = 0; i < 2; i++)
        eddy_submission_release(kept[i]);
    eddy_failure_clear();
    test_state.notes[0] = '\0';
}

PLAIN_TEST(a_runner_that_never_runs_refuses_what_came)
{
    eddy_runner runner;
    EXPECT_INT(eddy_runner_open(&runner, NULL), 0);
    eddy_submission *s = eddy_submit(eddy_runner_loop(&runner), add, .left = 1);
    EXPECT(s);
    EXPECT_INT(eddy_submission_wait(s, 0), -ETIMEDOUT);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT_INT(eddy_submission_wait(s, EDDY_FOREVER), 0);
    EXPECT_INT(eddy_submission_result(s), -ESHUTDOWN);
    EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()), "ended before");
    eddy_submission_release(s);
    eddy_failure_clear();
}

/* ---- many threads, many loops ---- */

enum { THREADS = 4, EACH = 200 };

static void *submits_many(void *argument)
{
    struct other *other = argument;
    for (int i = 0; i < EACH; i++) {
        eddy_submission *s = eddy_submit(other->loop, add, .left = i, .right = 1);
        if (i % 3 == 0)
            (void)eddy_submission_cancel(s);
        if (i % 5 == 0) {
            eddy_submission_release(s);
            continue;
        }
        EXPECT_INT(eddy_submission_wait(s, 20), 0);
        int r = eddy_submission_result(s);
        EXPECT(r == i + 1 || (i % 3 == 0 && r == -ECANCELED));
        eddy_submission_release(s);
    }
    return NULL;
}

static void submits_from_many_threads(struct other *other)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        EXPECT_INT(pthread_create(&threads[i], NULL, submits_many, other), 0);
    for (int i = 0; i < THREADS; i++)
        EXPECT_INT(pthread_join(threads[i], NULL), 0);
}

TEST_WITH(rule_246_many_threads_submit_wait_cancel_and_release, REAL)
{
    int r = meanwhile(submits_from_many_threads, NULL);
    test_state.notes[0] = '\0'; /* of those cancelled after their first step */
    while (eddy_all_tasks(NULL, 0) > 1)
        CHECK_INT(eddy_sleep(0), 0);
    return r;
}

/* ---- awaited by a task ---- */

struct loop_elsewhere {
    pthread_t thread;
    eddy_channel *up;
};

struct stand_by {
    struct loop_elsewhere *elsewhere;
};
static int stand_by(struct stand_by *a)
{
    eddy_loop *loop = eddy_current_loop();
    int r = eddy_channel_put(a->elsewhere->up, &loop);
    return r < 0 ? r : eddy_sleep(EDDY_FOREVER);
}

static void *elsewhere_main(void *argument)
{
    struct eddy_options options = {.quiet = true};
    EXPECT_INT(eddy_run_with(&options, stand_by, .elsewhere = argument), -ECANCELED);
    return NULL;
}

static int end_of_the_main_task(void)
{
    eddy_task *all[8];
    size_t count = eddy_all_tasks(all, 8);
    for (size_t i = 0; i < count; i++)
        if (all[i] != eddy_current_task())
            EXPECT(eddy_task_cancel(all[i]));
    return 0;
}

static int dozes(void)
{
    return eddy_sleep(3600);
}

struct awaits_a_submission {
    eddy_submission *submission;
};
static int awaits_a_submission(struct awaits_a_submission *a)
{
    return eddy_submission_await(a->submission);
}

TEST_WITH(rule_245_a_task_awaits_a_task_of_another_loop, REAL)
{
    struct loop_elsewhere elsewhere = {.up = eddy_channel_new(sizeof(eddy_loop *), 1)};
    eddy_loop *loop = NULL;
    CHECK_INT(pthread_create(&elsewhere.thread, NULL, elsewhere_main, &elsewhere), 0);
    CHECK_INT(eddy_channel_get(elsewhere.up, &loop), 0);
    eddy_submission *s = eddy_submit(loop, add, .seconds = 0.01, .left = 40, .right = 2);
    CHECK_INT(eddy_submission_await(s), 42);
    CHECK_INT(eddy_submission_await(s), 42); /* done already */
    eddy_submission_release(s);
    s = eddy_submit(loop, add, .left = -EIO);
    CHECK_INT(eddy_submission_await(s), -EIO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "added -5");
    eddy_failure_clear();
    eddy_submission_release(s);

    s = eddy_submit(loop, dozes); /* rule 69: a cancel is passed on */
    CHECK_INT(eddy_wait_for(eddy_submission_await(s), 0.01), -ETIMEDOUT);
    CHECK(eddy_submission_done(s));
    CHECK_INT(eddy_submission_result(s), -ECANCELED);
    eddy_submission_release(s);
    s = eddy_submit(loop, dozes);
    eddy_task *waiting = eddy_create_task(awaits_a_submission, .submission = s);
    CHECK_INT(eddy_sleep(0.001), 0);
    CHECK(eddy_task_cancel(waiting));
    CHECK_INT(eddy_task_wait(waiting), 0);
    CHECK_INT(eddy_task_result(waiting), -ECANCELED);
    CHECK_INT(eddy_task_release(waiting), 0);
    eddy_submission_release(s);

    s = eddy_submit(loop, end_of_the_main_task);
    CHECK_INT(eddy_submission_await(s), 0);
    eddy_submission_release(s);
    CHECK_INT(pthread_join(elsewhere.thread, NULL), 0);
    eddy_channel_release(elsewhere.up);
    CHECK_INT(eddy_submission_await(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the submission is NULL");
    return 0;
}
