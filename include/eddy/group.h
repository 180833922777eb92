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
 * eddy_last_failure(), in the order of their ends; `err` gets the body's own code, else the first failure's. Cancelled siblings are no
 * failures. A cancel from outside cancels the children, waits for them, and gives -ECANCELED,
 * unless there was nothing left to wait for.
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
};

struct eddy_group_options {
    int *error;                    /* as the macro's second argument */
    enum eddy_group_policy policy; /* default EDDY_FAIL_FAST */
};

/* eddy_spawn(group, function, .field = value, ...): a child, queued, not run yet. It may be called
 * by the body, by children, and while the block is being left. The handle may be ignored; it is
 * valid until the group ends (of finished children the group remembers the last 65,536). NULL
 * and a failure, which also fails the group: -EINVAL (NULL group: only the failure), -ENOMEM,
 * -EAGAIN at the cap on tasks; -ECANCELED if the group is shutting down, which fails nothing. */
EDDY_API eddy_task *eddy_spawn_(eddy_group *group, eddy_function_ *function, const void *arguments,
                                size_t size, enum eddy_arguments_kind_ kind,
                                const struct eddy_site_ *site);

/* eddy_spawn_eager(group, function, .field = value, ...): the same, but the child runs at once, on
 * the caller's time, up to its first suspension; it may be done, and if it
 * failed the group is shutting down when this returns. */
EDDY_API eddy_task *eddy_spawn_eager_(eddy_group *group, eddy_function_ *function,
                                      const void *arguments, size_t size,
                                      enum eddy_arguments_kind_ kind,
                                      const struct eddy_site_ *site);

/* Cancels body and children; the block then ends without an error of its own: TaskGroup.cancel().
 * Repeated and late calls do nothing. */
EDDY_API void eddy_group_cancel(eddy_group *group);

/* How many children are not done. */
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
