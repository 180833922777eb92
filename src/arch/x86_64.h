/* SPDX-License-Identifier: MIT */
/*
 * Context switch for x86-64. MXCSR and the x87 control word are left alone: they are the thread's.
 */
#ifndef EDDY_SRC_ARCH_X86_64_H
#define EDDY_SRC_ARCH_X86_64_H

static inline __attribute__((__always_inline__)) void context_switch(struct context *from,
                                                                     const struct context *to)
{
    __asm__ volatile("leaq 1f(%%rip), %%rdx\n\t"
                     "movq %%rsp, 0(%0)\n\t"
                     "movq %%rbp, 8(%0)\n\t"
                     "movq %%rdx, 16(%0)\n\t"
                     "movq 0(%1), %%rsp\n\t"
                     "movq 8(%1), %%rbp\n\t"
                     "jmpq *16(%1)\n\t"
                     "nop\n" /* an unwinder looks up resume - 1: it must lie in this function */
                     "1:\n\t"
                     "endbr64"
                     : "+a"(from), "+c"(to)
                     :
                     : "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st",
                       "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "memory",
                       "cc");
}

#define CONTEXT_TASK_START                                                                         \
    __asm__(".text\n"                                                                              \
            ".p2align 4\n"                                                                         \
            ".type eddy_task_entry_, @function\n"                                                  \
            "eddy_task_entry_:\n"                                                                  \
            ".cfi_startproc\n"                                                                     \
            ".cfi_undefined rip\n"                                                                 \
            ".cfi_undefined rbp\n"                                                                 \
            "nop\n" /* inside the frame description, before the label a backtrace looks up */      \
            ".globl eddy_task_start_\n"                                                            \
            ".hidden eddy_task_start_\n"                                                           \
            "eddy_task_start_:\n"                                                                  \
            "endbr64\n"                                                                            \
            "xorl %ebp, %ebp\n"                                                                    \
            "leaq 1f(%rip), %rax\n" /* no call, since it won't return: see task_end() */           \
            "pushq %rax\n"                                                                         \
            ".cfi_adjust_cfa_offset 8\n"                                                           \
            "jmp eddy_task_main_\n"                                                                \
            ".cfi_adjust_cfa_offset -8\n"                                                          \
            "nop\n" /* an unwinder looks up the address before the one to return to */             \
            "1:\n"                                                                                 \
            "ud2\n"                                                                                \
            ".cfi_endproc\n"                                                                       \
            ".size eddy_task_entry_, .-eddy_task_entry_\n")

#endif
