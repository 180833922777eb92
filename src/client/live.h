/* SPDX-License-Identifier: MIT */
/*
 * Which sessions and responses are open on this thread.
 *
 * Their handles are plain pointers. A set of those that are open lets each call refuse a NULL, a
 * closed or another thread's handle with -EINVAL instead of touching freed memory. (A closed handle
 * whose address was given out again passes for the new one.)
 */
#ifndef EDDY_SRC_CLIENT_LIVE_H
#define EDDY_SRC_CLIENT_LIVE_H

#include <stdbool.h>

/* 0 or -ENOMEM. */
int live_add(const void *object);
void live_remove(const void *object);

/* True if it is open; else false and a failure -EINVAL that names the call. */
bool live_check(const void *object, const char *call, const char *kind);

/* The same without a failure. */
bool live_is(const void *object);

/* True in a task; else one line that says so, and a failure -EINVAL. */
bool live_in_task(const char *call);

#endif
