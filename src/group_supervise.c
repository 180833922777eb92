/* SPDX-License-Identifier: MIT */
/*
 * Supervision: a child that fails is started again, in the same task, so its handle, its name and
 * its place in the group stay. Each life gets a fresh copy of the arguments and the locals that the
 * child was spawned with. The child ends with its first result that isn't a failure, when it is
 * cancelled, or with the failure for which there was no restart left; that one fails the group.
 */
#include "group_supervise.h"
#include <stddef.h>
#include <string.h>
#include "group.h"
#include "local.h"
#include "log.h"
#include "memory.h"

void life_init(struct life *life, const struct task_start *start)
{
    life->function = start->function;
    life->kind = start->kind & EDDY_KIND_;
    life->in_place = life->kind == EDDY_IN_PLACE_ ? start->arguments : NULL;
    life->size = life->kind == EDDY_COPIED_ ? start->size : 0;
    if (life->size > sizeof life->copy)
        log_abort("%s has arguments of %zu bytes", start->site->function, life->size);
    if (life->size)
        memcpy(life->copy, start->arguments, life->size);
}

size_t life_size(const struct life *life)
{
    return offsetof(struct life, copy) + life->size;
}

CALLS_ERASED int life_once(const struct life *life)
{
    _Alignas(64) char own[sizeof life->copy];
    switch (life->kind) {
    case EDDY_NO_ARGUMENTS_:
        return ((int (*)(void))(void (*)(void))life->function)();
    case EDDY_COPIED_:
        memcpy(own, life->copy, life->size);
        return life->function(own);
    default:
        return life->function((void *)(uintptr_t)life->in_place);
    }
}

bool restarts_take(struct group_restarts *restarts, int64_t now)
{
    if (!restarts->window) {
        if (restarts->count == restarts->most)
            return false;
        restarts->count++;
        return true;
    }
    if (!restarts->times) {
        restarts->times = memory_allocate(restarts->most * sizeof restarts->times[0]);
        if (!restarts->times)
            return false;
    }
    int64_t *oldest = &restarts->times[restarts->count % restarts->most];
    if (restarts->count >= restarts->most && now - *oldest < restarts->window)
        return false;
    *oldest = now;
    restarts->count++;
    return true;
}

static void say_restart(const struct task *task, int result)
{
    const struct eddy_failure *failure = *failure_slot();
    const char *message = failure && failure->code == result ? failure->message : "";
    const struct eddy_site_ *site = task->slot->site;
    char name[TASK_NAME_SIZE];
    slot_name(task->slot, name);
    log_say(task->loop, EDDY_LOG_WARNING, EDDY_LOG_NOTE,
            "task '%s' (%s, spawned at %s:%d) failed with %s%s%s and is started again", name,
            site->function, site_file(site), site->line, eddy_error_name(result),
            message[0] ? ": " : "", message);
}

static void set_locals(struct task *task, struct locals *locals)
{
    if (task->locals == locals)
        return;
    if (task->locals)
        locals_release(task->locals);
    task->locals = locals ? locals_keep(locals) : NULL;
}

int life_run(struct life *life)
{
    struct task *task = task_current();
    struct locals *given = locals_inherit();
    int r;
    while ((r = life_once(life)) < 0 && !task->refused &&
           restarts_take(&task->group->restarts, loop_now(task->loop))) {
        say_restart(task, r);
        failure_set(NULL);
        task->left_timeout = NULL;
        set_locals(task, given);
        /* A child that fails at once doesn't keep the others from running. */
        if (eddy_sleep(0) < 0 || task->refused) {
            r = -ECANCELED; /* the life that was to come never began */
            break;
        }
    }
    if (given)
        locals_release(given);
    return r;
}
