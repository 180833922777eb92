/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct job {
    int priority;
    const char *text;
};
static int by_priority(const struct job *a, const struct job *b)
{
    return a->priority - b->priority;
}

static int sorted(void)
{
    eddy_priority_queue jobs;
    int r = eddy_priority_queue_open(&jobs, struct job, 10, by_priority);
    if (r < 0)
        return r;
    const struct job work[] = {{3, "tidy up"}, {1, "put the fire out"}, {2, "call home"}};
    for (int i = 0; i < 3 && r == 0; i++)
        r = eddy_queue_put(&jobs, &work[i]);
    struct job job;
    while (r == 0 && !eddy_queue_empty(&jobs)) {
        r = eddy_queue_get(&jobs, &job);
        if (r == 0)
            printf("%d: %s\n", job.priority, job.text);
    }
    eddy_queue_close(&jobs);
    return r;
}

int main(void)
{
    return eddy_run(sorted) < 0;
}
