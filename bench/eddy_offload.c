/* SPDX-License-Identifier: MIT
 *
 * Jobs for threads, one at a time and a thousand at once, and for a worker process.
 */
#include <string.h>
#include <unistd.h>

#include "eddy_contenders.h"
#include "offload.h"

static int own_pid(pid_t *pid)
{
    *pid = getpid();
    return 0;
}

/* ---- threads ---- */

static int offloaded(struct offload_job *job)
{
    return eddy_to_thread(offload_work, job);
}

static int round_trips(uint64_t rounds, struct offload_job *job)
{
    int error = 0;
    for (uint64_t i = 0; i < rounds && error == 0; i++)
        error = eddy_to_thread(offload_work, job);
    return error;
}

static int thousands(uint64_t rounds, struct offload_job *jobs)
{
    int error = 0;
    for (uint64_t i = 0; i < rounds && error == 0; i++)
        error = eddy_map(OFFLOAD_AT_ONCE, offloaded, jobs, OFFLOAD_AT_ONCE, NULL);
    return error;
}

struct offload_main {
    int (*run)(struct offload_main *a);
    uint64_t operations, at_once;
    struct sample *ret_sample;
};
static int offload_main(struct offload_main *a)
{
    return a->run(a);
}

static int with_threads(struct offload_main *a)
{
    static struct offload_job jobs[OFFLOAD_AT_ONCE];
    int (*run)(uint64_t, struct offload_job *) = a->at_once == 1 ? round_trips : thousands;
    uint64_t rounds = (a->operations + a->at_once - 1) / a->at_once;
    struct stopwatch watch;
    memset(jobs, 0, sizeof jobs);
    int error = run(1, jobs); /* so that threads and stacks are there */
    stopwatch_start(&watch);
    if (error == 0)
        error = run(rounds, jobs);
    stopwatch_stop(&watch, rounds * a->at_once, a->ret_sample);
    return error == 0 && jobs[0].number != rounds + 1 ? -EBADMSG : error;
}

static int run_threads(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    return eddy_run_with(&options, offload_main, .run = with_threads, .operations = operations,
                         .at_once = self->parameter, .ret_sample = ret_sample);
}

/* ---- a worker process ---- */

static int ask(eddy_pool *pool, struct offload_main *a)
{
    struct offload_job job = {.number = 0};
    struct offload_watch watch;
    pid_t worker;
    int error = eddy_run_in(pool, own_pid, &worker);
    if (error == 0)
        error = offload_watch_start(&watch, worker);
    if (error < 0)
        return error;
    for (uint64_t i = 0; i < a->operations && error == 0; i++)
        error = eddy_run_in(pool, offload_work, &job);
    offload_watch_stop(&watch, a->operations, a->ret_sample);
    return error == 0 && job.number != a->operations ? -EBADMSG : error;
}

static int with_worker(struct offload_main *a)
{
    eddy_pool *pool;
    int error = eddy_process_pool_open(&pool, &(struct eddy_process_pool_options){.processes = 1});
    if (error < 0)
        return error;
    error = ask(pool, a);
    eddy_pool_close(pool);
    return error;
}

static int run_worker(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    (void)self;
    return eddy_run_with(&options, offload_main, .run = with_worker, .operations = operations,
                         .ret_sample = ret_sample);
}

const struct contender eddy_offload_contenders[] = {
    {.group = "thread", .name = "eddy_to_thread", .run = run_threads, .parameter = 1},
    {.group = "thread-1000",
     .name = "eddy_to_thread of 1000 tasks",
     .run = run_threads,
     .parameter = OFFLOAD_AT_ONCE},
    {.group = "worker", .name = "eddy_run_in, a process pool", .run = run_worker},
    {.name = NULL},
};
