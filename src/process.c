/* SPDX-License-Identifier: MIT */
/*
 * Child processes: their ends, waits, signals, closing. How one starts is in process_start.c.
 */
#include "process.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "log.h"
#include "memory.h"
#include "task.h"

/* How long the loop's end waits for a child that was killed: the kernel may be at work for it. */
#define KILL_PATIENCE_MS 10000

#define LOST_CODE 255

int process_check(const struct eddy_process *process, const char *call)
{
    if (!process)
        return log_misuse(-EINVAL, call, "the process is NULL");
    if (!loop_self) /* the handle is dead: not to be looked at */
        return log_misuse(-EINVAL, call, "called outside a loop: a process ends with its loop");
    if (process->loop != loop_self || process->closed)
        return log_misuse(-EINVAL, call,
                          process->closed ? "the process is closed"
                                          : "the process belongs to another loop");
    return 0;
}

void process_release(struct eddy_process *process)
{
    if (--process->references > 0)
        return;
    for (int i = 0; i < 2; i++)
        memory_free(process->captures[i].data);
    memory_free(process);
}

/* ---- the end of a child ---- */

static void process_reaped(struct eddy_process *process)
{
    struct eddy_loop *loop = process->loop;
    (void)loop->engine->call->close(loop->engine, process->child.descriptor);
    process->reaped = true;
    list_remove(&loop->processes, &process->in_loop);
    process_release(process);
}

static void process_count(struct eddy_process *process, bool counts)
{
    if (process->counted != counts)
        process->loop->watched += counts ? 1 : (size_t)-1;
    process->counted = counts;
}

static void process_unwatch(struct eddy_process *process)
{
    struct eddy_loop *loop = process->loop;
    loop->engine->call->unwatch(loop->engine, &process->watch);
    process_count(process, false);
}

static void process_ended(struct eddy_process *process, int code)
{
    process->ended = true;
    process->code = code;
    process_unwatch(process);
    struct link *link;
    while ((link = list_take_first(&process->waiters)))
        wait_finish(container_of(link, struct wait, link), 0);
}

/* Takes its code if it has ended, and gives its number back unless its group is still to be had by
 * it. */
static void process_reap(struct eddy_process *process, int how)
{
    struct eddy_loop *loop = process->loop;
    bool keeps_number = process->child.has_group && !process->finished;
    int code;
    int r = loop->engine->call->process_reap(loop->engine, &process->child,
                                             how | (keeps_number ? WNOWAIT : 0), &code);
    if (r == 0)
        return;
    if (r < 0) {
        log_say(
            loop, EDDY_LOG_WARNING, EDDY_LOG_NOTE,
            "the exit code of process %d ('%s') is lost, 255 stands for it: somebody else waited "
            "for it, or SIGCHLD is ignored",
            (int)process->child.pid, process->name);
        code = LOST_CODE;
        keeps_number = false;
    }
    if (!process->ended)
        process_ended(process, code);
    if (!keeps_number)
        process_reaped(process);
}

static void process_ready(struct watch *watch, unsigned what)
{
    (void)what;
    process_reap(container_of(watch, struct eddy_process, watch), WNOHANG);
}

int process_watch(struct eddy_process *process)
{
    struct eddy_loop *loop = process->loop;
    process->watch = (struct watch){.descriptor = process->child.descriptor,
                                    .wanted = READY_READ,
                                    .level = true,
                                    .ready = process_ready};
    int r = loop->engine->call->watch(loop->engine, &process->watch);
    if (r < 0)
        return r;
    process_count(process, true);
    list_append(&loop->processes, &process->in_loop);
    process_keep(process);
    return 0;
}

/* ---- waits ---- */

struct process_wait {
    struct wait wait;
    struct timer timer;
    struct eddy_process *process;
};

static bool process_wait_abort(struct wait *wait)
{
    struct process_wait *waiter = container_of(wait, struct process_wait, wait);
    list_remove(&waiter->process->waiters, &wait->link);
    return true;
}

static void process_wait_late(struct timer *timer)
{
    struct process_wait *waiter = container_of(timer, struct process_wait, timer);
    if (waiter->process->ended) /* in this very turn: its task is on its way */
        return;
    list_remove(&waiter->process->waiters, &waiter->wait.link);
    wait_finish(&waiter->wait, -ETIMEDOUT);
}

static int process_park(struct process_wait *waiter)
{
    list_append(&waiter->process->waiters, &waiter->wait.link);
    return wait_park(&waiter->wait);
}

int eddy_process_wait(eddy_process *process, int *code)
{
    if (!task_current())
        return task_missing("eddy_process_wait");
    int r = process_check(process, "eddy_process_wait");
    if (r < 0)
        return r;
    process_keep(process);
    if (!process->ended) {
        struct process_wait waiter = {.process = process};
        r = wait_begin(&waiter.wait, "the end of a process", process_wait_abort);
        if (r == 0)
            r = process_park(&waiter);
    }
    if (r == 0 && code)
        *code = process->code;
    process_release(process);
    return r;
}

/* Whatever is cancelled, for so many seconds. */
static void process_wait_shielded(struct eddy_process *process, double seconds)
{
    struct timer_wheel *timers = &process->loop->timers;
    struct process_wait waiter = {.process = process};
    if (process->ended || wait_begin_shielded(&waiter.wait, "the end of a process") < 0)
        return;
    timer_init(&waiter.timer, process_wait_late);
    if (seconds < EDDY_FOREVER)
        timer_set(timers, &waiter.timer, loop_deadline(process->loop, seconds));
    (void)process_park(&waiter);
    timer_cancel(timers, &waiter.timer);
}

bool eddy_process_ended(const eddy_process *process, int *code)
{
    if (process_check(process, "eddy_process_ended") < 0 || !process->ended)
        return false;
    if (code)
        *code = process->code;
    return true;
}

pid_t eddy_process_pid(const eddy_process *process)
{
    return process ? process->child.pid : -EINVAL;
}

/* ---- signals ---- */

static int process_signal(struct eddy_process *process, int number)
{
    struct engine *engine = process->loop->engine;
    return engine->call->process_signal(engine, &process->child, number);
}

int eddy_process_send_signal(eddy_process *process, int number)
{
    int r = process_check(process, "eddy_process_send_signal");
    if (r < 0)
        return r;
    r = process->reaped ? -ESRCH : process_signal(process, number);
    if (r < 0)
        return eddy_fail(r, "signal %d can't be sent to process %d ('%s'): %s", number,
                         (int)process->child.pid, process->name,
                         r == -ESRCH ? "it has ended" : strerror(-r));
    return 0;
}

int eddy_process_terminate(eddy_process *process)
{
    return eddy_process_send_signal(process, SIGTERM);
}

int eddy_process_kill(eddy_process *process)
{
    return eddy_process_send_signal(process, SIGKILL);
}

/* ---- streams ---- */

void process_close_end(struct eddy_process *process, int which)
{
    struct eddy_stream *stream = process->streams[which];
    process->streams[which] = NULL;
    eddy_stream_close(stream);
}

static eddy_stream *process_stream(const eddy_process *process, int which, const char *call)
{
    return process_check(process, call) < 0 ? NULL : process->streams[which];
}

eddy_stream *eddy_process_stdin(const eddy_process *process)
{
    return process_stream(process, 0, "eddy_process_stdin");
}

eddy_stream *eddy_process_stdout(const eddy_process *process)
{
    return process_stream(process, 1, "eddy_process_stdout");
}

eddy_stream *eddy_process_stderr(const eddy_process *process)
{
    return process_stream(process, 2, "eddy_process_stderr");
}

int eddy_process_close_stream(eddy_process *process, eddy_stream *stream)
{
    int r = process_check(process, "eddy_process_close_stream");
    if (r < 0 || !stream)
        return r;
    for (int i = 0; i < 3; i++) {
        if (process->streams[i] != stream)
            continue;
        process_close_end(process, i);
        return 0;
    }
    return log_misuse(-EINVAL, "eddy_process_close_stream", "the stream isn't one of process %d's",
                      (int)process->child.pid);
}

/* ---- closing ---- */

/* Kills it, and what is left of its group. False: that can't be done. */
static bool process_kill(struct eddy_process *process)
{
    int r = process->reaped ? 0 : process_signal(process, SIGKILL);
    if (r == 0 || r == -ESRCH)
        return true;
    log_say(process->loop, EDDY_LOG_WARNING, EDDY_LOG_NOTE,
            "process %d ('%s') can't be killed, and is let go: %s", (int)process->child.pid,
            process->name, strerror(-r));
    return false;
}

/* After its end nothing more is to be had from its number. */
static bool process_finish(struct eddy_process *process)
{
    process->closed = process->finished = true;
    bool killed = process->child.has_group || !process->ended ? process_kill(process) : true;
    if (process->ended && !process->reaped)
        process_reap(process, WNOHANG);
    for (int i = 0; i < 3; i++)
        process_close_end(process, i);
    return killed;
}

void process_abandon(struct eddy_process *process)
{
    (void)process_finish(process);
    if (!process->waiters.first)
        process_count(process, false);
    process_release(process);
}

void eddy_process_close(eddy_process *process)
{
    if (!process || process_check(process, "eddy_process_close") < 0)
        return;
    bool in_task = task_current() != NULL;
    process->closed = true;
    process_close_end(process, 0);
    if (!process->ended && in_task && process->grace > 0 && process_signal(process, SIGTERM) == 0)
        process_wait_shielded(process, process->grace);
    if (in_task && process_finish(process))
        process_wait_shielded(process, EDDY_FOREVER);
    if (in_task)
        process_release(process);
    else
        process_abandon(process);
}

/* Signals may come meanwhile. */
static bool ends_within(int descriptor, int milliseconds)
{
    struct pollfd ended = {.fd = descriptor, .events = POLLIN};
    int64_t deadline = clock_monotonic() + milliseconds * INT64_C(1000000);
    int r;
    do {
        int64_t left = (deadline - clock_monotonic()) / 1000000;
        r = poll(&ended, 1, left > 0 ? (int)left : 0);
    } while (r < 0 && errno == EINTR);
    return r > 0;
}

/* With no task left, and maybe nobody who would ever turn the engine again. */
static void process_end_now(struct eddy_process *process)
{
    if (!process->closed)
        log_say(process->loop, EDDY_LOG_WARNING, EDDY_LOG_HANDLE_LOST,
                process->ended ? "process %d ('%s') was never closed"
                               : "process %d ('%s') was never closed, and is killed",
                (int)process->child.pid, process->name);
    bool killed = process_finish(process);
    if (process->reaped)
        return;
    if (killed && ends_within(process->child.descriptor, KILL_PATIENCE_MS))
        process_reap(process, WNOHANG);
    if (process->reaped)
        return;
    log_say(process->loop, EDDY_LOG_WARNING, EDDY_LOG_NOTE,
            "process %d ('%s') doesn't end, and is let go", (int)process->child.pid, process->name);
    process_unwatch(process);
    process_reaped(process);
}

void processes_destroy(struct eddy_loop *loop)
{
    struct link *link;
    while ((link = loop->processes.first)) {
        struct eddy_process *process = container_of(link, struct eddy_process, in_loop);
        bool owned = !process->closed;
        process_keep(process);
        process_end_now(process);
        if (owned)
            process_release(process);
        process_release(process);
    }
}
