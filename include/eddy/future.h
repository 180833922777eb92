/* SPDX-License-Identifier: MIT */
/*
 * Futures: a result that comes later, for code below tasks (a callback API, a driver).
 *
 *     eddy_future *future = eddy_future_new();
 *     start_download(url, eddy_future_share(future));   // a thread: eddy_future_set_result_threadsafe
 *     int r = eddy_future_await(future, &value);
 *     eddy_future_release(future);
 *
 * A future is pending, then finished (with a value or an error) or cancelled, for good. All calls
 * belong to the loop's thread but those that are marked: "any thread".
 */
#ifndef EDDY_FUTURE_H
#define EDDY_FUTURE_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_future eddy_future;
typedef void eddy_future_callback(eddy_future *future, void *argument);

/* A new pending future of the current loop, one reference, which is the caller's.
 * NULL: -EINVAL outside a loop, -ENOMEM. */
#define eddy_future_new() eddy_future_new_(EDDY_SITE_("future"))
EDDY_API EDDY_MUST_USE eddy_future *eddy_future_new_(const struct eddy_site_ *site);

/* One more reference; one fewer (any thread). With the last one gone an error that nobody looked at
 * is reported. Release of NULL is harmless. Waiters and callbacks hold references of their own. */
EDDY_API eddy_future *eddy_future_keep(eddy_future *future);
EDDY_API void eddy_future_release(eddy_future *future);

/* Finishes the future. 0, -EINVAL for null (and an error code that is not negative), -EALREADY if
 * it is done. `value` is the caller's business: the future only carries the pointer. */
EDDY_API int eddy_future_set_result(eddy_future *future, void *value);
EDDY_API int eddy_future_set_error(eddy_future *future, int code);

/* Cancels a pending future: true; false and no change if it is done. */
EDDY_API bool eddy_future_cancel(eddy_future *future);

/* One more reference, to be handed to another thread. There it is used up by one of the next three
 * calls, whatever they return, or by eddy_future_release. NULL and a failure: -EINVAL, -ENOMEM. */
EDDY_API EDDY_MUST_USE eddy_future *eddy_future_share(eddy_future *future);

/* Any thread: finishes or cancels a shared future in one of the next turns of its loop, if it is
 * still pending by then; a sleeping loop is woken. `value` and what it points to belong to the
 * loop's side from then on, unless the call fails. 0; -EALREADY if the future is done, or another
 * thread was first; -ESHUTDOWN if its loop has ended (also long ago); -EINVAL for NULL, a future
 * that was never shared, or an error code that isn't negative. eddy_future_cancelled tells the
 * thread that nobody waits for its work any more. */
EDDY_API int eddy_future_set_result_threadsafe(eddy_future *future, void *value);
EDDY_API int eddy_future_set_error_threadsafe(eddy_future *future, int code);
EDDY_API int eddy_future_cancel_threadsafe(eddy_future *future);

/* Any thread that holds a reference. */
EDDY_API bool eddy_future_done(const eddy_future *future);
EDDY_API bool eddy_future_cancelled(const eddy_future *future);

/* The outcome, without suspending: 0 and the value, the error's code, -ECANCELED, or -EINPROGRESS
 * while pending. `value` may be NULL. */
EDDY_API int eddy_future_result(eddy_future *future, void **value);

/* Suspends until the future is done, then as eddy_future_result. If it is done already it doesn't
 * suspend. A cancel of the waiting task cancels the future, as in asyncio. Waiters resume in the
 * order in which they began to wait. */
EDDY_API EDDY_ASYNC int eddy_future_await(eddy_future *future, void **value);

/* Calls callback(future, argument) through the loop's ready queue once the future is done: never
 * inside set_result, in the order added; at once queued if done already. 0, -EINVAL, -ENOMEM. */
EDDY_API int eddy_future_add_done_callback(eddy_future *future, eddy_future_callback *callback,
                                           void *argument);

/* Takes back all callbacks equal in function and argument that are not queued yet: how many. */
EDDY_API size_t eddy_future_remove_done_callback(eddy_future *future,
                                                 eddy_future_callback *callback, void *argument);

/* Writes `<Future pending>`, `<Future finished result=0x...>`, `<Future finished error=...>` or
 * `<Future cancelled>`; returns the length as snprintf does. */
EDDY_API int eddy_future_describe(const eddy_future *future, char *buffer, size_t size);

EDDY_END_DECLS
#endif
