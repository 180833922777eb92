/* SPDX-License-Identifier: MIT */
/*
 * Files: a descriptor, its path for the failures, and operations that run elsewhere (operation.c).
 *
 * Closing is the exception: it is done here and now. On local files close(2) doesn't wait for the
 * disk, and clean-up must work in a cancelled scope and outside of tasks.
 *
 * The position of a seekable file is kept here, and every operation names its offset: the ring
 * doesn't move the kernel's own one on when a write breaks off with an error after a part (a full
 * disk), and what is written next would land on top of that part.
 */
#include "eddy/file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "failure.h"
#include "log.h"
#include "memory.h"
#include "operation.h"
#include "task.h"

struct eddy_file {
    int descriptor;
    unsigned references; /* the owner's, and one an operation under way */
    int64_t position;    /* -1: the kernel's (pipes, devices, O_APPEND) */
    char path[];
};

/* A system may hold the number while an operation runs: it isn't given back before that ended. */
static int file_release(struct eddy_file *file)
{
    if (--file->references > 0)
        return 0;
    int r = operation_close(file->descriptor);
    if (r < 0)
        eddy_fail(r, "closing '%s': %s", file->path, strerror(-r));
    memory_free(file);
    return r;
}

/* 0, or the error to return. */
static int file_check(const struct eddy_file *file, const char *call, const void *buffer,
                      size_t size)
{
    if (!file)
        return log_misuse(-EINVAL, call, "the file is NULL");
    if (size > SSIZE_MAX)
        return log_misuse(-EINVAL, call, "a size of %zu", size);
    if (!buffer && size)
        return log_misuse(-EINVAL, call, "the buffer is NULL");
    if (!task_current())
        return log_misuse(-EINVAL, call, "awaited outside a task");
    return 0;
}

/* -1: the system keeps it, since what is written goes to the end, or it can't be sought. */
static int64_t position_after_open(int descriptor, int flags)
{
    struct engine *engine = loop_self->engine;
    int64_t position = flags & O_APPEND ? -1 : engine->call->position(engine, descriptor);
    return position < 0 ? -1 : position;
}

int eddy_file_open(const char *path, int flags, mode_t mode, eddy_file **ret_file)
{
    if (!path || !ret_file)
        return log_misuse(-EINVAL, "eddy_file_open", "the %s is NULL", path ? "file" : "path");
    if (!task_current())
        return log_misuse(-EINVAL, "eddy_file_open", "awaited outside a task");
    size_t length = strlen(path);
    struct eddy_file *file = memory_allocate(sizeof *file + length + 1);
    if (!file)
        return eddy_fail(-ENOMEM, "no memory for a file");
    file->references = 1;
    memcpy(file->path, path, length + 1);
    struct operation operation = {
        .kind = OPERATION_OPEN, .path = file->path, .flags = flags | O_CLOEXEC, .mode = mode};
    int r = operation_run(&operation);
    if (r < 0) {
        memory_free(file);
        return r == -ECANCELED ? r : eddy_fail(r, "can't open '%s': %s", path, strerror(-r));
    }
    file->descriptor = r;
    file->position = position_after_open(r, flags);
    *ret_file = file;
    return 0;
}

/* One read: offset -1 is the file's position. */
static ssize_t file_read(struct eddy_file *file, void *buffer, size_t size, int64_t offset)
{
    if (!size)
        return 0;
    struct operation operation = {.kind = OPERATION_READ,
                                  .descriptor = file->descriptor,
                                  .buffer = buffer,
                                  .size = size,
                                  .offset = offset};
    file->references++;
    int r = operation_run(&operation);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "reading from '%s': %s", file->path, strerror(-r));
    (void)file_release(file);
    return r;
}

/* As many writes as it takes; *ret_written also counts those before an error. */
static ssize_t file_write(struct eddy_file *file, const char *data, size_t size, int64_t offset,
                          size_t *ret_written)
{
    size_t written = 0;
    int r = 0;
    file->references++;
    while (written < size) {
        struct operation operation = {.kind = OPERATION_WRITE,
                                      .descriptor = file->descriptor,
                                      .buffer = (void *)(data + written),
                                      .size = size - written,
                                      .offset = offset < 0 ? offset : offset + (int64_t)written};
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
    (void)file_release(file);
    return r < 0 ? r : (ssize_t)size;
}

ssize_t eddy_file_read(eddy_file *file, void *buffer, size_t size)
{
    ssize_t r = file_check(file, "eddy_file_read", buffer, size);
    if (r < 0)
        return r;
    file->references++; /* another task may close it meanwhile */
    r = file_read(file, buffer, size, file->position);
    if (r > 0 && file->position >= 0)
        file->position += r;
    (void)file_release(file);
    return r;
}

ssize_t eddy_file_write(eddy_file *file, const void *data, size_t size)
{
    ssize_t r = file_check(file, "eddy_file_write", data, size);
    if (r < 0)
        return r;
    size_t written;
    file->references++; /* another task may close it meanwhile */
    r = file_write(file, data, size, file->position, &written);
    if (file->position >= 0)
        file->position += (int64_t)written;
    (void)file_release(file);
    return r;
}

static int check_offset(const char *call, uint64_t offset, size_t size)
{
    if (offset > (uint64_t)INT64_MAX - size)
        return log_misuse(-EINVAL, call, "an offset of %llu", (unsigned long long)offset);
    return 0;
}

ssize_t eddy_file_pread(eddy_file *file, void *buffer, size_t size, uint64_t offset)
{
    int r = file_check(file, "eddy_file_pread", buffer, size);
    if (r == 0)
        r = check_offset("eddy_file_pread", offset, size);
    return r < 0 ? r : file_read(file, buffer, size, (int64_t)offset);
}

ssize_t eddy_file_pwrite(eddy_file *file, const void *data, size_t size, uint64_t offset)
{
    int r = file_check(file, "eddy_file_pwrite", data, size);
    if (r == 0)
        r = check_offset("eddy_file_pwrite", offset, size);
    size_t written;
    return r < 0 ? r : file_write(file, data, size, (int64_t)offset, &written);
}

int eddy_file_sync(eddy_file *file)
{
    int r = file_check(file, "eddy_file_sync", NULL, 0);
    if (r < 0)
        return r;
    struct operation operation = {.kind = OPERATION_SYNC, .descriptor = file->descriptor};
    file->references++;
    r = operation_run(&operation);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "syncing '%s': %s", file->path, strerror(-r));
    (void)file_release(file);
    return r;
}

int eddy_file_close(eddy_file *file)
{
    return file ? file_release(file) : 0;
}

int eddy_file_descriptor(const eddy_file *file)
{
    return file ? file->descriptor : -EINVAL;
}
