/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static int fetch(void)
{
    return eddy_sleep(10.0);
}

static int program(void)
{
    eddy_task *task = eddy_create_task(fetch);
    if (!task)
        return -ENOMEM;
    eddy_task_set_name(task, "photographs");
    int r = eddy_sleep(1.0);

    char what[200];
    eddy_task_describe(task, what, sizeof what);
    printf("%s\n", what);

    eddy_task_cancel_because(task, "the user pressed Escape");
    if (r == 0 && (r = eddy_await(task)) == -ECANCELED)
        printf("%s\n", eddy_failure_message(eddy_last_failure()));
    eddy_task_release(task);
    return 0;
}

int main(void)
{
    return eddy_run(program) < 0;
}
