/* SPDX-License-Identifier: MIT */
/*
 * The event loop's low level: callbacks soon, later and at a time, from this thread or another.
 *
 * Most programs never need it: tasks do. A callback runs on the loop's own stack, between tasks,
 * and must not suspend.
 */
#ifndef EDDY_LOOP_H
#define EDDY_LOOP_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_loop eddy_loop;

/* A callback waiting for its turn. Opaque, owned by the loop, nothing to release: once the
 * callback ran or was cancelled the handle is stale, which every call below recognises. */
typedef struct eddy_handle eddy_handle;

typedef void eddy_callback(void *argument);

/* The loop that runs on this thread, or NULL: asyncio.get_running_loop(). Borrowed. */
EDDY_API eddy_loop *eddy_current_loop(void);

/* The name of the engine under the current loop, "epoll" or "uring"; "" outside a loop. */
EDDY_API const char *eddy_engine_name(void);

/* Seconds on the loop's clock (monotonic, or virtual); outside a loop the monotonic clock. */
EDDY_API double eddy_time(void);

/* Runs callback(argument) in the loop's next turn, in the order of the calls: loop.call_soon().
 * NULL (and a failure: -EINVAL outside a loop or for a null callback, -ENOMEM) if it can't. */
EDDY_API eddy_handle *eddy_call_soon(eddy_callback *callback, void *argument);

/* The same after `seconds`, at a time of eddy_time(). Negative is "as soon as timers run"; more
 * than a hundred years is a hundred years; NaN is -EINVAL. Never early; equal times run in the
 * order of the calls. */
EDDY_API eddy_handle *eddy_call_later(double seconds, eddy_callback *callback, void *argument);
EDDY_API eddy_handle *eddy_call_at(double time, eddy_callback *callback, void *argument);

/* Takes the callback back: true if it had not run yet and now never will, false if stale. */
EDDY_API bool eddy_handle_cancel(eddy_handle *handle);

/* Writes e.g. `<Handle expire+0x0 (program+0x12ac) at main.c:12 in 2.5 s>`, with the line of the
 * call that asked for it; returns the length as snprintf does. States: ready, in so many seconds,
 * cancelled; `<Handle stale>` for one that ran, or that isn't this loop's. */
EDDY_API int eddy_handle_describe(const eddy_handle *handle, char *buffer, size_t size);

/* From any thread: runs callback(argument) on the loop's thread in one of its next turns, in the
 * order in which one thread posts. Wakes a sleeping loop at once. 0, -EINVAL (null), -ENOMEM, or
 * -ESHUTDOWN if the loop is closing. The loop must still exist: stop the thread before it ends. */
EDDY_API int eddy_call_soon_threadsafe(eddy_loop *loop, eddy_callback *callback, void *argument);

/* The same, which remember the line of the call: for reports of callbacks (debug.h). */
EDDY_API eddy_handle *eddy_call_soon_(eddy_callback *callback, void *argument,
                                      const struct eddy_site_ *site);
EDDY_API eddy_handle *eddy_call_later_(double seconds, eddy_callback *callback, void *argument,
                                       const struct eddy_site_ *site);
EDDY_API eddy_handle *eddy_call_at_(double time, eddy_callback *callback, void *argument,
                                    const struct eddy_site_ *site);
EDDY_API int eddy_call_soon_threadsafe_(eddy_loop *loop, eddy_callback *callback, void *argument,
                                        const struct eddy_site_ *site);
#define eddy_call_soon(...) eddy_call_soon_(__VA_ARGS__, EDDY_SITE_("eddy_call_soon"))
#define eddy_call_later(...) eddy_call_later_(__VA_ARGS__, EDDY_SITE_("eddy_call_later"))
#define eddy_call_at(...) eddy_call_at_(__VA_ARGS__, EDDY_SITE_("eddy_call_at"))
#define eddy_call_soon_threadsafe(...)                                                             \
    eddy_call_soon_threadsafe_(__VA_ARGS__, EDDY_SITE_("eddy_call_soon_threadsafe"))

/* Calls callback(argument) whenever the descriptor is readable (writable), level-triggered, until
 * it is removed. A second call for the same descriptor replaces the first. 0, -EINVAL (outside a
 * loop, negative descriptor, null callback), -EBUSY (it is a stream's, a server's or a
 * datagram socket's), -EPERM (a kind of file that can't be polled), -ENOMEM or what epoll_ctl(2)
 * gives. Remove before closing the descriptor. */
EDDY_API int eddy_add_reader(int descriptor, eddy_callback *callback, void *argument);
EDDY_API int eddy_add_writer(int descriptor, eddy_callback *callback, void *argument);

/* True if there was one. After it returns the callback doesn't run any more. */
EDDY_API bool eddy_remove_reader(int descriptor);
EDDY_API bool eddy_remove_writer(int descriptor);

/* Suspends until the descriptor is readable (writable). 0, -ECANCELED, or as eddy_add_reader;
 * -EBUSY also if another task or callback already waits for the same thing. A cancel leaves the
 * descriptor as it was. */
EDDY_API EDDY_ASYNC int eddy_wait_readable(int descriptor);
EDDY_API EDDY_ASYNC int eddy_wait_writable(int descriptor);

/* Blocks the calling thread on the loop's clock: Python's time.sleep(), the classic mistake inside
 * a task, the right thing inside eddy_to_thread. With a virtual clock it takes no real time: in a
 * task it moves the clock on as the freeze would; in a pool's thread or process it wakes when the
 * clock gets there (of an abandoned job also when the loop ends). Never suspends the task. 0, or
 * -EINVAL for NaN or a negative time. */
EDDY_API int eddy_blocking_sleep(double seconds);

EDDY_END_DECLS
#endif
