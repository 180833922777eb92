/* SPDX-License-Identifier: MIT */
/* Simulated pools: threads and processes on virtual time, in an order that the seed gives. */
#include "support/sim_test.h"

static struct eddy_sim_options options;

static void simulate_with(int (*program)(void), struct eddy_sim_options with)
{
    options = with;
    EXPECT_INT(simulate(1, with, program), 0);
}

static void simulate_plainly(int (*program)(void))
{
    simulate_with(program, (struct eddy_sim_options){.order = EDDY_SIM_FIFO});
}

/* ---- jobs ---- */

struct job {
    double seconds;
    int value, code;
    bool was_in_loop;
};
static int job(struct job *a)
{
    a->was_in_loop = eddy_current_loop() != NULL || eddy_current_task() != NULL;
    int r = eddy_blocking_sleep(a->seconds);
    a->value++;
    return a->code < 0 ? eddy_fail(a->code, "job %d failed", a->value) : r < 0 ? r : a->code;
}

static int a_job_runs(void)
{
    struct job one = {.seconds = 2, .value = 4, .code = 3};
    CHECK_INT(eddy_to_thread(job, &one), 3);
    CHECK_INT(one.value, 5);
    CHECK(!one.was_in_loop);
    CHECK_TIME(2);
    one.code = -EDOM;
    CHECK_INT(eddy_to_thread(job, &one), -EDOM);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "job 6 failed");
    CHECK_TIME(4);
    return 0;
}

PLAIN_TEST(a_job_takes_virtual_time_and_its_result_comes_back)
{
    simulate_plainly(a_job_runs);
}

struct run_job {
    eddy_pool *pool;
    double seconds;
    const char *name;
    int code;
};
static int run_job(struct run_job *a)
{
    struct job one = {.seconds = a->seconds, .code = a->code};
    int r = eddy_run_in(a->pool, job, &one);
    note("%s%s@%g", r < 0 ? eddy_error_name(r) : "", a->name, eddy_time());
    return r;
}

static int two_workers(void)
{
    int err;
    eddy_pool *pool;
    CHECK_INT(eddy_thread_pool_open(&pool, &(struct eddy_thread_pool_options){.threads = 2}), 0);
    CHECK_INT((long long)eddy_pool_workers(pool), 0);
    eddy_with_group (group, &err) {
        (void)eddy_spawn(group, run_job, .pool = pool, .seconds = 3, .name = "a");
        (void)eddy_spawn(group, run_job, .pool = pool, .seconds = 1, .name = "b");
        (void)eddy_spawn(group, run_job, .pool = pool, .seconds = 1, .name = "c");
        (void)eddy_spawn(group, run_job, .pool = pool, .seconds = 5, .name = "d");
        CHECK_INT(eddy_sleep(0.5), 0);
        CHECK_INT((long long)eddy_pool_jobs(pool), 4);
        CHECK_INT((long long)eddy_pool_workers(pool), 2);
    }
    CHECK_INT((long long)eddy_pool_jobs(pool), 0);
    eddy_pool_close(pool);
    CHECK_NOTES("b@1 c@2 a@3 d@7");
    return err;
}

PLAIN_TEST(no_more_jobs_run_at_once_than_there_are_workers)
{
    simulate_plainly(two_workers);
}

static int gathered(void)
{
    eddy_task *tasks[3];
    int results[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = eddy_create_task(run_job, .seconds = 3 - i, .name = "", .code = i);
    CHECK_INT(eddy_gather(tasks, 3, results, EDDY_RAISE_FIRST), 0);
    CHECK_TIME(3);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(results[i], i);
        CHECK_INT(eddy_task_release(tasks[i]), 0);
    }
    CHECK_NOTES("@1 @2 @3");
    return 0;
}

PLAIN_TEST(jobs_are_gathered)
{
    simulate_plainly(gathered);
}

static int in_a_thread(struct job *a)
{
    a->value = eddy_sleep(1);
    a->code = eddy_run_(&(const struct eddy_options){.virtual_clock = true},
                        EDDY_ERASE_(a_job_runs), NULL, 0, EDDY_NO_ARGUMENTS_,
                        EDDY_SITE_("a_job_runs"));
    a->was_in_loop = eddy_sim_active();
    return 0;
}

static int a_job_is_as_in_a_thread(void)
{
    struct job one = {.value = 0};
    test_stderr_begin();
    CHECK_INT(eddy_to_thread(in_a_thread, &one), 0);
    CHECK_CONTAINS(test_stderr_end(), "eddy_sleep: awaited outside a task");
    CHECK_INT(one.value, -EINVAL);
    CHECK_INT(one.code, 0);
    CHECK(one.was_in_loop);
    CHECK_TIME(0);
    CHECK(eddy_current_task());
    return eddy_sleep(1);
}

PLAIN_TEST(a_job_is_no_task_and_may_have_a_loop_of_its_own)
{
    simulate_plainly(a_job_is_as_in_a_thread);
}

static int a_delay(void)
{
    struct job one = {.seconds = 1};
    CHECK_INT(eddy_to_thread(job, &one), 0);
    EXPECT(eddy_time() >= 1 + options.job_delay_min && eddy_time() <= 1 + options.job_delay_max);
    return 0;
}

PLAIN_TEST(jobs_take_the_delay_that_was_asked_for)
{
    const struct eddy_sim_options with = {.job_delay_min = 0.25, .job_delay_max = 0.5};
    bool early = false, late = false;
    for (uint64_t seed = 0; seed < 50; seed++) {
        options = with;
        EXPECT_INT(simulate(seed, with, a_delay), 0);
        early |= eddy_sim_report().seconds < 1.3;
        late |= eddy_sim_report().seconds > 1.45;
    }
    EXPECT(early && late);
}

/* ---- cancel ---- */

static int cancel_threads(void)
{
    eddy_pool *pool;
    CHECK_INT(eddy_thread_pool_open(&pool, &(struct eddy_thread_pool_options){.threads = 1}), 0);
    eddy_task *runs = eddy_create_task(run_job, .pool = pool, .seconds = 2, .name = "r", .code = 7);
    eddy_task *waits = eddy_create_task(run_job, .pool = pool, .seconds = 2, .name = "w");
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(waits));
    CHECK(eddy_task_cancel(runs));
    CHECK_INT(eddy_task_wait(waits), 0);
    CHECK_TIME(1);
    CHECK(eddy_task_cancelled(waits));
    CHECK_INT((long long)eddy_pool_jobs(pool), 1);
    CHECK_INT(eddy_task_wait(runs), 0);
    CHECK_TIME(2);
    CHECK_INT(eddy_task_result(runs), 7); /* a finished operation beats the cancel */
    CHECK_INT(eddy_task_release(runs), 0);
    CHECK_INT(eddy_task_release(waits), 0);
    eddy_pool_close(pool);
    CHECK_NOTES("ECANCELEDw@1 r@2");
    return 0;
}

PLAIN_TEST(a_running_thread_is_waited_for)
{
    simulate_plainly(cancel_threads);
}

static int cancel_before_the_call(void)
{
    int err, r = 1;
    struct job one = {.value = 1};
    eddy_task *task = eddy_create_task(run_job, .name = "x");
    CHECK_INT(eddy_sleep(0), 0);
    CHECK(eddy_task_cancel(task)); /* its job has been handed over and hasn't been called */
    CHECK_INT(eddy_task_wait(task), 0);
    CHECK_INT(eddy_task_result(task), 0);
    CHECK_INT(eddy_task_release(task), 0);
    eddy_with_timeout (0, &err)
        err = r = eddy_to_thread(job, &one);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(one.value, 1);
    CHECK_NOTES("x@0");
    return 0;
}

PLAIN_TEST(a_job_that_was_handed_over_is_not_taken_back)
{
    simulate_plainly(cancel_before_the_call);
}

static int jobs_run;

static int count_job(struct job *a)
{
    (void)eddy_blocking_sleep(a->seconds);
    jobs_run++;
    a->value = 100;
    return 5;
}

struct abandon {
    double seconds;
};
static int abandon(struct abandon *a)
{
    struct job one = {.seconds = a->seconds};
    int r = eddy_to_thread_abandon(count_job, &one);
    note("%d:%d@%g", r, one.value, eddy_time());
    return r;
}

static int abandon_jobs(void)
{
    jobs_run = 0;
    struct job one = {.seconds = 1};
    CHECK_INT(eddy_to_thread_abandon(count_job, &one), 5);
    CHECK_INT(one.value, 100);
    eddy_task *task = eddy_create_task(abandon, .seconds = 3);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_task_wait(task), 0);
    CHECK_TIME(2);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_NOTES("-125:0@2");
    CHECK_INT(eddy_sleep(10), 0); /* it goes on, and nobody hears of it */
    CHECK_INT(jobs_run, 2);
    task = eddy_create_task(abandon, .seconds = 1000);
    CHECK_INT(eddy_sleep(0), 0);
    CHECK(eddy_task_cancel(task)); /* at once; the loop's end doesn't wait for its job */
    CHECK_INT(eddy_task_wait(task), 0);
    CHECK_NOTES("-125:0@12");
    return eddy_task_release(task);
}

PLAIN_TEST(an_abandoned_job_goes_on_with_its_copy)
{
    simulate_plainly(abandon_jobs);
    EXPECT(eddy_sim_report().seconds == 12);
    EXPECT_INT(jobs_run, 3);
}

static int abandon_at_some_time(void)
{
    jobs_run = 0;
    eddy_task *task = eddy_create_task(abandon, .seconds = 1000);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_task_wait(task), 0);
    CHECK_TIME(1);
    CHECK_NOTES("-125:0@1");
    return eddy_task_release(task);
}

/* Before or after its function was called. */
PLAIN_TEST(an_abandoned_job_is_called_once)
{
    const struct eddy_sim_options with = {
        .order = EDDY_SIM_SHUFFLED, .job_delay_min = 2, .job_delay_max = 5};
    for (uint64_t seed = 0; seed < 50; seed++) {
        EXPECT_INT(simulate(seed, with, abandon_at_some_time), 0);
        EXPECT_INT(jobs_run, 1);
    }
}

/* ---- limits and closing ---- */

static int full_queue(void)
{
    int err;
    eddy_pool *pool;
    struct job one = {.value = 0};
    const struct eddy_thread_pool_options small = {.threads = 1, .queue = 2};
    CHECK_INT(eddy_thread_pool_open(&pool, &small), 0);
    eddy_with_group (group, &err) {
        for (int i = 0; i < 3; i++)
            (void)eddy_spawn(group, run_job, .pool = pool, .seconds = 1, .name = "");
        CHECK_INT(eddy_sleep(0.5), 0);
        CHECK_INT(eddy_run_in(pool, job, &one), -EAGAIN);
        CHECK_TEXT(
            eddy_failure_message(eddy_last_failure()),
            "can't run job in the pool: 2 jobs are waiting for its 1 threads, the cap on its "
            "queue");
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(eddy_run_in(pool, job, &one), 0);
    }
    eddy_pool_close(pool);
    CHECK_NOTES("@1 @2 @3");
    return err;
}

PLAIN_TEST(a_full_queue_takes_no_more)
{
    simulate_plainly(full_queue);
}

static int close_a_pool(void)
{
    int err;
    eddy_pool *pool;
    CHECK_INT(eddy_thread_pool_open(&pool, &(struct eddy_thread_pool_options){.threads = 1}), 0);
    eddy_with_group (group, &err, .policy = EDDY_RUN_ALL) {
        (void)eddy_spawn(group, run_job, .pool = pool, .seconds = 2, .name = "r");
        (void)eddy_spawn(group, run_job, .pool = pool, .seconds = 2, .name = "q");
        CHECK_INT(eddy_sleep(1), 0);
        eddy_pool_close(pool);
        CHECK_TIME(2);
    }
    CHECK_INT(err, -ESHUTDOWN);
    CHECK_NOTES("ESHUTDOWNq@1 r@2");
    return 0;
}

PLAIN_TEST(a_close_refuses_what_is_queued_and_waits_for_what_runs)
{
    simulate_plainly(close_a_pool);
}

static eddy_pool *closing_pool;

static int refused_by_a_closing_pool(void)
{
    struct job one = {.value = 0};
    CHECK_INT(eddy_sleep(1.5), 0);
    CHECK_INT(eddy_run_in(closing_pool, job, &one), -ESHUTDOWN);
    return 0;
}

static void close_in_a_callback(void *argument)
{
    (void)argument;
    eddy_pool_close(closing_pool);
    EXPECT_TIME(3);
}

static int close_elsewhere(void)
{
    int err;
    CHECK_INT(eddy_thread_pool_open(&closing_pool, NULL), 0);
    eddy_with_group (group, &err) {
        (void)eddy_spawn(group, run_job, .pool = closing_pool, .seconds = 2, .name = "r");
        (void)eddy_spawn(group, refused_by_a_closing_pool);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_pool_close(closing_pool);
    }
    CHECK_TIME(2);
    CHECK_INT(err, 0);
    CHECK_INT(eddy_thread_pool_open(&closing_pool, NULL), 0);
    eddy_with_group (group, &err) {
        (void)eddy_spawn(group, run_job, .pool = closing_pool, .seconds = 1, .name = "c");
        CHECK_INT(eddy_sleep(0), 0);
        CHECK(eddy_call_soon(close_in_a_callback, NULL)); /* can't suspend: it blocks */
    }
    CHECK_NOTES("r@2 c@3");
    return err;
}

PLAIN_TEST(a_pool_that_closes_takes_nothing_and_a_callback_blocks)
{
    simulate_plainly(close_elsewhere);
}

/* ---- processes ---- */

static int process_jobs(void)
{
    eddy_pool *pool;
    struct job one = {.seconds = 2, .value = 4};
    struct {
        char bytes[(128 << 10) + 1];
    } *large = malloc(sizeof *large);
    CHECK_INT(eddy_process_pool_open(&pool, &(struct eddy_process_pool_options){.processes = 1}),
              0);
    CHECK_INT(eddy_run_in(pool, job, &one), 0);
    CHECK_INT(one.value, 5);
    one.code = -EDOM;
    CHECK_INT(eddy_run_in(pool, job, &one), -EDOM);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "job: job 6 failed");
    CHECK_INT(eddy_run_in_(pool, EDDY_ERASE_(job), large, sizeof *large, EDDY_SITE_("job")),
              -E2BIG);
    free(large);
    eddy_task *runs = eddy_create_task(run_job, .pool = pool, .seconds = 9, .name = "r");
    eddy_task *waits = eddy_create_task(run_job, .pool = pool, .seconds = 1, .name = "w");
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT((long long)eddy_pool_workers(pool), 1);
    CHECK(eddy_task_cancel(runs)); /* ends the worker, and another one takes the next job */
    CHECK_INT(eddy_await(waits), 0);
    CHECK_INT(eddy_task_wait(runs), 0);
    CHECK_INT(eddy_task_release(waits), 0);
    CHECK_INT(eddy_task_release(runs), 0);
    CHECK_NOTES("ECANCELEDr@5 w@6");
    eddy_pool_close(pool);
    return 0;
}

PLAIN_TEST(processes_get_a_copy_and_a_cancel_ends_them)
{
    simulate_plainly(process_jobs);
}

static int dying_workers(void)
{
    eddy_pool *pool;
    int died = 0, done = 0;
    CHECK_INT(eddy_process_pool_open(&pool, &(struct eddy_process_pool_options){.processes = 2}),
              0);
    for (int i = 0; i < 100; i++) {
        struct job one = {.value = i};
        int r = eddy_run_in(pool, job, &one);
        died += r == -ECHILD;
        done += r == 0;
        EXPECT_INT(one.value, r == 0 ? i + 1 : i);
        if (r == -ECHILD)
            EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()), "was killed by signal 9");
    }
    EXPECT_INT(died + done, 100);
    EXPECT(died > 10 && died < 60);
    struct job one = {.value = 1};
    CHECK_INT(eddy_to_thread(job, &one), 0); /* threads don't die */
    eddy_pool_close(pool);
    return 0;
}

PLAIN_TEST(workers_die_and_are_replaced)
{
    simulate_with(dying_workers, (struct eddy_sim_options){.worker_death = 0.3});
}

/* ---- order ---- */

static int race(void)
{
    int err;
    eddy_with_group (group, &err)
        for (int i = 0; i < 3; i++)
            (void)eddy_spawn(group, run_job, .name = i == 0 ? "a" : i == 1 ? "b" : "c");
    return err;
}

PLAIN_TEST(completions_come_in_any_order)
{
    static const char *const orders[] = {"a@0 b@0 c@0", "a@0 c@0 b@0", "b@0 a@0 c@0",
                                         "b@0 c@0 a@0", "c@0 a@0 b@0", "c@0 b@0 a@0"};
    int seen[6] = {0}, sum = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        EXPECT_INT(simulate(seed, (struct eddy_sim_options){.order = EDDY_SIM_SHUFFLED}, race), 0);
        for (int i = 0; i < 6; i++)
            seen[i] += strcmp(test_state.notes, orders[i]) == 0;
        test_state.notes[0] = '\0';
    }
    for (int i = 0; i < 6; i++) {
        EXPECT(seen[i] > 10);
        sum += seen[i];
    }
    EXPECT_INT(sum, 300);
}
