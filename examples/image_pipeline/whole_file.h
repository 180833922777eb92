/* SPDX-License-Identifier: MIT */

/* Files read and written in one piece. A file is written beside its final name, as
 * "<path>.part", and renamed when it is complete: whoever looks at <path> sees all of it or
 * nothing, also on a full disk. There is no fsync: the pictures survive a crash of the program,
 * which is what the pipeline promises, not a power cut. */

#pragma once

#include <stddef.h>

/* Files larger than this are refused before memory is reserved for them. */
#define WHOLE_FILE_LIMIT ((size_t)256 * 1024 * 1024)

/* Reads the file into memory that the caller frees. Returns 0 or a negative errno. */
int whole_file_read(const char *path, unsigned char **ret_bytes, size_t *ret_size, char *message,
                    size_t message_size);

/* Writes the file, replacing an old one. On any failure the ".part" is gone again and an old
 * file is as it was. Only one writer at a time may write to a path. Returns 0 or a negative
 * errno. */
int whole_file_write(const char *path, const void *bytes, size_t size, char *message,
                     size_t message_size);

/* Removes the "<path>.part" that a writer killed half-way has left; nothing there is no error.
 * For the parent of a worker process that died. */
void whole_file_discard_part(const char *path);
