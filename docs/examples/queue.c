/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct worker {
    int number;
    eddy_queue *jobs;
};
static int worker(struct worker *a)
{
    int job, r;
    while ((r = eddy_queue_get(a->jobs, &job)) == 0) {
        r = eddy_sleep(1.0);
        if (r < 0)
            return r;
        printf("worker %d did job %d\n", a->number, job);
        eddy_queue_task_done(a->jobs);
    }
    return r == -EPIPE ? 0 : r; /* shut down: there is nothing more to do */
}

static int work(void)
{
    eddy_queue jobs;
    int err = eddy_queue_open(&jobs, sizeof(int), 2); /* the producer is never far ahead */
    if (err < 0)
        return err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, worker, .number = 1, .jobs = &jobs);
        eddy_spawn(g, worker, .number = 2, .jobs = &jobs);
        for (int job = 0; job < 5 && err == 0; job++)
            err = eddy_queue_put(&jobs, &job);
        if (err == 0)
            err = eddy_queue_join(&jobs);
        eddy_queue_shutdown(&jobs);
    }
    eddy_queue_close(&jobs);
    return err;
}

int main(void)
{
    return eddy_run(work) < 0;
}
