/* SPDX-License-Identifier: MIT */
/*
 * Runners: the parts of a run, with the loop kept in between, and the main task's locals, which are
 * gone when it has ended: a function around it takes them over.
 */
#include "eddy/runner.h"
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "local.h"
#include "log.h"
#include "run.h"
#include "task.h"

/* What the macros copy at most. */
#define ARGUMENTS_SIZE_MAX 1024

#define RUNNER_OPEN UINT64_C(0x6564647972756e72)   /* "eddyrunr" */
#define RUNNER_CLOSED UINT64_C(0x6564647972756e78) /* "eddyrunx" */

struct runner {
    uint64_t magic;
    struct eddy_loop *loop; /* NULL until the first run */
    long thread;            /* that made it; a forked child's is another */
    bool ran;               /* else the first main task begins with the thread's locals */
    struct locals *locals;  /* the last main task's, or NULL */
    struct eddy_options options;
};

_Static_assert(sizeof(struct runner) <= sizeof(eddy_runner), "eddy_runner is too small");

static struct runner *runner_of(eddy_runner *memory)
{
    return (struct runner *)(void *)memory;
}

int eddy_runner_open(eddy_runner *memory, const struct eddy_options *options)
{
    struct runner *runner = runner_of(memory);
    if (!runner)
        return log_misuse(-EINVAL, "eddy_runner_open", "the runner is NULL");
    *runner = (struct runner){.magic = RUNNER_OPEN};
    if (options)
        runner->options = *options;
    return 0;
}

/* 0, or why it can't be used from here and now. */
static int runner_check(const struct runner *runner, const char *call)
{
    if (!runner || (runner->magic != RUNNER_OPEN && runner->magic != RUNNER_CLOSED))
        return log_misuse(-EINVAL, call, "the runner is %s", runner ? "not open" : "NULL");
    if (loop_self)
        return log_misuse(-EBUSY, call, "a loop runs on this thread already");
    if (runner->loop && runner->thread != syscall(SYS_gettid))
        return log_misuse(-EINVAL, call, "the runner belongs to another thread");
    return 0;
}

/* Makes the loop if there is none. */
static int runner_start(struct runner *runner, const char *call)
{
    int r = runner_check(runner, call);
    if (r == 0 && runner->magic == RUNNER_CLOSED)
        r = eddy_fail(-ESHUTDOWN, "%s: the runner is closed", call);
    if (r < 0 || runner->loop)
        return r;
    r = run_open(&runner->options, &runner->loop);
    runner->thread = syscall(SYS_gettid);
    return r;
}

struct runner_main {
    struct runner *runner;
    eddy_function_ *function;
    void *arguments;
    bool takes_arguments;
};

static CALLS_ERASED int runner_main(struct runner_main *a)
{
    int result = a->takes_arguments ? a->function(a->arguments)
                                    : ((int (*)(void))(void (*)(void))a->function)();
    struct locals *before = a->runner->locals;
    a->runner->locals = locals_inherit();
    if (before)
        locals_release(before);
    return result;
}

/* A main task that was cancelled before its first step leaves them as they were. */
static int runner_run_main(struct runner *runner, struct runner_main *main,
                           const struct eddy_site_ *site)
{
    struct task_start start = {.function = EDDY_ERASE_(runner_main),
                               .arguments = main,
                               .kind = EDDY_IN_PLACE_,
                               .site = site};
    struct locals *before = NULL, *locals = runner->locals;
    bool enter = runner->ran;
    if (enter)
        before = locals_enter(locals ? locals_keep(locals) : NULL);
    runner->ran = true;
    struct run run;
    int r = run_main(runner->loop, &start, &run);
    if (enter)
        locals_leave(before);
    return r < 0 ? r : run_outcome(runner->loop, &run, runner->options.quiet);
}

int eddy_runner_run_(eddy_runner *memory, eddy_function_ *function, const void *arguments,
                     size_t size, enum eddy_arguments_kind_ kind, const struct eddy_site_ *site)
{
    struct runner *runner = runner_of(memory);
    if (!function)
        return log_misuse(-EINVAL, "eddy_runner_run", "the function is NULL, at %s:%d", site->file,
                          site->line);
    int r = runner_start(runner, "eddy_runner_run");
    if (r < 0)
        return r;
    _Alignas(64) char copy[ARGUMENTS_SIZE_MAX];
    struct runner_main main = {.runner = runner,
                               .function = function,
                               .arguments = kind == EDDY_COPIED_ ? copy
                                                                 : (void *)(uintptr_t)arguments,
                               .takes_arguments = kind != EDDY_NO_ARGUMENTS_};
    if (kind == EDDY_COPIED_)
        memcpy(copy, arguments, size);
    run_begin(runner->loop, &runner->options);
    r = runner_run_main(runner, &main, site);
    run_end(runner->loop);
    return r;
}

eddy_loop *eddy_runner_loop(eddy_runner *memory)
{
    struct runner *runner = runner_of(memory);
    return runner_start(runner, "eddy_runner_loop") == 0 ? runner->loop : NULL;
}

int eddy_runner_close(eddy_runner *memory)
{
    struct runner *runner = runner_of(memory);
    int r = runner_check(runner, "eddy_runner_close");
    if (r < 0)
        return r;
    runner->magic = RUNNER_CLOSED;
    struct eddy_loop *loop = runner->loop;
    runner->loop = NULL;
    if (loop) {
        run_begin(loop, &runner->options);
        run_leftovers(loop);
        run_close(loop);
    }
    if (runner->locals)
        locals_release(runner->locals);
    runner->locals = NULL;
    return 0;
}
