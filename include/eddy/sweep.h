/* SPDX-License-Identifier: MIT */
/*
 * The cancel sweep (library eddy-test): a program is run once to count the places where one of its
 * tasks is suspended, then again for each of them with a cancel that lands exactly there.
 *
 *     CHECK_INT(eddy_sweep_cancel(transfer), 0);
 *
 * Each suspension is hit at two instants: when the task has parked, and when what it waited for has
 * happened but it hasn't run yet (where a value that was handed over gets lost). And in three ways:
 * the scenario's main task is cancelled, the suspended task is, a timeout around the scenario
 * expires. After each run the kit's invariants must hold (no task, handle, timer, descriptor, job
 * or memory is left, nothing hangs), and `check`.
 *
 * A run that fails is printed as one line with its suspension, what was wrong, and how to repeat it
 * alone: EDDY_SWEEP=main:park:12 makes each eddy_sweep of the program's run only that one.
 */
#ifndef EDDY_SWEEP_H
#define EDDY_SWEEP_H

#include <eddy/sim.h>

EDDY_BEGIN_DECLS

enum {
    EDDY_SWEEP_MAIN = 1,    /* cancel the scenario's main task */
    EDDY_SWEEP_TASK = 2,    /* cancel the task that is suspended */
    EDDY_SWEEP_TIMEOUT = 4, /* a timeout around the whole scenario expires */
    EDDY_SWEEP_ALL = 7,
};

struct eddy_sweep_options {
    int (*scenario)(void); /* any result will do: it may be cancelled */
    int (*check)(void);    /* after each run, outside the loop; NULL, or 0 if all is well */
    unsigned kinds;        /* EDDY_SWEEP_...; 0: all; no timeouts if it is plain */
    size_t most;           /* suspensions that are hit, spread over all of them; 0: all */
    bool real;             /* on the real engine, by a virtual clock, not on the simulated one */
    uint64_t seed;         /* of the simulated one */
    struct eddy_sim_options sim; /* its loop options serve both */
    bool
        plain; /* the scenario is called outside of any loop, and runs its own, with options of its own
                   (by a virtual clock), one after another */
    bool quiet;
};

struct eddy_sweep_result {
    size_t points; /* suspensions of the undisturbed run */
    size_t runs;   /* with two undisturbed ones */
    size_t failed;
    size_t missed; /* runs that took another way, or whose main task was done by then */
    char why[512]; /* of the first that failed: which suspension, by what, what was wrong */
};

/* eddy_sweep_cancel(scenario, .field = value, ...): 0, or -EBADE after printing each run that
 * failed with the one line that repeats it. -EINVAL without a scenario, -EBUSY inside a loop. */
#define eddy_sweep_cancel(...)                                                                     \
    eddy_sweep(&(const struct eddy_sweep_options){.scenario = __VA_ARGS__}, NULL)

EDDY_API EDDY_MUST_USE int eddy_sweep(const struct eddy_sweep_options *sweep,
                                      struct eddy_sweep_result *result);

EDDY_END_DECLS
#endif
