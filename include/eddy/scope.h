/* SPDX-License-Identifier: MIT */
/*
 * Cancellation scopes: timeouts and shields as blocks.
 *
 *     int err;
 *     eddy_with_timeout (2.0, &err) {          // async with asyncio.timeout(2):
 *         r = slow_call();
 *     }
 *     if (err == -ETIMEDOUT) ...
 *
 *     r = eddy_wait_for(slow_call(), 2.0);     // asyncio.wait_for(slow_call(), 2)
 *
 *     eddy_with_shield (1.0) { say_goodbye(); }   // clean-up that may wait, for up to a second
 *
 * A cancellation belongs to the scope that caused it (the task, a timeout, a group) and stays
 * until that scope is left: every call inside that would suspend returns -ECANCELED. The scope
 * absorbs its own cancellation, nobody else's.
 *
 * The error variable: 0 at entry; at exit the block writes it only if it is 0 or -ECANCELED, so
 * one variable can serve body and block. A timeout that fired gives -ETIMEDOUT if it interrupted
 * any call inside, 0 if it interrupted none; if an outer scope is cancelled too, -ECANCELED.
 * &err may be NULL.
 *
 * Leaving by return or goto out of the block is fine; break and continue bind to the block itself
 * and end it, also inside a loop of yours. Jumping into a block, and longjmp across one, are not
 * allowed. Outside a task a block prints one line, sets -EINVAL, and its body runs unguarded.
 */
#ifndef EDDY_SCOPE_H
#define EDDY_SCOPE_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_scope {
    uint64_t private_[26];
} eddy_scope;

/* The timeout of a block made by eddy_with_timeout_as. */
typedef eddy_scope eddy_timeout;

enum eddy_scope_kind_ {
    EDDY_SCOPE_TASK_,
    EDDY_SCOPE_TIMEOUT_,
    EDDY_SCOPE_TIMEOUT_AT_,
    EDDY_SCOPE_SHIELD_,
    EDDY_SCOPE_GROUP_,
};

EDDY_API eddy_scope *eddy_scope_enter_(eddy_scope *scope, enum eddy_scope_kind_ kind,
                                       double seconds, int *error, const struct eddy_site_ *site);
EDDY_API void eddy_scope_leave_(eddy_scope *scope, bool by_break);
EDDY_API void eddy_scope_cleanup_(eddy_scope *scope);

/* Moves the end of a timeout whose block is being run, to a time of eddy_time(); EDDY_FOREVER takes
 * it away, a time in the past ends it at once. By any task of the loop. 0; -EALREADY if it has
 * expired; -EINVAL for NULL or NaN; -ESRCH if the block was left, or never entered (outside a
 * task). */
EDDY_API int eddy_timeout_reschedule(eddy_timeout *timeout, double time);

/* The time at which it ends or ended, EDDY_FOREVER for none; EDDY_FOREVER for NULL or once left. */
EDDY_API double eddy_timeout_when(const eddy_timeout *timeout);

/* True once its time was over while the block ran. Of its own: a cancel from outside is none. */
EDDY_API bool eddy_timeout_expired(const eddy_timeout *timeout);

EDDY_END_DECLS

#define EDDY_SCOPE_(kind, name, seconds, error)                                                    \
    EDDY_SCOPE_BLOCK_(EDDY_UNIQUE_(eddy_scope_at_), EDDY_UNIQUE_(eddy_once_),                      \
                      EDDY_UNIQUE_(eddy_more_), kind, name, seconds, error)
#define EDDY_SCOPE_BLOCK_(memory, once, more, kind, name, seconds, error)                          \
    for (eddy_scope memory EDDY_CLEANUP_(eddy_scope_cleanup_), *more,                              \
         *once = (more = (eddy_scope_enter_(&memory, kind, seconds, error, EDDY_SITE_(name)),      \
                          &memory));                                                               \
         once; once = (eddy_scope_leave_(&memory, more != NULL), (eddy_scope *)0))                 \
        for (; more; more = NULL)

/* Runs the block for so many seconds (EDDY_FOREVER: no limit; 0 or less fires at the first wait
 * inside); NaN sets -EINVAL and the body runs without a limit. */
#define eddy_with_timeout(seconds, error)                                                          \
    EDDY_SCOPE_(EDDY_SCOPE_TIMEOUT_, "timeout", seconds, error)

/* The same with a name for the timeout, which the block can ask and move:
 *
 *     eddy_with_timeout_as (timeout, 10.0, &err) {
 *         while ((r = read_some()) > 0)
 *             eddy_timeout_reschedule(timeout, eddy_time() + 10.0);    // 10 s of silence
 *     }
 */
#define eddy_with_timeout_as(timeout, seconds, error)                                              \
    EDDY_SCOPE_BLOCK_(EDDY_UNIQUE_(eddy_scope_at_), timeout, EDDY_UNIQUE_(eddy_more_),             \
                      EDDY_SCOPE_TIMEOUT_, "timeout", seconds, error)

/* The same until a time of eddy_time(): asyncio.timeout_at(). */
#define eddy_with_timeout_at(time, error)                                                          \
    EDDY_SCOPE_(EDDY_SCOPE_TIMEOUT_AT_, "timeout_at", time, error)

/* Cancellations from outside don't reach into the block, for so many seconds; then they do. */
#define eddy_with_shield(seconds) EDDY_SCOPE_(EDDY_SCOPE_SHIELD_, "shield", seconds, (int *)0)

/* asyncio.wait_for: evaluates the expression, a call that may suspend, inside a timeout. What it
 * gives has the expression's type: a count of bytes isn't cut down to an int. */
#define eddy_wait_for(expression, seconds)                                                         \
    EDDY_WAIT_FOR_(EDDY_UNIQUE_(eddy_scope_at_), EDDY_UNIQUE_(eddy_error_at_),                     \
                   EDDY_UNIQUE_(eddy_wait_for_), expression, seconds)
/* Enters the scope itself: the result has to outlive eddy_with_timeout's block, and yet be declared
 * by its value, for its type may be const. */
#define EDDY_WAIT_FOR_(memory, error, result, expression, seconds)                                 \
    EDDY_RESULT_AS_(expression)                                                                    \
    (__extension__({                                                                               \
        int error;                                                                                 \
        eddy_scope memory EDDY_CLEANUP_(eddy_scope_cleanup_);                                      \
        (void)eddy_scope_enter_(&memory, EDDY_SCOPE_TIMEOUT_, seconds, &error,                     \
                                EDDY_SITE_("timeout"));                                            \
        EDDY_AUTO_ result = (expression);                                                          \
        error = result > 0 ? 1 : (int)result;                                                      \
        eddy_scope_leave_(&memory, false);                                                         \
        error > 0 ? result : error;                                                                \
    }))

#endif
