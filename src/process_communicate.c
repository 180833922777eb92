/* SPDX-License-Identifier: MIT */
/*
 * communicate: feeds and reads at the same time, each pipe by a task of a group, so that none of
 * them can fill up while another is waited for. What was read and how much was fed is in the
 * processes, so a cancel loses neither.
 */
#include <stdlib.h>
#include <string.h>
#include "eddy/group.h"
#include "log.h"
#include "memory.h"
#include "process.h"
#include "task.h"

#define CAPTURE_FIRST 4096

/* ---- the parts ---- */

struct feed {
    struct eddy_process *process;
    const char *input;
    size_t size;
};

/* A child that has had enough is no error. */
static int feed(struct feed *a)
{
    struct eddy_process *process = a->process;
    struct eddy_stream *stream = process->streams[0];
    while (process->fed < a->size) {
        ssize_t n = eddy_stream_write_some(stream, a->input + process->fed, a->size - process->fed);
        if (n == -EPIPE || n == -ECONNRESET)
            break;
        if (n < 0)
            return (int)n;
        process->fed += (size_t)n;
    }
    if (process->streams[0] == stream)
        process_close_end(process, 0);
    return 0;
}

/* Room for at least one byte, and for the NUL that comes behind what is read. */
static int capture_grow(struct process_capture *capture, size_t limit)
{
    if (capture->capacity - capture->size > 1 || (capture->data && capture->size == limit))
        return 0;
    size_t capacity = capture->capacity ? 2 * capture->capacity : CAPTURE_FIRST;
    if (capacity > limit + 1 || capacity < capture->capacity)
        capacity = limit + 1;
    char *larger = memory_reallocate(capture->data, capacity);
    if (!larger)
        return eddy_fail(-ENOMEM, "no memory for a process's output, %zu bytes", capacity);
    capture->data = larger;
    capture->capacity = capacity;
    return 0;
}

/* At the limit one byte more tells an end from an output that is too long. */
static ssize_t capture_read(struct process_capture *capture, struct eddy_stream *stream,
                            size_t limit)
{
    int r = capture_grow(capture, limit);
    if (r < 0)
        return r;
    char byte;
    bool full = capture->size == limit;
    ssize_t n = full ? eddy_stream_read(stream, &byte, 1)
                     : eddy_stream_read(stream, capture->data + capture->size,
                                        capture->capacity - capture->size - 1);
    if (n > 0 && full)
        capture->exceeded = true;
    else if (n > 0)
        capture->size += (size_t)n;
    capture->data[capture->size] = '\0';
    return n;
}

struct drain {
    struct eddy_process *process;
    int which; /* 1 or 2 */
};

static int drain(struct drain *a)
{
    struct eddy_process *process = a->process;
    struct process_capture *capture = &process->captures[a->which - 1];
    struct eddy_stream *stream = process->streams[a->which];
    ssize_t n = 1;
    while (n > 0 && !capture->exceeded)
        n = capture_read(capture, stream, process->limit);
    if (capture->exceeded)
        return eddy_fail(-EMSGSIZE, "%s of process %d ('%s') is longer than %zu bytes",
                         a->which == 1 ? "stdout" : "stderr", (int)process->child.pid,
                         process->name, process->limit);
    if (n == 0 && process->streams[a->which] == stream)
        process_close_end(process, a->which);
    return (int)n;
}

/* ---- all of them ---- */

struct communication {
    eddy_process *const *processes;
    size_t count;
    const char *input;
    size_t size;
};

static size_t count_pipes(const struct communication *all)
{
    size_t count = all->processes[0]->streams[0] != NULL;
    for (size_t i = 0; i < all->count; i++)
        count += (all->processes[i]->streams[1] != NULL) + (all->processes[i]->streams[2] != NULL);
    return count;
}

/* With one pipe there is nothing to be done at the same time. */
static int communicate_one(const struct communication *all)
{
    if (all->processes[0]->streams[0])
        return feed(&(struct feed){all->processes[0], all->input, all->size});
    for (size_t i = 0; i < all->count; i++)
        for (int which = 1; which <= 2; which++)
            if (all->processes[i]->streams[which])
                return drain(&(struct drain){all->processes[i], which});
    return 0;
}

static int communicate_many(const struct communication *all)
{
    int err;
    eddy_with_group (g, &err) {
        if (all->processes[0]->streams[0])
            eddy_spawn(g, feed, .process = all->processes[0], .input = all->input,
                       .size = all->size);
        for (size_t i = 0; i < all->count; i++)
            for (int which = 1; which <= 2; which++)
                if (all->processes[i]->streams[which])
                    eddy_spawn(g, drain, .process = all->processes[i], .which = which);
    }
    return err;
}

static int communicate(const struct communication *all, int *codes)
{
    int r = count_pipes(all) > 1 ? communicate_many(all) : communicate_one(all);
    for (size_t i = 0; r == 0 && i < all->count; i++)
        r = eddy_process_wait(all->processes[i], NULL);
    for (size_t i = 0; r == 0 && codes && i < all->count; i++)
        codes[i] = all->processes[i]->code;
    return r;
}

static int check(const struct communication *all)
{
    const char *call = "eddy_process_communicate";
    if (!task_current())
        return task_missing(call);
    if (!all->processes || !all->count)
        return log_misuse(-EINVAL, call, "no processes");
    for (size_t i = 0; i < all->count; i++) {
        int r = process_check(all->processes[i], call);
        if (r < 0)
            return r;
        if (all->processes[i]->communicating)
            return eddy_fail(-EBUSY, "%s: another task communicates with process %d ('%s')", call,
                             (int)all->processes[i]->child.pid, all->processes[i]->name);
    }
    const struct eddy_process *first = all->processes[0];
    if (all->size && (!all->input || (!first->streams[0] && !first->fed)))
        return log_misuse(-EINVAL, call,
                          all->input ? "input for process %d ('%s'), whose stdin isn't a pipe"
                                     : "no input: NULL, for process %d ('%s')",
                          (int)first->child.pid, first->name);
    if (all->size < first->fed)
        return log_misuse(-EINVAL, call, "less input than was fed already to process %d ('%s')",
                          (int)first->child.pid, first->name);
    return 0;
}

int eddy_process_communicate_all(eddy_process *const *processes, size_t count, const void *input,
                                 size_t size, int *codes)
{
    const struct communication all = {processes, count, input, size};
    int r = check(&all);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        process_keep(processes[i]);
        processes[i]->communicating = true;
    }
    r = communicate(&all, codes);
    for (size_t i = 0; i < count; i++) {
        processes[i]->communicating = false;
        process_release(processes[i]);
    }
    return r;
}

int eddy_process_communicate(eddy_process *process, const void *input, size_t size, int *code)
{
    return eddy_process_communicate_all(&process, 1, input, size, code);
}

/* ---- what was read ---- */

static const char *captured(const eddy_process *process, int which, size_t *size, const char *call)
{
    const struct process_capture *capture = NULL;
    if (process_check(process, call) == 0)
        capture = &process->captures[which];
    if (size)
        *size = capture ? capture->size : 0;
    return capture && capture->data ? capture->data : "";
}

const char *eddy_process_output(const eddy_process *process, size_t *size)
{
    return captured(process, 0, size, "eddy_process_output");
}

const char *eddy_process_errors(const eddy_process *process, size_t *size)
{
    return captured(process, 1, size, "eddy_process_errors");
}
