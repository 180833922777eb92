/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct producer {
    eddy_queue *jobs;
};
static int producer(struct producer *a)
{
    int r = 0;
    for (int job = 0; job < 2 && r == 0; job++) {
        r = eddy_sleep(1.0);
        if (r == 0)
            r = eddy_queue_put(a->jobs, &job);
    }
    if (r == 0)
        r = eddy_sleep(10.0);
    return r < 0 ? r : raise(SIGTERM);
}

static int consume(eddy_queue *jobs, eddy_signals *signals)
{
    for (;;) {
        int job, number;
        int r = eddy_select(5.0, eddy_case_get(jobs, &job),
                            eddy_case_signal(signals, &number, NULL));
        if (r == 0)
            printf("job %d\n", job);
        else if (r == -ETIMEDOUT)
            printf("nothing for 5 s\n");
        else if (r == 1)
            return printf("stop, by %s\n", number == SIGTERM ? "SIGTERM" : "another") < 0;
        else
            return r;
    }
}

static int program(void)
{
    eddy_queue jobs;
    eddy_signals *signals;
    int err = eddy_queue_open(&jobs, sizeof(int), 1);
    if (err < 0)
        return err;
    err = eddy_signals_open(&signals, SIGTERM);
    if (err == 0) {
        eddy_with_group (g, &err) {
            eddy_spawn(g, producer, .jobs = &jobs);
            err = consume(&jobs, signals);
        }
        eddy_signals_close(signals);
    }
    eddy_queue_close(&jobs);
    return err;
}

int main(void)
{
    return eddy_run(program) < 0;
}
