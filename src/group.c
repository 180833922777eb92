/* SPDX-License-Identifier: MIT */
/*
 * Groups: the block of a group is a cancellation scope of the task that opened it, plus a list of
 * children. A failure (a child's, the body's, a refused spawn) cancels the scope, which refuses
 * the body's waits, and each child's root scope.
 */
#include <stddef.h>
#include <string.h>
#include "cancellation.h"
#include "group.h"
#include "log.h"
#include "task.h"

#define GROUP_OPEN UINT64_C(0x6564647967726f75) /* "eddygrou" */

/* Takes over the reference; NULL: for whatever the current task is cancelled, or by itself. */
static void group_abort(struct group *group, struct cancellation *why)
{
    struct cancellation *outer = group->loop->cancelling;
    if (why)
        (void)cancellation_begin(group->loop, why);
    /* Children first, as in asyncio. Also when the scope was cancelled already: children may have
     * come since. A child that is cancelled only gets queued, so the list stays as it is. */
    for (struct link *link = group->children.first; link; link = link->next)
        task_cancel(container_of(link, struct task, in_group));
    scope_cancel(&group->scope);
    (void)cancellation_begin(group->loop, outer);
    cancellation_release(why);
}

/* For abort: what the group is cancelled for already, or, from now on, this. */
static struct cancellation *group_why(struct group *group, enum cancellation_kind kind, int code,
                                      const struct task_slot *who)
{
    if (group->scope.cancelled)
        return cancellation_keep(group->scope.why);
    struct cancellation *why = cancellation_new(group->loop, kind, group->scope.site, who);
    if (why)
        why->code = code;
    return why;
}

/* Takes over the reference to the failure, which may be NULL (no memory for a record). */
static void group_add_failure(struct group *group, int code, struct eddy_failure *failure)
{
    group->failed++;
    if (!group->code)
        group->code = code;
    if (!group->failures)
        group->failures = failure_make(code, group->scope.site->file, group->scope.site->line, "%s",
                                       "");
    if (group->failures && failure && group->failures->count < GROUP_FAILURES)
        failure_add_child(group->failures, failure);
    else
        eddy_failure_release(failure);
}

void group_child_done(struct group *group, struct task *task, struct task_slot *slot)
{
    list_remove(&group->children, &task->in_group);
    group->child_count--;
    if (slot->result < 0 && !slot->cancelled) {
        slot->seen = true;
        group_add_failure(group, slot->result, failure_keep(slot->failure));
        if (group->policy == EDDY_FAIL_FAST || group->policy == EDDY_SUPERVISE)
            group_abort(group, group_why(group, CANCELLED_FAILURE, slot->result, slot));
    }
    if (__builtin_expect(group->arranged, 0) && group_arranged_done(group, task, slot))
        group_abort(group, group_why(group, CANCELLED_GROUP, 0, slot));
    slot->next = NULL;
    if (group->finished_last)
        group->finished_last->next = slot;
    else
        group->finished_first = slot;
    group->finished_last = slot;
    if (++group->finished_count > GROUP_REMEMBERS) {
        struct task_slot *oldest = group->finished_first;
        group->finished_first = oldest->next;
        group->finished_count--;
        slot_free(group->loop, oldest);
    }
    if (!group->child_count && group->joiner) {
        struct wait *joiner = group->joiner;
        group->joiner = NULL;
        if (joiner->task->refused) /* now: a cancel after this finds nothing left to wait for */
            scope_mark_interrupted(joiner->task);
        wait_finish(joiner, 0);
    }
}

void group_open(struct group *group, enum eddy_group_policy policy, const struct eddy_site_ *site)
{
    struct task *task = task_current();
    memset(group, 0, offsetof(struct group, restarts));
    group->magic = GROUP_OPEN;
    group->loop = task->loop;
    group->policy = (uint8_t)policy;
    group->before = task->failure;
    scope_push(&group->scope, task, EDDY_SCOPE_GROUP_, NULL, site);
}

/* A cancel from outside reaches the children; their ends end the wait. */
static bool join_abort(struct wait *wait)
{
    struct group *group = container_of(wait->link.next, struct group, children);
    group->scope.interrupted = true;
    group_abort(group, NULL);
    return false;
}

static void group_join(struct group *group)
{
    struct task *task = group->scope.task;
    while (group->child_count) {
        /* Each time: while the last child's end was on its way here, a cancel may have come, and
         * somebody else may have spawned another one. */
        if (scope_refuses(&group->scope)) {
            group_abort(group, cancellation_keep(cancellation_of(&group->scope)));
            scope_mark_interrupted(task);
        }
        struct wait wait;
        if (wait_begin_shielded(&wait, "the tasks of a group") < 0)
            return;
        wait.abort = join_abort;
        wait.link.next = (struct link *)(void *)&group->children; /* the way back for join_abort */
        group->joiner = &wait;
        (void)wait_park(&wait);
    }
}

/* The failure the block leaves behind, under the code that the block ends with. */
static void group_leave_failure(struct group *group, int code)
{
    struct eddy_failure *record = group->failures;
    group->failures = NULL;
    if (!record)
        return;
    struct eddy_failure *named = failure_make(code, group->scope.site->file,
                                              group->scope.site->line, "%zu of %zu tasks failed",
                                              group->failed, group->spawned);
    if (named)
        failure_move_children(named, record);
    eddy_failure_release(record);
    failure_set(named);
}

/* The body of a group may end with a child's own failure, which it awaited. */
static bool has_child(const struct eddy_failure *failure, const struct eddy_failure *child)
{
    for (size_t i = 0; i < failure->count; i++)
        if (failure->children[i] == child)
            return true;
    return false;
}

int group_close(struct group *group, bool cancel, int body)
{
    bool body_failed = body < 0 && !(body == -ECANCELED && scope_refuses(&group->scope));
    struct eddy_failure *body_failure = body_failed ? failure_keep(*failure_slot()) : NULL;
    if (body_failure && body_failure->code != body) {
        eddy_failure_release(body_failure);
        body_failure = NULL;
    }
    if (body_failed && !body_failure) /* a code alone is a failure too */
        body_failure = failure_make(body, group->scope.site->file, group->scope.site->line, "%s",
                                    "the body failed");
    if (body_failed || cancel)
        group_abort(group, group_why(group, CANCELLED_BODY, body, NULL));
    group_join(group);

    int code = __builtin_expect(group->arranged, 0) ? group_arranged_outcome(group) : 0;
    if (body_failed)
        code = body;
    else if (group->failed)
        code = group->code;
    else if (group->scope.interrupted)
        code = scope_outcome(&group->scope, 0);

    if (group->failed) {
        if (body_failure && group->failures && !has_child(group->failures, body_failure))
            failure_add_child(group->failures, failure_keep(body_failure));
        if (cancel && *failure_slot() && *failure_slot() != group->before) {
            /* Left by `return eddy_fail(...)`: what is returned is the body's own. */
            eddy_failure_release(group->failures);
            group->failures = NULL;
        } else {
            group_leave_failure(group, code);
        }
    } else if (body_failure) {
        failure_set(failure_keep(body_failure));
    }
    eddy_failure_release(body_failure);
    while (group->finished_first) {
        struct task_slot *slot = group->finished_first;
        group->finished_first = slot->next;
        slot_free(group->loop, slot);
    }
    group->magic = 0;
    scope_pop(&group->scope);
    return code;
}

/* ---- the block ---- */

void eddy_group_open_(eddy_group *memory, struct eddy_group_options options,
                      const struct eddy_site_ *site)
{
    struct group *group = group_of(memory);
    if (options.error)
        *options.error = 0;
    int r = 0;
    bool plain = options.policy <= EDDY_RUN_ALL && !options.wanted && !options.limit &&
                 !options.restarts && options.restart_seconds == 0;
    if (!task_current())
        r = log_misuse(-EINVAL, "eddy_with_group", "used outside a task, at %s:%d", site->file,
                       site->line);
    else if (!plain)
        r = group_check_options(&options, site);
    if (r < 0) {
        group->magic = 0;
        group->scope.task = NULL;
        if (options.error)
            *options.error = r;
        return;
    }
    group_open(group, options.policy, site);
    group->scope.error = options.error;
    if (!plain)
        group_arrange(group, &options);
}

eddy_group *eddy_group_leave_(eddy_group *memory, bool by_break)
{
    struct group *group = group_of(memory);
    if (group->magic != GROUP_OPEN)
        return NULL;
    if (by_break)
        scope_note_break(&group->scope);
    int *error = group->scope.error;
    int body = error ? *error : 0;
    int code = group_close(group, false, body);
    if (error && (*error == 0 || *error == -ECANCELED))
        *error = code;
    return NULL;
}

void eddy_group_cleanup_(eddy_group *memory)
{
    struct group *group = group_of(memory);
    if (group->magic == GROUP_OPEN)
        (void)group_close(group, true, 0);
}

/* ---- children ---- */

eddy_task *eddy_spawn_(eddy_group *memory, eddy_function_ *function, const void *arguments,
                       size_t size, enum eddy_arguments_kind_ kind, const struct eddy_site_ *site)
{
    struct group *group = group_of(memory);
    if (!group || group->magic != GROUP_OPEN || group->loop != loop_self || !function) {
        (void)log_misuse(group && group->magic != GROUP_OPEN ? -ESRCH : -EINVAL, "eddy_spawn",
                         "%s, at %s:%d",
                         !group                       ? "the group is NULL"
                         : group->magic != GROUP_OPEN ? "the group has ended"
                         : !function                  ? "the function is NULL"
                                                      : "the group belongs to another loop",
                         site->file, site->line);
        return NULL;
    }
    if (group->scope.cancelled) {
        eddy_fail_(-ECANCELED, false, site->file, site->line,
                   "can't spawn %s: its group is shutting down", site->function);
        return NULL;
    }
    struct task_start start = {
        .function = function, .arguments = arguments, .size = size, .kind = kind, .site = site};
    struct task *task = __builtin_expect(group->arranged, 0)
                            ? group_create_arranged(group, &start)
                            : task_create(group->loop, group, &start);
    group->spawned++; /* one that can't be made counts among those that failed */
    if (!task) {
        struct eddy_failure *failure = *failure_slot();
        int code = failure ? failure->code : -ENOMEM;
        group_add_failure(group, code, failure_keep(failure));
        group_abort(group, group_why(group, CANCELLED_BODY, code, NULL));
        return NULL;
    }
    list_append(&group->children, &task->in_group);
    group->child_count++;
    return task_handle(task);
}

void eddy_group_cancel_(eddy_group *memory, const struct eddy_site_ *site)
{
    struct group *group = group_of(memory);
    if (!group || group->magic != GROUP_OPEN) {
        (void)log_misuse(-EINVAL, "eddy_group_cancel",
                         group ? "the group has ended" : "NULL group");
        return;
    }
    bool first = !group->scope.cancelled;
    struct cancellation *why = group_why(group, CANCELLED_GROUP, 0,
                                         task_current() ? task_current()->slot : NULL);
    if (why && first)
        why->asked = site;
    group_abort(group, why);
}

void(eddy_group_cancel)(eddy_group *group)
{
    eddy_group_cancel_(group, NULL);
}

size_t eddy_group_size(const eddy_group *memory)
{
    const struct group *group = (const struct group *)(const void *)memory;
    return group && group->magic == GROUP_OPEN ? group->child_count : 0;
}
