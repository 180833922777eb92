/* SPDX-License-Identifier: MIT */
/*
 * Race: a group in which the attempts are begun one after the other, and a wait for what lets the
 * next one begin: the end of the one before, or a timer.
 */
#include "eddy/race.h"
#include <math.h>
#include "group.h"
#include "log.h"
#include "task.h"

struct race {
    struct group group;
    struct wait wait;
    struct timer timer;
    bool waiting;
    eddy_function_ *function;
    int *results;
    size_t begun, live; /* attempts; those not done */
    bool next;          /* may begin */
    bool over;          /* nobody can win any more */
    int winner;         /* -1: none */
};

/* An attempt, a task of its own, in whose memory this lies. */
struct race_attempt {
    struct race *race;
    void *job;
    size_t index;
    struct join join;
};

static CALLS_ERASED int race_attempt(struct race_attempt *a)
{
    return a->race->function(a->job);
}

static void race_wake(struct race *race)
{
    if (!race->waiting)
        return;
    race->waiting = false;
    wait_finish(&race->wait, 0);
}

/* At once, not when the race's own task gets to it: so that nobody goes a step further. */
static void race_cancel_others(const struct race *race)
{
    for (struct link *link = race->group.children.first; link; link = link->next) {
        struct task *task = container_of(link, struct task, in_group);
        if (task->slot->task) /* the winner's own is done */
            task_cancel(task);
    }
}

static void race_attempt_done(struct join *join, const struct task_slot *slot)
{
    const struct race_attempt *a = container_of(join, struct race_attempt, join);
    struct race *race = a->race;
    int result = slot->result;
    race->live--;
    if (result >= 0 && race->winner < 0 && !race->over) {
        race->winner = (int)a->index;
        race_cancel_others(race);
    } else if (result >= 0) {
        result = -ECANCELED; /* too late */
    }
    if (race->results)
        race->results[a->index] = result;
    if (a->index + 1 == race->begun)
        race->next = true;
    if (race->winner >= 0 || race->next || !race->live)
        race_wake(race);
}

static void race_due(struct timer *timer)
{
    struct race *race = container_of(timer, struct race, timer);
    race->next = true;
    race_wake(race);
}

static bool race_abort(struct wait *wait)
{
    container_of(wait, struct race, wait)->waiting = false;
    return true;
}

/* 0, or why it couldn't be begun: that fails the group. */
static int race_begin_next(struct race *race, void *job, const struct eddy_site_ *site)
{
    struct race_attempt arguments = {.race = race, .job = job, .index = race->begun};
    eddy_task *handle = eddy_spawn_((eddy_group *)(void *)&race->group, EDDY_ERASE_(race_attempt),
                                    &arguments, sizeof arguments, EDDY_COPIED_, site);
    int code = 0;
    const struct task_slot *slot = handle ? slot_find(handle, "eddy_race", &code) : NULL;
    if (!slot)
        return eddy_failure_code(eddy_last_failure());
    struct race_attempt *copied = slot->task->arguments;
    copied->join.done = race_attempt_done;
    list_append(&slot->task->joiners, &copied->join.link);
    if (race->results)
        race->results[race->begun] = -ECANCELED; /* should it never run */
    race->begun++;
    race->live++;
    race->next = false;
    return 0;
}

/* Until something has happened, at most `delay`; a cancel cuts it short unless `shielded`. */
static int race_wait(struct race *race, double delay, bool shielded)
{
    const char *what = "the attempts of a race";
    int r = shielded ? wait_begin_shielded(&race->wait, what)
                     : wait_begin(&race->wait, what, race_abort);
    if (r < 0)
        return r;
    struct eddy_loop *loop = race->group.loop;
    timer_init(&race->timer, race_due);
    if (delay < EDDY_FOREVER)
        timer_set(&loop->timers, &race->timer, loop_deadline(loop, delay));
    race->waiting = true;
    r = wait_park(&race->wait);
    timer_cancel(&loop->timers, &race->timer);
    return r;
}

/* Begins and waits until one has won or all are done: 0, or why that went wrong. */
static int race_run(struct race *race, double delay, char *jobs, size_t job_size, size_t count,
                    const struct eddy_site_ *site)
{
    int r = 0;
    while (r == 0 && race->winner < 0) {
        bool more = race->begun < count;
        if (more && (race->next || delay <= 0))
            r = race_begin_next(race, jobs + race->begun * job_size, site);
        else if (race->live)
            r = race_wait(race, more ? delay : EDDY_FOREVER, false);
        else
            break;
    }
    return r;
}

int eddy_race_(double delay, eddy_function_ *function, void *jobs, size_t job_size, size_t count,
               int *results, const struct eddy_site_ *site)
{
    if (!task_current() || !function || (count && !jobs) || isnan(delay))
        return log_misuse(-EINVAL, "eddy_race", "%s, at %s:%d",
                          !task_current() ? "called outside a task"
                          : isnan(delay)  ? "not a number of seconds"
                                          : "NULL function or jobs",
                          site->file, site->line);
    if (!count)
        return eddy_fail(-ENOENT, "eddy_race: no attempts");
    for (size_t i = 0; results && i < count; i++)
        results[i] = -EINPROGRESS;
    struct race race = {.function = function, .results = results, .next = true, .winner = -1};
    group_open(&race.group, EDDY_RUN_ALL, site);
    int r = race_run(&race, delay, jobs, job_size, count, site);
    /* The others' ends, which no cancel can hasten, aren't to cost the winner its victory. */
    while (race.winner >= 0 && race.live)
        (void)race_wait(&race, EDDY_FOREVER, true);
    race.over = true;
    int all = group_close(&race.group, false, r);
    return race.winner >= 0 ? race.winner : r == -ECANCELED ? r : all;
}
