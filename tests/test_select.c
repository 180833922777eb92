/* SPDX-License-Identifier: MIT */
/* Select: the first of several things, and nothing of the others. */
#include <fcntl.h>
#include <sys/socket.h>
#include "support/test.h"

static eddy_queue first, second;
static eddy_event event;

static void close_queues(void *unused)
{
    (void)unused;
    eddy_queue_close(&first);
    eddy_queue_close(&second);
}

/* Closed on every way out of the test. */
#define OPEN_BOTH(limit)                                                                           \
    char opened EDDY_CLEANUP_(close_queues) = 0;                                                   \
    CHECK_INT(open_both(limit), 0)

static int open_both(size_t limit)
{
    event = (eddy_event)EDDY_EVENT_INIT;
    int r = eddy_queue_open(&first, sizeof(int), limit);
    return r < 0 ? r : eddy_queue_open(&second, sizeof(int), limit);
}

static int empty_both(void)
{
    CHECK_INT(eddy_queue_size(&first) + eddy_queue_size(&second), 0);
    return 0;
}

struct act {
    double seconds;
    int to_first, to_second; /* put, unless 0 */
    bool set, shut;
};

static int act(struct act *a)
{
    int r = a->seconds > 0 ? eddy_sleep(a->seconds) : 0;
    if (r == 0 && a->to_first)
        r = eddy_queue_put(&first, &a->to_first);
    if (r == 0 && a->to_second)
        r = eddy_queue_put(&second, &a->to_second);
    if (r == 0 && a->set)
        eddy_event_set(&event);
    if (r == 0 && a->shut)
        r = eddy_queue_shutdown(&first);
    return r;
}

#define LATER(...) CHECK_INT(eddy_detach(eddy_create_task(act, __VA_ARGS__)), 0)

TEST(what_is_ready_wins_in_the_order_of_the_arguments)
{
    OPEN_BOTH(4);
    int one = 1, two = 2, item = 0, other = 0;
    CHECK_INT(eddy_queue_put(&first, &one), 0);
    CHECK_INT(eddy_queue_put(&second, &two), 0);
    eddy_event_set(&event);
    CHECK_INT(eddy_select(1, eddy_case_get(&second, &item), eddy_case_get(&first, &other)), 0);
    CHECK(item == 2 && other == 0);
    CHECK_INT(eddy_select(1, eddy_case_get(&second, &item), eddy_case_event(&event),
                          eddy_case_get(&first, &other)),
              1);
    CHECK(item == 2 && other == 0);
    CHECK_INT(eddy_select(1, eddy_case_after(0), eddy_case_get(&first, &other)), 0);
    int err, r = 0;
    eddy_with_timeout (0, &err)
        r = eddy_select(1, eddy_case_get(&second, &item), eddy_case_get(&first, &other));
    CHECK(err == 0 && r == 1 && other == 1); /* nothing had to wait */
    CHECK_TIME(0);
    return empty_both();
}

TEST(what_comes_first_wins_and_the_others_are_undone)
{
    OPEN_BOTH(1);
    int item = 0, other = 0;
    LATER(.seconds = 2, .to_first = 1);
    LATER(.seconds = 1, .to_second = 2);
    CHECK_INT(eddy_select(9, eddy_case_get(&first, &item), eddy_case_get(&second, &other),
                          eddy_case_event(&event)),
              1);
    CHECK(item == 0 && other == 2);
    CHECK_TIME(1);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK(item == 0 && eddy_queue_size(&first) == 1); /* not given to one that is gone */
    CHECK_INT(eddy_queue_get(&first, &item), 0);
    CHECK_INT(item, 1);
    return empty_both();
}

TEST(of_two_at_the_same_instant_one_is_served_and_the_other_stays)
{
    OPEN_BOTH(1);
    int item = 0, other = 0;
    LATER(.seconds = 1, .to_first = 1, .to_second = 2, .set = true);
    CHECK_INT(eddy_select(9, eddy_case_event(&event), eddy_case_get(&second, &other),
                          eddy_case_get(&first, &item)),
              2); /* put first */
    CHECK(item == 1 && other == 0);
    CHECK_INT(eddy_select(9, eddy_case_get(&second, &other), eddy_case_event(&event)), 0);
    CHECK_INT(other, 2);
    CHECK_INT(eddy_select(9, eddy_case_get(&second, &other), eddy_case_event(&event)), 1);
    CHECK_TIME(1);
    return empty_both();
}

TEST(puts_wait_for_room_and_losers_put_nothing)
{
    OPEN_BOTH(1);
    int one = 1, two = 2, item = 0;
    CHECK_INT(eddy_select(9, eddy_case_put(&first, &one), eddy_case_put(&second, &two)), 0);
    CHECK_INT(eddy_select(9, eddy_case_put(&first, &one), eddy_case_put(&second, &two)), 1);
    LATER(.seconds = 1, .set = true);
    CHECK_INT(eddy_select(9, eddy_case_put(&first, &two), eddy_case_event(&event)), 1);
    CHECK_TIME(1);
    CHECK_INT(eddy_queue_get(&first, &item), 0);
    CHECK(item == 1 && eddy_queue_empty(&first)); /* the loser wasn't let in */
    CHECK_INT(eddy_queue_get(&second, &item), 0);
    CHECK_INT(item, 2);
    return empty_both();
}

struct taker {
    double seconds;
    eddy_queue *queue;
};

static int taker(struct taker *a)
{
    int item = 0, r = eddy_sleep(a->seconds);
    if (r == 0)
        r = eddy_queue_get(a->queue, &item);
    note("took %d", item);
    return r;
}

TEST(a_put_that_waited_is_taken_over_by_the_get_that_made_room)
{
    OPEN_BOTH(1);
    int one = 1, two = 2, three = 3, item = 0;
    CHECK_INT(eddy_queue_put(&first, &one), 0);
    CHECK_INT(eddy_queue_put(&second, &one), 0);
    CHECK_INT(eddy_detach(eddy_create_task(taker, .seconds = 1, .queue = &second)), 0);
    CHECK_INT(eddy_select(9, eddy_case_put(&first, &two), eddy_case_put(&second, &three)), 1);
    CHECK_TIME(1);
    CHECK_NOTES("took 1");
    CHECK_INT(eddy_queue_get(&second, &item), 0);
    CHECK_INT(item, 3);
    CHECK_INT(eddy_queue_get(&first, &item), 0);
    CHECK_INT(item, 1);
    return empty_both();
}

TEST(a_timeout_is_ETIMEDOUT_and_undoes_all)
{
    OPEN_BOTH(1);
    int item = 0, other = 0;
    CHECK_INT(
        eddy_select(2, eddy_case_get(&first, &item), eddy_case_event(&event), eddy_case_after(3)),
        -ETIMEDOUT);
    CHECK_TIME(2);
    CHECK_INT(eddy_select(0, eddy_case_get(&first, &item)), -ETIMEDOUT);
    CHECK_TIME(2);
    int five = 5;
    CHECK_INT(eddy_queue_put(&first, &five), 0);
    CHECK_INT(eddy_queue_get(&first, &other), 0);
    CHECK(item == 0 && other == 5);
    return empty_both();
}

TEST(timers_are_cases_too)
{
    CHECK_INT(eddy_select(EDDY_FOREVER, eddy_case_after(3), eddy_case_after(2), eddy_case_at(9)),
              1);
    CHECK_TIME(2);
    CHECK_INT(eddy_select(EDDY_FOREVER, eddy_case_after(EDDY_FOREVER), eddy_case_at(5)), 1);
    CHECK_TIME(5);
    CHECK_INT(eddy_select(EDDY_FOREVER, eddy_case_after(1), eddy_case_at(4)), 1);
    CHECK_TIME(5);
    CHECK_INT(eddy_sleep(10), 0);
    return 0;
}

TEST(the_end_of_a_task)
{
    eddy_task *slow = eddy_create_task(nap, .seconds = 5, .name = "slow");
    eddy_task *quick = eddy_create_task(nap, .seconds = 1, .name = "quick", .result = -EIO);
    CHECK_INT(eddy_select(9, eddy_case_task(slow), eddy_case_task(quick)), 1);
    CHECK_TIME(1);
    CHECK_INT(eddy_select(9, eddy_case_task(slow), eddy_case_task(quick)), 1);
    CHECK_INT(eddy_task_result(quick), -EIO);
    CHECK_INT(eddy_select(9, eddy_case_task(slow), eddy_case_task(slow)), 0); /* twice the same */
    CHECK_TIME(5);
    CHECK_NOTES("quick slow");
    return eddy_task_release(slow) + eddy_task_release(quick);
}

TEST(the_same_event_twice)
{
    event = (eddy_event)EDDY_EVENT_INIT;
    LATER(.seconds = 1, .set = true);
    CHECK_INT(eddy_select(9, eddy_case_event(&event), eddy_case_event(&event)), 0);
    CHECK_TIME(1);
    return 0;
}

struct selecting {
    int *item;
};

static int selecting(struct selecting *a)
{
    int r = eddy_select(9, eddy_case_get(&first, a->item), eddy_case_event(&event));
    note("%d", r);
    return r;
}

TEST(a_cancel_undoes_all_and_nothing_has_happened)
{
    OPEN_BOTH(1);
    int item = 0, one = 1;
    eddy_task *task = eddy_create_task(selecting, .item = &item);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_queue_put(&first, &one), 0); /* before it runs: it is out already */
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_INT(item, 0);
    CHECK_INT(eddy_queue_get(&first, &item), 0);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_NOTES("-125");
    return empty_both();
}

TEST(a_case_that_was_served_beats_a_cancel)
{
    OPEN_BOTH(1);
    int item = 0, one = 1;
    eddy_task *task = eddy_create_task(selecting, .item = &item);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_queue_put(&first, &one), 0);
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), 0);
    CHECK_INT(item, 1);
    CHECK_NOTES("0");
    CHECK_INT(eddy_task_release(task), 0);
    return empty_both();
}

ORDERED_TEST(selectors_and_getters_are_served_in_the_order_in_which_they_came)
{
    OPEN_BOTH(4);
    int item = 0, one = 1, two = 2, three = 3;
    CHECK_INT(eddy_detach(eddy_create_task(taker, .queue = &first)), 0);
    turns(3);
    eddy_task *task = eddy_create_task(selecting, .item = &item);
    turns(1);
    CHECK_INT(eddy_detach(eddy_create_task(taker, .queue = &first)), 0);
    turns(3);
    CHECK_INT(eddy_queue_put(&first, &one) + eddy_queue_put(&first, &two) +
                  eddy_queue_put(&first, &three),
              0);
    CHECK_INT(eddy_await(task), 0);
    CHECK_INT(item, 2);
    turns(1);
    CHECK_NOTES("took 1 0 took 3");
    CHECK_INT(eddy_task_release(task), 0);
    return empty_both();
}

TEST(a_queue_that_is_shut_down_makes_it_fail)
{
    OPEN_BOTH(1);
    int item = 0, one = 1;
    LATER(.seconds = 1, .shut = true);
    CHECK_INT(eddy_select(9, eddy_case_event(&event), eddy_case_get(&first, &item)), -EPIPE);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "case 1 (queue get)");
    CHECK_TIME(1);
    CHECK_INT(eddy_select(9, eddy_case_event(&event), eddy_case_put(&first, &one)), -EPIPE);
    eddy_event_set(&event); /* nothing is left of it */
    eddy_failure_clear();
    return empty_both();
}

TEST(bad_cases)
{
    OPEN_BOTH(1);
    int item = 0;
    long wide = 0;
    eddy_task *gone = eddy_create_task(nap, .seconds = 0);
    CHECK_INT(eddy_await(gone) + eddy_task_release(gone), 0);
    CHECK_INT(eddy_select_among(1, NULL, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no cases");
    CHECK_INT(eddy_select(NAN, eddy_case_after(1)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "number");
    CHECK_INT(eddy_select(1, eddy_case_get(&first, &item), eddy_case_after(NAN)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "number");
    CHECK_INT(eddy_select(1, eddy_case_get(&first, &wide)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "8 bytes");
    CHECK_INT(eddy_select(1, eddy_case_event(NULL)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "NULL event");
    CHECK_INT(eddy_select(1, eddy_case_task(gone)), -ESRCH);
    CHECK_REPORT(EDDY_LOG_MISUSE, "released");
    CHECK_INT(eddy_select(1, eddy_case_task(eddy_current_task())), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "itself");
    eddy_case unknown = {.kind = (enum eddy_case_kind_)99};
    CHECK_INT(eddy_select_among(1, &unknown, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "unknown");
    CHECK_INT(eddy_select(1, eddy_case_get(&first, &item), eddy_case_event(&event),
                          eddy_case_readable(-1)),
              -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "descriptor -1");
    CHECK_INT(eddy_queue_put(&first, &item), 0); /* the cases before the bad one are undone */
    CHECK_INT(eddy_queue_get(&first, &item), 0);
    eddy_event_set(&event);
    return empty_both();
}

/* ---- descriptors ---- */

static int late_read(int *pair)
{
    char byte;
    return (int)read(pair[1], &byte, 1);
}

REAL_TEST(descriptors_are_cases_and_nothing_is_read)
{
    int pair[2], other[2], item = 0;
    OPEN_BOTH(1);
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, other), 0);
    CHECK_INT(eddy_select(1, eddy_case_readable(pair[1]), eddy_case_get(&first, &item)),
              -ETIMEDOUT);
    CHECK_INT(write(pair[0], "x", 1), 1);
    CHECK_INT(eddy_select(1, eddy_case_readable(other[1]), eddy_case_readable(pair[1])), 1);
    CHECK_INT(late_read(pair), 1);
    CHECK_INT(eddy_select(1, eddy_case_readable(pair[1]), eddy_case_writable(pair[1])), 1);
    CHECK_INT(eddy_select(1, eddy_case_readable(pair[1]), eddy_case_readable(pair[1])), -EBUSY);
    CHECK_INT(eddy_wait_for(eddy_wait_readable(pair[1]), 0.1), -ETIMEDOUT); /* it is free again */
    LATER(.to_first = 1);
    CHECK_INT(eddy_select(1, eddy_case_readable(pair[1]), eddy_case_get(&first, &item)), 1);
    CHECK_INT(eddy_wait_writable(pair[1]), 0);
    for (int i = 0; i < 2; i++)
        CHECK_INT(close(pair[i]) + close(other[i]), 0);
    eddy_failure_clear();
    return empty_both();
}

REAL_TEST(a_file_can_not_be_waited_for)
{
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    event = (eddy_event)EDDY_EVENT_INIT;
    CHECK_INT(eddy_select(1, eddy_case_event(&event), eddy_case_readable(file)), -EPERM);
    CHECK_INT(close(file), 0);
    eddy_event_set(&event);
    eddy_failure_clear();
    return 0;
}

/* ---- many of everything ---- */

enum { WORKERS = 8, ITEMS = 400 };

static int sums[2];

static int worker(void)
{
    for (;;) {
        int a = 0, b = 0;
        int r = eddy_select(0.25, eddy_case_get(&first, &a), eddy_case_get(&second, &b),
                            eddy_case_event(&event));
        if (r == 2)
            return 0;
        if (r < 0 && r != -ETIMEDOUT)
            return r;
        sums[0] += a;
        sums[1] += b;
    }
}

struct producer {
    eddy_queue *queue;
    double pause;
};

static int producer(struct producer *a)
{
    for (int i = 1; i <= ITEMS; i++) {
        int r = i % 7 ? 0 : eddy_sleep(i % 3 ? 0 : a->pause);
        if (r == 0)
            r = eddy_queue_put(a->queue, &i);
        if (r < 0)
            return r;
    }
    return 0;
}

TEST(no_item_is_lost_or_doubled_among_many_selectors)
{
    OPEN_BOTH(2);
    sums[0] = sums[1] = 0;
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < WORKERS; i++)
            eddy_spawn(g, worker);
        int inner;
        eddy_with_group (producers, &inner) {
            eddy_spawn(producers, producer, .queue = &first, .pause = 0.25);
            eddy_spawn(producers, producer, .queue = &second, .pause = 0.1);
        }
        CHECK_INT(inner, 0);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_event_set(&event);
    }
    CHECK_INT(err, 0);
    CHECK_INT(sums[0], ITEMS * (ITEMS + 1) / 2);
    CHECK_INT(sums[1], ITEMS * (ITEMS + 1) / 2);
    return empty_both();
}
