/* SPDX-License-Identifier: MIT */
/*
 * SIGINT while a program runs.
 */
#ifndef EDDY_SRC_INTERRUPT_H
#define EDDY_SRC_INTERRUPT_H

#include <signal.h>
#include "loop.h"

/* Takes SIGINT over for the loop, if this is the main thread and the program left it alone. */
void interrupt_install(struct eddy_loop *loop);

/* Puts it back. */
void interrupt_remove(struct eddy_loop *loop);

/* In a child after fork: puts SIGINT back, the parent's loop isn't its business. */
void interrupt_forget(void);

/* Is this the handler of a run that has ended? */
bool interrupt_is_over(const struct sigaction *action);

/* Was the loop interrupted so far? */
bool interrupt_seen(const struct eddy_loop *loop);

#endif
