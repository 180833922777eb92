/* SPDX-License-Identifier: MIT
 *
 * eddy_queue between two tasks.
 *
 *     group hop      A --item--> B --item--> A ...    through a queue of 1 each way
 *     group queue    producer ==[queue of 128]==> consumer
 *
 * As with the floors the consumer adds up what it gets, so a lost item makes the run fail.
 */
#include "eddy_contenders.h"
#include "stopwatch.h"
#include "workload.h"

struct pair {
    eddy_queue *to_right, *to_left;
    uint64_t items;
    uint64_t *sum;
};

static int hop_left(struct pair *pair)
{
    int error = 0;
    for (uint64_t item = 1; item <= pair->items && error == 0; item += 2) {
        uint64_t answer = 0;
        error = eddy_queue_put(pair->to_right, &item);
        if (error == 0)
            error = eddy_queue_get(pair->to_left, &answer);
        *pair->sum += answer;
    }
    return error;
}

static int hop_right(struct pair *pair)
{
    int error = 0;
    for (uint64_t taken = 0; taken < pair->items && error == 0; taken += 2) {
        uint64_t item = 0;
        error = eddy_queue_get(pair->to_right, &item);
        *pair->sum += item++;
        if (error == 0)
            error = eddy_queue_put(pair->to_left, &item);
    }
    return error;
}

static int produce(struct pair *pair)
{
    int error = 0;
    for (uint64_t item = 1; item <= pair->items && error == 0; item++)
        error = eddy_queue_put(pair->to_right, &item);
    return error;
}

static int consume(struct pair *pair)
{
    int error = 0;
    for (uint64_t taken = 0; taken < pair->items && error == 0; taken++) {
        uint64_t item = 0;
        error = eddy_queue_get(pair->to_right, &item);
        *pair->sum += item;
    }
    return error;
}

struct queue_main {
    struct pair pair;
    bool one_way;
    struct sample *ret_sample;
};

static int queue_main(struct queue_main *arguments)
{
    struct pair *pair = &arguments->pair;
    struct stopwatch watch;
    int error;

    stopwatch_start(&watch);
    eddy_with_group (tasks, &error) {
        if (arguments->one_way) {
            eddy_spawn_on(tasks, produce, pair);
            eddy_spawn_on(tasks, consume, pair);
        } else {
            eddy_spawn_on(tasks, hop_left, pair);
            eddy_spawn_on(tasks, hop_right, pair);
        }
    }
    stopwatch_stop(&watch, pair->items, arguments->ret_sample);
    return error;
}

static int run_queue(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    uint64_t items = operations / 2 * 2, sum = 0;
    size_t limit = self->parameter;
    eddy_queue to_right, to_left;

    int error = eddy_queue_open(&to_right, sizeof(uint64_t), limit);
    if (error < 0)
        return error;
    error = eddy_queue_open(&to_left, sizeof(uint64_t), limit);
    if (error == 0)
        error = eddy_run_with(
            &options, queue_main,
            .pair = {.to_right = &to_right, .to_left = &to_left, .items = items, .sum = &sum},
            .one_way = limit > 1, .ret_sample = ret_sample);
    eddy_queue_close(&to_left);
    eddy_queue_close(&to_right);
    if (error == 0 && sum != items * (items + 1) / 2)
        error = -EBADMSG;
    return error;
}

const struct contender eddy_queue_contenders[] = {
    {.group = "hop", .name = "eddy_queue of 1 each way", .run = run_queue, .parameter = 1},
    {.group = "queue",
     .name = "eddy_queue of 128",
     .run = run_queue,
     .parameter = WORKLOAD_QUEUE_CAPACITY},
    {.name = NULL},
};
