/* SPDX-License-Identifier: MIT */
/*
 * Many tasks that put into a queue and get from it, and cancels among them: an item whose put
 * returned 0 is got once, or is still there.
 */
#ifndef EDDY_TESTS_SUPPORT_QUEUE_STORM_H
#define EDDY_TESTS_SUPPORT_QUEUE_STORM_H

#include "test.h"

struct stormer {
    eddy_queue *queue;
    int item;
    long *sum; /* of what is in the queue */
};

TEST_HELPER int storm_put(struct stormer *a)
{
    int r = eddy_queue_put(a->queue, &a->item);
    if (r == 0)
        *a->sum += a->item;
    return r;
}

TEST_HELPER int storm_get(struct stormer *a)
{
    int item, r = eddy_queue_get(a->queue, &item);
    if (r == 0)
        *a->sum -= item;
    return r;
}

TEST_HELPER int storm_round(eddy_queue *queue, unsigned *random, long *sum)
{
    enum { TASKS = 64 };
    int err;
    eddy_with_group (g, &err) {
        eddy_task *tasks[TASKS];
        for (int i = 0; i < TASKS; i++) {
            *random = *random * 1103515245 + 12345;
            tasks[i] = *random >> 20 & 1 ? eddy_spawn_as(g, storm_put, struct stormer,
                                                         .queue = queue, .item = i + 1, .sum = sum)
                                         : eddy_spawn_as(g, storm_get, struct stormer,
                                                         .queue = queue, .sum = sum);
            if (*random >> 16 & 1)
                (void)eddy_task_cancel(tasks[(*random >> 21) % (unsigned)(i + 1)]);
            if (*random >> 17 & 1)
                turns(1);
        }
        turns(2);
        eddy_group_cancel(g); /* those that still wait */
    }
    return err;
}

/* Of a queue of ints; closes it. */
TEST_HELPER int storm(eddy_queue *queue, int rounds)
{
    long sum = 0;
    unsigned random = 3;
    int item;
    for (int round = 0; round < rounds; round++)
        CHECK_INT(storm_round(queue, &random, &sum), 0);
    while (eddy_queue_get_nowait(queue, &item) == 0)
        sum -= item;
    CHECK_INT(sum, 0);
    eddy_queue_close(queue);
    return 0;
}

#endif
