/* SPDX-License-Identifier: MIT */
/*
 * Whole operations on files, for tasks.
 */
#ifndef EDDY_SRC_OPERATION_H
#define EDDY_SRC_OPERATION_H

#include "engine/engine.h"

/* Bytes that one read or write moves at most: results are ints. */
#define OPERATION_SIZE_MAX ((size_t)1 << 30)

/* Runs it and suspends until it is done: through the engine where it takes operations, else in the
 * loop's thread pool. The result as of the system call, errors negative; -ECANCELED if it was
 * cancelled before it began or the system stopped it. Once the system is at work on it a cancel
 * only asks: the task stays parked, since operation and buffers are its memory, and a result that
 * comes all the same is the result. */
int operation_run(struct operation *operation);

/* The same for clean-up: no cancel reaches it, and it runs in a cancelled scope, too. Outside of
 * tasks it blocks. */
int operation_run_shielded(struct operation *operation);

/* Closes what an operation opened, here and now; also outside of tasks and loops. The engine does
 * it where there is one: its descriptors needn't be the system's. */
int operation_close(int descriptor);

#endif
