/* SPDX-License-Identifier: MIT */
/*
 * Locals: values of the task, such as the user a request is for. contextvars.ContextVar.
 *
 *     static eddy_local user = EDDY_LOCAL_INIT;
 *
 *     r = eddy_local_set(&user, "ann", NULL);
 *     eddy_spawn(g, handle, .request = request);       // sees "ann"
 *     const char *who = eddy_local_get(&user);         // NULL where nothing was set
 *
 *     eddy_with_local (&user, "bob", &err) { ... }     // "ann" again afterwards, on every way out
 *
 * A new task gets the values of who creates it; what either sets later the other doesn't see. Every
 * thread has values of its own outside of tasks, and a run's main task begins with them. Inheriting
 * costs one counter; setting a value copies the set of values if it is shared.
 *
 * A local is known by its address: make it static. The values are pointers, and what they point to
 * must outlive every task that inherits it: that stays the caller's care.
 */
#ifndef EDDY_LOCAL_H
#define EDDY_LOCAL_H

#include <eddy/base.h>

EDDY_BEGIN_DECLS

typedef struct eddy_local {
    uint64_t private_[2];
} eddy_local;

#define EDDY_LOCAL_INIT                                                                            \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* What a set has replaced, for one reset by the same task. */
typedef struct eddy_local_token {
    uint64_t private_[4];
} eddy_local_token;

/* The value in this task, NULL if it has none. Outside a task that of the callback or the
 * thread. */
EDDY_API void *eddy_local_get(const eddy_local *local);

/* Sets the value in this task; NULL takes it away. `token` may be NULL. 0, -EINVAL, -ENOMEM. */
EDDY_API int eddy_local_set(eddy_local *local, const void *value, eddy_local_token *token);

/* Brings back what the set replaced. 0; -EINVAL for NULL, a token of another local or another task,
 * or one used before; -ENOMEM if a copy is needed because another task shares the values. */
EDDY_API int eddy_local_reset(eddy_local *local, eddy_local_token *token);

struct eddy_local_block_ {
    eddy_local *local; /* NULL once left, or if the value wasn't set */
    eddy_local_token token;
    int *error;
};
EDDY_API bool eddy_local_enter_(struct eddy_local_block_ *block, eddy_local *local,
                                const void *value, int *error);
EDDY_API void eddy_local_leave_(struct eddy_local_block_ *block);

EDDY_END_DECLS

/* Runs the block with the value set and brings the old one back on every way out. If it can't be
 * set the body is skipped and err (may be NULL) says why, else err becomes 0. break ends the
 * block. */
#define eddy_with_local(local, value, error)                                                       \
    EDDY_LOCAL_BLOCK_(EDDY_UNIQUE_(eddy_local_at_), EDDY_UNIQUE_(eddy_once_), local, value, error)
#define EDDY_LOCAL_BLOCK_(memory, once, local, value, error)                                       \
    for (struct eddy_local_block_ memory EDDY_CLEANUP_(eddy_local_leave_),                         \
         *once = eddy_local_enter_(&memory, local, value, error) ? &memory                         \
                                                                 : (struct eddy_local_block_ *)0;  \
         once; once = (struct eddy_local_block_ *)0)

#endif
