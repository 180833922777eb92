/* SPDX-License-Identifier: MIT */
/*
 * Files: position, size, status, what is on the disk, advisory locks.
 */
#include <errno.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <string.h>
#include <unistd.h>
#include "eddy/task.h"
#include "failure.h"
#include "file.h"
#include "log.h"

/* How long a lock that is taken is left alone before it is tried again: at first, and at most. */
#define LOCK_PAUSE_FIRST 0.001
#define LOCK_PAUSE_MOST 0.1

int eddy_file_sync(eddy_file *file)
{
    int r = file_enter(file, "eddy_file_sync", NULL, 0);
    if (r < 0)
        return r;
    r = file_run(file, &(struct operation){.kind = OPERATION_SYNC}, "syncing");
    file_leave(file);
    return r;
}

int eddy_file_status(eddy_file *file, struct stat *status)
{
    int r = file_enter(file, "eddy_file_status", status, sizeof *status);
    if (r < 0)
        return r;
    r = file_run(file, &(struct operation){.kind = OPERATION_STATUS, .buffer = status},
                 "asking for the status of");
    file_leave(file);
    return r;
}

int eddy_file_truncate(eddy_file *file, uint64_t size)
{
    if (size > INT64_MAX)
        return log_misuse(-EINVAL, "eddy_file_truncate", "a size of %llu",
                          (unsigned long long)size);
    int r = file_take_turn(file, "eddy_file_truncate", NULL, 0);
    if (r < 0)
        return r;
    if (file->position >= 0) /* else they are gone from where they came */
        file_ahead_drop(file);
    r = file_run(file, &(struct operation){.kind = OPERATION_TRUNCATE, .offset = (int64_t)size},
                 "truncating");
    file_end_turn(file);
    return r;
}

/* ---- position ---- */

/* Where an offset counts from: negative errors. */
static int64_t seek_base(struct eddy_file *file, int whence)
{
    struct stat status;
    if (whence == SEEK_SET)
        return 0;
    if (whence == SEEK_CUR)
        return file->position;
    if (whence != SEEK_END)
        return log_misuse(-EINVAL, "eddy_file_seek",
                          "neither SEEK_SET, SEEK_CUR nor SEEK_END, but %d", whence);
    int r = file_run(file, &(struct operation){.kind = OPERATION_STATUS, .buffer = &status},
                     "asking for the size of");
    return r < 0 ? r : status.st_size;
}

static int64_t seek(struct eddy_file *file, int64_t offset, int whence)
{
    if (file->position < 0)
        return eddy_fail(-ESPIPE, "'%s' can't be sought: it %s", file->path,
                         file->appends ? "was opened with O_APPEND" : "is no file with a position");
    int64_t base = seek_base(file, whence);
    if (base < 0)
        return base;
    int64_t position;
    if (__builtin_add_overflow(base, offset, &position) || position < 0)
        return eddy_fail(-EINVAL, "seeking in '%s' to %lld from %lld: before its beginning%s",
                         file->path, (long long)offset, (long long)base,
                         offset > 0 ? ", or too far" : "");
    file_ahead_drop(file);
    return file->position = position;
}

int64_t eddy_file_seek(eddy_file *file, int64_t offset, int whence)
{
    int64_t r = file_take_turn(file, "eddy_file_seek", NULL, 0);
    if (r < 0)
        return r;
    r = seek(file, offset, whence);
    file_end_turn(file);
    return r;
}

/* ---- advisory locks ---- */

static int lock_once(struct eddy_file *file, int how)
{
    struct operation operation = {
        .kind = OPERATION_LOCK, .descriptor = file->descriptor, .flags = how | LOCK_NB};
    return operation_run(&operation);
}

/* A flock that waits would hold a thread that no cancel reaches: so it is tried again and again. */
static int lock_file(struct eddy_file *file, int how, bool wait)
{
    double pause = LOCK_PAUSE_FIRST;
    int r;
    while ((r = lock_once(file, how)) == -EWOULDBLOCK && wait) {
        r = eddy_sleep(pause);
        if (r < 0)
            break;
        pause = 2 * pause < LOCK_PAUSE_MOST ? 2 * pause : LOCK_PAUSE_MOST;
    }
    if (r == -EWOULDBLOCK)
        return eddy_fail(r, "'%s' is locked by another", file->path);
    return r < 0 && r != -ECANCELED ? eddy_fail(r, "locking '%s': %s", file->path, strerror(-r))
                                    : r;
}

int eddy_file_lock(eddy_file *file, enum eddy_file_lock_kind kind, bool wait)
{
    if (kind != EDDY_FILE_SHARED && kind != EDDY_FILE_EXCLUSIVE)
        return log_misuse(-EINVAL, "eddy_file_lock", "a lock of the kind %d", (int)kind);
    int r = file_enter(file, "eddy_file_lock", NULL, 0);
    if (r < 0)
        return r;
    r = lock_file(file, kind == EDDY_FILE_SHARED ? LOCK_SH : LOCK_EX, wait);
    file_leave(file);
    return r;
}

int eddy_file_unlock(eddy_file *file)
{
    int r = file_enter(file, "eddy_file_unlock", NULL, 0);
    if (r < 0)
        return r;
    r = operation_run_shielded(&(struct operation){
        .kind = OPERATION_LOCK, .descriptor = file->descriptor, .flags = LOCK_UN});
    if (r < 0)
        eddy_fail(r, "unlocking '%s': %s", file->path, strerror(-r));
    file_leave(file);
    return r;
}
