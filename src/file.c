/* SPDX-License-Identifier: MIT */
/*
 * Files: a descriptor, its path for the failures, and operations that run elsewhere (operation.c).
 * The idea is in file.h, lines are in file_line.c.
 *
 * Closing is the exception: it is done here and now. On local files close(2) doesn't wait for the
 * disk, and clean-up must work in a cancelled scope and outside of tasks.
 */
#include "file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "failure.h"
#include "log.h"
#include "memory.h"
#include "task.h"

enum {
    STREAK_MOST = 64, /* reads of memory after which others get their turn */
    MISSES_MOST = 8,  /* then only one read in so many looks whether it is in memory */
};

/* ---- calls ---- */

/* A system may hold the number while an operation runs: it isn't given back before that ended. */
int file_release(struct eddy_file *file)
{
    if (--file->references > 0)
        return 0;
    int r = operation_close(file->descriptor);
    if (r < 0)
        eddy_fail(r, "closing '%s': %s", file->path, strerror(-r));
    memory_free(file->ahead);
    memory_free(file);
    return r;
}

int file_enter(struct eddy_file *file, const char *call, const void *buffer, size_t size)
{
    if (!file)
        return log_misuse(-EINVAL, call, "the file is NULL");
    if (size > SSIZE_MAX)
        return log_misuse(-EINVAL, call, "a size of %zu", size);
    if (!buffer && size)
        return log_misuse(-EINVAL, call, "the buffer is NULL");
    if (!task_current())
        return log_misuse(-EINVAL, call, "awaited outside a task");
    file->references++; /* another task may close it meanwhile */
    return 0;
}

void file_leave(struct eddy_file *file)
{
    (void)file_release(file);
}

int file_take_turn(struct eddy_file *file, const char *call, const void *buffer, size_t size)
{
    int r = file_enter(file, call, buffer, size);
    if (r < 0)
        return r;
    r = eddy_lock_acquire(&file->turn);
    if (r < 0)
        file_leave(file);
    return r;
}

void file_end_turn(struct eddy_file *file)
{
    (void)eddy_lock_release(&file->turn);
    file_leave(file);
}

int file_run(struct eddy_file *file, struct operation *operation, const char *doing)
{
    operation->descriptor = file->descriptor;
    int r = operation_run(operation);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "%s '%s': %s", doing, file->path, strerror(-r));
    return r;
}

/* ---- opening and closing ---- */

/* -1: the system keeps it, since what is written goes to the end, or it can't be sought. */
static void position_after_open(struct eddy_file *file)
{
    struct engine *engine = loop_self->engine;
    int64_t position = engine->call->position(engine, file->descriptor);
    file->by_call = position == -ESPIPE;
    file->position = position < 0 || file->appends ? -1 : position;
}

int eddy_file_open(const char *path, int flags, mode_t mode, eddy_file **ret_file)
{
    if (!path || !ret_file)
        return log_misuse(-EINVAL, "eddy_file_open", "the %s is NULL", path ? "file" : "path");
    if (!task_current())
        return log_misuse(-EINVAL, "eddy_file_open", "awaited outside a task");
    size_t length = strlen(path);
    struct eddy_file *file = memory_allocate_zeroed(1, sizeof *file + length + 1);
    if (!file)
        return eddy_fail(-ENOMEM, "no memory for a file");
    file->references = 1;
    file->appends = flags & O_APPEND;
    memcpy(file->path, path, length + 1);
    struct operation operation = {
        .kind = OPERATION_OPEN, .path = file->path, .flags = flags | O_CLOEXEC, .mode = mode};
    int r = operation_run(&operation);
    if (r < 0) {
        memory_free(file);
        return r == -ECANCELED ? r : eddy_fail(r, "can't open '%s': %s", path, strerror(-r));
    }
    file->descriptor = r;
    position_after_open(file);
    *ret_file = file;
    return 0;
}

int eddy_file_close(eddy_file *file)
{
    return file ? file_release(file) : 0;
}

int eddy_file_descriptor(const eddy_file *file)
{
    return file ? file->descriptor : -EINVAL;
}

/* ---- reading ---- */

/* What is in memory: -EAGAIN for nothing. Not in a cancelled scope, where nothing is begun, whether
 * it has to wait or not; nor every time if it was in vain before, as with files that are read
 * once. */
static ssize_t read_now(struct eddy_file *file, char *buffer, size_t size, int64_t offset)
{
    struct task *task = task_current();
    struct engine *engine = loop_self->engine;
    if (offset < 0 || task->refused)
        return -EAGAIN;
    if (file->misses >= MISSES_MOST && ++file->misses % MISSES_MOST)
        return -EAGAIN;
    if (++file->streak > STREAK_MOST) {
        file->streak = 0;
        task_yield(task);
    }
    if (size > OPERATION_SIZE_MAX)
        size = OPERATION_SIZE_MAX;
    ssize_t n = engine->call->read_now(engine, file->descriptor, buffer, size, offset);
    if (n >= 0)
        file->misses = 0;
    else if (file->misses < MISSES_MOST)
        file->misses++;
    return n < 0 ? -EAGAIN : n;
}

static ssize_t read_waiting(struct eddy_file *file, char *buffer, size_t size, int64_t offset)
{
    struct operation operation = {
        .kind = OPERATION_READ, .buffer = buffer, .size = size, .offset = offset};
    file->streak = 0;
    return file_run(file, &operation, "reading from");
}

/* Part of it may be in memory. The end of the file is known there, too: so the second look tells it
 * from a part that isn't, without an operation. */
ssize_t file_read_at(struct eddy_file *file, void *buffer, size_t size, int64_t offset)
{
    if (!size)
        return 0;
    ssize_t n = read_now(file, buffer, size, offset);
    if (n < 0)
        return read_waiting(file, buffer, size, offset);
    if (n == 0 || (size_t)n == size)
        return n;
    char *rest = (char *)buffer + n;
    ssize_t more = read_now(file, rest, size - (size_t)n, offset + n);
    if (more < 0)
        more = read_waiting(file, rest, size - (size_t)n, offset + n);
    return more > 0 ? n + more : n; /* what was read wins over an error and a cancel behind it */
}

static ssize_t read_in_turn(struct eddy_file *file, void *buffer, size_t size)
{
    ssize_t r = (ssize_t)file_ahead_take(file, buffer, size);
    if (r == 0)
        r = file_read_at(file, buffer, size, file->position);
    if (r > 0 && file->position >= 0)
        file->position += r;
    return r;
}

ssize_t eddy_file_read(eddy_file *file, void *buffer, size_t size)
{
    ssize_t r = file_take_turn(file, "eddy_file_read", buffer, size);
    if (r < 0)
        return r;
    r = read_in_turn(file, buffer, size);
    file_end_turn(file);
    return r;
}

/* ---- writing ---- */

ssize_t file_write_at(struct eddy_file *file, const char *data, size_t size, int64_t offset,
                      size_t *ret_written)
{
    size_t written = 0;
    int r = 0;
    while (written < size) {
        struct operation operation = {.kind = OPERATION_WRITE,
                                      .descriptor = file->descriptor,
                                      .buffer = (void *)(data + written),
                                      .size = size - written,
                                      .offset = offset < 0 ? offset : offset + (int64_t)written,
                                      .by_call = file->by_call};
        r = operation_run(&operation);
        if (r == 0) /* or it would be tried for ever */
            r = -EIO;
        if (r < 0)
            break;
        written += (size_t)r;
    }
    if (r < 0 && (r != -ECANCELED || written))
        eddy_fail(r, "writing to '%s', after %zu of %zu bytes: %s", file->path, written, size,
                  strerror(-r));
    *ret_written = written;
    return r < 0 ? r : (ssize_t)size;
}

static ssize_t write_in_turn(struct eddy_file *file, const void *data, size_t size)
{
    size_t written;
    file_ahead_drop(file);
    ssize_t r = file_write_at(file, data, size, file->position, &written);
    if (file->position >= 0)
        file->position += (int64_t)written;
    return r;
}

/* What can't be sought has no position to share, and may have a reader that waits for this
 * write. */
ssize_t eddy_file_write(eddy_file *file, const void *data, size_t size)
{
    ssize_t r = file_enter(file, "eddy_file_write", data, size);
    if (r < 0)
        return r;
    size_t written;
    if (file->position < 0 && !file->appends) {
        r = file_write_at(file, data, size, -1, &written);
    } else if ((r = eddy_lock_acquire(&file->turn)) == 0) {
        r = write_in_turn(file, data, size);
        (void)eddy_lock_release(&file->turn);
    }
    file_leave(file);
    return r;
}

/* ---- at an offset ---- */

static int check_offset(const char *call, uint64_t offset, size_t size)
{
    if (offset > (uint64_t)INT64_MAX - size)
        return log_misuse(-EINVAL, call, "an offset of %llu", (unsigned long long)offset);
    return 0;
}

ssize_t eddy_file_pread(eddy_file *file, void *buffer, size_t size, uint64_t offset)
{
    ssize_t r = file_enter(file, "eddy_file_pread", buffer, size);
    if (r < 0)
        return r;
    r = check_offset("eddy_file_pread", offset, size);
    if (r == 0)
        r = file_read_at(file, buffer, size, (int64_t)offset);
    file_leave(file);
    return r;
}

ssize_t eddy_file_pwrite(eddy_file *file, const void *data, size_t size, uint64_t offset)
{
    ssize_t r = file_enter(file, "eddy_file_pwrite", data, size);
    if (r < 0)
        return r;
    size_t written;
    r = check_offset("eddy_file_pwrite", offset, size);
    if (r == 0)
        r = file_write_at(file, data, size, (int64_t)offset, &written);
    file_leave(file);
    return r;
}
