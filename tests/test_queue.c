/* SPDX-License-Identifier: MIT */
/* Queue: FIFO, bounded, and no item lost or doubled whoever is cancelled. */
#include "support/queue_storm.h"

struct putter {
    eddy_queue *queue;
    int item;
};
static int putter(struct putter *a)
{
    int r = eddy_queue_put(a->queue, &a->item);
    note("%s%d", r < 0 ? "!put" : "put", a->item);
    return r;
}

/* Not for ever: who puts may be cancelled on purpose. */
static int get(eddy_queue *queue, int *item)
{
    return eddy_wait_for(eddy_queue_get(queue, item), 9);
}

struct getter {
    eddy_queue *queue;
    int *into;
};
static int getter(struct getter *a)
{
    int item = -1, r = eddy_queue_get(a->queue, &item);
    if (r < 0)
        note("!get");
    else
        note("get%d", item);
    if (a->into)
        *a->into = item;
    return r;
}

TEST(rule_166_first_in_first_out_also_when_the_ring_grows_and_wraps)
{
    eddy_queue queue;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), EDDY_UNBOUNDED), 0);
    int in = 0, out = 0, item;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < round % 37 + 3; i++, in++)
            CHECK_INT(eddy_queue_put(&queue, &in), 0);
        for (int i = 0; i < round % 31 + 1 && out < in; i++, out++) {
            CHECK_INT(eddy_queue_get(&queue, &item), 0);
            CHECK_INT(item, out);
        }
        CHECK_INT(eddy_queue_size(&queue), in - out);
    }
    CHECK(!eddy_queue_full(&queue));
    for (; out < in; out++) {
        CHECK_INT(eddy_queue_get_nowait(&queue, &item), 0);
        CHECK_INT(item, out);
    }
    CHECK(eddy_queue_empty(&queue));
    eddy_queue_close(&queue);
    return 0;
}

ORDERED_TEST(rule_167_put_waits_when_full_and_get_when_empty)
{
    eddy_queue queue;
    int err, item = 1;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 2), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, getter, .queue = &queue);
        turns(1);
        EXPECT_NOTES("");
        EXPECT_INT(eddy_queue_put(&queue, &item), 0); /* to the getter at once */
        EXPECT(eddy_queue_empty(&queue));
        turns(1);
        EXPECT_NOTES("get1");
        for (int i = 2; i < 6; i++)
            eddy_spawn(g, putter, .queue = &queue, .item = i);
        turns(1);
        EXPECT_NOTES("put2 put3");
        EXPECT(eddy_queue_full(&queue));
        EXPECT_INT(get(&queue, &item), 0);
        EXPECT_INT(item, 2);
        EXPECT_INT(eddy_queue_size(&queue), 2); /* 4 is in although its putter hasn't run */
        turns(1);
        EXPECT_NOTES("put4");
        for (int i = 3; i < 6; i++) {
            EXPECT_INT(get(&queue, &item), 0);
            EXPECT_INT(item, i);
        }
    }
    CHECK_NOTES("put5");
    CHECK(eddy_queue_empty(&queue) && !eddy_queue_full(&queue));
    eddy_queue_close(&queue);
    return err;
}

TEST(rule_167_the_nowait_forms_give_EAGAIN)
{
    eddy_queue queue;
    int item = 4;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    CHECK_INT(eddy_queue_get_nowait(&queue, &item), -EAGAIN);
    CHECK_INT(item, 4); /* untouched */
    CHECK_INT(eddy_queue_put_nowait(&queue, &item), 0);
    CHECK_INT(eddy_queue_put_nowait(&queue, &item), -EAGAIN);
    CHECK_INT(eddy_queue_get_nowait(&queue, &item), 0);
    CHECK_INT(eddy_queue_size(&queue), 0);
    eddy_queue_close(&queue);
    return 0;
}

TEST(rule_168_a_limit_must_be_given)
{
    eddy_queue queue;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_open");
    CHECK_INT(eddy_queue_open(&queue, 0, 3), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_open");
    CHECK_INT(eddy_queue_open(NULL, 1, 3), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_open");
    CHECK_INT(eddy_queue_open(&queue, SIZE_MAX / 2, 3), -EOVERFLOW);
    CHECK_INT(eddy_queue_open(&queue, 3, SIZE_MAX / 2), -EOVERFLOW);
    CHECK_INT(eddy_queue_open(&queue, 1000, (size_t)1 << 40), 0); /* costs nothing until used */
    eddy_queue_close(&queue);
    return 0;
}

ORDERED_TEST(rule_169_a_getter_cancelled_after_it_was_served_keeps_its_item)
{
    eddy_queue queue;
    int err, got[2] = {0, 0}, item = 7;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, getter, .queue = &queue, .into = &got[0]);
        eddy_spawn(g, getter, .queue = &queue, .into = &got[1]);
        turns(1);
        EXPECT_INT(eddy_queue_put(&queue, &item), 0);
        EXPECT(eddy_task_cancel(a));
        turns(1);
        EXPECT_NOTES("get7");
        item = 8;
        EXPECT_INT(eddy_queue_put(&queue, &item), 0);
    }
    CHECK_INT(err, 0);
    CHECK(got[0] == 7 && got[1] == 8);
    eddy_queue_close(&queue);
    return 0;
}

TEST(rule_169_many_getters_cancelled_before_the_put_lose_nothing)
{
    eddy_queue queue;
    int err, item = 5;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    eddy_with_group (g, &err) {
        eddy_task *getters[20];
        for (int i = 0; i < 20; i++)
            getters[i] = eddy_spawn(g, getter, .queue = &queue);
        turns(1);
        for (int i = 0; i < 20; i++)
            EXPECT(eddy_task_cancel(getters[i]));
        EXPECT_INT(eddy_queue_put(&queue, &item), 0);
    }
    CHECK_INT(err, 0);
    CHECK_INT(eddy_queue_size(&queue), 1); /* it stays */
    CHECK_INT(eddy_queue_get(&queue, &item), 0);
    CHECK_INT(item, 5);
    eddy_queue_close(&queue);
    return 0;
}

ORDERED_TEST(rule_170_a_putter_cancelled_before_its_turn_does_not_put_and_one_served_has_put)
{
    eddy_queue queue;
    int err, item = 1;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    CHECK_INT(eddy_queue_put(&queue, &item), 0);
    eddy_with_group (g, &err) {
        eddy_task *two = eddy_spawn(g, putter, .queue = &queue, .item = 2);
        eddy_task *three = eddy_spawn(g, putter, .queue = &queue, .item = 3);
        eddy_spawn(g, putter, .queue = &queue, .item = 4);
        turns(1);
        EXPECT(eddy_task_cancel(two)); /* still waiting */
        EXPECT_INT(get(&queue, &item), 0);
        EXPECT_INT(item, 1);
        EXPECT(eddy_task_cancel(three)); /* its item is in already */
        turns(1);
        EXPECT_NOTES("!put2 put3");
        EXPECT_INT(get(&queue, &item), 0);
        EXPECT_INT(item, 3);
        EXPECT_INT(get(&queue, &item), 0);
        EXPECT_INT(item, 4);
    }
    CHECK_INT(err, 0);
    CHECK(eddy_queue_empty(&queue));
    eddy_queue_close(&queue);
    return 0;
}

TEST(rule_171_cancelled_waiters_leave_no_trace)
{
    eddy_queue queue;
    int item = 1;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    for (int i = 0; i < 100; i++)
        CHECK_INT(eddy_wait_for(eddy_queue_get(&queue, &item), 0.01), -ETIMEDOUT);
    CHECK_INT(eddy_queue_put(&queue, &item), 0); /* would go to a ghost */
    CHECK_INT(eddy_queue_size(&queue), 1);
    for (int i = 0; i < 100; i++)
        CHECK_INT(eddy_wait_for(eddy_queue_put(&queue, &item), 0.01), -ETIMEDOUT);
    CHECK_INT(eddy_queue_get(&queue, &item), 0);
    CHECK_INT(eddy_queue_size(&queue), 0);
    eddy_queue_close(&queue);
    return 0;
}

TEST(a_cancelled_scope_still_moves_items_at_hand)
{
    eddy_queue queue;
    int err, item = 3;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    eddy_with_timeout (0, &err) {
        EXPECT_INT(eddy_queue_put(&queue, &item), 0);
        EXPECT_INT(eddy_queue_put(&queue, &item), -ECANCELED);
        EXPECT_INT(eddy_queue_get(&queue, &item), 0);
        EXPECT_INT(eddy_queue_get(&queue, &item), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    eddy_queue_close(&queue);
    return 0;
}

ORDERED_TEST(rule_173_shutdown_fails_puts_and_drains_gets)
{
    eddy_queue queue;
    int err, item = 1;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 2), 0);
    CHECK_INT(eddy_queue_put(&queue, &item), 0);
    CHECK_INT(eddy_queue_put(&queue, &item), 0);
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, putter, .queue = &queue, .item = 3);
        turns(1);
        EXPECT_INT(eddy_queue_shutdown(&queue), 0);
        EXPECT_INT(eddy_queue_shutdown(&queue), 0); /* again is fine */
        turns(1);
        EXPECT_NOTES("!put3");
        EXPECT_INT(eddy_queue_put(&queue, &item), -EPIPE);
        EXPECT_INT(eddy_queue_put_nowait(&queue, &item), -EPIPE);
        EXPECT_INT(eddy_queue_get(&queue, &item), 0);
        EXPECT_INT(eddy_queue_get_nowait(&queue, &item), 0);
        EXPECT_INT(eddy_queue_get(&queue, &item), -EPIPE);
        EXPECT_INT(eddy_queue_get_nowait(&queue, &item), -EPIPE);
    }
    CHECK_INT(err, -EPIPE);
    eddy_queue_close(&queue);
    return 0;
}

TEST(rule_173_shutdown_wakes_waiting_getters)
{
    eddy_queue queue;
    int err;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 2), 0);
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, getter, .queue = &queue);
        eddy_spawn(g, getter, .queue = &queue);
        turns(1);
        EXPECT_INT(eddy_queue_shutdown(&queue), 0);
    }
    CHECK_INT(err, -EPIPE);
    CHECK_NOTES("!get !get");
    eddy_queue_close(&queue);
    return 0;
}

TEST(close_wakes_waiters_and_a_closed_queue_refuses)
{
    eddy_queue *queue = malloc(sizeof *queue);
    int err, item = 1;
    CHECK_INT(eddy_queue_open(queue, sizeof(int), 1), 0);
    CHECK_INT(eddy_queue_put(queue, &item), 0);
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, putter, .queue = queue, .item = 2);
        turns(1);
        eddy_queue_close(queue);
        EXPECT_INT(eddy_queue_put(queue, &item), -EPIPE);
        EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_queue_put");
        EXPECT_INT(eddy_queue_get(queue, &item), -EPIPE);
        EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_queue_get");
        EXPECT_INT(eddy_queue_size(queue), 0);
        eddy_queue_close(queue); /* twice is fine */
        eddy_queue_close(NULL);
        free(queue); /* the waiter has been woken: it doesn't look again */
    }
    CHECK_INT(err, -EPIPE);
    CHECK_NOTES("!put2");
    return 0;
}

TEST(an_item_of_the_wrong_size_is_refused_naming_both_sizes)
{
    eddy_queue queue;
    char small = 1;
    CHECK_INT(eddy_queue_open(&queue, 8, 1), 0);
    CHECK_INT(eddy_queue_put(&queue, &small), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "1 bytes");
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "8 bytes");
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_put");
    CHECK_INT(eddy_queue_get(&queue, &small), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_get");
    CHECK_INT(eddy_queue_put_nowait(&queue, &small), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_put_nowait");
    CHECK_INT(eddy_queue_get_nowait(&queue, &small), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_get_nowait");
    CHECK_INT(eddy_queue_size(&queue), 0);
    eddy_queue_close(&queue);
    return 0;
}

struct chunk {
    char bytes[300];
    int number;
};

TEST(large_items_are_copied_in_and_out)
{
    eddy_queue queue;
    struct chunk chunk = {.number = 0};
    CHECK_INT(eddy_queue_open(&queue, sizeof chunk, 40), 0);
    for (int i = 0; i < 40; i++) {
        chunk.number = i;
        memset(chunk.bytes, i, sizeof chunk.bytes);
        CHECK_INT(eddy_queue_put(&queue, &chunk), 0);
    }
    for (int i = 0; i < 40; i++) {
        CHECK_INT(eddy_queue_get(&queue, &chunk), 0);
        CHECK(chunk.number == i && chunk.bytes[0] == i && chunk.bytes[299] == i);
    }
    eddy_queue_close(&queue);
    return 0;
}

struct crowd {
    eddy_queue *queue;
    int first, count;
    long *sum;
};
static int producer(struct crowd *a)
{
    for (int i = 0; i < a->count; i++) {
        int item = a->first + i;
        int r = eddy_queue_put(a->queue, &item);
        if (r < 0)
            return r;
    }
    return 0;
}

static int consumer(struct crowd *a)
{
    for (int i = 0; i < a->count; i++) {
        int item, r = eddy_queue_get(a->queue, &item);
        if (r < 0)
            return r;
        *a->sum += item;
    }
    return 0;
}

HEAVY_TEST(rule_175_no_lost_wake_ups_between_many_producers_and_consumers)
{
    for (size_t limit = 1; limit <= 2; limit++) {
        eddy_queue queue;
        long sum = 0;
        int err;
        CHECK_INT(eddy_queue_open(&queue, sizeof(int), limit), 0);
        eddy_with_group (g, &err) {
            for (int i = 0; i < 20; i++) {
                eddy_spawn_as(g, consumer, struct crowd, .queue = &queue, .count = 50, .sum = &sum);
                eddy_spawn_as(g, producer, struct crowd, .queue = &queue, .first = i * 50,
                              .count = 50);
            }
        }
        CHECK_INT(err, 0);
        CHECK_INT(sum, 999L * 1000 / 2);
        CHECK(eddy_queue_empty(&queue));
        eddy_queue_close(&queue);
    }
    return 0;
}

HEAVY_TEST(a_storm_of_cancels_loses_and_doubles_no_item)
{
    eddy_queue queue;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 2), 0);
    return storm(&queue, 100);
}
