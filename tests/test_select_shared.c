/* SPDX-License-Identifier: MIT */
/* Select of what others than the loop's own tasks serve: signals, and channels to other threads. */
#include <pthread.h>
#include <stdatomic.h>
#include "support/survive.h"

/* ---- signals ---- */

static eddy_event event;
static eddy_signals *signals;

static void raise_soon(void *argument)
{
    (void)raise(*(int *)argument);
}

TEST(a_signal_is_a_case_and_tells_its_number_and_how_often_it_came)
{
    event = (eddy_event)EDDY_EVENT_INIT;
    int number = 0, hup = SIGHUP;
    size_t count = 0;
    CHECK_INT(eddy_signals_open(&signals, SIGHUP, SIGTERM), 0);
    CHECK(eddy_call_later(1, raise_soon, &hup));
    CHECK_INT(eddy_select(9, eddy_case_event(&event), eddy_case_signal(signals, &number, &count)),
              1);
    CHECK_TIME(1);
    CHECK(number == SIGHUP && count == 1);
    CHECK_INT(raise(SIGTERM) + raise(SIGTERM), 0);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_select(9, eddy_case_signal(signals, &number, &count)), 0); /* has come already */
    CHECK(number == SIGTERM && count == 2);
    CHECK_INT(raise(SIGHUP), 0);
    CHECK_INT(eddy_select(9, eddy_case_signal(signals, NULL, NULL), eddy_case_event(&event)), 0);
    eddy_signals_close(signals);
    return 0;
}

TEST(a_signal_that_lost_is_told_later)
{
    event = (eddy_event)EDDY_EVENT_INIT;
    int number = 0;
    size_t count = 0;
    CHECK_INT(eddy_signals_open(&signals, SIGHUP), 0);
    CHECK_INT(eddy_select(1, eddy_case_signal(signals, &number, &count)), -ETIMEDOUT);
    CHECK_INT(raise(SIGHUP), 0);
    eddy_event_set(&event);
    CHECK_INT(eddy_select(9, eddy_case_event(&event), eddy_case_signal(signals, &number, &count)),
              0);
    CHECK(number == 0 && count == 0);
    CHECK_INT(eddy_signals_next(signals, &count), SIGHUP);
    CHECK_INT(count, 1);
    eddy_signals_close(signals);
    return 0;
}

static void close_signals(void *unused)
{
    (void)unused;
    eddy_signals_close(signals);
}

TEST(a_closed_stream_of_signals_makes_it_fail)
{
    int number = 0;
    CHECK_INT(eddy_select(1, eddy_case_signal(NULL, &number, NULL)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the stream is NULL");
    CHECK_INT(eddy_signals_open(&signals, SIGHUP), 0);
    CHECK(eddy_call_later(1, close_signals, NULL));
    CHECK_INT(eddy_select(9, eddy_case_after(5), eddy_case_signal(signals, &number, NULL)), -EPIPE);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "case 1 (signal)");
    CHECK_TIME(1);
    CHECK_INT(number, 0);
    eddy_failure_clear();
    return 0;
}

/* ---- channels ---- */

static eddy_channel *first, *second;

/* Released on every way out of the test. */
#define OPEN_BOTH(limit)                                                                           \
    char opened EDDY_CLEANUP_(release_both) = 0;                                                   \
    CHECK_INT(open_both(limit), 0)

static void release_both(void *unused)
{
    (void)unused;
    eddy_channel_release(first);
    eddy_channel_release(second);
}

static int open_both(size_t limit)
{
    event = (eddy_event)EDDY_EVENT_INIT;
    first = eddy_channel_new(sizeof(int), limit);
    second = eddy_channel_new(sizeof(int), limit);
    return first && second ? 0 : -ENOMEM;
}

struct act {
    double seconds;
    eddy_channel *put, *get, *shut;
    int item;
};
static int act(struct act *a)
{
    int r = eddy_sleep(a->seconds);
    if (r == 0 && a->put)
        r = eddy_channel_put(a->put, &a->item);
    if (r == 0 && a->get) {
        r = eddy_channel_get(a->get, &a->item);
        note("got %d", a->item);
    }
    return r == 0 && a->shut ? eddy_channel_shutdown(a->shut) : r;
}

#define LATER(...) CHECK_INT(eddy_detach(eddy_create_task(act, __VA_ARGS__)), 0)

TEST(channels_are_cases_and_losers_take_and_put_nothing)
{
    OPEN_BOTH(1);
    int one = 1, two = 2, item = 0, other = 0;
    CHECK_INT(
        eddy_select(9, eddy_case_channel_put(first, &one), eddy_case_channel_put(second, &one)), 0);
    CHECK_INT(
        eddy_select(9, eddy_case_channel_get(second, &other), eddy_case_channel_get(first, &item)),
        1);
    CHECK(item == 1 && other == 0);
    LATER(.seconds = 1, .put = second, .item = 3);
    CHECK_INT(eddy_select(9, eddy_case_channel_get(first, &item),
                          eddy_case_channel_get(second, &other), eddy_case_event(&event)),
              1);
    CHECK_TIME(1);
    CHECK(item == 1 && other == 3);
    CHECK_INT(eddy_channel_put(first, &one), 0); /* isn't given to one that is gone */
    LATER(.seconds = 1, .get = first);
    CHECK_INT(
        eddy_select(9, eddy_case_channel_get(second, &other), eddy_case_channel_put(first, &two)),
        1);
    CHECK_TIME(2);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("got 1");
    CHECK_INT(eddy_channel_size(first), 1);
    CHECK_INT(eddy_select(1, eddy_case_channel_put(first, &one)), -ETIMEDOUT);
    CHECK_INT(eddy_channel_get(first, &item), 0);
    CHECK_INT(item, 2);
    CHECK_INT(eddy_channel_size(first) + eddy_channel_size(second), 0);
    return 0;
}

TEST(a_channel_that_is_shut_down_makes_it_fail)
{
    OPEN_BOTH(1);
    int item = 0;
    long wide = 0;
    LATER(.seconds = 1, .shut = first);
    CHECK_INT(eddy_select(9, eddy_case_event(&event), eddy_case_channel_get(first, &item)), -EPIPE);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "case 1 (channel get)");
    CHECK_TIME(1);
    CHECK_INT(eddy_select(9, eddy_case_event(&event), eddy_case_channel_put(first, &item)), -EPIPE);
    CHECK_INT(eddy_select(1, eddy_case_channel_get(second, &wide)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "8 bytes");
    CHECK_INT(eddy_select(1, eddy_case_channel_put((eddy_channel *)NULL, &item)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the channel is NULL");
    CHECK_INT(eddy_select(1, eddy_case_channel_get(second, &item), eddy_case_readable(-1)),
              -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "descriptor -1");
    CHECK_INT(eddy_channel_put(second, &item), 0); /* nobody is left in line there */
    CHECK_INT(eddy_channel_size(second), 1);
    eddy_failure_clear();
    return 0;
}

/* ---- served by another thread, and at the same time by something here ---- */

static eddy_queue queue;
static int taken, queued;

static int selecting(void)
{
    int number;
    int r = eddy_select(60, eddy_case_get(&queue, &queued),
                        eddy_case_signal(signals, &number, NULL), eddy_case_event(&event),
                        eddy_case_channel_get(first, &taken), eddy_case_channel_get(second, &taken),
                        eddy_case_after(30));
    note("%d", r);
    return r;
}

static void *puts_seven(void *channel)
{
    EXPECT_INT(eddy_channel_put((eddy_channel *)channel, &(int){7}), 0);
    return NULL;
}

/* The other thread has handed an item over, and this loop doesn't know yet. */
static int hand_over(eddy_channel *channel)
{
    pthread_t thread;
    int r = pthread_create(&thread, NULL, puts_seven, channel);
    return r == 0 ? pthread_join(thread, NULL) : r;
}

REAL_TEST(what_another_thread_has_served_is_the_one_case_that_happens)
{
    OPEN_BOTH(1);
    int item = 5;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 2), 0);
    CHECK_INT(eddy_signals_open(&signals, SIGHUP), 0);
    for (int i = 0; i < 5; i++) {
        taken = queued = 0;
        eddy_task *task = eddy_create_task(selecting);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(hand_over(first), 0);
        if (i == 0)
            CHECK_INT(eddy_queue_put(&queue, &item), 0);
        else if (i == 1)
            CHECK_INT(raise(SIGHUP), 0);
        else if (i == 2)
            eddy_event_set(&event);
        else if (i == 3)
            CHECK(eddy_task_cancel(task) && eddy_task_cancel(task));
        else
            CHECK_INT(hand_over(second), 0);
        CHECK_INT(eddy_await(task) + eddy_task_release(task), 3);
        CHECK(taken == 7 && queued == 0);
        eddy_event_clear(&event);
        if (i == 0)
            CHECK_INT(eddy_queue_get(&queue, &queued), 0); /* is still there, as are the others */
        else if (i == 1)
            CHECK_INT(eddy_signals_next(signals, NULL), SIGHUP);
        else if (i == 4)
            CHECK_INT(eddy_channel_get(second, &taken), 0);
    }
    CHECK_NOTES("3 3 3 3 3");
    CHECK_INT(queued, 0);
    eddy_signals_close(signals);
    eddy_queue_close(&queue);
    return 0;
}

/* ---- many threads, many selects ---- */

enum { SIDES = 2, TASKS = 3, MANY = TEST_FEW_TASKS ? 500 : 5000 };

static eddy_channel *lines[2];
static atomic_long put_sum, got_sum;

/* Into whichever has room. */
static int puts_into_either(void)
{
    for (int i = 1; i <= MANY;) {
        int r = eddy_select(0.00005, eddy_case_channel_put(lines[0], &i),
                            eddy_case_channel_put(lines[1], &i));
        if (r >= 0)
            atomic_fetch_add(&put_sum, i++);
        else if (r != -ETIMEDOUT)
            return r;
    }
    return 0;
}

static int gets_from_either(void)
{
    for (;;) {
        int item = 0;
        int r = eddy_select(0.00005, eddy_case_channel_get(lines[1], &item),
                            eddy_case_channel_get(lines[0], &item));
        if (r >= 0)
            atomic_fetch_add(&got_sum, item);
        else if (r != -ETIMEDOUT)
            return r == -EPIPE ? 0 : r;
    }
}

static int all_put(void)
{
    int err;
    eddy_with_group (group, &err) {
        for (int i = 0; i < TASKS; i++)
            eddy_spawn(group, puts_into_either);
    }
    return err;
}

static int all_get(void)
{
    int err;
    eddy_with_group (group, &err, .policy = EDDY_RUN_ALL) {
        for (int i = 0; i < TASKS; i++)
            eddy_spawn(group, gets_from_either);
    }
    return err;
}

static void *puts_on_a_loop(void *unused)
{
    static const struct eddy_options options = {.quiet = true};
    (void)unused;
    EXPECT_INT(eddy_run_with(&options, all_put), 0);
    return NULL;
}

static void *gets_on_a_loop(void *unused)
{
    static const struct eddy_options options = {.quiet = true};
    (void)unused;
    EXPECT_INT(eddy_run_with(&options, all_get), 0);
    return NULL;
}

REAL_PLAIN_TEST(no_item_is_lost_or_doubled_among_selects_on_many_threads)
{
    pthread_t putters[SIDES], getters[SIDES];
    atomic_store(&put_sum, 0);
    atomic_store(&got_sum, 0);
    lines[0] = eddy_channel_new(sizeof(int), 1);
    lines[1] = eddy_channel_new(sizeof(int), 3);
    for (int i = 0; i < SIDES; i++) {
        EXPECT_INT(pthread_create(&getters[i], NULL, gets_on_a_loop, NULL), 0);
        EXPECT_INT(pthread_create(&putters[i], NULL, puts_on_a_loop, NULL), 0);
    }
    for (int i = 0; i < SIDES; i++)
        EXPECT_INT(pthread_join(putters[i], NULL), 0);
    for (int i = 0; i < 2; i++)
        EXPECT_INT(eddy_channel_shutdown(lines[i]), 0);
    for (int i = 0; i < SIDES; i++)
        EXPECT_INT(pthread_join(getters[i], NULL), 0);
    for (int i = 0, item; i < 2; i++) { /* what the shutdown of the other one left */
        while (eddy_channel_get_nowait(lines[i], &item) == 0)
            atomic_fetch_add(&got_sum, item);
        eddy_channel_release(lines[i]);
    }
    EXPECT_INT(put_sum, (long)SIDES * TASKS * MANY * (MANY + 1) / 2);
    EXPECT_INT(got_sum, put_sum);
}

/* ---- disturbed ---- */

struct moves {
    eddy_channel *const *from, *const *to; /* two of each */
    int *balance;
};

/* Takes from either and puts into either. */
static int moves(struct moves *a)
{
    int r = 0;
    for (int i = 0; i < 4 && r >= 0; i++) {
        int item = 0;
        r = eddy_select(3, eddy_case_channel_get(a->from[0], &item),
                        eddy_case_channel_get(a->from[1], &item));
        if (r < 0)
            break;
        *a->balance -= item;
        r = eddy_select(1, eddy_case_channel_put(a->to[0], &item),
                        eddy_case_channel_put(a->to[1], &item), eddy_case_after(0.5));
        if (r == 0 || r == 1)
            *a->balance += item;
    }
    return r == -ETIMEDOUT ? 0 : r;
}

static int feeds(eddy_channel *const *channels, int *balance)
{
    int r = 0;
    for (int i = 1; i <= 8 && r == 0; i++) {
        r = i % 3 ? 0 : eddy_sleep(0.25);
        if (r == 0)
            r = eddy_select(1, eddy_case_channel_put(channels[i % 4], &i));
        if (r == 0)
            *balance += i;
    }
    return r == -ETIMEDOUT ? 0 : r;
}

static int drain(eddy_channel *channel)
{
    int sum = 0, item;
    while (eddy_channel_get_nowait(channel, &item) == 0)
        sum += item;
    return sum;
}

static int scenario_moves(void)
{
    int err = -ENOMEM, r = 0, balance = 0;
    eddy_channel *all[4];
    for (int i = 0; i < 4; i++)
        all[i] = eddy_channel_new(sizeof(int), 1);
    if (all[0] && all[1] && all[2] && all[3]) {
        eddy_with_group (group, &err, .policy = EDDY_RUN_ALL) {
            for (int i = 0; i < 2; i++)
                eddy_spawn_as(group, moves, struct moves, .from = &all[i ? 2 : 0],
                              .to = &all[i ? 0 : 2], .balance = &balance);
            r = feeds(all, &balance);
        }
        for (int i = 0; i < 4; i++)
            balance -= drain(all[i]);
        wrong_if(balance != 0, "an item was lost or doubled");
    }
    for (int i = 0; i < 4; i++)
        eddy_channel_release(all[i]);
    return r < 0 ? r : err;
}

SURVIVES(moves)

/* A signal that wasn't told by a select that was cut short is there for the next one. */
static int scenario_hears(void)
{
    eddy_signals *stream;
    size_t told = 0, count = 0;
    int number, r = eddy_signals_open(&stream, SIGHUP);
    if (r < 0)
        return r;
    for (size_t i = 1; i <= 3; i++) {
        (void)raise(SIGHUP);
        if (i == 2 && r >= 0)
            r = eddy_sleep(0.1);
        if (r >= 0)
            r = eddy_select(5, eddy_case_after(4), eddy_case_signal(stream, &number, &count));
        if (r == 1)
            told += count;
        else if (eddy_signals_next(stream, &count) == SIGHUP)
            told += count;
        wrong_if(told > i, "a signal was told twice");
    }
    eddy_with_shield (EDDY_FOREVER)
        if (told < 3 && eddy_sleep(0.1) == 0 && eddy_signals_next(stream, &count) == SIGHUP)
            told += count;
    wrong_if(told != 3, "a signal was lost");
    eddy_signals_close(stream);
    return r < 0 ? r : 0;
}

SURVIVES(hears)
