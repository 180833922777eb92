/* SPDX-License-Identifier: MIT */
/*
 * Who waits for whom: the edges that call graph and deadlock report are made of. They are read off
 * the joins, waits and groups themselves, so they end where those end.
 */
#ifndef EDDY_SRC_DEBUG_H
#define EDDY_SRC_DEBUG_H

#include "task.h"

/* The holder of the lock that the task waits for, or NULL. */
struct task *debug_lock_holder(const struct task *task);

/* Whether `waiter` can't go on before `other` has done something: ended, or released a lock. */
bool debug_waits_for(const struct task *waiter, const struct task *other);

/* "waiting for lock held by 'a'", "runs", "hasn't begun". */
void debug_describe_wait(const struct task *task, char *buffer, size_t size);

/* As eddy_describe_address, of where a function begins: symbol.c. */
int debug_describe_function(void (*function)(void *), char *buffer, size_t size);

/* Called when the loop is about to sleep though nothing it knows of can wake it; says so, once,
 * when it is certain that nothing else can. */
void deadlock_check(struct eddy_loop *loop);

#endif
