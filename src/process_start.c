/* SPDX-License-Identifier: MIT */
/*
 * How a child process starts: options, the paths where its program may be, pipes; and what the
 * failure says when one of these steps goes wrong.
 */
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "log.h"
#include "memory.h"
#include "operation.h"
#include "process.h"
#include "task.h"

#define PATH_DEFAULT "/bin:/usr/bin"
#define PIPELINE_MAX 1000

/* Stdin and stdout of a member of a pipeline; -1: as the options say. */
struct given {
    int descriptors[2];
};

/* ---- options ---- */

static int check_descriptor(const char *call, int descriptor)
{
    if (fcntl(descriptor, F_GETFD) < 0)
        return eddy_fail(-EBADF, "%s: descriptor %d: %s", call, descriptor, strerror(EBADF));
    return 0;
}

static int check_standard(const char *call, const struct eddy_process_options *options)
{
    static const char *const names[3] = {"stdin_from", "stdout_to", "stderr_to"};
    const int choices[3] = {options->stdin_from, options->stdout_to, options->stderr_to};
    for (int i = 0; i < 3; i++) {
        if (choices[i] < EDDY_DEVNULL || (choices[i] == EDDY_STDOUT && i != STDERR_FILENO))
            return log_misuse(-EINVAL, call, "%s is %d", names[i], choices[i]);
        int r = choices[i] > 0 ? check_descriptor(call, choices[i]) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_kept(const char *call, const struct eddy_process_options *options)
{
    if (options->descriptor_count && !options->descriptors)
        return log_misuse(-EINVAL, call, "the descriptors are NULL");
    for (size_t i = 0; i < options->descriptor_count; i++) {
        int descriptor = options->descriptors[i];
        if (descriptor <= STDERR_FILENO)
            return log_misuse(-EINVAL, call, "descriptor %d can't be kept: only from 3 on",
                              descriptor);
        int r = check_descriptor(call, descriptor);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_options(const char *call, const struct eddy_process_options *options)
{
    const struct eddy_process_identity *identity = options->identity;
    const char *wrong = NULL;
    if (isnan(options->grace) || options->grace < 0)
        wrong = "grace isn't a number of seconds from 0 on";
    else if (options->group < EDDY_OWN_GROUP)
        wrong = "a group below EDDY_OWN_GROUP";
    else if (options->session && options->group)
        wrong = "a session is a group of its own: both were asked for";
    else if (options->limit_count && !options->limits)
        wrong = "the limits are NULL";
    else if (identity &&
             (identity->group_count > INT_MAX || (identity->group_count && !identity->groups)))
        wrong = "the groups of the identity";
    if (wrong)
        return log_misuse(-EINVAL, call, "%s", wrong);
    int r = check_standard(call, options);
    return r < 0 ? r : check_kept(call, options);
}

static int check_call(const char *call, const char *const *arguments, const void *result)
{
    const char *wrong = NULL;
    if (!loop_self)
        wrong = "called outside a loop";
    else if (!arguments || !arguments[0])
        wrong = arguments ? "no arguments, not even the program's name" : "the arguments are NULL";
    else if (!result)
        wrong = "nowhere to put the process: NULL";
    return wrong ? log_misuse(-EINVAL, call, "%s", wrong) : 0;
}

/* ---- where the program may be ---- */

static const char *search_path(const char *const *environment)
{
    for (; *environment; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return PATH_DEFAULT;
}

/* A list up to a NULL, in one piece of memory; NULL without any. As execvp(3) does: an empty part
 * of $PATH is the current folder. */
static const char **find_paths(const char *name, const char *search)
{
    bool direct = strchr(name, '/') != NULL;
    size_t count = 1, length = strlen(name);
    for (const char *at = search; !direct && (at = strchr(at, ':')); at++)
        count++;
    if (!length)
        count = 0; /* is nowhere */
    size_t text = direct ? 0 : strlen(search) + count * (length + 2);
    const char **paths = memory_allocate((count + 1) * sizeof *paths + text);
    if (!paths)
        return NULL;
    char *room = (char *)(paths + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t folder = strcspn(search, ":");
        paths[i] = direct ? name : room;
        if (!direct)
            room += 1 + sprintf(room, "%.*s%s%s", (int)folder, search, folder ? "/" : "", name);
        search += folder + 1;
    }
    paths[count] = NULL;
    return paths;
}

/* ---- what went wrong ---- */

static int fail_execute(const char *name, const struct process_order *order, int code)
{
    const char *path = order->paths[order->which];
    bool searched = !strchr(name, '/');
    if (searched && (code == -ENOENT || code == -ENOTDIR))
        return eddy_fail(-ENOENT, "can't execute '%s': not found in $PATH", name);
    if (code == -ENOENT && !order->directory && access(path, F_OK) == 0)
        return eddy_fail(code, "can't execute '%s': its interpreter is missing", path);
    if (code == -ENOEXEC)
        return eddy_fail(code, "can't execute '%s': neither a binary nor a script with '#!'", path);
    return eddy_fail(code, "can't execute '%s': %s", path, strerror(-code));
}

static int fail_step(const char *name, const struct process_order *order, int code)
{
    static const char *const standard[3] = {"stdin", "stdout", "stderr"};
    const char *why = strerror(-code);
    switch (order->failed) {
    case PROCESS_CLONE:
        break;
    case PROCESS_PIDFD:
        return eddy_fail(code, "can't start '%s': its end can't be watched: %s", name, why);
    case PROCESS_STANDARD:
        if (order->which > STDERR_FILENO)
            return eddy_fail(code, "can't start '%s': descriptor %d can't be handed on: %s", name,
                             order->which, why);
        return eddy_fail(code, "can't start '%s': its %s can't be set up: %s", name,
                         standard[order->which], why);
    case PROCESS_SESSION:
        return eddy_fail(code, "can't start '%s' in a session of its own: %s", name, why);
    case PROCESS_GROUP:
        return eddy_fail(code, "can't start '%s' in process group %d: %s", name, order->which, why);
    case PROCESS_DIRECTORY:
        return eddy_fail(code, "can't start '%s' in directory '%s': %s", name, order->directory,
                         why);
    case PROCESS_LIMIT:
        return eddy_fail(code, "can't start '%s' with limit %d of resource %d: %s", name,
                         order->which, order->limits[order->which].resource, why);
    case PROCESS_IDENTITY:
        return eddy_fail(code, "can't start '%s' as user %u, group %u: %s", name,
                         (unsigned)order->identity->user, (unsigned)order->identity->group, why);
    case PROCESS_EXECUTE:
        return fail_execute(name, order, code);
    }
    return eddy_fail(code, "can't start '%s': no new process: %s", name, why);
}

/* ---- stdin, stdout, stderr ---- */

/* A pipe: its end becomes the child's `which`, the other a stream of ours. */
static int open_pipe(struct eddy_process *process, int which, int *ret_end)
{
    struct engine *engine = process->loop->engine;
    int ends[2], ours = which == STDIN_FILENO ? 1 : 0;
    int r = engine->call->pipe(engine, ends);
    if (r < 0)
        return eddy_fail(r, "can't start '%s': no pipe: %s", process->name, strerror(-r));
    r = eddy_stream_from_descriptor(ends[ours], &process->streams[which]);
    if (r < 0) {
        (void)engine->call->close(engine, ends[0]);
        (void)engine->call->close(engine, ends[1]);
        return r;
    }
    *ret_end = ends[!ours];
    return 0;
}

/* What the child gets, and the ends that are to be closed here afterwards. */
static int open_standard(struct eddy_process *process, const struct eddy_process_options *options,
                         const struct given *given, int standard[3], int ends[3])
{
    const int choices[3] = {options->stdin_from, options->stdout_to, options->stderr_to};
    for (int i = 0; i < 3; i++) {
        int r = 0;
        if (i < 2 && given->descriptors[i] >= 0) {
            standard[i] = given->descriptors[i];
        } else if (choices[i] == EDDY_PIPE) {
            r = open_pipe(process, i, &ends[i]);
            standard[i] = ends[i];
        } else if (choices[i] == EDDY_STDOUT) {
            standard[i] = standard[1] == PROCESS_INHERIT ? STDOUT_FILENO : standard[1];
        } else if (choices[i] == EDDY_DEVNULL) {
            standard[i] = PROCESS_NULL;
        } else {
            standard[i] = choices[i] == EDDY_INHERIT ? PROCESS_INHERIT : choices[i];
        }
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- one process ---- */

static struct eddy_process *process_create(const char *name,
                                           const struct eddy_process_options *options)
{
    size_t length = strlen(name) + 1;
    struct eddy_process *process = memory_allocate_zeroed(1, sizeof *process + length);
    if (!process)
        return NULL;
    memcpy(process->name, name, length);
    process->loop = loop_self;
    process->references = 1;
    process->reaped = true; /* there is none yet */
    process->ended = true;
    process->grace = options->grace;
    process->limit = options->output_limit ? options->output_limit : EDDY_PROCESS_LIMIT;
    if (process->limit >= PTRDIFF_MAX) /* no memory is larger, with its NUL */
        process->limit = PTRDIFF_MAX - 1;
    return process;
}

static int process_launch(struct eddy_process *process, struct process_order *order)
{
    struct engine *engine = process->loop->engine;
    int r = engine->call->process_start(engine, order, &process->child);
    if (r < 0)
        return fail_step(process->name, order, r);
    process->ended = process->reaped = false;
    r = process_watch(process);
    if (r == 0)
        return 0;
    int code;
    (void)engine->call->process_signal(engine, &process->child, SIGKILL);
    (void)engine->call->process_reap(engine, &process->child, 0, &code);
    (void)engine->call->close(engine, process->child.descriptor);
    process->ended = process->reaped = true;
    return eddy_fail(r, "can't start '%s': its end can't be watched: %s", process->name,
                     strerror(-r));
}

static int process_begin(struct eddy_process *process, const char *const *arguments,
                         const struct eddy_process_options *options, const struct given *given)
{
    struct engine *engine = process->loop->engine;
    struct process_order order = {
        .arguments = arguments,
        .environment = options->environment ? options->environment : (const char *const *)environ,
        .directory = options->directory,
        .kept = options->descriptors,
        .kept_count = options->descriptor_count,
        .group = options->group,
        .session = options->session,
        .identity = options->identity,
        .limits = options->limits,
        .limit_count = options->limit_count};
    const char **paths = find_paths(arguments[0], search_path(order.environment));
    if (!paths)
        return eddy_fail(-ENOMEM, "can't start '%s': no memory", process->name);
    order.paths = paths;
    int ends[3] = {-1, -1, -1};
    int r = open_standard(process, options, given, order.standard, ends);
    if (r == 0)
        r = process_launch(process, &order);
    for (int i = 0; i < 3; i++)
        if (ends[i] >= 0)
            (void)engine->call->close(engine, ends[i]);
    memory_free(paths);
    return r;
}

static int process_start(const char *call, const char *const *arguments,
                         const struct eddy_process_options *options, const struct given *given,
                         eddy_process **ret_process)
{
    int r = check_call(call, arguments, ret_process);
    if (r < 0)
        return r;
    if (strlen(arguments[0]) >= PATH_MAX)
        return eddy_fail(-ENAMETOOLONG, "%s: the program's name has more than %d bytes", call,
                         PATH_MAX - 1);
    if (loop_self->engine->call->simulated)
        return eddy_fail(-ENOTSUP, "can't start '%s': the simulated system has no processes",
                         arguments[0]);
    struct eddy_process *process = process_create(arguments[0], options);
    if (!process)
        return eddy_fail(-ENOMEM, "can't start '%s': no memory", arguments[0]);
    r = process_begin(process, arguments, options, given);
    if (r < 0) {
        for (int i = 0; i < 3; i++)
            process_close_end(process, i);
        process_release(process);
        return r;
    }
    *ret_process = process;
    return 0;
}

/* ---- public ---- */

static const struct eddy_process_options defaults;
static const struct given nothing_given = {{-1, -1}};

int eddy_process_exec(const char *const *arguments, const struct eddy_process_options *options,
                      eddy_process **process)
{
    if (!options)
        options = &defaults;
    int r = check_options("eddy_process_exec", options);
    return r < 0 ? r
                 : process_start("eddy_process_exec", arguments, options, &nothing_given, process);
}

int eddy_process_shell(const char *command, const struct eddy_process_options *options,
                       eddy_process **process)
{
    if (!command)
        return log_misuse(-EINVAL, "eddy_process_shell", "the command is NULL");
    const char *const arguments[] = {"/bin/sh", "-c", command, NULL};
    if (!options)
        options = &defaults;
    int r = check_options("eddy_process_shell", options);
    return r < 0 ? r
                 : process_start("eddy_process_shell", arguments, options, &nothing_given, process);
}

/* The member at `index`, whose stdin is the pipe from the one before, `*pipe`; leaves there the one
 * to the next. */
static int start_member(const char *const *const *programs, size_t index, bool last,
                        struct eddy_process_options options, int *pipe, eddy_process **process)
{
    struct engine *engine = loop_self->engine;
    int ends[2] = {-1, -1};
    int r = last ? 0 : engine->call->pipe(engine, ends);
    if (r < 0)
        return eddy_fail(r, "can't start a pipeline: no pipe: %s", strerror(-r));
    if (index)
        options.stdin_from = EDDY_INHERIT;
    if (!last)
        options.stdout_to = EDDY_INHERIT;
    const struct given given = {{*pipe, ends[1]}};
    r = process_start("eddy_process_pipeline", programs[index], &options, &given, process);
    if (*pipe >= 0)
        (void)engine->call->close(engine, *pipe);
    if (ends[1] >= 0)
        (void)engine->call->close(engine, ends[1]);
    *pipe = ends[0];
    return r;
}

int eddy_process_pipeline(const char *const *const *programs, size_t count,
                          const struct eddy_process_options *options, eddy_process **processes)
{
    struct eddy_process_options each = options ? *options : defaults;
    if (!programs || !processes || !count || count > PIPELINE_MAX || each.session)
        return log_misuse(-EINVAL, "eddy_process_pipeline",
                          !programs || !processes ? "NULL"
                          : each.session          ? "a pipeline can't have a session of its own"
                                                  : "%zu programs: from 1 to 1,000",
                          count);
    int r = check_options("eddy_process_pipeline", &each);
    if (r < 0)
        return r;
    if (loop_self && loop_self->engine->call->simulated)
        return eddy_fail(-ENOTSUP, "the simulated system has no processes");
    int pipe = -1;
    size_t started = 0;
    eddy_process **all = memory_allocate(count * sizeof(eddy_process *));
    if (!all)
        return eddy_fail(-ENOMEM, "no memory for a pipeline");
    for (; r == 0 && started < count; started += r == 0) {
        r = start_member(programs, started, started + 1 == count, each, &pipe, &all[started]);
        if (r == 0 && each.group == EDDY_OWN_GROUP)
            each.group = all[0]->child.pid;
    }
    if (pipe >= 0)
        (void)operation_close(pipe);
    if (r == 0)
        memcpy(processes, all, count * sizeof(eddy_process *));
    while (r < 0 && started)
        process_abandon(all[--started]);
    memory_free(all);
    return r;
}
