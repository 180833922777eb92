/* SPDX-License-Identifier: MIT */
/*
 * What the sanitizers and valgrind must be told about stacks, switches and the kernel's own writes.
 *
 * Each function is empty in a build without the tool in question; the valgrind ones cost a few
 * instructions that do nothing outside valgrind.
 */
#ifndef EDDY_SRC_SANITIZER_H
#define EDDY_SRC_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

#ifndef __has_feature
#define EDDY_HAS_FEATURE_(feature) 0
#else
#define EDDY_HAS_FEATURE_(feature) __has_feature(feature)
#endif

/* gcc says it by a macro of its own, clang by __has_feature. */
#if defined __SANITIZE_ADDRESS__ || EDDY_HAS_FEATURE_(address_sanitizer)
#define EDDY_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#else
#define EDDY_ASAN 0
#endif

#if defined __SANITIZE_THREAD__ || EDDY_HAS_FEATURE_(thread_sanitizer)
#define EDDY_TSAN 1
#include <sanitizer/tsan_interface.h>
#else
#define EDDY_TSAN 0
#endif

#ifdef EDDY_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#endif

/* Whether the program runs under valgrind, which lets one thread run at a time. */
static inline bool sanitizer_is_valgrind(void)
{
#ifdef EDDY_HAVE_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

/* ---- switching stacks ---- */

/* Just before the switch: where it goes to. *fake_stack_save receives ASan's fake stack of the one
 * that is left; a NULL pointer says that it isn't coming back. */
static inline void sanitizer_start_switch(void **fake_stack_save, const void *bottom, size_t size)
{
#if EDDY_ASAN
    __sanitizer_start_switch_fiber(fake_stack_save, bottom, size);
#else
    (void)fake_stack_save, (void)bottom, (void)size;
#endif
}

/* First thing on the other side, with what was saved when this stack was left (NULL at its start);
 * tells, under ASan only, which stack was left. */
static inline void sanitizer_finish_switch(void *fake_stack_save, const void **old_bottom,
                                           size_t *old_size)
{
#if EDDY_ASAN
    __sanitizer_finish_switch_fiber(fake_stack_save, old_bottom, old_size);
#else
    (void)fake_stack_save, (void)old_bottom, (void)old_size;
#endif
}

/* TSan's idea of a stack, with a history of its own. NULL in other builds. */
static inline void *sanitizer_create_fiber(void)
{
#if EDDY_TSAN
    return __tsan_create_fiber(0);
#else
    return NULL;
#endif
}

/* Not the current one. */
static inline void sanitizer_destroy_fiber(void *fiber)
{
#if EDDY_TSAN
    __tsan_destroy_fiber(fiber);
#else
    (void)fiber;
#endif
}

static inline void *sanitizer_current_fiber(void)
{
#if EDDY_TSAN
    return __tsan_get_current_fiber();
#else
    return NULL;
#endif
}

/* Just before the switch. What happened before it on the old one happened before what follows on
 * the new one. */
static inline void sanitizer_switch_fiber(void *fiber)
{
#if EDDY_TSAN
    __tsan_switch_to_fiber(fiber, 0);
#else
    (void)fiber;
#endif
}

/* ---- memory of stacks ---- */

/* Tells of the usable part of a stack, [low, high): valgrind, that stack pointers may jump there;
 * LeakSanitizer, that pointers found there count. Guards must stay out of it, or else the leak
 * check reads them and dies. Returns what sanitizer_remove_stack wants to have. */
static inline unsigned sanitizer_add_stack(void *low, void *high)
{
#if EDDY_ASAN
    __lsan_register_root_region(low, (size_t)((char *)high - (char *)low));
#endif
#ifdef EDDY_HAVE_VALGRIND
    return VALGRIND_STACK_REGISTER(low, (char *)high - 1);
#else
    (void)low, (void)high;
    return 0;
#endif
}

static inline void sanitizer_remove_stack(unsigned id, void *low, void *high)
{
#if EDDY_ASAN
    __lsan_unregister_root_region(low, (size_t)((char *)high - (char *)low));
#endif
#ifdef EDDY_HAVE_VALGRIND
    VALGRIND_STACK_DEREGISTER(id);
#endif
    (void)id, (void)low, (void)high;
}

/* Makes memory accessible again. Frames that never returned left red zones behind: wipe them before
 * the memory gets another use. */
static inline void sanitizer_unpoison(const void *memory, size_t size)
{
#if EDDY_ASAN
    __asan_unpoison_memory_region(memory, size);
#else
    (void)memory, (void)size;
#endif
}

/* ---- buffers that the kernel reads and writes behind the tools' backs (io_uring) ---- */

#if EDDY_ASAN
/* Not inlined: the report begins at the caller. */
__attribute__((__noinline__, __unused__)) static void sanitizer_check_asan(const void *memory,
                                                                           size_t size, bool write)
{
    void *bad = __asan_region_is_poisoned((void *)memory, size);
    if (bad)
        __asan_report_error(__builtin_return_address(0), __builtin_frame_address(0), &bad, bad,
                            write, 1);
}
#endif

/* Before memory is handed out to be read: reports what isn't there or (valgrind) was never set. */
static inline void sanitizer_check_readable(const void *memory, size_t size)
{
#if EDDY_ASAN
    sanitizer_check_asan(memory, size, false);
#endif
#ifdef EDDY_HAVE_VALGRIND
    (void)VALGRIND_CHECK_MEM_IS_DEFINED(memory, size);
#endif
    (void)memory, (void)size;
}

/* Before memory is handed out to be written: reports what isn't there. */
static inline void sanitizer_check_writable(void *memory, size_t size)
{
#if EDDY_ASAN
    sanitizer_check_asan(memory, size, true);
#endif
#ifdef EDDY_HAVE_VALGRIND
    (void)VALGRIND_CHECK_MEM_IS_ADDRESSABLE(memory, size);
#endif
    (void)memory, (void)size;
}

/* Once it was written: valgrind didn't see it. */
static inline void sanitizer_make_defined(void *memory, size_t size)
{
#ifdef EDDY_HAVE_VALGRIND
    (void)VALGRIND_MAKE_MEM_DEFINED(memory, size);
#else
    (void)memory, (void)size;
#endif
}

#endif
