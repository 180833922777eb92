/* SPDX-License-Identifier: MIT */
/*
 * Thread pools and to_thread: results, limits, closing, several loops. See also test_pool_cancel
 * and test_pool_sleep.
 */
#include "support/pool_test.h"

/* ---- results ---- */

TEST(the_struct_travels_there_and_back)
{
    struct sum job = {.a = 2, .b = 3};
    CHECK_INT(eddy_to_thread(sum, &job), 2);
    CHECK_INT(job.sum, 5);
    eddy_pool *pool;
    CHECK_INT(eddy_thread_pool_open(&pool, NULL), 0);
    job.b = 40;
    CHECK_INT(eddy_run_in(pool, sum, &job), 2);
    CHECK_INT(job.sum, 42);
    CHECK_INT((long long)eddy_pool_jobs(pool), 0);
    CHECK_INT((long long)eddy_pool_workers(pool), 1);
    eddy_pool_close(pool);
    eddy_pool_close(NULL);
    CHECK_TIME(0);
    return 0;
}

TEST(a_failure_in_the_thread_becomes_the_callers)
{
    struct refuse job = {-EDOM, true};
    CHECK_INT(eddy_to_thread(refuse, &job), -EDOM);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "bad -33");
    CHECK_CONTAINS(eddy_failure_file(eddy_last_failure()), "pool_test.h");
    job = (struct refuse){-ERANGE, false};
    CHECK_INT(eddy_to_thread(refuse, &job), -ERANGE);
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EDOM); /* not of this one, by its code */
    job = (struct refuse){-EDOM, false};
    eddy_failure_clear();
    CHECK_INT(eddy_to_thread(refuse, &job), -EDOM);
    CHECK(!eddy_last_failure()); /* nothing is left over in the thread */
    return 0;
}

TEST(errno_belongs_to_the_task)
{
    struct refuse job = {0, false};
    errno = ENOTTY;
    CHECK_INT(eddy_to_thread(refuse, &job), 0);
    CHECK_INT(errno, ENOTTY);
    return 0;
}

struct identity {
    pthread_t thread;
    sigset_t blocked;
    char name[16];
    eddy_loop *loop;
};
static int identify(struct identity *a)
{
    a->thread = pthread_self();
    a->loop = eddy_current_loop();
    pthread_sigmask(SIG_SETMASK, NULL, &a->blocked);
    return -pthread_getname_np(a->thread, a->name, sizeof a->name);
}

REAL_TEST(threads_have_names_no_loop_and_no_signals)
{
    struct identity job = {.loop = eddy_current_loop()};
    CHECK_INT(eddy_to_thread(identify, &job), 0);
    CHECK(!pthread_equal(job.thread, pthread_self()));
    CHECK(!job.loop);
    CHECK_TEXT(job.name, "eddy-pool-1");
    static const int blocked[] = {SIGINT, SIGTERM, SIGCHLD, SIGHUP, SIGALRM, SIGUSR1};
    for (size_t i = 0; i < sizeof blocked / sizeof *blocked; i++)
        CHECK_INT(sigismember(&job.blocked, blocked[i]), 1);
    CHECK_INT(sigismember(&job.blocked, SIGSEGV), 0);
    return 0;
}

TEST(bad_input_is_refused)
{
    eddy_pool *pool = NULL;
    struct eddy_thread_pool_options many = {.threads = 4097};
    CHECK_INT(eddy_thread_pool_open(NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_thread_pool_open: the pool is NULL");
    CHECK_INT(eddy_thread_pool_open(&pool, &many), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "4097 threads; 4096 is the most");
    CHECK(!pool);
    struct sum *nothing = NULL;
    CHECK_INT(eddy_to_thread(sum, nothing), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_to_thread: the argument is NULL");
    CHECK_INT(eddy_to_thread_abandon(sum, nothing), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_to_thread_abandon: the argument is NULL");
    CHECK_INT(eddy_run_in_(NULL, NULL, &many, sizeof many, EDDY_SITE_("none")), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_to_thread: the function is NULL");
    CHECK_INT((long long)eddy_pool_jobs(NULL) + (long long)eddy_pool_workers(NULL), 0);
    return 0;
}

static int outside_result;
static void call_outside_a_task(void *unused)
{
    (void)unused;
    struct sum job = {.a = 1};
    outside_result = eddy_to_thread(sum, &job);
}

ORDERED_TEST(a_callback_cannot_await)
{
    CHECK(eddy_call_soon(call_outside_a_task, NULL));
    CHECK_INT(eddy_sleep(0), 0);
    CHECK_INT(outside_result, -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "sum() can't be awaited outside a task");
    return 0;
}

/* ---- limits ---- */

REAL_TEST(no_more_threads_than_the_cap)
{
    struct gate gate = GATE_SHUT;
    eddy_pool *pool;
    CHECK_INT(eddy_thread_pool_open(&pool, &(struct eddy_thread_pool_options){.threads = 3}), 0);
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 10; i++)
            eddy_spawn(g, go_through, .pool = pool, .gate = &gate);
        err = eddy_sleep(0);
        gate_wait_inside(&gate, 3);
        EXPECT_INT((long long)eddy_pool_jobs(pool), 10);
        EXPECT_INT((long long)eddy_pool_workers(pool), 3);
        gate_open(&gate);
    }
    CHECK_INT(err, 0);
    CHECK_INT(gate.most_inside, 3);
    CHECK_INT(gate.passed, 10);
    eddy_pool_close(pool);
    CHECK_NOTES("0 0 0 0 0 0 0 0 0 0");
    return 0;
}

REAL_TEST(a_full_queue_says_which_cap_it_is)
{
    struct gate gate = GATE_SHUT;
    eddy_pool *pool;
    const struct eddy_thread_pool_options options = {.threads = 2, .queue = 3};
    CHECK_INT(eddy_thread_pool_open(&pool, &options), 0);
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 5; i++)
            eddy_spawn(g, go_through, .pool = pool, .gate = &gate);
        err = eddy_sleep(0);
        struct pass job = {&gate, 0};
        EXPECT_INT(eddy_run_in(pool, pass, &job), -EAGAIN);
        EXPECT_TEXT(eddy_failure_message(eddy_last_failure()),
                    "can't run pass in the pool: 3 jobs are waiting for its 2 threads, the cap on "
                    "its queue");
        gate_open(&gate);
    }
    CHECK_INT(err, 0);
    CHECK_INT(gate.passed, 5);
    eddy_pool_close(pool);
    return 0;
}

REAL_TEST(a_thousand_in_flight)
{
    enum { MANY = TEST_FEW_TASKS ? 200 : 1000 };
    struct gate gate = GATE_SHUT;
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < MANY; i++)
            eddy_spawn(g, go_through, .pool = NULL, .gate = &gate);
        err = eddy_sleep(0);
        gate_open(&gate);
    }
    CHECK_INT(err, 0);
    CHECK_INT(gate.passed, MANY);
    test_state.notes[0] = '\0';
    return 0;
}

struct hammer {
    eddy_pool *pool;
    int count, wrong;
};
static int hammer(struct hammer *a)
{
    for (int i = 0; i < a->count; i++) {
        struct sum job = {.a = i, .b = 1};
        int r = eddy_run_in(a->pool, sum, &job);
        if (r != i || job.sum != i + 1)
            return eddy_fail(-EPROTO, "%d in round %d", r, i);
    }
    return 0;
}

TEST(one_after_the_other_many_times)
{
    struct hammer jobs = {.count = 2000};
    return hammer(&jobs);
}

/* ---- closing ---- */

struct close_pool {
    eddy_pool *pool;
};
static int close_pool(struct close_pool *a)
{
    note("closing");
    eddy_pool_close(a->pool);
    note("closed");
    return 0;
}

REAL_TEST(rule_244_close_refuses_the_queued_and_waits_for_the_running)
{
    struct gate gate = GATE_SHUT;
    eddy_pool *pool;
    CHECK_INT(eddy_thread_pool_open(&pool, &(struct eddy_thread_pool_options){.threads = 1}), 0);
    eddy_task *runs = eddy_create_task(go_through, .pool = pool, .gate = &gate, .result = 7);
    eddy_task *waits = eddy_create_task(go_through, .pool = pool, .gate = &gate, .result = 8);
    CHECK_INT(eddy_sleep(0), 0);
    gate_wait_inside(&gate, 1);
    eddy_task *closes = eddy_create_task(close_pool, .pool = pool);
    CHECK_INT(eddy_task_wait(waits), 0);
    CHECK_INT(eddy_task_result(waits), -ESHUTDOWN);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "pass was waiting in a pool that is closing");
    struct sum late = {.a = 1};
    CHECK_INT(eddy_run_in(pool, sum, &late), -ESHUTDOWN);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "can't run sum in the pool: it is closing");
    CHECK(!eddy_task_done(closes));
    CHECK(eddy_task_cancel(closes)); /* makes no difference */
    gate_open(&gate);
    CHECK_INT(eddy_task_wait(closes), 0);
    CHECK_INT(eddy_task_wait(runs), 0);
    CHECK_INT(eddy_task_result(runs), 7);
    CHECK_NOTES("closing -108 7 closed");
    CHECK_INT(eddy_task_release(runs), 0);
    CHECK_INT(eddy_task_release(waits), 0);
    CHECK_TIME(0);
    return eddy_task_release(closes);
}

static size_t count_threads(void)
{
    return count_entries("/proc/self/task");
}

static eddy_pool *shared_pool;

static int use_shared_pool(void)
{
    struct hammer jobs = {.pool = shared_pool, .count = 100};
    return hammer(&jobs);
}

PLAIN_TEST(close_outside_a_loop_blocks_and_joins)
{
    EXPECT_INT(eddy_thread_pool_open(&shared_pool, NULL), 0);
    EXPECT_INT(test_run(use_shared_pool), 0);
    EXPECT_INT(test_run(use_shared_pool), 0); /* a pool outlives loops */
    EXPECT((long long)eddy_pool_workers(shared_pool) > 0);
    size_t threads = count_threads();
    size_t workers = eddy_pool_workers(shared_pool);
    eddy_pool_close(shared_pool);
    /* A thread that was joined may be listed a moment longer. */
    for (int i = 0; i < 1000 && threads - count_threads() != workers; i++)
        (void)usleep(1000);
    EXPECT_INT((long long)(threads - count_threads()), (long long)workers);
}

TEST(close_waits_for_a_job_that_sleeps)
{
    eddy_pool *pool;
    CHECK_INT(eddy_thread_pool_open(&pool, NULL), 0);
    eddy_task *sleeps = eddy_create_task(snooze_in, .pool = pool, .seconds = 5, .name = "thread");
    eddy_task *other = eddy_create_task(nap, .seconds = 2, .name = "task");
    CHECK_INT(eddy_sleep(1), 0);
    eddy_pool_close(pool);
    CHECK_TIME(5);
    CHECK_INT(eddy_await(sleeps), 0);
    CHECK_INT(eddy_await(other), 0);
    CHECK_NOTES("task thread@5");
    CHECK_INT(eddy_task_release(other), 0);
    return eddy_task_release(sleeps);
}

TEST(close_while_others_sleep_takes_no_virtual_time)
{
    for (int i = 0; i < 50; i++) {
        eddy_pool *pool;
        CHECK_INT(eddy_thread_pool_open(&pool, NULL), 0);
        struct sum job = {.a = 1};
        CHECK_INT(eddy_run_in(pool, sum, &job), 1);
        eddy_task *sleeps = eddy_create_task(nap, .seconds = 1, .name = "x");
        CHECK_INT(eddy_sleep(0), 0);
        eddy_pool_close(pool);
        CHECK(!eddy_task_done(sleeps));
        CHECK_TIME(i);
        CHECK_INT(eddy_await(sleeps), 0);
        CHECK_INT(eddy_task_release(sleeps), 0);
    }
    test_state.notes[0] = '\0';
    return 0;
}

/* ---- several loops ---- */

static int share(void)
{
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 8; i++)
            eddy_spawn(g, hammer, .pool = shared_pool, .count = 50);
    }
    return err;
}

static void *share_in_thread(void *ret)
{
    const struct eddy_options options = {.quiet = true};
    *(int *)ret = eddy_run_with(&options, share);
    return NULL;
}

PLAIN_TEST(several_loops_share_a_pool)
{
    enum { LOOPS = 6 };
    pthread_t threads[LOOPS];
    int results[LOOPS];
    const struct eddy_thread_pool_options options = {.threads = 4};
    EXPECT_INT(eddy_thread_pool_open(&shared_pool, &options), 0);
    for (int i = 0; i < LOOPS; i++) {
        results[i] = -1;
        pthread_create(&threads[i], NULL, share_in_thread, &results[i]);
    }
    for (int i = 0; i < LOOPS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < LOOPS; i++)
        EXPECT_INT(results[i], 0);
    eddy_pool_close(shared_pool);
}
