/* SPDX-License-Identifier: MIT */
/*
 * Whole trees of directories: walked, and removed.
 *
 *      path    /a/b/c          grown by a name on the way down, cut back on the way up
 *      levels  [a] [b] [c]     directories that are open, each listed as far as we have come
 *
 * The path is what is told. The system is only ever given the last name, in the directory that was
 * listed: so it doesn't matter how long the path is, nor whether somebody puts a symbolic link in
 * the place of a directory that we are in.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "directory.h"
#include "failure.h"
#include "log.h"
#include "memory.h"
#include "task.h"

struct level {
    struct eddy_directory *directory;
    size_t length, name; /* of its path, and where its last name begins */
};

struct tree {
    operation_runner *run;
    char *path;
    size_t length, name, path_capacity; /* name: where what was added last begins */
    struct level *levels;
    size_t depth, capacity;
};

static bool path_reserve(struct tree *tree, size_t length)
{
    if (length + 1 <= tree->path_capacity)
        return true;
    size_t capacity = 2 * (length + 1) + 256;
    char *grown = memory_reallocate(tree->path, capacity);
    if (!grown)
        return false;
    tree->path = grown;
    tree->path_capacity = capacity;
    return true;
}

/* The path of a name in the innermost directory, which is `length` long. */
static int path_set(struct tree *tree, size_t length, const char *name)
{
    size_t slash = length && tree->path[length - 1] != '/', added = strlen(name);
    if (!path_reserve(tree, length + slash + added))
        return -ENOMEM;
    if (slash)
        tree->path[length] = '/';
    memcpy(tree->path + length + slash, name, added + 1);
    tree->name = length + slash;
    tree->length = tree->name + added;
    return 0;
}

/* The innermost directory, NULL: none yet, or none any more. */
static struct eddy_directory *tree_innermost(const struct tree *tree)
{
    return tree->depth ? tree->levels[tree->depth - 1].directory : NULL;
}

/* An operation on what the path leads to. */
static struct operation tree_operation(const struct tree *tree, enum operation_kind kind)
{
    struct operation operation = {.kind = kind, .path = tree->path + tree->name};
    if (tree->depth)
        directory_begin_in(tree_innermost(tree), &operation);
    return operation;
}

/* Goes into the directory at the path. */
static int tree_enter(struct tree *tree, bool follow)
{
    if (tree->depth == tree->capacity) {
        size_t capacity = 2 * tree->capacity + 8;
        struct level *grown = memory_reallocate(tree->levels, capacity * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        tree->levels = grown;
        tree->capacity = capacity;
    }
    struct level *level = &tree->levels[tree->depth];
    int r = directory_open(tree_innermost(tree), tree->path + tree->name, follow, tree->run,
                           &level->directory);
    if (r == 0) {
        level->length = tree->length;
        level->name = tree->name;
        tree->depth++;
    }
    return r;
}

/* Back to the path of the directory that it leaves. */
static void tree_leave(struct tree *tree)
{
    struct level *level = &tree->levels[--tree->depth];
    eddy_directory_close(level->directory);
    tree->length = level->length;
    tree->name = level->name;
    tree->path[tree->length] = '\0';
}

static int tree_begin(struct tree *tree, const char *path, bool follow)
{
    int r = path_set(tree, 0, path);
    return r < 0 ? r : tree_enter(tree, follow);
}

static void tree_end(struct tree *tree)
{
    while (tree->depth)
        tree_leave(tree);
    memory_free(tree->levels);
    memory_free(tree->path);
}

static int tree_next(struct tree *tree, struct eddy_directory_entry *ret_entry)
{
    struct level *level = &tree->levels[tree->depth - 1];
    int r = directory_next(level->directory, tree->run, ret_entry);
    if (r == -ENOENT && tree->depth > 1) /* deleted meanwhile: there is nothing in it */
        r = 0;
    if (r <= 0)
        return r;
    int set = path_set(tree, level->length, ret_entry->name);
    return set < 0 ? set : r;
}

/* What the file system didn't tell. */
static int tree_type(struct tree *tree, struct eddy_directory_entry *entry)
{
    struct stat status;
    if (entry->type != DT_UNKNOWN)
        return 0;
    struct operation operation = tree_operation(tree, OPERATION_STATUS);
    operation.flags = AT_SYMLINK_NOFOLLOW;
    operation.buffer = &status;
    int r = tree->run(&operation);
    if (r == 0)
        entry->type = IFTODT(status.st_mode);
    return r == -ENOENT ? 0 : r;
}

/* ---- walking ---- */

/* A failure that says how far it came. */
static int walk_fail(const struct tree *tree, const char *path, int r)
{
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "walking '%s', at '%s': %s", path, tree->path ? tree->path : path,
                  strerror(-r));
    return r;
}

static int walk_one(struct tree *tree, const struct eddy_walk *walk,
                    struct eddy_directory_entry *found)
{
    int r = tree_type(tree, found);
    if (r < 0)
        return r;
    const size_t depth = tree->depth;
    struct eddy_walk_entry entry = {
        .path = tree->path, .name = tree->path + tree->name, .type = found->type, .depth = depth};
    bool enters = found->type == DT_DIR && (!walk->depth || depth < walk->depth);
    if (enters)
        entry.error = tree_enter(tree, false);
    if (entry.error == -ECANCELED || entry.error == -ENOMEM)
        return entry.error;
    r = eddy_yield(&entry);
    if (tree->depth > depth && entry.skip)
        tree_leave(tree);
    return r;
}

int eddy_walk(struct eddy_walk *walk)
{
    if (!walk || !walk->path)
        return log_misuse(-EINVAL, "eddy_walk", "the path is NULL");
    struct tree tree = {.run = operation_run};
    struct eddy_directory_entry found;
    int r = tree_begin(&tree, walk->path, true);
    while (r == 0 && tree.depth) {
        int next = tree_next(&tree, &found);
        if (next == 0)
            tree_leave(&tree);
        r = next <= 0 ? next : walk_one(&tree, walk, &found);
    }
    (void)walk_fail(&tree, walk->path, r);
    tree_end(&tree);
    return r;
}

/* ---- removing ---- */

static int remove_name(struct tree *tree, enum operation_kind kind)
{
    struct operation operation = tree_operation(tree, kind);
    int r = tree->run(&operation);
    return r == -ENOENT ? 0 : r;
}

static int remove_one(struct tree *tree, struct eddy_directory_entry *found)
{
    int r = tree_type(tree, found);
    if (r == 0 && found->type == DT_DIR) {
        r = tree_enter(tree, false);
        return r == -ENOENT ? 0 : r;
    }
    return r < 0 ? r : remove_name(tree, OPERATION_UNLINK);
}

/* Others may put something into a directory between its listing and its removal: that is -ENOTEMPTY
 * here. */
int directory_remove_tree(const char *path, operation_runner *run)
{
    struct tree tree = {.run = run};
    struct eddy_directory_entry found;
    int r = tree_begin(&tree, path, false);
    while (r == 0 && tree.depth) {
        int next = tree_next(&tree, &found);
        if (next > 0) {
            r = remove_one(&tree, &found);
        } else if ((r = next) == 0) {
            tree_leave(&tree);
            r = remove_name(&tree, OPERATION_REMOVE_DIRECTORY);
        }
    }
    if (r == -ENOENT)
        r = 0;
    if (r < 0 && r != -ECANCELED)
        eddy_fail(r, "can't delete '%s': %s", tree.path ? tree.path : path, strerror(-r));
    tree_end(&tree);
    return r;
}

int eddy_remove_tree(const char *path)
{
    if (!path)
        return log_misuse(-EINVAL, "eddy_remove_tree", "the path is NULL");
    if (!task_current())
        return task_missing("eddy_remove_tree");
    return directory_remove_tree(path, operation_run);
}
