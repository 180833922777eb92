/* SPDX-License-Identifier: MIT */
/* The loop: turns, clock, threads. */
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include "loop.h"
#include "support/test.h"

static double monotonic(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

PLAIN_TEST(outside_a_loop_there_is_none)
{
    EXPECT(!eddy_current_loop());
    EXPECT_TEXT(eddy_engine_name(), "");
    EXPECT(fabs(eddy_time() - monotonic()) < 1);
    EXPECT(!eddy_current_task());
    EXPECT(!eddy_cancelled());
    EXPECT_INT(eddy_all_tasks(NULL, 0), 0);
}

TEST(inside_there_is_one)
{
    CHECK(eddy_current_loop());
    const char *name = eddy_engine_name();
    CHECK(strcmp(name, "epoll") == 0 || strcmp(name, "uring") == 0 || eddy_sim_active());
    return 0;
}

TEST(a_virtual_clock_jumps_and_takes_no_time)
{
    double before = monotonic();
    CHECK_TIME(0);
    CHECK_INT(eddy_sleep(86400), 0);
    CHECK_TIME(86400);
    CHECK(monotonic() - before < 10);
    return 0;
}

TEST_WITH(the_real_clock_is_the_monotonic_one, .virtual_clock = false)
{
    CHECK(fabs(eddy_time() - monotonic()) < 1);
    double before = monotonic();
    CHECK_INT(eddy_sleep(0.01), 0);
    CHECK(monotonic() - before >= 0.01);
    return 0;
}

/* ---- turns, seen through a spy between loop and engine ---- */

static struct {
    struct engine_vtable table;
    int (*turn)(struct engine *engine, int64_t timeout_ns);
    const struct engine_vtable *real;
    int64_t timeouts[64];
    int turns;
} spy;

static int spy_turn(struct engine *engine, int64_t timeout_ns)
{
    if (spy.turns < 64)
        spy.timeouts[spy.turns] = timeout_ns;
    spy.turns++;
    return spy.turn(engine, timeout_ns);
}

static void spy_begin(void)
{
    struct engine *engine = eddy_current_loop()->engine;
    spy.real = engine->call;
    spy.table = *engine->call;
    spy.turn = spy.table.turn;
    spy.table.turn = spy_turn;
    engine->call = &spy.table;
    spy.turns = 0;
}

static void spy_end(void)
{
    eddy_current_loop()->engine->call = spy.real;
}

TEST_WITH(rule_004_the_poll_waits_for_nothing_ready_and_not_past_a_timer, .virtual_clock = false)
{
    eddy_task *task = eddy_create_task(nap, .seconds = 0);
    spy_begin();
    turns(200); /* always something ready: polled now and then, never waiting */
    for (int i = 0; i < spy.turns && i < 64; i++)
        EXPECT_INT(spy.timeouts[i], 0);
    EXPECT(spy.turns >= 2);
    spy.turns = 0;
    EXPECT_INT(eddy_sleep(0.02), 0);
    spy_end();
    EXPECT(spy.turns >= 1 && spy.turns <= 4);
    EXPECT(spy.timeouts[0] > 0 && spy.timeouts[0] <= 20000000);
    CHECK_INT(eddy_await(task), 0);
    return eddy_task_release(task);
}

TEST_WITH(rule_011_very_short_sleeps_do_not_spin, .virtual_clock = false)
{
    const double seconds[] = {1e-2, 1e-4, 1e-6, 1e-8, 1e-10};
    spy_begin();
    for (int i = 0; i < 5; i++)
        EXPECT_INT(eddy_sleep(seconds[i]), 0);
    spy_end();
    CHECK(spy.turns <= 20);
    return 0;
}

struct spinner {
    bool *stop;
    long *turns;
};
static int spinner(struct spinner *a)
{
    int r = 0;
    for (; r == 0 && !*a->stop; ++*a->turns)
        r = eddy_sleep(0);
    return r;
}

struct io_seen {
    bool *stop;
    int descriptor;
    long *turns, at;
};
static void io_seen(void *argument)
{
    struct io_seen *a = argument;
    a->at = *a->turns;
    *a->stop = true;
    (void)eddy_remove_reader(a->descriptor);
}

TEST_WITH(io_is_polled_soon_while_tasks_are_runnable, .virtual_clock = false)
{
    int descriptor = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), err;
    bool stop = false;
    long count = 0;
    struct io_seen seen = {.stop = &stop, .descriptor = descriptor, .turns = &count};
    CHECK_INT(eddy_add_reader(descriptor, io_seen, &seen), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, spinner, .stop = &stop, .turns = &count);
        eddy_spawn(g, spinner, .stop = &stop, .turns = &count);
    }
    CHECK_INT(err, 0);
    CHECK(seen.at <= 2 * LOOP_BUDGET + 4);
    return close(descriptor);
}

TEST_WITH(timers_fire_while_tasks_are_runnable, .virtual_clock = false)
{
    bool stop = false;
    long count = 0;
    eddy_task *task = eddy_create_task(spinner, .stop = &stop, .turns = &count);
    CHECK_INT(eddy_sleep(0.01), 0);
    stop = true;
    CHECK_INT(eddy_await(task), 0);
    CHECK(count > 10);
    return eddy_task_release(task);
}

static void note_task(void *unused)
{
    (void)unused;
    note("%s", eddy_current_task() ? "task" : "none");
    EXPECT(!eddy_cancelled());
    EXPECT(eddy_current_loop());
}

TEST(rule_045_no_current_task_in_a_callback)
{
    CHECK(eddy_call_soon(note_task, NULL));
    CHECK(eddy_call_later(1, note_task, NULL));
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_NOTES("none none");
    return 0;
}

/* ---- other threads ---- */

struct poster {
    eddy_loop *loop;
    int count, delay_us;
    eddy_callback *callback;
    void *argument;
};

static void *poster(void *argument)
{
    struct poster *a = argument;
    for (int i = 0; i < a->count; i++) {
        if (a->delay_us)
            (void)usleep((useconds_t)a->delay_us);
        if (eddy_call_soon_threadsafe(a->loop, a->callback, a->argument) < 0)
            abort();
    }
    return NULL;
}

static void set_event(void *event)
{
    eddy_event_set(event);
}

TEST_WITH(rule_019_a_call_from_another_thread_wakes_a_sleeping_loop, .virtual_clock = false)
{
    pthread_t thread;
    eddy_event event = EDDY_EVENT_INIT;
    struct poster post = {eddy_current_loop(), 1, 5000, set_event, &event};
    CHECK_INT(pthread_create(&thread, NULL, poster, &post), 0);
    CHECK_INT(eddy_wait_for(eddy_event_wait(&event), 20), 0); /* long before */
    return pthread_join(thread, NULL);
}

struct ordered {
    int next, number[3000];
    eddy_event done;
};
static struct ordered ordered;

static void in_order(void *number)
{
    EXPECT_INT(*(int *)number, ordered.next);
    if (++ordered.next == 3000)
        eddy_event_set(&ordered.done);
}

static void *posts_numbers(void *loop)
{
    for (int i = 0; i < 3000; i++) {
        ordered.number[i] = i;
        if (eddy_call_soon_threadsafe(loop, in_order, &ordered.number[i]) < 0)
            abort();
    }
    return NULL;
}

TEST_WITH(calls_of_one_thread_run_in_order, .virtual_clock = false)
{
    pthread_t thread;
    ordered = (struct ordered){.done = EDDY_EVENT_INIT};
    CHECK_INT(pthread_create(&thread, NULL, posts_numbers, eddy_current_loop()), 0);
    CHECK_INT(eddy_event_wait(&ordered.done), 0);
    return pthread_join(thread, NULL);
}

struct tally {
    int count, until;
    eddy_event done;
};
static void tally_up(void *argument)
{
    struct tally *tally = argument;
    if (++tally->count == tally->until)
        eddy_event_set(&tally->done);
}

TEST_WITH(many_threads_post_and_every_call_arrives_once, .virtual_clock = false)
{
    enum { THREADS = 4, CALLS = 2000 };
    struct tally tally = {.until = THREADS * CALLS, .done = EDDY_EVENT_INIT};
    struct poster post = {eddy_current_loop(), CALLS, 0, tally_up, &tally};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, poster, &post), 0);
    CHECK_INT(eddy_event_wait(&tally.done), 0);
    CHECK_INT(tally.count, THREADS * CALLS);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    return 0;
}

TEST(bad_arguments_of_call_soon_threadsafe)
{
    CHECK_INT(eddy_call_soon_threadsafe(NULL, note_task, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_call_soon_threadsafe");
    CHECK_INT(eddy_call_soon_threadsafe(eddy_current_loop(), NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_call_soon_threadsafe");
    return 0;
}

static int posts_while_closing(void)
{
    EXPECT_INT(eddy_sleep(100), -ECANCELED);
    note("%s", eddy_error_name(eddy_call_soon_threadsafe(eddy_current_loop(), note_task, NULL)));
    note("%s", eddy_create_task(nap, .seconds = 1)
                   ? "created"
                   : eddy_error_name(eddy_failure_code(eddy_last_failure())));
    return -ECANCELED;
}

static int leaves_one(void)
{
    test_state.leftovers = 1;
    return eddy_detach(eddy_create_task(posts_while_closing)) + eddy_sleep(1);
}

PLAIN_TEST(rule_018_a_closing_loop_refuses_posts_and_tasks)
{
    EXPECT_INT(test_run(leaves_one), 0);
    EXPECT_NOTES("ESHUTDOWN ESHUTDOWN");
}

static int loop_in_thread(void)
{
    for (int i = 0; i < 100; i++) {
        int err, r = 0;
        bool stop = false;
        long count = 0;
        eddy_with_group (g, &err) {
            for (int k = 0; k < 5; k++)
                eddy_spawn(g, spinner, .stop = &stop, .turns = &count);
            r = eddy_sleep(0);
            stop = true;
        }
        if (err < 0 || r < 0 || count != 5 || eddy_all_tasks(NULL, 0) != 1)
            return -EIO;
    }
    return 17;
}

static void *thread_with_loop(void *result)
{
    struct eddy_options options = {.virtual_clock = true};
    *(int *)result = eddy_run_with(&options, loop_in_thread);
    return NULL;
}

REAL_PLAIN_TEST(rule_246_loops_in_several_threads_do_not_disturb_each_other)
{
    pthread_t threads[3];
    int results[3] = {0};
    for (int i = 0; i < 3; i++)
        EXPECT_INT(pthread_create(&threads[i], NULL, thread_with_loop, &results[i]), 0);
    for (int i = 0; i < 3; i++)
        EXPECT_INT(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 3; i++)
        EXPECT_INT(results[i], 17);
}
