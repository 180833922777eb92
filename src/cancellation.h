/* SPDX-License-Identifier: MIT */
/*
 * Why a scope was cancelled: who asked, where, what for.
 *
 *      eddy_task_cancel --> scope->why --> task->untold --> eddy_last_failure() makes a failure of
 *      it
 *                      \-> children, awaited tasks (passed on)    task_slot->why: of a task that ended
 *
 * Taken down as plain data when a scope is cancelled, and put into words when somebody asks. The
 * loop keeps the memory of those that are over, so a cancel doesn't allocate once there were some.
 * NULL, for want of memory, is a cancellation nothing is known of, and harmless everywhere.
 */
#ifndef EDDY_SRC_CANCELLATION_H
#define EDDY_SRC_CANCELLATION_H

#include "eddy/task.h"

struct eddy_failure;
struct eddy_loop;
struct group;
struct scope;
struct task;
struct task_slot;

enum cancellation_kind {
    CANCELLED_BY_CALL, /* eddy_task_cancel, or a call that does the same */
    CANCELLED_GROUP,   /* eddy_group_cancel */
    CANCELLED_TIMEOUT, /* the time of `site` was over */
    CANCELLED_FAILURE, /* a child of the group at `site` failed with `code` */
    CANCELLED_BODY,    /* the body of the group at `site` ended with `code`, 0: it was left */
    CANCELLED_INTERRUPT,
    CANCELLED_LOOP_END,
};

struct cancellation {
    struct cancellation *next; /* spare */
    struct eddy_loop *loop;
    const struct eddy_site_ *site;  /* of the call or of the block, or NULL */
    const struct eddy_site_ *asked; /* of eddy_group_cancel, or NULL */
    double seconds;
    uint64_t sequence; /* of the task that asked or failed, 0: none did */
    unsigned references;
    int code;
    enum cancellation_kind kind;
    char name[64]; /* of that task, "": Task-<sequence> */
    char reason[120];
};

/* One reference, the caller's; `who` (or NULL) is the task that asked or failed. */
struct cancellation *cancellation_new(struct eddy_loop *loop, enum cancellation_kind kind,
                                      const struct eddy_site_ *site, const struct task_slot *who);

static inline struct cancellation *cancellation_keep(struct cancellation *why)
{
    if (why)
        why->references++;
    return why;
}

/* One that nobody refers to any more, to the loop's spare ones. */
void cancellation_recycle(struct cancellation *why);

static inline void cancellation_release(struct cancellation *why)
{
    if (why && --why->references == 0)
        cancellation_recycle(why);
}

/* With the loop's end. */
void cancellations_destroy(struct eddy_loop *loop);

/* What a scope that is being cancelled right now is cancelled for; one reference. */
struct cancellation *cancellation_now(struct eddy_loop *loop);

/* Says for what the scopes cancelled from here on are, until it is called with what it returned. */
struct cancellation *cancellation_begin(struct eddy_loop *loop, struct cancellation *why);

/* The cancellation a wait directly inside this scope is refused for, or NULL; borrowed. */
struct cancellation *cancellation_of(const struct scope *scope);

/* The task is about to see an -ECANCELED for this; keeps it. */
void cancellation_owe(struct task *task, struct cancellation *why);

/* Makes what the current task is owed its last failure. */
void cancellation_pay(struct task *task);

/* In words; as snprintf. */
int cancellation_describe(const struct cancellation *why, char *buffer, size_t size);

/* As a failure of the current task, or NULL. */
struct eddy_failure *cancellation_tell(const struct cancellation *why);

#endif
