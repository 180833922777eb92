/* SPDX-License-Identifier: MIT */
/* Process pools whose workers are killed, exit or crash; at last the workers' server is killed. */
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "support/process_pool_test.h"

int main(int argc, char **argv)
{
    return main_with_process_pools(argc, argv);
}

/* ---- the ends of workers ---- */

enum end { BY_KILL, BY_SEGV, BY_EXIT, BY_TERM };
struct end_badly {
    enum end how;
    int touched;
};
static int end_badly(struct end_badly *a)
{
    a->touched = 1;
    if (a->how == BY_EXIT)
        exit(3);
    if (a->how == BY_SEGV)
        signal(SIGSEGV, SIG_DFL); /* the sanitizers' would print a report */
    raise(a->how == BY_KILL ? SIGKILL : a->how == BY_SEGV ? SIGSEGV : SIGTERM);
    return 0;
}

TEST(a_worker_that_dies_fails_its_job_alone)
{
    static const struct {
        enum end how;
        const char *what;
    } ends[] = {
        {BY_KILL, "was killed by signal 9 (Killed)"},
        {BY_SEGV, "was killed by signal 11 (Segmentation fault)"},
        {BY_TERM, "was killed by signal 15 (Terminated)"},
        {BY_EXIT, "exited with 3"},
    };
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct end_badly job = {ends[i].how, 0};
        CHECK_INT(eddy_run_in(pool, end_badly, &job), -ECHILD);
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "end_badly: worker ");
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), ends[i].what);
        CHECK_INT(job.touched, 0); /* the struct is as it was */
        CHECK_INT((long long)eddy_pool_workers(pool), 0);
        struct summer next = {1};
        CHECK_INT(summer(&next), 0);
    }
    eddy_pool_close(pool);
    return 0;
}

TEST(others_go_on_when_one_is_killed)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(2)), 0);
    int err;
    struct end_badly job = {BY_KILL, 0};
    eddy_with_group (g, &err) {
        eddy_spawn(g, blocker, .result = 5);
        eddy_spawn(g, summer, .count = 20);
        err = eddy_sleep(0);
        wait_until_said(1);
        EXPECT_INT(eddy_run_in(pool, end_badly, &job), -ECHILD);
        let_go_of(1);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("5");
    eddy_pool_close(pool);
    return 0;
}

TEST(an_idle_worker_that_dies_is_replaced_silently)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    for (int i = 0; i < 20; i++) {
        struct sum job = {.a = 1, .b = 1};
        CHECK_INT(eddy_run_in(pool, sum, &job), 1);
        CHECK_INT(kill(job.pid, SIGKILL), 0);
        if (i % 2) {
            while (eddy_pool_workers(pool))
                CHECK_INT(eddy_sleep(0.001), 0);
        }
        job.sum = 0;
        CHECK_INT(eddy_run_in(pool, sum, &job), 1); /* or at once, before anybody noticed */
        CHECK_INT(job.sum, 2);
    }
    eddy_pool_close(pool);
    return 0;
}

/* ---- kills at random ---- */

struct report_pid {
    int slot;
    _Atomic(pid_t) *pids; /* shared memory */
    unsigned spins;
};
static int report_pid(struct report_pid *a)
{
    a->pids[a->slot] = getpid();
    for (volatile unsigned i = 0; i < a->spins; i++)
        continue;
    a->pids[a->slot] = 0;
    return a->slot;
}

static _Atomic(pid_t) *shared_pids;

struct victim {
    int slot;
    atomic_int *left;
    int *died;
};
static int victim(struct victim *a)
{
    unsigned seed = (unsigned)a->slot * 7919;
    while (*a->left > 0) {
        struct report_pid job = {a->slot, shared_pids, (unsigned)(rand_r(&seed) % 20000)};
        int r = eddy_run_in(pool, report_pid, &job);
        if (r == -ECHILD)
            ++*a->died;
        else if (r != a->slot)
            return r;
        shared_pids[a->slot] = 0;
    }
    return 0;
}

/* In a thread: a task would look only when the loop turns, and that is when a job has ended. */
struct killer {
    atomic_int *left;
};
static int killer(struct killer *a)
{
    unsigned seed = 42;
    while (*a->left > 0) {
        /* A pid that was reported is the worker's until the loop hears of its end: the zygote may
         * have reaped it, but pids don't come round that fast. */
        pid_t pid = shared_pids[rand_r(&seed) % 4];
        if (pid > 0 && kill(pid, SIGKILL) == 0)
            --*a->left;
        usleep((unsigned)rand_r(&seed) % 1000);
    }
    return 0;
}

__attribute__((__constructor__(102))) static void make_shared_memory(void)
{
    shared_pids = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared_pids == MAP_FAILED)
        abort();
}

static int count_children(pid_t of)
{
    int count = 0;
    char state;
    DIR *directory = opendir("/proc");
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
                 parent_of(entry->d_name, &state) == of;
    if (directory)
        (void)closedir(directory);
    return count;
}

static int kills(void)
{
    atomic_int left = atoi(getenv("EDDY_TEST_KILLS") ? getenv("EDDY_TEST_KILLS") : "100");
    int died = 0, err;
    struct sum job = {.a = 1};
    eddy_pool *thread;
    CHECK_INT(eddy_thread_pool_open(&thread, NULL), 0);
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(4)), 0);
    CHECK_INT(eddy_run_in(pool, sum, &job), 1);
    eddy_with_group (g, &err) {
        for (int i = 0; i < 4; i++)
            eddy_spawn(g, victim, .slot = i, .left = &left, .died = &died);
        struct killer job_of_the_thread = {&left};
        CHECK_INT(eddy_run_in(thread, killer, &job_of_the_thread), 0);
    }
    CHECK_INT(err, 0);
    CHECK(died > 0);
    eddy_pool_close(thread);
    CHECK(count_children(job.parent) <= 4);
    eddy_pool_close(pool);
    CHECK_INT(count_children(job.parent), 0);
    return 0;
}

PLAIN_TEST(random_kills)
{
    EXPECT_INT(test_run_with(kills, (struct eddy_options){0}), 0);
}

TEST(random_cancels)
{
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(3)), 0);
    unsigned seed = 1;
    for (int i = 0; i < 60; i++) {
        eddy_task *tasks[6];
        for (int k = 0; k < 6; k++)
            tasks[k] = eddy_create_task(summer, .count = 3);
        for (int turn = rand_r(&seed) % 20; turn > 0; turn--)
            CHECK_INT(eddy_sleep(0), 0);
        for (int k = 0; k < 6; k++)
            if (rand_r(&seed) % 2)
                eddy_task_cancel(tasks[k]);
        for (int k = 0; k < 6; k++) {
            int r = eddy_task_wait(tasks[k]);
            CHECK_INT(r, 0);
            EXPECT(eddy_task_cancelled(tasks[k]) || eddy_task_result(tasks[k]) == 0 ||
                   eddy_task_result(tasks[k]) == -EPROTO);
            CHECK_INT(eddy_task_release(tasks[k]), 0);
        }
    }
    eddy_pool_close(pool);
    return 0;
}

/* ---- the end of the server ---- */

static int kill_the_server(void)
{
    struct sum job = {.a = 1};
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(2)), 0);
    CHECK_INT(eddy_run_in(pool, sum, &job), 1);
    eddy_task *runs = eddy_create_task(blocker, .result = 0);
    CHECK_INT(eddy_sleep(0), 0);
    wait_until_said(1);
    CHECK_INT(kill(job.parent, SIGKILL), 0);
    CHECK_INT(eddy_task_wait(runs), 0);
    CHECK_INT(eddy_task_result(runs), -ECHILD);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "block: the server of the worker processes is gone");
    CHECK_INT(eddy_task_release(runs), 0);
    CHECK_INT(eddy_run_in(pool, sum, &job), -ECHILD);
    CHECK_INT((long long)eddy_pool_workers(pool), 0);
    eddy_pool_close(pool);
    siginfo_t info;
    CHECK_INT(waitid(P_PID, (id_t)job.parent, &info, WEXITED | WNOWAIT | __WALL), 0);
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(2)), -EPIPE);
    while (process_runs(job.pid)) /* it dies with the server */
        usleep(1000);
    test_state.notes[0] = '\0';
    return 0;
}

/* Last, since nothing works after it. */
PLAIN_TEST(zz_the_death_of_the_server)
{
    EXPECT_INT(test_run(kill_the_server), 0);
}
