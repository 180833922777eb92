/* SPDX-License-Identifier: MIT */
/*
 * Event: a flag that tasks can wait for. asyncio.Event.
 */
#ifndef EDDY_EVENT_H
#define EDDY_EVENT_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_event {
    uint64_t private_[4];
} eddy_event;

#define EDDY_EVENT_INIT                                                                            \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* Suspends until the event is set; not at all if it is. 0, -ECANCELED, -EINVAL. */
EDDY_API EDDY_ASYNC int eddy_event_wait(eddy_event *event);

/* Sets the flag and wakes all waiters, which return even if it is cleared before they run. */
EDDY_API void eddy_event_set(eddy_event *event);
EDDY_API void eddy_event_clear(eddy_event *event);
EDDY_API bool eddy_event_is_set(const eddy_event *event);

EDDY_END_DECLS
#endif
