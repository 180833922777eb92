/* SPDX-License-Identifier: MIT */
/*
 * Process pools: jobs in other processes, their results, cancel and closing. Workers that die are
 * in test_process_pool_kills, forks and programs that end in test_process_pool_programs.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include "process_pool.h"
#include "support/process_pool_test.h"

int main(int argc, char **argv)
{
    return main_with_process_pools(argc, argv);
}

/* ---- functions for workers ---- */

struct refuse {
    int code, length; /* of the message, or -1: none */
};
static int refuse(struct refuse *a)
{
    char text[4096];
    memset(text, 'x', sizeof text);
    errno = EXDEV;
    return a->length < 0 ? a->code : eddy_fail(a->code, "%.*s", a->length, text);
}

struct large {
    char bytes[128 << 10];
};
static int large(struct large *a)
{
    unsigned total = 0;
    for (size_t i = 0; i < sizeof a->bytes; i++) {
        total += (unsigned char)a->bytes[i];
        a->bytes[i] = (char)~a->bytes[i];
    }
    return (int)total;
}

struct too_large {
    char bytes[(128 << 10) + 1];
};
static int too_large(struct too_large *a)
{
    return a->bytes[0];
}

struct snooze {
    double seconds;
};
static int snooze(struct snooze *a)
{
    return eddy_blocking_sleep(a->seconds);
}

struct snoozer {
    double seconds;
    const char *name;
};
static int snoozer(struct snoozer *a)
{
    struct snooze job = {a->seconds};
    int r = eddy_run_in(pool, snooze, &job);
    note("%s@%g", a->name, eddy_time());
    return r;
}

static bool process_exists(pid_t pid)
{
    return kill(pid, 0) == 0;
}

/* ---- results ---- */

TEST(the_struct_travels_there_and_back)
{
    struct sum job = {.a = 2, .b = 3};
    CHECK_INT(eddy_process_pool_open(&pool, NULL), 0);
    CHECK_INT((long long)eddy_pool_workers(pool), 0);
    CHECK_INT(eddy_run_in(pool, sum, &job), 2);
    CHECK_INT(job.sum, 5);
    CHECK(job.pid != getpid() && job.parent != getpid());
    CHECK_INT((long long)eddy_pool_workers(pool), 1);
    CHECK_INT((long long)eddy_pool_jobs(pool), 0);
    pid_t first = job.pid;
    CHECK_INT(eddy_run_in(pool, sum, &job), 2);
    CHECK_INT(job.pid, first); /* the same worker again */
    eddy_pool_close(pool);
    CHECK(!process_exists(first));
    return 0;
}

TEST(a_failure_in_the_worker_becomes_the_callers)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    struct refuse job = {-EDOM, 3};
    errno = ENOTTY;
    CHECK_INT(eddy_run_in(pool, refuse, &job), -EDOM);
    CHECK_INT(errno, ENOTTY);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "refuse: xxx");
    CHECK_TEXT(eddy_failure_task(eddy_last_failure()), "Task-1");
    CHECK_CONTAINS(eddy_failure_file(eddy_last_failure()), "test_process_pool.c");
    job = (struct refuse){-EDOM, 3000};
    CHECK_INT(eddy_run_in(pool, refuse, &job), -EDOM);
    CHECK_INT((long long)strlen(eddy_failure_message(eddy_last_failure())), 1024 + 8);
    job = (struct refuse){-EDOM, -1};
    eddy_failure_clear();
    CHECK_INT(eddy_run_in(pool, refuse, &job), -EDOM);
    CHECK(!eddy_last_failure());
    eddy_pool_close(pool);
    return 0;
}

static struct large big;
static struct too_large bigger;

TEST(structs_up_to_128_KiB)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    int total = 0;
    for (size_t i = 0; i < sizeof big.bytes; i++)
        total += (unsigned char)(big.bytes[i] = (char)(i * 7 % 251));
    CHECK_INT(eddy_run_in(pool, large, &big), total);
    for (size_t i = 0; i < sizeof big.bytes; i++)
        if (big.bytes[i] != (char)~(char)(i * 7 % 251))
            return eddy_fail(-EPROTO, "byte %zu", i);
    CHECK_INT(eddy_run_in(pool, too_large, &bigger), -E2BIG);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "the argument of too_large is 131073 bytes, a process pool takes 131072");
    eddy_pool_close(pool);
    return 0;
}

TEST(bad_input_is_refused)
{
    eddy_pool *none = NULL;
    CHECK_INT(eddy_process_pool_open(NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_process_pool_open: the pool is NULL");
    CHECK_INT(eddy_process_pool_open(&none, PROCESSES(1025)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "1025 processes; 1024 is the most");
    CHECK(!none);
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    struct sum *nothing = NULL;
    CHECK_INT(eddy_run_in(pool, sum, nothing), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_run_in: the argument is NULL");
    eddy_pool_close(pool);
    return 0;
}

TEST(a_function_that_came_later_is_unknown)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    struct sum job = {.a = 1};
    CHECK_INT(eddy_run_in_(pool, (eddy_function_ *)page, &job, sizeof job, EDDY_SITE_("plugin")),
              -ENOEXEC);
    CHECK_TEXT(
        eddy_failure_message(eddy_last_failure()),
        "plugin isn't known to worker processes: it was loaded after eddy_process_pool_init");
    CHECK_INT(
        eddy_run_in_(pool, (eddy_function_ *)(uintptr_t)&big, &job, sizeof job, EDDY_SITE_("data")),
        -ENOEXEC);
    CHECK_INT((long long)eddy_pool_workers(pool), 0);
    eddy_pool_close(pool);
    return munmap(page, 4096);
}

/* ---- several workers ---- */

TEST(a_worker_a_job_up_to_the_cap)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(3)), 0);
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 7; i++)
            eddy_spawn(g, blocker, .result = i);
        err = eddy_sleep(0);
        wait_until_said(3);
        EXPECT_INT((long long)eddy_pool_workers(pool), 3);
        EXPECT_INT((long long)eddy_pool_jobs(pool), 7);
        let_go_of(7);
    }
    CHECK_INT(err, 0);
    wait_until_said(4);
    CHECK_INT((long long)eddy_pool_workers(pool), 3);
    test_state.notes[0] = '\0';
    eddy_pool_close(pool);
    return 0;
}

TEST(a_full_queue_says_which_cap_it_is)
{
    const struct eddy_process_pool_options options = {.processes = 2, .queue = 3};
    CHECK_INT(eddy_process_pool_open(&pool, &options), 0);
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 5; i++)
            eddy_spawn(g, blocker, .result = i);
        err = eddy_sleep(0);
        struct sum job = {.a = 1};
        EXPECT_INT(eddy_run_in(pool, sum, &job), -EAGAIN);
        EXPECT_TEXT(eddy_failure_message(eddy_last_failure()),
                    "can't run sum in the pool: 3 jobs are waiting for its 2 workers, the cap on "
                    "its queue");
        let_go_of(5);
    }
    CHECK_INT(err, 0);
    wait_until_said(5);
    test_state.notes[0] = '\0';
    CHECK_INT(use_pool(), 0);
    eddy_pool_close(pool);
    return 0;
}

TEST(many_jobs_at_once)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(4)), 0);
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 100; i++)
            eddy_spawn(g, summer, .count = 10);
    }
    eddy_pool_close(pool);
    return err;
}

TEST(workers_sleep_on_the_virtual_clock)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(2)), 0);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, snoozer, .seconds = 2000, .name = "a");
        eddy_spawn(g, snoozer, .seconds = 1000, .name = "b");
        eddy_spawn(g, snoozer, .seconds = 500, .name = "c");
        eddy_spawn(g, nap, .seconds = 1200, .name = "task");
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("b@1000 task c@1500 a@2000");
    eddy_pool_close(pool);
    CHECK_TIME(2000);
    return 0;
}

/* ---- cancel ---- */

TEST(cancel_ends_the_worker)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    eddy_task *runs = eddy_create_task(blocker, .result = 0);
    eddy_task *waits = eddy_create_task(blocker, .result = 0);
    CHECK_INT(eddy_sleep(0), 0);
    wait_until_said(1);
    CHECK_INT((long long)eddy_pool_jobs(pool), 2);
    CHECK(eddy_task_cancel(waits));
    CHECK(eddy_task_cancel(runs));
    CHECK_INT(eddy_task_wait(runs), 0);
    CHECK_NOTES("-125 -125");
    CHECK(eddy_task_cancelled(runs));
    CHECK_INT((long long)eddy_pool_jobs(pool), 0);
    struct summer next = {3};
    CHECK_INT(summer(&next), 0);
    CHECK_INT((long long)eddy_pool_workers(pool), 1);
    CHECK_INT(eddy_task_release(runs), 0);
    eddy_pool_close(pool);
    return eddy_task_release(waits);
}

struct spin {
    int say;
};
static int spin(struct spin *a)
{
    const pid_t self = getpid();
    if (write(a->say, &self, sizeof self) != sizeof self)
        return -errno;
    for (volatile bool going = true; going;)
        continue;
    return 0;
}

static int spinner(void)
{
    struct spin job = {said[1]};
    return eddy_run_in(pool, spin, &job);
}

/* What is to be cleaned up behind it can be, then. */
TEST(a_cancelled_job_does_nothing_any_more)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    for (int i = 0; i < 20; i++) {
        eddy_task *runs = eddy_create_task(spinner);
        CHECK_INT(eddy_sleep(0), 0);
        pid_t worker;
        CHECK_INT(read(said[0], &worker, sizeof worker), sizeof worker);
        CHECK(eddy_task_cancel(runs));
        CHECK_INT(eddy_await(runs), -ECANCELED);
        CHECK(kill(worker, 0) < 0 && errno == ESRCH);
        CHECK_INT(eddy_task_release(runs), 0);
    }
    eddy_pool_close(pool);
    return 0;
}

TEST(a_timeout_ends_a_sleeping_worker)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    struct snooze job = {1000};
    int err;
    eddy_with_timeout (10, &err)
        err = eddy_run_in(pool, snooze, &job);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(10);
    job.seconds = 5;
    CHECK_INT(eddy_run_in(pool, snooze, &job), 0);
    CHECK_TIME(15);
    eddy_pool_close(pool);
    return 0;
}

/* Until the only worker's socket is readable. */
static void wait_for_reply(void)
{
    const struct process_pool *inside = container_of(pool, struct process_pool, base);
    struct process_worker *worker = container_of(inside->workers.first, struct process_worker,
                                                 link);
    struct pollfd polled = {.fd = worker->socket, .events = POLLIN};
    while (poll(&polled, 1, -1) < 0)
        continue;
}

TEST(a_result_that_has_arrived_beats_the_cancel)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    struct summer warm = {1};
    CHECK_INT(summer(&warm), 0);
    eddy_task *runs = eddy_create_task(blocker, .result = 9);
    CHECK_INT(eddy_sleep(0), 0);
    wait_until_said(1);
    let_go_of(1);
    wait_for_reply(); /* while the loop looks elsewhere */
    CHECK(eddy_task_cancel(runs));
    CHECK_INT(eddy_task_wait(runs), 0);
    CHECK_NOTES("9");
    eddy_pool_close(pool);
    return eddy_task_release(runs);
}

/* ---- closing ---- */

struct close_pool {
    const char *name;
};
static int close_pool(struct close_pool *a)
{
    eddy_pool_close(pool);
    note("%s", a->name);
    return 0;
}

TEST(close_refuses_the_queued_and_waits_for_the_running)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    eddy_task *runs = eddy_create_task(blocker, .result = 7);
    eddy_task *waits = eddy_create_task(blocker, .result = 8);
    CHECK_INT(eddy_sleep(0), 0);
    wait_until_said(1);
    eddy_task *closes = eddy_create_task(close_pool, .name = "closed");
    CHECK_INT(eddy_task_wait(waits), 0);
    CHECK_INT(eddy_task_result(waits), -ESHUTDOWN);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "block: was waiting in a pool that is closing");
    struct summer late = {1};
    CHECK_INT(summer(&late), -EPROTO);
    CHECK(eddy_task_cancel(closes)); /* makes no difference */
    CHECK(!eddy_task_done(closes));
    let_go_of(1);
    CHECK_INT(eddy_task_wait(closes), 0);
    CHECK_INT(eddy_task_wait(runs), 0);
    CHECK_NOTES("-108 7 closed");
    CHECK_INT(eddy_task_release(runs), 0);
    CHECK_INT(eddy_task_release(waits), 0);
    CHECK_TIME(0);
    return eddy_task_release(closes);
}

TEST(close_waits_for_a_job_that_sleeps)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    eddy_task *sleeps = eddy_create_task(snoozer, .seconds = 5, .name = "worker");
    eddy_task *other = eddy_create_task(nap, .seconds = 2, .name = "task");
    CHECK_INT(eddy_sleep(1), 0);
    eddy_pool_close(pool);
    CHECK_TIME(5);
    CHECK_INT(eddy_await(sleeps), 0);
    CHECK_INT(eddy_await(other), 0);
    CHECK_NOTES("task worker@5");
    CHECK_INT(eddy_task_release(other), 0);
    return eddy_task_release(sleeps);
}

TEST(close_while_others_sleep_takes_no_virtual_time)
{
    for (int i = 0; i < 20; i++) {
        CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(2)), 0);
        CHECK_INT(eddy_sleep(0), 0);
        struct summer job = {1};
        CHECK_INT(summer(&job), 0);
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

static int use_pool_and_close(void)
{
    struct summer jobs = {10};
    int r = summer(&jobs);
    eddy_pool_close(pool);
    return r;
}

PLAIN_TEST(a_pool_outlives_loops)
{
    for (int i = 0; i < 3; i++) {
        EXPECT_INT(eddy_process_pool_open(&pool, PROCESSES(2)), 0);
        EXPECT_INT(test_run(use_pool), 0);
        EXPECT_INT(test_run_with(use_pool, (struct eddy_options){0}), 0);
        EXPECT((long long)eddy_pool_workers(pool) > 0);
        if (i == 0)
            eddy_pool_close(pool); /* outside a loop: blocks */
        else if (i == 1)
            EXPECT_INT(test_run(use_pool_and_close), 0);
        else
            EXPECT_INT(test_run_with(use_pool_and_close, (struct eddy_options){0}), 0);
    }
}

static int close_unused(void)
{
    eddy_pool_close(pool);
    return 0;
}

PLAIN_TEST(a_pool_of_an_earlier_loop_closes_in_a_task)
{
    EXPECT_INT(eddy_process_pool_open(&pool, PROCESSES(2)), 0);
    EXPECT_INT(test_run(use_pool), 0);
    EXPECT_INT(test_run(close_unused), 0);
}

static void *use_in_thread(void *ret)
{
    const struct eddy_options options = {.quiet = true, .log = test_log};
    *(int *)ret = eddy_run_with(&options, use_pool);
    return NULL;
}

TEST(one_loop_at_a_time)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    CHECK_INT(use_pool(), 0);
    pthread_t thread;
    int result = 0;
    CHECK_INT(pthread_create(&thread, NULL, use_in_thread, &result), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(result, -EPROTO); /* "-22 in round 0" */
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_run_in: another loop uses this process pool");
    eddy_pool_close(pool);
    return 0;
}
