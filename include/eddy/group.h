/* SPDX-License-Identifier: MIT */
/*
 * Groups: tasks whose lifetime is a block. asyncio.TaskGroup.
 *
 *     int err;
 *     eddy_with_group (g, &err) {
 *         for (int i = 0; i < 5; i++)
 *             eddy_spawn(g, fetch, .n = i, .twice = &twice[i]);
 *     }                                  // all done here, or cancelled
 *     return err;
 *
 * The block doesn't end before its children have. The first child that fails cancels the others
 * and the body; a body that sets the error variable negative (or leaves by return or goto) cancels
 * the children. Every failure (of more than 10,000 the first ones) is kept as a child of
 * eddy_last_failure(), in the order of their ends; `err` gets the body's own code, else the first
 * failure's. Cancelled siblings are no failures. A cancel from outside cancels the children, waits
 * for them, and gives -ECANCELED, unless there was nothing left to wait for.
 *
 * What children's ends do to the rest is the group's policy, how many run at once its limit:
 *
 *     eddy_with_group (g, &err, .policy = EDDY_FIRST_SUCCESS) ...         // the fastest mirror
 *     eddy_with_group (g, &err, .policy = EDDY_ENOUGH, .wanted = 2) ...   // two of three
 *     eddy_with_group (g, &err, .policy = EDDY_SUPERVISE, .restarts = 5, .restart_seconds = 60) ...
 *     eddy_with_group (g, &err, .policy = EDDY_RUN_ALL, .limit = 10) ...  // ten at once, and all
 */
#ifndef EDDY_GROUP_H
#define EDDY_GROUP_H

#include <eddy/task.h>

EDDY_BEGIN_DECLS

struct eddy_group {
    uint64_t private_[40];
};

enum eddy_group_policy {
    EDDY_FAIL_FAST, /* the first failure cancels the rest */
    EDDY_RUN_ALL,   /* a failure cancels nobody; all are collected */

    /* The first child that ends with a result >= 0 cancels the rest, body included, and the block's
     * error is 0: failures until then, and of those cancelled, are forgotten. If none does, every
     * failure is kept as usual; -ENODATA if there was neither. A cancel from outside that comes
     * before gives -ECANCELED, whatever failed until then. */
    EDDY_FIRST_SUCCESS,
    /* The same with the first `wanted` of them: k of n. A failure cancels nobody, not even when the
     * rest can't be enough any more, for any child may spawn another. */
    EDDY_ENOUGH,

    /* A child that fails is started again, at the end of the queue, in the same task (handle, name
     * and place stay), with its arguments as they were at the spawn: a fresh copy, or the same
     * struct with eddy_spawn_on. That is said in the log, as a warning. Beyond `restarts`, or
     * without memory to count one, it is as EDDY_FAIL_FAST: the failure stands, and cancels the
     * rest. One for one: a failure never restarts the others. A child that ends with >= 0, or is
     * cancelled, or fails after its group was cancelled, is not started again; nor is the body. */
    EDDY_SUPERVISE,
};

/* A field 0 is its default. What doesn't go together is refused, with -EINVAL in the error variable
 * and a report: `wanted` without EDDY_ENOUGH or the other way round, `restarts` and EDDY_SUPERVISE
 * likewise, `restart_seconds` without them or negative, an unknown policy. The body of such a block
 * runs, but can't spawn. */
struct eddy_group_options {
    int *error;                    /* as the macro's second argument */
    enum eddy_group_policy policy; /* default EDDY_FAIL_FAST */
    size_t wanted;                 /* EDDY_ENOUGH: how many are to succeed, of any number */
    size_t limit;                  /* so many children run at once; default: no limit */
    size_t restarts;               /* EDDY_SUPERVISE: of all children together, at most 65,536, */
    double restart_seconds;        /* in any period so long; default: in all */
};

/* eddy_spawn(group, function, .field = value, ...): a child, queued, not run yet. It may be called
 * by the body, by children, and while the block is being left. The handle may be ignored; it is
 * valid until the group ends (of finished children the group remembers the last 65,536).
 *
 * In a group with a limit a child beyond it waits for its turn, first come, first served, while the
 * spawner goes on. It is a task all the same (with a handle, a stack, and in eddy_group_size); if
 * it is cancelled before its turn it never begins. A child keeps its place until its end, whatever
 * it waits for, so one that waits for another's turn may wait for ever.
 *
 * NULL and a failure, which also fails the group: -EINVAL (NULL group: only the failure), -ENOMEM,
 * -EAGAIN at the cap on tasks; -ECANCELED if the group is shutting down, which fails nothing. */
EDDY_API eddy_task *eddy_spawn_(eddy_group *group, eddy_function_ *function, const void *arguments,
                                size_t size, enum eddy_arguments_kind_ kind,
                                const struct eddy_site_ *site);

/* eddy_spawn_eager(group, function, .field = value, ...): the same, but the child runs at once, on
 * the caller's time, up to its first suspension; it may be done, and if it failed the group is
 * shutting down when this returns. In a group with a limit that is -EINVAL. */
EDDY_API eddy_task *eddy_spawn_eager_(eddy_group *group, eddy_function_ *function,
                                      const void *arguments, size_t size,
                                      enum eddy_arguments_kind_ kind,
                                      const struct eddy_site_ *site);

/* eddy_spawn_ready(group, function, .field = value, ...): a child, and suspends until it says that
 * it is ready: trio's nursery.start(). The value, >= 0, that the child gave to eddy_ready; it runs
 * on. In a group that restarts children any of its lives may be the one that is ready.
 *
 * If the child ends before: its failure's code, with that as the last failure (the group has it
 * too), or -EPIPE if it just ended or was cancelled. A cancel of the caller cancels the child, and
 * waits for its end: -ECANCELED, or the child's failure; but a child that was ready by then is not
 * touched, and its value returned. Errors of its own as eddy_spawn, as a code; -EINVAL outside a
 * task; -ECANCELED in a task that is cancelled, and no child then. */
EDDY_API EDDY_ASYNC int eddy_spawn_ready_(eddy_group *group, eddy_function_ *function,
                                          const void *arguments, size_t size,
                                          enum eddy_arguments_kind_ kind,
                                          const struct eddy_site_ *site);

/* In a child: tells its spawner that it is ready, with a value (a port, say). Doesn't suspend. Does
 * nothing if nobody waits for that: after plain eddy_spawn, a second time, or once the spawner was
 * cancelled. 0; -EINVAL for a negative value (return the error instead) or outside a task. */
EDDY_API int eddy_ready(int value);

/* Cancels body and children; the block then ends without an error of its own: TaskGroup.cancel().
 * Repeated and late calls do nothing. */
EDDY_API void eddy_group_cancel(eddy_group *group);
EDDY_API void eddy_group_cancel_(eddy_group *group, const struct eddy_site_ *site);
#define eddy_group_cancel(group) eddy_group_cancel_(group, EDDY_SITE_("eddy_group_cancel"))

/* How many children are not done; those that wait for their turn count. */
EDDY_API size_t eddy_group_size(const eddy_group *group);

EDDY_API void eddy_group_open_(eddy_group *group, struct eddy_group_options options,
                               const struct eddy_site_ *site);
EDDY_API eddy_group *eddy_group_leave_(eddy_group *group, bool by_break);
EDDY_API void eddy_group_cleanup_(eddy_group *group);

/* Names what is missing when it was forgotten: "too few arguments to eddy_error_variable_". */
static inline int *eddy_error_variable_(int *error)
{
    return error;
}

EDDY_END_DECLS

#define eddy_spawn(group, ...) EDDY_FORM_(__VA_ARGS__)(eddy_spawn_, group, __VA_ARGS__)
#define eddy_spawn_eager(group, ...) EDDY_FORM_(__VA_ARGS__)(eddy_spawn_eager_, group, __VA_ARGS__)
#define eddy_spawn_ready(group, ...) EDDY_FORM_(__VA_ARGS__)(eddy_spawn_ready_, group, __VA_ARGS__)
/* Several functions with one argument struct; the caller's struct itself, not a copy. */
#define eddy_spawn_as(group, function, type, ...)                                                  \
    EDDY_AS_(eddy_spawn_, group, function, type, __VA_ARGS__)
#define eddy_spawn_on(group, function, pointer) EDDY_ON_(eddy_spawn_, group, function, pointer)

/* eddy_with_group (name, &err) { ... } or eddy_with_group (name, &err, .policy = EDDY_RUN_ALL). */
#define eddy_with_group(group, ...)                                                                \
    EDDY_GROUP_(group, EDDY_UNIQUE_(eddy_group_at_), EDDY_UNIQUE_(eddy_more_), __VA_ARGS__, )
#define EDDY_GROUP_(group, memory, more, error_, ...)                                              \
    for (eddy_group memory EDDY_CLEANUP_(eddy_group_cleanup_),                                     \
         *group =                                                                                  \
             (eddy_group_open_(&memory, __extension__({                                            \
                  _Pragma("GCC diagnostic push")                                                   \
                      _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"") struct    \
                      eddy_group_options eddy_options_ = {.error = eddy_error_variable_(error_),   \
                                                          __VA_ARGS__};                            \
                  _Pragma("GCC diagnostic pop") eddy_options_;                                     \
              }),                                                                                  \
                               EDDY_SITE_("group")),                                               \
              &memory),                                                                            \
         *more = group;                                                                            \
         group; group = eddy_group_leave_(&memory, more != NULL))                                  \
        for (; more; more = NULL)

#endif
