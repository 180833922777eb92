/* SPDX-License-Identifier: MIT */
/*
 * Semaphore. A release hands its permit to the first waiter at once, so permits are free only
 * while nobody waits, and order is first come, first served.
 */
#include "eddy/semaphore.h"
#include "log.h"
#include "waiters.h"

#define PERMITS_MAX ((uint64_t)PTRDIFF_MAX) /* more was a negative number */

struct semaphore {
    uint64_t permits, bounded; /* first: what the INIT macros set */
    uint64_t taken;            /* and not released; counts only if bounded */
    struct waiters waiters;
};

_Static_assert(sizeof(struct semaphore) <= sizeof(eddy_semaphore), "eddy_semaphore is too small");
_Static_assert(sizeof(eddy_bounded_semaphore) == sizeof(eddy_semaphore), "both are the same");

static struct semaphore *semaphore_of(const void *memory)
{
    return (struct semaphore *)(uintptr_t)memory;
}

static inline int semaphore_acquire(struct semaphore *semaphore, const char *call)
{
    if (!semaphore || !task_current())
        return log_misuse(-EINVAL, call, semaphore ? "called outside a task" : "NULL semaphore");
    if (semaphore->permits > PERMITS_MAX)
        return log_misuse(-EINVAL, call, "the semaphore was made with %lld permits",
                          (long long)semaphore->permits);
    if (semaphore->permits) {
        semaphore->permits--;
        semaphore->taken++;
        return 0;
    }
    struct waiter waiter;
    return waiters_wait(&semaphore->waiters, &waiter, "semaphore", call);
}

static inline int semaphore_release(struct semaphore *semaphore, const char *call)
{
    if (!semaphore)
        return log_misuse(-EINVAL, call, "NULL semaphore");
    if (semaphore->bounded && !semaphore->taken)
        return log_misuse(-EOVERFLOW, call, "released more often than acquired");
    if (waiters_foreign(&semaphore->waiters))
        return waiters_misuse(call);
    struct waiter *first = waiters_take(&semaphore->waiters);
    if (first) {
        wait_finish(&first->wait, 0);
        return 0;
    }
    if (semaphore->permits >= PERMITS_MAX)
        return log_misuse(-EOVERFLOW, call, "too many permits");
    semaphore->permits++;
    semaphore->taken--;
    return 0;
}

int eddy_semaphore_acquire(eddy_semaphore *memory)
{
    return semaphore_acquire(semaphore_of(memory), "eddy_semaphore_acquire");
}

int eddy_bounded_semaphore_acquire(eddy_bounded_semaphore *memory)
{
    return semaphore_acquire(semaphore_of(memory), "eddy_bounded_semaphore_acquire");
}

int eddy_semaphore_release(eddy_semaphore *memory)
{
    return semaphore_release(semaphore_of(memory), "eddy_semaphore_release");
}

int eddy_bounded_semaphore_release(eddy_bounded_semaphore *memory)
{
    return semaphore_release(semaphore_of(memory), "eddy_bounded_semaphore_release");
}

size_t eddy_semaphore_value(const eddy_semaphore *memory)
{
    return memory ? semaphore_of(memory)->permits : 0;
}

size_t eddy_bounded_semaphore_value(const eddy_bounded_semaphore *memory)
{
    return memory ? semaphore_of(memory)->permits : 0;
}

bool eddy_semaphore_locked(const eddy_semaphore *memory)
{
    return memory && !semaphore_of(memory)->permits;
}

bool eddy_bounded_semaphore_locked(const eddy_bounded_semaphore *memory)
{
    return memory && !semaphore_of(memory)->permits;
}

/* ---- the blocks ---- */

static bool held_begin(struct eddy_held_ *block, void *semaphore, int (*release)(void *),
                       int acquired, int *error)
{
    *block = (struct eddy_held_){
        .object = acquired == 0 ? semaphore : NULL, .error = error, .release = release};
    if (error)
        *error = acquired;
    return acquired == 0;
}

static int held_semaphore_release(void *semaphore)
{
    return eddy_semaphore_release(semaphore);
}

bool eddy_held_semaphore_(struct eddy_held_ *block, eddy_semaphore *semaphore, int *error)
{
    return held_begin(block, semaphore, held_semaphore_release, eddy_semaphore_acquire(semaphore),
                      error);
}

static int held_bounded_semaphore_release(void *semaphore)
{
    return eddy_bounded_semaphore_release(semaphore);
}

bool eddy_held_bounded_semaphore_(struct eddy_held_ *block, eddy_bounded_semaphore *semaphore,
                                  int *error)
{
    return held_begin(block, semaphore, held_bounded_semaphore_release,
                      eddy_bounded_semaphore_acquire(semaphore), error);
}
