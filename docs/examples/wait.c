/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

struct answer {
    int seconds;
};
static int answer(struct answer *a)
{
    int r = eddy_sleep(a->seconds);
    return r < 0 ? r : a->seconds * 10;
}

static int ask(void)
{
    eddy_task *tasks[3] = {
        eddy_create_task(answer, .seconds = 3),
        eddy_create_task(answer, .seconds = 1),
        eddy_create_task(answer, .seconds = 2),
    };
    int done = eddy_wait(tasks, 3, EDDY_FIRST_COMPLETED, EDDY_FOREVER);
    printf("%d done\n", done);

    int err;
    eddy_as_completed (task, tasks, 3, EDDY_FOREVER, &err)
        printf("%d\n", eddy_task_result(task));

    for (int i = 0; i < 3; i++)
        eddy_task_release(tasks[i]);
    return done < 0 ? done : err;
}

int main(void)
{
    return eddy_run(ask) < 0;
}
