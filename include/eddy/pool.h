/* SPDX-License-Identifier: MIT */
/*
 * Pools: threads or processes that run ordinary, blocking functions for tasks.
 *
 *     struct parse { const char *text; int result; };
 *     static int parse(struct parse *a) { ... blocks or computes ... }
 *
 *     struct parse job = { .text = text };
 *     r = eddy_to_thread(parse, &job);              // asyncio.to_thread
 *
 *     eddy_pool *pool;
 *     r = eddy_process_pool_open(&pool, NULL);      // ProcessPoolExecutor
 *     r = eddy_run_in(pool, edge_detect, &job);     // loop.run_in_executor
 *     eddy_pool_close(pool);
 *
 * The argument struct travels there and back: results are its fields, the return value is the
 * function's. A failure recorded there with eddy_fail becomes the caller's last one.
 */
#ifndef EDDY_POOL_H
#define EDDY_POOL_H

#include <eddy/base.h>
#include <eddy/task.h>

EDDY_BEGIN_DECLS

typedef struct eddy_pool eddy_pool;

struct eddy_thread_pool_options {
    size_t threads; /* at most; default min(32, CPUs + 4), as Python's */
    size_t queue;   /* jobs waiting for a thread at most; default 65,536; beyond, -EAGAIN */
};

/* A pool of threads of its own, started as needed; options may be NULL. 0, -EINVAL (null; more
 * than 4,096 threads), -ENOMEM. From any thread, and several loops may use it at once. Its threads
 * have every signal blocked but those of faults, so that the program's handlers run elsewhere. */
EDDY_API EDDY_MUST_USE int eddy_thread_pool_open(eddy_pool **pool,
                                                 const struct eddy_thread_pool_options *options);

/* Makes process pools possible: forks a small server process from which workers are forked later.
 * Call it first thing in main, before any thread exists. 0 (also when called again), -EBUSY if
 * threads exist or a loop runs, -ENOTSUP in a fork of the process that called it, or what fork(2)
 * and socketpair(2) give.
 *
 * Server and workers end with the program, however that ends. They have the program's state of this
 * moment (descriptors, memory, locale), default signal handlers, and ignore Ctrl-C, which reaches
 * them too: what it means the program decides. wait(2) and SIGCHLD don't know of them. */
EDDY_API EDDY_MUST_USE int eddy_process_pool_init(void);

struct eddy_process_pool_options {
    size_t processes; /* at most; default one a CPU, as Python's */
    size_t queue;     /* jobs waiting for a process at most; default 65,536; beyond, -EAGAIN */
};

/* A pool of worker processes, forked as needed from the state of the process at
 * eddy_process_pool_init; options may be NULL. 0, -ENOTSUP without it, -EINVAL (null; more than
 * 1,024 processes), -ENOMEM, or what socketpair(2) gives. From any thread; used by one loop at a
 * time, the first that runs a job in it, until that loop ends. */
EDDY_API EDDY_MUST_USE int eddy_process_pool_open(eddy_pool **pool,
                                                  const struct eddy_process_pool_options *options);

/* Waits for the jobs under way, refuses queued ones with -ESHUTDOWN, ends threads or processes,
 * frees. Suspends when called in a task (not to be cancelled: a pool is always closed whole),
 * blocks elsewhere. NULL is harmless. A process pool is closed by the loop that uses it, if one
 * does; another's attempt is reported and has no effect. */
EDDY_API void eddy_pool_close(eddy_pool *pool);

/* Number of jobs waiting or running; number of threads or worker processes alive. 0 for NULL. */
EDDY_API size_t eddy_pool_jobs(const eddy_pool *pool);
EDDY_API size_t eddy_pool_workers(const eddy_pool *pool);

EDDY_API EDDY_ASYNC int eddy_run_in_(eddy_pool *pool, eddy_function_ *function, void *argument,
                                     size_t size, const struct eddy_site_ *site);
EDDY_API EDDY_ASYNC int eddy_to_thread_abandon_(eddy_function_ *function, void *argument,
                                                size_t size, const struct eddy_site_ *site);

EDDY_END_DECLS

#ifndef __cplusplus
#define EDDY_JOB_(call, function, argument, ...)                                                   \
    call(__VA_ARGS__ EDDY_ERASE_(function), argument, __extension__({                              \
             _Static_assert(                                                                       \
                 __builtin_types_compatible_p(__typeof__(function), int(__typeof__(argument))),    \
                 "eddy: " #function " must take what " #argument " is");                           \
             sizeof *(argument);                                                                   \
         }),                                                                                       \
         EDDY_SITE_(#function))
#else
#define EDDY_JOB_(call, function, argument, ...)                                                   \
    call(__VA_ARGS__ eddy_cxx_::job_function(function, argument), argument, sizeof *(argument),    \
         EDDY_SITE_(#function))
#endif

/* eddy_run_in(pool, function, &argument): runs it in the pool and suspends until it is done.
 *
 * Threads: a cancel takes a job that hasn't started out of the queue (-ECANCELED); one that runs
 * is waited for, since it may be writing into the caller's memory, and its result wins.
 * Processes: only structs without pointers that matter, at most 128 KiB (-E2BIG), and only
 * functions that existed at eddy_process_pool_init (-ENOEXEC for one of a library that was loaded
 * later). A cancel kills the worker and returns -ECANCELED once that has ended, so that it does
 * nothing any more, unless the result has arrived. A worker that dies (killed, crashed, exit(3))
 * fails that job alone with -ECHILD and a failure that says how, leaves the struct as it was, and
 * is replaced. Of a failure the first KiB of its message comes back, with the place of this call.
 * stdout and stderr are flushed after each job.
 *
 * The function's result, -ECANCELED, -EAGAIN (queue full, or no thread or process can be started),
 * -ENOMEM, -ESHUTDOWN (pool closing), -EINVAL (null; outside a task; a process pool that another
 * loop uses). */
#define eddy_run_in(pool, function, argument) EDDY_JOB_(eddy_run_in_, function, argument, pool, )

/* The same in the loop's own thread pool, made at first use. */
#define eddy_to_thread(function, argument)                                                         \
    EDDY_JOB_(eddy_run_in_, function, argument, (eddy_pool *)NULL, )

/* As eddy_to_thread, on a copy of the struct: a cancelled wait returns at once and leaves the
 * thread to finish with its copy; results in the struct are lost then, else copied back. The
 * thread may outlive the loop, whose end doesn't wait for it; it keeps one of the pool's places. */
#ifndef __cplusplus
#define eddy_to_thread_abandon(function, argument)                                                 \
    EDDY_JOB_(eddy_to_thread_abandon_, function, argument, )
#else
#define eddy_to_thread_abandon(function, argument)                                                 \
    EDDY_JOB_(eddy_to_thread_abandon_, function, eddy_cxx_::job_to_copy(argument), )
#endif

#endif
