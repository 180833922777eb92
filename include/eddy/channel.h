/* SPDX-License-Identifier: MIT */
/*
 * Channel: a bounded queue between loops, and threads. As queue.h, but for any of them at once.
 *
 *     eddy_channel *jobs = eddy_channel_new(sizeof(struct job), 100);
 *     r = eddy_channel_put(jobs, &job);      // a task of one loop; suspends while it is full
 *     r = eddy_channel_get(jobs, &job);      // a task of another one; suspends while it is empty
 *     eddy_channel_release(jobs);
 *
 * Who puts and who gets may be a task of any loop, which suspends, or a thread without a loop,
 * which blocks. First come, first served, whoever they are. An item is handed over at one instant:
 * a cancel before it takes nothing, a cancel after it is too late and the call returns 0. Waking a
 * loop that is awake takes no system call.
 *
 * Several channels, or a channel and other things, at once: select.h. Within one loop queue.h is
 * several times faster, and has join and priorities.
 */
#ifndef EDDY_CHANNEL_H
#define EDDY_CHANNEL_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_channel eddy_channel;

/* A channel for items of item_size bytes, with room for `limit` of them, allocated here; one
 * reference, which is the caller's. NULL and a failure: -EINVAL (a size or limit of 0), -EOVERFLOW,
 * -ENOMEM. */
EDDY_API EDDY_MUST_USE eddy_channel *eddy_channel_new(size_t item_size, size_t limit);

/* One reference more; one fewer, and with the last one the channel and the items in it go. Whoever
 * puts or gets must hold one meanwhile. Any thread; NULL is harmless. */
EDDY_API eddy_channel *eddy_channel_keep(eddy_channel *channel);
EDDY_API void eddy_channel_release(eddy_channel *channel);

/* 0; -ECANCELED; -EPIPE after shutdown; -EINVAL for NULL, in a callback, or for an item of another
 * size (the failure names both). A free place and an item at hand are taken without suspending, but
 * once in a while (every 64 or so) other tasks of the loop run first; also in a cancelled scope,
 * where after some 200 in a row they give -ECANCELED, for other threads could keep a task in it for
 * ever. The nowait forms give -EAGAIN instead, and may be called by callbacks. */
#define eddy_channel_put(channel, item) eddy_channel_put_(channel, item, sizeof *(item))
#define eddy_channel_get(channel, item) eddy_channel_get_(channel, item, sizeof *(item))
#define eddy_channel_put_nowait(channel, item)                                                     \
    eddy_channel_put_nowait_(channel, item, sizeof *(item))
#define eddy_channel_get_nowait(channel, item)                                                     \
    eddy_channel_get_nowait_(channel, item, sizeof *(item))

EDDY_API EDDY_ASYNC int eddy_channel_put_(eddy_channel *channel, const void *item, size_t size);
EDDY_API EDDY_ASYNC int eddy_channel_get_(eddy_channel *channel, void *item, size_t size);
EDDY_API EDDY_MUST_USE int eddy_channel_put_nowait_(eddy_channel *channel, const void *item,
                                                    size_t size);
EDDY_API EDDY_MUST_USE int eddy_channel_get_nowait_(eddy_channel *channel, void *item, size_t size);

/* From now on puts fail with -EPIPE, those that wait too; gets take what is left, then fail with
 * -EPIPE. Any thread; doesn't suspend. 0, -EINVAL. */
EDDY_API int eddy_channel_shutdown(eddy_channel *channel);

/* Items in it, at this instant. Any thread; 0 for NULL. */
EDDY_API size_t eddy_channel_size(eddy_channel *channel);

EDDY_END_DECLS
#endif
