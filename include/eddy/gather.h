/* SPDX-License-Identifier: MIT */
/*
 * Gather and map: wait for many, in order.
 */
#ifndef EDDY_GATHER_H
#define EDDY_GATHER_H

#include <eddy/task.h>

EDDY_BEGIN_DECLS

enum eddy_gather_mode {
    EDDY_RAISE_FIRST,       /* asyncio's default: the first failure ends the wait */
    EDDY_RETURN_EXCEPTIONS, /* all finish; results hold codes of failures and cancellations too */
};

/* Suspends until all the tasks are done: asyncio.gather(). results[i] (results may be NULL) is
 * the result of tasks[i]; the same task may stand twice. Returns 0.
 * EDDY_RAISE_FIRST: the first failure is returned at once, and its record is the last failure; the
 * others keep running and their failures count as seen; a cancelled task gives -ECANCELED. Results
 * not known yet are -EINPROGRESS.
 * Cancelled while waiting: cancels all unfinished tasks, waits for them, returns -ECANCELED.
 * -EINVAL for a NULL or the current task among them, -ESRCH for a stale one; then nothing is
 * waited for. Releases no handle. */
EDDY_API EDDY_ASYNC int eddy_gather(eddy_task *const *tasks, size_t count, int *results,
                                    enum eddy_gather_mode mode);

EDDY_API EDDY_ASYNC int eddy_map_(size_t limit, eddy_function_ *function, void *jobs,
                                  size_t job_size, size_t count, int *results,
                                  const struct eddy_site_ *site);

EDDY_END_DECLS

/* eddy_map(limit, function, jobs, count, results): runs function(&jobs[i]) for every i, as tasks,
 * at most `limit` at a time, started in order: fan-out, fan-in. With results (an int each) every
 * job runs, whatever fails; the results hold the codes of failures and cancellations too
 * (-ECANCELED of a job that was never begun), and 0 is returned, as by EDDY_RETURN_EXCEPTIONS. With
 * NULL the first failure cancels the rest and is returned. A cancel of the caller cancels and joins
 * all jobs and gives -ECANCELED. limit 0 is -EINVAL. */
#ifndef __cplusplus
#define eddy_map(limit, function, jobs, count, results)                                            \
    eddy_map_(limit, EDDY_ERASE_(function), jobs, __extension__({                                  \
                  _Static_assert(__builtin_types_compatible_p(__typeof__(function),                \
                                                              int(__typeof__(&*(jobs)))),          \
                                 "eddy_map: " #function                                            \
                                 " must take a pointer to an element of " #jobs);                  \
                  sizeof *(jobs);                                                                  \
              }),                                                                                  \
              count, results, EDDY_SITE_(#function))
#else
#define eddy_map(limit, function, jobs, count, results)                                            \
    eddy_map_(limit, eddy_cxx_::job_function(function, jobs), jobs, sizeof *(jobs), count,         \
              results, EDDY_SITE_(#function))
#endif

#endif
