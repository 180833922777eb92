/* SPDX-License-Identifier: MIT */
/* Searching for orders that break a program; shrinking and repeating what was found. */
#include <sys/wait.h>
#include <eddy/search.h>
#include "support/sim_test.h"

/* ---- scenarios ---- */

static int counter;

struct adder {
    int steps;
};
/* Reads, lets others run, writes: an update gets lost if they do the same. */
static int adder(struct adder *a)
{
    for (int i = 0; i < a->steps; i++) {
        int seen = counter;
        CHECK_INT(eddy_sleep(0), 0);
        counter = seen + 1;
    }
    return 0;
}

static int lost_update(void)
{
    int err;
    counter = 0;
    eddy_with_group (group, &err) {
        (void)eddy_spawn(group, adder, .steps = 1);
        (void)eddy_spawn(group, adder, .steps = 1);
    }
    CHECK_INT(counter, 2);
    return err;
}

static int one_step(void)
{
    counter++;
    return 0;
}

static int three_steps(void)
{
    int err;
    counter = 0;
    eddy_with_group (group, &err)
        for (int i = 0; i < 3; i++)
            (void)eddy_spawn(group, one_step);
    CHECK_INT(counter, 3);
    return err;
}

static eddy_lock locks[2];

struct locker {
    int first;
};
static int locker(struct locker *a)
{
    int err = 0;
    eddy_with_lock (&locks[a->first], &err) {
        err = eddy_sleep(0);
        eddy_with_lock (&locks[!a->first], &err)
            err = eddy_sleep(0);
    }
    return err;
}

static int crossed_locks(void)
{
    int err;
    locks[0] = locks[1] = (eddy_lock)EDDY_LOCK_INIT;
    eddy_with_group (group, &err) {
        (void)eddy_spawn(group, locker, .first = 0);
        (void)eddy_spawn(group, locker, .first = 1);
    }
    return err;
}

static int leave_a_task(void)
{
    eddy_task *task = eddy_create_task(one_step);
    CHECK_INT(eddy_detach(task), 0);
    if (eddy_sim_choose(4) != 3)
        CHECK_INT(eddy_sleep(1), 0);
    return 0;
}

static int needle(void)
{
    bool found = false;
    for (int i = 0; i < 10; i++)
        found |= eddy_sim_choose(100) >= 30 && i == 7;
    return found ? eddy_fail(-ERANGE, "found it") : 0;
}

static int position;

static int walker(void)
{
    int r = 0;
    for (position = 0; position < 100 && r == 0; position++)
        r = eddy_sleep(0);
    return r;
}

static int looker(void)
{
    return position >= 40 && position < 60 ? -ERANGE : 0;
}

/* Fails only if one task gets far before another one begins. */
static int late_start(void)
{
    int err;
    eddy_with_group (group, &err) {
        (void)eddy_spawn(group, walker);
        (void)eddy_spawn(group, looker);
    }
    return err;
}

/* ---- searching ---- */

static struct eddy_search_result found;

static int search(struct eddy_search_options what)
{
    what.quiet = true;
    memset(&found, 0, sizeof found);
    return eddy_search(&what, &found);
}

PLAIN_TEST(what_is_right_stays_so)
{
    EXPECT_INT(search((struct eddy_search_options){.name = "right", .scenario = three_steps}), 0);
    EXPECT_INT(found.runs, 1000);
    EXPECT(!found.complete);
    EXPECT_TEXT(found.replay, "");
}

PLAIN_TEST(every_strategy_finds_a_lost_update)
{
    for (int strategy = EDDY_SEARCH_RANDOM; strategy <= EDDY_SEARCH_EXHAUSTIVE; strategy++) {
        EXPECT_INT(
            search((struct eddy_search_options){.name = "lost_update",
                                                .scenario = lost_update,
                                                .strategy = (enum eddy_search_strategy)strategy}),
            -EBADE);
        EXPECT(found.runs <= 20);
        EXPECT_CONTAINS(found.why, "counter is 1, not 2");
        EXPECT_CONTAINS(found.why, "test_search.c:");
        EXPECT(found.smallest <= 3 && found.smallest <= found.choices);
    }
}

PLAIN_TEST(all_orders_are_tried_once)
{
    const struct eddy_search_options all = {
        .name = "all", .scenario = three_steps, .strategy = EDDY_SEARCH_EXHAUSTIVE};
    EXPECT_INT(search(all), 0);
    EXPECT_INT(found.runs, 6);
    EXPECT(found.complete);
    struct eddy_search_options some = all;
    some.runs = 5;
    EXPECT_INT(search(some), 0);
    EXPECT_INT(found.runs, 5);
    EXPECT(!found.complete);
}

PLAIN_TEST(a_deadlock_is_a_failure)
{
    EXPECT_INT(search((struct eddy_search_options){.name = "locks", .scenario = crossed_locks}),
               -EDEADLK);
    EXPECT_CONTAINS(found.why, "EDEADLK: deadlock: at 0.000000 s nothing can happen any more");
    EXPECT_CONTAINS(found.why, "waiting for");
}

static int endless(void)
{
    while (eddy_sleep(0) == 0)
        continue;
    return -ECANCELED;
}

PLAIN_TEST(an_endless_run_is_a_failure)
{
    EXPECT_INT(search((struct eddy_search_options){
                   .name = "endless", .scenario = endless, .sim.max_steps = 2000}),
               -ELOOP);
    EXPECT_CONTAINS(found.why, "ELOOP: after 2000 steps");
}

PLAIN_TEST(what_is_left_is_a_failure)
{
    EXPECT_INT(search((struct eddy_search_options){.name = "left", .scenario = leave_a_task}),
               -EBADE);
    EXPECT_TEXT(found.why, "1 task left");
    EXPECT(found.runs <= 30);
}

PLAIN_TEST(priorities_find_what_fair_chances_do_not)
{
    EXPECT_INT(
        search((struct eddy_search_options){.name = "late", .scenario = late_start, .runs = 300}),
        0);
    EXPECT_INT(search((struct eddy_search_options){.name = "late",
                                                   .scenario = late_start,
                                                   .runs = 300,
                                                   .strategy = EDDY_SEARCH_PRIORITIES}),
               -ERANGE);
}

PLAIN_TEST(a_search_is_repeatable)
{
    const struct eddy_search_options what = {
        .name = "late", .scenario = late_start, .strategy = EDDY_SEARCH_PRIORITIES};
    EXPECT_INT(search(what), -ERANGE);
    const struct eddy_search_result first = found;
    EXPECT_INT(search(what), -ERANGE);
    EXPECT_INT(found.runs, first.runs);
    EXPECT_INT(found.seed, first.seed);
    EXPECT_TEXT(found.replay, first.replay);
}

static int search_in_a_loop(void)
{
    EXPECT_INT(search((struct eddy_search_options){.scenario = three_steps}), -EBUSY);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_search: a loop runs on this thread already");
    EXPECT_INT(eddy_search(NULL, NULL), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_search: the search is NULL");
    EXPECT_INT(search((struct eddy_search_options){.name = "a"}), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_search: the scenario is NULL");
    EXPECT_INT(search((struct eddy_search_options){.scenario = three_steps,
                                                   .strategy = (enum eddy_search_strategy)9}),
               -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_search: there is no such strategy");
    return 0;
}

PLAIN_TEST(bad_searches_are_refused)
{
    EXPECT_INT(test_run(search_in_a_loop), 0);
    test_stderr_begin();
    EXPECT_INT(search((struct eddy_search_options){.scenario = three_steps, .sim.worker_death = 2}),
               -EINVAL);
    EXPECT_CONTAINS(test_stderr_end(), "a worker's death with a chance of 2");
}

/* ---- shrinking ---- */

PLAIN_TEST(what_is_left_is_what_it_takes)
{
    EXPECT_INT(search((struct eddy_search_options){
                   .name = "needle", .scenario = needle, .first_seed = 50}),
               -ERANGE);
    EXPECT_INT((long long)found.choices, 10);
    EXPECT_INT((long long)found.smallest, 8);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "needle:%llu:0*7,30", (unsigned long long)found.seed);
    EXPECT_TEXT(found.replay, expected);
    EXPECT_TEXT(found.why, "ERANGE: found it");
}

static int runs_so_far;

static int only_once(void)
{
    return runs_so_far++ == 4 ? -ERANGE : 0;
}

PLAIN_TEST(what_cannot_be_repeated_is_said_to_be_so)
{
    runs_so_far = 0;
    test_stderr_begin();
    EXPECT_INT(
        eddy_search(&(struct eddy_search_options){.name = "once", .scenario = only_once}, &found),
        -ERANGE);
    EXPECT_CONTAINS(test_stderr_end(), "the run of seed 5 went another way when it was repeated");
    EXPECT_TEXT(found.replay, "once:5");
}

/* ---- replay ---- */

PLAIN_TEST(a_replay_line_repeats_the_run)
{
    const struct eddy_search_options what = {.name = "lost_update", .scenario = lost_update};
    EXPECT_INT(search(what), -EBADE);
    const struct eddy_search_result first = found;
    (void)setenv("EDDY_REPLAY", first.replay, 1);
    EXPECT_INT(search(what), -EBADE);
    EXPECT_INT(found.runs, 1);
    EXPECT_TEXT(found.why, first.why);
    EXPECT_TEXT(found.replay, first.replay);
    EXPECT_INT(search((struct eddy_search_options){.name = "other", .scenario = three_steps}), 0);
    EXPECT_INT(found.runs, 1000); /* of another name */

    char seed_alone[64];
    (void)snprintf(seed_alone, sizeof seed_alone, "lost_update:%llu",
                   (unsigned long long)first.seed);
    (void)setenv("EDDY_REPLAY", seed_alone, 1);
    EXPECT_INT(search(what), -EBADE);
    EXPECT_INT(found.runs, 1);
    EXPECT_INT((long long)found.choices, (long long)first.choices);

    (void)setenv("EDDY_REPLAY", "lost_update:1:", 1); /* all tame */
    EXPECT_INT(search(what), -EBADE);
    (void)setenv("EDDY_REPLAY", "needle:1:0*7,29", 1);
    EXPECT_INT(search((struct eddy_search_options){.name = "needle", .scenario = needle}), 0);
    EXPECT_INT(found.runs, 1);
    (void)setenv("EDDY_REPLAY", "needle:1:0*7,30", 1);
    EXPECT_INT(search((struct eddy_search_options){.name = "needle", .scenario = needle}), -ERANGE);
    (void)unsetenv("EDDY_REPLAY");
}

PLAIN_TEST(a_seed_of_priorities_is_repeated_whole)
{
    const struct eddy_search_options what = {
        .name = "late", .scenario = late_start, .strategy = EDDY_SEARCH_PRIORITIES};
    EXPECT_INT(search(what), -ERANGE);
    char seed_alone[64];
    (void)snprintf(seed_alone, sizeof seed_alone, "late:%llu", (unsigned long long)found.seed);
    (void)setenv("EDDY_REPLAY", seed_alone, 1);
    EXPECT_INT(search(what), -ERANGE);
    EXPECT_INT(found.runs, 1);
    (void)unsetenv("EDDY_REPLAY");
}

PLAIN_TEST(bad_replay_lines_are_refused)
{
    static const char *const bad[] = {"a:",     "a:x",     "a:1:x",         "a:1:-1",
                                      "a:1:1,", "a:1:1;2", "a:1:1*x",       "a:1:4294967296",
                                      "a:1x",   "a:1:@,",  "a:1:0*99999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)setenv("EDDY_REPLAY", bad[i], 1);
        test_stderr_begin();
        EXPECT_INT(search((struct eddy_search_options){.name = "a", .scenario = three_steps}),
                   -EINVAL);
        const char *said = test_stderr_end();
        EXPECT_CONTAINS(said, "isn't NAME:SEED or NAME:SEED:CHOICES");
        EXPECT_CONTAINS(said, bad[i]);
    }
    (void)unsetenv("EDDY_REPLAY");
    eddy_failure_clear();
}

PLAIN_TEST(a_failure_is_told_with_its_order)
{
    test_stderr_begin();
    EXPECT_INT(
        eddy_search(&(struct eddy_search_options){.name = "locks", .scenario = crossed_locks},
                    &found),
        -EDEADLK);
    const char *said = test_stderr_end();
    EXPECT_CONTAINS(said, "eddy: 'locks' failed in run ");
    EXPECT_CONTAINS(said, "waiting for lock");
    EXPECT_CONTAINS(said, "EDDY_REPLAY=locks:");
    EXPECT_CONTAINS(said, found.replay);
}

/* ---- a run that kills the process ---- */

static int (*crash)(void);

static int crash_in_one_order(void)
{
    int r = lost_update();
    return counter == 2 ? r : crash();
}

static int crash_by_abort(void)
{
    abort();
}

static int crash_by_pointer(void)
{
    static volatile int *volatile nowhere;
    return *nowhere;
}

static int crash_by_recursion(void)
{
    volatile char frame[4096];
    frame[0] = 1;
    volatile int r = frame[0] ? crash_by_recursion() : 0;
    return r + frame[0];
}

static const char *search_in_a_child(int (*how)(void), enum eddy_search_strategy strategy)
{
    crash = how;
    test_stderr_begin();
    pid_t child = fork();
    if (child == 0) {
        const struct eddy_search_options what = {
            .name = "crash", .scenario = crash_in_one_order, .strategy = strategy};
        (void)!eddy_search(&what, NULL);
        _exit(0);
    }
    int status = 0;
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    return test_stderr_end();
}

PLAIN_TEST(a_crash_is_told_with_its_seed)
{
    int (*const ways[])(void) = {crash_by_abort, crash_by_pointer, crash_by_recursion};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const char *said = search_in_a_child(ways[i], EDDY_SEARCH_RANDOM);
        EXPECT_CONTAINS(said, "eddy: the process dies of a run that this repeats:\n"
                              "EDDY_REPLAY=crash:");
        if (ways[i] == crash_by_recursion && !TEST_FEW_TASKS)
            EXPECT_CONTAINS(said, "stack overflow in task");
    }
    EXPECT_CONTAINS(search_in_a_child(crash_by_abort, EDDY_SEARCH_EXHAUSTIVE),
                    "EDDY_REPLAY=crash:1:@");
}
