/* SPDX-License-Identifier: MIT */
/*
 * wait and as_completed: a join a task, one wait for all.
 *
 *      tasks --end--> joins --> [done: join, join ...] --next--> handles, in the order of the ends
 *
 * A join that fired stays done, so nothing is lost to a wait that is cut short, and what ended in
 * the turn in which the wait was over counts too.
 */
#include <math.h>
#include "eddy/wait.h"
#include "log.h"
#include "spare.h"
#include "task.h"

/* 0, or why these tasks can't be waited for; nothing has been touched then. */
static int check_tasks(const char *call, eddy_task *const *tasks, size_t count, double timeout)
{
    const struct task *self = task_current();
    if (!self)
        return task_missing(call);
    if ((count && !tasks) || isnan(timeout))
        return log_misuse(-EINVAL, call,
                          count && !tasks ? "NULL tasks" : "not a number of seconds");
    for (size_t i = 0; i < count; i++) {
        int code = 0;
        const struct task_slot *slot = slot_find(tasks[i], call, &code);
        if (!slot)
            return code;
        if (slot->task == self)
            return log_misuse(-EINVAL, call, "a task can't wait for itself");
    }
    return 0;
}

/* After check_tasks. */
static struct task_slot *slot_known(eddy_task *handle)
{
    int code;
    return slot_find(handle, "", &code);
}

/* ---- wait ---- */

struct many;

struct many_join {
    struct join join;
    struct many *many;
    struct task *task; /* NULL once done */
};

struct many {
    struct wait wait;
    struct timer timer;
    struct many_join *joins;
    size_t count, done, failed;
    enum eddy_wait_mode mode;
    bool waiting;
};

static bool many_content(const struct many *many)
{
    return many->done == many->count || (many->mode == EDDY_FIRST_COMPLETED && many->done) ||
           (many->mode == EDDY_FIRST_EXCEPTION && many->failed);
}

static void many_count(struct many *many, const struct task_slot *slot)
{
    many->done++;
    many->failed += slot->result < 0 && !slot->cancelled;
}

static void many_wake(struct many *many)
{
    if (!many->waiting)
        return;
    many->waiting = false;
    wait_finish(&many->wait, 0);
}

static void many_done(struct join *join, const struct task_slot *slot)
{
    struct many_join *one = container_of(join, struct many_join, join);
    one->task = NULL;
    many_count(one->many, slot);
    if (many_content(one->many))
        many_wake(one->many);
}

static void many_late(struct timer *timer)
{
    many_wake(container_of(timer, struct many, timer));
}

static bool many_abort(struct wait *wait)
{
    container_of(wait, struct many, wait)->waiting = false;
    return true;
}

static void many_listen(struct many *many, eddy_task *const *tasks)
{
    for (size_t i = 0; i < many->count; i++) {
        struct task *task = slot_known(tasks[i])->task;
        many->joins[i] = (struct many_join){
            .join = {.done = many_done, .only_waits = true, .waiter = task_current()},
            .many = many,
            .task = task};
        if (task)
            list_append(&task->joiners, &many->joins[i].join.link);
    }
}

static void many_stop(struct many *many)
{
    for (size_t i = 0; i < many->count; i++)
        if (many->joins[i].task)
            list_remove(&many->joins[i].task->joiners, &many->joins[i].join.link);
}

int eddy_wait(eddy_task *const *tasks, size_t count, enum eddy_wait_mode mode, double timeout)
{
    int r = check_tasks("eddy_wait", tasks, count, timeout);
    if (r < 0)
        return r;
    if (!count || mode > EDDY_FIRST_EXCEPTION)
        return log_misuse(-EINVAL, "eddy_wait", count ? "unknown mode" : "no tasks");
    struct many many = {.count = count, .mode = mode};
    for (size_t i = 0; i < count; i++) {
        const struct task_slot *slot = slot_known(tasks[i]);
        if (!slot->task)
            many_count(&many, slot);
    }
    if (many_content(&many))
        return (int)many.done;
    r = wait_begin(&many.wait, "some of many tasks", many_abort);
    if (r < 0)
        return r;
    struct eddy_loop *loop = many.wait.task->loop;
    many.joins = spare_take(loop, count * sizeof *many.joins);
    if (!many.joins)
        return eddy_fail(-ENOMEM, "eddy_wait: no memory for %zu tasks", count);
    many_listen(&many, tasks);
    timer_init(&many.timer, many_late);
    if (timeout < EDDY_FOREVER)
        timer_set(&loop->timers, &many.timer, loop_deadline(loop, timeout));
    many.waiting = true;
    r = wait_park(&many.wait);
    timer_cancel(&loop->timers, &many.timer);
    many_stop(&many);
    spare_give(loop, many.joins);
    return r < 0 ? r : (int)many.done;
}

/* ---- as_completed ---- */

#define COMPLETED_OPEN UINT64_C(0x65646479646f6e65) /* "eddydone" */

struct completed;

struct completion {
    struct join join; /* its link: in the task's joiners, then in completed->done */
    struct completed *completed;
    struct task *task; /* NULL once done */
    eddy_task *handle;
};

struct completed {
    uint64_t magic;
    struct eddy_loop *loop;
    struct completion *completions; /* one a task */
    size_t count;
    size_t left;      /* not handed out */
    struct list done; /* and not handed out */
    struct wait *waiter;
    struct timer timer;
    bool late;
    int *error;
};

_Static_assert(sizeof(struct completed) <= sizeof(eddy_completed), "eddy_completed is too small");

static struct completed *completed_of(eddy_completed *memory)
{
    return (struct completed *)(void *)memory;
}

static void completed_wake(struct completed *completed, int result)
{
    struct wait *waiter = completed->waiter;
    completed->waiter = NULL;
    if (waiter)
        wait_finish(waiter, result);
}

static void completion_done(struct join *join, const struct task_slot *slot)
{
    (void)slot;
    struct completion *completion = container_of(join, struct completion, join);
    completion->task = NULL;
    list_append(&completion->completed->done, &join->link);
    completed_wake(completion->completed, 0);
}

static void completed_stop(struct completed *completed)
{
    for (size_t i = 0; i < completed->count; i++) {
        struct completion *completion = &completed->completions[i];
        if (completion->task)
            list_remove(&completion->task->joiners, &completion->join.link);
        completion->task = NULL;
    }
}

static void completed_late(struct timer *timer)
{
    struct completed *completed = container_of(timer, struct completed, timer);
    completed->late = true;
    completed_stop(completed);
    completed_wake(completed, 0);
}

/* Those done already come first, in the order in which they stand. */
static void completed_listen(struct completed *completed, eddy_task *const *tasks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct task_slot *slot = slot_known(tasks[i]);
        if (slot->visited)
            continue;
        slot->visited = true;
        struct completion *completion = &completed->completions[completed->count++];
        *completion = (struct completion){.join = {.done = completion_done, .only_waits = true},
                                          .completed = completed,
                                          .task = slot->task,
                                          .handle = tasks[i]};
        list_append(slot->task ? &slot->task->joiners : &completed->done, &completion->join.link);
    }
    for (size_t i = 0; i < completed->count; i++)
        slot_known(completed->completions[i].handle)->visited = false;
    completed->left = completed->count;
}

int eddy_completed_open(eddy_completed *memory, eddy_task *const *tasks, size_t count,
                        double timeout)
{
    struct completed *completed = completed_of(memory);
    if (!completed)
        return log_misuse(-EINVAL, "eddy_completed_open", "NULL");
    *completed = (struct completed){0};
    int r = check_tasks("eddy_as_completed", tasks, count, timeout);
    if (r < 0)
        return r;
    struct eddy_loop *loop = loop_self;
    completed->completions = spare_take(loop, count * sizeof *completed->completions);
    if (!completed->completions)
        return eddy_fail(-ENOMEM, "eddy_as_completed: no memory for %zu tasks", count);
    completed->magic = COMPLETED_OPEN;
    completed->loop = loop;
    completed_listen(completed, tasks, count);
    timer_init(&completed->timer, completed_late);
    if (timeout < EDDY_FOREVER)
        timer_set(&loop->timers, &completed->timer, loop_deadline(loop, timeout));
    return 0;
}

struct completed_wait {
    struct wait wait;
    struct completed *completed;
};

static bool completed_abort(struct wait *wait)
{
    container_of(wait, struct completed_wait, wait)->completed->waiter = NULL;
    return true;
}

/* Waits until a task is done or it is too late. */
static int completed_wait(struct completed *completed)
{
    struct completed_wait self = {.completed = completed};
    int r = wait_begin(&self.wait, "the next of many tasks", completed_abort);
    if (r < 0)
        return r;
    completed->waiter = &self.wait;
    return wait_park(&self.wait);
}

int eddy_completed_next(eddy_completed *memory, eddy_task **task)
{
    struct completed *completed = completed_of(memory);
    if (!completed || completed->magic != COMPLETED_OPEN || completed->loop != loop_self || !task)
        return log_misuse(-EINVAL, "eddy_completed_next",
                          task ? "not open on this loop" : "NULL for the task");
    if (!task_current())
        return task_missing("eddy_completed_next");
    if (!completed->left)
        return 0;
    while (!completed->done.first && !completed->late) {
        if (completed->waiter)
            return log_misuse(-EBUSY, "eddy_completed_next", "another task waits in it already");
        int r = completed_wait(completed);
        if (r < 0)
            return r;
    }
    completed->left--;
    struct link *link = list_take_first(&completed->done);
    if (!link)
        return eddy_fail(-ETIMEDOUT, "timed out: %zu tasks not done", completed->left + 1);
    *task = container_of(link, struct completion, join.link)->handle;
    return 1;
}

void eddy_completed_close(eddy_completed *memory)
{
    struct completed *completed = completed_of(memory);
    if (!completed || completed->magic != COMPLETED_OPEN)
        return;
    if (completed->loop != loop_self) {
        log_misuse(-EINVAL, "eddy_completed_close", "it belongs to another loop");
        return;
    }
    completed->magic = 0;
    timer_cancel(&completed->loop->timers, &completed->timer);
    completed_stop(completed);
    completed_wake(completed, -EPIPE);
    spare_give(completed->loop, completed->completions);
}

/* ---- the block ---- */

static void completed_set_error(const struct completed *completed, int code)
{
    if (completed->error && (*completed->error == 0 || *completed->error == -ECANCELED))
        *completed->error = code;
}

eddy_completed *eddy_completed_begin_(eddy_completed *memory, eddy_task *const *tasks, size_t count,
                                      double timeout, int *error)
{
    int r = eddy_completed_open(memory, tasks, count, timeout);
    if (error)
        *error = r;
    completed_of(memory)->error = error;
    return r < 0 ? NULL : memory;
}

eddy_task *eddy_completed_task_(eddy_completed *memory)
{
    struct completed *completed = completed_of(memory);
    if (completed->error && *completed->error < 0)
        return NULL;
    eddy_task *task = NULL;
    int r = eddy_completed_next(memory, &task);
    if (r < 0)
        completed_set_error(completed, r);
    return task;
}
