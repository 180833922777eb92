/* SPDX-License-Identifier: MIT */
/* Thread pools: blocking sleeps on either clock. */
#include "support/pool_test.h"

TEST(threads_sleep_on_the_virtual_clock_side_by_side)
{
    double begin = real_time();
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, snooze_in, .seconds = 2, .name = "two");
        eddy_spawn(g, snooze_in, .seconds = 1, .name = "one");
        eddy_spawn(g, snooze_in, .seconds = 1.5, .name = "between");
        eddy_spawn(g, nap, .seconds = 1.25, .name = "task");
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("one@1 task between@1.5 two@2");
    CHECK_TIME(2);
    CHECK(real_time() - begin < 1);
    return 0;
}

struct steps {
    int count;
    double seconds;
};
static int steps(struct steps *a)
{
    for (int i = 0; i < a->count; i++) {
        int r = eddy_blocking_sleep(a->seconds);
        if (r < 0)
            return r;
    }
    return 0;
}

struct step_in_thread {
    int count;
    double seconds, end;
};
static int step_in_thread(struct step_in_thread *a)
{
    struct steps job = {a->count, a->seconds};
    CHECK_INT(eddy_to_thread(steps, &job), 0);
    CHECK_TIME(a->end);
    return 0;
}

TEST(the_virtual_clock_is_exact)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, step_in_thread, .count = 100, .seconds = 0.25, .end = 25);
        eddy_spawn(g, step_in_thread, .count = 50, .seconds = 1, .end = 50);
        eddy_spawn(g, step_in_thread, .count = 30, .seconds = 3, .end = 90);
        eddy_spawn(g, step_in_thread, .count = 300, .seconds = 0.125, .end = 37.5);
        for (int i = 1; i <= 90; i++) {
            EXPECT_INT(eddy_sleep(1), 0);
            EXPECT_TIME(i);
        }
    }
    CHECK_INT(err, 0);
    return 0;
}

ORDERED_TEST(a_worker_is_free_again_when_its_last_job_was_over)
{
    eddy_pool *pool;
    CHECK_INT(eddy_thread_pool_open(&pool, &(struct eddy_thread_pool_options){.threads = 1}), 0);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, snooze_in, .pool = pool, .seconds = 2, .name = "a");
        eddy_spawn(g, snooze_in, .pool = pool, .seconds = 1, .name = "b");
        eddy_spawn(g, snooze_in, .pool = pool, .seconds = 0.5, .name = "c");
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("a@2 b@3 c@3.5");
    CHECK_INT(eddy_sleep(2), 0);
    struct snooze_in last = {pool, 1, "d"};
    CHECK_INT(snooze_in(&last), 0);
    CHECK_NOTES("d@6.5");
    eddy_pool_close(pool);
    return 0;
}

ORDERED_TEST(a_blocking_sleep_in_a_task_freezes_the_loop)
{
    eddy_task *other = eddy_create_task(nap, .seconds = 1, .name = "other");
    eddy_task *thread = eddy_create_task(snooze_in, .seconds = 2, .name = "thread");
    CHECK_INT(eddy_sleep(0), 0);
    CHECK_INT(eddy_blocking_sleep(5), 0);
    CHECK_TIME(5);
    CHECK_NOTES("");
    CHECK_INT(eddy_await(other), 0);
    CHECK_INT(eddy_await(thread), 0);
    CHECK_TIME(5); /* the thread slept from 0 to 2, whatever the loop did */
    CHECK_INT(eddy_blocking_sleep(0), 0);
    CHECK_INT(eddy_blocking_sleep(-1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_blocking_sleep: -1 seconds");
    CHECK_INT(eddy_blocking_sleep(NAN), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_blocking_sleep: nan seconds");
    CHECK_TIME(5);
    CHECK_INT(eddy_task_release(other), 0);
    CHECK_NOTES("other thread@5");
    return eddy_task_release(thread);
}

static int real_sleep_in_thread(void)
{
    struct snooze job = {0.02};
    double begin = real_time();
    CHECK_INT(eddy_to_thread(snooze, &job), 0);
    CHECK(real_time() - begin >= 0.02);
    CHECK_INT(eddy_blocking_sleep(0.01), 0);
    CHECK(real_time() - begin >= 0.03);
    return 0;
}

PLAIN_TEST(on_the_systems_clock_a_sleep_is_never_short)
{
    double begin = real_time();
    EXPECT_INT(eddy_blocking_sleep(0.01), 0); /* no loop at all */
    EXPECT(real_time() - begin >= 0.01);
    EXPECT_INT(test_run_with(real_sleep_in_thread, (struct eddy_options){0}), 0);
}
