/* SPDX-License-Identifier: MIT */
/*
 * Why a scope was cancelled: kept, passed on, put into words.
 */
#include "cancellation.h"
#include <stdio.h>
#include <string.h>
#include "failure.h"
#include "memory.h"
#include "scope.h"
#include "task.h"

enum { TEXT = 512 };

struct cancellation *cancellation_new(struct eddy_loop *loop, enum cancellation_kind kind,
                                      const struct eddy_site_ *site, const struct task_slot *who)
{
    struct cancellation *why = loop->cancellations;
    if (why)
        loop->cancellations = why->next;
    else if (!(why = memory_allocate(sizeof *why)))
        return NULL;
    why->loop = loop;
    why->site = site;
    why->asked = NULL;
    why->seconds = 0;
    why->sequence = who ? who->sequence : 0;
    why->references = 1;
    why->code = who ? who->result : 0;
    why->kind = kind;
    why->name[0] = why->reason[0] = '\0';
    if (who && who->name)
        (void)snprintf(why->name, sizeof why->name, "%s", who->name);
    return why;
}

void cancellation_recycle(struct cancellation *why)
{
    why->next = why->loop->cancellations;
    why->loop->cancellations = why;
}

void cancellations_destroy(struct eddy_loop *loop)
{
    while (loop->cancellations) {
        struct cancellation *one = loop->cancellations;
        loop->cancellations = one->next;
        memory_free(one);
    }
}

/* ---- passing on ---- */

struct cancellation *cancellation_begin(struct eddy_loop *loop, struct cancellation *why)
{
    struct cancellation *outer = loop->cancelling;
    loop->cancelling = why;
    return outer;
}

struct cancellation *cancellation_now(struct eddy_loop *loop)
{
    if (loop->cancelling)
        return cancellation_keep(loop->cancelling);
    const struct task *task = loop->current;
    if (task && task->refused) /* as an await that is refused goes on to the awaited task */
        return cancellation_keep(cancellation_of(task->scope));
    if (!task && atomic_load(&loop->closing))
        return cancellation_new(loop, CANCELLED_LOOP_END, NULL, NULL);
    return cancellation_new(loop, CANCELLED_BY_CALL, NULL, task ? task->slot : NULL);
}

struct cancellation *cancellation_of(const struct scope *scope)
{
    const struct scope *outermost = scope_outermost_cancelled(scope);
    return outermost ? outermost->why : NULL;
}

/* ---- telling ---- */

void cancellation_owe(struct task *task, struct cancellation *why)
{
    if (task->untold == why)
        return;
    cancellation_release(task->untold);
    task->untold = cancellation_keep(why);
}

void cancellation_pay(struct task *task)
{
    struct cancellation *why = task->untold;
    task->untold = NULL;
    struct eddy_failure *failure = cancellation_tell(why);
    if (failure)
        failure_set(failure);
    cancellation_release(why);
}

/* " by task 'x'", " by a callback"; nothing of one of which only the place is known. */
static void describe_who(const struct cancellation *why, char *buffer, size_t size)
{
    if (!why->sequence)
        (void)snprintf(buffer, size, "%s", "a callback");
    else if (why->name[0])
        (void)snprintf(buffer, size, "task '%s'", why->name);
    else
        (void)snprintf(buffer, size, "task 'Task-%llu'", (unsigned long long)why->sequence);
}

/* " at main.c:12", "" if it isn't known. */
static void describe_place(const struct eddy_site_ *site, char *buffer, size_t size)
{
    buffer[0] = '\0';
    if (site)
        (void)snprintf(buffer, size, " at %s:%d", site_file(site), site->line);
}

int cancellation_describe(const struct cancellation *why, char *buffer, size_t size)
{
    char who[96], at[TEXT / 2], asked[TEXT / 2];
    if (!why)
        return snprintf(buffer, size, "cancelled");
    describe_who(why, who, sizeof who);
    describe_place(why->site, at, sizeof at);
    describe_place(why->asked, asked, sizeof asked);
    switch (why->kind) {
    case CANCELLED_TIMEOUT:
        return snprintf(buffer, size, "cancelled by the %s%s, after %g s", why->site->function, at,
                        why->seconds);
    case CANCELLED_FAILURE:
        return snprintf(buffer, size, "cancelled with the group%s, because %s failed with %s", at,
                        who, eddy_error_name(why->code));
    case CANCELLED_BODY:
        return snprintf(buffer, size, "cancelled with the group%s, because its body %s%s", at,
                        why->code ? "ended with " : "was left by return or goto",
                        why->code ? eddy_error_name(why->code) : "");
    case CANCELLED_GROUP:
        return snprintf(buffer, size, "cancelled with the group%s by %s%s", at, who, asked);
    case CANCELLED_INTERRUPT:
        return snprintf(buffer, size, "cancelled by SIGINT");
    case CANCELLED_LOOP_END:
        return snprintf(buffer, size, "cancelled because the main task has ended");
    case CANCELLED_BY_CALL:
        break;
    }
    return snprintf(buffer, size, "cancelled by %s%s%s%s", who, at, why->reason[0] ? ": " : "",
                    why->reason);
}

struct eddy_failure *cancellation_tell(const struct cancellation *why)
{
    char text[TEXT];
    if (!why)
        return NULL;
    (void)cancellation_describe(why, text, sizeof text);
    const struct eddy_site_ *site = why->asked ? why->asked : why->site;
    return failure_make(-ECANCELED, site ? site->file : "", site ? site->line : 0, "%s", text);
}
