/* SPDX-License-Identifier: MIT */
/*
 * Eager start: a task is made, but not queued, and entered at once. It is whole by then (in the
 * list of its loop, and in its group), so it may fail, be cancelled, or cancel its group in its
 * first step as in any other.
 */
#include "eddy/group.h"
#include "eddy/task.h"
#include "task.h"

/* Runs what was just made up to its first suspension; the handle stays. */
static eddy_task *enter(eddy_task *handle)
{
    int code;
    const struct task_slot *slot = handle ? slot_find(handle, "", &code) : NULL;
    if (slot)
        task_enter(slot->task);
    return handle;
}

eddy_task *eddy_create_task_eager_(void *unused, eddy_function_ *function, const void *arguments,
                                   size_t size, enum eddy_arguments_kind_ kind,
                                   const struct eddy_site_ *site)
{
    return enter(eddy_create_task_(unused, function, arguments, size,
                                   (enum eddy_arguments_kind_)(kind | EDDY_EAGER_), site));
}

eddy_task *eddy_spawn_eager_(eddy_group *group, eddy_function_ *function, const void *arguments,
                             size_t size, enum eddy_arguments_kind_ kind,
                             const struct eddy_site_ *site)
{
    return enter(eddy_spawn_(group, function, arguments, size,
                             (enum eddy_arguments_kind_)(kind | EDDY_EAGER_), site));
}
