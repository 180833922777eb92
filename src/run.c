/* SPDX-License-Identifier: MIT */
/*
 * eddy_run: a loop, its main task, and an orderly end: leftover tasks are cancelled and awaited,
 * then the loop's threads are joined, then the loop is closed.
 */
#include <pthread.h>
#include <stdio.h>
#include "eddy/run.h"
#include "interrupt.h"
#include "log.h"
#include "overflow.h"
#include "pool.h"
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
    interrupt_forget();
}

__attribute__((__constructor__)) static void run_init(void)
{
    (void)pthread_atfork(NULL, NULL, child_has_no_loop);
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

static void run_leftovers(struct eddy_loop *loop)
{
    atomic_store(&loop->closing, true);
    for (struct link *link = loop->tasks.first; link; link = link->next)
        task_cancel(container_of(link, struct task, in_loop));
    loop_run_until(loop, &loop->no_tasks);
}

static int run_main(struct eddy_loop *loop, const struct task_start *start, bool quiet)
{
    struct task *task = task_create(loop, NULL, start);
    if (!task) {
        const eddy_failure *failure = eddy_last_failure();
        return failure ? eddy_failure_code(failure) : -ENOMEM;
    }
    struct main_join join = {.join.done = main_done};
    list_append(&task->joiners, &join.join.link);
    struct task_slot *slot = task->slot;
    slot->in_group = true; /* not to be released by anybody else */
    loop->main = task;
    loop_run_until(loop, &join.done);
    bool asked = slot->asked; /* a cancel by the program wins over the interrupt: rule 253 */
    loop_run_ready(loop);
    run_leftovers(loop);
    int result = slot->result;
    if (slot->cancelled && !asked && interrupt_seen(loop)) {
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
    int r = loop_create(options, &loop);
    if (r < 0) {
        if (!options->quiet)
            eddy_failure_print(eddy_last_failure(), stderr);
        return r;
    }
    loop_self = loop;
    bool guarded = overflow_install(describe_overflow) == 0; /* without it, a plain crash */
    if (!options->keep_sigint)
        interrupt_install(loop);
    struct task_start start = {
        .function = function, .arguments = arguments, .size = size, .kind = kind, .site = site};
    r = run_main(loop, &start, options->quiet);
    pool_loop_close(loop);
    interrupt_remove(loop);
    if (guarded)
        overflow_uninstall();
    loop_self = NULL;
    loop_destroy(loop);
    return r;
}
