/* SPDX-License-Identifier: MIT */
/*
 * Tests with something wrong in each, and a few without: what tests/test_kit*.c run as a program of
 * its own, to see what the kit says of it. It knows only the public headers.
 */
#include <eddy.h>
#include <eddy/test.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- nothing wrong ---- */

EDDY_TEST(passes)
{
    EDDY_CHECK_INT(eddy_sleep(1000), 0);
    EDDY_CHECK_TIME(1000);
    eddy_test_note("a");
    eddy_test_note("%d", 2);
    EDDY_CHECK_NOTES("a 2");
    EDDY_CHECK_TEXT("text", "text");
    EDDY_CHECK_CONTAINS("some text", "text");
    EDDY_CHECK_NO_REPORT();
    return 0;
}

static int engine_name(void)
{
    printf("on %s\n", eddy_engine_name());
    return 0;
}

EDDY_PLAIN_TEST(runs_loops)
{
    EDDY_EXPECT_INT(eddy_test_run(engine_name, NULL), 0);
    EDDY_EXPECT_INT(eddy_run(engine_name), 0);
}

EDDY_TEST_WITH(real_only, .real_system = true)
{
    return engine_name();
}

EDDY_TEST_WITH(real_time, .real_clock = true)
{
    EDDY_CHECK(eddy_time() > 1);
    return eddy_sleep(0.001);
}

EDDY_TEST(asks_for_its_warning)
{
    EDDY_CHECK_INT(eddy_await(NULL), -EINVAL);
    EDDY_CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_await");
    return 0;
}

static int nap(void)
{
    return eddy_sleep(5);
}

static void nothing(void *argument)
{
    (void)argument;
}

EDDY_TEST(may_leave_some)
{
    eddy_test_allow_leftovers(1);
    EDDY_CHECK(eddy_call_later(5, nothing, NULL));
    return eddy_detach(eddy_create_task(nap));
}

EDDY_TEST(skipped_in_a_task)
{
    return eddy_test_skip("for reason %d", 1);
}

EDDY_PLAIN_TEST(skipped_outside)
{
    (void)eddy_test_skip("for reason %d", 2);
    abort();
}

/* ---- checks ---- */

EDDY_TEST(a_check_fails)
{
    EDDY_CHECK_INT(eddy_sleep(0) - 5, 0);
    abort();
}

EDDY_TEST(an_expectation_fails)
{
    EDDY_EXPECT_TEXT("one", "two");
    EDDY_EXPECT(eddy_test_failed());
    EDDY_EXPECT_INT(1, 2);
    return 0;
}

EDDY_PLAIN_TEST(a_plain_expectation_fails)
{
    EDDY_EXPECT(1 > 2);
}

EDDY_TEST(its_result_is_an_error)
{
    return eddy_fail(-EIO, "no");
}

/* ---- things left behind ---- */

EDDY_TEST(leaves_a_task)
{
    return eddy_detach(eddy_create_task(nap));
}

EDDY_TEST(leaves_a_handle)
{
    return eddy_create_task(engine_name) ? 0 : -ENOMEM;
}

EDDY_TEST(leaves_a_timer)
{
    return eddy_call_later(5, nothing, NULL) ? 0 : -ENOMEM;
}

EDDY_TEST_WITH(leaves_a_descriptor, .real_system = true)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? -errno : 0;
}

EDDY_TEST_WITH(closes_one_too_many, .real_system = true)
{
    return close(STDIN_FILENO) < 0 ? -errno : 0;
}

EDDY_TEST_WITH(leaves_a_reader, .real_system = true)
{
    static int ends[2] = {-1, -1};
    if (ends[0] < 0 && pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    return eddy_add_reader(ends[0], nothing, NULL);
}

struct linger {
    atomic_bool *inside;
};
static int linger(struct linger *a)
{
    atomic_store(a->inside, true);
    return usleep(100000) < 0 ? -errno : 0;
}

static atomic_bool lingering;
static int abandons(void)
{
    struct linger job = {&lingering};
    return eddy_to_thread_abandon(linger, &job);
}

EDDY_TEST_WITH(abandons_a_job, .real_system = true)
{
    eddy_task *task = eddy_create_task(abandons);
    while (!atomic_load(&lingering))
        EDDY_CHECK_INT(eddy_sleep(0), 0);
    EDDY_CHECK(eddy_task_cancel(task));
    EDDY_CHECK_INT(eddy_task_wait(task), 0);
    return eddy_task_release(task);
}

static int take_and_keep(void)
{
    static eddy_lock lock = EDDY_LOCK_INIT;
    return eddy_lock_acquire(&lock);
}

EDDY_TEST(leaves_a_lock_held)
{
    eddy_task *task = eddy_create_task(take_and_keep);
    EDDY_CHECK_INT(eddy_await(task), 0);
    return eddy_task_release(task);
}

EDDY_TEST(leaves_memory)
{
    return eddy_future_new() ? 0 : -ENOMEM;
}

EDDY_TEST(warns)
{
    EDDY_CHECK_INT(eddy_await(NULL), -EINVAL);
    return 0;
}

/* ---- no end ---- */

EDDY_TEST_WITH(spins, .patience = 0.2)
{
    volatile int turns = 0;
    while (turns >= 0)
        turns = 1;
    return 0;
}

EDDY_PLAIN_TEST_WITH(blocks, .patience = 0.2)
{
    for (;;)
        (void)pause();
}

static int wait_for_nobody(void)
{
    eddy_event event = EDDY_EVENT_INIT;
    return eddy_event_wait(&event);
}

static int nest(void)
{
    int err = 0;
    eddy_with_group (group, &err) {
        eddy_spawn(group, wait_for_nobody);
    }
    return err;
}

EDDY_TEST_WITH(waits_for_ever, .patience = 0.2)
{
    eddy_task *task = eddy_create_task(nest);
    EDDY_CHECK_INT(eddy_task_set_name(task, "nest"), 0);
    EDDY_CHECK_INT(eddy_await(task), 0);
    return eddy_task_release(task);
}

EDDY_TEST(dies)
{
    return raise(SIGABRT);
}

/* ---- for runs by the thousand ---- */

struct mark {
    int number;
};
static int mark(struct mark *a)
{
    eddy_test_note("%d", a->number);
    return 0;
}

static int three_marks(void)
{
    int err = 0;
    eddy_with_group (group, &err) {
        for (int i = 1; i <= 3; i++)
            eddy_spawn(group, mark, .number = i);
    }
    EDDY_CHECK_INT(err, 0);
    EDDY_CHECK_NOTES("1 2 3");
    return 0;
}

EDDY_TEST(wants_an_order)
{
    return three_marks();
}

EDDY_TEST_WITH(says_any_order_and_wants_one, .any_order = true)
{
    return three_marks();
}

static int lose(void)
{
    return eddy_future_new() ? 0 : -ENOMEM;
}

EDDY_TEST(loses_memory_by_chance)
{
    return eddy_sim_choose(4) == 3 ? lose() : 0;
}

EDDY_TEST(dies_by_chance)
{
    return eddy_sim_choose(4) == 3 ? raise(SIGABRT) : 0;
}

EDDY_TEST_WITH(waits_by_chance, .any_order = true)
{
    return eddy_sim_choose(4) == 3 ? wait_for_nobody() : 0;
}

EDDY_TEST(loses_memory_when_cancelled)
{
    int r = eddy_sleep(1);
    return r < 0 ? lose() : 0;
}

EDDY_TEST(bears_a_cancel)
{
    int r = eddy_sleep(1);
    return r < 0 ? r : eddy_sleep(1);
}

EDDY_TEST(loses_memory_without_memory)
{
    eddy_future *one = eddy_future_new(), *other = eddy_future_new();
    if (one && !other)
        return -ENOMEM; /* forgets the first */
    eddy_future_release(one);
    eddy_future_release(other);
    return 0;
}

EDDY_TEST_MAIN()
