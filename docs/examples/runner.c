/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static int ticks;

static int tick(void)
{
    int r;
    while ((r = eddy_sleep(1.0)) == 0)
        ticks++;
    return r;
}

static int begin(void)
{
    eddy_task *task = eddy_create_task(tick);
    return task ? eddy_detach(task) : -ENOMEM;
}

static int look(void)
{
    int r = eddy_sleep(3.5);
    printf("%d ticks\n", ticks);
    return r;
}

int main(void)
{
    eddy_runner runner;
    int r = eddy_runner_open(&runner, NULL);
    if (r == 0)
        r = eddy_runner_run(&runner, begin); /* returns at once; tick stays */
    if (r == 0)
        r = eddy_runner_run(&runner, look);
    if (r == 0)
        r = eddy_runner_run(&runner, look);
    eddy_runner_close(&runner); /* cancels tick and waits for it */
    return r < 0;
}
