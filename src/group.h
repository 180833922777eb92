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
struct wait;
struct eddy_failure;

/* Of finished children this many slots are kept for handles. */
#define GROUP_REMEMBERS 65536
/* Of failures this many records are kept; more are counted. */
#define GROUP_FAILURES 10000

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
};

_Static_assert(sizeof(struct group) <= sizeof(struct eddy_group), "eddy_group is too small");

/* A child's outcome is in its slot. */
void group_child_done(struct group *group, struct task *task, struct task_slot *slot);

/* For code that is no block (servers, map): a group without a scope's error variable. */
void group_open(struct group *group, enum eddy_group_policy policy, const struct eddy_site_ *site);

/* Waits for all children (cancelling them if `cancel`, or when a cancel arrives); returns what the
 * block would end with, given the body's own code. */
int group_close(struct group *group, bool cancel, int body);

#endif
