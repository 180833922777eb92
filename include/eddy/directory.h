/* SPDX-License-Identifier: MIT */
/*
 * Directories, name by name, without stopping the loop: os.scandir, os.walk, shutil.rmtree.
 *
 *     eddy_foreach (struct eddy_walk_entry *, entry, &err, eddy_walk, .path = "src")
 *         if (entry->type == DT_REG)
 *             printf("%s\n", entry->path);
 *
 *     eddy_directory *directory;
 *     r = eddy_directory_open("/var/log", &directory);
 *     while ((r = eddy_directory_next(directory, &entry)) > 0)
 *         printf("%s\n", entry.name);
 *     eddy_directory_close(directory);
 *
 * Names come in the system's order, as they are: any bytes but '/' and NUL. However many there are,
 * memory is bounded: 32 KiB a directory that is open. What is created or deleted meanwhile may be
 * there or not. Calls suspend and behave in cancels as those of eddy/file.h.
 */
#ifndef EDDY_DIRECTORY_H
#define EDDY_DIRECTORY_H

#include <dirent.h>
#include <eddy/base.h>
#include <eddy/generator.h>

EDDY_BEGIN_DECLS

typedef struct eddy_directory eddy_directory;

struct eddy_directory_entry {
    const char *name; /* good until the next call for this directory */
    uint64_t inode;
    unsigned char type; /* DT_REG, DT_DIR, DT_LNK, ...; DT_UNKNOWN where a file system doesn't tell:
                           see eddy_path_status */
};

/* 0, -ECANCELED (nothing stays open), -EINVAL, -ENOMEM, errors of open(2): -ENOENT, -ENOTDIR,
 * -EACCES, -EMFILE, ... */
EDDY_API EDDY_ASYNC int eddy_directory_open(const char *path, eddy_directory **directory);

/* The next name, without "." and "..": 1; 0 at the end. Names are read in blocks: most calls don't
 * suspend. -ENOENT if the directory was deleted meanwhile, -EIO, -ECANCELED (the next call goes
 * on), -EBUSY while another task waits for a name, -ECONNABORTED if it was closed by another
 * task. */
EDDY_API EDDY_ASYNC int eddy_directory_next(eddy_directory *directory,
                                            struct eddy_directory_entry *entry);

/* Closes and frees, also in a cancelled scope and outside of tasks; doesn't suspend. NULL is
 * harmless. */
EDDY_API void eddy_directory_close(eddy_directory *directory);

struct eddy_walk_entry {
    const char *path;   /* the walk's own path, '/', and the names that lead there */
    const char *name;   /* the last of them, within path */
    unsigned char type; /* as above; asked for where the file system doesn't tell */
    size_t depth;       /* 1 for what is in the directory itself */
    int error;          /* of a directory: why it can't be gone into, else 0 */
    bool skip;          /* for the loop's body: don't go into this directory */
};

struct eddy_walk {
    const char *path;
    size_t depth; /* levels to go; 1: only the directory itself; 0: all there are */
};

/* A generator for eddy_foreach: yields a struct eddy_walk_entry * for everything beneath the path,
 * a directory before what is in it. Symbolic links aren't followed. Paths may become longer than
 * PATH_MAX. A directory beneath that can't be opened, or that vanishes, doesn't end the walk: it
 * comes with its `error`. A level takes a descriptor and 32 KiB. Ends with 0, -ECANCELED, -ENOMEM,
 * -EIO, or as eddy_directory_open for the path itself. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
EDDY_API EDDY_ASYNC int eddy_walk(struct eddy_walk *walk);
#pragma GCC diagnostic pop

/* Deletes the directory and all that is in it: rm -r. Symbolic links are deleted, not followed,
 * also if somebody puts one in the place of a directory that is being emptied. What vanishes
 * meanwhile is fine, also the path itself (0). Stops at the first error: of unlink(2), rmdir(2) or
 * as above, -ENOTDIR if the path is no directory. If it is cancelled, a part is gone. */
EDDY_API EDDY_ASYNC int eddy_remove_tree(const char *path);

EDDY_END_DECLS
#endif
