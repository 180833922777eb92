/* SPDX-License-Identifier: MIT */
/*
 * Spinning: looking out for what another thread or process is about to do, rather than going to
 * sleep and being woken. Who does it in vain does it less and less often.
 */
#ifndef EDDY_SRC_SPIN_H
#define EDDY_SRC_SPIN_H

#include <stdbool.h>

/* After so many in vain, one of 64 occasions is taken. */
#define SPIN_MISSES_MAX 6

struct spin_habit {
    unsigned misses, skips; /* in a row; occasions until the next one is taken */
};

/* Whether this occasion is taken. */
static inline bool spin_wanted(struct spin_habit *spin)
{
    if (!spin->skips)
        return true;
    spin->skips--;
    return false;
}

static inline void spin_ended(struct spin_habit *spin, bool in_vain)
{
    if (!in_vain)
        spin->misses = 0;
    else if (spin->misses < SPIN_MISSES_MAX)
        spin->misses++;
    spin->skips = (1u << spin->misses) - 1;
}

/* Some 20 to 50 ns between two looks. */
static inline void spin_pause(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
