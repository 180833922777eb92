/* SPDX-License-Identifier: MIT */
/*
 * Cancellation scopes: one mechanism under task cancel, timeouts, shields and groups.
 *
 * Cancelling a scope sets a flag that stays, and cuts the task's current wait short if it can be.
 * Everything else is asked for at the next wait.
 */
#include <math.h>
#include "cancellation.h"
#include "log.h"
#include "scope.h"
#include "task.h"

/* Does it keep cancellations out? Until its time is over. */
static bool scope_shields(const struct scope *scope)
{
    return scope->kind == EDDY_SCOPE_SHIELD_ && !scope->expired;
}

bool scope_refuses(const struct scope *scope)
{
    for (; scope; scope = scope->parent) {
        if (scope->cancelled)
            return true;
        if (scope_shields(scope))
            return false;
    }
    return false;
}

void scope_push(struct scope *scope, struct task *task, enum eddy_scope_kind_ kind, int *error,
                const struct eddy_site_ *site)
{
    if (task->scope == scope)
        log_abort("the %s block at %s:%d was entered again though it was never left (longjmp?)",
                  site->function, site->file, site->line);
    *scope = (struct scope){
        .parent = task->scope, .task = task, .error = error, .site = site, .kind = (uint8_t)kind};
    task->scope = scope;
    if (kind == EDDY_SCOPE_SHIELD_)
        task->refused = false;
}

void scope_pop(struct scope *scope)
{
    struct task *task = scope->task;
    if (task != task_current())
        log_abort("a block was left by another task than the one that entered it");
    if (task->scope != scope)
        log_abort(
            "a %s block entered at %s:%d was left across a block inside it (goto or longjmp?)",
            scope->site->function, scope->site->file, scope->site->line);
    task->scope = scope->parent;
    task->refused = scope_refuses(task->scope);
    scope->task = NULL;
    if (__builtin_expect(scope->why != NULL, 0)) {
        if (task->untold == scope->why)
            cancellation_owe(task, NULL); /* it is over: not to be taken for a later one */
        cancellation_release(scope->why);
    }
}

/* Some scope of the task has come to refuse waits, or let others do so. */
static void scope_reconsider(struct task *task)
{
    if (task->refused)
        return;
    task->refused = scope_refuses(task->scope);
    if (!task->refused)
        return;
    /* What the wait that is cut short cancels in its turn is cancelled for the same. */
    struct cancellation *outer = cancellation_begin(task->loop, cancellation_of(task->scope));
    task_interrupt(task);
    (void)cancellation_begin(task->loop, outer);
}

void scope_cancel(struct scope *scope)
{
    if (scope->cancelled)
        return;
    scope->cancelled = true;
    scope->why = cancellation_now(scope->task->loop);
    scope_reconsider(scope->task);
}

const struct scope *scope_outermost_cancelled(const struct scope *scope)
{
    const struct scope *outermost = NULL;
    for (; scope; scope = scope->parent) {
        if (scope->cancelled)
            outermost = scope;
        if (scope_shields(scope))
            break;
    }
    return outermost;
}

void scope_mark_interrupted(struct task *task)
{
    const struct scope *outermost = scope_outermost_cancelled(task->scope);
    if (!outermost)
        return;
    cancellation_owe(task, outermost->why);
    struct scope *scope = task->scope;
    for (; scope != outermost; scope = scope->parent)
        scope->interrupted = true;
    scope->interrupted = true;
}

int scope_outcome(const struct scope *scope, int own)
{
    if (scope->kind != EDDY_SCOPE_SHIELD_ && scope_refuses(scope->parent))
        return -ECANCELED;
    return own;
}

void scope_set_error(const struct scope *scope, int code)
{
    if (scope->error && (*scope->error == 0 || *scope->error == -ECANCELED))
        *scope->error = code;
}

void scope_note_break(const struct scope *scope)
{
    if (scope->task->loop->debug)
        log_say(scope->task->loop, EDDY_LOG_INFO, EDDY_LOG_NOTE,
                "break or continue ended the %s block at %s:%d, not a loop around it",
                scope->site->function, scope->site->file, scope->site->line);
}

static void scope_expire(struct timer *timer)
{
    struct timed_scope *timed = container_of(timer, struct timed_scope, timer);
    timed->scope.expired = true;
    struct task *task = timed->scope.task;
    if (timed->scope.kind == EDDY_SCOPE_SHIELD_) {
        scope_reconsider(task);
        return;
    }
    struct cancellation *why = cancellation_new(task->loop, CANCELLED_TIMEOUT, timed->scope.site,
                                                NULL);
    if (why)
        why->seconds = timed->seconds;
    struct cancellation *outer = cancellation_begin(task->loop, why);
    scope_cancel(&timed->scope);
    (void)cancellation_begin(task->loop, outer);
    cancellation_release(why);
}

static void timed_scope_set(struct timed_scope *timed, int64_t now, int64_t deadline)
{
    timed->timer.deadline = deadline;
    if (deadline <= now)
        scope_expire(&timed->timer);
    else
        timer_set(&timed->scope.task->loop->timers, &timed->timer, deadline);
}

eddy_scope *eddy_scope_enter_(eddy_scope *memory, enum eddy_scope_kind_ kind, double seconds,
                              int *error, const struct eddy_site_ *site)
{
    struct timed_scope *timed = (struct timed_scope *)(void *)memory;
    struct task *task = task_current();
    timed->scope.task = NULL;
    if (error)
        *error = 0;
    if (!task || isnan(seconds)) {
        int code = task ? log_misuse(-EINVAL, site->function, "not a number of seconds, at %s:%d",
                                     site->file, site->line)
                        : log_misuse(-EINVAL, site->function, "used outside a task, at %s:%d",
                                     site->file, site->line);
        timed->scope.interrupted = false;
        if (error)
            *error = code;
        return memory;
    }
    struct eddy_loop *loop = task->loop;
    scope_push(&timed->scope, task, kind, error, site);
    timer_init(&timed->timer, scope_expire);
    timed->timer.deadline = TIMER_NEVER;
    if (seconds == EDDY_FOREVER)
        return memory;
    int64_t now = loop_now(loop);
    int64_t deadline = kind == EDDY_SCOPE_TIMEOUT_AT_ ? seconds_to_nanoseconds(seconds)
                                                      : now + seconds_to_nanoseconds(seconds);
    timed->seconds = (double)(deadline - now) / NANOSECONDS;
    timed_scope_set(timed, now, deadline);
    return memory;
}

/* Takes the scope off its task; the code the block ends with, 0 if nothing was interrupted. */
static int timed_scope_end(struct timed_scope *timed)
{
    struct scope *scope = &timed->scope;
    timer_cancel(&scope->task->loop->timers, &timed->timer);
    int code = scope->interrupted ? scope_outcome(scope, -ETIMEDOUT) : 0;
    scope_pop(scope);
    return code;
}

void eddy_scope_leave_(eddy_scope *memory, bool by_break)
{
    struct timed_scope *timed = (struct timed_scope *)(void *)memory;
    struct scope *scope = &timed->scope;
    if (!scope->task)
        return;
    if (by_break)
        scope_note_break(scope);
    int code = timed_scope_end(timed);
    if (!code || scope->kind == EDDY_SCOPE_SHIELD_)
        return;
    if (code == -ETIMEDOUT && (!scope->error || *scope->error == 0 || *scope->error == -ECANCELED))
        eddy_fail_(code, false, scope->site->file, scope->site->line, "timed out after %g s",
                   timed->seconds);
    scope_set_error(scope, code);
}

/* Left by return, goto or a throw: the error variable is out of reach, the task's end mends what
 * it can (task.c). */
void eddy_scope_cleanup_(eddy_scope *memory)
{
    struct timed_scope *timed = (struct timed_scope *)(void *)memory;
    struct task *task = timed->scope.task;
    if (!task)
        return;
    const struct eddy_site_ *site = timed->scope.site;
    bool shield = timed->scope.kind == EDDY_SCOPE_SHIELD_;
    if (timed_scope_end(timed) == -ETIMEDOUT && !shield)
        task->left_timeout = site;
}

/* ---- asking and moving a timeout ---- */

/* NULL unless its block is being run. */
static struct timed_scope *timeout_of(const eddy_timeout *memory)
{
    struct timed_scope *timed = (struct timed_scope *)(uintptr_t)memory;
    return timed && timed->scope.task && timed->scope.task->loop == loop_self ? timed : NULL;
}

int eddy_timeout_reschedule(eddy_timeout *memory, double time)
{
    struct timed_scope *timed = timeout_of(memory);
    if (!memory || isnan(time))
        return log_misuse(-EINVAL, "eddy_timeout_reschedule",
                          memory ? "not a number of seconds" : "the timeout is NULL");
    if (!timed)
        return log_misuse(-ESRCH, "eddy_timeout_reschedule", "its block isn't being run");
    if (timed->scope.expired)
        return eddy_fail(-EALREADY, "eddy_timeout_reschedule: it has expired already");
    struct eddy_loop *loop = timed->scope.task->loop;
    int64_t now = loop_now(loop), before = timed->timer.deadline;
    int64_t deadline = time == EDDY_FOREVER ? TIMER_NEVER : seconds_to_nanoseconds(time);
    timer_cancel(&loop->timers, &timed->timer);
    timed->timer.deadline = TIMER_NEVER;
    if (deadline == TIMER_NEVER)
        return 0;
    if (before == TIMER_NEVER)
        timed->seconds = (double)(deadline - now) / NANOSECONDS;
    else
        timed->seconds += (double)(deadline - before) / NANOSECONDS;
    timed_scope_set(timed, now, deadline);
    return 0;
}

double eddy_timeout_when(const eddy_timeout *memory)
{
    const struct timed_scope *timed = timeout_of(memory);
    if (!timed || timed->timer.deadline == TIMER_NEVER)
        return EDDY_FOREVER;
    return (double)timed->timer.deadline / NANOSECONDS;
}

bool eddy_timeout_expired(const eddy_timeout *memory)
{
    const struct timed_scope *timed = timeout_of(memory);
    return timed && timed->scope.expired;
}
