/* SPDX-License-Identifier: MIT */
/*
 * Looking into a running loop: who waits for whom, where, and what the runtime says by itself.
 *
 *     eddy_print_call_graph(NULL, stderr);
 *
 *     * 'fetch' fetch() at main.c:31, waiting for sleep, in the timeout at main.c:12
 *       | eddy_sleep+0x4d (libeddy.so.0+0x8f1d)
 *       | fetch+0x1c (main+0x12ac)
 *       + awaited by 'Task-1' in the group at main.c:29
 *
 * Without being asked the log (log.h) tells of
 *   - EDDY_LOG_SLOW_STEP: a task or a callback that keeps its loop from everything else for longer
 *     than eddy_options.slow_step. One line comes on stderr while it happens, from a thread of its
 *     own, and the record when it is over.
 *   - EDDY_LOG_DEADLOCK: tasks wait for each other in a circle, or for something nobody is left to
 *     do (no timer, descriptor, job, or other thread that could call), and nothing else runs. Once
 *     a loop, which goes on waiting. Without a handler the graph of all tasks is printed as well.
 * And a call that returned -ECANCELED has a failure (failure.h) that says who asked for it, where
 * and why. It is made when eddy_last_failure() is called, so that a cancel nobody asks about costs
 * nothing.
 *
 * All calls belong to the loop's thread and never suspend.
 */
#ifndef EDDY_DEBUG_H
#define EDDY_DEBUG_H

#include <stdio.h>
#include <eddy/task.h>

EDDY_BEGIN_DECLS

/* Prints what the task is, what it waits for and in which blocks, its frames, and, further and
 * further in, those who await it: asyncio.print_call_graph(). NULL: all tasks of the loop, oldest
 * first, with the names of those who await them. stream NULL is stderr. A finished task has
 * neither frames nor awaiters. Outside a loop, or for a stale handle, one line says so. */
EDDY_API void eddy_print_call_graph(eddy_task *task, FILE *stream);

/* Writes up to `capacity` return addresses, innermost first, of the task's stack as far as frame
 * pointers lead; returns how many were written. Task.get_stack(). Code compiled without frame
 * pointers ends the walk. 0 for a task that hasn't begun or is done; a stale handle is reported. */
EDDY_API size_t eddy_task_stack(const eddy_task *task, void **frames, size_t capacity);

/* Writes up to `capacity` handles of the tasks that await this one: those in eddy_await,
 * eddy_task_wait, eddy_gather, eddy_wait ... for it, and the one whose group it is in. Returns how
 * many there are; 0 once it is done. A task stands there as often as it waits. */
EDDY_API size_t eddy_task_awaited_by(const eddy_task *task, eddy_task **tasks, size_t capacity);

/* "name+0x1c (program+0x12ac)" of an address in the code, from the program's own symbols where it
 * has them; returns the length as snprintf does. Reads a file: for reports. */
EDDY_API int eddy_describe_address(const void *address, char *buffer, size_t size);

/* Whether the current loop is in debug mode (eddy_options.debug, EDDY_DEBUG=1), and from now on:
 * loop.get_debug(), loop.set_debug(). False and no effect outside a loop. */
EDDY_API bool eddy_get_debug(void);
EDDY_API void eddy_set_debug(bool debug);

EDDY_END_DECLS
#endif
