/* SPDX-License-Identifier: MIT */
/*
 * Faults on purpose (library eddy-test): a program is run once to count what could fail, then again
 * for each of them with just that failing.
 *
 *     CHECK_INT(eddy_fault_memory(transfer), 0);   // every allocation of the library, once
 *     CHECK_INT(eddy_fault_engine(transfer), 0);   // every call to the system x every errno that
 *                                                  // its manual documents, once
 *
 * The program may fail, by a documented error; it may not crash, hang, or leave anything behind (a
 * task, a handle, a timer, a descriptor, a job, memory), and the next run must end as the first one
 * did. Beside that, `storm` turns on what a system may do at any time and what a program must not
 * notice at all: then its result has to be that of the undisturbed run.
 *
 * A run that fails is printed as one line with its site ("send #3: -ECONNRESET"), what was wrong,
 * and how to repeat it alone: EDDY_FAULT=engine:17 makes each eddy_fault of the program's that is
 * of this kind run its site 17 only, and those of other kinds nothing. A run that waits for ever is
 * ended after 3 seconds (30 with a pool's job under way), one that never suspends after a minute
 * with the process, which says that line before.
 */
#ifndef EDDY_FAULT_H
#define EDDY_FAULT_H

#include <eddy/sim.h>

EDDY_BEGIN_DECLS

enum eddy_fault_kind {
    EDDY_FAULT_MEMORY, /* the library's allocations: each alone, and with the three that follow */
    EDDY_FAULT_ENGINE, /* its calls to the system on behalf of the program's I/O */
    EDDY_FAULT_STORM,  /* one run each of: transfers of one byte; EAGAIN before each call that may
                          give it; waits that end early with nothing; completions that come late;
                          all of them; and on the real engine rings of 1, 2, 4 and 8 entries */
};

struct eddy_fault_options {
    int (*scenario)(void);
    int (*check)(void); /* after each run, outside the loop; NULL, or 0 if all is well */
    enum eddy_fault_kind kind;
    bool simulated; /* on the simulated system; else on the real engine, by a virtual clock */
    uint64_t seed;
    struct eddy_sim_options sim; /* its loop options serve both */
    bool
        plain; /* the scenario is called outside of any loop, and runs its own, with options of its own
                   (by a virtual clock), one after another */
    bool quiet;
};

struct eddy_fault_result {
    size_t sites; /* that could fail, counted in the undisturbed run */
    size_t runs;  /* with the undisturbed ones */
    size_t failed;
    size_t missed; /* runs that took another way and never came to their site */
    char why[512]; /* of the first that failed: its site, and what was wrong */
};

#define eddy_fault_memory(...)                                                                     \
    eddy_fault(                                                                                    \
        &(const struct eddy_fault_options){.kind = EDDY_FAULT_MEMORY, .scenario = __VA_ARGS__},    \
        NULL)
#define eddy_fault_engine(...)                                                                     \
    eddy_fault(                                                                                    \
        &(const struct eddy_fault_options){.kind = EDDY_FAULT_ENGINE, .scenario = __VA_ARGS__},    \
        NULL)
#define eddy_fault_storm(...)                                                                      \
    eddy_fault(                                                                                    \
        &(const struct eddy_fault_options){.kind = EDDY_FAULT_STORM, .scenario = __VA_ARGS__},     \
        NULL)

/* 0, or -EBADE after printing each run that failed with the one line that repeats it; an
 * undisturbed run that fails is said and ends it all. A scenario whose result isn't always the same
 * (a port, say), and a disturbed run in which a check of eddy/test.h failed, have only their errors
 * judged. -EINVAL without a scenario, -EBUSY inside a loop. */
EDDY_API EDDY_MUST_USE int eddy_fault(const struct eddy_fault_options *fault,
                                      struct eddy_fault_result *result);

EDDY_END_DECLS
#endif
