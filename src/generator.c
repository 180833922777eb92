/* SPDX-License-Identifier: MIT */
/*
 * Generators: a task that is entered for each value.
 *
 *      consumer: next --enter--> generator: ... yield --back--> consumer: body, next --enter--> ...
 *                                              wait --back--> consumer parks; the loop goes on,
 *                                              yield finishes the consumer's wait
 *
 * While the body runs the generator is parked in a yield that nothing cuts short, so the two never
 * run at the same time and a value stays put while it is looked at. Only `next` and the loop's end
 * take it out.
 */
#include "eddy/generator.h"
#include "log.h"
#include "task.h"

struct generator {
    struct join join;
    struct task *task; /* NULL once done, or never made */
    struct task_slot *slot;
    struct wait *yield; /* the generator's, while it is parked in one */
    struct wait *next;  /* the consumer's, while it is parked */
    void *value;        /* the last one yielded */
    int *error;
    bool ending; /* no more values are wanted */
};

_Static_assert(sizeof(struct generator) <= sizeof(eddy_generator), "eddy_generator is too small");

static struct generator *generator_of(eddy_generator *memory)
{
    return (struct generator *)(void *)memory;
}

/* ---- the generator's side ---- */

static void generator_wake_consumer(struct generator *generator)
{
    struct wait *next = generator->next;
    generator->next = NULL;
    if (next)
        wait_finish(next, 0);
}

int eddy_yield(const void *value)
{
    struct task *task = task_current();
    if (!task)
        return task_missing("eddy_yield");
    struct generator *generator = task->generator;
    if (!generator || !value)
        return log_misuse(-EINVAL, "eddy_yield",
                          value ? "called outside a generator" : "the value is NULL");
    if (generator->ending && !task->refused) { /* in a shield of its clean-up */
        task_yield(task);
        return -ECANCELED;
    }
    struct wait wait;
    int r = wait_begin(&wait, "the loop that takes its values", NULL);
    if (r < 0)
        return r;
    generator->value = (void *)(uintptr_t)value;
    generator->yield = &wait;
    generator_wake_consumer(generator);
    return wait_park(&wait);
}

static void generator_done(struct join *join, const struct task_slot *slot)
{
    (void)slot;
    struct generator *generator = container_of(join, struct generator, join);
    generator->task = NULL;
    generator->value = NULL;
    generator_wake_consumer(generator);
}

/* ---- the consumer's side ---- */

/* Runs the generator until it yields, suspends or ends. */
static void generator_go_on(struct generator *generator, int result)
{
    struct wait *yield = generator->yield;
    generator->yield = NULL;
    generator->value = NULL;
    if (yield)
        wait_enter(yield, result);
    else if (!generator->task->started)
        task_enter(generator->task);
}

struct generator_wait {
    struct wait wait;
    struct generator *generator;
};

/* As for a plain call: the cancel reaches what is being waited for, and its end ends this wait. */
static bool generator_pass_on(struct wait *wait)
{
    struct generator *generator = container_of(wait, struct generator_wait, wait)->generator;
    wait->abort = NULL;
    task_cancel(generator->task);
    return false;
}

/* Until the generator yields or is done. */
static void generator_wait(struct generator *generator)
{
    struct generator_wait self = {.generator = generator};
    (void)wait_begin_shielded(&self.wait, "the next value of a generator");
    struct task *consumer = self.wait.task;
    if (consumer->refused) {
        scope_mark_interrupted(consumer);
        task_cancel(generator->task);
    } else {
        self.wait.abort = generator_pass_on;
    }
    self.wait.awaits = generator->task;
    generator->join.waiter = consumer;
    generator->next = &self.wait;
    (void)wait_park(&self.wait);
    generator->join.waiter = NULL;
    if (!generator->task && generator->slot->cancelled && consumer->refused)
        scope_mark_interrupted(consumer);
}

static void generator_end(struct generator *generator)
{
    if (!generator->task)
        return;
    generator->ending = true;
    task_cancel(generator->task);
    generator_go_on(generator, -ECANCELED);
    while (generator->task) {
        if (generator->yield)
            generator_go_on(generator, -ECANCELED);
        else
            generator_wait(generator);
    }
}

/* What the loop ends with; the generator is done. */
static int generator_code(const struct generator *generator)
{
    const struct task_slot *slot = generator->slot;
    if (slot->result >= 0 || (slot->cancelled && generator->ending))
        return 0;
    return slot->result;
}

static void generator_free(struct generator *generator)
{
    struct task_slot *slot = generator->slot;
    generator->slot = NULL;
    slot_report_lost(loop_self, slot);
    slot->released = true;
    slot_free(loop_self, slot);
}

/* ---- the loop ---- */

void eddy_generator_enter_(eddy_generator *memory, int *error)
{
    *generator_of(memory) = (struct generator){.error = error};
    if (error)
        *error = 0;
}

eddy_generator *eddy_generator_open_(eddy_generator *memory, eddy_function_ *function,
                                     const void *arguments, size_t size,
                                     enum eddy_arguments_kind_ kind, const struct eddy_site_ *site)
{
    struct generator *generator = generator_of(memory);
    int code = 0;
    struct task *task = NULL;
    if (!task_current() || !function) {
        code = log_misuse(-EINVAL, "eddy_foreach", "%s, at %s:%d",
                          function ? "used outside a task" : "the function is NULL", site->file,
                          site->line);
    } else {
        struct task_start start = {.function = function,
                                   .arguments = arguments,
                                   .size = size,
                                   .kind = (enum eddy_arguments_kind_)(kind | EDDY_EAGER_),
                                   .site = site};
        task = task_create(loop_self, NULL, &start);
        if (!task)
            code = eddy_failure_code(eddy_last_failure());
    }
    if (!task) {
        if (generator->error)
            *generator->error = code;
        return NULL;
    }
    task->generator = generator;
    generator->task = task;
    generator->slot = task->slot;
    generator->slot->in_group = true; /* not to be released by anybody else */
    generator->join.done = generator_done;
    generator->join.only_waits = true;
    list_append(&task->joiners, &generator->join.link);
    return memory;
}

void *eddy_generator_next_(eddy_generator *memory)
{
    struct generator *generator = generator_of(memory);
    if (!generator->task || (generator->error && *generator->error < 0))
        return NULL;
    generator_go_on(generator, 0);
    while (generator->task && !generator->value)
        generator_wait(generator);
    return generator->value;
}

eddy_generator *eddy_generator_leave_(eddy_generator *memory)
{
    struct generator *generator = generator_of(memory);
    generator_end(generator);
    int code = generator_code(generator);
    int *error = generator->error;
    if (code < 0 && error && (*error == 0 || *error == -ECANCELED)) {
        *error = code;
        generator->slot->seen = true;
        if (generator->slot->failure)
            failure_set(failure_keep(generator->slot->failure));
    }
    generator_free(generator);
    return NULL;
}

/* Left by return, goto or a throw. */
void eddy_generator_cleanup_(eddy_generator *memory)
{
    struct generator *generator = generator_of(memory);
    if (!generator->slot)
        return;
    generator_end(generator);
    generator_free(generator);
}
