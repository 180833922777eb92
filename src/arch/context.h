/* SPDX-License-Identifier: MIT */
/*
 * A place to continue: stack pointer, frame pointer, program counter; nothing is pushed.
 *
 * context_switch is inlined into its caller and told to the compiler as clobbering every register,
 * so the compiler saves just what is live there. It takes the address of its own end and jumps,
 * never pairing a call with a jump, so the return predictor of all enclosing frames stays in step.
 */
#ifndef EDDY_SRC_ARCH_CONTEXT_H
#define EDDY_SRC_ARCH_CONTEXT_H

#include <stddef.h>

struct context {
    void *stack, *frame, *resume;
};

/* The first code a task runs: calls task_main() on the fresh stack, and is where every backtrace
 * of a task ends. */
extern const char eddy_task_start_[];

/* Two zero words on top, where a careless unwinder may look; task start then finds the stack
 * aligned to 16 bytes as the ABIs want. */
static inline void context_make(struct context *context, void *top)
{
    void **stack = (void **)top - 2;
    stack[0] = NULL;
    stack[1] = NULL;
    context->stack = stack;
    context->frame = NULL;
    context->resume = (void *)eddy_task_start_;
}

#if defined(__x86_64__)
#include "arch/x86_64.h"
#elif defined(__aarch64__)
#include "arch/aarch64.h"
#else
#error "eddy: no context switch for this CPU; see src/arch"
#endif

#endif
