/* SPDX-License-Identifier: MIT */
/*
 * Cancellation scopes from inside.
 *
 *      task root <- timeout <- group <- shield <- timeout      (task->scope: the innermost)
 *
 * A wait is refused when a scope between the innermost and the nearest shield (that one included)
 * is cancelled. `interrupted` is set on every scope that a refusal passed on its way out to the
 * outermost cancelled one: at its end each scope knows whether something in it was cut short.
 */
#ifndef EDDY_SRC_SCOPE_H
#define EDDY_SRC_SCOPE_H

#include "eddy/scope.h"
#include "list.h"
#include "timer.h"

struct cancellation;
struct task;

struct scope {
    struct scope *parent;
    struct task *task; /* NULL: entered outside a task, or left already */
    int *error;        /* the block's error variable, or NULL */
    const struct eddy_site_ *site;
    uint8_t kind; /* enum eddy_scope_kind_ */
    bool cancelled;
    bool expired; /* its time is over: a timeout is cancelled by that, a shield shields no more */
    bool interrupted;
    struct cancellation *why; /* once cancelled; NULL without memory */
};

/* What a timeout or a shield has in its eddy_scope. */
struct timed_scope {
    struct scope scope;
    struct timer timer;
    double seconds;
};

_Static_assert(sizeof(struct timed_scope) <= sizeof(eddy_scope), "eddy_scope is too small");

void scope_push(struct scope *scope, struct task *task, enum eddy_scope_kind_ kind, int *error,
                const struct eddy_site_ *site);
void scope_pop(struct scope *scope);

/* Cancels it for good, and what its task waits for if the scope reaches that far in. */
void scope_cancel(struct scope *scope);

/* Is a wait directly inside this scope (or outside of all: NULL) refused? */
bool scope_refuses(const struct scope *scope);

/* The outermost cancelled scope that a wait directly inside this one is refused for, or NULL. */
const struct scope *scope_outermost_cancelled(const struct scope *scope);

/* Called when a wait of the task was cut short. */
void scope_mark_interrupted(struct task *task);

/* What the block of an interrupted scope ends with: -ECANCELED if outer scopes are cancelled too,
 * else `own`. */
int scope_outcome(const struct scope *scope, int own);

/* In debug mode says that break or continue ended the block. */
void scope_note_break(const struct scope *scope);

/* Writes it by the rule of the error variable. */
void scope_set_error(const struct scope *scope, int code);

#endif
