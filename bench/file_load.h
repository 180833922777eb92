/* SPDX-License-Identifier: MIT
 *
 * The file that reads are measured on: on the disk of $TMPDIR or /tmp, without a name.
 */
#ifndef EDDY_BENCH_FILE_LOAD_H
#define EDDY_BENCH_FILE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FILE_BLOCK = 4096,
    FILE_BLOCKS = 16384, /* 64 MiB */
    FILE_DEPTH = 64,     /* reads under way at a time, where there are several */
    FILE_WARM_BLOCKS = 256,
};

/* Its descriptor, the same each time, or a negative errno. */
int file_load_open(void);

/* Where the n-th read of all blocks goes: each block once, none beside the one before. */
static inline uint64_t file_load_offset(uint64_t n)
{
    return (n * 7919 % FILE_BLOCKS) * FILE_BLOCK;
}

/* Throws what the system has in memory of it away. */
int file_load_chill(void);

/* The block says whose it is: that a read took what it should. */
bool file_load_holds(const char *block, uint64_t offset);

#endif
