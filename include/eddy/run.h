/* SPDX-License-Identifier: MIT */
/*
 * Running a program: asyncio.run().
 *
 *     static int hello(void) { return eddy_sleep(1.0); }
 *     int main(void) { return eddy_run(hello) < 0; }
 */
#ifndef EDDY_RUN_H
#define EDDY_RUN_H

#include <eddy/log.h>
#include <eddy/task.h>

EDDY_BEGIN_DECLS

/* Every field 0 is the default. */
struct eddy_options {
    const char *engine; /* "epoll", "uring"; NULL: $EDDY_ENGINE, else the best that works
                              (under valgrind, which can't wait for a ring, epoll) */
    bool virtual_clock; /* time jumps to the next timer when nothing else can happen;
                              also by EDDY_CLOCK=virtual */
    bool debug;         /* also by EDDY_DEBUG=1: creations and ends of tasks on stderr */
    bool keep_sigint;   /* leave SIGINT alone */
    bool quiet;         /* don't print the main task's failure */
    size_t stack_size;  /* bytes a task; default 256 KiB (x4 under sanitizers), at least 28 KiB,
                              at most 1 GiB: beyond is -EINVAL */
    size_t max_tasks;   /* default 1,048,576, at most 8,388,607; beyond, a spawn
                              fails with -EAGAIN */
    double slow_step;   /* seconds after which a step that keeps its loop from everything else
                              is reported, while it happens (debug.h); default 0.1, x10 under
                              sanitizers; negative: never. With a virtual clock only if set. It
                              takes a thread a process, there while such loops are */
    eddy_log_function *log;
    void *log_context;
};

/* eddy_run(function, .field = value, ...): makes a loop, runs function as its main task, cancels
 * and awaits the tasks left over, closes the loop, returns the result. A failure of the main task
 * is printed to stderr as a tree.
 *
 * The first SIGINT cancels the main task, and the program's result is -EINTR if it ends cancelled;
 * the second one ends the process at once. The handler is put in only in the main thread and only
 * over the default one, and put back.
 *
 * -EBUSY inside a running loop of this thread, -EINVAL for bad options, -ENOMEM, or what the
 * engine's system calls give. */
#define eddy_run(...)                                                                              \
    EDDY_FORM_(__VA_ARGS__)(eddy_run_, (const struct eddy_options *)NULL, __VA_ARGS__)

/* The same with options: eddy_run_with(&options, function, .field = value, ...). */
#define eddy_run_with(options, ...) EDDY_FORM_(__VA_ARGS__)(eddy_run_, options, __VA_ARGS__)

EDDY_API int eddy_run_(const struct eddy_options *options, eddy_function_ *function,
                       const void *arguments, size_t size, enum eddy_arguments_kind_ kind,
                       const struct eddy_site_ *site);

EDDY_END_DECLS
#endif
