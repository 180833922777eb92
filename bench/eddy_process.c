/* SPDX-License-Identifier: MIT
 *
 * eddy's start of a program, wait for its end, and close; and the same with its output read.
 */
#include "eddy_contenders.h"
#include "process.h"

static int start_and_wait(bool communicates)
{
    static const struct eddy_process_options plain, reading = {.stdout_to = EDDY_PIPE};
    const char *const arguments[] = {"/bin/true", NULL};
    eddy_process *process;
    int code = 0, error = eddy_process_exec(arguments, communicates ? &reading : &plain, &process);
    if (error < 0)
        return error;
    error = communicates ? eddy_process_communicate(process, NULL, 0, &code)
                         : eddy_process_wait(process, &code);
    eddy_process_close(process);
    return error < 0 ? error : code == 0 ? 0 : -EIO;
}

struct process_main {
    uint64_t operations;
    bool communicates;
    struct sample *ret_sample;
};

static int process_main(struct process_main *arguments)
{
    struct process_watch watch;
    int error = start_and_wait(false);
    process_watch_start(&watch);
    for (uint64_t i = 0; i < arguments->operations && error == 0; i++)
        error = start_and_wait(arguments->communicates);
    process_watch_stop(&watch, arguments->operations, arguments->ret_sample);
    return error;
}

static int run_process(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    return eddy_run_with(&options, process_main, .operations = operations,
                         .communicates = self->parameter != 0, .ret_sample = ret_sample);
}

const struct contender eddy_process_contenders[] = {
    {.group = "process", .name = "eddy_process_exec, wait, close", .run = run_process},
    {.group = "process", .name = "... and its output read", .run = run_process, .parameter = 1},
    {.name = NULL},
};
