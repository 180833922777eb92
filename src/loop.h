/* SPDX-License-Identifier: MIT */
/*
 * The event loop from inside: ready queue, clock, timers, engine, posts from other threads.
 *
 *      tasks  --suspend-->  [ready queue: work, work, work ...]  --next-->  tasks and callbacks
 *                             ^          ^              ^
 *                          timers      engine     posts of other threads
 *
 * The ready queue is run in snapshots: what is queued while a snapshot runs waits for the next
 * one. Between snapshots the loop polls its engine and turns its timers; with work at hand it may
 * leave that out until LOOP_BUDGET items have run (never on a virtual clock, where order is all).
 */
#ifndef EDDY_SRC_LOOP_H
#define EDDY_SRC_LOOP_H

#include <stdatomic.h>
#include "arch/context.h"
#include "eddy/loop.h"
#include "eddy/run.h"
#include "engine/engine.h"
#include "harness.h"
#include "spin.h"
#include "list.h"
#include "sanitizer.h"
#include "stack.h"
#include "timer.h"
#include "watchdog.h"
#include "private.h"

#define LOOP_BUDGET 64
#define NANOSECONDS 1000000000

/* What may be set in a loop's `interrupts`, from signal context. */
enum {
    LOOP_INTERRUPTED = 1, /* SIGINT, for the main task */
    LOOP_SIGNALLED = 2,   /* signals that the program asked for */
};

struct task;
struct task_slot;
struct calls;
struct cancellation;
struct watches;
struct door;
struct signals;
struct spare;

/* One entry of the ready queue. What is still queued when the loop ends is run without a loop
 * (loop_self is NULL) and then only frees what is its own. */
struct work {
    struct work *next;
    void (*run)(struct work *work); /* NULL: a task to resume */
};

/* Work that another thread hands over: runs on the loop's thread. */
struct post {
    struct post *next;
    void (*run)(struct post *post);
};

struct eddy_loop {
    /* hot: one switch touches these */
    struct task *current; /* the task that runs, NULL on the loop's own stack */
    struct work *ready_first, *ready_last;
    struct work *snapshot_last; /* the last one that belongs to this turn; NULL: none does */
    size_t budget;              /* items until the loop must poll again */
    struct context context;     /* the loop's own, while a task runs */
    atomic_uint steps;          /* begun: tasks resumed, callbacks called */

    /* what other threads write, on cache lines of its own */
    char apart[64];
    _Atomic(struct post *) posts; /* newest first */
    atomic_bool sleeping;         /* a post must wake the engine */
    atomic_uint posting;          /* threads in loop_post: the loop's end waits for them */
    atomic_int interrupts;        /* LOOP_INTERRUPTED, LOOP_SIGNALLED: not yet seen */
    char apart_too[64];

    struct engine *engine;
    struct harness *harness; /* NULL but in tests */
    struct timer_wheel timers;
    struct stack_pool stacks;

    bool virtual_clock, debug;
    atomic_bool closing;            /* no new tasks; posts are refused */
    int64_t virtual_now, grace_end; /* the latter of the system, see loop_jump; 0: none is given */
    atomic_size_t offloaded; /* jobs in threads and processes: a virtual clock waits for them */
    bool lingers;            /* before it sleeps, if jobs are in threads */
    struct spin_habit spin;
    size_t abandoned; /* of those, at most: jobs that may outlive the loop */
    size_t watched;   /* descriptors watched */
    long locks_held;  /* by tasks of a loop with a harness, also by such that have ended */

    struct list tasks; /* all that are not done, oldest first */
    size_t task_count, max_tasks;
    bool no_tasks; /* task_count is 0 */
    uint64_t task_sequence;
    struct task_slot *slots; /* index -> task, see task.h */
    struct task_slot *free_slot;
    uint32_t slots_made;
    uint8_t id;                /* in handles, with generations that start anew in each loop: */
    uint32_t first_generation; /* so loops that share an id don't share those */

    struct calls *calls;              /* handles of call_soon and call_later */
    const struct eddy_site_ *calling; /* where the callback that runs was asked for, or NULL */
    struct watches *watches;          /* descriptors with readers, writers */
    struct signals *signals;          /* handlers and streams of signals */
    struct eddy_pool *threads;        /* made at first use */
    struct list servers;              /* closed with the loop */
    struct list processes;            /* not reaped: ended with the loop */
    struct door *door;                /* or NULL */
    unsigned channel_streak;          /* puts and gets of channels in a row that didn't wait */
    struct spare *spare;              /* memory kept for the next wait for many tasks, or NULL */

    bool stuck; /* for ever, as was reported: deadlock.c */

    struct task *main; /* NULL once done */

    eddy_log_function *log;
    void *log_context;
    bool in_log;

    struct cancellation *cancelling;    /* what scopes are being cancelled for, or NULL */
    struct cancellation *cancellations; /* spare */

    struct watched_loop watchdog; /* what it knows of this loop */

    /* what the sanitizers want to know of the loop's own stack */
    void *fake_stack;
    const void *stack_bottom;
    size_t stack_size;
    void *fiber;
};

/* The loop of this thread. */
extern EDDY_PRIVATE _Thread_local struct eddy_loop *loop_self;

int loop_create(const struct eddy_options *options, struct eddy_loop **ret_loop);
void loop_destroy(struct eddy_loop *loop);

/* Runs turns until *done. */
void loop_run_until(struct eddy_loop *loop, const bool *done);

/* For a loop inside of another one: a turn that doesn't wait; and how many nanoseconds there are
 * until the next one is due, negative if only the engine's descriptor tells. Posts wake it from
 * then on. */
void loop_turn_at_once(struct eddy_loop *loop);
int64_t loop_rest(struct eddy_loop *loop);

/* Runs what is ready now, and nothing that comes of it. */
void loop_run_ready(struct eddy_loop *loop);

static inline void loop_ready(struct eddy_loop *loop, struct work *work)
{
    work->next = NULL;
    if (loop->ready_last)
        loop->ready_last->next = work;
    else
        loop->ready_first = work;
    loop->ready_last = work;
}

/* Something else begins to run: for the watchdog. */
static inline void loop_step(struct eddy_loop *loop)
{
    unsigned steps = atomic_load_explicit(&loop->steps, memory_order_relaxed);
    atomic_store_explicit(&loop->steps, steps + 1, memory_order_relaxed);
}

/* The next work that may run without polling first, left in the queue; NULL: poll. */
static inline struct work *loop_peek(struct eddy_loop *loop)
{
    if (!loop->snapshot_last) {
        if (!loop->budget)
            return NULL;
        loop->snapshot_last = loop->ready_last;
    }
    return loop->ready_first;
}

/* Takes what loop_peek returned. */
static inline void loop_take(struct eddy_loop *loop, struct work *work)
{
    loop->ready_first = work->next;
    if (!loop->ready_first)
        loop->ready_last = NULL;
    if (loop->snapshot_last == work)
        loop->snapshot_last = NULL;
    if (loop->budget)
        loop->budget--;
}

/* Nanoseconds on the loop's clock, and on the system's. */
EDDY_PRIVATE int64_t loop_now(const struct eddy_loop *loop);
int64_t clock_monotonic(void);

/* The deadline `seconds` from now; far ones are capped at a hundred years. NaN is for the
 * caller. */
EDDY_PRIVATE int64_t loop_deadline(const struct eddy_loop *loop, double seconds);
EDDY_PRIVATE int64_t seconds_to_nanoseconds(double seconds);

/* From any thread: the post runs in one of the loop's next turns. The memory is the caller's until
 * it runs. */
void loop_post(struct eddy_loop *loop, struct post *post);

#endif
