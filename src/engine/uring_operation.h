/* SPDX-License-Identifier: MIT */
/*
 * File operations as entries of an io_uring. Belongs to uring.c.
 */
#ifndef EDDY_SRC_ENGINE_URING_OPERATION_H
#define EDDY_SRC_ENGINE_URING_OPERATION_H

#include <liburing.h>
#include <stdbool.h>
#include "engine/engine.h"

/* Whether the ring has an entry for it. */
bool uring_operation_known(const struct operation *operation);

/* Reports memory that isn't the caller's to give, while the caller is still in the backtrace: no
 * tool sees what the kernel does with it. */
void uring_operation_check(const struct operation *operation);

void uring_operation_prepare(const struct operation *operation, struct io_uring_sqe *entry);

/* An operation that was interrupted, and not because it was cancelled, is to be asked for again. */
bool uring_operation_interrupted(const struct operation *operation, int result, bool cancelled);

/* What to tell the caller, once what the kernel wrote is known to the tools. */
int uring_operation_result(const struct operation *operation, int result, bool cancelled);

#endif
