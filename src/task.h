/* SPDX-License-Identifier: MIT */
/*
 * Tasks from inside.
 *
 *      | guard | ......... stack, growing down ......... | arguments | struct task | colour |
 *                                                        \--------- first page ----------/
 *
 * An eager task isn't queued at first: task_enter switches to it, and its first suspension (or its
 * end) back to whoever entered it, task or loop. Generators are entered again and again that way.
 *
 * A task is created, queued, run, parked and resumed any number of times, and done; then its stack
 * goes back to the pool at once. What outlives it (result, failure, name) sits in its slot, which
 * the handle names: handle = loop id (8 bits), generation (32), slot number + 1 (24).
 *
 * Parking: wait_begin (may refuse), link the wait into whatever will finish it, wait_park. The
 * wait lives on the parked task's stack until wait_finish was called on it. A wait that is
 * finished is finished: a cancel that comes later finds nothing to abort and is delivered at the
 * next wait. An operation of the system that still owns the task's memory makes `abort` return
 * false: the task stays parked until its completion arrives.
 */
#ifndef EDDY_SRC_TASK_H
#define EDDY_SRC_TASK_H

#include "arch/context.h"
#include "eddy/task.h"
#include "failure.h"
#include "list.h"
#include "loop.h"
#include "scope.h"
#include "private.h"

#define TASK_NAME_SIZE 64
#define SLOT_NUMBER_MASK ((1 << 24) - 1)

struct generator;
struct group;
struct locals;

/* What a parked task waits for. */
struct wait {
    struct link link; /* in the waiters of what it waits for */
    struct task *task;
    const char *what;          /* "sleep", "lock": for descriptions */
    const struct task *awaits; /* the task it waits for, or NULL: for the call graph */
    union {
        bool (*abort)(
            struct wait *wait); /* undo it: true; must go on: false; NULL: never cut short */
        void (*finished)(struct wait *wait); /* if task is NULL: whoever listens for the task */
    };
    int result;
};

/* Somebody who wants to know when a task is done; unlinked by then. */
struct join {
    struct link link;
    void (*done)(struct join *join, const struct task_slot *slot);
    const struct task *waiter; /* parked until it is done, or NULL: for the call graph */
    bool only_waits; /* doesn't look at the outcome: a failure stays one that nobody looked at */
};

struct task {
    struct work work; /* run is NULL */
    struct context context;
    struct scope *scope;          /* innermost */
    struct wait *wait;            /* while parked */
    struct eddy_failure *failure; /* last one */
    struct cancellation *untold;  /* what the last -ECANCELED was for, until somebody asks */
    struct locals *locals;        /* NULL: none, see local.h */
    bool refused;                 /* waits are refused: scope_refuses(scope), cached */
    bool started;
    bool takes_arguments;
    bool entered;      /* by `enterer`, to whom its next suspension or its end goes back */
    bool reported;     /* that it ignores its cancellation */
    unsigned refusals; /* in a row */
    struct eddy_loop *loop;
    struct stack *stack;
    struct task_slot *slot;
    eddy_function_ *function;
    void *arguments;
    struct group *group; /* or NULL: the loop's own */
    struct link in_loop, in_group;
    struct list joiners;                   /* of struct join */
    const struct eddy_site_ *left_timeout; /* an expired one left by return */
    struct task *enterer;                  /* while entered; NULL: the loop's own stack */
    struct generator *generator;           /* that it is, or NULL */
    int64_t created;
    void *fake_stack; /* ASan's, while parked */
    struct scope root;
};

/* Survives the task: what a handle can ask for. One a handle in use; in a reserved array. */
struct task_slot {
    struct task_slot *next; /* free list, or the group's finished children, oldest first */
    struct task *task;      /* NULL once done */
    struct eddy_failure *failure;
    struct cancellation *why; /* of a cancelled one */
    char *name;               /* NULL: Task-N */
    const struct eddy_site_ *site;
    uint64_t sequence;
    uint32_t generation;
    int result;
    bool cancelled;
    bool seen;     /* somebody looked at the outcome */
    bool released; /* by its owner, while the task runs */
    bool asked;    /* to end, by the program and not by SIGINT */
    bool in_group;
    bool visited; /* by eddy_as_completed, while it collects its tasks */
};

/* ---- tasks ---- */

/* For the few functions that call one through the type that the macros erased. */
#ifdef __clang__
#define CALLS_ERASED __attribute__((__noinline__, __no_sanitize__("function", "cfi-icall")))
#else
#define CALLS_ERASED __attribute__((__noinline__))
#endif

struct task_start {
    eddy_function_ *function;
    const void *arguments;
    size_t size;
    enum eddy_arguments_kind_ kind;
    const struct eddy_site_ *site;
};

/* Makes a task and queues it (EDDY_EAGER_: doesn't; task_enter follows): NULL and a failure set. */
struct task *task_create(struct eddy_loop *loop, struct group *group,
                         const struct task_start *start);

/* Where on a stack its task's control block lies. */
static inline struct task *task_of_stack(const struct stack *stack)
{
    return (struct task *)(((uintptr_t)stack->top - sizeof(struct task)) & ~(uintptr_t)63);
}

static inline struct task *task_current(void)
{
    return loop_self ? loop_self->current : NULL;
}

/* Reports that the call was made outside a task: -EINVAL. */
EDDY_PRIVATE int task_missing(const char *call);

/* Cancels its root scope. */
EDDY_PRIVATE void task_cancel(struct task *task);

/* Cuts its wait short if that can be done. */
void task_interrupt(struct task *task);

/* Resumes it from the loop's own stack. */
void task_resume(struct task *task);

/* Runs a task that isn't queued on the current one's time (or a callback's), from its beginning or
 * from where it was parked, until it suspends or ends. */
void task_enter(struct task *task);

/* Suspends until every task that is ready now has run; never refused. */
void task_yield(struct task *task);

/* Counts an operation that needn't wait, and lets the loop run once there were many in a row;
 * *streak is 0 after one that did wait. 0. In a cancelled scope, where more of them succeed,
 * -ECANCELED after those: who is never made to wait, by a peer that floods him, could not be
 * stopped otherwise. */
enum { TASK_STREAK = 64, TASK_STREAK_REFUSED = 256 };
EDDY_PRIVATE int task_pause(unsigned *streak);
static inline int task_pace(unsigned *streak)
{
    return __builtin_expect(++*streak <= TASK_STREAK, 1) ? 0 : task_pause(streak);
}

EDDY_PRIVATE eddy_task *task_handle(const struct task *task);

/* "" outside a task. */
EDDY_PRIVATE void task_current_name(char name[TASK_NAME_SIZE]);

/* ---- slots ---- */

int slots_create(struct eddy_loop *loop);
void slots_destroy(struct eddy_loop *loop);
struct task_slot *slot_take(struct eddy_loop *loop);
void slot_free(struct eddy_loop *loop, struct task_slot *slot);

/* Reports under the call's name what is wrong with a handle: NULL, and *code = -EINVAL or
 * -ESRCH. */
EDDY_PRIVATE __attribute__((__cold__)) struct task_slot *slot_missing(const eddy_task *handle,
                                                                      const char *call, int *code);

/* The slot of a handle, or slot_missing. */
static inline struct task_slot *slot_find(const eddy_task *handle, const char *call, int *code)
{
    const struct eddy_loop *loop = loop_self;
    uintptr_t bits = (uintptr_t)handle;
    size_t index = (bits & SLOT_NUMBER_MASK) - 1;
    if (loop && bits >> 56 == loop->id && index < loop->slots_made) {
        struct task_slot *slot = &loop->slots[index];
        if (slot->generation == (uint32_t)(bits >> 24) && slot->site)
            return slot;
    }
    return slot_missing(handle, call, code);
}

EDDY_PRIVATE void slot_name(const struct task_slot *slot, char name[TASK_NAME_SIZE]);
eddy_task *slot_handle(const struct eddy_loop *loop, const struct task_slot *slot);

/* The file's name without its directories, which depend on where it was compiled. */
const char *site_file(const struct eddy_site_ *site);

/* Reports the failure of a finished task that nobody looked at. */
void slot_report_lost(struct eddy_loop *loop, struct task_slot *slot);

/* ---- waits ---- */

/* Prepares a wait of the current task: 0, -EINVAL outside a task, -ECANCELED when refused. */
EDDY_PRIVATE int wait_begin(struct wait *wait, const char *what, bool (*abort)(struct wait *));

/* The same without refusal, for waits that clean-up can't do without. */
EDDY_PRIVATE int wait_begin_shielded(struct wait *wait, const char *what);

/* Suspends until wait_finish; returns its result. */
EDDY_PRIVATE int wait_park(struct wait *wait);

/* Resumes the task that is parked in it. Exactly once a wait. */
EDDY_PRIVATE void wait_finish(struct wait *wait, int result);

/* The same without a turn of the queue: task_enter. */
void wait_enter(struct wait *wait, int result);

#endif
