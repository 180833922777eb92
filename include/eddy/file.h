/* SPDX-License-Identifier: MIT */
/*
 * Files that don't stop the loop: aiofiles. What is in memory already is read at once; the rest
 * goes through the ring where there is one, else the loop's thread pool.
 *
 *     eddy_file *file;
 *     r = eddy_file_open("photo.jpg", O_WRONLY | O_CREAT | O_TRUNC, 0644, &file);
 *     ...
 *     n = eddy_file_write(file, chunk, size);
 *     ...
 *     r = eddy_file_close(file);
 *
 *     while ((n = eddy_file_read_line(list, line, sizeof line)) > 0)
 *         ...
 *
 * All calls may suspend, but for closing, and in a cancelled scope begin nothing: -ECANCELED. One
 * that is cancelled is waited for where the system is already at work on the caller's memory; a
 * finished operation wins over the cancel. Reads of what is in memory let other tasks run once in a
 * while (every 64 or so). What may wait for ever (a FIFO, a terminal) is better made a stream: see
 * eddy/stream.h.
 *
 * Several tasks of a loop may use a file at once: calls that use its position go one after the
 * other, the others side by side. Every failure names the path. Null arguments, offsets and sizes
 * beyond INT64_MAX are -EINVAL.
 */
#ifndef EDDY_FILE_H
#define EDDY_FILE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_file eddy_file;

/* Opens as open(2) does, close-on-exec. 0, -ECANCELED (nothing stays open), -EINVAL, -ENOMEM,
 * errors of open(2): the failure names the path. */
EDDY_API EDDY_ASYNC int eddy_file_open(const char *path, int flags, mode_t mode, eddy_file **file);

/* Reads up to size bytes at the file's position: the number, 0 at the end, errors of read(2). Fewer
 * than size near the end of the file, and where an error or a cancel comes behind a part. */
EDDY_API EDDY_ASYNC ssize_t eddy_file_read(eddy_file *file, void *buffer, size_t size);

/* Reads a line with its '\n', and ends it with a NUL: its length without the NUL; 0 at the end of
 * the file; the last line may lack its '\n'. -EMSGSIZE if size - 1 bytes hold no '\n': the line
 * stays unread, for a larger buffer. -EINVAL for a size below 2, -ENOMEM, errors of read(2). It
 * reads blocks of 16 KiB ahead, which read and read_line take from; a cancel loses none of it. */
EDDY_API EDDY_ASYNC ssize_t eddy_file_read_line(eddy_file *file, char *buffer, size_t size);

/* Writes all of it at the file's position: size, or an error of write(2), e.g. -ENOSPC; the failure
 * tells how many bytes were written before. */
EDDY_API EDDY_ASYNC ssize_t eddy_file_write(eddy_file *file, const void *data, size_t size);

/* At an offset, without moving the position. */
EDDY_API EDDY_ASYNC ssize_t eddy_file_pread(eddy_file *file, void *buffer, size_t size,
                                            uint64_t offset);
EDDY_API EDDY_ASYNC ssize_t eddy_file_pwrite(eddy_file *file, const void *data, size_t size,
                                             uint64_t offset);

/* Moves the position as lseek(2) does (SEEK_SET, SEEK_CUR, SEEK_END): the new one. -EINVAL if it
 * would be negative, -ESPIPE for a pipe or a terminal and for what was opened with O_APPEND. */
EDDY_API EDDY_ASYNC int64_t eddy_file_seek(eddy_file *file, int64_t offset, int whence);

/* Cuts the file off, or makes it longer by zeros; the position stays. 0 or ftruncate(2)'s error. */
EDDY_API EDDY_ASYNC int eddy_file_truncate(eddy_file *file, uint64_t size);

/* Size, kind, times: fstat(2). 0 or its error. */
EDDY_API EDDY_ASYNC int eddy_file_status(eddy_file *file, struct stat *status);

enum eddy_file_lock_kind {
    EDDY_FILE_SHARED,    /* with others that are shared */
    EDDY_FILE_EXCLUSIVE, /* alone */
};

/* Locks the file against others who do the same: flock(2). The lock is the open file's, so it keeps
 * other processes out and whoever else has opened the file here, but not tasks that share this one;
 * asking again changes its kind (which gives the old one up first). With `wait` it waits while
 * another has it, by trying again after 1 to 100 ms, in no order; else that is -EWOULDBLOCK. 0,
 * -ECANCELED (not locked), or flock(2)'s error. Closing the file unlocks it. */
EDDY_API EDDY_ASYNC int eddy_file_lock(eddy_file *file, enum eddy_file_lock_kind kind, bool wait);

/* Suspends, but is not to be cancelled, and works in a cancelled scope. 0 or flock(2)'s error. */
EDDY_API EDDY_ASYNC int eddy_file_unlock(eddy_file *file);

/* Returns when the data is on the disk: fsync(2). 0 or its error. */
EDDY_API EDDY_ASYNC int eddy_file_sync(eddy_file *file);

/* Closes and frees, always: even in a cancelled scope and outside of tasks. It doesn't suspend,
 * since close(2) doesn't wait for a local disk; on network file systems it may. Returns close(2)'s
 * error, which can be a write's that was put off. If a task is at work on the file, it is closed
 * when that call ends. NULL is harmless (0). */
EDDY_API int eddy_file_close(eddy_file *file);

EDDY_API int eddy_file_descriptor(const eddy_file *file);

EDDY_END_DECLS
#endif
