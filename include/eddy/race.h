/* SPDX-License-Identifier: MIT */
/*
 * Race: the same job in several ways, begun one after the other; the first success wins.
 * asyncio.staggered.staggered_race(), which is how happy eyeballs connects.
 *
 *     struct dial { const char *address; int socket; };
 *     static int dial(struct dial *a) { ... }              // >= 0 is a success
 *
 *     struct dial ways[3] = {{.address = "::1"}, {.address = "127.0.0.1"}, ...};
 *     int winner = eddy_race(0.25, dial, ways, 3, NULL);
 *     if (winner >= 0)
 *         use(ways[winner].socket);
 */
#ifndef EDDY_RACE_H
#define EDDY_RACE_H

#include <eddy/gather.h>

EDDY_BEGIN_DECLS

EDDY_API EDDY_ASYNC int eddy_race_(double delay, eddy_function_ *function, void *jobs,
                                   size_t job_size, size_t count, int *results,
                                   const struct eddy_site_ *site);

EDDY_END_DECLS

/* eddy_race(delay, function, jobs, count, results): runs function(&jobs[i]) as tasks; the first at
 * once, each further one when the one before has failed or `delay` seconds have passed
 * (EDDY_FOREVER: only when it has failed; 0: all at once). The first that returns >= 0 cancels the
 * others; all have ended when this returns its index. Suspends.
 *
 * results[i] (results may be NULL) is what attempt i returned; -ECANCELED of one that was
 * cancelled, and of one that succeeded in spite of it: whatever that one put into its job is to be
 * freed by the caller. -EINPROGRESS of one that was never begun.
 *
 * If all fail, the first one's code, with every failure a child of eddy_last_failure(). -ENOENT
 * without any. A cancel of the caller cancels and joins all and gives -ECANCELED, unless one had
 * won. -EINVAL outside a task, for NULL or NaN; -ENOMEM, -EAGAIN if an attempt can't be begun: the
 * others are cancelled and joined then. */
#ifndef __cplusplus
#define eddy_race(delay, function, jobs, count, results)                                           \
    eddy_race_(delay, EDDY_ERASE_(function), jobs, __extension__({                                 \
                   _Static_assert(__builtin_types_compatible_p(__typeof__(function),               \
                                                               int(__typeof__(&*(jobs)))),         \
                                  "eddy_race: " #function                                          \
                                  " must take a pointer to an element of " #jobs);                 \
                   sizeof *(jobs);                                                                 \
               }),                                                                                 \
               count, results, EDDY_SITE_(#function))
#else
#define eddy_race(delay, function, jobs, count, results)                                           \
    eddy_race_(delay, eddy_cxx_::job_function(function, jobs), jobs, sizeof *(jobs), count,        \
               results, EDDY_SITE_(#function))
#endif

#endif
