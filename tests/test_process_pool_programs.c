/* SPDX-License-Identifier: MIT */
/*
 * Process pools and programs: a fork of this one, a worker, the server of the workers, and what is
 * left when a program with a pool ends.
 */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "support/process_pool_test.h"

static int program(const char *kind);

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "program") == 0)
        return program(argv[2]);
    return main_with_process_pools(argc, argv);
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

static int ask_for_pools(struct sum *a)
{
    eddy_pool *other;
    a->a = eddy_process_pool_init();
    a->b = eddy_process_pool_open(&other, PROCESSES(1));
    return 0;
}

PLAIN_TEST(a_fork_of_the_program_has_no_process_pools)
{
    EXPECT_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
    EXPECT_INT(test_run(use_pool), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        eddy_pool *other = NULL;
        if (eddy_process_pool_init() != -ENOTSUP)
            _exit(1);
        if (eddy_process_pool_open(&other, PROCESSES(1)) != -ENOTSUP || other)
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
    CHECK_INT(eddy_process_pool_open(&pool, PROCESSES(1)), 0);
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

/* ---- programs of their own: this one again, see main ---- */

static const char *program_kind;

static int program_task(void)
{
    struct sum job = {.a = 1};
    int r = eddy_process_pool_open(&pool, PROCESSES(1));
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

/* The server has room for the pool's channel, and for no worker's socket. */
static int init_with_few_descriptors(void)
{
    for (int i = 3; i < 64; i++)
        close(i);
    struct rlimit limit, before;
    (void)getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    limit.rlim_cur = 6; /* 0 to 2, two of its own, the channel */
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    int r = eddy_process_pool_init();
    (void)setrlimit(RLIMIT_NOFILE, &before);
    return r;
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
        printf("%d ", eddy_process_pool_open(&pool, PROCESSES(1)));
        printf("%s", eddy_failure_message(eddy_last_failure()));
        return 0;
    }
    if (strcmp(kind, "full") == 0) {
        const struct eddy_options quiet = {.quiet = true};
        printf("%d ", init_with_few_descriptors());
        printf("%d", eddy_run_with(&quiet, program_task));
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
            execl(path, "test_process_pool_programs", "program", kind, (char *)NULL);
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

PLAIN_TEST(a_server_without_a_free_descriptor_says_so)
{
    int status;
    EXPECT_TEXT(run_program("full", &status), "once 0 -24");
    EXPECT_INT(status, 0);
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
