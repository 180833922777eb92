/* SPDX-License-Identifier: MIT */
/*
 * What is done to names in the file system: asking, making directories, renaming, deleting.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "eddy/path.h"
#include "failure.h"
#include "log.h"
#include "memory.h"
#include "operation.h"
#include "task.h"

static int path_check(const char *call, const char *path, const char *second_path)
{
    if (!path || !second_path)
        return log_misuse(-EINVAL, call, "the path is NULL");
    if (!task_current())
        return log_misuse(-EINVAL, call, "awaited outside a task");
    return 0;
}

static int make_one(const char *path, mode_t mode)
{
    struct operation operation = {.kind = OPERATION_MAKE_DIRECTORY, .path = path, .mode = mode};
    return operation_run(&operation);
}

/* 0 if the path leads to a directory, -EEXIST if to something else. */
static int check_directory(const char *path)
{
    struct operation operation = {
        .kind = OPERATION_OPEN, .path = path, .flags = O_PATH | O_DIRECTORY | O_CLOEXEC};
    int r = operation_run(&operation);
    if (r == -ENOTDIR)
        return -EEXIST;
    if (r >= 0)
        (void)operation_close(r);
    return r < 0 ? r : 0;
}

/* The length of the path's parent, without slashes at its end; 0: there is none to make. */
static size_t parent_length(const char *path, size_t length)
{
    while (length && path[length - 1] != '/')
        length--;
    while (length && path[length - 1] == '/')
        length--;
    return length;
}

/* The next longer one of the paths on the way from parent_length's to the whole. */
static size_t child_length(const char *path, size_t length, size_t whole)
{
    while (length < whole && path[length] == '/')
        length++;
    while (length < whole && path[length] != '/')
        length++;
    return length;
}

/* Makes the first `length` bytes of the path a directory. */
static int make_part(char *path, size_t length, mode_t mode)
{
    char behind = path[length];
    path[length] = '\0';
    int r = make_one(path, mode);
    path[length] = behind;
    return r;
}

/* Goes up until a directory can be made (most often at once), then down again. */
static int make_chain(char *path, size_t whole, mode_t mode)
{
    size_t length = whole;
    int r = make_part(path, length, mode);
    while (r == -ENOENT && (length = parent_length(path, length)))
        r = make_part(path, length, mode | 0300);
    if (!length) /* the first part, or what a relative path starts from, doesn't exist */
        return r;
    while ((r == 0 || r == -EEXIST) && length < whole) {
        length = child_length(path, length, whole);
        r = make_part(path, length, length < whole ? mode | 0300 : mode);
    }
    return r == -EEXIST ? check_directory(path) : r;
}

int eddy_make_directory(const char *path, mode_t mode)
{
    int r = path_check("eddy_make_directory", path, "");
    if (r < 0)
        return r;
    r = make_one(path, mode);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "can't make the directory '%s': %s", path, strerror(-r));
    return r;
}

int eddy_make_directories(const char *path, mode_t mode)
{
    int r = path_check("eddy_make_directories", path, "");
    if (r < 0)
        return r;
    char *copy = memory_copy_text(path);
    if (!copy)
        return eddy_fail(-ENOMEM, "no memory for a path");
    size_t length = strlen(copy);
    while (length > 1 && copy[length - 1] == '/')
        copy[--length] = '\0';
    r = make_chain(copy, length, mode);
    memory_free(copy);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "can't make the directory '%s': %s", path, strerror(-r));
    return r;
}

int eddy_rename(const char *from, const char *to)
{
    int r = path_check("eddy_rename", from, to);
    if (r < 0)
        return r;
    struct operation operation = {.kind = OPERATION_RENAME, .path = from, .second_path = to};
    r = operation_run(&operation);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "can't rename '%s' to '%s': %s", from, to, strerror(-r));
    return r;
}

static int remove_name(const char *call, enum operation_kind kind, const char *path)
{
    int r = path_check(call, path, "");
    if (r < 0)
        return r;
    r = operation_run(&(struct operation){.kind = kind, .path = path});
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "can't delete '%s': %s", path, strerror(-r));
    return r;
}

int eddy_unlink(const char *path)
{
    return remove_name("eddy_unlink", OPERATION_UNLINK, path);
}

int eddy_remove_directory(const char *path)
{
    return remove_name("eddy_remove_directory", OPERATION_REMOVE_DIRECTORY, path);
}

int eddy_path_status(const char *path, struct stat *status, bool follow)
{
    int r = path_check("eddy_path_status", path, "");
    if (r == 0 && !status)
        r = log_misuse(-EINVAL, "eddy_path_status", "the status is NULL");
    if (r < 0)
        return r;
    r = operation_run(&(struct operation){.kind = OPERATION_STATUS,
                                          .path = path,
                                          .buffer = status,
                                          .flags = follow ? 0 : AT_SYMLINK_NOFOLLOW});
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "can't tell the status of '%s': %s", path, strerror(-r));
    return r;
}
