/* SPDX-License-Identifier: MIT */
/*
 * Memory, and a place where a test can refuse it.
 *
 * Everything the library allocates for itself comes from here, and memory_refused() is asked before
 * anything else that only fails without memory, such as a mapping. So eddy-test can fail each
 * allocation of a program once, under every sanitizer, and count what is alive.
 */
#ifndef EDDY_SRC_MEMORY_H
#define EDDY_SRC_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include "private.h"

struct memory_watcher {
    /* Whether this allocation may succeed. Any thread. */
    bool (*allows)(struct memory_watcher *watcher, size_t size);
    /* One piece of memory more, or less. Any thread. */
    void (*count)(struct memory_watcher *watcher, int change);
};

/* NULL: nobody watches. Set while no other thread is in the library. */
extern EDDY_PRIVATE struct memory_watcher *memory_watcher;

/* As malloc, aligned_alloc, calloc, realloc, strdup, strndup and free. */
EDDY_PRIVATE void *memory_allocate(size_t size) __attribute__((__malloc__));
EDDY_PRIVATE void *memory_allocate_aligned(size_t alignment, size_t size)
    __attribute__((__malloc__));
EDDY_PRIVATE void *memory_allocate_zeroed(size_t count, size_t size) __attribute__((__malloc__));
EDDY_PRIVATE void *memory_reallocate(void *memory, size_t size);
EDDY_PRIVATE char *memory_copy_text(const char *text) __attribute__((__malloc__));
EDDY_PRIVATE char *memory_copy_text_of(const char *text, size_t length) __attribute__((__malloc__));
EDDY_PRIVATE void memory_free(void *memory);

EDDY_PRIVATE bool memory_refuses(size_t size);

/* Whether memory that doesn't come from here is refused; errno is ENOMEM then. */
static inline bool memory_refused(size_t size)
{
    return __builtin_expect(memory_watcher != NULL, 0) && memory_refuses(size);
}

#endif
