/* SPDX-License-Identifier: MIT */
/*
 * What faults and sweeps have in common: one run of a scenario that is disturbed on purpose, and
 * what must hold after it.
 *
 *      invariants_take  -->  session with the plans, loop, scenario  -->  ended at all?  errno
 *      known?
 *                                                                        handles, invariants, check
 *
 * A run that hangs is ended: by the simulated system, by the fault engine's patience on a real one,
 * and a task that never suspends by SIGALRM. That one ends the process, after the line that tells
 * which run it was.
 */
#ifndef EDDY_SRC_TEST_TORTURE_H
#define EDDY_SRC_TEST_TORTURE_H

#include "test/fault_plan.h"
#include "test/session.h"
#include "test/sweep_point.h"

struct torture {
    const char *call;     /* "eddy_fault" */
    const char *variable; /* in the environment, for repeating one run: "EDDY_FAULT" */
    int (*scenario)(void);
    int (*check)(void); /* or NULL */
    bool simulated;
    bool plain; /* the scenario makes its loops itself */
    bool quiet;
    uint64_t seed;
    const struct eddy_sim_options *options;

    /* so far */
    size_t runs, failed;
    char why[512]; /* of the first that failed */
};

struct torture_run {
    struct fault_plan fault;
    struct sweep_point sweep;
    bool swept;        /* `sweep` takes part */
    size_t allocation; /* which one fails; 0: none */
    size_t burst;      /* how many more after it do */
    unsigned ring;     /* entries of an io_uring; 0: as it is */
    char repeat[32];   /* "engine:17"; "" for an undisturbed one */

    /* what came of it */
    int result;
    size_t allocations;
    bool allocation_failed;
    bool check_failed; /* of eddy/test.h; may well be, in a disturbed run */
    char wrong[256];   /* "" if all is well */
};

/* Runs the scenario once. Fields that aren't set are 0. */
void torture_run(struct torture *torture, struct torture_run *run);

/* Writes down that the run failed, and prints it with the line that repeats it. */
void torture_report(struct torture *torture, const struct torture_run *run, const char *site);

/* Two runs without any disturbance, the second into `run`: 0, or -EBADE and it is reported. Results
 * that differ make `run->result` say nothing: *ret_stable. */
int torture_undisturbed(struct torture *torture, struct torture_run *run, bool *ret_stable);

/* What the environment asks to run alone: 0 and the number behind "prefix:", -ENOENT when it asks
 * for nothing, -ESRCH for something else. */
int torture_asked(const struct torture *torture, const char *prefix, size_t *ret_number);

#endif
