/* SPDX-License-Identifier: MIT */
/*
 * What is asked of files and folders beside their bytes: their status, their holes, a folder's
 * names, locks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "test/sim_file.h"

#define BLOCK_SIZE ((size_t)4096)

static mode_t type_of(const struct sim_inode *inode)
{
    return inode->is_directory ? S_IFDIR : inode->is_socket ? S_IFSOCK : S_IFREG;
}

/* Whether the block that begins there, within the file, is one. What is all zeros takes no
 * place. */
static bool is_hole(const struct sim_inode *inode, size_t begin)
{
    size_t end = inode->size - begin < BLOCK_SIZE ? inode->size : begin + BLOCK_SIZE;
    while (begin < end && !inode->data[begin])
        begin++;
    return begin == end;
}

static blkcnt_t count_blocks(const struct sim_inode *inode)
{
    blkcnt_t count = 0;
    for (size_t begin = 0; begin < inode->size; begin += BLOCK_SIZE)
        count += is_hole(inode, begin) ? 0 : BLOCK_SIZE / 512;
    return count;
}

/* From there to where blocks of the other kind begin. */
static size_t skip_blocks(const struct sim_inode *inode, size_t from, bool holes)
{
    while (from < inode->size && is_hole(inode, from / BLOCK_SIZE * BLOCK_SIZE) == holes)
        from = (from / BLOCK_SIZE + 1) * BLOCK_SIZE;
    return from < inode->size ? from : inode->size;
}

int sim_file_extent(const struct sim_file *file, int64_t offset, struct extent *ret_extent)
{
    const struct sim_inode *inode = file->inode;
    if (file->flags & O_PATH)
        return -EBADF;
    if (inode->is_directory)
        return -EINVAL;
    size_t begin = offset < 0 ? inode->size : skip_blocks(inode, (size_t)offset, true);
    if (begin >= inode->size)
        return -ENXIO;
    *ret_extent = (struct extent){.begin = (int64_t)begin,
                                  .end = (int64_t)skip_blocks(inode, begin, false)};
    return 0;
}

void sim_inode_status(const struct sim_inode *inode, struct stat *ret_status)
{
    const struct timespec modified = {.tv_sec = inode->modified / NANOSECONDS,
                                      .tv_nsec = inode->modified % NANOSECONDS};
    *ret_status = (struct stat){
        .st_dev = 1,
        .st_ino = inode->number,
        .st_mode = type_of(inode) | (inode->mode           ? inode->mode
                                     : inode->is_directory ? 0755
                                     : inode->is_socket    ? 0777
                                                           : 0644),
        .st_nlink = inode->names,
        .st_size = (off_t)inode->size,
        .st_blksize = BLOCK_SIZE,
        .st_blocks = count_blocks(inode),
        .st_atim = modified,
        .st_mtim = modified,
        .st_ctim = modified,
    };
}

int sim_path_status(struct engine *base, const char *path, struct stat *ret_status)
{
    int r = 0;
    const struct sim_inode *inode = sim_tree_find(sim_engine_of(base)->sim->files, NULL, path,
                                                  false, NULL, &r);
    if (inode)
        sim_inode_status(inode, ret_status);
    return r;
}

int sim_path_mode(struct engine *base, const char *path, mode_t mode)
{
    int r = 0;
    struct sim_inode *inode = sim_tree_find(sim_engine_of(base)->sim->files, NULL, path, false,
                                            NULL, &r);
    if (inode)
        inode->mode = mode;
    return r;
}

int sim_path_remove(struct engine *base, const char *path)
{
    return sim_tree_unlink(sim_engine_of(base)->sim->files, NULL, path);
}

/* ---- listing ---- */

/* As the system writes it; the names come right behind. */
struct list_record {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
} __attribute__((__packed__));

struct listing {
    char *buffer;
    size_t size, used;
};

/* False: there is no room for it. */
static bool list_one(struct listing *listing, const struct sim_inode *inode, uint64_t number,
                     const char *name, size_t length)
{
    size_t size = (sizeof(struct list_record) + length + 1 + 7) & ~(size_t)7;
    if (listing->size - listing->used < size)
        return false;
    const struct list_record record = {.inode = inode->number,
                                       .next = (int64_t)number,
                                       .size = (uint16_t)size,
                                       .type = IFTODT(type_of(inode))};
    char *at = listing->buffer + listing->used;
    memset(at, 0, size);
    memcpy(at, &record, sizeof record);
    memcpy(at + sizeof record, name, length);
    listing->used += size;
    return true;
}

/* The position is the number of the last name that was listed: what is deleted meanwhile confuses
 * nobody. */
ssize_t sim_file_list(struct sim_file *file, void *buffer, size_t size)
{
    const struct sim_inode *inode = file->inode;
    const struct sim_inode *root = file->files->root;
    struct listing listing = {.buffer = buffer, .size = size};
    bool more = true;
    if (file->flags & O_PATH)
        return -EBADF;
    if (!inode->is_directory)
        return -ENOTDIR;
    if (!inode->names && inode != root)
        return -ENOENT;
    for (int dots = (int)(file->position < 2 ? file->position + 1 : 3); more && dots <= 2; dots++)
        if ((more = list_one(&listing, dots == 1 ? inode : inode->parent, (uint64_t)dots, "..",
                             (size_t)dots)))
            file->position = dots;
    for (const struct link *link = inode->entries.first; more && link; link = link->next) {
        const struct sim_entry *entry = container_of(link, struct sim_entry, link);
        if ((int64_t)entry->number + 2 <= file->position)
            continue;
        more = list_one(&listing, entry->inode, entry->number + 2, entry->name, entry->length);
        if (more)
            file->position = (int64_t)entry->number + 2;
    }
    return more || listing.used ? (ssize_t)listing.used : -EINVAL;
}

/* ---- locks ---- */

static void unlock(struct sim_file *file)
{
    if (file->lock == LOCK_SH)
        file->inode->shared--;
    else if (file->lock == LOCK_EX)
        file->inode->exclusive = NULL;
    file->lock = 0;
}

/* As flock, a lock that is exchanged for one of the other kind is given back first. */
int sim_file_lock(struct sim_file *file, int how)
{
    struct sim_inode *inode = file->inode;
    int kind = how & ~LOCK_NB;
    if (file->flags & O_PATH)
        return -EBADF;
    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
        return -EINVAL;
    if (kind == file->lock)
        return 0;
    unlock(file);
    if (kind == LOCK_UN)
        return 0;
    if (inode->exclusive || (kind == LOCK_EX && inode->shared))
        return -EWOULDBLOCK;
    file->lock = kind;
    if (kind == LOCK_SH)
        inode->shared++;
    else
        inode->exclusive = file;
    return 0;
}
