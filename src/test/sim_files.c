/* SPDX-License-Identifier: MIT */
/*
 * Open files: reading, writing, and what the disk's treatment makes of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include "log.h"
#include "test/sim_file.h"

/* The longest file: its holes are memory, too. */
#define FILE_MAX ((size_t)1 << 30)

static struct sim *sim_of(const struct sim_file *file)
{
    return file->files->engine->sim;
}

static const struct eddy_sim_disk *disk_of(const struct sim_file *file)
{
    return &sim_of(file)->options.disk;
}

/* ---- opening and closing ---- */

/* 0, or why what exists can't be opened like this. */
static int check_existing(const struct sim_inode *inode, int flags)
{
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if (inode->is_socket && !(flags & O_PATH))
        return flags & O_DIRECTORY ? -ENOTDIR : -ENXIO;
    if (!inode->is_directory)
        return flags & O_DIRECTORY ? -ENOTDIR : 0;
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);
    return writes ? -EISDIR : 0;
}

static void inode_truncate(struct sim_files *files, struct sim_inode *inode)
{
    files->used -= inode->size;
    free(inode->data);
    inode->data = NULL;
    inode->size = inode->capacity = 0;
}

struct sim_file *sim_file_open(struct sim_files *files, struct sim_inode *from, const char *path,
                               int flags, int *code)
{
    bool created = false;
    *code = (flags & O_TMPFILE) == O_TMPFILE ? -EISDIR : 0; /* as kernels do that don't know it */
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY;
    else if ((flags & O_CREAT) && (flags & O_DIRECTORY))
        *code = -EINVAL;
    if (*code < 0)
        return NULL;
    struct sim_inode *inode = sim_tree_find(files, from, path, flags & O_CREAT, &created, code);
    if (!inode)
        return NULL;
    *code = created ? 0 : check_existing(inode, flags);
    if (*code < 0)
        return NULL;
    struct sim_file *file = calloc(1, sizeof *file);
    if (!file) {
        *code = -ENOMEM;
        return NULL;
    }
    if (flags & O_TRUNC && !inode->is_directory)
        inode_truncate(files, inode);
    *file = (struct sim_file){.files = files, .inode = inode, .references = 1, .flags = flags};
    inode->references++;
    return file;
}

void sim_file_close(struct sim_file *file)
{
    if (--file->references > 0)
        return;
    if (file->lock)
        (void)sim_file_lock(file, LOCK_UN);
    sim_inode_release(file->files, file->inode);
    free(file);
}

int64_t sim_file_position(const struct sim_file *file)
{
    return file->flags & O_PATH ? -EBADF : file->position;
}

/* ---- transfers ---- */

ssize_t sim_file_read(struct sim_file *file, void *buffer, size_t size, int64_t offset)
{
    const struct sim_inode *inode = file->inode;
    if (file->flags & O_PATH || (file->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    if (inode->is_directory)
        return -EISDIR;
    if (choose_chance(&sim_of(file)->choices, disk_of(file)->failure))
        return -EIO;
    size_t from = (size_t)(offset < 0 ? file->position : offset);
    size_t left = from < inode->size ? inode->size - from : 0;
    size = sim_shorten(sim_of(file), disk_of(file)->short_io, size < left ? size : left);
    if (size)
        memcpy(buffer, inode->data + from, size);
    if (offset < 0)
        file->position += (int64_t)size;
    return (ssize_t)size;
}

/* Room for a file of this size, zeros where nothing was written. */
static bool inode_grow(struct sim_inode *inode, size_t size)
{
    if (size > inode->capacity) {
        size_t capacity = 2 * size < 256 ? 256 : 2 * size;
        char *grown = realloc(inode->data, capacity);
        if (!grown)
            return false;
        memset(grown + inode->capacity, 0, capacity - inode->capacity);
        inode->data = grown;
        inode->capacity = capacity;
    }
    return true;
}

/* How much of a write from there fits onto the disk, or -ENOSPC, -EFBIG. */
static ssize_t check_room(const struct sim_file *file, size_t from, size_t size)
{
    uint64_t capacity = disk_of(file)->capacity, used = file->files->used;
    uint64_t end = FILE_MAX;
    if (from >= FILE_MAX)
        return -EFBIG;
    if (capacity && file->inode->size + (used < capacity ? capacity - used : 0) < end)
        end = file->inode->size + (used < capacity ? capacity - used : 0);
    if (from >= end)
        return -ENOSPC;
    return (ssize_t)(size < end - from ? size : end - from);
}

ssize_t sim_file_write(struct sim_file *file, const void *data, size_t size, int64_t offset)
{
    struct sim_inode *inode = file->inode;
    if (file->flags & O_PATH || (file->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (!size)
        return 0;
    if (choose_chance(&sim_of(file)->choices, disk_of(file)->failure))
        return -EIO;
    size_t from = (size_t)(offset < 0 ? file->position : offset);
    if (file->flags & O_APPEND)
        from = inode->size;
    ssize_t fits = check_room(file, from, size);
    if (fits < 0)
        return fits;
    size = sim_shorten(sim_of(file), disk_of(file)->short_io, (size_t)fits);
    if (!inode_grow(inode, from + size))
        return -ENOSPC;
    memcpy(inode->data + from, data, size);
    inode->modified = loop_now(sim_of(file)->loop);
    if (from + size > inode->size) {
        file->files->used += from + size - inode->size;
        inode->size = from + size;
    }
    if (offset < 0)
        file->position = (int64_t)(from + size);
    return (ssize_t)size;
}

int sim_file_truncate(struct sim_file *file, int64_t size)
{
    struct sim_inode *inode = file->inode;
    if (file->flags & O_PATH)
        return -EBADF;
    if ((file->flags & O_ACCMODE) == O_RDONLY || size < 0)
        return -EINVAL;
    if (size > (int64_t)FILE_MAX)
        return -EFBIG;
    if (!inode_grow(inode, (size_t)size)) /* a hole takes no place on the disk, but here it does */
        return -EIO;
    if ((size_t)size < inode->size)
        memset(inode->data + size, 0, inode->size - (size_t)size);
    file->files->used += (uint64_t)size - inode->size;
    inode->size = (size_t)size;
    inode->modified = loop_now(sim_of(file)->loop);
    return 0;
}

ssize_t sim_file_copy(struct sim_file *from, struct sim_file *to, size_t size, int64_t offset)
{
    char block[4096];
    if (from->inode->is_directory || to->inode->is_directory)
        return -EISDIR;
    if (from->inode == to->inode)
        return -EINVAL;
    ssize_t n = sim_file_read(from, block, size < sizeof block ? size : sizeof block, offset);
    return n <= 0 ? n : sim_file_write(to, block, (size_t)n, offset);
}

int sim_file_sync(struct sim_file *file)
{
    if (file->flags & O_PATH)
        return -EBADF;
    return choose_chance(&sim_of(file)->choices, disk_of(file)->failure) ? -EIO : 0;
}

/* ---- the disk ---- */

int eddy_sim_set_disk(const struct eddy_sim_disk *disk)
{
    const char *call = "eddy_sim_set_disk";
    int r = 0;
    if (!disk)
        return log_misuse(-EINVAL, call, "the disk is NULL");
    struct sim *sim = sim_here(call, &r);
    if (!sim)
        return r;
    r = sim_disk_check(call, disk);
    if (r == 0)
        sim->options.disk = *disk;
    return r;
}

struct sim_files *sim_files_create(struct sim_engine *engine)
{
    struct sim_files *files = calloc(1, sizeof *files);
    if (!files)
        return NULL;
    files->engine = engine;
    files->root = sim_tree_create(files);
    if (!files->root) {
        free(files);
        return NULL;
    }
    return files;
}

void sim_files_free(struct sim_files *files)
{
    if (!files)
        return;
    sim_tree_free(files);
    free(files);
}
