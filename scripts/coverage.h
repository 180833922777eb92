/* SPDX-License-Identifier: MIT */
/*
 * Put before every file of a coverage build (scripts/coverage.py). gcc writes its counters when a
 * process leaves by exit(). Worker processes leave by _exit, and what is meant to die in a test by
 * abort(): here they write them first. What a signal kills writes nothing.
 */
#ifndef EDDY_SCRIPTS_COVERAGE_H
#define EDDY_SCRIPTS_COVERAGE_H

#include <unistd.h>

extern void __gcov_dump(void);

static inline _Noreturn void coverage_exit(int status)
{
    __gcov_dump();
    _exit(status);
}
#define _exit coverage_exit

/* The linker leads calls of abort() here (--wrap=abort): a macro would meet members of that
 * name. */
extern _Noreturn void __real_abort(void);
extern _Noreturn void __wrap_abort(void);

__attribute__((__weak__, __visibility__("hidden"))) _Noreturn void __wrap_abort(void)
{
    __gcov_dump();
    __real_abort();
}

#endif
