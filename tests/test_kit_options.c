/* SPDX-License-Identifier: MIT */
/* The test kit: its command line, and the runs by the thousand. */
#include "kit/kit_test.h"

static size_t count_of(const char *part)
{
    size_t count = 0;
    for (const char *at = process.text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

/* ---- where tests run ---- */

PLAIN_TEST(every_test_runs_on_every_system)
{
    KIT_PASSES("runs_loops");
    EXPECT_CONTAINS(process.text, "[ RUN      ] runs_loops[epoll]\non epoll\non epoll\n");
    EXPECT_CONTAINS(process.text, "[ RUN      ] runs_loops[sim]\non sim\non sim\n");
    EXPECT(!strstr(process.text, "[uring]") ||
           strstr(process.text, "[ RUN      ] runs_loops[uring]\non uring\non uring\n"));
}

PLAIN_TEST(what_needs_the_real_system_is_not_simulated)
{
    KIT_PASSES("real_only real_time");
    EXPECT_CONTAINS(process.text, "OK ] real_only[epoll]");
    EXPECT_CONTAINS(process.text, "OK ] real_time[epoll]");
    EXPECT(!strstr(process.text, "[sim]"));
    EXPECT_INT(kit("--engine sim real_only real_time"), 77);
    EXPECT_CONTAINS(process.text, "SKIP: none of its tests can run on what was asked for\n");
}

PLAIN_TEST(engines_by_option_and_environment)
{
    KIT_PASSES("--engine sim,epoll runs_loops");
    EXPECT_INT(count_of("[ RUN      ]"), 2);
    EXPECT_CONTAINS(process.text, "2 test(s) run");
    KIT_PASSES("--engine=sim runs_loops");
    EXPECT_CONTAINS(process.text, "[ RUN      ] runs_loops\non sim\n");
    /* kit() unsets the variable, the shell sets it again for this program */
    KIT_PASSES("--list >/dev/null; EDDY_ENGINE=sim $EDDY_BUILD_ROOT/tests/kit_program runs_loops");
    EXPECT_CONTAINS(process.text, "[ RUN      ] runs_loops\non sim\n");
}

PLAIN_TEST(list_and_names)
{
    KIT_PASSES("--engine epoll,sim --list passes real_only");
    EXPECT_TEXT(process.text, "passes[epoll]\npasses[sim]\nreal_only[epoll]\n");
    KIT_PASSES("--engine epoll --list passes real_only");
    EXPECT_TEXT(process.text, "passes\nreal_only\n");
    KIT_PASSES("--list 'passes[sim]'");
    EXPECT_TEXT(process.text, "passes[sim]\n");
    EXPECT_INT(kit("passes passing"), 2);
    EXPECT_CONTAINS(process.text, "there is no test 'passing'; --list names them\n");
}

PLAIN_TEST(help_and_wrong_options)
{
    KIT_PASSES("--help");
    static const char *const options[] = {"--engine", "--list",  "--seeds", "--seed",
                                          "--order",  "--sweep", "--fault", "--help"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        EXPECT_CONTAINS(process.text, options[i]);
    EXPECT_INT(kit("--engine kqueue"), 2);
    EXPECT_CONTAINS(process.text, "no such engine: 'kqueue'; --help lists what there is\n");
    EXPECT_INT(kit("--seeds many"), 2);
    EXPECT_CONTAINS(process.text, "not a number: 'many'");
    EXPECT_INT(kit("--order backwards"), 2);
    EXPECT_CONTAINS(process.text, "no such order: 'backwards'");
    EXPECT_INT(kit("--fault everything"), 2);
    EXPECT_CONTAINS(process.text, "no such fault: 'everything'");
    EXPECT_INT(kit("--seeds 5 --sweep"), 2);
    EXPECT_CONTAINS(process.text, "one of --seeds, --sweep and --fault at a time\n");
    EXPECT_INT(kit("--loudly"), 2);
    EXPECT_INT(kit("--seeds"), 2);
}

/* ---- seeds ---- */

PLAIN_TEST(seeds_count_runs)
{
    KIT_PASSES("--seeds 20 passes asks_for_its_warning may_leave_some runs_loops");
    EXPECT_TEXT(process.text, "passes: shuffled: 20 runs, 0 failed\n"
                              "asks_for_its_warning: shuffled: 20 runs, 0 failed\n"
                              "may_leave_some: shuffled: 20 runs, 0 failed\n"
                              "shuffled: 60 runs, 0 failed\n"
                              "torture: 60 runs, 0 failed\n");
}

PLAIN_TEST(checks_count_if_the_test_says_any_order)
{
    KIT_PASSES("--seeds 50 wants_an_order");
    EXPECT_INT(kit("--seeds 50 says_any_order_and_wants_one"), 1);
    EXPECT_CONTAINS(process.text, "what was noted is '");
    EXPECT_CONTAINS(process.text, "again: ");
    KIT_PASSES("--seeds 50 --order fifo says_any_order_and_wants_one");
    EXPECT_INT(kit("--seeds 50 --order priorities says_any_order_and_wants_one"), 1);
    EXPECT_CONTAINS(process.text, "priorities: 50 runs, ");
}

/* The line that a failure prints has it again. */
static void runs_again(void)
{
    char line[512];
    const char *again = strstr(process.text, "again: ");
    if (!EXPECT(again))
        return;
    (void)snprintf(line, sizeof line, "--list >/dev/null; %.*s", (int)strcspn(again + 7, "\n"),
                   again + 7);
    EXPECT_INT(kit(line), 1);
    EXPECT_CONTAINS(process.text, "torture: 1 runs, 1 failed\n");
}

PLAIN_TEST(what_a_seed_leaves_behind)
{
    EXPECT_INT(kit("--seeds 40 loses_memory_by_chance"), 1);
    EXPECT_CONTAINS(process.text, "loses_memory_by_chance: 1 piece of memory left\n");
    runs_again();
}

PLAIN_TEST(a_seed_that_crashes_is_counted_and_the_others_run)
{
    EXPECT_INT(kit("--seeds 40 dies_by_chance passes"), 1);
    EXPECT_CONTAINS(process.text, "dies_by_chance: the process died of signal 6, Aborted\n");
    EXPECT_CONTAINS(process.text, "dies_by_chance: shuffled: 40 runs, ");
    EXPECT_CONTAINS(process.text, "passes: shuffled: 40 runs, 0 failed\n");
    EXPECT_CONTAINS(process.text, "torture: 80 runs, ");
}

PLAIN_TEST(a_seed_that_comes_to_a_stand_is_a_deadlock)
{
    EXPECT_INT(kit("--seeds 40 waits_by_chance"), 1);
    EXPECT_CONTAINS(process.text, "deadlock: at 0.000000 s nothing can happen any more");
    runs_again();
}

PLAIN_TEST(a_seed_that_hangs_ends_after_its_patience)
{
    EXPECT_INT(kit("--seed 3 --seeds 1 spins"), 1);
    EXPECT_CONTAINS(process.text, "spins: it hung\n  again: ");
    EXPECT_CONTAINS(process.text, "--seed 3 --order shuffled spins\n");
}

/* ---- sweeps and faults, which have tests of their own: here that they are reached ---- */

PLAIN_TEST(sweeps)
{
    KIT_PASSES("--sweep bears_a_cancel");
    EXPECT_CONTAINS(process.text, "bears_a_cancel: sweep: 2 points, ");
    EXPECT_CONTAINS(process.text, "\nsweep: 2 points, ");
    EXPECT_CONTAINS(process.text, " runs, 0 failed\ntorture: ");
    EXPECT_INT(kit("--sweep loses_memory_when_cancelled"), 1);
    EXPECT_CONTAINS(process.text, "1 piece of memory left");
    KIT_PASSES("--engine epoll --sweep bears_a_cancel");
    EXPECT_CONTAINS(process.text, "bears_a_cancel: sweep: 2 points, ");
}

PLAIN_TEST(faults)
{
    KIT_PASSES("--fault memory bears_a_cancel");
    EXPECT_CONTAINS(process.text, "bears_a_cancel: memory: ");
    EXPECT_CONTAINS(process.text, " sites, ");
    EXPECT_INT(kit("--fault memory loses_memory_without_memory"), 1);
    EXPECT_CONTAINS(process.text, "1 piece of memory left");
    KIT_PASSES("--fault engine bears_a_cancel");
    KIT_PASSES("--fault storm --engine epoll bears_a_cancel");
}
