/* SPDX-License-Identifier: MIT */
/* Priority and LIFO queue: their order, and that nothing else differs from a queue. */
#include "support/queue_storm.h"

static int by_value(const int *a, const int *b)
{
    return (*a > *b) - (*a < *b);
}

struct job {
    int priority;
    int number;
    char padding[21]; /* an odd size */
};

static int by_priority(const struct job *a, const struct job *b)
{
    return a->priority - b->priority;
}

struct user {
    eddy_queue *queue;
    int item;
};

static int putter(struct user *a)
{
    int r = eddy_queue_put(a->queue, &a->item);
    note("%s%d", r < 0 ? "!put" : "put", a->item);
    return r;
}

static int getter(struct user *a)
{
    int item = -1, r = eddy_queue_get(a->queue, &item);
    note(r < 0 ? "!get" : "get%d", item);
    return r;
}

TEST(rule_166_a_priority_queue_hands_out_the_lowest_first)
{
    eddy_priority_queue queue;
    unsigned random = 1;
    int item, count[256] = {0};
    CHECK_INT(eddy_priority_queue_open(&queue, int, EDDY_UNBOUNDED, by_value), 0);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 200; i++) {
            random = random * 1103515245 + 12345;
            item = (int)(random >> 16 & 255);
            count[item]++;
            CHECK_INT(eddy_queue_put(&queue, &item), 0);
        }
        for (int i = 0; i < 150; i++) {
            int lowest = 0;
            while (!count[lowest])
                lowest++;
            CHECK_INT(eddy_queue_get(&queue, &item), 0);
            CHECK_INT(item, lowest);
            count[lowest]--;
        }
    }
    CHECK_INT(eddy_queue_size(&queue), 1000);
    eddy_queue_close(&queue);
    return 0;
}

TEST(rule_166_of_equal_items_the_first_that_was_put)
{
    eddy_priority_queue queue;
    unsigned random = 9;
    int last[4] = {-1, -1, -1, -1}, lowest = 0;
    CHECK_INT(eddy_priority_queue_open(&queue, struct job, 1000, by_priority), 0);
    for (int i = 0; i < 500; i++) {
        random = random * 1103515245 + 12345;
        struct job job = {.priority = (int)(random >> 16 & 3), .number = i};
        memset(job.padding, i, sizeof job.padding);
        CHECK_INT(eddy_queue_put(&queue, &job), 0);
    }
    for (int i = 0; i < 500; i++) {
        struct job job;
        CHECK_INT(eddy_queue_get(&queue, &job), 0);
        CHECK(job.priority >= lowest);
        lowest = job.priority;
        CHECK(job.number > last[job.priority]);
        last[job.priority] = job.number;
        CHECK(job.padding[0] == (char)job.number && job.padding[20] == (char)job.number);
    }
    eddy_queue_close(&queue);
    return 0;
}

struct wide {
    long double key; /* wants an alignment of 16 */
};

static int by_key(const struct wide *a, const struct wide *b)
{
    EXPECT((uintptr_t)a % _Alignof(struct wide) == 0 && (uintptr_t)b % _Alignof(struct wide) == 0);
    return (a->key > b->key) - (a->key < b->key);
}

TEST(items_keep_their_alignment)
{
    eddy_priority_queue queue;
    CHECK_INT(eddy_priority_queue_open(&queue, struct wide, 100, by_key), 0);
    struct wide wide = {0};
    for (int i = 0; i < 100; i++) {
        wide.key = i * 37 % 100;
        CHECK_INT(eddy_queue_put(&queue, &wide), 0);
    }
    for (int i = 0; i < 100; i++) {
        CHECK_INT(eddy_queue_get(&queue, &wide), 0);
        CHECK(wide.key == i);
    }
    eddy_queue_close(&queue);
    return 0;
}

TEST(rule_166_a_lifo_queue_hands_out_the_last_first)
{
    eddy_lifo_queue queue;
    int item;
    CHECK_INT(eddy_lifo_queue_open(&queue, sizeof(int), EDDY_UNBOUNDED), 0);
    for (int i = 0; i < 100; i++)
        CHECK_INT(eddy_queue_put(&queue, &i), 0);
    for (int i = 99; i >= 50; i--) {
        CHECK_INT(eddy_queue_get(&queue, &item), 0);
        CHECK_INT(item, i);
    }
    item = 7;
    CHECK_INT(eddy_queue_put(&queue, &item), 0);
    CHECK_INT(eddy_queue_get(&queue, &item), 0);
    CHECK_INT(item, 7);
    CHECK_INT(eddy_queue_get(&queue, &item), 0);
    CHECK_INT(item, 49);
    eddy_queue_close(&queue);
    return 0;
}

/* Not for ever: who puts may be cancelled on purpose. */
static int get(eddy_queue *queue, int *item)
{
    return eddy_wait_for(eddy_queue_get(queue, item), 9);
}

static int waits_like_a_queue(eddy_queue *queue)
{
    int err, item;
    eddy_with_group (g, &err) {
        eddy_task *first = eddy_spawn_as(g, getter, struct user, .queue = queue);
        turns(1);
        item = 5;
        EXPECT_INT(eddy_queue_put(queue, &item), 0); /* to the getter at once */
        EXPECT_INT(eddy_await(first), 0);
        EXPECT_NOTES("get5");
        eddy_spawn_as(g, putter, struct user, .queue = queue, .item = 4);
        eddy_spawn_as(g, putter, struct user, .queue = queue, .item = 3);
        eddy_spawn_as(g, putter, struct user, .queue = queue, .item = 1);
        eddy_task *cancelled = eddy_spawn_as(g, putter, struct user, .queue = queue, .item = 2);
        turns(1);
        EXPECT_NOTES("put4 put3"); /* 1 and 2 wait: they are not in yet */
        EXPECT(eddy_queue_full(queue));
        EXPECT_INT(eddy_queue_put_nowait(queue, &item), -EAGAIN);
        EXPECT(eddy_task_cancel(cancelled));
        EXPECT_INT(get(queue, &item), 0);
        EXPECT_INT(item, 3); /* the lowest, and the last */
        EXPECT_INT(get(queue, &item), 0);
        EXPECT_INT(item, 1);
        EXPECT_INT(get(queue, &item), 0);
        EXPECT_INT(item, 4);
        EXPECT_INT(eddy_queue_get_nowait(queue, &item), -EAGAIN);
        EXPECT_INT(eddy_queue_unfinished(queue), 4);
    }
    EXPECT_NOTES("!put2 put1");
    char small = 1;
    EXPECT_INT(eddy_queue_put(queue, &small), -EINVAL);
    EXPECT_CONTAINS(eddy_failure_message(eddy_last_failure()), "an item of 1 bytes");
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_queue_put");
    EXPECT_INT(eddy_queue_shutdown(queue), 0);
    EXPECT_INT(eddy_queue_put(queue, &item), -EPIPE);
    eddy_queue_close(queue);
    return err;
}

ORDERED_TEST(rule_167_a_priority_queue_waits_like_a_queue)
{
    eddy_priority_queue queue;
    CHECK_INT(eddy_priority_queue_open(&queue, int, 2, by_value), 0);
    return waits_like_a_queue(&queue);
}

ORDERED_TEST(rule_167_a_lifo_queue_waits_like_a_queue)
{
    eddy_lifo_queue queue;
    CHECK_INT(eddy_lifo_queue_open(&queue, sizeof(int), 2), 0);
    return waits_like_a_queue(&queue);
}

TEST(rule_174_an_immediate_shutdown_empties_them)
{
    eddy_priority_queue lowest;
    eddy_lifo_queue last;
    int item = 1;
    CHECK_INT(eddy_priority_queue_open(&lowest, int, 2, by_value), 0);
    CHECK_INT(eddy_lifo_queue_open(&last, sizeof(int), 2), 0);
    CHECK_INT(eddy_queue_put(&lowest, &item), 0);
    CHECK_INT(eddy_queue_put(&last, &item), 0);
    CHECK_INT(eddy_queue_shutdown_immediate(&lowest), 0);
    CHECK_INT(eddy_queue_shutdown_immediate(&last), 0);
    CHECK_INT(eddy_queue_get(&lowest, &item), -EPIPE);
    CHECK_INT(eddy_queue_get(&last, &item), -EPIPE);
    CHECK_INT(eddy_queue_join(&lowest) + eddy_queue_join(&last), 0);
    eddy_queue_close(&lowest);
    eddy_queue_close(&last);
    return 0;
}

TEST(bad_input)
{
    eddy_priority_queue queue;
    int (*none)(const int *, const int *) = NULL;
    CHECK_INT(eddy_priority_queue_open(&queue, int, 2, none), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the comparison is NULL");
    CHECK_INT(eddy_priority_queue_open(NULL, int, 2, by_value), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_priority_queue_open: NULL queue");
    CHECK_INT(eddy_priority_queue_open(&queue, int, 0, by_value), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a limit of 0");
    CHECK_INT(eddy_priority_queue_open(&queue, int, SIZE_MAX / 4, by_value), -EOVERFLOW);
    CHECK_INT(eddy_lifo_queue_open(&queue, 0, 2), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_lifo_queue_open: items of 0 bytes");
    CHECK_INT(eddy_lifo_queue_open(&queue, SIZE_MAX / 2 + 2, 1), -EOVERFLOW);
    return 0;
}

HEAVY_TEST(a_storm_of_cancels_loses_and_doubles_no_item)
{
    eddy_priority_queue queue;
    CHECK_INT(eddy_priority_queue_open(&queue, int, 2, by_value), 0);
    return storm(&queue, 50);
}
