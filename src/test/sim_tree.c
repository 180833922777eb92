/* SPDX-License-Identifier: MIT */
/*
 * The tree of names. Errors are those of Linux; links, owners and modes don't exist.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "test/sim_file.h"

/* ---- inodes and entries ---- */

static struct sim_inode *inode_create(struct sim_files *files, struct sim_inode *parent,
                                      bool is_directory)
{
    struct sim_inode *inode = calloc(1, sizeof *inode);
    if (!inode)
        return NULL;
    inode->is_directory = is_directory;
    inode->number = ++files->numbers;
    inode->modified = loop_now(files->engine->loop);
    inode->parent = is_directory ? (parent ? parent : inode) : NULL;
    return inode;
}

void sim_inode_release(struct sim_files *files, struct sim_inode *inode)
{
    if (--inode->references > 0)
        return;
    files->used -= inode->size;
    free(inode->data);
    free(inode);
}

static struct sim_entry *entry_find(const struct sim_inode *directory, const char *name,
                                    size_t length)
{
    for (struct link *link = directory->entries.first; link; link = link->next) {
        struct sim_entry *entry = container_of(link, struct sim_entry, link);
        if (entry->length == length && memcmp(entry->name, name, length) == 0)
            return entry;
    }
    return NULL;
}

/* A name for an inode: NULL without memory. */
static struct sim_entry *entry_add(struct sim_files *files, struct sim_inode *directory,
                                   const char *name, size_t length, struct sim_inode *inode)
{
    struct sim_entry *entry = malloc(sizeof *entry + length);
    if (!entry)
        return NULL;
    entry->inode = inode;
    entry->number = ++files->numbers;
    entry->length = length;
    memcpy(entry->name, name, length);
    inode->references++;
    inode->names++;
    directory->modified = loop_now(files->engine->loop);
    list_append(&directory->entries, &entry->link);
    return entry;
}

static void entry_remove(struct sim_files *files, struct sim_inode *directory,
                         struct sim_entry *entry)
{
    list_remove(&directory->entries, &entry->link);
    entry->inode->names--;
    sim_inode_release(files, entry->inode);
    free(entry);
}

/* ---- paths ---- */

/* Where a path leads to. */
struct place {
    struct sim_inode *directory; /* that has the last name; or the whole path's, if it ends in "/",
                                    "." or ".." alone */
    const char *name;            /* NULL then */
    size_t length;
    bool slash;              /* behind the name: it has to be a directory */
    struct sim_entry *entry; /* NULL: it doesn't exist */
};

static bool is_dots(const char *name, size_t length)
{
    return length <= 2 && name[0] == '.' && name[length - 1] == '.';
}

/* One directory further. */
static int descend(struct sim_inode **at, const char *name, size_t length)
{
    if (is_dots(name, length)) {
        *at = length == 2 ? (*at)->parent : *at;
        return 0;
    }
    struct sim_entry *entry = entry_find(*at, name, length);
    if (!entry)
        return -ENOENT;
    if (!entry->inode->is_directory)
        return -ENOTDIR;
    *at = entry->inode;
    return 0;
}

static int path_walk(struct sim_files *files, struct sim_inode *from, const char *path,
                     struct place *ret_place)
{
    struct place place = {.directory = *path == '/' || !from ? files->root : from};
    if (!*path)
        return -ENOENT;
    if (strlen(path) >= PATH_MAX)
        return -ENAMETOOLONG;
    if (!place.directory->is_directory)
        return -ENOTDIR;
    for (;;) {
        path += strspn(path, "/");
        size_t length = strcspn(path, "/"), behind = strspn(path + length, "/");
        if (length > NAME_MAX)
            return -ENAMETOOLONG;
        if (length && !path[length + behind] && !is_dots(path, length)) {
            place.name = path;
            place.length = length;
            place.slash = behind > 0;
            place.entry = entry_find(place.directory, path, length);
            break;
        }
        if (!length)
            break;
        int r = descend(&place.directory, path, length);
        if (r < 0)
            return r;
        path += length;
    }
    *ret_place = place;
    return 0;
}

/* A new inode at a free name: NULL without memory. */
static struct sim_inode *place_make(struct sim_files *files, const struct place *place,
                                    bool is_directory)
{
    struct sim_inode *inode = inode_create(files, place->directory, is_directory);
    if (inode && entry_add(files, place->directory, place->name, place->length, inode))
        return inode;
    free(inode);
    return NULL;
}

/* ---- calls ---- */

struct sim_inode *sim_tree_find(struct sim_files *files, struct sim_inode *from, const char *path,
                                bool create, bool *ret_created, int *code)
{
    struct place place;
    *code = path_walk(files, from, path, &place);
    if (*code < 0)
        return NULL;
    struct sim_inode *inode = place.name ? NULL : place.directory;
    if (place.entry)
        inode = place.entry->inode;
    if (inode && place.slash && !inode->is_directory) {
        *code = -ENOTDIR;
        return NULL;
    }
    if (inode)
        return inode;
    if (!create || place.slash) {
        *code = create ? -EISDIR : -ENOENT;
        return NULL;
    }
    inode = place_make(files, &place, false);
    *code = inode ? 0 : -ENOSPC;
    *ret_created = inode != NULL;
    return inode;
}

int sim_tree_make_directory(struct sim_files *files, const char *path)
{
    struct place place;
    int r = path_walk(files, NULL, path, &place);
    if (r < 0)
        return r;
    if (!place.name || place.entry)
        return -EEXIST;
    return place_make(files, &place, true) ? 0 : -ENOSPC;
}

int sim_tree_make_socket(struct sim_files *files, const char *path, struct sim_inode **ret_inode)
{
    struct place place;
    int r = path_walk(files, NULL, path, &place);
    if (r < 0)
        return r;
    if (!place.name || place.entry)
        return -EADDRINUSE;
    if (place.slash)
        return -ENOENT;
    struct sim_inode *inode = place_make(files, &place, false);
    if (!inode)
        return -ENOSPC;
    inode->is_socket = true;
    inode->references++;
    *ret_inode = inode;
    return 0;
}

int sim_tree_remove_directory(struct sim_files *files, struct sim_inode *from, const char *path)
{
    struct place place;
    int r = path_walk(files, from, path, &place);
    if (r < 0)
        return r;
    if (!place.name) /* "." is -EINVAL, but nobody asks for that */
        return -EBUSY;
    if (!place.entry)
        return -ENOENT;
    if (!place.entry->inode->is_directory)
        return -ENOTDIR;
    if (place.entry->inode->entries.first)
        return -ENOTEMPTY;
    entry_remove(files, place.directory, place.entry);
    return 0;
}

int sim_tree_unlink(struct sim_files *files, struct sim_inode *from, const char *path)
{
    struct place place;
    int r = path_walk(files, from, path, &place);
    if (r < 0)
        return r;
    if (!place.name)
        return -EISDIR;
    if (!place.entry)
        return -ENOENT;
    if (place.entry->inode->is_directory)
        return -EISDIR;
    if (place.slash)
        return -ENOTDIR;
    entry_remove(files, place.directory, place.entry);
    return 0;
}

/* Whether a directory is this one or lies within it. */
static bool is_within(const struct sim_inode *inode, const struct sim_inode *directory)
{
    while (inode != directory && inode->parent != inode)
        inode = inode->parent;
    return inode == directory;
}

static int rename_check(const struct place *from, const struct place *to)
{
    if (!from->name || !to->name)
        return -EBUSY;
    if (!from->entry)
        return -ENOENT;
    const struct sim_inode *moved = from->entry->inode;
    const struct sim_inode *replaced = to->entry ? to->entry->inode : NULL;
    if (!moved->is_directory && (from->slash || to->slash))
        return -ENOTDIR;
    if (moved->is_directory && is_within(to->directory, moved))
        return -EINVAL;
    if (!replaced || replaced == moved)
        return 0;
    if (replaced->is_directory && is_within(from->directory, replaced))
        return -ENOTEMPTY;
    if (moved->is_directory != replaced->is_directory)
        return moved->is_directory ? -ENOTDIR : -EISDIR;
    return replaced->entries.first ? -ENOTEMPTY : 0;
}

int sim_tree_rename(struct sim_files *files, const char *from_path, const char *to_path)
{
    struct place from, to;
    int r = path_walk(files, NULL, from_path, &from);
    if (r == 0)
        r = path_walk(files, NULL, to_path, &to);
    if (r == 0)
        r = rename_check(&from, &to);
    if (r < 0)
        return r;
    struct sim_inode *moved = from.entry->inode;
    if (to.entry && to.entry->inode == moved)
        return 0;
    if (!entry_add(files, to.directory, to.name, to.length, moved))
        return -ENOSPC;
    if (to.entry)
        entry_remove(files, to.directory, to.entry);
    if (moved->is_directory)
        moved->parent = to.directory;
    entry_remove(files, from.directory, from.entry);
    return 0;
}

/* ---- life ---- */

struct sim_inode *sim_tree_create(struct sim_files *files)
{
    struct sim_inode *root = inode_create(files, NULL, true);
    if (!root)
        return NULL;
    root->references = 1;
    const struct place tmp = {.directory = root, .name = "tmp", .length = 3};
    if (place_make(files, &tmp, true))
        return root;
    sim_inode_release(files, root);
    return NULL;
}

/* Always the first entry of the deepest directory on the way: no recursion. */
void sim_tree_free(struct sim_files *files)
{
    struct sim_inode *at = files->root;
    while (at->entries.first || at != files->root) {
        struct sim_entry *first = at->entries.first
                                      ? container_of(at->entries.first, struct sim_entry, link)
                                      : NULL;
        if (!first)
            at = at->parent;
        else if (first->inode->entries.first)
            at = first->inode;
        else
            entry_remove(files, at, first);
    }
    sim_inode_release(files, at);
}
