/* SPDX-License-Identifier: MIT */
/*
 * Files that don't stop the loop: aiofiles. Through the ring where there is one, else the loop's
 * thread pool.
 *
 *     eddy_file *file;
 *     r = eddy_file_open("photo.jpg", O_WRONLY | O_CREAT | O_TRUNC, 0644, &file);
 *     ...
 *     n = eddy_file_write(file, chunk, size);
 *     ...
 *     r = eddy_file_close(file);
 *
 * All calls suspend, but for closing. A cancelled one is waited for where the system is already at
 * work on the caller's memory; a finished operation wins over the cancel. What may wait for ever (a
 * FIFO, a terminal) is better made a stream: see eddy/stream.h.
 *
 * Several tasks may use a file at once. Every failure names the path. Null arguments and offsets
 * beyond INT64_MAX are -EINVAL.
 */
#ifndef EDDY_FILE_H
#define EDDY_FILE_H

#include <fcntl.h>
#include <sys/types.h>
#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_file eddy_file;

/* Opens as open(2) does, close-on-exec. 0, -ECANCELED (nothing stays open), -EINVAL, -ENOMEM,
 * errors of open(2): the failure names the path. */
EDDY_API EDDY_ASYNC int eddy_file_open(const char *path, int flags, mode_t mode, eddy_file **file);

/* Reads up to size bytes at the file's position: the number, 0 at the end, errors of read(2). */
EDDY_API EDDY_ASYNC ssize_t eddy_file_read(eddy_file *file, void *buffer, size_t size);

/* Writes all of it at the file's position: size, or an error of write(2), e.g. -ENOSPC; the failure
 * tells how many bytes were written before. */
EDDY_API EDDY_ASYNC ssize_t eddy_file_write(eddy_file *file, const void *data, size_t size);

/* At an offset, without moving the position. */
EDDY_API EDDY_ASYNC ssize_t eddy_file_pread(eddy_file *file, void *buffer, size_t size,
                                            uint64_t offset);
EDDY_API EDDY_ASYNC ssize_t eddy_file_pwrite(eddy_file *file, const void *data, size_t size,
                                             uint64_t offset);

/* Returns when the data is on the disk: fsync(2). 0 or its error. */
EDDY_API EDDY_ASYNC int eddy_file_sync(eddy_file *file);

/* Closes and frees, always: even in a cancelled scope and outside of tasks. It doesn't suspend,
 * since close(2) doesn't wait for a local disk; on network file systems it may. Returns close(2)'s
 * error, which can be a write's that was put off. If a task is at work on the file, it is closed
 * when that call ends. NULL is harmless (0). */
EDDY_API int eddy_file_close(eddy_file *file);

EDDY_API int eddy_file_descriptor(const eddy_file *file);

/* As mkdir(2), rename(2), unlink(2). eddy_make_directories is mkdir -p: directories that exist
 * already are fine, anything else in their place is -EEXIST or -ENOTDIR; parents are made with the
 * mode plus writing and searching for the owner. If it fails or is cancelled on the way, what was
 * made stays. */
EDDY_API EDDY_ASYNC int eddy_make_directory(const char *path, mode_t mode);
EDDY_API EDDY_ASYNC int eddy_make_directories(const char *path, mode_t mode);
EDDY_API EDDY_ASYNC int eddy_rename(const char *from, const char *to);
EDDY_API EDDY_ASYNC int eddy_unlink(const char *path);

EDDY_END_DECLS
#endif
