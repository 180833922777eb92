/* SPDX-License-Identifier: MIT */
/*
 * Stacks for tasks: slabs of them, each with a guard region below, kept warm in a LIFO.
 *
 *      low addresses                                            high addresses
 *      | guard (never touched) | usable ............ first page |
 *      ^ slab slot             ^ bottom                    top ^
 *
 * The task's control block goes right below `top`, so an idle task costs one page. Tops are
 * coloured: each stack's is lowered by its own multiple of 64 bytes, or all control blocks would
 * fight for the same cache sets. For the same reason, and because a cold stack shouldn't cost even
 * one page, `struct stack` lives with its slab's others and not on the stack.
 *
 * A stack is one of
 *      live    taken
 *      warm    given back, its pages still there: the next to be taken, the latest one first
 *      cold    given back, and its pages too, by stack_pool_trim
 * or was never made: guards are put in at the first use.
 */
#ifndef EDDY_SRC_STACK_H
#define EDDY_SRC_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sanitizer.h"

enum {
    STACK_SIZE_MIN = 28 << 10, /* 32 KiB with one page of guard; libc alone can need 23 of them */
    STACK_SIZE_MAX = 1 << 30,
    STACK_KEEP_WARM = 256, /* trimming stops here */
    STACK_TRIM_BATCH = 16, /* stacks a call: some 40 us */
    STACK_TRIM_AFTER_NS = 1000000000,
};

enum stack_guard {
    STACK_GUARD_INSTALL,  /* MADV_GUARD_INSTALL, Linux 6.13: costs no mapping */
    STACK_GUARD_MPROTECT, /* two mappings a stack: ~32,000 under default sysctls */
};

struct stack {
    struct stack *next; /* in the list of warm or cold ones */
    char *bottom;       /* lowest usable address, just above the guard */
    char *top;          /* coloured: first byte above what the task may use; 64-byte aligned */
    uint32_t index;
    unsigned valgrind_id;
    void *tsan_fiber;
};

struct stack_slab;

struct stack_pool {
    size_t size;  /* usable bytes, of which the colour takes up to 960 */
    size_t guard; /* bytes of guard below each */
    enum stack_guard guard_kind;
    struct stack *warm;
    struct stack *cold;
    size_t warm_count, live, made;
    /* what stack_pool_trim knows: */
    bool watched;
    int64_t watched_until;
    size_t least_warm;        /* at any of its calls since it began to watch */
    size_t surplus;           /* to be given back */
    struct stack_slab *slabs; /* only the first has stacks not yet made */
};

/* Sizes are rounded up to pages. A guard of 0 is the default: 64 KiB, one page for stacks up to
 * 64 KiB. -EINVAL for a size outside [28 KiB, 1 GiB] or a guard above 1 GiB. Probes the guard by a
 * test write that must fault. */
int stack_pool_init(struct stack_pool *pool, size_t size, size_t guard);

/* Unmaps everything; no stack may be in use. */
void stack_pool_destroy(struct stack_pool *pool);

/* A stack that isn't warm: NULL and errno ENOMEM, with a failure record; after an mprotect failure
 * it names vm.max_map_count. */
struct stack *stack_take_cold(struct stack_pool *pool);

static inline struct stack *stack_take(struct stack_pool *pool)
{
    struct stack *stack = pool->warm;
    if (__builtin_expect(!stack, 0))
        return stack_take_cold(pool);
    pool->warm = stack->next;
    pool->warm_count--;
    pool->live++;
    sanitizer_unpoison(stack->bottom, (size_t)(stack->top - stack->bottom));
    return stack;
}

/* Puts a stack back. Allowed while still running on it: nothing reuses it before the switch. */
static inline void stack_put(struct stack_pool *pool, struct stack *stack)
{
    stack->next = pool->warm;
    pool->warm = stack;
    pool->warm_count++;
    pool->live--;
}

/* Gives the pages of a few stacks back to the system that have been warm, above STACK_KEEP_WARM of
 * them, at each call of a second: bursts of tasks that come again and again find them still warm.
 * Call before going to sleep, with the time. Nanoseconds until it wants to be called again, 0: at
 * once; -1: there is nothing to give back. */
int64_t stack_pool_trim(struct stack_pool *pool, int64_t now);

/* The stack whose guard region holds the address, or NULL: for the overflow report. Async-signal-
 * safe. */
struct stack *stack_pool_find_guard(const struct stack_pool *pool, const void *address);

#endif
