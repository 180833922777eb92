/* SPDX-License-Identifier: MIT */
/*
 * A child of a group with EDDY_SUPERVISE: its lives, one after the other, in one task.
 */
#ifndef EDDY_SRC_GROUP_SUPERVISE_H
#define EDDY_SRC_GROUP_SUPERVISE_H

#include "task.h"

/* What each life begins with: the arguments of the child's task. */
struct life {
    eddy_function_ *function;
    const void *in_place; /* the caller's struct, or NULL */
    size_t size;          /* of the copy */
    enum eddy_arguments_kind_ kind;
    char copy[1024];
};

void life_init(struct life *life, const struct task_start *start);

/* Of it only so many bytes are needed. */
size_t life_size(const struct life *life);

/* One life, on the current task's stack. */
int life_once(const struct life *life);

/* Takes a restart from what is left of them; false: there is none, or no memory to count it. */
struct group_restarts;
bool restarts_take(struct group_restarts *restarts, int64_t now);

/* The child's function. */
int life_run(struct life *life);

#endif
