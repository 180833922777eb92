/* SPDX-License-Identifier: MIT */
#ifndef EDDY_SRC_SPIN_H
#define EDDY_SRC_SPIN_H

/* Between two looks at what another thread writes. */
static inline void spin_pause(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
