/* SPDX-License-Identifier: MIT */
/*
 * Gather: one wait, a join a task. Map: a group with a task a job, and a semaphore for the limit.
 */
#include <stdlib.h>
#include "eddy/gather.h"
#include "eddy/semaphore.h"
#include "cancellation.h"
#include "group.h"
#include "log.h"
#include "memory.h"
#include "spare.h"
#include "task.h"

struct gather;

struct gather_join {
    struct join join;
    struct gather *gather;
    struct task *task; /* NULL once done */
    size_t index;
};

struct gather {
    struct wait wait;
    struct gather_join *joins;
    int *results;
    size_t count, pending;
    enum eddy_gather_mode mode;
    int code; /* the first failure's */
    struct eddy_failure *failure;
    struct cancellation *why; /* if it was cancelled */
    bool waiting, cancelled;
};

static void gather_take(struct gather *gather, size_t index, const struct task_slot *slot)
{
    if (gather->results)
        gather->results[index] = slot->result;
    if (slot->result < 0 && !gather->code) {
        gather->code = slot->result;
        gather->failure = failure_keep(slot->failure);
        gather->why = cancellation_keep(slot->why);
    }
    gather->pending--;
}

static bool gather_finished(const struct gather *gather)
{
    return !gather->pending ||
           (gather->code && gather->mode == EDDY_RAISE_FIRST && !gather->cancelled);
}

static void gather_done(struct join *join, const struct task_slot *slot)
{
    struct gather_join *one = container_of(join, struct gather_join, join);
    struct gather *gather = one->gather;
    one->task = NULL;
    gather_take(gather, one->index, slot);
    if (gather->waiting && gather_finished(gather)) {
        gather->waiting = false;
        wait_finish(&gather->wait, 0);
    }
}

/* Rule 134: the cancel goes on to all children, and their ends are waited for. */
static void gather_cancel(struct gather *gather)
{
    gather->cancelled = true;
    gather->wait.abort = NULL;
    for (size_t i = 0; i < gather->count; i++)
        if (gather->joins[i].task)
            task_cancel(gather->joins[i].task);
}

static bool gather_abort(struct wait *wait)
{
    gather_cancel(container_of(wait, struct gather, wait));
    return false;
}

/* Children that go on after the first failure: theirs counts as seen (rule 131). */
static void gather_seen(struct join *join, const struct task_slot *slot)
{
    (void)slot;
    memory_free(join);
}

static void gather_unlink(struct gather *gather)
{
    for (size_t i = 0; i < gather->count; i++) {
        struct gather_join *one = &gather->joins[i];
        if (!one->task)
            continue;
        list_remove(&one->task->joiners, &one->join.link);
        struct join *seen = memory_allocate(
            sizeof *seen); /* without memory the report comes: no harm */
        if (seen) {
            *seen = (struct join){.done = gather_seen};
            list_append(&one->task->joiners, &seen->link);
        }
    }
}

/* The first failure, or why that task was cancelled, becomes the caller's if its code is the
 * gather's. */
static void gather_take_story(struct task *self, const struct gather *gather, int code)
{
    bool takes = code < 0 && code == gather->code;
    if (takes && gather->failure)
        failure_set(gather->failure);
    else
        eddy_failure_release(gather->failure);
    if (takes && gather->why && !gather->cancelled)
        cancellation_owe(self, gather->why);
    cancellation_release(gather->why);
}

int eddy_gather(eddy_task *const *tasks, size_t count, int *results, enum eddy_gather_mode mode)
{
    struct task *self = task_current();
    if (!self || (count && !tasks) || (mode != EDDY_RAISE_FIRST && mode != EDDY_RETURN_EXCEPTIONS))
        return log_misuse(-EINVAL, "eddy_gather", "%s",
                          !self    ? "called outside a task"
                          : !tasks ? "NULL tasks"
                                   : "unknown mode");
    int code = 0;
    for (size_t i = 0; i < count; i++) {
        struct task_slot *slot = slot_find(tasks[i], "eddy_gather", &code);
        if (!slot)
            return code;
        if (slot->task == self)
            return log_misuse(-EINVAL, "eddy_gather", "a task can't wait for itself");
    }
    if (!count)
        return 0;
    struct gather gather = {.results = results, .count = count, .pending = count, .mode = mode};
    gather.joins = spare_take(self->loop, count * sizeof *gather.joins);
    if (!gather.joins)
        return eddy_fail(-ENOMEM, "eddy_gather: no memory for %zu tasks", count);
    for (size_t i = 0; i < count; i++) {
        struct task_slot *slot = slot_find(tasks[i], "eddy_gather", &code);
        struct gather_join *one = &gather.joins[i];
        *one = (struct gather_join){
            .join = {.done = gather_done, .waiter = self}, .gather = &gather, .index = i};
        if (slot->task) {
            if (results)
                results[i] = -EINPROGRESS;
            one->task = slot->task;
            list_append(&slot->task->joiners, &one->join.link);
        } else {
            slot->seen = true;
            gather_take(&gather, i, slot);
        }
    }
    if (!gather_finished(&gather)) {
        (void)wait_begin_shielded(&gather.wait, "gather");
        gather.wait.abort = gather_abort;
        if (self->refused)
            gather_cancel(&gather);
        gather.waiting = true;
        (void)wait_park(&gather.wait);
        if (gather.cancelled)
            scope_mark_interrupted(self);
    }
    gather_unlink(&gather);
    spare_give(self->loop, gather.joins);
    if (gather.cancelled)
        code = -ECANCELED;
    else if (mode == EDDY_RAISE_FIRST)
        code = gather.code;
    gather_take_story(self, &gather, code);
    return code;
}

/* ---- map ---- */

struct map {
    eddy_function_ *function;
    int *results;
    eddy_semaphore free; /* places for jobs */
};

/* A job, a task of its own, in whose memory this lies. */
struct map_job {
    struct map *map;
    void *job;
    size_t index;
    struct join join;
};

static CALLS_ERASED int map_job(struct map_job *a)
{
    return a->map->function(a->job);
}

/* Not the job's own doing: it may have been cancelled before its first step. */
static void map_job_done(struct join *join, const struct task_slot *slot)
{
    struct map_job *a = container_of(join, struct map_job, join);
    if (a->map->results)
        a->map->results[a->index] = slot->result;
    (void)eddy_semaphore_release(&a->map->free);
}

/* 0, -ECANCELED when the group is failing already, or why it can't: that fails the group. */
static int map_spawn(struct map *map, struct group *group, void *job, size_t index,
                     const struct eddy_site_ *site)
{
    struct map_job arguments = {.map = map, .job = job, .index = index};
    eddy_task *handle = eddy_spawn_((eddy_group *)(void *)group, EDDY_ERASE_(map_job), &arguments,
                                    sizeof arguments, EDDY_COPIED_, site);
    int code = 0;
    struct task_slot *slot = handle ? slot_find(handle, "eddy_map", &code) : NULL;
    if (!slot)
        return eddy_failure_code(eddy_last_failure());
    struct map_job *copied = slot->task->arguments;
    copied->join.done = map_job_done;
    list_append(&slot->task->joiners, &copied->join.link);
    return 0;
}

int eddy_map_(size_t limit, eddy_function_ *function, void *jobs, size_t job_size, size_t count,
              int *results, const struct eddy_site_ *site)
{
    if (!task_current() || !function || (count && !jobs) || !limit)
        return log_misuse(-EINVAL, "eddy_map", "%s, at %s:%d",
                          !task_current() ? "called outside a task"
                          : !limit        ? "a limit of 0"
                                          : "NULL function or jobs",
                          site->file, site->line);
    if (limit > count)
        limit = count;
    struct map map = {.function = function, .results = results, .free = EDDY_SEMAPHORE_INIT(limit)};
    for (size_t i = 0; results && i < count; i++)
        results[i] = -ECANCELED; /* until its turn comes */
    struct group group;
    group_open(&group, results ? EDDY_RUN_ALL : EDDY_FAIL_FAST, site);
    int body = 0;
    for (size_t i = 0; i < count && body == 0; i++) {
        body = eddy_semaphore_acquire(&map.free);
        if (body == 0)
            body = map_spawn(&map, &group, (char *)jobs + i * job_size, i, site);
    }
    int code = group_close(&group, false, body);
    if (results && code < 0 && body >= 0) /* only jobs failed: their codes are in the results */
        code = group.scope.interrupted ? -ECANCELED : 0;
    return code;
}
