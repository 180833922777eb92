/* SPDX-License-Identifier: MIT */
/*
 * Stacks for tasks. A slab is one mapping, cut into slots of guard + stack:
 *
 *      | guard | stack 0 | guard | stack 1 | ...... | guard | stack n-1 |
 *
 * It is mapped whole, and costs nothing until it is touched; neighbouring slabs melt into one
 * mapping. A guard is either a mark in the page tables (MADV_GUARD_INSTALL), or a mapping of its
 * own without access (mprotect), which cuts the slab's mapping in two and is what limits old
 * kernels to some 32,000 stacks.
 */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "eddy/failure.h"
#include "feature.h"
#include "memory.h"
#include "stack.h"

/* Newer than the headers of most systems; the same number everywhere. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum {
    SLAB_STACKS = 64,
    SLAB_BYTES = 64 << 20, /* at most, if that holds a stack */
    GUARD_DEFAULT = 64 << 10,
    GUARD_MAX = 1 << 30,
    COLOURS = 16,
    COLOUR_BYTES = 64,
};

struct stack_slab {
    struct stack_slab *next;
    char *memory;
    size_t count; /* slots */
    size_t made;  /* of them, the ones with a guard and a stack */
    struct stack stacks[];
};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t round_to_pages(size_t size)
{
    size_t page = page_size();
    return (size + page - 1) / page * page;
}

/* Bytes from one stack to the next. */
static size_t stride(const struct stack_pool *pool)
{
    return pool->guard + pool->size;
}

/* Whether MADV_GUARD_INSTALL guards. A success says nothing: qemu's user emulation agrees to every
 * advice and takes none. So the kernel itself is asked to write there, which must be refused and
 * can't kill us; clock_gettime as a system call does so without needing a descriptor. */
static bool guard_install_works(void)
{
    if (!feature_allowed(FEATURE_GUARD_INSTALL))
        return false;
    size_t size = page_size();
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return false;
    bool works = madvise(page, size, MADV_GUARD_INSTALL) == 0 &&
                 syscall(SYS_clock_gettime, CLOCK_MONOTONIC, page) < 0 && errno == EFAULT;
    (void)munmap(page, size);
    return works;
}

int stack_pool_init(struct stack_pool *pool, size_t size, size_t guard)
{
    if (size < STACK_SIZE_MIN || size > STACK_SIZE_MAX || guard > GUARD_MAX)
        return -EINVAL;
    if (!guard)
        guard = size <= GUARD_DEFAULT ? 1 : GUARD_DEFAULT;
    *pool = (struct stack_pool){
        .size = round_to_pages(size),
        .guard = round_to_pages(guard),
        .guard_kind = guard_install_works() ? STACK_GUARD_INSTALL : STACK_GUARD_MPROTECT,
    };
    return 0;
}

void stack_pool_destroy(struct stack_pool *pool)
{
    assert(!pool->live);
    while (pool->slabs) {
        struct stack_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        for (size_t i = 0; i < slab->made; i++) {
            struct stack *stack = &slab->stacks[i];
            sanitizer_remove_stack(stack->valgrind_id, stack->bottom, stack->bottom + pool->size);
            if (stack->tsan_fiber)
                sanitizer_destroy_fiber(stack->tsan_fiber);
        }
        sanitizer_unpoison(slab->memory, slab->count * stride(pool));
        (void)munmap(slab->memory, slab->count * stride(pool));
        memory_free(slab);
    }
    *pool = (struct stack_pool){.size = pool->size, .guard = pool->guard};
}

static struct stack_slab *add_slab(struct stack_pool *pool)
{
    size_t count = SLAB_BYTES / stride(pool);
    count = count < 1 ? 1 : count > SLAB_STACKS ? SLAB_STACKS : count;
    struct stack_slab *slab = memory_allocate(sizeof *slab + count * sizeof slab->stacks[0]);
    if (!slab)
        return NULL;
    size_t size = count * stride(pool);
    void *memory = MAP_FAILED;
    if (!memory_refused(size))
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        memory_free(slab);
        return NULL;
    }
    (void)madvise(memory, size, MADV_NOHUGEPAGE); /* refused where there are none */
    *slab = (struct stack_slab){.next = pool->slabs, .memory = memory, .count = count};
    atomic_signal_fence(memory_order_release); /* stack_pool_find_guard */
    pool->slabs = slab;
    return slab;
}

static int install_guard(struct stack_pool *pool, char *memory)
{
    if (pool->guard_kind == STACK_GUARD_INSTALL) {
        if (madvise(memory, pool->guard, MADV_GUARD_INSTALL) == 0)
            return 0;
        if (errno == ENOMEM)
            return -ENOMEM;
        /* Memory that was locked (mlockall) since the probe can't have marks: the old way, then. */
        pool->guard_kind = STACK_GUARD_MPROTECT;
    }
    return mprotect(memory, pool->guard, PROT_NONE) == 0 ? 0 : -errno;
}

static struct stack *make_stack(struct stack_pool *pool)
{
    struct stack_slab *slab = pool->slabs;
    if (!slab || slab->made == slab->count)
        slab = add_slab(pool);
    if (!slab) {
        eddy_fail(-ENOMEM, "no address space for more than %zu stacks of %zu KiB", pool->made,
                  pool->size >> 10);
        return NULL;
    }
    char *guard = slab->memory + slab->made * stride(pool), *bottom = guard + pool->guard;
    if (install_guard(pool, guard) < 0) {
        if (pool->guard_kind == STACK_GUARD_MPROTECT)
            eddy_fail(-ENOMEM,
                      "can't guard more than %zu stacks: before Linux 6.13 each takes two of the "
                      "mappings that the sysctl vm.max_map_count allows",
                      pool->made);
        else
            eddy_fail(-ENOMEM, "can't guard more than %zu stacks", pool->made);
        return NULL;
    }

    struct stack *stack = &slab->stacks[slab->made];
    *stack = (struct stack){
        .bottom = bottom,
        .top = bottom + pool->size - pool->made % COLOURS * COLOUR_BYTES,
        .index = (uint32_t)pool->made,
        .valgrind_id = sanitizer_add_stack(bottom, bottom + pool->size),
        .tsan_fiber = sanitizer_create_fiber(),
    };
    atomic_signal_fence(memory_order_release); /* stack_pool_find_guard */
    slab->made++;
    pool->made++;
    return stack;
}

struct stack *stack_take_cold(struct stack_pool *pool)
{
    struct stack *stack = pool->cold;
    if (stack) {
        pool->cold = stack->next;
    } else {
        stack = make_stack(pool);
        if (!stack) {
            errno = ENOMEM;
            return NULL;
        }
    }
    pool->live++;
    sanitizer_unpoison(stack->bottom, (size_t)(stack->top - stack->bottom));
    return stack;
}

/* From the older part of the warm ones. */
static void give_back(struct stack_pool *pool, size_t count)
{
    struct stack **end = &pool->warm; /* of the part that stays warm */
    for (size_t i = 0; i < STACK_KEEP_WARM; i++)
        end = &(*end)->next;
    for (size_t i = 0; i < count; i++) {
        struct stack *stack = *end;
        *end = stack->next;
        pool->warm_count--;
        stack->next = pool->cold;
        pool->cold = stack;
        (void)madvise(stack->bottom, pool->size, MADV_DONTNEED); /* locked memory just stays */
    }
}

int64_t stack_pool_trim(struct stack_pool *pool, int64_t now)
{
    if (pool->warm_count <= STACK_KEEP_WARM) {
        pool->watched = false;
        pool->surplus = 0;
        return -1;
    }
    if (!pool->surplus) {
        if (!pool->watched || pool->warm_count < pool->least_warm)
            pool->least_warm = pool->warm_count;
        if (!pool->watched)
            pool->watched_until = now + STACK_TRIM_AFTER_NS;
        pool->watched = now < pool->watched_until;
        if (pool->watched)
            return pool->watched_until - now;
        pool->surplus = pool->least_warm - STACK_KEEP_WARM;
    }
    size_t most = pool->warm_count - STACK_KEEP_WARM, count = pool->surplus;
    if (count > most)
        count = pool->surplus = most;
    if (count > STACK_TRIM_BATCH)
        count = STACK_TRIM_BATCH;
    give_back(pool, count);
    pool->surplus -= count;
    return 0;
}

struct stack *stack_pool_find_guard(const struct stack_pool *pool, const void *address)
{
    for (struct stack_slab *slab = pool->slabs; slab; slab = slab->next) {
        /* Wraps for an address below the slab, and is then too large. */
        size_t offset = (size_t)((uintptr_t)address - (uintptr_t)slab->memory);
        size_t slot = offset / stride(pool);
        if (slot < slab->made && offset % stride(pool) < pool->guard)
            return &slab->stacks[slot];
    }
    return NULL;
}
