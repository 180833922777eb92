/* SPDX-License-Identifier: MIT */
/*
 * Event: a flag that tasks can wait for. asyncio.Event.
 *
 *     static eddy_event stop = EDDY_EVENT_INIT;
 *     r = eddy_event_wait(&stop);      // suspends until somebody calls
 *     eddy_event_set(&stop);
 *
 * While tasks wait for it an event belongs to their loop: a call from another one, or from no loop
 * at all, is refused (-EINVAL) and reported. From there eddy_call_soon_threadsafe is the way.
 */
#ifndef EDDY_EVENT_H
#define EDDY_EVENT_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_event {
    uint64_t private_[6];
} eddy_event;

#define EDDY_EVENT_INIT                                                                            \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Suspends until the event is set; not at all if it is. 0, -ECANCELED, -EINVAL. */
EDDY_API EDDY_ASYNC int eddy_event_wait(eddy_event *event);

/* Sets the flag and wakes all waiters, which return 0 even if it is cleared, or they are cancelled,
 * before they run. Clear lets later waits suspend again. Neither suspends; NULL is reported. */
EDDY_API void eddy_event_set(eddy_event *event);
EDDY_API void eddy_event_clear(eddy_event *event);

/* Is the flag set? False for NULL. */
EDDY_API bool eddy_event_is_set(const eddy_event *event);

EDDY_END_DECLS
#endif
