/* SPDX-License-Identifier: MIT */
/*
 * What must be as it was when a test or a run has ended, and the one watcher of memory.h, which
 * both counts what is alive and fails an allocation on demand.
 *
 *     invariants_watch();                 once, early
 *     for each run:
 *         invariants_take(&before);
 *         session_begin ... session_end
 *         r = invariants_check(&before, &session, why, sizeof why);
 */
#ifndef EDDY_SRC_TEST_INVARIANTS_H
#define EDDY_SRC_TEST_INVARIANTS_H

#include "test/session.h"

struct invariants {
    size_t descriptors; /* open ones of the process */
    long memory;        /* pieces alive, by memory.h's count */
};

/* Counts memory from now on, in the whole process. Before the first run; later calls do nothing. */
void invariants_watch(void);

/* The nth allocation from now on fails, on whatever thread it is, counted from 1; 0: none does. */
void invariants_fail_allocation(size_t nth);

/* How many were asked for since the last call of that, with the one that failed. */
size_t invariants_allocations(void);

/* Whether it came to the one that fails. */
bool invariants_allocation_failed(void);

/* Both drop the thread's last failure, which is alive between runs by design. */
void invariants_take(struct invariants *before);

/* 0, or -EBADE and in `why` what is left: of the session's loops (NULL: not looked at), and of the
 * process. What a thread is about to give back gets a tenth of a second for it. */
int invariants_check(const struct invariants *before, const struct session *session, char *why,
                     size_t size);

/* Under a leak sanitizer: memory that nobody points to any more, from wherever. It is said once in
 * the life of a process. Slow. 0 or -EBADE. */
int invariants_check_leaks(char *why, size_t size);

#endif
