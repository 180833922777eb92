/* SPDX-License-Identifier: MIT */
/*
 * Memory for a wait for many tasks, a join each: the loop keeps the last one that was given back,
 * so that a program which gathers again and again allocates once.
 */
#ifndef EDDY_SRC_SPARE_H
#define EDDY_SRC_SPARE_H

#include "loop.h"
#include "memory.h"

/* More than this isn't kept. */
#define SPARE_SIZE_MAX ((size_t)1 << 20)

struct spare {
    size_t size; /* of the memory behind */
    _Alignas(16) char memory[];
};

/* Memory of so many bytes, not zeroed; NULL if there is none. */
static inline void *spare_take(struct eddy_loop *loop, size_t size)
{
    struct spare *spare = loop->spare;
    loop->spare = NULL;
    if (spare && spare->size >= size)
        return spare->memory;
    memory_free(spare);
    spare = size <= (size_t)PTRDIFF_MAX - sizeof *spare ? memory_allocate(sizeof *spare + size)
                                                        : NULL;
    if (!spare)
        return NULL;
    spare->size = size;
    return spare->memory;
}

static inline void spare_give(struct eddy_loop *loop, void *memory)
{
    struct spare *spare = (struct spare *)(void *)((char *)memory - offsetof(struct spare, memory));
    if (!memory)
        return;
    if (spare->size > SPARE_SIZE_MAX || (loop->spare && loop->spare->size >= spare->size)) {
        memory_free(spare);
        return;
    }
    memory_free(loop->spare);
    loop->spare = spare;
}

#endif
