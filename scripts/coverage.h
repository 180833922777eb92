/* SPDX-License-Identifier: MIT */
/*
 * Put before every file of a coverage build (scripts/coverage.py). gcc writes its counters when a
 * process leaves by exit(); worker processes leave by _exit, and what is meant to die in a test by
 * abort(): they write them first. What is killed writes nothing.
 */
#ifndef EDDY_SCRIPTS_COVERAGE_H
#define EDDY_SCRIPTS_COVERAGE_H

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

extern void __gcov_dump(void);

static inline _Noreturn void coverage_exit(int status)
{
    __gcov_dump();
    _exit(status);
}
#define _exit coverage_exit

/* abort() raises the signal again when the handler has returned, and that kills. */
static inline void coverage_abort(int number)
{
    (void)number;
    __gcov_dump();
}

__attribute__((__constructor__(101), __unused__)) static void coverage_begin(void)
{
    struct sigaction action = {.sa_handler = coverage_abort};
    (void)sigaction(SIGABRT, &action, NULL);
}

#endif
