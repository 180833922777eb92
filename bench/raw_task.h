/* SPDX-License-Identifier: MIT
 *
 * The least a stackful task can be: three saved words and a stack. The floors are made of it; it
 * shares no line with eddy, so that a slip in one doesn't hide in both.
 *
 *     stack   |  low ....................  high  |
 *             |  grows downwards  <-  |raw_task|  the control block tops its own stack
 */
#ifndef EDDY_BENCH_RAW_TASK_H
#define EDDY_BENCH_RAW_TASK_H

#include <stddef.h>
#include <stdint.h>

struct raw_task {
    void *stack_pointer;
    void *frame_pointer;
    void *program_counter;
    struct raw_task *next; /* free for whoever queues the task */
    void *context;
};

/* Runs on the new stack. Never returns: there is nowhere to return to. */
typedef void raw_entry(struct raw_task *self);

/* Saves the running task in *from and continues *to. Everything but the stack and frame pointer is
 * declared clobbered, so the compiler saves exactly what is live, and nothing is pushed: the red
 * zone stays untouched. No call and no ret, so the return predictor stays in step. `to` arrives
 * in the first argument register, which is how a new task's entry gets its `self`. */
static inline __attribute__((always_inline)) void raw_switch(struct raw_task *from,
                                                             struct raw_task *to)
{
#if defined(__x86_64__)
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, 0(%%rsi)\n\t"
                     "movq %%rbp, 8(%%rsi)\n\t"
                     "movq %%rax, 16(%%rsi)\n\t"
                     "movq 0(%%rdi), %%rsp\n\t"
                     "movq 8(%%rdi), %%rbp\n\t"
                     "jmpq *16(%%rdi)\n"
                     "1:"
                     : "+S"(from), "+D"(to)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
#if defined(__AVX512F__)
                       "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23",
                       "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1",
                       "k2", "k3", "k4", "k5", "k6", "k7",
#endif
                       "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "cc",
                       "memory");
#elif defined(__aarch64__)
    register struct raw_task *old __asm__("x1") = from;
    register struct raw_task *new __asm__("x0") = to;
    /* br through x16 may land on the BTI of a function's entry; label 1 brings its own. */
    __asm__ volatile("adr x9, 1f\n\t"
                     "mov x10, sp\n\t"
                     "stp x10, x29, [x1]\n\t"
                     "str x9, [x1, #16]\n\t"
                     "ldp x10, x29, [x0]\n\t"
                     "ldr x16, [x0, #16]\n\t"
                     "mov sp, x10\n\t"
                     "br x16\n"
                     "1:\n\t"
                     "hint #36" /* bti j */
                     : "+r"(old), "+r"(new)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25",
                       "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
                       "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
                       "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                       "v30", "v31", "cc", "memory");
#else
#error "raw_switch() knows x86-64 and aarch64"
#endif
}

/* Makes the next switch to the task enter `entry` on a stack that ends below `task` itself. */
static inline __attribute__((always_inline)) void raw_task_prepare(struct raw_task *task,
                                                                   raw_entry *entry)
{
    uintptr_t top = (uintptr_t)task & ~(uintptr_t)15;
#if defined(__x86_64__)
    top -= 8; /* where a caller's return address would be */
#endif
    task->stack_pointer = (void *)top;
    task->frame_pointer = NULL;
    task->program_counter = (void *)(uintptr_t)entry;
}

/* A slab of stacks, `stride` bytes apart, none of them touched yet. */
struct raw_stacks {
    char *base;
    size_t stride;
    size_t count;
};

int raw_stacks_map(struct raw_stacks *stacks, size_t count, size_t stride);
void raw_stacks_unmap(struct raw_stacks *stacks);

/* The control block of stack `index`, at the top of it, `offset` bytes further down: stacks that
 * all start at the same offset of a page fight for the same lines of the cache. */
struct raw_task *raw_stacks_task(const struct raw_stacks *stacks, size_t index, size_t offset);

/* What the two tasks of a contender begin with. */
struct raw_pair {
    raw_entry *left;
    raw_entry *right;
};

/* Maps two stacks, `stride` bytes apart, with a task on each that is ready to be switched to. */
int raw_stacks_map_pair(struct raw_stacks *stacks, size_t stride, const struct raw_pair *entries,
                        struct raw_task **left, struct raw_task **right);

/* A start offset for stack `index`, spread over half a page in whole cache lines. */
size_t raw_stacks_colour(size_t index);

#endif
