/* SPDX-License-Identifier: MIT */
/*
 * Submissions: tasks for the loop of another thread.
 *
 *      submitter:  submit ---post---> loop: arrive, task ... its end
 *                  wait, result <----------lock---------- finish
 *                  cancel ---post, through the door--->
 *
 * Submitter, loop and a cancel on its way hold a reference each. The loop's is dropped when the
 * submission is done, and every loop does that: a task it has ends before it does, and a post that
 * finds it gone is run all the same.
 */
#include "eddy/submit.h"
#include <math.h>
#include <string.h>
#include "door.h"
#include "log.h"
#include "memory.h"
#include "remote_wait.h"
#include "task.h"
#include "thread_wait.h"

struct eddy_submission {
    struct post arrival, cancellation;
    atomic_uint references;
    const struct eddy_loop *loop; /* to be compared only: it may be gone */

    /* the loop's */
    struct join join;
    struct task_slot *slot;
    struct task *task; /* NULL: not begun, or done */
    struct task_start start;

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    struct door *door;   /* NULL until the arrival */
    struct list waiters; /* tasks in eddy_submission_await */
    bool done, cancelled;
    int result;
    struct eddy_failure *failure; /* this submission's alone: records are counted by one thread */

    _Alignas(64) char arguments[];
};

/* ---- life ---- */

static eddy_submission *submission_new(eddy_loop *loop, const struct task_start *start)
{
    size_t copied = (start->kind & EDDY_KIND_) == EDDY_COPIED_ ? start->size : 0;
    eddy_submission *submission = memory_allocate_aligned(
        _Alignof(eddy_submission), (sizeof *submission + copied + 63) & ~(size_t)63);
    if (!submission)
        return NULL;
    memset(submission, 0, sizeof *submission);
    submission->loop = loop;
    submission->start = *start;
    if (copied) {
        memcpy(submission->arguments, start->arguments, copied);
        submission->start.arguments = submission->arguments;
    }
    atomic_init(&submission->references, 2);
    (void)pthread_mutex_init(&submission->lock, NULL);
    thread_wait_init(&submission->changed);
    return submission;
}

void eddy_submission_release(eddy_submission *submission)
{
    if (!submission ||
        atomic_fetch_sub_explicit(&submission->references, 1, memory_order_acq_rel) > 1)
        return;
    (void)pthread_cond_destroy(&submission->changed);
    (void)pthread_mutex_destroy(&submission->lock);
    if (submission->door)
        door_release(submission->door);
    eddy_failure_release(submission->failure);
    memory_free(submission);
}

/* ---- on the loop's thread ---- */

/* The outcome is there. Takes over the reference to the failure, and drops the loop's to the
 * submission. */
static void submission_finish(eddy_submission *submission, int result, struct eddy_failure *failure)
{
    (void)pthread_mutex_lock(&submission->lock);
    submission->done = true;
    submission->result = result;
    submission->failure = failure;
    (void)pthread_cond_broadcast(&submission->changed);
    (void)pthread_mutex_unlock(&submission->lock);
    remote_wait_finish_all(&submission->waiters, &submission->lock, 0);
    eddy_submission_release(submission);
}

static void submission_ended(struct join *join, const struct task_slot *slot)
{
    eddy_submission *submission = container_of(join, eddy_submission, join);
    submission->task = NULL;
    /* Once released nobody will look: then the slot's end reports the failure. */
    submission->slot->seen = atomic_load(&submission->references) > 1;
    char name[TASK_NAME_SIZE];
    slot_name(slot, name);
    struct eddy_failure *failure = NULL;
    if (slot->failure)
        failure = failure_make_text(slot->result, name, eddy_failure_message(slot->failure));
    submission_finish(submission, slot->result, failure);
}

static void submission_refuse(eddy_submission *submission, int code, const char *why)
{
    submission_finish(submission, code, failure_make_text(code, "", why));
}

static void submission_start(eddy_submission *submission, struct eddy_loop *loop)
{
    struct task *task = task_create(loop, NULL, &submission->start);
    if (!task) {
        int code = eddy_failure_code(eddy_last_failure());
        submission_refuse(submission, code, eddy_failure_message(eddy_last_failure()));
        eddy_failure_clear();
        return;
    }
    task->slot->released = true;
    submission->task = task;
    submission->slot = task->slot;
    submission->join.done = submission_ended;
    submission->join.only_waits = true;
    list_append(&task->joiners, &submission->join.link);
}

/* In one of the loop's turns, or without it when it is being destroyed. */
static void submission_arrive(struct post *post)
{
    eddy_submission *submission = container_of(post, eddy_submission, arrival);
    struct eddy_loop *loop = loop_self;
    if (!loop || atomic_load(&loop->closing)) {
        submission_refuse(submission, -ESHUTDOWN, "the loop ended before the task began");
        return;
    }
    struct door *door = door_here();
    (void)pthread_mutex_lock(&submission->lock);
    submission->door = door ? door_keep(door) : NULL;
    bool cancelled = submission->cancelled;
    (void)pthread_mutex_unlock(&submission->lock);
    if (cancelled)
        submission_finish(submission, -ECANCELED, NULL);
    else if (!door)
        submission_refuse(submission, -ENOMEM, "no memory for a door of the loop");
    else
        submission_start(submission, loop);
}

static void submission_cancel(struct post *post)
{
    eddy_submission *submission = container_of(post, eddy_submission, cancellation);
    if (loop_self && submission->task)
        task_cancel(submission->task);
    eddy_submission_release(submission);
}

/* ---- on any thread ---- */

eddy_submission *eddy_submit_(eddy_loop *loop, eddy_function_ *function, const void *arguments,
                              size_t size, enum eddy_arguments_kind_ kind,
                              const struct eddy_site_ *site)
{
    if (!loop || !function) {
        log_misuse(-EINVAL, "eddy_submit", "the %s is NULL, at %s:%d", loop ? "function" : "loop",
                   site->file, site->line);
        return NULL;
    }
    if (atomic_load(&loop->closing)) {
        eddy_fail_(-ESHUTDOWN, false, site->file, site->line,
                   "can't submit %s: the loop is closing", site->function);
        return NULL;
    }
    struct task_start start = {
        .function = function, .arguments = arguments, .size = size, .kind = kind, .site = site};
    eddy_submission *submission = submission_new(loop, &start);
    if (!submission) {
        eddy_fail_(-ENOMEM, false, site->file, site->line, "can't submit %s: no memory",
                   site->function);
        return NULL;
    }
    submission->arrival.run = submission_arrive;
    submission->cancellation.run = submission_cancel;
    loop_post(loop, &submission->arrival);
    return submission;
}

bool eddy_submission_done(const eddy_submission *submission)
{
    if (!submission)
        return false;
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&submission->lock;
    (void)pthread_mutex_lock(lock);
    bool done = submission->done;
    (void)pthread_mutex_unlock(lock);
    return done;
}

int eddy_submission_wait(eddy_submission *submission, double seconds)
{
    const char *call = "eddy_submission_wait";
    if (!submission || isnan(seconds))
        return log_misuse(-EINVAL, call,
                          submission ? "not a number of seconds" : "the submission is NULL");
    if (eddy_submission_done(submission))
        return 0;
    if (submission->loop == loop_self)
        return log_misuse(-EDEADLK, call, "called on the thread of the task's own loop");
    if (seconds <= 0)
        return -ETIMEDOUT;
    struct timespec end;
    if (seconds < EDDY_FOREVER)
        end = thread_wait_end(seconds);
    int r = 0;
    (void)pthread_mutex_lock(&submission->lock);
    while (!submission->done && r != ETIMEDOUT)
        r = seconds < EDDY_FOREVER
                ? pthread_cond_timedwait(&submission->changed, &submission->lock, &end)
                : pthread_cond_wait(&submission->changed, &submission->lock);
    r = submission->done ? 0 : -ETIMEDOUT;
    (void)pthread_mutex_unlock(&submission->lock);
    return r;
}

int eddy_submission_result(eddy_submission *submission)
{
    if (!submission)
        return log_misuse(-EINVAL, "eddy_submission_result", "the submission is NULL");
    if (!eddy_submission_done(submission))
        return -EINPROGRESS;
    const struct eddy_failure *failure = submission->failure; /* stays as it is from now on */
    if (failure)
        failure_set(failure_make_text(failure->code, failure->task, failure->message));
    return submission->result;
}

bool eddy_submission_cancel(eddy_submission *submission)
{
    if (!submission) {
        log_misuse(-EINVAL, "eddy_submission_cancel", "the submission is NULL");
        return false;
    }
    (void)pthread_mutex_lock(&submission->lock);
    bool done = submission->done, again = submission->cancelled;
    submission->cancelled = true;
    struct door *door = submission->door;
    (void)pthread_mutex_unlock(&submission->lock);
    if (done || again || !door)
        return !done;
    atomic_fetch_add_explicit(&submission->references, 1, memory_order_relaxed);
    if (door_post(door, &submission->cancellation))
        return true;
    eddy_submission_release(submission);
    return false; /* the loop has gone, so the task has, too */
}

struct submission_wait {
    struct remote_wait remote;
    eddy_submission *submission;
};

/* Rule 69, across loops. */
static void submission_pass_on(struct remote_wait *remote)
{
    (void)eddy_submission_cancel(container_of(remote, struct submission_wait, remote)->submission);
}

int eddy_submission_await(eddy_submission *submission)
{
    const char *call = "eddy_submission_await";
    struct submission_wait waiting = {.submission = submission};
    struct task *task = task_current();
    if (!task)
        return task_missing(call);
    if (submission && !eddy_submission_done(submission)) {
        if (task->refused) {
            scope_mark_interrupted(task);
            (void)eddy_submission_cancel(submission);
        }
        int r = remote_wait_begin(&waiting.remote,
                                  task->refused ? REMOTE_WAIT_SHIELDED : REMOTE_WAIT,
                                  "a submission", call);
        if (r < 0)
            return r;
        waiting.remote.cancelled = submission_pass_on;
        (void)pthread_mutex_lock(&submission->lock);
        bool done = submission->done;
        if (!done)
            remote_wait_list(&waiting.remote, &submission->waiters, &submission->lock);
        (void)pthread_mutex_unlock(&submission->lock);
        if (!done)
            (void)remote_wait_park(&waiting.remote);
    }
    int r = eddy_submission_result(submission);
    if (r == -ECANCELED && task->refused)
        scope_mark_interrupted(task);
    return r;
}
