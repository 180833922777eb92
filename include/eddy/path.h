/* SPDX-License-Identifier: MIT */
/*
 * Names in the file system, without stopping the loop: stat, rename, unlink, mkdir -p.
 *
 *     r = eddy_make_directories("build/reports", 0755);
 *     ...
 *     struct stat status;
 *     if (eddy_path_status("build/reports/latest", &status, true) == -ENOENT)
 *         ...
 *     r = eddy_rename("build/reports/new", "build/reports/latest");
 *
 * All calls suspend. In a cancelled scope they begin nothing; a cancel that comes when the system
 * is at work is felt after it, and what was done counts: 0. Every failure names the path. Null
 * arguments are -EINVAL.
 */
#ifndef EDDY_PATH_H
#define EDDY_PATH_H

#include <sys/stat.h>
#include <sys/types.h>
#include <eddy/base.h>

EDDY_BEGIN_DECLS

/* What is there, size, times: stat(2), of a symbolic link itself (lstat) unless `follow`. 0 or its
 * error: -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG. */
EDDY_API EDDY_ASYNC int eddy_path_status(const char *path, struct stat *status, bool follow);

/* As mkdir(2), rename(2), unlink(2), rmdir(2). eddy_make_directories is mkdir -p: directories that
 * exist already are fine, anything else in their place is -EEXIST or -ENOTDIR; parents are made
 * with the mode plus writing and searching for the owner. If it fails or is cancelled on the way,
 * what was made stays. */
EDDY_API EDDY_ASYNC int eddy_make_directory(const char *path, mode_t mode);
EDDY_API EDDY_ASYNC int eddy_make_directories(const char *path, mode_t mode);
EDDY_API EDDY_ASYNC int eddy_rename(const char *from, const char *to);
EDDY_API EDDY_ASYNC int eddy_unlink(const char *path);
EDDY_API EDDY_ASYNC int eddy_remove_directory(const char *path);

EDDY_END_DECLS
#endif
