/* SPDX-License-Identifier: MIT */
/* Runners: several runs on one loop. */
#include <pthread.h>
#include <sys/wait.h>

#define TEST_DEFAULTS .real_system = true
#include "support/test.h"

static eddy_runner runner;
static eddy_loop *loop_seen;
static eddy_task *left;

static void open_runner(void)
{
    struct eddy_options options = {.virtual_clock = true, .quiet = true};
    loop_seen = NULL;
    EXPECT_INT(eddy_runner_open(&runner, &options), 0);
}

struct step {
    double seconds;
    int result;
};

static int step(struct step *a)
{
    if (loop_seen)
        CHECK(eddy_current_loop() == loop_seen);
    loop_seen = eddy_current_loop();
    int r = eddy_sleep(a->seconds);
    note("%g", eddy_time());
    return r < 0 ? r : a->result;
}

PLAIN_TEST(rule_251_many_runs_on_one_loop)
{
    open_runner();
    EXPECT_INT(eddy_runner_run(&runner, step, .seconds = 1, .result = 1), 1);
    EXPECT(!eddy_current_loop());
    EXPECT_INT(eddy_runner_run(&runner, step, .seconds = 2, .result = 2), 2);
    EXPECT_INT(eddy_runner_run(&runner, step, .seconds = 0, .result = -EIO), -EIO);
    EXPECT_NOTES("1 3 3"); /* its clock goes on */
    EXPECT(eddy_runner_loop(&runner) == loop_seen);
    EXPECT_INT(eddy_runner_close(&runner), 0);
}

PLAIN_TEST(rule_251_a_closed_one_refuses_and_closing_twice_is_fine)
{
    open_runner();
    EXPECT_INT(eddy_runner_run(&runner, step, .result = 1), 1);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT_INT(eddy_runner_run(&runner, step, .result = 1), -ESHUTDOWN);
    EXPECT(!eddy_runner_loop(&runner));
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -ESHUTDOWN);
    EXPECT_NOTES("0");
    eddy_failure_clear();
    open_runner(); /* anew */
    EXPECT_INT(eddy_runner_run(&runner, step, .result = 1), 1);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT_NOTES("0");
}

PLAIN_TEST(rule_251_the_loop_is_made_at_the_first_run)
{
    size_t descriptors = test_count_descriptors();
    open_runner();
    EXPECT_INT(test_count_descriptors(), descriptors);
    EXPECT_INT(eddy_runner_close(&runner), 0); /* none was needed */
    open_runner();
    eddy_loop *loop = eddy_runner_loop(&runner);
    EXPECT(loop && test_count_descriptors() > descriptors);
    EXPECT(eddy_runner_loop(&runner) == loop);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT_INT(test_count_descriptors(), descriptors);
}

PLAIN_TEST(bad_options_are_found_by_the_first_run)
{
    struct eddy_options options = {.stack_size = 1, .quiet = true};
    EXPECT_INT(eddy_runner_open(&runner, &options), 0);
    EXPECT_INT(eddy_runner_run(&runner, step, .result = 1), -EINVAL);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    eddy_failure_clear();
}

static eddy_local user = EDDY_LOCAL_INIT;

static int sets_user(void)
{
    note("%s", (const char *)eddy_local_get(&user));
    return eddy_local_set(&user, "ann", NULL);
}

static int sees_user(void)
{
    note("%s", (const char *)eddy_local_get(&user));
    return 0;
}

PLAIN_TEST(rule_251_the_locals_of_a_run_are_those_of_the_next)
{
    open_runner();
    EXPECT_INT(eddy_local_set(&user, "thread", NULL), 0);
    EXPECT_INT(eddy_runner_run(&runner, sets_user), 0);
    EXPECT_INT(eddy_runner_run(&runner, sees_user), 0);
    EXPECT_INT(eddy_runner_run(&runner, sees_user), 0);
    EXPECT_TEXT(eddy_local_get(&user), "thread"); /* which had no part in it */
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT_INT(eddy_local_set(&user, NULL, NULL), 0);
    EXPECT_NOTES("thread ann ann");
}

static int leaves_a_task(void)
{
    left = eddy_create_task(nap, .seconds = 5, .name = "left", .result = 7);
    return eddy_sleep(1);
}

static int takes_it_up(void)
{
    CHECK(!eddy_task_done(left));
    int r = eddy_await(left);
    CHECK_TIME(5);
    return eddy_task_release(left) + r;
}

PLAIN_TEST(tasks_outlive_a_run_and_stand_still_between)
{
    open_runner();
    EXPECT_INT(eddy_runner_run(&runner, leaves_a_task), 0);
    EXPECT_NOTES("");
    EXPECT_INT(eddy_runner_run(&runner, takes_it_up), 7);
    EXPECT_NOTES("left");
    EXPECT_INT(eddy_runner_close(&runner), 0);
}

static int detaches_a_task(void)
{
    return eddy_detach(eddy_create_task(nap, .seconds = 5, .name = "left", .cleanup = 1)) +
           eddy_sleep(1);
}

PLAIN_TEST(close_cancels_and_awaits_what_is_left)
{
    open_runner();
    EXPECT_INT(eddy_runner_run(&runner, detaches_a_task), 0);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT_NOTES("!left");
}

static int uses_it_inside(void)
{
    CHECK_INT(eddy_runner_run(&runner, takes_it_up), -EBUSY);
    CHECK_INT(eddy_runner_close(&runner), -EBUSY);
    CHECK(!eddy_runner_loop(&runner));
    return 3;
}

PLAIN_TEST(rule_250_not_inside_a_loop)
{
    open_runner();
    test_stderr_begin();
    EXPECT_INT(eddy_runner_run(&runner, uses_it_inside), 3);
    EXPECT_CONTAINS(test_stderr_end(), "eddy_runner_close");
    EXPECT_INT(eddy_runner_close(&runner), 0);
}

static void *run_elsewhere(void *unused)
{
    (void)unused;
    EXPECT_INT(eddy_runner_run(&runner, takes_it_up), -EINVAL);
    EXPECT_INT(eddy_runner_close(&runner), -EINVAL);
    return NULL;
}

PLAIN_TEST(a_runner_belongs_to_its_thread_and_process)
{
    open_runner();
    EXPECT_INT(eddy_runner_run(&runner, step, .result = 1), 1);
    test_stderr_begin();
    pthread_t thread;
    EXPECT_INT(pthread_create(&thread, NULL, run_elsewhere, NULL), 0);
    EXPECT_INT(pthread_join(thread, NULL), 0);
    EXPECT_CONTAINS(test_stderr_end(), "another thread");
    test_stderr_begin();
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(eddy_runner_run(&runner, takes_it_up) == -EINVAL ? 0 : 1);
    int status = -1;
    EXPECT_INT(waitpid(child, &status, 0), child);
    EXPECT_INT(status, 0);
    EXPECT_CONTAINS(test_stderr_end(), "another thread");
    EXPECT_INT(eddy_runner_run(&runner, step, .result = 2), 2);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT_NOTES("0 0");
}

static int interrupted(void)
{
    EXPECT_INT(raise(SIGINT), 0);
    return eddy_sleep(9);
}

PLAIN_TEST(rule_252_SIGINT_ends_one_run_and_the_next_one_is_free_of_it)
{
    open_runner();
    EXPECT_INT(eddy_runner_run(&runner, interrupted), -EINTR);
    EXPECT(signal(SIGINT, SIG_DFL) == SIG_DFL); /* rule 255: put back */
    EXPECT_INT(eddy_runner_run(&runner, step, .seconds = 1, .result = 4), 4);
    EXPECT_INT(eddy_runner_run(&runner, interrupted), -EINTR);
    EXPECT_INT(eddy_runner_close(&runner), 0);
    EXPECT_NOTES("1");
}

static void posted(void *unused)
{
    (void)unused;
    note("posted");
}

PLAIN_TEST(what_is_posted_between_runs_waits_for_the_next)
{
    open_runner();
    EXPECT_INT(eddy_call_soon_threadsafe(eddy_runner_loop(&runner), posted, NULL), 0);
    EXPECT_NOTES("");
    EXPECT_INT(eddy_runner_run(&runner, step, .seconds = 1), 0);
    EXPECT_NOTES("posted 1");
    EXPECT_INT(eddy_runner_close(&runner), 0);
}

static int overflows(volatile char *above)
{
    volatile char frame[4096];
    frame[0] = above ? above[0] : 1;
    return frame[0] ? overflows(frame) + frame[0] : 0;
}

static int overflow(void)
{
    return overflows(NULL);
}

PLAIN_TEST(an_overflow_in_a_later_run_is_reported)
{
    test_stderr_begin();
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        open_runner();
        (void)eddy_runner_run(&runner, step, .result = 1);
        (void)eddy_runner_run(&runner, overflow);
        _exit(0);
    }
    int status = 0;
    EXPECT_INT(waitpid(child, &status, 0), child);
    EXPECT(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    EXPECT_CONTAINS(test_stderr_end(), "overflow");
}

PLAIN_TEST(bad_input_of_runners)
{
    eddy_runner none = {{0}};
    test_stderr_begin();
    EXPECT_INT(eddy_runner_open(NULL, NULL), -EINVAL);
    EXPECT_INT(eddy_runner_run(NULL, overflow), -EINVAL);
    EXPECT_INT(eddy_runner_run(&none, overflow), -EINVAL);
    EXPECT_INT(eddy_runner_close(NULL), -EINVAL);
    EXPECT(!eddy_runner_loop(&none));
    EXPECT_INT(eddy_runner_run_(&runner, NULL, NULL, 0, EDDY_NO_ARGUMENTS_, EDDY_SITE_("x")),
               -EINVAL);
    EXPECT_CONTAINS(test_stderr_end(), "the runner is NULL");
}
