/* SPDX-License-Identifier: MIT */
/*
 * The calls on task handles, and sleep.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cancellation.h"
#include "log.h"
#include "memory.h"
#include "task.h"

eddy_task *eddy_create_task_(void *unused, eddy_function_ *function, const void *arguments,
                             size_t size, enum eddy_arguments_kind_ kind,
                             const struct eddy_site_ *site)
{
    (void)unused;
    struct eddy_loop *loop = loop_self;
    if (!loop || !function) {
        log_misuse(-EINVAL, "eddy_create_task", "%s, at %s:%d",
                   loop ? "the function is NULL" : "called outside a loop", site->file, site->line);
        return NULL;
    }
    if (atomic_load(&loop->closing)) {
        eddy_fail_(-ESHUTDOWN, false, site->file, site->line,
                   "can't create %s: the loop is closing", site->function);
        return NULL;
    }
    struct task_start start = {
        .function = function, .arguments = arguments, .size = size, .kind = kind, .site = site};
    struct task *task = task_create(loop, NULL, &start);
    return task ? task_handle(task) : NULL;
}

/* ---- waiting for a task ---- */

struct single_join {
    struct join join;
    struct wait wait;
    struct task *awaited;
    int outcome;
    struct eddy_failure *failure;
    struct cancellation *why; /* of a cancelled one */
};

static void single_join_done(struct join *join, const struct task_slot *slot)
{
    struct single_join *single = container_of(join, struct single_join, join);
    single->outcome = slot->result;
    single->failure = failure_keep(slot->failure);
    single->why = cancellation_keep(slot->why);
    wait_finish(&single->wait, 0);
}

static bool single_join_abort(struct wait *wait)
{
    struct single_join *single = container_of(wait, struct single_join, wait);
    list_remove(&single->awaited->joiners, &single->join.link);
    return true;
}

/* Rule 69: the cancel goes on to what is awaited, and its end is still waited for. */
static bool single_join_pass_on(struct wait *wait)
{
    struct single_join *single = container_of(wait, struct single_join, wait);
    single->wait.abort = NULL;
    task_cancel(single->awaited);
    return false;
}

/* What a cancel of the waiting task does, and whether the failure becomes the caller's. */
enum join_kind {
    JOIN_AWAIT,  /* goes on to the awaited task; it does */
    JOIN_SHIELD, /* ends the wait; it does */
    JOIN_WAIT,   /* ends the wait; it doesn't */
};

/* The failure of a finished task, or why it was cancelled, becomes the current task's. */
static void take_story(const struct task_slot *slot)
{
    if (slot->failure)
        failure_set(failure_keep(slot->failure));
    else if (slot->why && task_current())
        cancellation_owe(task_current(), slot->why);
}

/* Waits until the slot's task is done: 0 and its outcome, or why it can't. */
static int join_slot(struct task_slot *slot, const char *call, enum join_kind kind, int *outcome)
{
    bool pass_cancel_on = kind == JOIN_AWAIT, take_failure = kind != JOIN_WAIT;
    if (!task_current())
        return task_missing(call);
    struct task *awaited = slot->task;
    if (!awaited) {
        slot->seen = true;
        *outcome = slot->result;
        if (take_failure)
            take_story(slot);
        return 0;
    }
    struct single_join single = {.join.done = single_join_done, .awaited = awaited};
    int r = pass_cancel_on ? wait_begin_shielded(&single.wait, "a task")
                           : wait_begin(&single.wait, "a task", single_join_abort);
    if (r < 0)
        return r;
    if (awaited == single.wait.task)
        return log_misuse(-EDEADLK, call, "a task can't wait for itself");
    if (pass_cancel_on) {
        /* Never refused, so that nothing runs in between: a cancelled task does from the start what
         * a cancel in the middle of the wait would do. */
        if (single.wait.task->refused) {
            scope_mark_interrupted(single.wait.task);
            task_cancel(awaited);
        } else {
            single.wait.abort = single_join_pass_on;
        }
    }
    single.wait.awaits = awaited;
    single.join.waiter = single.wait.task;
    list_append(&awaited->joiners, &single.join.link);
    r = wait_park(&single.wait);
    if (r < 0)
        return r;
    *outcome = single.outcome;
    if (single.failure && take_failure)
        failure_set(single.failure);
    else
        eddy_failure_release(single.failure);
    if (single.why && take_failure)
        cancellation_owe(single.wait.task, single.why);
    cancellation_release(single.why);
    /* The wait was cut short and the awaited task ended by that: this task's wait counts as
     * interrupted, so that the scope which caused it knows. */
    if (pass_cancel_on && single.outcome == -ECANCELED && single.wait.task->refused)
        scope_mark_interrupted(single.wait.task);
    return 0;
}

int eddy_await(eddy_task *handle)
{
    int code = 0, outcome = 0;
    struct task_slot *slot = slot_find(handle, "eddy_await", &code);
    if (!slot)
        return code;
    code = join_slot(slot, "eddy_await", JOIN_AWAIT, &outcome);
    return code < 0 ? code : outcome;
}

int eddy_shield(eddy_task *handle)
{
    int code = 0, outcome = 0;
    struct task_slot *slot = slot_find(handle, "eddy_shield", &code);
    if (!slot)
        return code;
    code = join_slot(slot, "eddy_shield", JOIN_SHIELD, &outcome);
    return code < 0 ? code : outcome;
}

int eddy_task_wait(eddy_task *handle)
{
    int code = 0, outcome = 0;
    struct task_slot *slot = slot_find(handle, "eddy_task_wait", &code);
    return slot ? join_slot(slot, "eddy_task_wait", JOIN_WAIT, &outcome) : code;
}

/* ---- asking ---- */

int eddy_task_result(eddy_task *handle)
{
    int code = 0;
    struct task_slot *slot = slot_find(handle, "eddy_task_result", &code);
    if (!slot)
        return code;
    if (slot->task)
        return -EINPROGRESS;
    slot->seen = true;
    take_story(slot);
    return slot->result;
}

bool eddy_task_done(const eddy_task *handle)
{
    int code;
    struct task_slot *slot = slot_find(handle, "eddy_task_done", &code);
    return slot && !slot->task;
}

bool eddy_task_cancelled(const eddy_task *handle)
{
    int code;
    struct task_slot *slot = slot_find(handle, "eddy_task_cancelled", &code);
    return slot && !slot->task && slot->cancelled;
}

bool eddy_task_cancel_(eddy_task *handle, const char *reason, const struct eddy_site_ *site)
{
    int code;
    struct task_slot *slot = slot_find(handle, "eddy_task_cancel", &code);
    if (!slot || !slot->task) {
        if (slot)
            slot->seen = true; /* rule 83 */
        return false;
    }
    struct eddy_loop *loop = loop_self;
    struct task *asking = loop->current;
    struct cancellation *why = cancellation_new(loop, CANCELLED_BY_CALL, site,
                                                asking ? asking->slot : NULL);
    if (why && reason)
        (void)snprintf(why->reason, sizeof why->reason, "%s", reason);
    struct cancellation *outer = cancellation_begin(loop, why);
    task_cancel(slot->task);
    (void)cancellation_begin(loop, outer);
    cancellation_release(why);
    return true;
}

bool(eddy_task_cancel)(eddy_task *task)
{
    return eddy_task_cancel_(task, NULL, NULL);
}

static int release(eddy_task *handle, const char *call)
{
    int code = 0;
    struct task_slot *slot = slot_find(handle, call, &code);
    if (!slot)
        return code;
    if (slot->in_group)
        return log_misuse(-EPERM, call, "this handle belongs to a group or to eddy_run");
    if (slot->released)
        return log_misuse(-ESRCH, call, "this task's handle was released already");
    slot->released = true;
    if (!slot->task) {
        slot_report_lost(loop_self, slot);
        slot_free(loop_self, slot);
    }
    return 0;
}

int eddy_task_release(eddy_task *handle)
{
    return release(handle, "eddy_task_release");
}

int eddy_detach(eddy_task *handle)
{
    return release(handle, "eddy_detach");
}

const char *eddy_task_name(const eddy_task *handle)
{
    int code;
    struct task_slot *slot = slot_find(handle, "eddy_task_name", &code);
    if (!slot)
        return "";
    if (!slot->name) {
        char name[TASK_NAME_SIZE];
        slot_name(slot, name);
        slot->name = memory_copy_text(name);
    }
    return slot->name ? slot->name : "";
}

int eddy_task_set_name(eddy_task *handle, const char *name)
{
    int code = 0;
    struct task_slot *slot = slot_find(handle, "eddy_task_set_name", &code);
    if (!slot)
        return code;
    if (!name)
        return log_misuse(-EINVAL, "eddy_task_set_name", "the name is NULL");
    char *copy = memory_copy_text_of(name, TASK_NAME_SIZE - 1);
    if (!copy)
        return eddy_fail(-ENOMEM, "no memory for a task's name");
    memory_free(slot->name);
    slot->name = copy;
    return 0;
}

int eddy_task_describe(const eddy_task *handle, char *buffer, size_t size)
{
    int code = 0;
    struct task_slot *slot = slot_find(handle, "eddy_task_describe", &code);
    if (!slot)
        return code;
    const struct task *task = slot->task;
    const struct eddy_site_ *site = slot->site;
    char name[TASK_NAME_SIZE], waiting[64 + TASK_NAME_SIZE] = "";
    slot_name(slot, name);
    const char *state = !task                    ? slot->cancelled ? "cancelled" : "finished"
                        : task->root.cancelled   ? "cancelling"
                        : task == task_current() ? "running"
                                                 : "pending";
    if (!task && !slot->cancelled)
        (void)snprintf(waiting, sizeof waiting, " %s=%d", slot->result < 0 ? "error" : "result",
                       slot->result);
    else if (task && task->wait && task->wait->awaits) {
        char awaited[TASK_NAME_SIZE];
        slot_name(task->wait->awaits->slot, awaited);
        (void)snprintf(waiting, sizeof waiting, " waiting for task '%s'", awaited);
    } else if (task && task->wait)
        (void)snprintf(waiting, sizeof waiting, " waiting for %s", task->wait->what);
    return snprintf(buffer, buffer ? size : 0, "<Task %s name='%s' %s() at %s:%d%s>", state, name,
                    site->function, site_file(site), site->line, waiting);
}

eddy_task *eddy_current_task(void)
{
    struct task *task = task_current();
    return task ? task_handle(task) : NULL;
}

size_t eddy_all_tasks(eddy_task **tasks, size_t capacity)
{
    struct eddy_loop *loop = loop_self;
    if (!loop)
        return 0;
    size_t count = 0;
    for (struct link *link = loop->tasks.first; tasks && link && count < capacity;
         link = link->next)
        tasks[count++] = task_handle(container_of(link, struct task, in_loop));
    return loop->task_count;
}

bool eddy_cancelled(void)
{
    struct task *task = task_current();
    return task && task->refused;
}

/* ---- sleep ---- */

struct sleep_wait {
    struct wait wait;
    struct timer timer;
};

static void sleep_over(struct timer *timer)
{
    wait_finish(&container_of(timer, struct sleep_wait, timer)->wait, 0);
}

static bool sleep_abort(struct wait *wait)
{
    timer_cancel(&loop_self->timers, &container_of(wait, struct sleep_wait, wait)->timer);
    return true;
}

/* Apart, so that a mere yield needs no frame for it. */
static __attribute__((__noinline__)) int sleep_for(double seconds)
{
    struct task *task = task_current();
    if (!task)
        return task_missing("eddy_sleep");
    struct sleep_wait sleep;
    int r = wait_begin(&sleep.wait, "sleep", sleep_abort);
    if (r < 0)
        return r;
    if (isnan(seconds))
        return log_misuse(-EINVAL, "eddy_sleep", "not a number of seconds");
    timer_init(&sleep.timer, sleep_over);
    if (seconds < EDDY_FOREVER)
        timer_set(&task->loop->timers, &sleep.timer, loop_deadline(task->loop, seconds));
    return wait_park(&sleep.wait);
}

int eddy_sleep(double seconds)
{
    struct task *task = task_current();
    if (!(seconds <= 0) || !task || task->refused)
        return sleep_for(seconds);
    task->refusals = 0; /* the hot one: a plain yield */
    task_yield(task);
    return 0;
}
