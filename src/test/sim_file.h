/* SPDX-License-Identifier: MIT */
/*
 * Files and folders in memory.
 *
 *      names       root --"tmp"--> inode --"data"--> inode      sim_tree.c
 *                                                      ^
 *      open files  descriptor --> struct sim_file -----+        sim_files.c, sim_status.c
 *
 *      operations  submitted --delay--> carried out, done       sim_operation.c
 *
 * An operation is carried out whole at the instant at which it is done: until then nothing of it
 * can be seen, and a cancel can still stop it. A new disk has "/" and "/tmp"; "/" is where relative
 * paths begin. Nobody is kept from anything: modes and owners play no part. A Unix socket that is
 * bound has a name here, which stays until it is unlinked.
 */
#ifndef EDDY_SRC_TEST_SIM_FILE_H
#define EDDY_SRC_TEST_SIM_FILE_H

#include "test/sim_engine.h"

struct sim_inode {
    bool is_directory;
    bool is_socket;
    unsigned references; /* its names, and open files */
    unsigned names;      /* a directory without is gone, but for the root */
    uint64_t number;
    int64_t modified;           /* nanoseconds on the loop's clock */
    mode_t mode;                /* as it was set; 0: it wasn't */
    unsigned shared;            /* locks on it */
    struct sim_file *exclusive; /* the one that holds it, or NULL */
    char *data;
    size_t size, capacity;
    struct sim_socket *bound; /* of a socket: the one that is, as long as that is open */
    struct list entries;      /* of a directory */
    struct sim_inode *parent; /* of a directory; the root's is itself */
};

/* A name in a directory. */
struct sim_entry {
    struct link link;
    struct sim_inode *inode;
    uint64_t number; /* grows along a directory's list: where a listing goes on */
    size_t length;
    char name[];
};

/* An open file. */
struct sim_file {
    struct sim_files *files;
    struct sim_inode *inode;
    unsigned references; /* its descriptor's, and an operation's under way */
    int flags;
    int lock; /* LOCK_SH, LOCK_EX, or 0 */
    int64_t position;
};

struct sim_files {
    struct sim_engine *engine;
    struct sim_inode *root;
    uint64_t numbers; /* of inodes and names, given out */
    uint64_t used;    /* bytes in all files, also in those that only live on open */
    struct list operations;
};

struct sim_files *sim_files_create(struct sim_engine *engine);
void sim_files_free(struct sim_files *files); /* its files are closed by now */

/* ---- sim_files.c ---- */

/* What a path of open(2) gives: an open file without a descriptor, or NULL and *code. */
struct sim_file *sim_file_open(struct sim_files *files, struct sim_inode *from, const char *path,
                               int flags, int *code);
ssize_t sim_file_read(struct sim_file *file, void *buffer, size_t size, int64_t offset);
ssize_t sim_file_write(struct sim_file *file, const void *data, size_t size, int64_t offset);
int sim_file_sync(struct sim_file *file);
int64_t sim_file_position(const struct sim_file *file);
int sim_file_truncate(struct sim_file *file, int64_t size);
ssize_t sim_file_copy(struct sim_file *from, struct sim_file *to, size_t size, int64_t offset);
void sim_file_close(struct sim_file *file); /* gives a reference back */

/* ---- sim_status.c: fstat, lseek, getdents64, flock ---- */

struct stat;
void sim_inode_status(const struct sim_inode *inode, struct stat *ret_status);
static inline void sim_file_status(const struct sim_file *file, struct stat *ret_status)
{
    sim_inode_status(file->inode, ret_status);
}
int sim_file_extent(const struct sim_file *file, int64_t offset, struct extent *ret_extent);
ssize_t sim_file_list(struct sim_file *file, void *buffer, size_t size);
int sim_file_lock(struct sim_file *file, int how);

/* The engine's calls on names of sockets. */
int sim_path_status(struct engine *base, const char *path, struct stat *ret_status);
int sim_path_mode(struct engine *base, const char *path, mode_t mode);
int sim_path_remove(struct engine *base, const char *path);

/* ---- sim_tree.c: as the system calls, negative errno ---- */

/* Relative paths begin in `from`; NULL: the root. */

/* The inode of a path, or NULL and *code. `create`: makes a file if the name is free, and tells;
 * otherwise `*ret_created` is left alone. */
struct sim_inode *sim_tree_find(struct sim_files *files, struct sim_inode *from, const char *path,
                                bool create, bool *ret_created, int *code);
int sim_tree_make_directory(struct sim_files *files, const char *path);
int sim_tree_rename(struct sim_files *files, const char *from, const char *to);
int sim_tree_unlink(struct sim_files *files, struct sim_inode *from, const char *path);
int sim_tree_remove_directory(struct sim_files *files, struct sim_inode *from, const char *path);

/* A socket's new name, with a reference for the caller: 0, or -EADDRINUSE and those of paths. */
int sim_tree_make_socket(struct sim_files *files, const char *path, struct sim_inode **ret_inode);

/* A root with its /tmp, or NULL without memory. */
struct sim_inode *sim_tree_create(struct sim_files *files);
void sim_tree_free(struct sim_files *files);

void sim_inode_release(struct sim_files *files, struct sim_inode *inode);

/* ---- sim_operation.c ---- */

int sim_file_submit(struct engine *base, struct operation *operation);
void sim_file_cancel(struct engine *base, struct operation *operation);

/* Ends all that are under way: -ECANCELED. */
void sim_files_cancel(struct sim_files *files);

#endif
