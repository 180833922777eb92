/* SPDX-License-Identifier: MIT */
/* Signals in tests: what handles one now, and a handler that makes a note. */
#ifndef EDDY_TESTS_SIGNAL_HANDLERS_H
#define EDDY_TESTS_SIGNAL_HANDLERS_H

#include <signal.h>
#include "support/test.h"

typedef void disposition(int);

/* What nohup starts ignores one of them, and so does what that starts. */
__attribute__((__constructor__)) static void begin_with_defaults(void)
{
    (void)signal(SIGHUP, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
}

TEST_HELPER disposition *now_at(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 ? now.sa_handler : SIG_ERR;
}

TEST_HELPER void note_text(void *argument)
{
    note("%s", (const char *)argument);
}

#endif
