/* SPDX-License-Identifier: MIT */
/* The cancel sweep: it strikes where and how it says, and finds what is wrong with a program
 * then. */
#include <eddy/sweep.h>
#include "support/test.h"
#include "test/session.h"

static struct eddy_sweep_result sweep_with(const struct eddy_sweep_options *sweep, int expected)
{
    struct eddy_sweep_result result = {.points = 0};
    struct eddy_sweep_options copy = *sweep;
    copy.real = !(session_self && session_self->sim);
    test_stderr_begin();
    int r = eddy_sweep(&copy, &result);
    (void)eddy_test_int_(__FILE__, __LINE__, "eddy_sweep", r, expected);
    return result;
}

/* ---- where it strikes ---- */

static int slept, cut_short, cancelled_after;

static int sleep_once(void)
{
    int r = eddy_sleep(1);
    slept += r == 0;
    cut_short += r == -ECANCELED;
    cancelled_after += r == 0 && eddy_cancelled();
    return r;
}

PLAIN_TEST(each_suspension_is_hit_at_both_instants_in_each_way)
{
    slept = cut_short = cancelled_after = 0;
    struct eddy_sweep_result result = sweep_with(
        &(struct eddy_sweep_options){.scenario = sleep_once}, 0);
    EXPECT_TEXT(test_stderr_end(), "");
    EXPECT_INT(result.points, 1);
    EXPECT_INT(result.runs, 2 + 3 * 2);
    EXPECT_INT(result.missed, 0);
    EXPECT_INT(cut_short, 3);       /* as it parked */
    EXPECT_INT(slept, 2 + 3);       /* undisturbed, and after the sleep was over */
    EXPECT_INT(cancelled_after, 3); /* which it learns at its next wait */
}

static int timed_out;

static int see_timeout(void)
{
    int first = eddy_sleep(1), second = eddy_sleep(1);
    timed_out += first == -ECANCELED && second == -ECANCELED;
    return 0;
}

PLAIN_TEST(a_kind_can_be_chosen)
{
    timed_out = 0;
    struct eddy_sweep_result result = sweep_with(
        &(struct eddy_sweep_options){.scenario = see_timeout, .kinds = EDDY_SWEEP_TIMEOUT}, 0);
    (void)test_stderr_end();
    EXPECT_INT(result.runs, 2 + 2 * 2);
    EXPECT_INT(timed_out, 1); /* at its first suspension; at the others only one sleep is left */
}

static unsigned sleeps_hit;

static int sleep_ten_times(void)
{
    for (int i = 0; i < 10; i++) {
        int r = eddy_sleep(1);
        sleeps_hit |= r < 0 ? 1u << i : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

PLAIN_TEST(of_many_suspensions_some_can_be_hit_spread_over_all)
{
    sleeps_hit = 0;
    struct eddy_sweep_result result = sweep_with(
        &(struct eddy_sweep_options){
            .scenario = sleep_ten_times, .kinds = EDDY_SWEEP_MAIN, .most = 3},
        0);
    (void)test_stderr_end();
    EXPECT_INT(result.points, 10);
    EXPECT_INT(result.runs, 2 + 2 * 3);
    EXPECT_INT(sleeps_hit, 1 << 0 | 1 << 3 | 1 << 6 | /* as it parked; and the next ones after */
                               1 << 1 | 1 << 4 | 1 << 7);
}

/* ---- programs with a mistake ---- */

static eddy_queue queue;
static int produced, consumed;

struct consume {
    int count;
};
static int consume(struct consume *a)
{
    for (int i = 0; i < a->count; i++) {
        int item, r = eddy_queue_get(&queue, &item);
        if (r == 0)
            r = eddy_sleep(0.5); /* cancelled here the item is lost */
        if (r < 0)
            return r;
        consumed++;
    }
    return 0;
}

static int lose_a_value(void)
{
    int error, r = eddy_queue_open(&queue, sizeof(int), 1);
    if (r < 0)
        return r;
    produced = consumed = 0;
    eddy_with_group (group, &error) {
        eddy_task *consumer = eddy_spawn(group, consume, .count = 2);
        for (int i = 0; i < 2 && consumer; i++)
            produced += eddy_queue_put(&queue, &i) == 0;
    }
    consumed += (int)eddy_queue_size(&queue);
    eddy_queue_close(&queue);
    return error;
}

static int nothing_lost(void)
{
    return produced == consumed ? 0 : -ENODATA;
}

PLAIN_TEST(a_value_that_is_lost_is_found)
{
    struct eddy_sweep_result result = sweep_with(
        &(struct eddy_sweep_options){.scenario = lose_a_value, .check = nothing_lost}, -EBADE);
    const char *printed = test_stderr_end();
    EXPECT(result.failed > 0);
    EXPECT_CONTAINS(result.why, "check() gives -61 -ENODATA");
    EXPECT_CONTAINS(printed, "task cancelled at park #");
    EXPECT_CONTAINS(printed, "(sleep) of <Task ");
    EXPECT_CONTAINS(printed, "task cancelled at finish #");
    EXPECT_CONTAINS(printed, "again by EDDY_SWEEP=task:park:");
}

/* What it leaves behind, to be given back once it was found. */
static eddy_future *futures_left[8];
static size_t futures_left_count;

static void give_back(void)
{
    while (futures_left_count)
        eddy_future_release(futures_left[--futures_left_count]);
}

static int leak(void)
{
    eddy_future *future = eddy_future_new();
    if (!future)
        return -ENOMEM;
    int r = eddy_sleep(1);
    if (r < 0) {
        futures_left[futures_left_count++] = future;
        return r;
    }
    r = eddy_sleep(1);
    eddy_future_release(future);
    return r;
}

PLAIN_TEST(a_leak_is_found_where_it_is)
{
    struct eddy_sweep_result result = sweep_with(&(struct eddy_sweep_options){.scenario = leak},
                                                 -EBADE);
    const char *printed = test_stderr_end();
    EXPECT_INT(result.failed, 3); /* when it parks in the first sleep, by each kind */
    EXPECT_CONTAINS(result.why, "main task cancelled at park #1 (sleep) of <Task ");
    EXPECT_CONTAINS(result.why, ": 1 piece of memory left");
    EXPECT_CONTAINS(printed, "again by EDDY_SWEEP=timeout:park:1 ");
    give_back();
}

PLAIN_TEST(one_run_can_be_had_again_alone)
{
    setenv("EDDY_SWEEP", "timeout:park:1", 1);
    struct eddy_sweep_result result = sweep_with(&(struct eddy_sweep_options){.scenario = leak},
                                                 -EBADE);
    unsetenv("EDDY_SWEEP");
    EXPECT_CONTAINS(test_stderr_end(), "timeout at park #1");
    EXPECT_INT(result.runs, 3);
    EXPECT_INT(result.failed, 1);
    give_back();
}

/* Whoever is cancelled with the lock held keeps it. */
static eddy_lock lock;

static int hold_for_ever(void)
{
    int r = eddy_lock_acquire(&lock);
    if (r == 0)
        r = eddy_sleep(1);
    if (r == 0)
        r = eddy_lock_release(&lock);
    return r;
}

static int want_lock(void)
{
    int error;
    lock = (eddy_lock)EDDY_LOCK_INIT;
    eddy_with_group (group, &error) {
        eddy_spawn(group, hold_for_ever);
        eddy_spawn(group, hold_for_ever);
    }
    return error;
}

PLAIN_TEST(a_hang_is_found_and_ended)
{
    setenv("EDDY_SWEEP", "task:park:2", 1);
    struct eddy_sweep_result result = sweep_with(
        &(struct eddy_sweep_options){.scenario = want_lock}, -EBADE);
    unsetenv("EDDY_SWEEP");
    EXPECT_CONTAINS(test_stderr_end(), "again by EDDY_SWEEP=task:park:2 ");
    EXPECT_CONTAINS(result.why, "hung: ");
    EXPECT_INT(result.failed, 1);
}

/* ---- a check that fails when the run is disturbed excuses little ---- */

static bool leaves;

/* Keeps its future when a check has ended it early, which is excused, or for no reason, which
 * isn't. */
static int leak_after_check(void)
{
    eddy_future *future = eddy_future_new();
    int r = eddy_sleep(1);
    if (r < 0)
        futures_left[futures_left_count++] = future;
    if (leaves)
        CHECK_INT(r, 0);
    EXPECT_INT(r, 0);
    if (r == 0)
        eddy_future_release(future);
    return r;
}

static eddy_event awaited;

static int sets_it(void)
{
    int r = eddy_sleep(1);
    EXPECT_INT(r, 0);
    if (r == 0)
        eddy_event_set(&awaited);
    return r;
}

static int hang_after_check(void)
{
    awaited = (eddy_event)EDDY_EVENT_INIT;
    int err;
    eddy_with_group (group, &err) {
        eddy_spawn(group, sets_it);
        err = eddy_event_wait(&awaited);
    }
    return err;
}

static int no_errno_after_check(void)
{
    int r = eddy_sleep(1);
    EXPECT_INT(r, 0);
    return r < 0 ? -123456 : 0;
}

/* Only the run that `point` names. */
static struct eddy_sweep_result sweep_at(const char *point, int (*scenario)(void), int expected)
{
    setenv("EDDY_SWEEP", point, 1);
    struct eddy_sweep_result result = sweep_with(&(struct eddy_sweep_options){.scenario = scenario},
                                                 expected);
    unsetenv("EDDY_SWEEP");
    (void)test_stderr_end();
    return result;
}

PLAIN_TEST(a_check_that_ended_a_function_early_excuses_what_is_left)
{
    leaves = true;
    EXPECT_INT(sweep_at("main:park:1", leak_after_check, 0).failed, 0);
    EXPECT_INT(futures_left_count, 1);
    give_back();
}

PLAIN_TEST(a_check_that_only_failed_excuses_no_leak)
{
    leaves = false;
    EXPECT_CONTAINS(sweep_at("main:park:1", leak_after_check, -EBADE).why,
                    ": 1 piece of memory left");
    give_back();
}

PLAIN_TEST(no_check_excuses_a_hang_or_a_result_that_is_no_errno)
{
    EXPECT_CONTAINS(sweep_at("task:park:2", hang_after_check, -EBADE).why, "hung: ");
    EXPECT_CONTAINS(sweep_at("main:park:1", no_errno_after_check, -EBADE).why,
                    "is -123456, which is no errno");
}

/* ---- loops of the scenario's own ---- */

static int runs_two_loops(void)
{
    struct eddy_options options = {.virtual_clock = true, .quiet = true};
    int first = eddy_run_with(&options, sleep_once);
    int second = eddy_run_with(&options, leak);
    eddy_failure_clear();
    return first < 0 ? first : second;
}

PLAIN_TEST(a_plain_scenario_is_swept_through_each_of_its_loops)
{
    struct eddy_sweep_result result = sweep_with(
        &(struct eddy_sweep_options){.scenario = runs_two_loops, .plain = true}, -EBADE);
    EXPECT_CONTAINS(test_stderr_end(), "again by EDDY_SWEEP=task:park:2 ");
    EXPECT_INT(result.points, 3);
    EXPECT_INT(result.runs, 2 + 2 * 2 * 3); /* no timeouts */
    EXPECT_INT(result.missed, 0);
    EXPECT_INT(result.failed, 2); /* in the second loop's first sleep, by both kinds */
    EXPECT_CONTAINS(result.why, "main task cancelled at park #2 (sleep) of <Task ");
    give_back();
}

/* ---- the arguments ---- */

static int inside(void)
{
    return eddy_sweep_cancel(sleep_once);
}

PLAIN_TEST(mistakes_in_the_call)
{
    test_stderr_begin();
    EXPECT_INT(eddy_sweep(NULL, NULL), -EINVAL);
    EXPECT_INT(eddy_sweep_cancel(NULL), -EINVAL);
    EXPECT_INT(eddy_sweep_cancel(sleep_once, .kinds = 8), -EINVAL);
    EXPECT_INT(test_count_lines(test_stderr_end()), 3);
    EXPECT_INT(test_run(inside), -EBUSY);
    EXPECT(findings_report(__FILE__, __LINE__, EDDY_LOG_MISUSE, "inside a loop") != NULL);
    EXPECT_INT(eddy_sweep_cancel(sleep_once, .quiet = true), 0);
}
