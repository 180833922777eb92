/* SPDX-License-Identifier: MIT */
/*
 * Embed: a loop inside of another one (GLib, Qt, libuv, a plain poll()), on one thread.
 *
 *     eddy_embed embed;
 *     int r = eddy_embed_open(&embed, NULL);
 *     eddy_detach(eddy_create_task(fetch, .url = url));       // and so on, from any callback
 *     while (eddy_embed_turn(&embed) > 0) {                   // tasks are left
 *         struct pollfd ready = {eddy_embed_descriptor(&embed), POLLIN, 0};
 *         poll(&ready, 1, eddy_embed_poll_timeout(&embed));   // beside whatever else there is
 *     }
 *     eddy_embed_close(&embed);
 *
 * The outer loop waits until the descriptor is readable, or the timeout is over, and then calls for
 * a turn, which never waits. Before each wait it asks for the timeout anew: whatever was done
 * meanwhile (a task created, a timer set) is in it.
 *
 * From open to close it is the loop of its thread: what the outer loop calls may do all that a
 * callback may (create and cancel tasks, set events and futures, put into queues without waiting,
 * add readers), and tasks may call into the outer loop's world, which runs on the same thread.
 * Nobody may wait there: eddy_run and a second eddy_embed_open give -EBUSY. Other threads come in
 * as always (eddy_call_soon_threadsafe, eddy_submit), and make the descriptor readable.
 *
 * SIGINT is left alone.
 */
#ifndef EDDY_EMBED_H
#define EDDY_EMBED_H

#include <eddy/run.h>

EDDY_BEGIN_DECLS

typedef struct eddy_embed {
    uint64_t private_[8];
} eddy_embed;

/* Makes the loop, and makes it this thread's. Its memory must stay where it is. 0; -EINVAL for NULL
 * or bad options; -EBUSY if this thread has a loop; -ENOTSUP in a simulated system, which has no
 * descriptor; -ENOMEM, or what the engine's system calls give. */
EDDY_API EDDY_MUST_USE int eddy_embed_open(eddy_embed *embed, const struct eddy_options *options);

/* Readable whenever a turn is due. The same from open to close, close-on-exec; to be waited for
 * only. -EINVAL for one that isn't open. */
EDDY_API int eddy_embed_descriptor(const eddy_embed *embed);

/* The longest that the outer loop may wait now: seconds, 0 if a turn is due at once, EDDY_FOREVER
 * if only the descriptor tells; and as poll(2) wants it, in milliseconds, rounded up, -1 for ever.
 * On a virtual clock a turn moves it to the next timer. 0 for one that isn't open here, so that the
 * turn tells. */
EDDY_API double eddy_embed_timeout(eddy_embed *embed);
EDDY_API int eddy_embed_poll_timeout(eddy_embed *embed);

/* Delivers what has happened, runs what is ready (a part of it, if that is much: then the next
 * timeout is 0). The number of tasks that are left; -EBUSY inside of a turn (a task may not run the
 * outer loop); -EINVAL for one that isn't open on this thread. */
EDDY_API EDDY_MUST_USE int eddy_embed_turn(eddy_embed *embed);

/* Cancels the tasks that are left, waits for them, and ends the loop: the outer one stands still
 * meanwhile. Twice is fine: 0. -EBUSY inside of a turn, -EINVAL on another thread. */
EDDY_API int eddy_embed_close(eddy_embed *embed);

EDDY_END_DECLS
#endif
