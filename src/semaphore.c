/* SPDX-License-Identifier: MIT */
/*
 * Semaphore. A release hands its permit to the first waiter at once, so permits are free only
 * while nobody waits, and order is first come, first served.
 */
#include "eddy/semaphore.h"
#include "log.h"
#include "task.h"

struct semaphore {
    uint64_t permits; /* first: what EDDY_SEMAPHORE_INIT sets */
    struct list waiters;
};

_Static_assert(sizeof(struct semaphore) <= sizeof(eddy_semaphore), "eddy_semaphore is too small");

struct semaphore_wait {
    struct wait wait;
    struct semaphore *semaphore;
};

static struct semaphore *semaphore_of(const eddy_semaphore *memory)
{
    return (struct semaphore *)(uintptr_t)memory;
}

static bool semaphore_abort(struct wait *wait)
{
    list_remove(&container_of(wait, struct semaphore_wait, wait)->semaphore->waiters, &wait->link);
    return true;
}

int eddy_semaphore_acquire(eddy_semaphore *memory)
{
    struct semaphore *semaphore = semaphore_of(memory);
    if (!semaphore || !task_current())
        return log_misuse(-EINVAL, "eddy_semaphore_acquire",
                          semaphore ? "called outside a task" : "NULL semaphore");
    if (semaphore->permits) {
        semaphore->permits--;
        return 0;
    }
    struct semaphore_wait wait = {.semaphore = semaphore};
    int r = wait_begin(&wait.wait, "semaphore", semaphore_abort);
    if (r < 0)
        return r;
    list_append(&semaphore->waiters, &wait.wait.link);
    return wait_park(&wait.wait);
}

int eddy_semaphore_release(eddy_semaphore *memory)
{
    struct semaphore *semaphore = semaphore_of(memory);
    if (!semaphore)
        return log_misuse(-EINVAL, "eddy_semaphore_release", "NULL semaphore");
    struct link *first = list_take_first(&semaphore->waiters);
    if (first)
        wait_finish(container_of(first, struct wait, link), 0);
    else if (semaphore->permits == SIZE_MAX)
        return log_misuse(-EOVERFLOW, "eddy_semaphore_release", "too many permits");
    else
        semaphore->permits++;
    return 0;
}

bool eddy_semaphore_locked(const eddy_semaphore *memory)
{
    return memory && !semaphore_of(memory)->permits;
}

size_t eddy_semaphore_value(const eddy_semaphore *memory)
{
    return memory ? semaphore_of(memory)->permits : 0;
}

static int held_semaphore_release(void *semaphore)
{
    return eddy_semaphore_release(semaphore);
}

bool eddy_held_semaphore_(struct eddy_held_ *held, eddy_semaphore *semaphore, int *error)
{
    int r = eddy_semaphore_acquire(semaphore);
    *held = (struct eddy_held_){
        .object = r == 0 ? semaphore : NULL, .error = error, .release = held_semaphore_release};
    if (error)
        *error = r;
    return r == 0;
}
