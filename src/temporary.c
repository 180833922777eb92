/* SPDX-License-Identifier: MIT */
/*
 * Temporary files and directories, and what is written whole by way of them.
 *
 *      made (O_EXCL, a name by chance) --> written --> synced --> renamed --> directory synced
 *                  |                          |           |                        kept
 *                  +--------------------------+-----------+--> closed: deleted
 */
#include "temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "directory.h"
#include "failure.h"
#include "log.h"
#include "memory.h"
#include "operation.h"
#include "task.h"

/* Names that are taken before it is given up: somebody must be at it on purpose. */
#define TRIES_MOST 100

#define NAME_PREFIX "/.eddy-"
enum { NAME_LETTERS = 12 };

struct eddy_temporary {
    struct eddy_file *file; /* NULL: a directory */
    bool kept;
    bool simulated; /* on a disk that ends with its loop */
    size_t length;  /* of the path */
    char path[];
};

/* ---- making ---- */

/* Letters that nobody can guess; in a simulation such as the same run has again. */
static void name_choose(struct eddy_temporary *temporary, unsigned attempt)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    const struct task *task = task_current();
    uint64_t chance = (task->slot->sequence << 24) + attempt + (uint64_t)task->loop->virtual_now;
    if (temporary->simulated || getrandom(&chance, sizeof chance, GRND_NONBLOCK) < 0)
        chance *= 0x9e3779b97f4a7c15u;
    char *name = temporary->path + temporary->length - NAME_LETTERS;
    for (int i = 0; i < NAME_LETTERS; i++, chance >>= 5)
        name[i] = letters[chance & 31];
}

static struct eddy_temporary *temporary_create(const char *directory, size_t length)
{
    const size_t added = sizeof NAME_PREFIX - 1 + NAME_LETTERS;
    struct eddy_temporary *temporary = memory_allocate(sizeof *temporary + length + added + 1);
    if (!temporary)
        return NULL;
    temporary->file = NULL;
    temporary->kept = false;
    temporary->simulated = loop_self->engine->call->simulated;
    temporary->length = length + added;
    memcpy(temporary->path, directory, length);
    memcpy(temporary->path + length, NAME_PREFIX, sizeof NAME_PREFIX - 1);
    temporary->path[temporary->length] = '\0';
    return temporary;
}

static int make_file(struct eddy_temporary *temporary, mode_t mode)
{
    return eddy_file_open(temporary->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode,
                          &temporary->file);
}

static int make_directory(struct eddy_temporary *temporary, mode_t mode)
{
    return eddy_make_directory(temporary->path, mode);
}

/* In the directory, of which `length` bytes count. */
static int temporary_make(const char *directory, size_t length, mode_t mode,
                          int (*make)(struct eddy_temporary *, mode_t),
                          struct eddy_temporary **ret_temporary)
{
    struct eddy_temporary *temporary = temporary_create(directory, length);
    if (!temporary)
        return eddy_fail(-ENOMEM, "no memory for a temporary file");
    int r = -EEXIST;
    for (unsigned attempt = 0; r == -EEXIST && attempt < TRIES_MOST; attempt++) {
        name_choose(temporary, attempt);
        r = make(temporary, mode);
    }
    if (r < 0) {
        memory_free(temporary);
        return r;
    }
    *ret_temporary = temporary;
    return 0;
}

static int temporary_check(const char *call, const void *path, const void *place)
{
    if (!path || !place)
        return log_misuse(-EINVAL, call, "the %s is NULL", path ? "temporary" : "path");
    return task_current() ? 0 : task_missing(call);
}

static const char *directory_or_default(const char *directory)
{
    const char *chosen = directory ? directory : getenv("TMPDIR");
    if (!directory && loop_self && loop_self->engine->call->simulated)
        chosen = NULL; /* the variable speaks of the real disk */
    return chosen && *chosen ? chosen : "/tmp";
}

int eddy_temporary_file_open(const char *directory, mode_t mode, eddy_temporary **ret_temporary)
{
    directory = directory_or_default(directory);
    int r = temporary_check("eddy_temporary_file_open", directory, ret_temporary);
    return r < 0 ? r : temporary_make(directory, strlen(directory), mode, make_file, ret_temporary);
}

int eddy_temporary_directory_open(const char *directory, eddy_temporary **ret_temporary)
{
    directory = directory_or_default(directory);
    int r = temporary_check("eddy_temporary_directory_open", directory, ret_temporary);
    return r < 0
               ? r
               : temporary_make(directory, strlen(directory), 0700, make_directory, ret_temporary);
}

/* The directory of a path: how many of its bytes, of "." if it has none. */
static size_t directory_of(const char **path)
{
    const char *slash = strrchr(*path, '/');
    size_t length = slash ? (size_t)(slash - *path) : 1;
    if (!slash)
        *path = ".";
    return length;
}

int temporary_beside(const char *path, mode_t mode, struct eddy_temporary **ret_temporary)
{
    const char *directory = path;
    size_t length = directory_of(&directory);
    int r = temporary_make(directory, length, mode, make_file, ret_temporary);
    return r < 0 && r != -ECANCELED
               ? eddy_fail_from(r, "can't make a file beside '%s': %s", path, strerror(-r))
               : r;
}

/* ---- keeping ---- */

/* Not to be cut short: the name is there, and it only takes to last. */
static int sync_directory(const char *path)
{
    size_t length = directory_of(&path);
    char *directory = length ? memory_copy_text_of(path, length) : memory_copy_text("/");
    if (!directory)
        return -ENOMEM;
    struct operation open = {
        .kind = OPERATION_OPEN, .path = directory, .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC};
    int descriptor = operation_run_shielded(&open), r = descriptor;
    if (descriptor >= 0) {
        struct operation sync = {.kind = OPERATION_SYNC, .descriptor = descriptor};
        r = operation_run_shielded(&sync);
        (void)operation_close(descriptor);
    }
    memory_free(directory);
    return r == -EINVAL ? 0 : r; /* a file system that has nothing to sync there */
}

int temporary_keep(struct eddy_temporary *temporary, const char *path, bool sync)
{
    int r = 0;
    if (sync && temporary->file)
        r = eddy_file_sync(temporary->file);
    if (r < 0)
        return r;
    r = eddy_rename(temporary->path, path);
    if (r < 0)
        return r;
    temporary->kept = true;
    r = sync ? sync_directory(path) : 0;
    return r < 0 ? eddy_fail(r, "'%s' is in place, but its directory isn't synced: %s", path,
                             strerror(-r))
                 : 0;
}

int eddy_temporary_keep(eddy_temporary *temporary, const char *path)
{
    int r = temporary_check("eddy_temporary_keep", path, temporary);
    if (r == 0 && temporary->kept)
        r = log_misuse(-EINVAL, "eddy_temporary_keep", "it was kept already, before '%s'", path);
    return r < 0 ? r : temporary_keep(temporary, path, true);
}

/* ---- closing ---- */

static int temporary_delete(struct eddy_temporary *temporary)
{
    if (temporary->simulated && !task_current())
        return 0;
    if (!temporary->file)
        return directory_remove_tree(temporary->path, operation_run_shielded);
    struct operation operation = {.kind = OPERATION_UNLINK, .path = temporary->path};
    int r = operation_run_shielded(&operation);
    if (r == -ENOENT)
        r = 0;
    return r < 0 ? eddy_fail(r, "can't delete '%s': %s", temporary->path, strerror(-r)) : 0;
}

int eddy_temporary_close(eddy_temporary *temporary)
{
    if (!temporary)
        return 0;
    int r = temporary->kept ? 0 : temporary_delete(temporary);
    int closed = eddy_file_close(temporary->file);
    memory_free(temporary);
    return r < 0 ? r : closed;
}

const char *eddy_temporary_path(const eddy_temporary *temporary)
{
    return temporary ? temporary->path : NULL;
}

eddy_file *eddy_temporary_file(const eddy_temporary *temporary)
{
    return temporary ? temporary->file : NULL;
}

/* ---- whole files ---- */

int eddy_replace_file(const char *path, const void *data, size_t size, mode_t mode)
{
    struct eddy_temporary *temporary;
    int r = temporary_check("eddy_replace_file", path, &temporary);
    if (r == 0)
        r = temporary_beside(path, mode, &temporary);
    if (r < 0)
        return r;
    ssize_t n = eddy_file_write(temporary->file, data, size);
    r = n < 0 ? (int)n : temporary_keep(temporary, path, true);
    int closed = eddy_temporary_close(temporary);
    return r < 0 ? r : closed;
}
