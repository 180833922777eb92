/* SPDX-License-Identifier: MIT */
/*
 * What a group's options ask for beyond fail fast and run all: enough successes, a limit on how
 * many children run, and children that are started again (group_supervise.c).
 *
 * Nothing is allocated for it: what a child needs is copied onto its stack with its arguments.
 *
 *      | guard | ... stack ... | arguments | struct turn | struct task |
 *
 * A child beyond the limit is made, but not queued: it is parked, before its first step, in the
 * wait of its turn. A cancel ends that wait, and the child without having begun.
 */
#include <math.h>
#include <stddef.h>
#include <string.h>
#include "group.h"
#include "group_supervise.h"
#include "log.h"
#include "memory.h"
#include "task.h"

struct turn {
    struct wait wait; /* while it has no place */
    bool placed;
};

enum { TURN_SIZE = 64 };
_Static_assert(sizeof(struct turn) <= TURN_SIZE, "where a turn lies is reckoned by that");

/* ---- options ---- */

static const char *wrong_about(const struct eddy_group_options *options)
{
    bool enough = options->policy == EDDY_ENOUGH, supervise = options->policy == EDDY_SUPERVISE;
    if ((unsigned)options->policy > EDDY_SUPERVISE)
        return "unknown policy";
    if (enough && !options->wanted)
        return "EDDY_ENOUGH needs .wanted, how many are to succeed";
    if (!enough && options->wanted)
        return ".wanted is for EDDY_ENOUGH";
    if (supervise && !options->restarts)
        return "EDDY_SUPERVISE needs .restarts, how many there may be";
    if (!supervise && (options->restarts || options->restart_seconds != 0))
        return ".restarts and .restart_seconds are for EDDY_SUPERVISE";
    if (options->restarts > GROUP_RESTARTS)
        return ".restarts is more than 65,536";
    if (isnan(options->restart_seconds) || options->restart_seconds < 0)
        return ".restart_seconds isn't a time";
    return NULL;
}

int group_check_options(const struct eddy_group_options *options, const struct eddy_site_ *site)
{
    const char *wrong = wrong_about(options);
    return wrong ? log_misuse(-EINVAL, "eddy_with_group", "%s, at %s:%d", wrong, site_file(site),
                              site->line)
                 : 0;
}

void group_arrange(struct group *group, const struct eddy_group_options *options)
{
    group->arranged = true;
    group->succeeded = group->placed = 0;
    group->turns = (struct list){0};
    group->wanted = options->policy == EDDY_FIRST_SUCCESS ? 1 : options->wanted;
    group->limit = options->limit;
    group->restarts = (struct group_restarts){.most = options->restarts};
    if (options->restart_seconds != EDDY_FOREVER)
        group->restarts.window = seconds_to_nanoseconds(options->restart_seconds);
}

/* ---- children ---- */

static struct turn *turn_of(struct task *task)
{
    return (struct turn *)(void *)((char *)task - TURN_SIZE);
}

static bool turn_abort(struct wait *wait)
{
    list_remove(&wait->task->group->turns, &wait->link);
    return true;
}

/* The child begins, or waits for its turn. */
static void turn_begin(struct group *group, struct task *task)
{
    struct turn *turn = turn_of(task);
    if (group->placed < group->limit) {
        group->placed++;
        *turn = (struct turn){.placed = true};
        loop_ready(group->loop, &task->work);
        return;
    }
    *turn = (struct turn){
        .wait = {.task = task, .what = "its turn in the group", .abort = turn_abort}};
    list_append(&group->turns, &turn->wait.link);
    task->wait = &turn->wait;
}

/* Its place goes to the next one; a child cancelled before its turn never had one. */
static void turn_end(struct group *group, struct task *task)
{
    if (!turn_of(task)->placed)
        return;
    struct link *next = list_take_first(&group->turns);
    if (next) {
        struct wait *wait = container_of(next, struct wait, link);
        container_of(wait, struct turn, wait)->placed = true;
        wait_finish(wait, 0);
    } else {
        group->placed--;
    }
}

/* The same start, with room for a turn behind its arguments. */
static struct task *create_in_turn(struct group *group, const struct task_start *start)
{
    _Alignas(64) char block[sizeof(struct life) + 64 + TURN_SIZE];
    bool copied = (start->kind & EDDY_KIND_) == EDDY_COPIED_;
    size_t size = copied ? (start->size + 63) & ~(size_t)63 : 0;
    if (start->kind & EDDY_EAGER_) {
        (void)log_misuse(-EINVAL, "eddy_spawn_eager", "the group has a limit, at %s:%d",
                         site_file(start->site), start->site->line);
        return NULL;
    }
    memset(block, 0, size + TURN_SIZE);
    if (copied)
        memcpy(block, start->arguments, start->size);
    struct task_start in_turn = {
        .function = start->function,
        .arguments = block,
        .size = size + TURN_SIZE,
        .kind = (enum eddy_arguments_kind_)(EDDY_COPIED_ | EDDY_EAGER_), /* not queued */
        .site = start->site};
    struct task *task = task_create(group->loop, group, &in_turn);
    if (!task)
        return NULL;
    if (!copied) {
        task->arguments = (void *)(uintptr_t)start->arguments;
        task->takes_arguments = start->kind != EDDY_NO_ARGUMENTS_;
    }
    turn_begin(group, task);
    return task;
}

static struct task *create_limited(struct group *group, const struct task_start *start)
{
    return group->limit ? create_in_turn(group, start) : task_create(group->loop, group, start);
}

struct task *group_create_arranged(struct group *group, const struct task_start *start)
{
    if (!group->restarts.most)
        return create_limited(group, start);
    struct life life;
    life_init(&life, start);
    struct task_start first = {
        .function = (eddy_function_ *)(void (*)(void))life_run,
        .arguments = &life,
        .size = life_size(&life),
        .kind = (enum eddy_arguments_kind_)(EDDY_COPIED_ | (start->kind & EDDY_EAGER_)),
        .site = start->site};
    return create_limited(group, &first);
}

bool group_arranged_done(struct group *group, struct task *task, const struct task_slot *slot)
{
    if (group->limit)
        turn_end(group, task);
    return slot->result >= 0 && ++group->succeeded == group->wanted;
}

int group_arranged_outcome(struct group *group)
{
    memory_free(group->restarts.times);
    group->restarts.times = NULL;
    if (!group->wanted)
        return 0;
    bool enough = group->succeeded >= group->wanted;
    bool cut_short = group->scope.interrupted && scope_outcome(&group->scope, 0) < 0;
    if (enough || cut_short) { /* neither is the doing of those that failed */
        eddy_failure_release(group->failures);
        group->failures = NULL;
        group->failed = 0;
    }
    if (enough || group->failed || group->scope.cancelled || cut_short)
        return 0;
    return eddy_fail_(-ENODATA, false, group->scope.site->file, group->scope.site->line,
                      "%zu of %zu tasks succeeded, %zu were wanted", group->succeeded,
                      group->spawned, group->wanted);
}
