/* SPDX-License-Identifier: MIT */
/* Process pools: jobs in other processes, and every way in which those can end. */
#define main test_main
#include "support/test.h"
#undef main
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "process_pool.h"

static int program(const char *kind);

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "program") == 0)
        return program(argv[2]);
    if (eddy_process_pool_init() < 0 || eddy_process_pool_init() < 0) {
        eddy_failure_print(eddy_last_failure(), stderr);
        return 1;
    }
    return test_main(argc, argv);
}

/* ---- functions for workers ---- */

struct sum {
    int a, b, sum;
    pid_t pid, parent;
};
static int sum(struct sum *a)
{
    a->sum = a->a + a->b;
    a->pid = getpid();
    a->parent = getppid();
    return a->a;
}

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

static int ask_for_pools(struct sum *a)
{
    eddy_pool *other;
    a->a = eddy_process_pool_init();
    a->b = eddy_process_pool_open(&other, 1);
    return 0;
}

/* Says that it runs, by a byte in a pipe, and then blocks until it is killed, or let go. */
struct block {
    int say, wait;
    int result;
};
static int block(struct block *a)
{
    char byte = 0;
    if (write(a->say, &byte, 1) != 1 || read(a->wait, &byte, 1) < 0)
        return -errno;
    return a->result;
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

/* ---- tasks ---- */

static eddy_pool *pool;

/* Pipes that workers know: made before any worker, kept for good. */
static int said[2] = {-1, -1}, let_go[2] = {-1, -1};

__attribute__((__constructor__(101))) static void make_pipes(void)
{
    if (pipe(said) < 0 || pipe(let_go) < 0)
        abort();
}

static void wait_until_said(int count)
{
    char byte;
    while (count-- > 0)
        if (read(said[0], &byte, 1) != 1)
            abort();
}

static void let_go_of(int count)
{
    while (count-- > 0)
        if (write(let_go[1], "", 1) != 1)
            abort();
}

struct blocker {
    int result;
};
static int blocker(struct blocker *a)
{
    struct block job = {said[1], let_go[0], a->result};
    int r = eddy_run_in(pool, block, &job);
    note("%d", r);
    return r;
}

struct summer {
    int count;
};
static int summer(struct summer *a)
{
    for (int i = 0; i < a->count; i++) {
        struct sum job = {.a = i, .b = 1};
        int r = eddy_run_in(pool, sum, &job);
        if (r != i || job.sum != i + 1)
            return eddy_fail(-EPROTO, "%d in round %d", r, i);
    }
    return 0;
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

/* From /proc/PID/stat: the parent, 0 if there is no such process; a zombie counts as one. */
static pid_t parent_of(const char *pid, char *ret_state)
{
    char path[300], line[512] = "";
    int parent = 0;
    (void)snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    const char *name_end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (!name_end || sscanf(name_end + 1, " %c %d", ret_state, &parent) != 2)
        parent = 0;
    (void)fclose(file);
    return parent;
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

static bool process_runs(pid_t pid)
{
    char number[16], state = 'Z';
    (void)snprintf(number, sizeof number, "%d", pid);
    return parent_of(number, &state) && state != 'Z' && state != 'X';
}

/* ---- results ---- */

TEST(the_struct_travels_there_and_back)
{
    struct sum job = {.a = 2, .b = 3};
    CHECK_INT(eddy_process_pool_open(&pool, 0), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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
    CHECK_INT(eddy_process_pool_open(NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_process_pool_open: the pool is NULL");
    CHECK_INT(eddy_process_pool_open(&none, 1025), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "1025 workers; 1024 is the most");
    CHECK(!none);
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 3), 0);
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

TEST(many_jobs_at_once)
{
    CHECK_INT(eddy_process_pool_open(&pool, 4), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 2), 0);
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

/* ---- the ends of workers ---- */

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
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 2), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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

/* ---- cancel ---- */

TEST(cancel_ends_the_worker_at_once)
{
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
    eddy_task *runs = eddy_create_task(blocker, .result = 0);
    eddy_task *waits = eddy_create_task(blocker, .result = 0);
    CHECK_INT(eddy_sleep(0), 0);
    wait_until_said(1);
    CHECK_INT((long long)eddy_pool_jobs(pool), 2);
    CHECK(eddy_task_cancel(waits));
    CHECK(eddy_task_cancel(runs));
    CHECK_INT(eddy_sleep(0), 0);
    CHECK_NOTES("-125 -125");
    CHECK_INT((long long)eddy_pool_jobs(pool), 0);
    struct summer next = {3};
    CHECK_INT(summer(&next), 0);
    CHECK_INT((long long)eddy_pool_workers(pool), 1);
    CHECK_INT(eddy_task_release(runs), 0);
    eddy_pool_close(pool);
    return eddy_task_release(waits);
}

TEST(a_timeout_ends_a_sleeping_worker)
{
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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
        CHECK_INT(eddy_process_pool_open(&pool, 2), 0);
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

static int use_pool(void)
{
    struct summer jobs = {10};
    return summer(&jobs);
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
    test_state.descriptors = test_count_descriptors();
    for (int i = 0; i < 3; i++) {
        EXPECT_INT(eddy_process_pool_open(&pool, 2), 0);
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
    test_state.descriptors = test_count_descriptors();
    EXPECT_INT(eddy_process_pool_open(&pool, 2), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
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

/* ---- the server ---- */

static int wait_for_exit(pid_t pid, int *status)
{
    pid_t r;
    do
        r = waitpid(pid, status, 0);
    while (r < 0 && errno == EINTR);
    return r == pid ? 0 : -errno;
}

PLAIN_TEST(a_fork_of_the_program_has_no_process_pools)
{
    test_state.descriptors = test_count_descriptors();
    EXPECT_INT(eddy_process_pool_open(&pool, 1), 0);
    EXPECT_INT(test_run(use_pool), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        eddy_pool *other = NULL;
        if (eddy_process_pool_init() != -ENOTSUP)
            _exit(1);
        if (eddy_process_pool_open(&other, 1) != -ENOTSUP || other)
            _exit(2);
        if (!strstr(eddy_failure_message(eddy_last_failure()), "this is a fork of it"))
            _exit(3);
        eddy_pool_close(pool); /* its copy */
        _exit(0);
    }
    int status = -1;
    EXPECT_INT(wait_for_exit(pid, &status), 0);
    EXPECT_INT(status, 0);
    EXPECT_INT(test_run(use_pool), 0); /* untouched */
    eddy_pool_close(pool);
}

TEST(a_worker_has_no_process_pools)
{
    struct sum job = {.a = 0};
    CHECK_INT(eddy_process_pool_open(&pool, 1), 0);
    CHECK_INT(eddy_run_in(pool, ask_for_pools, &job), 0);
    CHECK_INT(job.a, -ENOTSUP);
    CHECK_INT(job.b, -ENOTSUP);
    eddy_pool_close(pool);
    return 0;
}

PLAIN_TEST(nobody_waits_for_the_server_by_chance)
{
    int status;
    errno = 0;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    /* Under an emulator the server is an ordinary child. */
    EXPECT((pid < 0 && errno == ECHILD) || pid == 0);
}

static int kill_the_server(void)
{
    struct sum job = {.a = 1};
    CHECK_INT(eddy_process_pool_open(&pool, 2), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 2), -EPIPE);
    while (process_runs(job.pid)) /* it dies with the server */
        usleep(1000);
    test_state.notes[0] = '\0';
    return 0;
}

/* ---- programs of their own: this one again, see main ---- */

static const char *program_kind;

static int program_task(void)
{
    struct sum job = {.a = 1};
    int r = eddy_process_pool_open(&pool, 1);
    if (r < 0 || (r = eddy_run_in(pool, sum, &job)) < 0)
        return r;
    printf("%d %d", job.parent, job.pid);
    fflush(stdout);
    if (strcmp(program_kind, "killed") == 0)
        raise(SIGKILL);
    exit(0); /* in the middle of it all */
}

static void *nothing_to_do(void *gate)
{
    pthread_mutex_lock(gate);
    return NULL;
}

static int init_late(void)
{
    return eddy_process_pool_init();
}

static int program(const char *kind)
{
    static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;
    program_kind = kind;
    printf("once "); /* in the buffer while processes are forked */
    if (strcmp(kind, "threads") == 0) {
        pthread_mutex_lock(&gate);
        pthread_create(&thread, NULL, nothing_to_do, &gate);
        printf("%d", eddy_process_pool_init());
        pthread_mutex_unlock(&gate);
        return pthread_join(thread, NULL);
    }
    if (strcmp(kind, "loop") == 0) {
        const struct eddy_options quiet = {.quiet = true};
        printf("%d ", eddy_run_with(&quiet, init_late));
        printf("%d ", eddy_process_pool_open(&pool, 1));
        printf("%s", eddy_failure_message(eddy_last_failure()));
        return 0;
    }
    return eddy_process_pool_init() < 0 || eddy_run(program_task) < 0;
}

/* Runs it and gives what it wrote to stdout. */
static const char *run_program(const char *kind, int *status)
{
    static char output[1024];
    char path[4096] = ""; /* an emulator answers readlink as if it weren't there, but not exec */
    int out[2];
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        return "";
    if (pipe(out) < 0)
        return "";
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        if (freopen("/dev/null", "w", stderr))
            execl(path, "test_process_pool", "program", kind, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    size_t length = 0;
    ssize_t count;
    while ((count = read(out[0], output + length, sizeof output - 1 - length)) > 0)
        length += (size_t)count; /* to the end: when all who inherited it are gone */
    output[length] = '\0';
    close(out[0]);
    *status = -1;
    EXPECT_INT(wait_for_exit(pid, status), 0);
    if (WIFEXITED(*status) && WEXITSTATUS(*status) == 127) {
        printf("SKIP: programs for this processor can't be executed here\n");
        skip();
    }
    return output;
}

PLAIN_TEST(at_exit_nothing_is_left)
{
    int status, zygote = 0, worker = 0;
    const char *output = run_program("exits", &status);
    EXPECT_INT(status, 0);
    EXPECT_INT(sscanf(output, "once %d %d", &zygote, &worker), 2);
    EXPECT(!strstr(output + 1, "once"));
    EXPECT(zygote > 0 && worker > 0 && !process_runs(zygote) && !process_runs(worker));
}

PLAIN_TEST(killed_it_leaves_nothing_either)
{
    int status, zygote = 0, worker = 0;
    const char *output = run_program("killed", &status);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT_INT(sscanf(output, "once %d %d", &zygote, &worker), 2);
    while (process_runs(zygote) || process_runs(worker))
        usleep(1000);
}

PLAIN_TEST(too_late_for_process_pools)
{
    int status;
    EXPECT_TEXT(run_program("threads", &status), "once -16");
    EXPECT_INT(status, 0);
    EXPECT_TEXT(run_program("loop", &status), "once -16 -95 eddy_process_pool_open: call "
                                              "eddy_process_pool_init first thing in main");
    EXPECT_INT(status, 0);
}

/* ---- kills at random ---- */

struct report_pid {
    int slot;
    volatile pid_t *pids; /* shared memory */
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

static volatile pid_t *shared_pids;

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

static int kills(void)
{
    atomic_int left = atoi(getenv("EDDY_TEST_KILLS") ? getenv("EDDY_TEST_KILLS") : "100");
    int died = 0, err;
    struct sum job = {.a = 1};
    eddy_pool *thread;
    CHECK_INT(eddy_thread_pool_open(&thread, NULL), 0);
    CHECK_INT(eddy_process_pool_open(&pool, 4), 0);
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
    CHECK_INT(eddy_process_pool_open(&pool, 3), 0);
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

/* Last, since nothing works after it. */
PLAIN_TEST(zz_the_death_of_the_server)
{
    EXPECT_INT(test_run(kill_the_server), 0);
}
