/* SPDX-License-Identifier: MIT
 *
 * A file of blocks that begin with their offset.
 */
#define _GNU_SOURCE
#include "file_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int descriptor = -1;

static int fill(int file)
{
    char block[FILE_BLOCK] = {0};
    for (uint64_t n = 0; n < FILE_BLOCKS; n++) {
        uint64_t offset = n * FILE_BLOCK;
        memcpy(block, &offset, sizeof(offset));
        if (pwrite(file, block, sizeof(block), (off_t)offset) != (ssize_t)sizeof(block))
            return errno ? -errno : -EIO;
    }
    return fsync(file) < 0 ? -errno : 0;
}

int file_load_open(void)
{
    const char *directory = getenv("TMPDIR");
    char path[4096];
    if (descriptor >= 0)
        return descriptor;
    snprintf(path, sizeof(path), "%s/eddy-bench-XXXXXX", directory ? directory : "/tmp");
    int file = mkostemp(path, O_CLOEXEC);
    if (file < 0)
        return -errno;
    unlink(path);
    int error = fill(file);
    if (error == 0) /* no reading ahead: a block that is cold stays so until it is asked for */
        error = -posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
    if (error < 0) {
        close(file);
        return error;
    }
    return descriptor = file;
}

int file_load_chill(void)
{
    return -posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
}

bool file_load_holds(const char *block, uint64_t offset)
{
    return memcmp(block, &offset, sizeof(offset)) == 0;
}
