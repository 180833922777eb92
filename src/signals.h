/* SPDX-License-Identifier: MIT */
/*
 * Signals from inside: how they get from signal context into their loop, and what becomes of that
 * at a fork and at the loop's end.
 */
#ifndef EDDY_SRC_SIGNALS_H
#define EDDY_SRC_SIGNALS_H

#include "eddy/signal.h"
#include "waiters.h"

/* Brackets what a handler does in signal context, on whatever thread, with a loop it found. */
void signal_context_enter(void);
void signal_context_leave(void);

/* Waits until no thread is in there any more which may have found what isn't to be found now. */
void signal_context_wait(void);

/* On the loop's thread, when it was told that signals have come: queues callbacks, wakes tasks. */
void signals_take(struct eddy_loop *loop);

/* Whether any may be coming, for which the loop waits. */
bool signals_expected(const struct eddy_loop *loop);

/* Gives the loop's signals back; frees what it knew of them. */
void signals_remove(struct eddy_loop *loop);
void signals_destroy(struct eddy_loop *loop);

/* For eddy_select: the next signal that has come, -EAGAIN, or what is wrong with the stream; where
 * one waits for it, to be finished with its number. */
struct signal_waiter {
    struct waiter waiter;
    size_t count;
};
int signals_try(eddy_signals *stream, size_t *ret_count, const char *call);
struct waiters *signals_waiters(eddy_signals *stream);

/* Around a fork. The child gives all back, before a signal can reach it. */
void signals_fork_begin(void);
void signals_fork_parent(void);
void signals_fork_child(void);

#endif
