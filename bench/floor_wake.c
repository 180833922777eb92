/* SPDX-License-Identifier: MIT
 *
 * The floors of what tasks wait for each other with.
 *
 *     group lock        acquire and release a lock that nobody else wants
 *     group hand-over   A and B want one lock: whoever has it gives it to the other and queues up
 *                       again; an operation is one hand-over: release, queue, switch
 *     group event       A sets B's event and waits for its own, and so on; an operation is one
 *                       wake-up: set, wait, switch, clear
 *
 * All behind calls, as a lock of a library is. Two that have a turn each must alternate: somebody
 * who is served twice in a row makes the run fail.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "floors.h"
#include "raw_ready.h"
#include "stopwatch.h"
#include "workload.h"

enum { STACK_STRIDE = 64 * 1024 };

static struct raw_ready ready;
static struct raw_task outside;
static uint64_t remaining;
static bool out_of_turn;

/* Lock */

struct raw_lock {
    struct raw_task *holder;
    struct raw_queue waiters;
};

static struct raw_lock lock;

static WORKLOAD_OPAQUE void lock_acquire(struct raw_lock *wanted)
{
    if (wanted->holder == NULL) {
        wanted->holder = ready.running;
        return;
    }
    raw_queue_append(&wanted->waiters, ready.running);
    raw_park(&ready);
}

static WORKLOAD_OPAQUE void lock_release(struct raw_lock *held)
{
    struct raw_task *next = raw_queue_take(&held->waiters);
    held->holder = next;
    if (next != NULL)
        raw_queue_append(&ready.tasks, next);
}

static int run_lock(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct stopwatch watch;

    (void)self;
    lock = (struct raw_lock){.holder = NULL};
    ready.running = &outside;
    stopwatch_start(&watch);
    for (uint64_t i = 0; i < operations; i++) {
        lock_acquire(&lock);
        lock_release(&lock);
    }
    stopwatch_stop(&watch, operations, ret_sample);
    return 0;
}

static int run_mutex(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct stopwatch watch;

    (void)self;
    stopwatch_start(&watch);
    for (uint64_t i = 0; i < operations; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    stopwatch_stop(&watch, operations, ret_sample);
    return 0;
}

static struct raw_task *last_holder;

static void contend(struct raw_task *self)
{
    lock_acquire(&lock);
    raw_queue_append(&ready.tasks, self); /* until the other one wants it, too */
    raw_park(&ready);
    while (remaining > 0) {
        remaining--;
        out_of_turn |= last_holder == self;
        last_holder = self;
        lock_release(&lock);
        lock_acquire(&lock);
    }
    raw_switch(self, &outside);
    __builtin_unreachable();
}

/* Event */

struct raw_event {
    bool is_set;
    struct raw_queue waiters;
};

static struct raw_event to_left, to_right;

static WORKLOAD_OPAQUE void event_wait(struct raw_event *event)
{
    if (event->is_set)
        return;
    raw_queue_append(&event->waiters, ready.running);
    raw_park(&ready);
}

static WORKLOAD_OPAQUE void event_set(struct raw_event *event)
{
    struct raw_task *task;

    event->is_set = true;
    while ((task = raw_queue_take(&event->waiters)) != NULL)
        raw_queue_append(&ready.tasks, task);
}

static WORKLOAD_OPAQUE void event_clear(struct raw_event *event)
{
    event->is_set = false;
}

static inline __attribute__((always_inline)) void take_turns(struct raw_task *self,
                                                             struct raw_event *own,
                                                             struct raw_event *other)
{
    for (;;) {
        event_wait(own);
        event_clear(own);
        if (remaining == 0)
            break;
        remaining--;
        event_set(other);
    }
    raw_switch(self, &outside);
    __builtin_unreachable();
}

static void turn_left(struct raw_task *self)
{
    take_turns(self, &to_left, &to_right);
}

static void turn_right(struct raw_task *self)
{
    take_turns(self, &to_right, &to_left);
}

/* Two tasks that wake each other */

static int run_pair(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct raw_pair *entries = self->context;
    struct raw_stacks stacks;
    struct stopwatch watch;

    struct raw_task *left, *right;
    int error = raw_stacks_map_pair(&stacks, STACK_STRIDE, entries, &left, &right);
    if (error < 0)
        return error;
    lock = (struct raw_lock){.holder = NULL};
    to_left = (struct raw_event){.is_set = true};
    to_right = (struct raw_event){.is_set = false};
    last_holder = NULL;
    out_of_turn = false;
    remaining = operations;
    ready = (struct raw_ready){.running = left};
    raw_queue_append(&ready.tasks, right);

    stopwatch_start(&watch);
    raw_switch(&outside, left);
    stopwatch_stop(&watch, operations, ret_sample);
    raw_stacks_unmap(&stacks);
    return out_of_turn ? -EBADMSG : 0;
}

static const struct raw_pair contending = {contend, contend};
static const struct raw_pair turning = {turn_left, turn_right};

const struct contender floor_wake_contenders[] = {
    {.group = "lock", .name = "raw lock, behind calls", .is_floor = true, .run = run_lock},
    {.group = "lock", .name = "pthread_mutex", .run = run_mutex},
    {.group = "hand-over",
     .name = "raw lock with a queue",
     .is_floor = true,
     .run = run_pair,
     .context = &contending},
    {.group = "event",
     .name = "raw event each way",
     .is_floor = true,
     .run = run_pair,
     .context = &turning},
    {.name = NULL},
};
