/* SPDX-License-Identifier: MIT
 *
 * Slabs of stacks for the raw tasks. No guards: a floor pays for nothing but its workload.
 */
#define _GNU_SOURCE
#include "raw_task.h"

#include <errno.h>
#include <sys/mman.h>

int raw_stacks_map(struct raw_stacks *stacks, size_t count, size_t stride)
{
    void *base = mmap(NULL, count * stride, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    /* A huge page would make 2 MiB of every touched stack; where it's unknown there are none. */
    (void)madvise(base, count * stride, MADV_NOHUGEPAGE);
    *stacks = (struct raw_stacks){.base = base, .stride = stride, .count = count};
    return 0;
}

void raw_stacks_unmap(struct raw_stacks *stacks)
{
    munmap(stacks->base, stacks->count * stacks->stride);
    stacks->base = NULL;
}

struct raw_task *raw_stacks_task(const struct raw_stacks *stacks, size_t index, size_t offset)
{
    char *end = stacks->base + (index + 1) * stacks->stride - offset;
    return (struct raw_task *)(void *)(end - 64);
}

size_t raw_stacks_colour(size_t index)
{
    return index % 32 * 64;
}

int raw_stacks_map_pair(struct raw_stacks *stacks, size_t stride, const struct raw_pair *entries,
                        struct raw_task **left, struct raw_task **right)
{
    int error = raw_stacks_map(stacks, 2, stride);
    if (error < 0)
        return error;
    *left = raw_stacks_task(stacks, 0, raw_stacks_colour(0));
    *right = raw_stacks_task(stacks, 1, raw_stacks_colour(16));
    raw_task_prepare(*left, entries->left);
    raw_task_prepare(*right, entries->right);
    return 0;
}
