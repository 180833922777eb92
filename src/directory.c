/* SPDX-License-Identifier: MIT */
/*
 * Directories: a descriptor, and a block of what getdents64 gave.
 */
#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "failure.h"
#include "log.h"
#include "memory.h"
#include "task.h"

enum { BLOCK_SIZE = 32768 };

struct eddy_directory {
    int descriptor;
    unsigned references; /* the owner's, and one a call under way */
    bool busy;
    char *path; /* behind the block, in the same allocation */
    size_t begin, end;
    char block[BLOCK_SIZE] __attribute__((__aligned__(8)));
};

static void directory_release(struct eddy_directory *directory)
{
    if (--directory->references > 0)
        return;
    (void)operation_close(directory->descriptor);
    memory_free(directory);
}

void directory_begin_in(const struct eddy_directory *directory, struct operation *operation)
{
    operation->within = true;
    operation->descriptor = directory->descriptor;
}

int directory_open(const struct eddy_directory *parent, const char *path, bool follow,
                   operation_runner *run, struct eddy_directory **ret_directory)
{
    size_t length = strlen(path);
    struct eddy_directory *directory = memory_allocate(sizeof *directory + length + 1);
    if (!directory)
        return -ENOMEM;
    struct operation operation = {.kind = OPERATION_OPEN,
                                  .path = path,
                                  .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC |
                                           (follow ? 0 : O_NOFOLLOW)};
    if (parent)
        directory_begin_in(parent, &operation);
    int r = run(&operation);
    if (r < 0) {
        memory_free(directory);
        return r;
    }
    directory->descriptor = r;
    directory->references = 1;
    directory->busy = false;
    directory->begin = directory->end = 0;
    directory->path = (char *)(directory + 1);
    memcpy(directory->path, path, length + 1);
    *ret_directory = directory;
    return 0;
}

static int read_block(struct eddy_directory *directory, operation_runner *run)
{
    struct operation operation = {.kind = OPERATION_LIST,
                                  .descriptor = directory->descriptor,
                                  .buffer = directory->block,
                                  .size = BLOCK_SIZE};
    int r = run(&operation);
    if (r >= 0) {
        directory->begin = 0;
        directory->end = (size_t)r;
    }
    return r;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

int directory_next(struct eddy_directory *directory, operation_runner *run,
                   struct eddy_directory_entry *ret_entry)
{
    for (;;) {
        if (directory->begin == directory->end) {
            int r = read_block(directory, run);
            if (r <= 0)
                return r;
        }
        const struct dirent64 *record = (void *)(directory->block + directory->begin);
        directory->begin += record->d_reclen;
        if (is_dots(record->d_name))
            continue;
        *ret_entry = (struct eddy_directory_entry){
            .name = record->d_name, .inode = record->d_ino, .type = record->d_type};
        return 1;
    }
}

/* ---- public ---- */

int eddy_directory_open(const char *path, eddy_directory **ret_directory)
{
    if (!path || !ret_directory)
        return log_misuse(-EINVAL, "eddy_directory_open", "the %s is NULL",
                          path ? "directory" : "path");
    if (!task_current())
        return task_missing("eddy_directory_open");
    int r = directory_open(NULL, path, true, operation_run, ret_directory);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "can't open the directory '%s': %s", path, strerror(-r));
    return r;
}

int eddy_directory_next(eddy_directory *directory, struct eddy_directory_entry *ret_entry)
{
    if (!directory || !ret_entry)
        return log_misuse(-EINVAL, "eddy_directory_next", "the %s is NULL",
                          directory ? "entry" : "directory");
    if (!task_current())
        return task_missing("eddy_directory_next");
    if (directory->busy)
        return eddy_fail(-EBUSY, "another task waits for a name in '%s'", directory->path);
    directory->busy = true;
    directory->references++;
    int r = directory_next(directory, operation_run, ret_entry);
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "listing '%s': %s", directory->path, strerror(-r));
    if (r > 0 && directory->references == 1) /* the name goes with it */
        r = eddy_fail(-ECONNABORTED, "listing '%s': it was closed by another task",
                      directory->path);
    directory->busy = false;
    directory_release(directory);
    return r;
}

void eddy_directory_close(eddy_directory *directory)
{
    if (directory)
        directory_release(directory);
}
