/* SPDX-License-Identifier: MIT */
/*
 * Groups from inside: a scope with children.
 */
#ifndef EDDY_SRC_GROUP_H
#define EDDY_SRC_GROUP_H

#include "eddy/group.h"
#include "list.h"
#include "scope.h"

struct task;
struct task_slot;
struct task_start;
struct wait;
struct eddy_failure;

/* Of finished children this many slots are kept for handles. */
#define GROUP_REMEMBERS 65536
/* Of failures this many records are kept; more are counted. */
#define GROUP_FAILURES 10000
/* So many restarts a window can be asked for. */
#define GROUP_RESTARTS 65536

/* EDDY_SUPERVISE: when children were started again. */
struct group_restarts {
    size_t most, count;
    int64_t window; /* nanoseconds, 0: for ever */
    int64_t *times; /* of the last `most` ones, once there is one; NULL without a window */
};

struct group {
    struct scope scope;
    uint64_t magic; /* GROUP_OPEN while the block lasts */
    struct eddy_loop *loop;
    struct list children; /* not done yet */
    size_t child_count, spawned, failed;
    struct wait *joiner;           /* the block's own task, waiting for the children */
    struct eddy_failure *failures; /* the group's record; children in order of their ends */
    struct task_slot *finished_first, *finished_last;
    size_t finished_count;
    int code;                          /* the first failure's, else 0 */
    const struct eddy_failure *before; /* the task's last one at entry: to be compared only */
    uint8_t policy;
    bool arranged;
    struct list readies; /* waits for a child to be ready: group_ready.c */

    /* Of a group that is arranged (group_arrange.c); of others never set, nor looked at. */
    struct group_restarts restarts;
    size_t wanted, succeeded; /* children; wanted 0: no matter */
    size_t limit, placed;     /* children that may run, 0: all; that have a place */
    struct list turns;        /* of struct turn: children that wait for a place, in their order */
};

_Static_assert(sizeof(struct group) <= sizeof(struct eddy_group), "eddy_group is too small");

static inline struct group *group_of(eddy_group *memory)
{
    return (struct group *)(void *)memory;
}

/* A child's outcome is in its slot. */
void group_child_done(struct group *group, struct task *task, struct task_slot *slot);

/* For code that is no block (servers, map): a group without a scope's error variable. */
void group_open(struct group *group, enum eddy_group_policy policy, const struct eddy_site_ *site);

/* Waits for all children (cancelling them if `cancel`, or when a cancel arrives); returns what the
 * block would end with, given the body's own code. */
int group_close(struct group *group, bool cancel, int body);

/* ---- beyond fail fast and run all ---- */

/* What is wrong with the options: -EINVAL and a report, or 0. */
int group_check_options(const struct eddy_group_options *options, const struct eddy_site_ *site);

/* Gives an open group what its options ask for. */
void group_arrange(struct group *group, const struct eddy_group_options *options);

/* As task_create, in a group that is arranged. */
struct task *group_create_arranged(struct group *group, const struct task_start *start);

/* A child is done: whoever waits for its place begins. True: there is enough, the rest may go. */
bool group_arranged_done(struct group *group, struct task *task, const struct task_slot *slot);

/* All are done: 0, or -ENODATA and a failure if fewer succeeded than wanted, and nothing else says
 * why. Drops failures that don't matter. */
int group_arranged_outcome(struct group *group);

#endif
