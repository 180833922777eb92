/* SPDX-License-Identifier: MIT */
/*
 * eddy_run: a loop, its main task, and an orderly end: leftover tasks are cancelled and awaited,
 * then the loop's threads are joined, then the loop is closed. A runner does the same in parts.
 */
#include <pthread.h>
#include <stdio.h>
#include "eddy/run.h"
#include "interrupt.h"
#include "log.h"
#include "overflow.h"
#include "pool.h"
#include "run.h"
#include "signals.h"
#include "task.h"

struct main_join {
    struct join join;
    bool done;
};

static void main_done(struct join *join, const struct task_slot *slot)
{
    (void)slot;
    loop_self->main = NULL;
    container_of(join, struct main_join, join)->done = true;
}

/* After fork the child has no loop: what it inherited belongs to the parent. */
static void child_has_no_loop(void)
{
    loop_self = NULL;
    signals_fork_child();
    interrupt_forget();
}

__attribute__((__constructor__)) static void run_init(void)
{
    (void)pthread_atfork(signals_fork_begin, signals_fork_parent, child_has_no_loop);
}

/* Runs in a signal handler on a fault: nothing here may allocate or lock. */
static bool describe_overflow(const void *address, char *buffer, size_t size)
{
    struct eddy_loop *loop = loop_self;
    struct stack *stack = loop ? stack_pool_find_guard(&loop->stacks, address) : NULL;
    if (!stack || !loop->current || loop->current->stack != stack)
        return false; /* a wild pointer, not an overflow */
    const struct task_slot *slot = loop->current->slot;
    size_t used = overflow_put_text(buffer, size, 0, "task '");
    if (slot->name) {
        used = overflow_put_text(buffer, size, used, slot->name);
    } else {
        used = overflow_put_text(buffer, size, used, "Task-");
        used = overflow_put_number(buffer, size, used, slot->sequence);
    }
    used = overflow_put_text(buffer, size, used, "' (");
    used = overflow_put_number(buffer, size, used, loop->stacks.size >> 10);
    used = overflow_put_text(buffer, size, used, " KiB, spawned at ");
    used = overflow_put_text(buffer, size, used, slot->site->file);
    used = overflow_put_text(buffer, size, used, ":");
    used = overflow_put_number(buffer, size, used, (size_t)slot->site->line);
    (void)overflow_put_text(buffer, size, used, ")");
    return true;
}

int run_open(const struct eddy_options *options, struct eddy_loop **ret_loop)
{
    int r = loop_create(options, ret_loop);
    if (r < 0 && !options->quiet)
        eddy_failure_print(eddy_last_failure(), stderr);
    return r;
}

void run_begin(struct eddy_loop *loop, const struct eddy_options *options)
{
    loop_self = loop;
    (void)overflow_install(describe_overflow); /* without it, a plain crash */
    if (!options->keep_sigint)
        interrupt_install(loop);
}

void run_end(struct eddy_loop *loop)
{
    interrupt_remove(loop);
    overflow_uninstall();
    loop_self = NULL;
}

void run_leftovers(struct eddy_loop *loop)
{
    atomic_store(&loop->closing, true);
    for (struct link *link = loop->tasks.first; link; link = link->next)
        task_cancel(container_of(link, struct task, in_loop));
    if (loop->task_count)
        loop_run_until(loop, &loop->no_tasks);
}

int run_main(struct eddy_loop *loop, const struct task_start *start, struct run *run)
{
    struct task *task = task_create(loop, NULL, start);
    if (!task) {
        const eddy_failure *failure = eddy_last_failure();
        return failure ? eddy_failure_code(failure) : -ENOMEM;
    }
    struct main_join join = {.join.done = main_done};
    list_append(&task->joiners, &join.join.link);
    run->slot = task->slot;
    run->slot->in_group = true; /* not to be released by anybody else */
    loop->main = task;
    loop_run_until(loop, &join.done);
    run->asked = run->slot->asked;
    loop_run_ready(loop);
    return 0;
}

int run_outcome(struct eddy_loop *loop, const struct run *run, bool quiet)
{
    struct task_slot *slot = run->slot;
    int result = slot->result;
    if (slot->cancelled && !run->asked && interrupt_seen(loop)) {
        result = -EINTR;
    } else if (result < 0 && !quiet) {
        fprintf(stderr, "eddy: the main task %s:\n", slot->cancelled ? "was cancelled" : "failed");
        eddy_failure_print(slot->failure, stderr);
    }
    failure_set(failure_keep(slot->failure));
    slot->released = true;
    slot_free(loop, slot);
    return result;
}

void run_close(struct eddy_loop *loop)
{
    pool_loop_close(loop);
    signals_remove(loop); /* while SIGINT can still be handed back to the run */
    run_end(loop);
    loop_destroy(loop);
}

int eddy_run_(const struct eddy_options *options, eddy_function_ *function, const void *arguments,
              size_t size, enum eddy_arguments_kind_ kind, const struct eddy_site_ *site)
{
    static const struct eddy_options defaults;
    if (!function)
        return log_misuse(-EINVAL, "eddy_run", "the function is NULL, at %s:%d", site->file,
                          site->line);
    if (loop_self)
        return log_misuse(
            -EBUSY, "eddy_run",
            "a loop runs on this thread already: call the function, or spawn it, at %s:%d",
            site->file, site->line);
    if (!options)
        options = &defaults;
    struct eddy_loop *loop;
    int r = run_open(options, &loop);
    if (r < 0)
        return r;
    run_begin(loop, options);
    struct task_start start = {
        .function = function, .arguments = arguments, .size = size, .kind = kind, .site = site};
    struct run run;
    r = run_main(loop, &start, &run);
    if (r < 0 && !options->quiet)
        eddy_failure_print(eddy_last_failure(), stderr); /* there is no main task to tell of it */
    run_leftovers(loop);
    if (r == 0)
        r = run_outcome(loop, &run, options->quiet);
    run_close(loop);
    return r;
}
