/* SPDX-License-Identifier: MIT */
/*
 * Saying things: to the loop's log handler, or to stderr.
 */
#ifndef EDDY_SRC_LOG_H
#define EDDY_SRC_LOG_H

#include "eddy/log.h"
#include "private.h"

struct eddy_loop;

/* Says it through the loop's handler (NULL: the current loop's, or stderr without one). */
EDDY_PRIVATE void log_say(struct eddy_loop *loop, enum eddy_log_level level,
                          enum eddy_log_event event, const char *format, ...) EDDY_PRINTF(4, 5);

/* The same with all fields given. */
EDDY_PRIVATE void log_record(struct eddy_loop *loop, const struct eddy_log_record *record);

/* A call that can't be right: one line that names call and task. Returns code. */
EDDY_PRIVATE int log_misuse(int code, const char *call, const char *format, ...) EDDY_PRINTF(3, 4);

/* A programming error that leaves nothing to go on with: one line, then abort(). */
EDDY_PRIVATE _Noreturn void log_abort(const char *format, ...) EDDY_PRINTF(1, 2);

#endif
