/* SPDX-License-Identifier: MIT */
/* eddy_run: results, leftovers, interrupts, options. */
#include <pthread.h>
#include <sys/wait.h>
#include "support/test.h"

static int returns_42(void)
{
    return 42;
}

static int fails(void)
{
    return eddy_fail(-EIO, "main broke");
}

struct add {
    int a, b;
};
static int add(struct add *x)
{
    return x->a + x->b;
}

PLAIN_TEST(rule_247_run_returns_the_result_and_closes_the_loop)
{
    EXPECT_INT(test_run(returns_42), 42);
    EXPECT_INT(eddy_run(returns_42), 42);
    EXPECT_INT(eddy_run(add, .a = 3, .b = 4), 7);
    EXPECT_INT(eddy_run_with(NULL, add, .a = 1), 1);
    EXPECT(!eddy_current_loop());
}

PLAIN_TEST(rule_247_a_failure_of_main_is_printed_as_a_tree)
{
    test_stderr_begin();
    int r = eddy_run(fails);
    const char *text = test_stderr_end();
    EXPECT_INT(r, -EIO);
    EXPECT_CONTAINS(text, "main task failed");
    EXPECT_CONTAINS(text, "EIO: main broke (in Task-1, ");
    EXPECT_TEXT(eddy_failure_message(eddy_last_failure()), "main broke"); /* and to be asked for */
    struct eddy_options quiet = {.quiet = true};
    test_stderr_begin();
    EXPECT_INT(eddy_run_with(&quiet, fails), -EIO);
    EXPECT_TEXT(test_stderr_end(), "");
    eddy_failure_clear();
}

static int leaves_tasks(void)
{
    test_state.leftovers = 3;
    return eddy_detach(eddy_create_task(nap, .seconds = 9, .name = "a", .cleanup = 2)) +
           eddy_detach(eddy_create_task(nap, .seconds = 9, .name = "b", .at_cancel = -EIO)) +
           eddy_detach(eddy_create_task(nap, .seconds = 9, .name = "c")) + eddy_sleep(1);
}

PLAIN_TEST(rule_248_leftovers_are_cancelled_awaited_and_their_errors_reported)
{
    EXPECT_INT(test_run(leaves_tasks), 0);
    EXPECT_NOTES("!a !b !c");
    struct test_record *report = EXPECT_REPORT(EDDY_LOG_TASK_LOST, "test_run.c");
    EXPECT(report && report->code == -EIO);
    EXPECT_INT(test_state.finished, 4);
}

static int runs_inside(void)
{
    CHECK_INT(eddy_run(returns_42), -EBUSY);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_run");
    CHECK(eddy_current_task());
    return eddy_sleep(1); /* undisturbed */
}

static void run_in_callback(void *unused)
{
    (void)unused;
    EXPECT_INT(eddy_run(returns_42), -EBUSY);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_run");
}

static int runs_in_callback(void)
{
    CHECK(eddy_call_soon(run_in_callback, NULL));
    return eddy_sleep(1);
}

PLAIN_TEST(rule_250_run_inside_a_loop_is_EBUSY)
{
    EXPECT_INT(test_run(runs_inside), 0);
    EXPECT_INT(test_run(runs_in_callback), 0);
}

/* ---- SIGINT ---- */

static int interrupted(void)
{
    EXPECT_INT(raise(SIGINT), 0);
    int r = eddy_sleep(10);
    note("%s", r < 0 ? eddy_error_name(r) : "slept");
    return r;
}

static int handles_interrupt(void)
{
    (void)!interrupted();
    return 5;
}

static int interrupted_at_the_end(void)
{
    EXPECT_INT(raise(SIGINT), 0);
    return 6;
}

PLAIN_TEST(rule_252_the_first_SIGINT_cancels_main_and_the_result_is_EINTR)
{
    EXPECT_INT(test_run(interrupted), -EINTR);
    EXPECT_NOTES("ECANCELED");
    EXPECT(signal(SIGINT, SIG_DFL) == SIG_DFL); /* put back */
    EXPECT_INT(test_run_with(interrupted, (struct eddy_options){.virtual_clock = false}), -EINTR);
    EXPECT_NOTES("ECANCELED");
}

static void *kill_later(void *unused)
{
    (void)usleep(20000);
    (void)kill(getpid(), SIGINT);
    return unused;
}

static int sleeps_for_real(void)
{
    pthread_t thread; /* begun when SIGINT is taken over already */
    CHECK_INT(pthread_create(&thread, NULL, kill_later, NULL), 0);
    int r = eddy_sleep(20);
    CHECK_INT(pthread_join(thread, NULL), 0);
    return r;
}

PLAIN_TEST(rule_252_SIGINT_wakes_a_sleeping_loop)
{
    EXPECT_INT(test_run_with(sleeps_for_real, (struct eddy_options){.virtual_clock = false}),
               -EINTR);
}

static int cancelled_and_interrupted(void)
{
    EXPECT(eddy_task_cancel(eddy_current_task()));
    return interrupted();
}

static int interrupted_and_cancelled(void)
{
    EXPECT_INT(raise(SIGINT), 0);
    EXPECT_INT(eddy_sleep(10), -ECANCELED);
    EXPECT(eddy_task_cancel(eddy_current_task()));
    return eddy_sleep(10);
}

PLAIN_TEST(rule_253_a_cancel_by_someone_else_wins_over_the_interrupt)
{
    EXPECT_INT(test_run(cancelled_and_interrupted), -ECANCELED);
    EXPECT_NOTES("ECANCELED");
    EXPECT_INT(test_run(interrupted_and_cancelled), -ECANCELED);
}

static int interrupted_twice(void)
{
    EXPECT_INT(raise(SIGINT), 0);
    EXPECT_INT(eddy_sleep(10), -ECANCELED);
    EXPECT_INT(raise(SIGINT), 0);
    (void)!eddy_sleep(10);
    _exit(99);
}

/* Runs it in a child process: its wait status. */
static int in_child(int (*function)(void))
{
    pid_t child = fork();
    if (child == 0) {
        int r = test_run(function);
        _exit(test_state.file ? 98 : r & 0x7f);
    }
    int status = -1;
    (void)waitpid(child, &status, 0);
    return status;
}

REAL_PLAIN_TEST(rule_254_the_second_SIGINT_ends_the_process)
{
    int status = in_child(interrupted_twice);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

static volatile sig_atomic_t own_handler_ran;
static void own_handler(int number)
{
    (void)number;
    own_handler_ran++;
}

PLAIN_TEST(rule_255_a_handler_of_the_program_is_left_alone)
{
    struct sigaction own = {.sa_handler = own_handler}, after;
    EXPECT_INT(sigaction(SIGINT, &own, NULL), 0);
    own_handler_ran = 0;
    EXPECT_INT(test_run(interrupted), 0);
    EXPECT_NOTES("slept");
    EXPECT_INT(own_handler_ran, 1);
    EXPECT_INT(sigaction(SIGINT, NULL, &after), 0);
    EXPECT(after.sa_handler == own_handler);
    EXPECT(signal(SIGINT, SIG_IGN) == own_handler);
    EXPECT_INT(test_run(interrupted), 0); /* nor is SIG_IGN touched */
    EXPECT_NOTES("slept");
    EXPECT(signal(SIGINT, SIG_DFL) == SIG_IGN);
}

static int sigint_disposition(void)
{
    struct sigaction now;
    EXPECT_INT(sigaction(SIGINT, NULL, &now), 0);
    return now.sa_handler == SIG_DFL;
}

static void *disposition_in_thread(void *unused)
{
    struct eddy_options options = {.virtual_clock = true};
    EXPECT_INT(eddy_run_with(&options, sigint_disposition), 1);
    return unused;
}

PLAIN_TEST(rule_255_only_in_the_main_thread_and_not_with_keep_sigint)
{
    pthread_t thread;
    EXPECT_INT(test_run(sigint_disposition), 0);
    EXPECT_INT(test_run_with(sigint_disposition, (struct eddy_options){.keep_sigint = true}), 1);
    EXPECT_INT(pthread_create(&thread, NULL, disposition_in_thread, NULL), 0);
    EXPECT_INT(pthread_join(thread, NULL), 0);
}

PLAIN_TEST(rule_256_main_that_handles_the_interrupt_ends_normally)
{
    EXPECT_INT(test_run(handles_interrupt), 5);
    EXPECT_NOTES("ECANCELED");
    test_stderr_begin();
    EXPECT_INT(test_run(interrupted_at_the_end), 6); /* too late to cancel: and no report */
    EXPECT_TEXT(test_stderr_end(), "");
    EXPECT_INT(test_run(returns_42), 42); /* nothing is left for the next one */
}

/* ---- options ---- */

PLAIN_TEST(bad_options_are_EINVAL)
{
    const struct eddy_options bad[] = {
        {.stack_size = 1},
        {.stack_size = (28 << 10) - 1},
        {.stack_size = ((size_t)1 << 30) + 1},
        {.stack_size = SIZE_MAX},
        {.stack_size = ((size_t)1 << 62) + (64 << 10)}, /* times 4 it is small */
        {.max_tasks = SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT_INT(test_run_with(returns_42, bad[i]), -EINVAL);
        EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);
        EXPECT(!eddy_current_loop());
    }
    eddy_failure_clear();
}

PLAIN_TEST(stack_sizes_within_the_limits)
{
    EXPECT_INT(test_run_with(returns_42, (struct eddy_options){.stack_size = 28 << 10}), 42);
    EXPECT_INT(test_run_with(returns_42, (struct eddy_options){.stack_size = (size_t)1 << 30}), 42);
}

static int one_too_many(void)
{
    eddy_task *a = eddy_create_task(nap, .seconds = 1), *b = eddy_create_task(nap, .seconds = 1);
    CHECK(a && b);
    CHECK(!eddy_create_task(nap, .seconds = 1));
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EAGAIN);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "3");
    CHECK_INT(eddy_await(a), 0);
    CHECK_INT(eddy_task_release(a), 0);
    CHECK_INT(eddy_await(b), 0);
    a = eddy_create_task(nap, .seconds = 1); /* there is room again */
    CHECK_INT(eddy_await(a), 0);
    return eddy_task_release(a) + eddy_task_release(b);
}

PLAIN_TEST(max_tasks_is_a_cap)
{
    struct eddy_options options = {.virtual_clock = true, .max_tasks = 3};
    EXPECT_INT(test_run_with(one_too_many, options), 0);
}

static int sleeps_long(void)
{
    return eddy_sleep(1e6);
}

PLAIN_TEST(the_environment_can_ask_for_a_virtual_clock)
{
    EXPECT_INT(setenv("EDDY_CLOCK", "virtual", 1), 0);
    EXPECT_INT(test_run_with(sleeps_long, (struct eddy_options){.quiet = true}), 0);
    EXPECT_INT(unsetenv("EDDY_CLOCK"), 0);
}

static int forks(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) { /* rule 24 */
        bool good = !eddy_current_loop() && !eddy_current_task();
        struct sigaction now;
        (void)sigaction(SIGINT, NULL, &now);
        good = good && now.sa_handler == SIG_DFL; /* not the parent's loop's business (rule 240) */
        struct eddy_options options = {.virtual_clock = true};
        good = good && eddy_run_with(&options, add, .a = 20, .b = 3) == 23;
        _exit(good ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    return eddy_sleep(1);
}

REAL_PLAIN_TEST(rule_024_after_fork_the_child_has_no_loop_and_can_run_its_own)
{
    EXPECT_INT(test_run(forks), 0);
}

PLAIN_TEST(many_runs_leave_nothing)
{
    for (int i = 0; i < 300; i++)
        EXPECT_INT(test_run(returns_42), 42);
}
