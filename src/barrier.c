/* SPDX-License-Identifier: MIT */
/*
 * Barrier. The last one to come finishes all waits at once, so that a round has no phase in which
 * it drains: who comes next belongs to the next round. Numbers are given then, not on arrival,
 * because one who came early may have been cancelled since.
 */
#include "eddy/barrier.h"
#include <limits.h>
#include "log.h"
#include "waiters.h"

struct barrier {
    uint64_t parties; /* first: what EDDY_BARRIER_INIT sets */
    uint64_t broken;
    struct waiters waiters;
};

_Static_assert(sizeof(struct barrier) <= sizeof(eddy_barrier), "eddy_barrier is too small");

static struct barrier *barrier_of(const eddy_barrier *memory)
{
    return (struct barrier *)(uintptr_t)memory;
}

/* The barrier, or NULL with *code set. */
static struct barrier *barrier_check(const eddy_barrier *memory, const char *call, int *code)
{
    struct barrier *barrier = barrier_of(memory);
    if (!barrier)
        *code = log_misuse(-EINVAL, call, "NULL barrier");
    else if (!barrier->parties || barrier->parties > INT_MAX)
        *code = log_misuse(-EINVAL, call, "a barrier for %lld tasks", (long long)barrier->parties);
    else if (waiters_foreign(&barrier->waiters))
        *code = waiters_misuse(call);
    else
        return barrier;
    return NULL;
}

int eddy_barrier_wait(eddy_barrier *memory)
{
    int code = 0;
    struct barrier *barrier = barrier_check(memory, "eddy_barrier_wait", &code);
    if (!barrier)
        return code;
    if (!task_current())
        return task_missing("eddy_barrier_wait");
    if (barrier->broken)
        return eddy_fail(-EPIPE, "the barrier is broken");
    struct waiter waiter;
    if (barrier->waiters.count + 1 < barrier->parties) {
        code = waiters_wait(&barrier->waiters, &waiter, "barrier", "eddy_barrier_wait");
        return code == -EPIPE ? eddy_fail(-EPIPE, "the barrier was broken or reset") : code;
    }
    /* All or nobody: none can be cut short any more, even by what eddy-test does between two. */
    for (struct link *link = barrier->waiters.list.first; link; link = link->next)
        container_of(link, struct wait, link)->abort = NULL;
    struct waiter *first;
    for (; (first = waiters_take(&barrier->waiters)); code++)
        wait_finish(&first->wait, code);
    return code;
}

static int barrier_break(eddy_barrier *memory, bool broken, const char *call)
{
    int code = 0;
    struct barrier *barrier = barrier_check(memory, call, &code);
    if (!barrier)
        return code;
    barrier->broken = broken;
    waiters_wake_all(&barrier->waiters, -EPIPE);
    return 0;
}

int eddy_barrier_reset(eddy_barrier *memory)
{
    return barrier_break(memory, false, "eddy_barrier_reset");
}

int eddy_barrier_abort(eddy_barrier *memory)
{
    return barrier_break(memory, true, "eddy_barrier_abort");
}

size_t eddy_barrier_parties(const eddy_barrier *memory)
{
    return memory ? barrier_of(memory)->parties : 0;
}

size_t eddy_barrier_waiting(const eddy_barrier *memory)
{
    return memory ? barrier_of(memory)->waiters.count : 0;
}

bool eddy_barrier_broken(const eddy_barrier *memory)
{
    return memory && barrier_of(memory)->broken;
}
