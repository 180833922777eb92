/* SPDX-License-Identifier: MIT */
/*
 * Tasks: creation, switching, parking, the end.
 *
 * A task that suspends goes straight to the next ready task when there is one in this turn, else
 * back to the loop. Switching is one function, so that what sanitizers must hear is in one place;
 * it isn't instrumented itself, since it begins on one stack and ends on another.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cancellation.h"
#include "group.h"
#include "local.h"
#include "log.h"
#include "task.h"

CONTEXT_TASK_START;

/* Colouring takes up to 960 bytes of the first page (stack.h): an idle task's frames want the
 * rest. */
_Static_assert(sizeof(struct task) <= 512, "leave room in the first page");

/* Refusals in a row after which a further one lets the loop run first. */
#define REFUSALS_PATIENCE 100

/* Cache lines of a parked stack that going on needs at first. */
#define STACK_LINES 4

/* TSan must not see a function begin on one fiber that ends on another, or never. */
#ifdef __clang__
#define UNINSTRUMENTED __attribute__((__disable_sanitizer_instrumentation__))
#else
#define UNINSTRUMENTED __attribute__((__no_sanitize__("thread")))
#endif

/* gcc's interprocedural passes believe that an asm statement in another function leaves a static
 * variable alone, also across files under -flto, and keep it in a register over a switch. */
#ifdef __clang__
#define OPAQUE __attribute__((__noinline__))
#else
#define OPAQUE __attribute__((__noinline__, __noipa__))
#endif

/* ---- switching ---- */

/* C++ keeps a thread's exceptions, those being caught and those on their way, in one place: each
 * task has its own, kept here while it is parked. NULL in programs without C++. */
struct exceptions {
    void *caught;
    unsigned uncaught;
};
extern struct exceptions *__cxa_get_globals(void) __attribute__((__weak__));

/* to NULL: the loop. `ending`: the stack left behind is not coming back. Inlined, so that registers
 * are saved once, and for task_end; only into functions that are OPAQUE or don't return. */
static inline __attribute__((__always_inline__)) UNINSTRUMENTED void switch_to(
    struct eddy_loop *loop, struct task *from, struct task *to, bool ending)
{
    struct context *here = from ? &from->context : &loop->context;
    const struct context *there = to ? &to->context : &loop->context;
    loop->current = to;
    loop_step(loop);
#if EDDY_ASAN
    void **save = ending ? NULL : from ? &from->fake_stack : &loop->fake_stack;
    const void *bottom = to ? to->stack->bottom : loop->stack_bottom;
    size_t size = to ? (size_t)(to->stack->top - to->stack->bottom) : loop->stack_size;
    sanitizer_start_switch(save, bottom, size);
#endif
#if EDDY_TSAN
    sanitizer_switch_fiber(to ? to->stack->tsan_fiber : loop->fiber);
#endif
    (void)ending;
    struct exceptions *exceptions = __cxa_get_globals ? __cxa_get_globals() : NULL, own = {0};
    if (exceptions) {
        own = *exceptions;
        *exceptions = (struct exceptions){0};
    }
    context_switch(here, there);
    if (exceptions)
        *exceptions = own;
#if EDDY_ASAN
    const void *left_bottom;
    size_t left_size;
    sanitizer_finish_switch(from ? from->fake_stack : loop->fake_stack, &left_bottom, &left_size);
#endif
}

/* With many tasks what is saved on a stack has left the cache by the time it's needed. A thousand
 * connections' echoes cost 3 to 5 % less if it comes in while the task before it runs. */
static inline __attribute__((__always_inline__)) UNINSTRUMENTED void prefetch_stack(
    const struct work *work)
{
    if (!work || work->run)
        return;
    const char *top = container_of(work, const struct task, work)->context.stack;
    for (int line = 0; line < STACK_LINES; line++)
        __builtin_prefetch(top + 64 * (ptrdiff_t)line);
}

/* The task that comes next, taken out of the queue; NULL: it's the loop's turn. */
static inline __attribute__((__always_inline__)) UNINSTRUMENTED struct task *next_task(
    struct eddy_loop *loop)
{
    struct work *work = loop_peek(loop);
    if (!work || work->run || atomic_load_explicit(&loop->posts, memory_order_relaxed))
        return NULL;
    loop_take(loop, work);
    return container_of(work, struct task, work);
}

/* Whom the current task makes way for when it suspends or ends; NULL: the loop. */
static inline __attribute__((__always_inline__)) UNINSTRUMENTED struct task *task_after(
    struct eddy_loop *loop, struct task *task)
{
    if (__builtin_expect(!task->entered, 1))
        return next_task(loop);
    task->entered = false;
    return task->enterer;
}

/* Leaves the current task for whatever comes next. Inlined: after a switch each return to a frame
 * may be mispredicted, so there is no frame too many. */
static inline __attribute__((__always_inline__)) UNINSTRUMENTED void task_switch_away(
    struct eddy_loop *loop, struct task *task)
{
    struct task *next = task_after(loop, task);
    if (next == task) {
        loop_step(loop);
        return;
    }
    int saved = errno;
    switch_to(loop, task, next, false);
    errno = saved;
}

OPAQUE UNINSTRUMENTED void task_resume(struct task *task)
{
    switch_to(task->loop, NULL, task, false);
}

OPAQUE UNINSTRUMENTED void task_enter(struct task *task)
{
    struct eddy_loop *loop = task->loop;
    task->entered = true;
    task->enterer = loop->current;
    int saved = errno;
    switch_to(loop, task->enterer, task, false);
    errno = saved;
}

int task_missing(const char *call)
{
    return log_misuse(-EINVAL, call, "awaited outside a task");
}

/* ---- parking ---- */

/* A task that goes on although each of its waits is refused must not stop the loop. */
static int wait_refuse(struct task *task)
{
    scope_mark_interrupted(task);
    if (++task->refusals > REFUSALS_PATIENCE) {
        if (!task->reported) {
            task->reported = true;
            char name[TASK_NAME_SIZE];
            slot_name(task->slot, name);
            log_say(task->loop, EDDY_LOG_WARNING, EDDY_LOG_CANCEL_IGNORED,
                    "task '%s' (%s, spawned at %s:%d) was cancelled and goes on: %d waits in a row "
                    "were refused; return when a call gives -ECANCELED",
                    name, task->slot->site->function, task->slot->site->file,
                    task->slot->site->line, REFUSALS_PATIENCE);
        }
        task_yield(task);
    }
    return -ECANCELED;
}

int task_pause(unsigned *streak)
{
    struct task *task = task_current();
    if (task->refused && *streak <= TASK_STREAK_REFUSED)
        return 0;
    *streak = 0;
    if (task->refused)
        return wait_refuse(task);
    task_yield(task);
    return 0;
}

int wait_begin_shielded(struct wait *wait, const char *what)
{
    struct task *task = task_current();
    if (!task)
        return task_missing(what);
    wait->task = task;
    wait->what = what;
    wait->awaits = NULL;
    wait->abort = NULL;
    wait->result = 0;
    return 0;
}

int wait_begin(struct wait *wait, const char *what, bool (*abort)(struct wait *))
{
    int r = wait_begin_shielded(wait, what);
    if (r < 0)
        return r;
    wait->abort = abort;
    return __builtin_expect(wait->task->refused, 0) ? wait_refuse(wait->task) : 0;
}

OPAQUE UNINSTRUMENTED int wait_park(struct wait *wait)
{
    struct task *task = wait->task;
    task->wait = wait;
    task->refusals = 0;
    if (__builtin_expect(task->loop->harness != NULL, 0) && task->loop->harness->parked)
        task->loop->harness->parked(task->loop->harness, wait);
    if (task->loop->ready_first)
        prefetch_stack(task->loop->ready_first->next);
    task_switch_away(task->loop, task);
    if (wait->result == -ECANCELED && task->refused)
        scope_mark_interrupted(task);
    return wait->result;
}

static inline struct task *wait_over(struct wait *wait, int result)
{
    struct task *task = wait->task;
    if (task->wait != wait)
        log_abort("a wait for %s was finished twice", wait->what);
    task->wait = NULL;
    wait->result = result;
    return task;
}

static inline void wait_tell_harness(struct wait *wait)
{
    struct harness *harness = wait->task->loop->harness;
    if (__builtin_expect(harness != NULL, 0) && harness->finished)
        harness->finished(harness, wait);
}

void wait_finish(struct wait *wait, int result)
{
    if (__builtin_expect(!wait->task, 0)) { /* one of several of a task's */
        wait->result = result;
        wait->finished(wait);
        return;
    }
    struct task *task = wait_over(wait, result);
    loop_ready(task->loop, &task->work);
    wait_tell_harness(wait);
}

void wait_enter(struct wait *wait, int result)
{
    struct task *task = wait_over(wait, result);
    wait_tell_harness(wait);
    task_enter(task);
}

OPAQUE UNINSTRUMENTED void task_yield(struct task *task)
{
    loop_ready(task->loop, &task->work);
    task_switch_away(task->loop, task);
}

void task_interrupt(struct task *task)
{
    struct wait *wait = task->wait;
    if (wait && wait->abort && wait->abort(wait) && task->wait == wait)
        wait_finish(wait, -ECANCELED);
}

void task_cancel(struct task *task)
{
    if (!task->slot->task) /* it is ending: its joiners are being told */
        return;
    task->slot->asked = true;
    scope_cancel(&task->root);
}

/* ---- creation ---- */

struct task *task_create(struct eddy_loop *loop, struct group *group,
                         const struct task_start *start)
{
    if (loop->task_count >= loop->max_tasks) {
        eddy_fail_(-EAGAIN, false, start->site->file, start->site->line,
                   "can't spawn %s: %zu tasks is the cap (max_tasks)", start->site->function,
                   loop->max_tasks);
        return NULL;
    }
    struct task_slot *slot = slot_take(loop);
    if (!slot) {
        eddy_fail_(-EAGAIN, false, start->site->file, start->site->line,
                   "can't spawn %s: too many finished tasks whose handles were never released",
                   start->site->function);
        return NULL;
    }
    struct stack *stack = stack_take(&loop->stacks);
    if (!stack) {
        struct eddy_failure *cause = failure_take(-ENOMEM);
        eddy_fail_(-ENOMEM, false, start->site->file, start->site->line,
                   "can't spawn %s: no memory for its stack, with %zu tasks alive%s%s",
                   start->site->function, loop->task_count, cause ? ": " : "",
                   eddy_failure_message(cause));
        eddy_failure_release(cause);
        slot_free(loop, slot);
        return NULL;
    }
    enum eddy_arguments_kind_ kind = start->kind & EDDY_KIND_;
    struct task *task = task_of_stack(stack);
    *task = (struct task){
        .loop = loop,
        .stack = stack,
        .slot = slot,
        .function = start->function,
        .group = group,
        .locals = locals_inherit(),
        .takes_arguments = kind != EDDY_NO_ARGUMENTS_,
        .created = loop->log || loop->debug ? loop_now(loop) : 0,
    };
    char *top = (char *)task;
    if (kind == EDDY_COPIED_) {
        top -= (start->size + 63) & ~(size_t)63;
        memcpy(top, start->arguments, start->size);
        task->arguments = top;
    } else if (kind == EDDY_IN_PLACE_) {
        task->arguments = (void *)start->arguments;
    }
    context_make(&task->context, top);
    scope_push(&task->root, task, EDDY_SCOPE_TASK_, NULL, start->site);
    slot->task = task;
    slot->site = start->site;
    slot->sequence = ++loop->task_sequence;
    slot->in_group = group != NULL;
    list_append(&loop->tasks, &task->in_loop);
    loop->task_count++;
    loop->no_tasks = false;
    if (!(start->kind & EDDY_EAGER_))
        loop_ready(loop, &task->work);
    if (__builtin_expect(loop->log || loop->debug, 0)) {
        char name[TASK_NAME_SIZE];
        slot_name(slot, name);
        char message[256];
        (void)snprintf(message, sizeof message, "task '%s' created: %s() at %s:%d", name,
                       start->site->function, start->site->file, start->site->line);
        log_record(loop, &(struct eddy_log_record){.level = EDDY_LOG_DEBUG,
                                                   .event = EDDY_LOG_TASK_CREATED,
                                                   .message = message,
                                                   .task = name});
    }
    return task;
}

/* ---- the end ---- */

/* The function has another type than this one says: its argument is a pointer to some struct, or
 * void. */
static CALLS_ERASED int task_call(struct task *task)
{
    if (!task->takes_arguments)
        return ((int (*)(void))(void (*)(void))task->function)();
    return task->function(task->arguments);
}

static void task_log_end(struct task *task, const struct task_slot *slot)
{
    struct eddy_loop *loop = task->loop;
    char name[TASK_NAME_SIZE], message[256];
    slot_name(slot, name);
    double seconds = (double)(loop_now(loop) - task->created) / NANOSECONDS;
    (void)snprintf(message, sizeof message, "task '%s' %s after %.3f s: %d", name,
                   slot->cancelled    ? "cancelled"
                   : slot->result < 0 ? "failed"
                                      : "finished",
                   seconds, slot->result);
    log_record(loop, &(struct eddy_log_record){.level = EDDY_LOG_DEBUG,
                                               .event = EDDY_LOG_TASK_FINISHED,
                                               .message = message,
                                               .task = name,
                                               .seconds = seconds,
                                               .code = slot->result,
                                               .failure = slot->failure});
}

static int task_outcome(struct task *task, int result)
{
    if (result == -ECANCELED && !task->root.cancelled && task->left_timeout) {
        const struct eddy_site_ *site = task->left_timeout;
        log_say(task->loop, EDDY_LOG_WARNING, EDDY_LOG_NOTE,
                "an expired timeout block at %s:%d was left by return, so the task's result is "
                "-ETIMEDOUT; eddy_wait_for has no such trap",
                site->file, site->line);
        return eddy_fail_(-ETIMEDOUT, false, site->file, site->line, "timed out");
    }
    return result;
}

static __attribute__((__noinline__)) void task_end_cancelled(struct task *task,
                                                             struct task_slot *slot)
{
    cancellation_owe(task, NULL);
    if (slot->cancelled)
        slot->why = task->root.why;
    else
        cancellation_release(task->root.why);
    task->root.why = NULL; /* the joiners' calls may cancel others, and would pass it on */
}

/* Moves the outcome to the slot, tells who waits, gives the stack back and leaves for good.
 *
 * A task begins with a jump (arch) and ends inlined, because a call that doesn't return leaves its
 * entry in the return predictor: whoever comes next would mispredict the return of every frame it
 * has. That was half of what a spawn and join cost. */
static inline __attribute__((__always_inline__)) _Noreturn UNINSTRUMENTED void task_end(
    struct task *task, int result)
{
    struct eddy_loop *loop = task->loop;
    struct task_slot *slot = task->slot;
    if (task->scope != &task->root)
        log_abort("a task ended inside a block that it never left (longjmp?)");
    result = task_outcome(task, result);
    slot->result = result;
    slot->cancelled = result == -ECANCELED && task->root.cancelled;
    if (result < 0 && !slot->cancelled) {
        slot->failure = failure_take(result);
        if (!slot->failure)
            slot->failure = failure_make(
                result, slot->site->file, slot->site->line, "%s",
                result == -ECANCELED ? "returned -ECANCELED, though nothing cancelled it" : "");
    }
    if (task->failure)
        failure_set(NULL);
    if (__builtin_expect(task->root.cancelled || task->untold, 0))
        task_end_cancelled(task, slot);
    if (loop->log || loop->debug)
        task_log_end(task, slot);
    if (task->locals) {
        locals_release(task->locals);
        task->locals = NULL; /* the joiners' calls run on this task's stack */
    }

    slot->task = NULL;
    list_remove(&loop->tasks, &task->in_loop);
    loop->no_tasks = --loop->task_count == 0;
    struct link *link;
    while ((link = list_take_first(&task->joiners))) {
        struct join *join = container_of(link, struct join, link);
        slot->seen |= !join->only_waits;
        join->done(join, slot);
    }
    if (task->group) {
        group_child_done(task->group, task, slot);
    } else if (slot->released) {
        slot_report_lost(loop, slot);
        slot_free(loop, slot);
    }
    stack_put(&loop->stacks, task->stack);
    switch_to(loop, task, task_after(loop, task), true);
    __builtin_unreachable();
}

/* Called by eddy_task_entry_, on the task's own stack. */
__attribute__((__used__, __visibility__("hidden"))) _Noreturn void eddy_task_main_(void);

UNINSTRUMENTED _Noreturn void eddy_task_main_(void)
{
    struct task *task = loop_self->current;
#if EDDY_ASAN
    const void *left_bottom;
    size_t left_size;
    sanitizer_finish_switch(NULL, &left_bottom, &left_size);
    if (!task->loop->stack_bottom) { /* the first task is started from the loop's own stack */
        task->loop->stack_bottom = left_bottom;
        task->loop->stack_size = left_size;
    }
#endif
    task->started = true;
    task_end(task, task->refused ? -ECANCELED : task_call(task));
}
