/* SPDX-License-Identifier: MIT */
/*
 * Copying files: by copy_file_range where the file systems can do it, else by reading and writing;
 * into a temporary file, which then takes the place. What is a hole stays one.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "failure.h"
#include "file.h"
#include "log.h"
#include "memory.h"
#include "task.h"
#include "temporary.h"

enum {
    RANGE_SIZE = 8 << 20, /* at a time: what a cancel may have to wait for */
    BLOCK_SIZE = 128 << 10,
};

/* Not between these files, on this system or in this sandbox: what is really forbidden is so for a
 * write, too. */
static bool is_inability(int code)
{
    return code == -EXDEV || code == -EINVAL || code == -ENOSYS || code == -EOPNOTSUPP ||
           code == -EPERM || code == -ETXTBSY;
}

/* As far as it goes; *offset is where that is. */
static int copy_ranges(struct eddy_file *from, struct eddy_file *to, int64_t *offset, int64_t end)
{
    while (*offset < end) {
        struct operation operation = {.kind = OPERATION_COPY,
                                      .descriptor = from->descriptor,
                                      .second_descriptor = to->descriptor,
                                      .size = end - *offset < RANGE_SIZE ? (size_t)(end - *offset)
                                                                         : RANGE_SIZE,
                                      .offset = *offset};
        int r = operation_run(&operation);
        if (r <= 0)
            return is_inability(r) ? 0 : r;
        *offset += r;
    }
    return 0;
}

/* What is left of it, or of the file, if anything: what calls itself empty (/proc) may have
 * bytes. */
static int copy_blocks(struct eddy_file *from, struct eddy_file *to, int64_t offset, int64_t end)
{
    size_t written;
    if (offset == end)
        return 0;
    char *block = memory_allocate(BLOCK_SIZE);
    if (!block)
        return eddy_fail(-ENOMEM, "no memory to copy '%s'", from->path);
    ssize_t n = 1;
    while (n > 0 && offset < end) {
        size_t size = end - offset < BLOCK_SIZE ? (size_t)(end - offset) : BLOCK_SIZE;
        n = file_read_at(from, block, size, from->position < 0 ? -1 : offset);
        ssize_t r = n > 0 ? file_write_at(to, block, (size_t)n, offset, &written) : n;
        if (r < 0)
            n = r;
        else
            offset += n;
    }
    memory_free(block);
    return n < 0 ? (int)n : 0;
}

static int copy_failed(const struct eddy_file *from, int64_t offset, int code)
{
    return code == -ECANCELED ? code
                              : eddy_fail(code, "copying '%s', after %lld bytes: %s", from->path,
                                          (long long)offset, strerror(-code));
}

static int copy_part(struct eddy_file *from, struct eddy_file *to, int64_t offset, int64_t end)
{
    int r = from->position < 0 ? 0 : copy_ranges(from, to, &offset, end); /* a pipe has none */
    return r < 0 ? copy_failed(from, offset, r) : copy_blocks(from, to, offset, end);
}

/* The parts between holes, and a hole that is the end. Where it can't be told where they are, all
 * of what is left. */
static int copy_around_holes(struct eddy_file *from, struct eddy_file *to, int64_t size)
{
    struct extent extent = {.end = 0};
    for (;;) {
        struct operation operation = {.kind = OPERATION_EXTENT,
                                      .descriptor = from->descriptor,
                                      .offset = extent.end,
                                      .buffer = &extent};
        int r = operation_run(&operation);
        if (r == -ENXIO)
            return extent.end < size ? eddy_file_truncate(to, (uint64_t)size) : 0;
        if (r < 0)
            return is_inability(r) ? copy_part(from, to, extent.end, INT64_MAX)
                                   : copy_failed(from, extent.end, r);
        r = copy_part(from, to, extent.begin, extent.end);
        if (r < 0)
            return r;
    }
}

static int copy_bytes(struct eddy_file *from, const struct stat *status, struct eddy_file *to)
{
    bool has_holes = S_ISREG(status->st_mode) && from->position >= 0 &&
                     status->st_blocks < status->st_size / 512; /* or is compressed: no harm done */
    return has_holes ? copy_around_holes(from, to, status->st_size)
                     : copy_part(from, to, 0, INT64_MAX);
}

/* Whether that may be replaced by a copy of what has this status. */
static int check_target(const char *to, const struct stat *source)
{
    struct stat status;
    int r = eddy_path_status(to, &status, false);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    if (S_ISDIR(status.st_mode))
        return eddy_fail(-EISDIR, "can't copy over '%s': it is a directory", to);
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
        return eddy_fail(-EINVAL, "can't copy over '%s': it is no file", to);
    if (status.st_dev == source->st_dev && status.st_ino == source->st_ino)
        return eddy_fail(-EINVAL, "can't copy over '%s': it is the same file", to);
    return 0;
}

static int copy_file(struct eddy_file *from, const char *to)
{
    struct eddy_temporary *temporary;
    struct stat status;
    int r = eddy_file_status(from, &status);
    if (r == 0 && S_ISDIR(status.st_mode))
        r = eddy_fail(-EISDIR, "can't copy '%s': it is a directory", from->path);
    if (r == 0)
        r = check_target(to, &status);
    if (r == 0)
        r = temporary_beside(to, status.st_mode & 0777, &temporary);
    if (r < 0)
        return r;
    r = copy_bytes(from, &status, eddy_temporary_file(temporary));
    if (r == 0)
        r = temporary_keep(temporary, to, false);
    int closed = eddy_temporary_close(temporary);
    return r < 0 ? r : closed;
}

int eddy_copy_file(const char *from, const char *to)
{
    eddy_file *file;
    if (!from || !to)
        return log_misuse(-EINVAL, "eddy_copy_file", "the path is NULL");
    if (!task_current())
        return task_missing("eddy_copy_file");
    int r = eddy_file_open(from, O_RDONLY, 0, &file);
    if (r < 0)
        return r;
    r = copy_file(file, to);
    (void)eddy_file_close(file);
    return r;
}
