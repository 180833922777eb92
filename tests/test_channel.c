/* SPDX-License-Identifier: MIT */
/* Channels: within one loop, between loops, with threads; nothing lost by a cancel. */
#include <eddy/fault.h>
#include <eddy/sweep.h>
#include <pthread.h>
#include <stdatomic.h>
#include "support/test.h"

/* ---- in one loop ---- */

struct produce {
    eddy_channel *channel;
    int from, count;
};
static int produce(struct produce *a)
{
    for (int i = 0; i < a->count; i++) {
        int item = a->from + i;
        int r = eddy_channel_put(a->channel, &item);
        if (r < 0) {
            (void)eddy_channel_shutdown(a->channel); /* who waits for more needn't */
            return r;
        }
        note("+%d", item);
    }
    return 0;
}

ORDERED_TEST(items_come_out_in_order_and_a_full_channel_holds_back)
{
    eddy_channel *channel = eddy_channel_new(sizeof(int), 2);
    int err, item = 0;
    eddy_with_group (group, &err) {
        eddy_spawn(group, produce, .channel = channel, .from = 1, .count = 4);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_NOTES("+1 +2");
        CHECK_INT(eddy_channel_size(channel), 2);
        for (int i = 1; i <= 4; i++) {
            CHECK_INT(eddy_channel_get(channel, &item), 0);
            CHECK_INT(item, i);
        }
        CHECK_INT(eddy_channel_get_nowait(channel, &item), -EAGAIN);
    }
    CHECK_INT(err, 0);
    eddy_channel_release(channel);
    return 0;
}

struct consume {
    eddy_channel *channel;
    const char *name;
};
static int consume(struct consume *a)
{
    int item, r;
    while ((r = eddy_channel_get(a->channel, &item)) == 0)
        note("%s%d", a->name, item);
    note("%s:%s", a->name, eddy_error_name(r));
    return r == -EPIPE ? 0 : r;
}

ORDERED_TEST(waiting_getters_are_served_in_order_and_let_go_by_shutdown)
{
    eddy_channel *channel = eddy_channel_new(sizeof(int), 4);
    int err;
    eddy_with_group (group, &err) {
        eddy_spawn(group, consume, .channel = channel, .name = "a");
        eddy_spawn(group, consume, .channel = channel, .name = "b");
        CHECK_INT(eddy_sleep(1), 0);
        for (int i = 1; i <= 3; i++)
            CHECK_INT(eddy_channel_put(channel, &i), 0); /* the third is for who comes first */
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_NOTES("a1 a3 b2");
        CHECK_INT(eddy_channel_shutdown(channel), 0);
        CHECK_INT(eddy_channel_put(channel, &err), -EPIPE);
    }
    CHECK_NOTES("a:EPIPE b:EPIPE");
    eddy_channel_release(channel);
    return err;
}

TEST(what_is_left_can_be_taken_after_shutdown)
{
    eddy_channel *channel = eddy_channel_new(sizeof(int), 2);
    int item = 7;
    CHECK_INT(eddy_channel_put(channel, &item), 0);
    CHECK_INT(eddy_channel_shutdown(channel), 0);
    item = 0;
    CHECK_INT(eddy_channel_get(channel, &item), 0);
    CHECK_INT(item, 7);
    CHECK_INT(eddy_channel_get(channel, &item), -EPIPE);
    eddy_channel_release(channel);
    return 0;
}

TEST(arguments_are_checked)
{
    int item = 0;
    long other = 0;
    CHECK(!eddy_channel_new(0, 1));
    CHECK_REPORT(EDDY_LOG_MISUSE, "items of 0 bytes");
    CHECK(!eddy_channel_new(1, 0));
    CHECK_REPORT(EDDY_LOG_MISUSE, "a limit of 0");
    CHECK(!eddy_channel_new(SIZE_MAX / 2, 3));
    CHECK_INT(eddy_failure_code(eddy_last_failure()), -EOVERFLOW);
    eddy_channel *channel = eddy_channel_new(sizeof item, 2);
    CHECK_INT(eddy_channel_put(channel, &other), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "an item of 8 bytes for a channel of items of 4 bytes");
    CHECK_INT(eddy_channel_get(NULL, &item), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the channel is NULL");
    CHECK_INT(eddy_channel_put_(channel, NULL, sizeof item), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the item is NULL");
    CHECK_INT(eddy_channel_shutdown(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the channel is NULL");
    CHECK_INT(eddy_channel_size(NULL), 0);
    eddy_channel_release(NULL);
    eddy_channel_release(channel);
    return 0;
}

static void waits_in_a_callback(void *argument)
{
    int item;
    EXPECT_INT(eddy_channel_get(argument, &item), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_channel_get");
}

TEST(a_callback_can_not_wait)
{
    eddy_channel *channel = eddy_channel_new(sizeof(int), 2);
    CHECK(eddy_call_soon(waits_in_a_callback, channel));
    CHECK_INT(eddy_sleep(1), 0);
    eddy_channel_release(channel);
    return 0;
}

/* ---- who never has to wait ---- */

enum { PLENTY = 1000 };

static eddy_channel *filled_channel(void)
{
    eddy_channel *channel = eddy_channel_new(sizeof(int), PLENTY);
    for (int i = 0; i < PLENTY; i++)
        EXPECT_INT(eddy_channel_put_nowait(channel, &i), 0);
    return channel;
}

struct look_at {
    eddy_channel *channel;
    size_t *seen;
};
static int look_at(struct look_at *a)
{
    *a->seen = eddy_channel_size(a->channel);
    return 0;
}

ORDERED_TEST(who_finds_items_at_hand_lets_others_run_once_in_a_while)
{
    eddy_channel *channel = filled_channel();
    size_t seen = 0;
    int err, item;
    eddy_with_group (group, &err) {
        eddy_spawn(group, look_at, .channel = channel, .seen = &seen);
        for (int i = 0; i < PLENTY; i++)
            CHECK_INT(eddy_channel_get(channel, &item), 0);
    }
    CHECK_INT(err, 0);
    CHECK(seen >= PLENTY - 100);
    eddy_channel_release(channel);
    return 0;
}

TEST(who_finds_items_at_hand_can_be_cancelled_and_loses_none)
{
    eddy_channel *channel = filled_channel();
    int err, r = 0, got = 0, item = 0;
    eddy_with_timeout (0, &err) {
        CHECK_INT(eddy_sleep(1), -ECANCELED);
        while (got < PLENTY && (r = eddy_channel_get(channel, &item)) == 0)
            CHECK_INT(item, got++);
        CHECK_INT(r, -ECANCELED);
        CHECK(got > 100);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_channel_size(channel), PLENTY - got);
    CHECK_INT(eddy_channel_get(channel, &item), 0);
    CHECK_INT(item, got);
    eddy_channel_release(channel);
    return 0;
}

/* ---- cancels ---- */

static int put_total, got_total;
static bool balanced;

struct flow {
    eddy_channel *channel;
};
static int puts_ten(struct flow *a)
{
    int r = 0;
    for (int i = 0; i < 10 && r == 0; i++)
        if ((r = eddy_channel_put(a->channel, &(int){1})) == 0)
            put_total++;
    (void)eddy_channel_shutdown(a->channel); /* cancelled or not: the other one isn't to wait */
    return r == -EPIPE ? 0 : r;
}

static int gets_all(struct flow *a)
{
    int item, r;
    while ((r = eddy_channel_get(a->channel, &item)) == 0)
        got_total += item;
    (void)eddy_channel_shutdown(a->channel);
    return r == -EPIPE ? 0 : r;
}

/* Whoever is cancelled: what was put was got, or is still in there. */
static int flows(void)
{
    int err;
    put_total = got_total = 0;
    balanced = true;
    eddy_channel *channel = eddy_channel_new(sizeof(int), 3);
    if (!channel)
        return -ENOMEM;
    eddy_with_group (group, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn_as(group, puts_ten, struct flow, .channel = channel);
        eddy_spawn_as(group, gets_all, struct flow, .channel = channel);
    }
    balanced = put_total - got_total == (int)eddy_channel_size(channel);
    eddy_channel_release(channel);
    return err;
}

static int nothing_lost(void)
{
    return balanced ? 0 : -EBADE;
}

PLAIN_TEST(swept_no_item_is_lost_or_doubled)
{
    EXPECT_INT(eddy_sweep_cancel(flows, .check = nothing_lost), 0);
    EXPECT_INT(eddy_fault_memory(flows), 0);
}

/* ---- between loops and threads ---- */

enum { MANY = TEST_FEW_TASKS ? 2000 : 20000, SIDES = 3 };

struct traffic {
    eddy_channel *channel;
    atomic_long put, got, cancelled;
};

static struct traffic traffic;

static int puts_many(void)
{
    for (int i = 0; i < MANY; i++) {
        long item = 1;
        int r = eddy_channel_put(traffic.channel, &item);
        if (r < 0)
            return r;
        atomic_fetch_add(&traffic.put, 1);
    }
    return 0;
}

static int gets_until_the_end(void)
{
    long item;
    int r;
    while ((r = eddy_channel_get(traffic.channel, &item)) == 0)
        atomic_fetch_add(&traffic.got, item);
    return r == -EPIPE ? 0 : r;
}

/* The same, cut short over and over: a cancel meets a hand-over from another thread. */
static int gets_with_cancels(void)
{
    for (;;) {
        long item = 0;
        int r = eddy_wait_for(eddy_channel_get(traffic.channel, &item), 0.00005);
        if (r == 0)
            atomic_fetch_add(&traffic.got, item);
        else if (r == -ETIMEDOUT)
            atomic_fetch_add(&traffic.cancelled, 1);
        else
            return r == -EPIPE ? 0 : r;
    }
}

struct side {
    pthread_t thread;
    int (*function)(void);
    bool loop;
    int result;
};

struct run_side {
    const struct side *side;
};
static int run_side(struct run_side *a)
{
    return a->side->function();
}

static void *side_main(void *argument)
{
    static const struct eddy_options options = {.quiet = true};
    struct side *side = argument;
    side->result = side->loop ? eddy_run_with(&options, run_side, .side = side) : side->function();
    return NULL;
}

static void run_traffic(int (*get)(void), bool put_loops, bool get_loops, size_t limit)
{
    struct side putters[SIDES], getters[SIDES];
    traffic.channel = eddy_channel_new(sizeof(long), limit);
    traffic.put = traffic.got = 0;
    for (int i = 0; i < SIDES; i++) {
        getters[i] = (struct side){.function = get, .loop = get_loops};
        putters[i] = (struct side){.function = puts_many, .loop = put_loops};
        EXPECT_INT(pthread_create(&getters[i].thread, NULL, side_main, &getters[i]), 0);
        EXPECT_INT(pthread_create(&putters[i].thread, NULL, side_main, &putters[i]), 0);
    }
    for (int i = 0; i < SIDES; i++) {
        EXPECT_INT(pthread_join(putters[i].thread, NULL), 0);
        EXPECT_INT(putters[i].result, 0);
    }
    EXPECT_INT(eddy_channel_shutdown(traffic.channel), 0);
    for (int i = 0; i < SIDES; i++) {
        EXPECT_INT(pthread_join(getters[i].thread, NULL), 0);
        EXPECT_INT(getters[i].result, 0);
    }
    EXPECT_INT(traffic.put, (long)MANY * SIDES);
    EXPECT_INT(traffic.got, traffic.put);
    eddy_channel_release(traffic.channel);
}

REAL_PLAIN_TEST(three_loops_put_and_three_get)
{
    run_traffic(gets_until_the_end, true, true, 64);
}

REAL_PLAIN_TEST(threads_put_and_loops_get_through_one_place)
{
    run_traffic(gets_until_the_end, false, true, 1);
}

REAL_PLAIN_TEST(loops_put_and_threads_get)
{
    run_traffic(gets_until_the_end, true, false, 8);
}

REAL_PLAIN_TEST(cancels_that_meet_a_hand_over_lose_nothing)
{
    run_traffic(gets_with_cancels, true, true, 2);
}
