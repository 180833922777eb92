/* SPDX-License-Identifier: MIT */
/*
 * Context switch for aarch64. FPCR is left alone: it is the thread's.
 */
#ifndef EDDY_SRC_ARCH_AARCH64_H
#define EDDY_SRC_ARCH_AARCH64_H

static inline __attribute__((__always_inline__)) void context_switch(struct context *from,
                                                                     const struct context *to)
{
    register struct context *source __asm__("x0") = from;
    register const struct context *target __asm__("x1") = to;
    __asm__ volatile("adr x2, 1f\n\t"
                     "mov x3, sp\n\t"
                     "stp x3, x29, [%0]\n\t"
                     "str x2, [%0, #16]\n\t"
                     "ldp x3, x29, [%1]\n\t"
                     "ldr x2, [%1, #16]\n\t"
                     "mov sp, x3\n\t"
                     "br x2\n\t"
                     "nop\n" /* an unwinder looks up resume - 4: it must lie in this function */
                     "1:\n\t"
                     "hint #36" /* bti j */
                     : "+r"(source), "+r"(target)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24",
                       "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6",
                       "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17",
                       "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28",
                       "v29", "v30", "v31", "memory", "cc");
}

#define CONTEXT_TASK_START                                                                         \
    __asm__(".text\n"                                                                              \
            ".p2align 4\n"                                                                         \
            ".type eddy_task_entry_, %function\n"                                                  \
            "eddy_task_entry_:\n"                                                                  \
            ".cfi_startproc\n"                                                                     \
            ".cfi_undefined x30\n"                                                                 \
            ".cfi_undefined x29\n"                                                                 \
            "nop\n" /* inside the frame description, before the label a backtrace looks up */      \
            ".globl eddy_task_start_\n"                                                            \
            ".hidden eddy_task_start_\n"                                                           \
            "eddy_task_start_:\n"                                                                  \
            "hint #36\n"                                                                           \
            "mov x29, xzr\n"                                                                       \
            "adr x30, 1f\n" /* no bl, since it won't return: see task_end() */                     \
            "b eddy_task_main_\n"                                                                  \
            "1:\n"                                                                                 \
            "brk #1\n"                                                                             \
            ".cfi_endproc\n"                                                                       \
            ".size eddy_task_entry_, .-eddy_task_entry_\n")

#endif
