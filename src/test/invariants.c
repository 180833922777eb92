/* SPDX-License-Identifier: MIT */
/*
 * Invariants: two counts of the process, and what the session saw when its loops ended.
 *
 * Memory is counted in pieces, not bytes: nothing has to be kept beside a piece, and a piece too
 * many is a leak whatever its size. Pieces that live longer than a loop by design are the last
 * failure of a thread, which is dropped here, and what the program itself keeps.
 */
#include "test/invariants.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include "memory.h"

enum { SETTLE_TRIES = 100, SETTLE_TRIES_ABANDONED = 10000, SETTLE_MICROSECONDS = 1000 };

/* The leak sanitizer's, in programs that have one. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((__weak__));

/* ---- memory ---- */

static atomic_long alive;
static atomic_size_t asked, failing;

static bool watcher_allows(struct memory_watcher *watcher, size_t size)
{
    (void)watcher;
    (void)size;
    size_t number = atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed) + 1;
    return number != atomic_load_explicit(&failing, memory_order_relaxed);
}

static void watcher_count(struct memory_watcher *watcher, int change)
{
    (void)watcher;
    atomic_fetch_add_explicit(&alive, change, memory_order_relaxed);
}

void invariants_watch(void)
{
    static struct memory_watcher watcher = {.allows = watcher_allows, .count = watcher_count};
    if (!memory_watcher)
        memory_watcher = &watcher;
}

void invariants_fail_allocation(size_t nth)
{
    atomic_store(&failing, nth);
    atomic_store(&asked, 0);
}

size_t invariants_allocations(void)
{
    return atomic_load(&asked);
}

bool invariants_allocation_failed(void)
{
    size_t nth = atomic_load(&failing);
    return nth && atomic_load(&asked) >= nth;
}

/* ---- before and after ---- */

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        count++;
    if (directory)
        (void)closedir(directory);
    return count;
}

void invariants_take(struct invariants *before)
{
    invariants_watch();
    eddy_failure_clear();
    before->descriptors = count_descriptors();
    before->memory = atomic_load(&alive);
}

/* One more item of the list in `why`. */
__attribute__((__format__(__printf__, 3, 4))) static void add(char *why, size_t size,
                                                              const char *format, ...)
{
    size_t used = 0;
    while (used < size && why[used])
        used++;
    if (used && used + 2 < size) {
        why[used++] = ',';
        why[used++] = ' ';
        why[used] = '\0';
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why + used, size - used, format, arguments);
    va_end(arguments);
}

static void add_left(char *why, size_t size, size_t count, const char *one, const char *many)
{
    if (count)
        add(why, size, "%zu %s left", count, count == 1 ? one : many);
}

int invariants_check(const struct invariants *before, const struct session *session, char *why,
                     size_t size)
{
    eddy_failure_clear();
    why[0] = '\0';
    if (session) {
        add_left(why, size, session->timers_left, "timer", "timers");
        add_left(why, size, session->jobs_left, "job of a pool", "jobs of pools");
        add_left(why, size, session->watched_left, "watched descriptor", "watched descriptors");
        add_left(why, size, session->locks_left, "held lock", "held locks");
        add_left(why, size, session->descriptors_left, "descriptor", "descriptors");
    }
    size_t descriptors = count_descriptors();
    long memory = atomic_load(&alive);
    int tries = session && session->abandoned ? SETTLE_TRIES_ABANDONED : SETTLE_TRIES;
    if (session && session->sim)
        tries = 0; /* a simulation has no threads that linger */
    for (int i = 0; i < tries && (descriptors > before->descriptors || memory > before->memory);
         i++) {
        (void)usleep(SETTLE_MICROSECONDS);
        descriptors = count_descriptors();
        memory = atomic_load(&alive);
    }
    if (descriptors > before->descriptors)
        add_left(why, size, descriptors - before->descriptors, "descriptor", "descriptors");
    if (descriptors < before->descriptors)
        add(why, size, "%zu descriptors too many closed", before->descriptors - descriptors);
    if (memory > before->memory)
        add_left(why, size, (size_t)(memory - before->memory), "piece of memory",
                 "pieces of memory");
    return why[0] ? -EBADE : 0;
}

int invariants_check_leaks(char *why, size_t size)
{
    static bool said; /* each later check would find the same again */
    if (!__lsan_do_recoverable_leak_check || said || !__lsan_do_recoverable_leak_check())
        return 0;
    said = true;
    (void)snprintf(why, size, "memory leaked, see the sanitizer's report");
    return -EBADE;
}
