/* SPDX-License-Identifier: MIT */
/* How child processes end, however badly they behave, and pipelines of them. */
#include "support/process_test.h"

static eddy_process *shell(const char *command, struct eddy_process_options options)
{
    eddy_process *process = NULL;
    EXPECT_INT(eddy_process_shell(command, &options, &process), 0);
    return process;
}

static void expect_line(eddy_process *process, const char *expected)
{
    char line[64];
    EXPECT(eddy_stream_read_line(eddy_process_stdout(process), line, sizeof line) > 0);
    EXPECT_TEXT(line, expected);
}

/* Of a grandchild, which isn't this process's to wait for. */
static pid_t read_number(eddy_process *process)
{
    char line[32];
    EXPECT(eddy_stream_read_line(eddy_process_stdout(process), line, sizeof line) > 0);
    return (pid_t)atoi(line);
}

static bool ends_soon(pid_t pid)
{
    for (int tries = 0; tries < 20000 && process_runs(pid); tries++) {
        turns(1); /* so that the task doesn't keep its loop */
        (void)usleep(1000);
    }
    return !process_runs(pid);
}

/* ---- closing ---- */

TEST(a_child_that_ignores_SIGTERM_is_killed_after_its_grace)
{
    eddy_process *process = shell(
        "trap '' TERM; echo ready; while :; do sleep 100; done",
        (struct eddy_process_options){.stdout_to = EDDY_PIPE, .group = EDDY_OWN_GROUP, .grace = 5});
    expect_line(process, "ready\n");
    int code = 0, err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, await_end, .process = process, .code = &code);
        turns(1);
        eddy_process_close(process);
    }
    CHECK_INT(code, -SIGKILL);
    CHECK_TIME(5);
    CHECK(no_children());
    return err;
}

TEST_WITH(one_that_heeds_SIGTERM_has_its_grace, .virtual_clock = false)
{
    eddy_process *process = shell(
        "trap 'exit 12' TERM; echo ready; while :; do sleep 0.01; done",
        (struct eddy_process_options){.stdout_to = EDDY_PIPE, .grace = 100});
    expect_line(process, "ready\n");
    int code = 0, err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, await_end, .process = process, .code = &code);
        turns(1);
        eddy_process_close(process);
    }
    CHECK_INT(code, 12);
    CHECK(no_children());
    return err;
}

struct close_one {
    eddy_process *process;
};

static int close_one(struct close_one *a)
{
    eddy_process_close(a->process);
    note("closed");
    return 0;
}

TEST(a_cancel_does_not_shorten_the_close)
{
    eddy_process *process = shell(
        "trap '' TERM; echo ready; while :; do sleep 100; done",
        (struct eddy_process_options){.stdout_to = EDDY_PIPE, .group = EDDY_OWN_GROUP, .grace = 2});
    expect_line(process, "ready\n");
    eddy_task *task = eddy_create_task(close_one, .process = process);
    turns(2);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("closed");
    CHECK_TIME(2);
    CHECK(no_children());
    return eddy_task_release(task);
}

TEST(a_child_may_end_at_the_instant_at_which_its_grace_does)
{
    eddy_process *process = shell("exec sleep 1000", (struct eddy_process_options){.grace = 1});
    eddy_task *task = eddy_create_task(close_one, .process = process);
    turns(1);
    siginfo_t info;
    CHECK(waitid(P_PID, (id_t)eddy_process_pid(process), &info, WEXITED | WNOWAIT) == 0);
    CHECK_INT(eddy_blocking_sleep(1), 0);
    CHECK_INT(eddy_await(task), 0);
    CHECK_NOTES("closed");
    CHECK(no_children());
    return eddy_task_release(task);
}

static void close_in_callback(void *process)
{
    eddy_process_close(process);
}

TEST(in_a_callback_the_loop_does_the_rest)
{
    eddy_process *process = shell("exec sleep 1000", (struct eddy_process_options){.grace = 1});
    CHECK(eddy_call_soon(close_in_callback, process));
    while (!no_children()) {
        turns(1);
        (void)usleep(100);
    }
    return 0;
}

static int leave_running(void)
{
    shell("exec sleep 1000", (struct eddy_process_options){.stdin_from = EDDY_PIPE});
    eddy_process *ended = shell("exit 3", (struct eddy_process_options){.group = EDDY_OWN_GROUP});
    return eddy_process_wait(ended, NULL);
}

PLAIN_TEST(the_end_of_the_loop_kills_and_reports_what_was_left)
{
    eddy_test_allow_leftovers(2);
    EXPECT_INT(test_run(leave_running), 0);
    EXPECT_REPORT(EDDY_LOG_HANDLE_LOST, "('/bin/sh') was never closed, and is killed");
    EXPECT_REPORT(EDDY_LOG_HANDLE_LOST, "('/bin/sh') was never closed");
    EXPECT(no_children());
}

static void close_late(void *process)
{
    eddy_process_close(process);
}

static int close_at_the_very_end(void)
{
    eddy_process *process = shell("exec sleep 1000", (struct eddy_process_options){.grace = 1});
    return eddy_call_soon(close_late, process) ? 0 : -ENOMEM;
}

PLAIN_TEST(closed_at_the_very_end_it_is_reaped_and_nothing_said)
{
    EXPECT_INT(test_run(close_at_the_very_end), 0);
    EXPECT(no_children());
}

/* ---- groups ---- */

TEST(closing_ends_the_whole_group_also_when_the_first_has_ended)
{
    for (int i = 0; i < 2; i++) {
        eddy_process *process = shell(
            i ? "sleep 1000 & echo $!" : "sleep 1000 & echo $!; wait",
            (struct eddy_process_options){.stdout_to = EDDY_PIPE, .group = EDDY_OWN_GROUP});
        const pid_t grandchild = read_number(process);
        CHECK(process_runs(grandchild));
        int code = -1;
        if (i) {
            CHECK_INT(eddy_process_wait(process, &code), 0);
            CHECK_INT(code, 0);
            CHECK(process_runs(grandchild));
        }
        eddy_process_close(process);
        CHECK(ends_soon(grandchild));
    }
    CHECK(no_children());
    return 0;
}

TEST_WITH(nor_does_one_of_the_group_that_ignores_SIGTERM_outlive_the_first, .virtual_clock = false)
{
    eddy_process *process = shell("sh -c 'trap \"\" TERM; echo $$; exec sleep 1000' & wait",
                                  (struct eddy_process_options){.stdout_to = EDDY_PIPE,
                                                                .group = EDDY_OWN_GROUP,
                                                                .grace = 1000});
    const pid_t grandchild = read_number(process);
    eddy_process_close(process);
    CHECK(ends_soon(grandchild));
    CHECK(no_children());
    return 0;
}

TEST(closing_ends_one_that_has_left_its_group_to_others)
{
    static const char script[] = "import os, time\n"
                                 "if os.fork() == 0:\n"
                                 "    time.sleep(1000)\n"
                                 "os.setpgid(0, os.getpgid(os.getppid()))\n"
                                 "os.write(1, b'ready\\n')\n"
                                 "time.sleep(1000)\n";
    eddy_process *process;
    int r = eddy_process_exec(
        ARGUMENTS("python3", "-c", script),
        &(struct eddy_process_options){.stdout_to = EDDY_PIPE, .group = EDDY_OWN_GROUP}, &process);
    if (r == -ENOENT)
        return eddy_test_skip("no python3, by which a process leaves its group");
    CHECK_INT(r, 0);
    expect_line(process, "ready\n");
    eddy_process_close(process);
    CHECK(no_children());
    return 0;
}

TEST(a_grandchild_that_holds_the_pipe_is_waited_for_no_longer_than_asked)
{
    eddy_process *process = shell(
        "echo early; sleep 1000 &",
        (struct eddy_process_options){.stdout_to = EDDY_PIPE, .group = EDDY_OWN_GROUP});
    int code = -1;
    CHECK_INT(eddy_process_wait(process, &code), 0);
    CHECK_INT(code, 0);
    CHECK_INT(eddy_wait_for(eddy_process_communicate(process, NULL, 0, &code), 3.0), -ETIMEDOUT);
    CHECK_TIME(3);
    CHECK_TEXT(eddy_process_output(process, NULL), "early\n");
    eddy_process_close(process);
    CHECK(no_children());
    return 0;
}

/* ---- communicate's limits ---- */

TEST(a_flood_of_output_ends_at_the_limit)
{
    static const size_t limits[] = {1, 4095, 4096, 100000};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        eddy_process *process = shell(
            "exec yes",
            (struct eddy_process_options){.stdout_to = EDDY_PIPE, .output_limit = limits[i]});
        size_t size;
        CHECK_INT(eddy_process_communicate(process, NULL, 0, NULL), -EMSGSIZE);
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "is longer than");
        const char *output = eddy_process_output(process, &size);
        CHECK_INT(size, limits[i]);
        CHECK(output[0] == 'y' && output[size] == '\0');
        CHECK_INT(eddy_process_communicate(process, NULL, 0, NULL), -EMSGSIZE); /* and stays so */
        eddy_process_close(process);
    }
    return 0;
}

/* All of what `command` prints, which is no more than the limit. */
static int fits(const char *command, size_t limit, size_t expected)
{
    eddy_process *process = shell(
        command, (struct eddy_process_options){.stdout_to = EDDY_PIPE, .output_limit = limit});
    size_t size;
    CHECK_INT(eddy_process_communicate(process, NULL, 0, NULL), 0);
    (void)eddy_process_output(process, &size);
    CHECK_INT(size, expected);
    eddy_process_close(process);
    return 0;
}

TEST(output_just_at_the_limit_is_not_too_long)
{
    return fits("head -c 5000 /dev/zero", 5000, 5000);
}

TEST(a_limit_may_be_as_large_as_can_be)
{
    return fits("head -c 100000 /dev/zero", SIZE_MAX, 100000);
}

TEST(communicate_cancelled_goes_on_where_it_was)
{
    enum { SIZE = 300000 };
    char *input = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        input[i] = (char)('a' + i % 23);
    eddy_process *process = shell_with_pipes("exec cat");
    CHECK_INT(eddy_process_send_signal(process, SIGSTOP), 0);
    CHECK_INT(eddy_wait_for(eddy_process_communicate(process, input, SIZE, NULL), 1.0), -ETIMEDOUT);
    CHECK_INT(eddy_process_communicate(process, input, 10, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "less input than was fed already");
    CHECK_INT(eddy_process_send_signal(process, SIGCONT), 0);
    int code = -1;
    CHECK_INT(eddy_process_communicate(process, input, SIZE, &code), 0);
    CHECK_INT(code, 0);
    size_t size;
    const char *output = eddy_process_output(process, &size);
    CHECK_INT(size, SIZE);
    CHECK(memcmp(output, input, SIZE) == 0);
    eddy_process_close(process);
    free(input);
    return 0;
}

struct communicate {
    eddy_process *process;
};

static int communicate(struct communicate *a)
{
    return eddy_process_communicate(a->process, NULL, 0, NULL);
}

TEST(one_task_communicates_at_a_time_and_a_close_wakes_it)
{
    eddy_process *process = shell_with_pipes("exec sleep 1000");
    eddy_task *task = eddy_create_task(communicate, .process = process);
    turns(3);
    CHECK_INT(eddy_process_communicate(process, NULL, 0, NULL), -EBUSY);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "another task communicates");
    eddy_process_close(process);
    CHECK_INT(eddy_await(task), -ECONNABORTED);
    return eddy_task_release(task);
}

TEST(streams_can_be_closed_early)
{
    eddy_process *process = shell_with_pipes("exec yes"), *other = shell_with_pipes("exec cat");
    int code = 0;
    CHECK_INT(eddy_process_close_stream(process, eddy_process_stdout(other)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the stream isn't one of process");
    CHECK_INT(eddy_process_close_stream(process, NULL), 0);
    CHECK_INT(eddy_process_close_stream(process, eddy_process_stdout(process)), 0);
    CHECK(!eddy_process_stdout(process));
    CHECK_INT(eddy_process_wait(process, &code), 0);
    CHECK_INT(code, -SIGPIPE);
    eddy_process_close(process);
    eddy_process_close(other);
    return 0;
}

/* ---- many ---- */

struct count_up {
    int number;
    int *sum;
};

static int count_up(struct count_up *a)
{
    char command[64], expected[16];
    (void)snprintf(command, sizeof command, "read n; echo $((n + 1)); exit %d", a->number % 100);
    (void)snprintf(expected, sizeof expected, "%d\n", a->number + 1);
    eddy_process *process = shell(
        command, (struct eddy_process_options){.stdin_from = EDDY_PIPE, .stdout_to = EDDY_PIPE});
    eddy_defer(eddy_process_close, process);
    int length = snprintf(command, sizeof command, "%d\n", a->number), code;
    int r = eddy_process_communicate(process, command, (size_t)length, &code);
    if (r < 0)
        return r;
    EXPECT_TEXT(eddy_process_output(process, NULL), expected);
    EXPECT_INT(code, a->number % 100);
    ++*a->sum;
    return 0;
}

HEAVY_TEST(two_hundred_at_once)
{
    int sum = 0, err;
    size_t before = test_count_descriptors();
    eddy_with_group (g, &err) {
        for (int i = 0; i < 200; i++)
            eddy_spawn(g, count_up, .number = i, .sum = &sum);
    }
    CHECK_INT(sum, 200);
    CHECK_INT(test_count_descriptors(), before);
    CHECK(no_children());
    return err;
}

/* ---- pipelines ---- */

TEST(a_pipeline_gives_every_code)
{
    const char *const *const programs[] = {ARGUMENTS("sh", "-c", "cat; exit 1"),
                                           ARGUMENTS("sh", "-c", "tr a-z A-Z; echo e >&2; exit 2"),
                                           ARGUMENTS("sh", "-c", "sed s/^/-/; exit 3")};
    const struct eddy_process_options options = {
        .stdin_from = EDDY_PIPE, .stdout_to = EDDY_PIPE, .stderr_to = EDDY_PIPE};
    eddy_process *all[3];
    int codes[3];
    size_t before = test_count_descriptors();
    CHECK_INT(eddy_process_pipeline(programs, 3, &options, all), 0);
    CHECK_INT(eddy_process_communicate_all(all, 3, "one\ntwo\n", 8, codes), 0);
    CHECK_INT(codes[0], 1);
    CHECK_INT(codes[1], 2);
    CHECK_INT(codes[2], 3);
    CHECK_TEXT(eddy_process_output(all[2], NULL), "-ONE\n-TWO\n");
    CHECK_TEXT(eddy_process_errors(all[1], NULL), "e\n");
    for (int i = 0; i < 3; i++)
        eddy_process_close(all[i]);
    CHECK_INT(test_count_descriptors(), before);
    return 0;
}

TEST(the_last_one_that_ends_early_ends_the_others)
{
    const char *const *const programs[] = {ARGUMENTS("yes"), ARGUMENTS("cat"),
                                           ARGUMENTS("head", "-n", "2")};
    eddy_process *all[3];
    int codes[3];
    CHECK_INT(eddy_process_pipeline(programs, 3,
                                    &(struct eddy_process_options){.stdout_to = EDDY_PIPE}, all),
              0);
    CHECK_INT(eddy_process_communicate_all(all, 3, NULL, 0, codes), 0);
    CHECK_INT(codes[0], -SIGPIPE);
    CHECK_INT(codes[1], -SIGPIPE);
    CHECK_INT(codes[2], 0);
    CHECK_TEXT(eddy_process_output(all[2], NULL), "y\ny\n");
    for (int i = 0; i < 3; i++)
        eddy_process_close(all[i]);
    return 0;
}

TEST(a_pipeline_that_can_not_be_started_leaves_nothing)
{
    const char *const *const programs[] = {ARGUMENTS("yes"), ARGUMENTS("cat"),
                                           ARGUMENTS("no-such-program")};
    eddy_process *all[3];
    size_t before = test_count_descriptors();
    CHECK_INT(eddy_process_pipeline(programs, 3, NULL, all), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "'no-such-program'");
    while (!no_children()) { /* the loop reaps */
        turns(1);
        (void)usleep(100);
    }
    turns(1);
    CHECK_INT(test_count_descriptors(), before);
    return 0;
}

TEST(a_pipeline_in_a_group_of_its_own_is_ended_as_one)
{
    const char *const *const programs[] = {ARGUMENTS("true"), ARGUMENTS("sleep", "1000"),
                                           ARGUMENTS("sleep", "1000")};
    eddy_process *all[3];
    CHECK_INT(eddy_process_pipeline(programs, 3,
                                    &(struct eddy_process_options){.group = EDDY_OWN_GROUP}, all),
              0);
    int codes[3] = {0, 0, 0}, err;
    CHECK_INT(eddy_process_wait(all[0], &codes[0]), 0);
    CHECK_INT(getpgid(eddy_process_pid(all[2])), eddy_process_pid(all[0]));
    eddy_with_group (g, &err) {
        eddy_spawn(g, await_end, .process = all[1], .code = &codes[1]);
        eddy_spawn(g, await_end, .process = all[2], .code = &codes[2]);
        turns(1);
        eddy_process_close(all[0]);
    }
    CHECK_INT(codes[0], 0);
    CHECK_INT(codes[1], -SIGKILL);
    CHECK_INT(codes[2], -SIGKILL);
    eddy_process_close(all[1]);
    eddy_process_close(all[2]);
    return err;
}
