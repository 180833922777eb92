/* SPDX-License-Identifier: MIT
 *
 * eddy_lock, uncontended and handed to and fro between two tasks, and eddy_event. As with the
 * floors, two that have a turn each must alternate.
 */
#include "eddy_contenders.h"
#include "stopwatch.h"

/* Runs in the main task, with the stopwatch around what counts. */
typedef int body(uint64_t operations, struct sample *ret_sample);

struct wake_main {
    body *body;
    uint64_t operations;
    struct sample *ret_sample;
};

static int wake_main(struct wake_main *arguments)
{
    return arguments->body(arguments->operations, arguments->ret_sample);
}

static int run_in_loop(body *body, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_options options = EDDY_BENCH_OPTIONS;
    return eddy_run_with(&options, wake_main, .body = body, .operations = operations,
                         .ret_sample = ret_sample);
}

/* Lock */

static int lock_body(uint64_t operations, struct sample *ret_sample)
{
    eddy_lock lock = EDDY_LOCK_INIT;
    struct stopwatch watch;
    int error = 0;

    stopwatch_start(&watch);
    for (uint64_t i = 0; i < operations && error == 0; i++) {
        error = eddy_lock_acquire(&lock);
        if (error == 0)
            error = eddy_lock_release(&lock);
    }
    stopwatch_stop(&watch, operations, ret_sample);
    return error;
}

static int run_lock(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    (void)self;
    return run_in_loop(lock_body, operations, ret_sample);
}

struct contest {
    eddy_lock lock;
    uint64_t remaining;
    eddy_task *last_holder;
    bool out_of_turn;
};

static int contend(struct contest *contest)
{
    eddy_task *self = eddy_current_task();
    int error = eddy_lock_acquire(&contest->lock);
    if (error == 0)
        error = eddy_sleep(0); /* until the other one wants it, too */
    while (contest->remaining > 0 && error == 0) {
        contest->remaining--;
        contest->out_of_turn |= contest->last_holder == self;
        contest->last_holder = self;
        error = eddy_lock_release(&contest->lock);
        if (error == 0)
            error = eddy_lock_acquire(&contest->lock);
    }
    return error == 0 ? eddy_lock_release(&contest->lock) : error;
}

static int hand_over_body(uint64_t operations, struct sample *ret_sample)
{
    struct contest contest = {.lock = EDDY_LOCK_INIT, .remaining = operations};
    struct stopwatch watch;
    int error;

    stopwatch_start(&watch);
    eddy_with_group (tasks, &error) {
        eddy_spawn_on(tasks, contend, &contest);
        eddy_spawn_on(tasks, contend, &contest);
    }
    stopwatch_stop(&watch, operations, ret_sample);
    return error == 0 && contest.out_of_turn ? -EBADMSG : error;
}

static int run_hand_over(const struct contender *self, uint64_t operations,
                         struct sample *ret_sample)
{
    (void)self;
    return run_in_loop(hand_over_body, operations, ret_sample);
}

/* Event */

struct take_turns {
    eddy_event *own, *other;
    uint64_t *remaining;
};

static int take_turns(struct take_turns *turns)
{
    int error = eddy_event_wait(turns->own);
    while (*turns->remaining > 0 && error == 0) {
        (*turns->remaining)--;
        eddy_event_clear(turns->own);
        eddy_event_set(turns->other);
        error = eddy_event_wait(turns->own);
    }
    eddy_event_set(turns->other); /* who finds nothing left to do, too */
    return error;
}

static int event_body(uint64_t operations, struct sample *ret_sample)
{
    eddy_event to_left = EDDY_EVENT_INIT, to_right = EDDY_EVENT_INIT;
    uint64_t remaining = operations;
    struct stopwatch watch;
    int error;

    eddy_event_set(&to_left);
    stopwatch_start(&watch);
    eddy_with_group (tasks, &error) {
        eddy_spawn(tasks, take_turns, .own = &to_left, .other = &to_right, .remaining = &remaining);
        eddy_spawn(tasks, take_turns, .own = &to_right, .other = &to_left, .remaining = &remaining);
    }
    stopwatch_stop(&watch, operations, ret_sample);
    return error;
}

static int run_event(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    (void)self;
    return run_in_loop(event_body, operations, ret_sample);
}

const struct contender eddy_wake_contenders[] = {
    {.group = "lock", .name = "eddy_lock", .run = run_lock},
    {.group = "hand-over", .name = "eddy_lock", .run = run_hand_over},
    {.group = "event", .name = "eddy_event each way", .run = run_event},
    {.name = NULL},
};
