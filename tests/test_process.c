/* SPDX-License-Identifier: MIT */
/* Child processes: asyncio's rules for communicate, waits, signals, outputs and closing. */
#include "support/process_test.h"

/* ---- communicate ---- */

TEST(rule_220_communicate_feeds_and_reads_at_the_same_time_then_waits)
{
    enum { SIZE = 1 << 20 }; /* far more than the pipes hold */
    char *input = malloc(SIZE);
    memset(input, 'e', SIZE);
    eddy_process *process = shell_with_pipes("tee /proc/self/fd/2; exit 3");
    int code = -1;
    CHECK_INT(eddy_process_communicate(process, input, SIZE, &code), 0);
    CHECK_INT(code, 3);
    size_t output, errors;
    CHECK(memcmp(eddy_process_output(process, &output), input, SIZE) == 0);
    CHECK(memcmp(eddy_process_errors(process, &errors), input, SIZE) == 0);
    CHECK_INT(output, SIZE);
    CHECK_INT(errors, SIZE);
    CHECK_INT(eddy_process_output(process, NULL)[SIZE], '\0');
    CHECK(!eddy_process_stdin(process) && !eddy_process_stdout(process));
    CHECK_INT(eddy_process_communicate(process, input, SIZE, &code), 0); /* nothing left to do */
    eddy_process_close(process);
    free(input);
    CHECK(no_children());
    return 0;
}

TEST(rule_221_communicate_ignores_a_broken_pipe_a_write_does_not)
{
    enum { SIZE = 1 << 20 };
    char *input = calloc(1, SIZE);
    eddy_process *process = shell_with_pipes("exec <&-; echo enough");
    int code = -1;
    CHECK_INT(eddy_process_communicate(process, input, SIZE, &code), 0);
    CHECK_INT(code, 0);
    CHECK_TEXT(eddy_process_output(process, NULL), "enough\n");
    eddy_process_close(process);

    process = shell_with_pipes("exit 0");
    CHECK_INT(eddy_process_wait(process, &code), 0);
    CHECK_INT(eddy_stream_write(eddy_process_stdin(process), input, SIZE), -EPIPE);
    eddy_process_close(process);
    free(input);
    return 0;
}

TEST(rule_222_empty_and_null_input_devnull_and_stderr_to_stdout)
{
    int code;
    eddy_process *process = shell_with_pipes("wc -c");
    CHECK_INT(eddy_process_communicate(process, "", 0, &code), 0);
    CHECK_TEXT(eddy_process_output(process, NULL), "0\n");
    CHECK_TEXT(eddy_process_errors(process, NULL), "");
    eddy_process_close(process);

    process = shell_with_pipes("wc -c");
    CHECK_INT(eddy_process_communicate(process, NULL, 0, NULL), 0);
    CHECK_TEXT(eddy_process_output(process, NULL), "0\n");
    eddy_process_close(process);

    struct eddy_process_options options = {
        .stdin_from = EDDY_DEVNULL, .stdout_to = EDDY_PIPE, .stderr_to = EDDY_STDOUT};
    CHECK_INT(eddy_process_shell("echo out; echo error >&2; wc -c", &options, &process), 0);
    CHECK(eddy_process_stdout(process) && !eddy_process_stdin(process) &&
          !eddy_process_stderr(process));
    CHECK_INT(eddy_process_communicate(process, NULL, 0, &code), 0);
    CHECK_TEXT(eddy_process_output(process, NULL), "out\nerror\n0\n");
    eddy_process_close(process);

    options = (struct eddy_process_options){.stdout_to = EDDY_DEVNULL, .stderr_to = EDDY_STDOUT};
    CHECK_INT(
        eddy_process_shell("echo out; readlink /proc/self/fd/1 >&2; exit 7", &options, &process),
        0);
    CHECK_INT(eddy_process_communicate(process, NULL, 0, &code), 0);
    CHECK_INT(code, 7);
    eddy_process_close(process);
    return 0;
}

/* ---- the end of a process ---- */

TEST(rule_223_the_code_is_the_exit_status_or_minus_the_signal)
{
    static const struct {
        const char *command;
        int code;
    } ends[] = {{"exit 0", 0},          {"exit 255", 255},       {"kill -9 $$", -SIGKILL},
                {"kill -TERM $$", -15}, {"exit 256", 256 % 256}, {"kill -SEGV $$", -SIGSEGV}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        eddy_process *process;
        int code = -1000;
        const struct eddy_process_options quiet = {
            .limits = (const struct eddy_process_limit[]){{RLIMIT_CORE, 0, 0}}, .limit_count = 1};
        CHECK_INT(eddy_process_shell(ends[i].command, &quiet, &process), 0);
        CHECK_INT(eddy_process_wait(process, &code), 0);
        CHECK_INT(code, ends[i].code);
        code = -1000;
        CHECK(eddy_process_ended(process, &code));
        CHECK_INT(code, ends[i].code);
        eddy_process_close(process);
    }
    return 0;
}

TEST(rule_223_signals_end_it)
{
    static const int numbers[] = {SIGTERM, SIGKILL, SIGHUP};
    for (int i = 0; i < 3; i++) {
        eddy_process *process = shell_with_pipes("exec cat");
        int code = 0;
        CHECK(!eddy_process_ended(process, &code));
        CHECK_INT(i == 0   ? eddy_process_terminate(process)
                  : i == 1 ? eddy_process_kill(process)
                           : eddy_process_send_signal(process, SIGHUP),
                  0);
        CHECK_INT(eddy_process_wait(process, &code), 0);
        CHECK_INT(code, -numbers[i]);
        eddy_process_close(process);
    }
    return 0;
}

TEST(rule_224_any_number_of_waits_get_the_same_code_and_no_zombie_stays)
{
    enum { WAITS = 20 };
    int codes[WAITS] = {0}, err;
    eddy_process *process = shell_with_pipes("read line; exit 9");
    eddy_with_group (g, &err) {
        for (int i = 0; i < WAITS; i++)
            eddy_spawn(g, await_end, .process = process, .code = &codes[i]);
        turns(1);
        CHECK_INT(eddy_stream_write(eddy_process_stdin(process), "\n", 1), 1);
    }
    CHECK_INT(err, 0);
    for (int i = 0; i < WAITS; i++)
        CHECK_INT(codes[i], 9);
    CHECK(no_children()); /* although it isn't closed */
    eddy_process_close(process);
    return 0;
}

TEST(rule_225_a_cancelled_wait_leaves_the_process_and_a_later_one_works)
{
    eddy_process *process = shell_with_pipes("read line; exit 4");
    int code = -1;
    eddy_task *task = eddy_create_task(await_end, .process = process, .code = &code);
    turns(2);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_INT(code, -1);
    CHECK(!eddy_process_ended(process, NULL));
    CHECK_INT(eddy_stream_write(eddy_process_stdin(process), "\n", 1), 1);
    CHECK_INT(eddy_process_wait(process, &code), 0);
    CHECK_INT(code, 4);
    eddy_process_close(process);
    return 0;
}

static int start_and_cancel(void)
{
    eddy_process *process = shell_with_pipes("cat");
    eddy_defer(eddy_process_close, process);
    return eddy_process_communicate(process, "x", 1, NULL);
}

TEST(rule_226_a_cancel_at_the_start_kills_reaps_and_closes)
{
    size_t before = test_count_descriptors();
    eddy_task *task = eddy_create_task(start_and_cancel);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_INT(test_count_descriptors(), before);
    CHECK(no_children());
    return 0;
}

TEST(rule_227_closing_kills_what_runs_and_not_what_has_ended)
{
    eddy_process *process = shell_with_pipes("exec cat");
    int code = 0, err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, await_end, .process = process, .code = &code);
        turns(1);
        eddy_process_close(process);
        CHECK(no_children());
    }
    CHECK_INT(err, 0);
    CHECK_INT(code, -SIGKILL);

    process = shell_with_pipes("exit 5");
    CHECK_INT(eddy_process_wait(process, &code), 0);
    CHECK_INT(code, 5);
    eddy_process_close(process);
    eddy_process_close(NULL);
    return 0;
}

/* Until it has ended, of which the loop learns only when it turns. */
static bool has_become_a_zombie(const eddy_process *process)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)eddy_process_pid(process), &info, WEXITED | WNOWAIT) == 0;
}

TEST(rule_228_a_signal_to_an_ended_process_hits_nobody)
{
    eddy_process *process = shell_with_pipes("exit 6");
    int code = -1;
    CHECK(has_become_a_zombie(process));
    CHECK_INT(eddy_process_kill(process), 0); /* the number is still its own */
    CHECK_INT(eddy_process_wait(process, &code), 0);
    CHECK_INT(code, 6); /* never 255 */
    CHECK_INT(eddy_process_kill(process), -ESRCH);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "it has ended");
    CHECK_INT(eddy_process_terminate(process), -ESRCH);
    CHECK_INT(eddy_process_send_signal(process, 0), -ESRCH);
    eddy_process_close(process);
    return 0;
}

/* ---- outputs ---- */

TEST(rule_229_output_is_readable_after_the_exit_to_the_end)
{
    char line[32];
    eddy_process *process = shell_with_pipes("echo one; echo two; echo three >&2");
    CHECK_INT(eddy_process_wait(process, NULL), 0);
    CHECK_INT(eddy_stream_read_line(eddy_process_stdout(process), line, sizeof line), 4);
    CHECK_TEXT(line, "one\n");
    CHECK_INT(eddy_stream_read_line(eddy_process_stdout(process), line, sizeof line), 4);
    CHECK_TEXT(line, "two\n");
    CHECK_INT(eddy_stream_read_line(eddy_process_stdout(process), line, sizeof line), 0);
    CHECK_INT(eddy_stream_read_line(eddy_process_stderr(process), line, sizeof line), 6);
    CHECK_INT(eddy_stream_read(eddy_process_stderr(process), line, sizeof line), 0);
    eddy_process_close(process);
    return 0;
}

TEST(rule_230_a_slow_reader_holds_the_child_up)
{
    char buffer[4096];
    eddy_process *process = shell_with_pipes("exec yes");
    CHECK(eddy_stream_read(eddy_process_stdout(process), buffer, 1) == 1);
    /* it fills the pipe, and sleeps */
    for (int tries = 0; process_state(eddy_process_pid(process)) != 'S'; tries++) {
        CHECK(tries < 10000);
        (void)usleep(1000);
    }
    CHECK(!eddy_process_ended(process, NULL));
    CHECK_INT(eddy_stream_read(eddy_process_stdout(process), buffer, sizeof buffer), 4096);
    eddy_process_close(process);
    CHECK(no_children());
    return 0;
}

/* Reads to the end, noting what comes. */
static int follow(struct await_end *a)
{
    char line[32];
    ssize_t n;
    while ((n = eddy_stream_read_line(eddy_process_stdout(a->process), line, sizeof line)) > 0)
        note("line");
    note("end");
    return (int)n;
}

static int await_and_note(struct await_end *a)
{
    int r = eddy_process_wait(a->process, a->code);
    note("exit");
    return r;
}

TEST(rule_234_lines_come_before_their_end_and_all_of_it_before_close)
{
    int err, code = -1;
    eddy_process *process = shell_with_pipes("echo one; echo two; exec >&-; read line; exit 1");
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, follow, struct await_end, .process = process);
        eddy_spawn_as(g, await_and_note, struct await_end, .process = process, .code = &code);
        while (!strstr(test_state.notes, "end")) {
            turns(1);
            (void)usleep(100);
        }
        CHECK_INT(eddy_stream_write(eddy_process_stdin(process), "\n", 1), 1);
    }
    CHECK_INT(err, 0);
    CHECK_INT(code, 1);
    CHECK_NOTES("line line end exit");
    eddy_process_close(process);
    return 0;
}
