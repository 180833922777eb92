/* SPDX-License-Identifier: MIT */
/*
 * Whole operations on files: the ring's way and the pool's way behind one function.
 */
#include "operation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "eddy/pool.h"
#include "eddy/scope.h"
#include "task.h"

/* ---- by the engine ---- */

struct engine_operation {
    struct operation operation;
    struct wait wait;
    struct engine *engine;
    bool cancelled;
};

static void engine_operation_done(struct operation *operation, int result)
{
    wait_finish(&container_of(operation, struct engine_operation, operation)->wait, result);
}

static bool engine_operation_abort(struct wait *wait)
{
    struct engine_operation *running = container_of(wait, struct engine_operation, wait);
    if (!running->cancelled)
        running->engine->call->cancel(running->engine, &running->operation);
    running->cancelled = true;
    return false;
}

/* False: it was not begun, and this engine never will. */
static bool run_by_engine(const struct operation *operation, int *ret_result)
{
    for (;;) {
        struct engine_operation running = {.operation = *operation, .engine = loop_self->engine};
        running.operation.done = engine_operation_done;
        int r = wait_begin(&running.wait, "a file operation", engine_operation_abort);
        if (r == 0) {
            r = running.engine->call->submit(running.engine, &running.operation);
            if (r == -ENOTSUP)
                return false;
            if (r == 0)
                r = wait_park(&running.wait);
            if (r == -EINTR && running.cancelled) {
                scope_mark_interrupted(running.wait.task);
                r = -ECANCELED;
            }
        }
        if (r == -EINTR)
            continue;
        *ret_result = r;
        return true;
    }
}

/* ---- by a thread ---- */

static ssize_t read_blocking(const struct operation *operation)
{
    if (operation->offset < 0)
        return read(operation->descriptor, operation->buffer, operation->size);
    return pread(operation->descriptor, operation->buffer, operation->size, operation->offset);
}

static ssize_t write_blocking(const struct operation *operation)
{
    if (operation->offset < 0)
        return write(operation->descriptor, operation->buffer, operation->size);
    return pwrite(operation->descriptor, operation->buffer, operation->size, operation->offset);
}

static ssize_t copy_blocking(const struct operation *operation)
{
    off_t from = operation->offset, to = operation->offset;
    return copy_file_range(operation->descriptor, &from, operation->second_descriptor, &to,
                           operation->size, 0);
}

static ssize_t extent_blocking(const struct operation *operation)
{
    off_t begin = lseek(operation->descriptor, operation->offset, SEEK_DATA);
    off_t end = begin < 0 ? begin : lseek(operation->descriptor, begin, SEEK_HOLE);
    if (end >= 0)
        *(struct extent *)operation->buffer = (struct extent){.begin = begin, .end = end};
    return end < 0 ? -1 : 0;
}

static ssize_t call_blocking(const struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_OPEN:
        return openat(operation_directory(operation), operation->path, operation->flags,
                      operation->mode);
    case OPERATION_READ:
        return read_blocking(operation);
    case OPERATION_WRITE:
        return write_blocking(operation);
    case OPERATION_SYNC:
        return fsync(operation->descriptor);
    case OPERATION_CLOSE:
        return close(operation->descriptor);
    case OPERATION_MAKE_DIRECTORY:
        return mkdir(operation->path, operation->mode);
    case OPERATION_RENAME:
        return rename(operation->path, operation->second_path);
    case OPERATION_UNLINK:
        return unlinkat(operation_directory(operation), operation->path, 0);
    case OPERATION_REMOVE_DIRECTORY:
        return unlinkat(operation_directory(operation), operation->path, AT_REMOVEDIR);
    case OPERATION_STATUS:
        if (!operation->path)
            return fstat(operation->descriptor, operation->buffer);
        return fstatat(operation_directory(operation), operation->path, operation->buffer,
                       operation->flags);
    case OPERATION_TRUNCATE:
        return ftruncate(operation->descriptor, operation->offset);
    case OPERATION_LIST:
        return syscall(SYS_getdents64, operation->descriptor, operation->buffer, operation->size);
    case OPERATION_LOCK:
        return flock(operation->descriptor, operation->flags);
    case OPERATION_COPY:
        return copy_blocking(operation);
    case OPERATION_EXTENT:
        return extent_blocking(operation);
    case OPERATION_NOTIFY:
        return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    case OPERATION_NOTIFY_ADD:
        return inotify_add_watch(operation->descriptor, operation->path,
                                 (uint32_t)operation->flags);
    case OPERATION_NOTIFY_REMOVE:
        return inotify_rm_watch(operation->descriptor, operation->flags);
    }
    errno = EINVAL;
    return -1;
}

/* In a thread of the pool, which works on the task's own memory: eddy_to_thread waits for it. */
static int operation_block(struct operation *operation)
{
    for (;;) {
        ssize_t result = call_blocking(operation);
        if (result >= 0)
            return (int)result;
        if (errno != EINTR || operation->kind == OPERATION_CLOSE)
            return -errno;
    }
}

/* ---- either ---- */

int operation_run(struct operation *operation)
{
    if (operation->size > OPERATION_SIZE_MAX)
        operation->size = OPERATION_SIZE_MAX;
    int r;
    if (loop_self && loop_self->engine->call->submits && run_by_engine(operation, &r))
        return r;
    return eddy_to_thread(operation_block, operation);
}

int operation_run_shielded(struct operation *operation)
{
    int r = 0;
    if (!task_current())
        return operation_block(operation);
    eddy_with_shield (EDDY_FOREVER) {
        r = operation_run(operation);
    }
    return r;
}

int operation_close(int descriptor)
{
    struct engine *engine = loop_self ? loop_self->engine : NULL;
    return engine ? engine->call->close(engine, descriptor) : engine_socket_close(NULL, descriptor);
}
