/* SPDX-License-Identifier: MIT */
/*
 * Memory: libc's, behind a watcher that is there only in tests.
 */
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct memory_watcher *memory_watcher;

bool memory_refuses(size_t size)
{
    if (memory_watcher->allows(memory_watcher, size))
        return false;
    errno = ENOMEM;
    return true;
}

static void *counted(void *memory)
{
    if (__builtin_expect(memory_watcher != NULL, 0) && memory)
        memory_watcher->count(memory_watcher, 1);
    return memory;
}

void *memory_allocate(size_t size)
{
    return memory_refused(size) ? NULL : counted(malloc(size));
}

void *memory_allocate_aligned(size_t alignment, size_t size)
{
    return memory_refused(size) ? NULL : counted(aligned_alloc(alignment, size));
}

void *memory_allocate_zeroed(size_t count, size_t size)
{
    return memory_refused(count * size) ? NULL : counted(calloc(count, size));
}

void *memory_reallocate(void *memory, size_t size)
{
    if (memory_refused(size))
        return NULL;
    return memory ? realloc(memory, size) : counted(malloc(size));
}

char *memory_copy_text(const char *text)
{
    return memory_copy_text_of(text, strlen(text));
}

char *memory_copy_text_of(const char *text, size_t length)
{
    length = strnlen(text, length);
    char *copy = memory_allocate(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void memory_free(void *memory)
{
    if (__builtin_expect(memory_watcher != NULL, 0) && memory)
        memory_watcher->count(memory_watcher, -1);
    free(memory);
}
