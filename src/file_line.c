/* SPDX-License-Identifier: MIT */
/*
 * Lines of files: bytes are read ahead, a block at a time, and the next line is cut off them.
 *
 * A line is cut off only when its end is there; until then its bytes stay ahead, so that a cancel
 * or an error loses none.
 */
#include <limits.h>
#include <string.h>
#include "failure.h"
#include "file.h"
#include "log.h"
#include "memory.h"

enum { BLOCK_SIZE = 16384 };

size_t file_ahead_take(struct eddy_file *file, char *buffer, size_t size)
{
    if (size > file->end - file->begin)
        size = file->end - file->begin;
    if (!size)
        return 0;
    memcpy(buffer, file->ahead + file->begin, size);
    file->begin += size;
    return size;
}

void file_ahead_drop(struct eddy_file *file)
{
    file->begin = file->end = 0;
}

/* For a block more behind what is there. */
static int make_room(struct eddy_file *file)
{
    size_t left = file->end - file->begin;
    if (file->capacity - file->end >= BLOCK_SIZE / 2)
        return 0;
    if (file->begin) {
        memmove(file->ahead, file->ahead + file->begin, left);
        file->begin = 0;
        file->end = left;
    }
    if (file->capacity - left >= BLOCK_SIZE / 2)
        return 0;
    char *larger = memory_reallocate(file->ahead, left + BLOCK_SIZE);
    if (!larger)
        return eddy_fail(-ENOMEM, "no memory for a line of '%s'", file->path);
    file->ahead = larger;
    file->capacity = left + BLOCK_SIZE;
    return 0;
}

/* Reads on behind what is there: how many bytes, 0 at the end of the file. */
static ssize_t read_ahead(struct eddy_file *file)
{
    int r = make_room(file);
    if (r < 0)
        return r;
    size_t left = file->end - file->begin;
    int64_t offset = file->position < 0 ? -1 : file->position + (int64_t)left;
    ssize_t n = file_read_at(file, file->ahead + file->end, file->capacity - file->end, offset);
    if (n > 0)
        file->end += (size_t)n;
    return n;
}

static ssize_t read_line(struct eddy_file *file, char *buffer, size_t limit)
{
    size_t searched = 0;
    for (;;) {
        size_t left = file->end - file->begin, within = left < limit ? left : limit;
        const char *line = left ? file->ahead + file->begin : NULL;
        const char *end = within > searched ? memchr(line + searched, '\n', within - searched)
                                            : NULL;
        if (end)
            return (ssize_t)file_ahead_take(file, buffer, (size_t)(end - line) + 1);
        if (within == limit)
            return eddy_fail(-EMSGSIZE, "'%s' has a line of more than %zu bytes", file->path,
                             limit);
        searched = within;
        ssize_t n = read_ahead(file);
        if (n < 0)
            return n;
        if (n == 0)
            return (ssize_t)file_ahead_take(file, buffer, left);
    }
}

ssize_t eddy_file_read_line(eddy_file *file, char *buffer, size_t size)
{
    if (size < 2)
        return log_misuse(-EINVAL, "eddy_file_read_line", "no room for a line in %zu bytes", size);
    ssize_t r = file_take_turn(file, "eddy_file_read_line", buffer, size);
    if (r < 0)
        return r;
    r = read_line(file, buffer, size - 1);
    if (r >= 0)
        buffer[r] = '\0';
    if (r > 0 && file->position >= 0)
        file->position += r;
    file_end_turn(file);
    return r;
}
