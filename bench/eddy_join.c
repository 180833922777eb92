/* SPDX-License-Identifier: MIT
 *
 * eddy_gather of 1000 tasks, from their creation to the release of their handles, and the end of a
 * sleeping task by cancel and await.
 */
#include "eddy_contenders.h"
#include "stopwatch.h"
#include "workload.h"

/* Runs in the main task, with the stopwatch around what counts. */
typedef int body(uint64_t operations, struct sample *ret_sample);

struct join_main {
    body *body;
    uint64_t operations;
    struct sample *ret_sample;
};

static int join_main(struct join_main *arguments)
{
    return arguments->body(arguments->operations, arguments->ret_sample);
}

static int run_in_loop(body *body, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    return eddy_run_with(&options, join_main, .body = body, .operations = operations,
                         .ret_sample = ret_sample);
}

/* Gather */

static int work(void)
{
    return 1;
}

static int gather(uint64_t *sum)
{
    static eddy_task *tasks[WORKLOAD_GATHERED_TASKS];
    static int results[WORKLOAD_GATHERED_TASKS];

    for (size_t i = 0; i < WORKLOAD_GATHERED_TASKS; i++) {
        tasks[i] = eddy_create_task(work);
        if (tasks[i] == NULL)
            return -ENOMEM;
    }
    int error = eddy_gather(tasks, WORKLOAD_GATHERED_TASKS, results, EDDY_RAISE_FIRST);
    for (size_t i = 0; i < WORKLOAD_GATHERED_TASKS; i++) {
        *sum += (uint64_t)results[i];
        eddy_task_release(tasks[i]);
    }
    return error;
}

static int gather_body(uint64_t operations, struct sample *ret_sample)
{
    uint64_t rounds = operations / WORKLOAD_GATHERED_TASKS + 1, sum = 0;
    struct stopwatch watch;
    int error = gather(&sum); /* so that the stacks are touched */

    sum = 0;
    stopwatch_start(&watch);
    for (uint64_t i = 0; i < rounds && error == 0; i++)
        error = gather(&sum);
    stopwatch_stop(&watch, rounds * WORKLOAD_GATHERED_TASKS, ret_sample);
    return error == 0 && sum != rounds * WORKLOAD_GATHERED_TASKS ? -EBADMSG : error;
}

static int run_gather(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    (void)self;
    return run_in_loop(gather_body, operations, ret_sample);
}

/* Cancel */

static int sleeper(void)
{
    return eddy_sleep(3600);
}

static int cancel_and_join(eddy_task *task)
{
    if (!eddy_task_cancel(task) || eddy_await(task) != -ECANCELED)
        return -EBADMSG;
    return eddy_task_release(task);
}

static int cancel_body(uint64_t operations, struct sample *ret_sample)
{
    uint64_t rounds = operations / WORKLOAD_RING_TASKS + 1;
    eddy_task *tasks[WORKLOAD_RING_TASKS];
    struct stopwatch watch;
    int error = 0;

    for (uint64_t i = 0; i < rounds && error == 0; i++) {
        for (size_t k = 0; k < WORKLOAD_RING_TASKS; k++)
            if ((tasks[k] = eddy_create_task(sleeper)) == NULL)
                return -ENOMEM;
        error = eddy_sleep(0); /* all asleep now */
        stopwatch_start(&watch);
        for (size_t k = 0; k < WORKLOAD_RING_TASKS && error == 0; k++)
            error = cancel_and_join(tasks[k]);
        stopwatch_stop_adding(&watch, WORKLOAD_RING_TASKS, ret_sample);
    }
    return error;
}

static int run_cancel(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    (void)self;
    return run_in_loop(cancel_body, operations, ret_sample);
}

const struct contender eddy_join_contenders[] = {
    {.group = "gather", .name = "eddy_create_task, eddy_gather, release", .run = run_gather},
    {.group = "cancel", .name = "eddy_task_cancel, eddy_await, release", .run = run_cancel},
    {.name = NULL},
};
