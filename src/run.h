/* SPDX-License-Identifier: MIT */
/*
 * The parts of a run, for eddy_run, which does them one after the other, and for runners.
 *
 *     run_open  ( run_begin  run_main  run_outcome  run_end )...  run_begin  run_leftovers
 *     run_close
 */
#ifndef EDDY_SRC_RUN_H
#define EDDY_SRC_RUN_H

#include "eddy/run.h"
#include "loop.h"

struct task_slot;
struct task_start;

struct run {
    struct task_slot *slot; /* of the main task */
    bool asked;             /* cancelled by the program, which wins over the interrupt: rule 253 */
};

/* Makes a loop; prints why it can't. */
int run_open(const struct eddy_options *options, struct eddy_loop **ret_loop);

/* Makes the loop this thread's, with its handlers of signals; and no longer. */
void run_begin(struct eddy_loop *loop, const struct eddy_options *options);
void run_end(struct eddy_loop *loop);

/* Runs a main task until it is done, and what is ready then: 0, or why there is none. */
int run_main(struct eddy_loop *loop, const struct task_start *start, struct run *run);

/* Its result; prints its failure unless `quiet`. */
int run_outcome(struct eddy_loop *loop, const struct run *run, bool quiet);

/* Cancels the tasks that are left and waits for them; there will be no more. */
void run_leftovers(struct eddy_loop *loop);

/* Ends the loop, with no task left, and the run. */
void run_close(struct eddy_loop *loop);

#endif
