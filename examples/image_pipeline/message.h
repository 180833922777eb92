/* SPDX-License-Identifier: MIT */

/* One way to fail for the parts of the image pipeline that know nothing of eddy: they run in
 * worker threads and worker processes, where there is no task to hang a failure record on. So
 * they return a negative errno and put one line for people into a buffer of the caller's; the
 * caller turns both into an eddy_failure. */

#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* A message longer than this is cut; every caller may use a buffer of this size. */
#define MESSAGE_SIZE 512

/* Writes the message and returns the code, so that failing is one statement. A NULL buffer is
 * allowed and means that the caller wants the code only. */
__attribute__((format(printf, 4, 5))) static inline int fail_with(int code, char *message,
                                                                  size_t message_size,
                                                                  const char *format, ...)
{
    if (message != NULL && message_size > 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message, message_size, format, arguments);
        va_end(arguments);
    }
    return code;
}
