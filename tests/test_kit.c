/* SPDX-License-Identifier: MIT */
/* The test kit: what it lets pass, and each kind of thing that it has to catch. */
#include "kit/kit_test.h"

/* ---- nothing wrong ---- */

PLAIN_TEST(a_test_that_passes_is_quiet)
{
    KIT_PASSES("--engine epoll passes");
    /* Newer versions of cmocka name the tests at the beginning and the end. */
    bool named = strstr(process.text, "tests: Running");
    EXPECT_TEXT(process.text, named ? "[==========] tests: Running 1 test(s).\n"
                                      "[ RUN      ] passes\n"
                                      "[       OK ] passes\n"
                                      "[==========] tests: 1 test(s) run.\n"
                                      "[  PASSED  ] 1 test(s).\n"
                                    : "[==========] Running 1 test(s).\n"
                                      "[ RUN      ] passes\n"
                                      "[       OK ] passes\n"
                                      "[==========] 1 test(s) run.\n"
                                      "[  PASSED  ] 1 test(s).\n");
}

PLAIN_TEST(a_warning_that_is_asked_for_and_leftovers_that_are_allowed)
{
    KIT_PASSES("asks_for_its_warning may_leave_some");
    EXPECT_CONTAINS(process.text, "OK ] asks_for_its_warning[epoll]");
    EXPECT_CONTAINS(process.text, "OK ] asks_for_its_warning[sim]");
    EXPECT_CONTAINS(process.text, "OK ] may_leave_some[sim]");
}

PLAIN_TEST(skipped_tests_say_why)
{
    KIT_PASSES("--engine epoll skipped_in_a_task skipped_outside");
    EXPECT_CONTAINS(process.text, "SKIP: for reason 1\n[  SKIPPED ] skipped_in_a_task");
    EXPECT_CONTAINS(process.text, "SKIP: for reason 2\n[  SKIPPED ] skipped_outside");
    EXPECT_CONTAINS(process.text, "[  PASSED  ] 0 test(s).");
}

/* ---- checks ---- */

PLAIN_TEST(a_check_that_fails_leaves_the_task_and_names_its_place)
{
    KIT_FAILS("a_check_fails", "eddy_sleep(0) - 5 is -5 -EIO, not 0\n");
    EXPECT_CONTAINS(process.text, "program.c:");
}

PLAIN_TEST(an_expectation_goes_on_and_the_first_that_fails_is_told)
{
    KIT_FAILS("an_expectation_fails", "\"one\" is 'one', not 'two'\n");
    EXPECT(!strstr(process.text, "1 is 1, not 2"));
    KIT_FAILS("a_plain_expectation_fails", "not so: 1 > 2\n");
}

PLAIN_TEST(a_result_that_is_an_error)
{
    KIT_FAILS("its_result_is_an_error", "the result of the test is -5 -EIO, not 0\n");
}

/* ---- things left behind ---- */

PLAIN_TEST(tasks_and_handles_left)
{
    KIT_FAILS("leaves_a_task", "the test left 1 tasks behind\n");
    KIT_FAILS("leaves_a_handle", "behind\n");
}

PLAIN_TEST(timers_and_readers_left)
{
    KIT_FAILS("leaves_a_timer", "\n1 timer left\n");
    KIT_FAILS("leaves_a_reader", "1 watched descriptor left, 2 descriptors left\n");
}

PLAIN_TEST(an_abandoned_job_may_be_left)
{
    KIT_PASSES("abandons_a_job");
}

PLAIN_TEST(a_lock_held_by_a_task_that_has_ended)
{
    KIT_FAILS("leaves_a_lock_held", "\n1 held lock left\n");
}

PLAIN_TEST(descriptors_left_and_closed_too_many)
{
    KIT_FAILS("leaves_a_descriptor", "\n1 descriptor left\n");
    KIT_FAILS("closes_one_too_many", "\n1 descriptors too many closed\n");
}

PLAIN_TEST(memory_left)
{
    KIT_FAILS("leaves_memory", "\n1 piece of memory left\n");
    EXPECT_INT(kit("--engine sim leaves_memory"), 1);
    EXPECT_CONTAINS(process.text, "\n1 piece of memory left\n");
}

PLAIN_TEST(one_test_that_leaves_something_is_not_the_next_ones_failure)
{
    /* A leak sanitizer has a status of its own. */
    EXPECT(kit("--engine epoll leaves_memory leaves_a_descriptor passes leaves_a_timer") > 0);
    EXPECT_CONTAINS(process.text, "[       OK ] passes\n");
    EXPECT_CONTAINS(process.text, "3 FAILED TEST(S)");
}

PLAIN_TEST(a_warning_that_nobody_asked_for)
{
    KIT_FAILS("warns", "the log says: eddy_await: ");
}

/* ---- no end ---- */

static bool hangs(const char *arguments, const char *part)
{
    return EXPECT_INT(kit(arguments), 124) && EXPECT_CONTAINS(process.text, part);
}

PLAIN_TEST(a_task_that_never_suspends)
{
    EXPECT(hangs("--engine epoll spins", "eddy-test: spins hangs: 0.2 s have gone by; its tasks "
                                         "and what they wait for:\n"
                                         "  <Task running name='Task-1' test_body() at "));
    EXPECT_CONTAINS(process.text, "tests/kit_program --engine epoll spins\n");
    EXPECT(hangs("--engine sim spins", "  <Task running name='Task-1' test_body() at "));
}

PLAIN_TEST(a_plain_test_that_never_ends)
{
    EXPECT(hangs("blocks", "eddy-test: blocks[epoll] hangs: 0.2 s have gone by; it is outside of "
                           "any loop\n"));
}

/* Each task stands below the one that waits for it. */
PLAIN_TEST(tasks_that_wait_for_ever_are_shown_as_a_tree)
{
    if (!hangs("--engine epoll waits_for_ever", "  <Task pending name='Task-1' test_body() at "))
        return;
    EXPECT_CONTAINS(process.text, "waiting for task 'nest'>\n    <Task pending name='nest' ");
    EXPECT_CONTAINS(process.text, ">\n      <Task pending name='Task-3' wait_for_nobody() at ");
    EXPECT_CONTAINS(process.text, "waiting for event>\neddy-test: again: ");
}

PLAIN_TEST(on_the_simulated_system_that_is_a_deadlock)
{
    EXPECT_INT(kit("--engine sim waits_for_ever"), 1);
    EXPECT_CONTAINS(process.text, "EDEADLK: deadlock: at 0.000000 s nothing can happen any more");
    EXPECT_CONTAINS(process.text, "waiting for task 'nest'>");
}

PLAIN_TEST(a_test_that_dies_has_said_how_far_it_came)
{
    EXPECT(kit("--engine epoll passes dies") != 0);
    EXPECT_CONTAINS(process.text, "[       OK ] passes\n[ RUN      ] dies\n");
}
