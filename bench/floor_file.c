/* SPDX-License-Identifier: MIT
 *
 * The floors of reading files.
 *
 *     group pread        pread(2) of 4 KiB that are in memory
 *     group pread-cold   64 reads at a time of what isn't, by a ring of their own
 */
#define _GNU_SOURCE
#include <errno.h>
#ifndef BENCH_WITHOUT_URING
#include <liburing.h>
#endif
#include <unistd.h>

#include "file_load.h"
#include "floors.h"
#include "stopwatch.h"

static int run_warm(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    char block[FILE_BLOCK];
    struct stopwatch watch;
    int file = file_load_open(), error = file < 0 ? file : 0;

    (void)self;
    for (uint64_t n = 0; n < FILE_WARM_BLOCKS && error == 0; n++)
        if (pread(file, block, FILE_BLOCK, (off_t)(n * FILE_BLOCK)) != FILE_BLOCK)
            error = -EIO;
    stopwatch_start(&watch);
    for (uint64_t i = 0; i < operations && error == 0; i++) {
        uint64_t offset = i % FILE_WARM_BLOCKS * FILE_BLOCK;
        if (pread(file, block, FILE_BLOCK, (off_t)offset) != FILE_BLOCK ||
            !file_load_holds(block, offset))
            error = -EIO;
    }
    stopwatch_stop(&watch, operations, ret_sample);
    return error;
}

#ifndef BENCH_WITHOUT_URING
static char blocks[FILE_DEPTH][FILE_BLOCK];
static uint64_t offsets[FILE_DEPTH];

static void ask(struct io_uring *ring, int file, unsigned slot, uint64_t n)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(ring);
    offsets[slot] = file_load_offset(n);
    io_uring_prep_read(entry, file, blocks[slot], FILE_BLOCK, offsets[slot]);
    io_uring_sqe_set_data64(entry, slot);
}

static int read_all(struct io_uring *ring, int file, uint64_t operations)
{
    uint64_t asked = 0, done = 0;
    while (asked < FILE_DEPTH && asked < operations) {
        ask(ring, file, (unsigned)asked, asked);
        asked++;
    }
    while (done < operations) {
        struct io_uring_cqe *completion;
        unsigned head, count = 0;
        int error = io_uring_submit_and_wait(ring, 1);
        if (error < 0 && error != -EINTR)
            return error;
        io_uring_for_each_cqe(ring, head, completion)
        {
            unsigned slot = (unsigned)completion->user_data;
            count++;
            if (completion->res != FILE_BLOCK || !file_load_holds(blocks[slot], offsets[slot]))
                return -EIO;
            if (asked < operations)
                ask(ring, file, slot, asked++);
        }
        io_uring_cq_advance(ring, count);
        done += count;
    }
    return 0;
}

static int run_cold(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct io_uring ring;
    struct stopwatch watch;
    int file = file_load_open(), error = file < 0 ? file : file_load_chill();

    (void)self;
    if (error == 0)
        error = io_uring_queue_init(2 * FILE_DEPTH, &ring,
                                    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (error < 0)
        return error;
    stopwatch_start(&watch);
    error = read_all(&ring, file, operations);
    stopwatch_stop(&watch, operations, ret_sample);
    io_uring_queue_exit(&ring);
    return error;
}
#endif

const struct contender floor_file_contenders[] = {
    {.group = "pread", .name = "pread", .is_floor = true, .run = run_warm},
#ifndef BENCH_WITHOUT_URING
    {.group = "pread-cold", .name = "raw io_uring", .is_floor = true, .run = run_cold},
#endif
    {.name = NULL},
};
