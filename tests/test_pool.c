/* SPDX-License-Identifier: MIT */
/* Thread pools, to_thread, and blocking sleeps on either clock. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include "support/test.h"

/* ---- functions for threads ---- */

struct sum {
    int a, b, sum;
};
static int sum(struct sum *a)
{
    a->sum = a->a + a->b;
    return a->a;
}

struct refuse {
    int code;
    bool story;
};
static int refuse(struct refuse *a)
{
    errno = EXDEV;
    return a->story ? eddy_fail(a->code, "bad %d", a->code) : a->code;
}

/* Opened and shut: what blocks until a test lets it go on, and is counted. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int inside, most_inside, passed;
};

#define GATE_SHUT                                                                                  \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0, 0, 0                        \
    }

struct pass {
    struct gate *gate;
    int result;
};
static int pass(struct pass *a)
{
    struct gate *gate = a->gate;
    pthread_mutex_lock(&gate->lock);
    if (++gate->inside > gate->most_inside)
        gate->most_inside = gate->inside;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    gate->inside--;
    gate->passed++;
    int result = a->result;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    return result;
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* Blocks the loop: until so many jobs are inside. */
static void gate_wait_inside(struct gate *gate, int inside)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->inside != inside)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_wait_passed(struct gate *gate, int passed)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->passed < passed)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

struct go_through {
    eddy_pool *pool;
    struct gate *gate;
    int result;
};
static int go_through(struct go_through *a)
{
    struct pass job = {a->gate, a->result};
    int r = eddy_run_in(a->pool, pass, &job);
    note("%d", r);
    return r;
}

struct snooze {
    double seconds;
};
static int snooze(struct snooze *a)
{
    return eddy_blocking_sleep(a->seconds);
}

struct snooze_in {
    eddy_pool *pool;
    double seconds;
    const char *name;
};
static int snooze_in(struct snooze_in *a)
{
    struct snooze job = {a->seconds};
    int r = eddy_run_in(a->pool, snooze, &job);
    note("%s@%g", a->name, eddy_time());
    return r;
}

static double real_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t count_threads(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/task");
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    if (directory)
        closedir(directory);
    return count;
}

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
    CHECK_CONTAINS(eddy_failure_file(eddy_last_failure()), "test_pool.c");
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

TEST(threads_have_names_no_loop_and_no_signals)
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

TEST(a_callback_cannot_await)
{
    CHECK(eddy_call_soon(call_outside_a_task, NULL));
    CHECK_INT(eddy_sleep(0), 0);
    CHECK_INT(outside_result, -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "sum() can't be awaited outside a task");
    return 0;
}

/* ---- limits ---- */

TEST(no_more_threads_than_the_cap)
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

TEST(a_full_queue_says_which_cap_it_is)
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

TEST(a_thousand_in_flight)
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

/* ---- cancel ---- */

TEST(a_queued_job_is_taken_out_and_a_running_one_waited_for)
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

PLAIN_TEST(an_abandoned_thread_may_outlive_its_loop)
{
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

TEST(the_virtual_clock_goes_on_for_abandoned_sleepers)
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

TEST(close_refuses_the_queued_and_waits_for_the_running)
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

/* ---- blocking sleep ---- */

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

TEST(a_worker_is_free_again_when_its_last_job_was_over)
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

TEST(a_blocking_sleep_in_a_task_freezes_the_loop)
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
