/* SPDX-License-Identifier: MIT */
/* Queue: task_done, join and shutdown, for all three orders of items. */
#include "support/test.h"

struct joiner {
    eddy_queue *queue;
    const char *name;
};

static int joiner(struct joiner *a)
{
    int r = eddy_queue_join(a->queue);
    note("%s%s", r < 0 ? "!" : "", a->name);
    return r;
}

static int getter(struct joiner *a)
{
    int item = 0, r = eddy_queue_get(a->queue, &item);
    note(r < 0 ? "!get" : "get%d", item);
    return r;
}

static int putter(struct joiner *a)
{
    int item = 9, r = eddy_queue_put(a->queue, &item);
    note(r < 0 ? "!put" : "put");
    return r;
}

static int put(eddy_queue *queue, int count)
{
    for (int i = 0; i < count; i++) {
        int r = eddy_queue_put_nowait(queue, &i);
        if (r < 0)
            return r;
    }
    return 0;
}

TEST(rule_172_join_returns_at_once_when_nothing_is_unfinished)
{
    eddy_queue queue;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 5), 0);
    eddy_task *other = eddy_create_task(nap, .name = "other");
    CHECK_INT(eddy_queue_join(&queue), 0);
    CHECK_NOTES(""); /* no trip through the loop */
    CHECK_INT(eddy_await(other), 0);
    eddy_queue_close(&queue);
    return eddy_task_release(other);
}

FIFO_TEST(rule_172_join_waits_for_task_done_of_every_item)
{
    eddy_queue queue;
    int err, item;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 5), 0);
    CHECK_INT(put(&queue, 2), 0);
    CHECK_INT(eddy_queue_unfinished(&queue), 2);
    eddy_with_group (g, &err) {
        eddy_spawn(g, joiner, .queue = &queue, .name = "a");
        eddy_spawn(g, joiner, .queue = &queue, .name = "b");
        EXPECT_INT(eddy_queue_get(&queue, &item), 0);
        EXPECT_INT(eddy_queue_get(&queue, &item), 0);
        turns(1);
        EXPECT_NOTES(""); /* taken is not done */
        EXPECT_INT(eddy_queue_task_done(&queue), 0);
        turns(1);
        EXPECT_NOTES("");
        EXPECT_INT(eddy_queue_task_done(&queue), 0);
        EXPECT_INT(put(&queue, 1), 0); /* too late to hold them */
        turns(1);
        EXPECT_NOTES("a b");
    }
    CHECK_INT(eddy_queue_unfinished(&queue), 1);
    eddy_queue_close(&queue);
    return err;
}

TEST(rule_172_one_task_done_too_many_is_an_error)
{
    eddy_queue queue;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 5), 0);
    CHECK_INT(eddy_queue_task_done(&queue), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_task_done");
    CHECK_INT(put(&queue, 1), 0);
    CHECK_INT(eddy_queue_task_done(&queue), 0);
    CHECK_INT(eddy_queue_task_done(&queue), -EPERM);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_task_done");
    eddy_queue_close(&queue);
    CHECK_INT(eddy_queue_task_done(&queue), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "isn't open");
    CHECK_INT(eddy_queue_join(&queue), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "isn't open");
    CHECK_INT(eddy_queue_join(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_join");
    return 0;
}

ORDERED_TEST(rule_172_items_handed_over_count_too)
{
    eddy_queue queue;
    int err, item;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, getter, struct joiner, .queue = &queue);
        turns(1);
        EXPECT_INT(put(&queue, 1), 0); /* to the getter */
        EXPECT_INT(eddy_queue_unfinished(&queue), 1);
        EXPECT_INT(put(&queue, 1), 0);
        eddy_task *cancelled = eddy_spawn_as(g, putter, struct joiner, .queue = &queue);
        eddy_spawn_as(g, putter, struct joiner, .queue = &queue);
        turns(1);
        EXPECT_INT(eddy_queue_unfinished(&queue), 2); /* who waits hasn't put yet */
        EXPECT(eddy_task_cancel(cancelled));
        EXPECT_INT(eddy_queue_get(&queue, &item), 0);
        EXPECT_INT(eddy_queue_unfinished(&queue), 3);
    }
    CHECK_NOTES("get0 !put put");
    eddy_queue_close(&queue);
    return err;
}

ORDERED_TEST(a_cancelled_join_stops_waiting_and_one_that_ended_ends)
{
    eddy_queue queue;
    int err;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    CHECK_INT(put(&queue, 1), 0);
    eddy_with_group (g, &err) {
        eddy_task *a = eddy_spawn(g, joiner, .queue = &queue, .name = "a");
        eddy_task *b = eddy_spawn(g, joiner, .queue = &queue, .name = "b");
        turns(1);
        EXPECT(eddy_task_cancel(a));
        EXPECT_INT(eddy_queue_task_done(&queue), 0);
        EXPECT(eddy_task_cancel(b));
    }
    CHECK_NOTES("!a b");
    eddy_queue_close(&queue);
    return err;
}

ORDERED_TEST(close_wakes_those_who_join)
{
    eddy_queue queue;
    int err;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    CHECK_INT(put(&queue, 1), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, joiner, .queue = &queue, .name = "a");
        turns(1);
        eddy_queue_close(&queue);
    }
    CHECK_INT(err, -EPIPE);
    CHECK_NOTES("!a");
    return 0;
}

TEST(rule_173_after_a_shutdown_join_still_needs_task_done)
{
    eddy_queue queue;
    int err, item;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 3), 0);
    CHECK_INT(put(&queue, 2), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, joiner, .queue = &queue, .name = "a");
        EXPECT_INT(eddy_queue_shutdown(&queue), 0);
        EXPECT_INT(eddy_queue_get(&queue, &item), 0);
        EXPECT_INT(eddy_queue_get(&queue, &item), 0);
        EXPECT_INT(eddy_queue_get(&queue, &item), -EPIPE);
        EXPECT_INT(eddy_queue_task_done(&queue), 0);
        turns(2);
        EXPECT_NOTES("");
        EXPECT_INT(eddy_queue_task_done(&queue), 0);
    }
    CHECK_NOTES("a");
    eddy_queue_close(&queue);
    return err;
}

ORDERED_TEST(rule_174_an_immediate_shutdown_drops_items_and_counts_them_as_done)
{
    eddy_queue queue;
    int err, item;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 3), 0);
    CHECK_INT(put(&queue, 3), 0);
    eddy_with_group (g, &err, .policy = EDDY_RUN_ALL) {
        eddy_spawn(g, joiner, .queue = &queue, .name = "a");
        eddy_spawn_as(g, putter, struct joiner, .queue = &queue);
        turns(1);
        EXPECT_INT(eddy_queue_shutdown_immediate(&queue), 0);
        EXPECT_INT(eddy_queue_size(&queue), 0);
        EXPECT_INT(eddy_queue_unfinished(&queue), 0);
        turns(1);
        EXPECT_NOTES("a !put");
        EXPECT_INT(eddy_queue_get(&queue, &item), -EPIPE);
        EXPECT_INT(eddy_queue_put(&queue, &item), -EPIPE);
        EXPECT_INT(eddy_queue_join(&queue), 0);
        EXPECT_INT(eddy_queue_shutdown_immediate(&queue), 0); /* again is fine */
    }
    CHECK_INT(err, -EPIPE);
    eddy_queue_close(&queue);
    CHECK_INT(eddy_queue_shutdown_immediate(&queue), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_queue_shutdown_immediate");
    return 0;
}

TEST(rule_174_items_in_work_still_count)
{
    eddy_queue queue;
    int err, item;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 3), 0);
    CHECK_INT(put(&queue, 3), 0);
    CHECK_INT(eddy_queue_get(&queue, &item), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, joiner, .queue = &queue, .name = "a");
        turns(1);
        EXPECT_INT(eddy_queue_shutdown_immediate(&queue), 0);
        EXPECT_INT(eddy_queue_unfinished(&queue), 1);
        turns(2);
        EXPECT_NOTES("");
        EXPECT_INT(eddy_queue_task_done(&queue), 0);
    }
    CHECK_NOTES("a");
    eddy_queue_close(&queue);
    return err;
}

TEST(rule_174_an_immediate_shutdown_after_items_were_done_too_early_does_not_underflow)
{
    eddy_queue queue;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 3), 0);
    CHECK_INT(put(&queue, 2), 0);
    CHECK_INT(eddy_queue_task_done(&queue), 0); /* before it was taken */
    CHECK_INT(eddy_queue_shutdown_immediate(&queue), 0);
    CHECK_INT(eddy_queue_unfinished(&queue), 0);
    eddy_queue_close(&queue);
    return 0;
}
