/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static void write_record(void *context, const struct eddy_log_record *record)
{
    (void)context;
    if (record->event == EDDY_LOG_TASK_LOST)
        printf("%s failed and nobody looked: %s\n", record->task, eddy_error_name(record->code));
}

static int background(void)
{
    return eddy_fail(-EIO, "the disk is gone");
}

static int program(void)
{
    eddy_task *task = eddy_create_task(background);
    if (!task)
        return -ENOMEM;
    eddy_task_set_name(task, "background");
    eddy_detach(task);
    return eddy_sleep(1.0);
}

int main(void)
{
    struct eddy_options options = {.log = write_record};
    return eddy_run_with(&options, program) < 0;
}
