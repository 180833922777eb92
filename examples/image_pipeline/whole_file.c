/* SPDX-License-Identifier: MIT */

/* Whole files: read with a size cap, write beside the final name and rename. */

#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

static int part_name(const char *path, char part[static PATH_MAX])
{
    int length = snprintf(part, PATH_MAX, "%s.part", path);
    return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Reads until the end of the file or until the buffer is full, whichever comes first. */
static int read_fully(int descriptor, unsigned char *bytes, size_t size, size_t *ret_done)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = read(descriptor, bytes + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        done += (size_t)count;
    }
    *ret_done = done;
    return 0;
}

static int write_fully(int descriptor, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(descriptor, bytes, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        bytes += count;
        size -= (size_t)count;
    }
    return 0;
}

static int read_descriptor(int descriptor, unsigned char **ret_bytes, size_t *ret_size)
{
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    if ((uintmax_t)status.st_size > WHOLE_FILE_LIMIT)
        return -EFBIG;

    /* One byte more than needed, because malloc(0) may return NULL. */
    unsigned char *bytes = malloc((size_t)status.st_size + 1);
    if (bytes == NULL)
        return -ENOMEM;

    size_t size = 0;
    int result = read_fully(descriptor, bytes, (size_t)status.st_size, &size);
    if (result < 0) {
        free(bytes);
        return result;
    }
    *ret_bytes = bytes;
    *ret_size = size;
    return 0;
}

int whole_file_read(const char *path, unsigned char **ret_bytes, size_t *ret_size, char *message,
                    size_t message_size)
{
    /* O_NONBLOCK, so that a named pipe without a writer is refused instead of waited for. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int result = descriptor < 0 ? -errno : read_descriptor(descriptor, ret_bytes, ret_size);
    if (descriptor >= 0)
        close(descriptor);
    if (result < 0)
        return fail_with(result, message, message_size, "cannot read %s: %s", path,
                         strerror(-result));
    return 0;
}

int whole_file_write(const char *path, const void *bytes, size_t size, char *message,
                     size_t message_size)
{
    char part[PATH_MAX];
    int result = part_name(path, part);
    if (result < 0)
        goto failed;

    /* A ".part" left by a killed writer is overwritten; a link put in its place isn't followed. */
    int descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0) {
        result = -errno;
        goto failed;
    }
    result = write_fully(descriptor, bytes, size);
    /* Some file systems find out only now that the disk is full. */
    if (close(descriptor) < 0 && result == 0)
        result = -errno;
    if (result == 0 && rename(part, path) < 0)
        result = -errno;
    if (result == 0)
        return 0;
    unlink(part);

failed:
    return fail_with(result, message, message_size, "cannot write %s: %s", path, strerror(-result));
}

void whole_file_discard_part(const char *path)
{
    char part[PATH_MAX];
    if (part_name(path, part) == 0)
        unlink(part);
}
