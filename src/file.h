/* SPDX-License-Identifier: MIT */
/*
 * Files from inside.
 *
 *      read, read_line, seek, write           pread, pwrite
 *            |  one at a time: `turn`              |
 *            v                                     v
 *         position, bytes read ahead ------> file_read_at, file_write_at ---> what is in memory at
 *                                                                             once, else an
 *                                                                             operation
 *
 * The position of a seekable file is kept here, and every operation names its offset: the ring
 * doesn't move the kernel's own one on when a write breaks off with an error after a part (a full
 * disk), and what is written next would land on top of that part. It is that of the bytes read
 * ahead, if there are any: so giving those up loses nothing.
 */
#ifndef EDDY_SRC_FILE_H
#define EDDY_SRC_FILE_H

#include "eddy/file.h"
#include "eddy/lock.h"
#include "operation.h"

struct eddy_file {
    int descriptor;
    unsigned references; /* the owner's, and one a call under way */
    int64_t position;    /* -1: the kernel's (pipes, devices, O_APPEND) */
    bool appends;
    bool by_call;   /* may be a pipe: it can't be sought */
    uint8_t misses; /* reads in a row that found nothing in memory */
    uint8_t streak; /* reads in a row that didn't suspend */
    eddy_lock turn; /* of those who use the position */
    char *ahead;    /* NULL unless bytes were read ahead of a line: ahead[begin..end) */
    size_t begin, end, capacity;
    char path[];
};

/* Brackets a call: 0 and a reference held until file_leave, else the error to return. */
int file_enter(struct eddy_file *file, const char *call, const void *buffer, size_t size);
void file_leave(struct eddy_file *file);

/* The same for a call that uses the position: it waits for its turn. */
int file_take_turn(struct eddy_file *file, const char *call, const void *buffer, size_t size);
void file_end_turn(struct eddy_file *file);

/* Gives up a reference; with the last one the file is closed: 0, or the error of that. */
int file_release(struct eddy_file *file);

/* Runs an operation on the file, and says what failed: "reading from", "syncing". */
int file_run(struct eddy_file *file, struct operation *operation, const char *doing);

/* At an offset; -1: where the kernel's position is. A read gives what there is up to size. A write
 * writes all of it; *ret_written also counts what went before an error. */
ssize_t file_read_at(struct eddy_file *file, void *buffer, size_t size, int64_t offset);
ssize_t file_write_at(struct eddy_file *file, const char *data, size_t size, int64_t offset,
                      size_t *ret_written);

/* ---- file_line.c ---- */

/* Takes from the bytes read ahead: how many. */
size_t file_ahead_take(struct eddy_file *file, char *buffer, size_t size);
void file_ahead_drop(struct eddy_file *file);

#endif
