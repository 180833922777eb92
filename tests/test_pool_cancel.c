/* SPDX-License-Identifier: MIT */
/* Thread pools: jobs that are cancelled, waited for or abandoned. */
#include <stdatomic.h>
#include "support/pool_test.h"

/* ---- cancel ---- */

REAL_TEST(rule_243_a_queued_job_is_taken_out_and_a_running_one_waited_for)
{
    struct gate gate = GATE_SHUT;
    eddy_pool *pool;
    CHECK_INT(eddy_thread_pool_open(&pool, &(struct eddy_thread_pool_options){.threads = 1}), 0);
    eddy_task *runs = eddy_create_task(go_through, .pool = pool, .gate = &gate, .result = 7);
    eddy_task *waits = eddy_create_task(go_through, .pool = pool, .gate = &gate, .result = 8);
    CHECK_INT(eddy_sleep(0), 0);
    gate_wait_inside(&gate, 1);
    CHECK(eddy_task_cancel(waits));
    CHECK(eddy_task_cancel(runs));
    CHECK_INT(eddy_task_wait(waits), 0);
    CHECK(eddy_task_cancelled(waits));
    CHECK(!eddy_task_done(runs));
    CHECK_INT((long long)eddy_pool_jobs(pool), 1);
    gate_open(&gate);
    CHECK_INT(eddy_task_wait(runs), 0);
    CHECK_INT(eddy_task_result(runs), 7); /* a finished operation beats the cancel */
    CHECK_INT(gate.passed, 1);
    CHECK_INT(eddy_task_release(runs), 0);
    CHECK_INT(eddy_task_release(waits), 0);
    eddy_pool_close(pool);
    CHECK_NOTES("-125 7");
    return 0;
}

TEST(a_cancelled_scope_refuses)
{
    struct sum job = {.a = 1, .sum = -1};
    int err;
    eddy_with_timeout (0, &err)
        err = eddy_to_thread(sum, &job);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(job.sum, -1);
    return 0;
}

static int snooze_then_note(struct snooze *a)
{
    int r = eddy_blocking_sleep(a->seconds);
    a->seconds = -1;
    return r;
}

TEST(a_timeout_waits_for_the_thread)
{
    struct snooze job = {3};
    int err, r = 1;
    eddy_with_timeout (1, &err)
        r = eddy_to_thread(snooze_then_note, &job);
    CHECK_INT(r, 0);
    CHECK_INT(err, 0);
    CHECK(job.seconds == -1);
    CHECK_TIME(3);
    return 0;
}

/* ---- abandoned jobs ---- */

static struct gate global_gate = GATE_SHUT;

static void global_gate_reset(void)
{
    global_gate.open = false;
    global_gate.passed = 0;
}

TEST(an_abandoned_job_goes_on_with_its_copy)
{
    global_gate_reset();
    struct pass job = {&global_gate, 5};
    int err, r = 1;
    eddy_task *runs = eddy_current_task();
    (void)runs;
    struct sum quick = {.a = 1, .b = 2};
    CHECK_INT(eddy_to_thread_abandon(sum, &quick), 1); /* not cancelled: results come back */
    CHECK_INT(quick.sum, 3);
    struct refuse bad = {-EDOM, true};
    CHECK_INT(eddy_to_thread_abandon(refuse, &bad), -EDOM);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "bad -33");
    eddy_with_timeout (0, &err)
        r = eddy_to_thread_abandon(pass, &job);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(r, -ECANCELED);
    CHECK_INT(global_gate.inside, 0); /* refused before it began */
    return 0;
}

struct let_go {
    struct gate *gate;
};
static int let_go(struct let_go *a)
{
    struct pass job = {a->gate, 5};
    int r = eddy_to_thread_abandon(pass, &job);
    job.gate = NULL; /* the thread has its own */
    return r;
}

static int abandon_and_end(void)
{
    eddy_task *task = eddy_create_task(let_go, .gate = &global_gate);
    CHECK_INT(eddy_sleep(0), 0);
    gate_wait_inside(&global_gate, 1);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_task_wait(task), 0);
    CHECK(eddy_task_cancelled(task));
    return eddy_task_release(task);
}

REAL_PLAIN_TEST(an_abandoned_thread_may_outlive_its_loop)
{
    eddy_test_allow_leftovers(20);
    for (int i = 0; i < 20; i++) {
        global_gate_reset();
        EXPECT_INT(test_run(abandon_and_end), 0);
        EXPECT_INT(global_gate.inside, 1);
        gate_open(&global_gate);
        gate_wait_passed(&global_gate, 1);
    }
}

struct abandoned_nap {
    atomic_int *stage;
    double seconds;
};
static int abandoned_nap(struct abandoned_nap *a)
{
    atomic_int *stage = a->stage;
    atomic_store(stage, 1);
    int r = eddy_blocking_sleep(a->seconds);
    atomic_store(stage, 2);
    r = r < 0 ? r : eddy_blocking_sleep(a->seconds);
    atomic_store(stage, 3);
    return r;
}

static atomic_int nap_stage;
static double nap_seconds;

static int abandoned_napper(void)
{
    struct abandoned_nap job = {&nap_stage, nap_seconds};
    return eddy_to_thread_abandon(abandoned_nap, &job);
}

REAL_TEST(the_virtual_clock_goes_on_for_abandoned_sleepers)
{
    nap_seconds = 2;
    atomic_store(&nap_stage, 0);
    eddy_task *task = eddy_create_task(abandoned_napper);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(atomic_load(&nap_stage), 1);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_task_wait(task), 0);
    CHECK_TIME(1);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_INT(atomic_load(&nap_stage), 2);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_INT(atomic_load(&nap_stage), 3);
    CHECK_TIME(5);
    return eddy_task_release(task);
}

static int abandon_a_sleeper(void)
{
    atomic_store(&nap_stage, 0);
    eddy_task *task = eddy_create_task(abandoned_napper);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_task_wait(task), 0);
    return eddy_task_release(task);
}

PLAIN_TEST(an_abandoned_sleeper_wakes_when_its_clock_goes)
{
    nap_seconds = 1e6;
    double begin = real_time();
    for (int i = 0; i < 20; i++) {
        EXPECT_INT(test_run(abandon_a_sleeper), 0);
        while (atomic_load(&nap_stage) < 3)
            sched_yield();
    }
    EXPECT(real_time() - begin < 30);
}
