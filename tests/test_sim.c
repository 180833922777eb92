/* SPDX-License-Identifier: MIT */
/* The simulated system: runs, their order and hash, and how they end when nothing can happen. */
#include <sys/wait.h>
#include <time.h>
#include "support/sim_test.h"

static double real_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- a run ---- */

static int long_sleep(void)
{
    CHECK(eddy_sim_active());
    CHECK_TEXT(eddy_engine_name(), "sim");
    CHECK_TIME(0);
    CHECK_INT(eddy_sim_report().deadlock, false);
    CHECK_INT(eddy_sleep(86400), 0);
    CHECK_TIME(86400);
    return 7;
}

PLAIN_TEST(a_day_takes_no_time)
{
    double begin = real_seconds();
    EXPECT(!eddy_sim_active());
    EXPECT_INT(simulate(42, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, long_sleep), 7);
    EXPECT(!eddy_sim_active());
    EXPECT(real_seconds() - begin < 5);
    struct eddy_sim_outcome report = eddy_sim_report();
    EXPECT_INT(report.seed, 42);
    EXPECT(report.seconds == 86400);
    EXPECT_INT(report.steps, 2);
    EXPECT_INT(report.choices, 0);
}

struct add {
    int a, b;
};
static int add(struct add *a)
{
    return a->a + a->b;
}

PLAIN_TEST(arguments_arrive)
{
    EXPECT_INT(eddy_sim_run(1, NULL, add, .a = 3, .b = 4), 7);
}

static int outside_calls_fail(void)
{
    EXPECT_INT(eddy_sim_run(1, NULL, long_sleep), -EBUSY);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_sim_run: a loop runs on this thread already");
    EXPECT_INT(eddy_sim_set_name("a", "10.0.0.1"), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_name: called outside a simulated run");
    EXPECT_INT(eddy_sim_set_resolver(1, 0), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_resolver: called outside a simulated run");
    EXPECT_INT(eddy_sim_choose(1000000), 0);
    EXPECT(!eddy_sim_active());
    return 0;
}

PLAIN_TEST(a_real_loop_is_no_simulation)
{
    EXPECT_INT(test_run(outside_calls_fail), 0);
}

PLAIN_TEST(bad_options_are_refused)
{
    const struct {
        struct eddy_sim_options options;
        const char *why;
    } bad[] = {
        {{.order = (enum eddy_sim_order)7}, "there is no order 7"},
        {{.job_delay_min = -1}, "a job's delay of -1 to 0 s"},
        {{.job_delay_max = EDDY_FOREVER}, "a job's delay of 0 to inf s"},
        {{.worker_death = 1.5}, "a worker's death with a chance of 1.5"},
        {{.link.delay_max = -0.1}, "a link's delay of 0 to -0.1 s"},
        {{.link.short_io = 2}, "a link's chances of 2, 0 and 0"},
        {{.link.refuse = __builtin_nan("")}, "a link's chances of 0, 0 and nan"},
        {{.link.bandwidth = -1}, "a link's bandwidth of -1 bytes/s"},
        {{.disk.delay_min = -1}, "a disk's delay of -1 to 0 s"},
        {{.disk.failure = -0.5}, "a disk's chances of 0 and -0.5"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        test_stderr_begin();
        EXPECT_INT(eddy_sim_run(1, &bad[i].options, long_sleep), -EINVAL);
        const char *said = test_stderr_end();
        EXPECT_CONTAINS(said, bad[i].why);
        EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()), bad[i].why);
    }
    eddy_failure_clear();
}

/* ---- order ---- */

static char ran[64];

struct letter {
    char name;
    int times;
};
static int letter(struct letter *a)
{
    for (int i = 0; i < a->times; i++) {
        size_t used = strlen(ran);
        ran[used] = a->name;
        ran[used + 1] = '\0';
        CHECK_INT(eddy_sleep(0), 0);
    }
    return 0;
}

static int letters(void)
{
    int err;
    ran[0] = '\0';
    eddy_with_group (group, &err)
        for (int i = 0; i < 3; i++)
            (void)eddy_spawn(group, letter, .name = (char)('a' + i), .times = 1);
    return err;
}

PLAIN_TEST(fifo_is_fifo_whatever_the_seed)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        EXPECT_INT(simulate(seed, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, letters), 0);
        EXPECT_TEXT(ran, "abc");
        EXPECT_INT(eddy_sim_report().choices, 0);
    }
}

/* How often each of the six orders of a, b and c came, in alphabetical order of the orders. */
static void count_orders(enum eddy_sim_order order, int runs, int counts[6])
{
    static const char *const orders[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
    for (int i = 0; i < 6; i++)
        counts[i] = 0;
    for (int seed = 0; seed < runs; seed++) {
        EXPECT_INT(simulate((uint64_t)seed, (struct eddy_sim_options){.order = order}, letters), 0);
        for (int i = 0; i < 6; i++)
            counts[i] += strcmp(ran, orders[i]) == 0;
    }
}

PLAIN_TEST(shuffled_orders_are_equally_likely)
{
    int counts[6];
    count_orders(EDDY_SIM_SHUFFLED, 600, counts);
    for (int i = 0; i < 6; i++)
        EXPECT(counts[i] > 60 && counts[i] < 140);
}

PLAIN_TEST(priorities_reach_every_order)
{
    int counts[6];
    count_orders(EDDY_SIM_PRIORITIES, 600, counts);
    for (int i = 0; i < 6; i++)
        EXPECT(counts[i] > 60 && counts[i] < 140);
}

static eddy_event go;

static int wait_for_go(struct letter *a)
{
    CHECK_INT(eddy_event_wait(&go), 0);
    return letter(a);
}

/* What one step makes ready doesn't run before the next one is chosen, also from task to task. */
static int woken_together(void)
{
    int err;
    ran[0] = '\0';
    go = (eddy_event)EDDY_EVENT_INIT;
    eddy_with_group (group, &err) {
        for (int i = 0; i < 3; i++)
            (void)eddy_spawn_as(group, wait_for_go, struct letter, .name = (char)('a' + i),
                                .times = 2);
        turns(20);
        eddy_event_set(&go);
    }
    return err;
}

PLAIN_TEST(steps_interleave_when_shuffled)
{
    bool mixed = false, whole = false;
    for (uint64_t seed = 0; seed < 200; seed++) {
        EXPECT_INT(
            simulate(seed, (struct eddy_sim_options){.order = EDDY_SIM_SHUFFLED}, woken_together),
            0);
        EXPECT_INT((long long)strlen(ran), 6);
        mixed |= strcmp(ran, "abcabc") == 0 || strcmp(ran, "abccab") == 0;
        whole |= ran[0] == ran[1] && ran[2] == ran[3];
    }
    EXPECT(mixed);
    EXPECT(whole);
}

/* A task of the highest priority that spins must let the others run in the end. */
static bool done;

static int set_done(void)
{
    done = true;
    return 0;
}

static int spin(void)
{
    done = false;
    eddy_task *task = eddy_create_task(set_done);
    while (!done)
        CHECK_INT(eddy_sleep(0), 0);
    CHECK_INT(eddy_await(task), 0);
    return eddy_task_release(task);
}

PLAIN_TEST(who_yields_lets_others_run_in_every_order)
{
    for (int order = EDDY_SIM_FIFO; order <= EDDY_SIM_PRIORITIES; order++)
        for (uint64_t seed = 0; seed < 100; seed++)
            EXPECT_INT(simulate(seed,
                                (struct eddy_sim_options){.order = (enum eddy_sim_order)order},
                                spin),
                       0);
}

/* A sleep that is over at the very time at which a timeout expires. */
static int at_the_same_time(void)
{
    int err, slept = 1;
    eddy_with_timeout (1, &err)
        err = slept = eddy_sleep(1);
    CHECK_INT(err, slept == 0 ? 0 : -ETIMEDOUT);
    CHECK_TIME(1);
    note("%s", slept == 0 ? "slept" : "late");
    return 0;
}

PLAIN_TEST(which_of_two_timers_fires_first_is_chance_when_shuffled)
{
    int slept = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        EXPECT_INT(
            simulate(seed, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, at_the_same_time), 0);
        EXPECT_NOTES("late"); /* the timeout's was set first */
        EXPECT_INT(
            simulate(seed, (struct eddy_sim_options){.order = EDDY_SIM_SHUFFLED}, at_the_same_time),
            0);
        slept += strcmp(test_state.notes, "slept") == 0;
        test_state.notes[0] = '\0';
    }
    EXPECT(slept > 25 && slept < 75);
}

/* ---- choices ---- */

static uint32_t chosen[3];

static int choose_three(void)
{
    CHECK_INT(eddy_sim_choose(0), 0);
    CHECK_INT(eddy_sim_choose(1), 0);
    for (int i = 0; i < 3; i++)
        chosen[i] = eddy_sim_choose(10);
    CHECK_INT(eddy_sim_report().choices, 3);
    return 0;
}

PLAIN_TEST(the_program_may_choose)
{
    int seen[10] = {0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        EXPECT_INT(simulate(seed, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, choose_three),
                   0);
        for (int i = 0; i < 3; i++)
            seen[chosen[i]]++;
    }
    for (int i = 0; i < 10; i++)
        EXPECT(seen[i] > 50 && seen[i] < 130);
}

/* ---- the end of what can't go on ---- */

static int wait_for_ever(void)
{
    eddy_event never = EDDY_EVENT_INIT;
    return eddy_event_wait(&never);
}

static int await_it(void)
{
    eddy_task *task = eddy_create_task(wait_for_ever);
    int r = eddy_await(task);
    return eddy_task_release(task) < 0 ? -EBADE : r;
}

static int stuck(void)
{
    eddy_task *task = eddy_create_task(await_it);
    CHECK_INT(eddy_sleep(5), 0);
    int r = eddy_await(task);
    CHECK_INT(eddy_task_release(task), 0);
    return r;
}

PLAIN_TEST(a_deadlock_names_who_waits_for_what)
{
    EXPECT_INT(simulate(1, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, stuck), -EDEADLK);
    EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EDEADLK);
    EXPECT(eddy_sim_report().deadlock);
    EXPECT(eddy_sim_report().seconds == 5);
    struct test_record *record = EXPECT_REPORT(
        EDDY_LOG_NOTE, "deadlock: at 5.000000 s nothing can happen any more, and 3 tasks wait");
    EXPECT(record && record->level == EDDY_LOG_ERROR && record->code == -EDEADLK);
    EXPECT_CONTAINS(test_state.stuck, "waiting for task 'Task-2'");
    EXPECT_CONTAINS(test_state.stuck, "waiting for task 'Task-3'");
    EXPECT_CONTAINS(test_state.stuck, "wait_for_ever() at test_sim.c");
    EXPECT_CONTAINS(test_state.stuck, "waiting for event");
}

/* The main task ends by the cancel, another one isn't reached by it. */
static int leave_one_stuck(void)
{
    eddy_task *task = eddy_create_task(wait_for_ever);
    CHECK_INT(eddy_detach(task), 0);
    return wait_for_ever();
}

PLAIN_TEST(leftovers_of_a_deadlock_are_cancelled)
{
    EXPECT_INT(simulate(1, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, leave_one_stuck),
               -EDEADLK);
    EXPECT_REPORT(EDDY_LOG_NOTE, "2 tasks wait");
}

static int shielded(void)
{
    int r = 0;
    eddy_with_shield (EDDY_FOREVER)
        r = wait_for_ever();
    return r;
}

static int await_shielded(void)
{
    eddy_task *task = eddy_create_task(shielded);
    return eddy_await(task);
}

PLAIN_TEST(what_no_cancel_reaches_ends_the_process)
{
    test_stderr_begin();
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)eddy_sim_run(1, NULL, await_shielded);
        _exit(0);
    }
    int status = 0;
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    const char *said = test_stderr_end();
    EXPECT_CONTAINS(said, "deadlock");
    EXPECT_CONTAINS(said, "a simulated run can't be ended: 2 tasks go on though cancelled");
}

static int spin_for_ever(void)
{
    for (;;) {
        int r = eddy_sleep(0);
        if (r < 0)
            return r;
    }
}

PLAIN_TEST(an_endless_run_is_ended)
{
    for (int order = EDDY_SIM_FIFO; order <= EDDY_SIM_PRIORITIES; order++) {
        const struct eddy_sim_options options = {.order = (enum eddy_sim_order)order,
                                                 .max_steps = 1000};
        EXPECT_INT(simulate(1, options, spin_for_ever), -ELOOP);
        EXPECT_REPORT(EDDY_LOG_NOTE, "after 1000 steps there is no end in sight of 1 task");
        EXPECT(eddy_sim_report().steps < 1010);
        EXPECT(!eddy_sim_report().deadlock);
    }
}
