/* SPDX-License-Identifier: MIT */
/*
 * The fault engine: turns, watches, operations, and the end of patience.
 *
 *      held    told by the wrapped engine, to be passed on so many turns later (a storm)
 *      owed    made up here, for the next turn (fault_owe)
 *
 * While there is any of that a turn doesn't wait and says that it delivered something, so that a
 * virtual clock doesn't run on: however late things come, it isn't late by that clock.
 *
 * Patience: a program that waits for ever does so in a turn without a limit. Such a wait is cut
 * into slices here; when nothing has come for too long, it is written down who waits for what, and
 * the main task is cancelled; then all tasks; and if that ends nothing either, the process.
 */
#include "test/fault_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "log.h"
#include "task.h"

enum {
    LATE_MOST = 3,        /* turns */
    SLICE_NS = 200000000, /* of a wait without a limit */
    TASKS_DESCRIBED = 3,
    PATIENCE_WITH_JOBS = 10, /* times more of it, while a pool's job is under way */
};

struct fault_watch {
    struct watch watch; /* the wrapped engine's */
    struct watch *outer;
    struct link link;
    unsigned held, owed; /* READY_... */
    unsigned delay; /* turns until what is held is passed on; of a level watch, to be left out */
};

struct fault_operation {
    struct operation operation; /* the wrapped engine's */
    struct operation *outer;
    struct link link; /* while held */
    struct fault_engine *fault;
    int failure; /* what it is to end with, whatever came of it; 0: that */
    int result;  /* while held */
    unsigned delay;
    bool is_held;
};

unsigned fault_choose(struct fault_plan *plan, unsigned most)
{
    uint64_t mixed = plan->state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return 1 + (unsigned)((mixed ^ mixed >> 31) % most);
}

static bool is_late(const struct fault_engine *fault)
{
    return (fault->plan->storm & FAULT_STORM_LATE) && !fault->ending;
}

/* ---- watches ---- */

static struct fault_watch *fault_watch_of(const struct watch *outer)
{
    return (struct fault_watch *)(uintptr_t)outer->engine[0];
}

static void tell(struct fault_watch *watch, unsigned what)
{
    struct watch *outer = watch->outer;
    outer->ready(outer, what);
}

/* The wrapped engine says so. What a level watch isn't told now it will be told again anyway. */
static void inner_ready(struct watch *inner, unsigned what)
{
    struct fault_watch *watch = container_of(inner, struct fault_watch, watch);
    struct fault_engine *fault = (struct fault_engine *)(uintptr_t)watch->outer->engine[1];
    fault->waiting_since = 0;
    if (!is_late(fault)) {
        tell(watch, what);
    } else if (inner->level) {
        if (watch->delay) {
            watch->delay--;
            return;
        }
        watch->delay = fault_choose(fault->plan, LATE_MOST);
        tell(watch, what);
    } else {
        if (!watch->held)
            watch->delay = fault_choose(fault->plan, LATE_MOST);
        watch->held |= what;
    }
}

int fault_watch(struct engine *base, struct watch *outer)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_WATCH);
    if (code)
        return code;
    struct fault_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return -ENOMEM;
    watch->watch.descriptor = outer->descriptor;
    watch->watch.wanted = outer->wanted;
    watch->watch.level = outer->level;
    watch->watch.ready = inner_ready;
    watch->outer = outer;
    int r = fault->inner->call->watch(fault->inner, &watch->watch);
    if (r < 0) {
        free(watch);
        return r;
    }
    outer->engine[0] = (uintptr_t)watch;
    outer->engine[1] = (uintptr_t)fault;
    list_append(&fault->watches, &watch->link);
    return 0;
}

int fault_rewatch(struct engine *base, struct watch *outer)
{
    struct fault_engine *fault = fault_engine(base);
    struct fault_watch *watch = fault_watch_of(outer);
    int code = fault_strike(fault->plan, FAULT_REWATCH);
    if (code)
        return code;
    watch->watch.wanted = outer->wanted;
    return fault->inner->call->rewatch(fault->inner, &watch->watch);
}

void fault_unwatch(struct engine *base, struct watch *outer)
{
    struct fault_engine *fault = fault_engine(base);
    struct fault_watch *watch = fault_watch_of(outer);
    fault->inner->call->unwatch(fault->inner, &watch->watch);
    list_remove(&fault->watches, &watch->link);
    outer->engine[0] = 0;
    free(watch);
}

void fault_owe(struct fault_engine *fault, int descriptor, unsigned what)
{
    for (struct link *link = fault->watches.first; link; link = link->next) {
        struct fault_watch *watch = container_of(link, struct fault_watch, link);
        if (watch->watch.descriptor == descriptor && !watch->watch.level)
            watch->owed |= what;
    }
}

/* ---- operations ---- */

static void update_pending(struct fault_engine *fault)
{
    fault->base.pending = fault->inner->pending + fault->held_count;
}

static void operation_hold(struct fault_operation *operation, int result, unsigned delay)
{
    operation->result = result;
    operation->delay = delay;
    operation->is_held = true;
    list_append(&operation->fault->held, &operation->link);
    operation->fault->held_count++;
    update_pending(operation->fault);
}

static void operation_finish(struct fault_operation *operation, int result)
{
    struct operation *outer = operation->outer;
    update_pending(operation->fault);
    free(operation);
    outer->done(outer, result);
}

static void inner_done(struct operation *inner, int result)
{
    struct fault_operation *operation = container_of(inner, struct fault_operation, operation);
    struct fault_engine *fault = operation->fault;
    fault->waiting_since = 0;
    if (operation->failure)
        result = operation->failure;
    if (is_late(fault))
        operation_hold(operation, result, fault_choose(fault->plan, LATE_MOST));
    else
        operation_finish(operation, result);
}

static bool is_transfer(const struct operation *operation)
{
    return operation->kind == OPERATION_READ || operation->kind == OPERATION_WRITE ||
           operation->kind == OPERATION_COPY;
}

int fault_submit(struct engine *base, struct operation *outer)
{
    struct fault_engine *fault = fault_engine(base);
    int code = fault_strike(fault->plan, FAULT_SUBMIT);
    if (code)
        return code;
    struct fault_operation *operation = calloc(1, sizeof *operation);
    if (!operation)
        return -ENOMEM;
    operation->operation = *outer;
    operation->operation.done = inner_done;
    operation->outer = outer;
    operation->fault = fault;
    operation->failure = fault_strike(fault->plan, FAULT_OPEN + outer->kind);
    if (is_transfer(outer))
        operation->operation.size = fault_part(fault, outer->size);
    outer->engine[0] = (uintptr_t)operation;
    if (operation->failure &&
        outer->kind != OPERATION_CLOSE) { /* a close has closed all the same */
        operation_hold(operation, operation->failure, 1);
        return 0;
    }
    int r = fault->inner->call->submit(fault->inner, &operation->operation);
    if (r < 0)
        free(operation);
    update_pending(fault);
    return r;
}

void fault_cancel(struct engine *base, struct operation *outer)
{
    struct fault_engine *fault = fault_engine(base);
    struct fault_operation *operation = (struct fault_operation *)(uintptr_t)outer->engine[0];
    if (!operation->is_held)
        fault->inner->call->cancel(fault->inner, &operation->operation);
}

/* ---- what is held and owed ---- */

static bool something_waits(const struct fault_engine *fault)
{
    for (const struct link *link = fault->watches.first; link; link = link->next) {
        const struct fault_watch *watch = container_of(link, struct fault_watch, link);
        if (watch->held || watch->owed)
            return true;
    }
    return fault->held_count > 0;
}

/* Begins anew after each, since what is told may end others. */
static int tell_due(struct fault_engine *fault)
{
    int told = 0;
    for (struct link *link = fault->watches.first; link;) {
        struct fault_watch *watch = container_of(link, struct fault_watch, link);
        unsigned what = watch->owed;
        watch->owed = 0;
        if (!watch->delay) { /* what is held comes whole: an end with the readiness to read it */
            what |= watch->held;
            watch->held = 0;
        }
        link = what ? fault->watches.first : link->next;
        if (what) {
            told++;
            tell(watch, what);
            link = fault->watches.first;
        }
    }
    for (struct link *link = fault->held.first; link;) {
        struct fault_operation *operation = container_of(link, struct fault_operation, link);
        link = link->next;
        if (operation->delay)
            continue;
        list_remove(&fault->held, &operation->link);
        fault->held_count--;
        told++;
        operation_finish(operation, operation->result);
        link = fault->held.first;
    }
    return told;
}

static void let_time_pass(struct fault_engine *fault)
{
    for (struct link *link = fault->watches.first; link; link = link->next) {
        struct fault_watch *watch = container_of(link, struct fault_watch, link);
        if (watch->held && watch->delay)
            watch->delay--;
    }
    for (struct link *link = fault->held.first; link; link = link->next) {
        struct fault_operation *operation = container_of(link, struct fault_operation, link);
        if (operation->delay)
            operation->delay--;
    }
}

/* ---- patience ---- */

static int64_t real_time(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

static void describe_tasks(const struct eddy_loop *loop, char *text, size_t size)
{
    size_t used = 0;
    int count = 0;
    for (const struct link *link = loop->tasks.first; link; link = link->next) {
        if (count++ == TASKS_DESCRIBED || used + 2 >= size)
            break;
        if (used) {
            text[used++] = ',';
            text[used++] = ' ';
        }
        int r = eddy_task_describe(task_handle(container_of(link, struct task, in_loop)),
                                   text + used, size - used);
        used += r > 0 ? (size_t)r : 0;
    }
}

static void give_up(struct fault_engine *fault)
{
    struct eddy_loop *loop = loop_self;
    struct fault_plan *plan = fault->plan;
    fault->waiting_since = 0;
    if (!loop)
        return;
    if (!plan->given_up++) {
        describe_tasks(loop, plan->hang, sizeof plan->hang);
        if (loop->main) {
            task_cancel(loop->main);
            return;
        }
    }
    if (plan->given_up > 2)
        log_abort("a run of eddy-test has hung and can't be ended: %s", plan->hang);
    for (struct link *link = loop->tasks.first; link; link = link->next)
        task_cancel(container_of(link, struct task, in_loop));
}

static int turn_patiently(struct fault_engine *fault, int64_t timeout)
{
    struct engine *inner = fault->inner;
    if (timeout >= 0 || !fault->plan->patience || inner->call->simulated)
        return inner->call->turn(inner, timeout);
    int64_t patience = fault->plan->patience;
    if (loop_self && atomic_load(&loop_self->offloaded))
        patience *= PATIENCE_WITH_JOBS;
    if (!fault->waiting_since)
        fault->waiting_since = real_time();
    int delivered = inner->call->turn(inner, SLICE_NS);
    if (delivered > 0 || atomic_exchange(&fault->woken, false))
        fault->waiting_since = 0;
    else if (real_time() - fault->waiting_since > patience)
        give_up(fault);
    return delivered;
}

/* ---- turns ---- */

/* A wait for the system's own time isn't cut short on a virtual clock, which would run on then. */
static bool ends_early(struct fault_engine *fault, int64_t timeout)
{
    if (!(fault->plan->storm & FAULT_STORM_EARLY) || timeout == 0)
        return false;
    if (timeout > 0 && loop_self && loop_self->virtual_clock)
        return false;
    return ++fault->turns % 2 == 1;
}

int fault_descriptor(struct engine *base)
{
    struct fault_engine *fault = fault_engine(base);
    return something_waits(fault) ? -EAGAIN : fault->inner->call->descriptor(fault->inner);
}

int fault_turn(struct engine *base, int64_t timeout)
{
    struct fault_engine *fault = fault_engine(base);
    let_time_pass(fault);
    int told = tell_due(fault);
    bool waits = something_waits(fault);
    if (told || waits || ends_early(fault, timeout))
        timeout = 0;
    int delivered = turn_patiently(fault, timeout);
    update_pending(fault);
    if (delivered < 0)
        return delivered;
    return delivered + told + waits;
}

void fault_wake(struct engine *base)
{
    struct fault_engine *fault = fault_engine(base);
    atomic_store(&fault->woken, true);
    fault->inner->call->wake(fault->inner);
}

/* ---- the end ---- */

void fault_destroy(struct engine *base)
{
    struct fault_engine *fault = fault_engine(base);
    fault->ending = true;
    fault->inner->call->destroy(fault->inner);
    while (fault->held.first) {
        struct link *link = list_take_first(&fault->held);
        struct fault_operation *operation = container_of(link, struct fault_operation, link);
        operation->outer->done(operation->outer, operation->result);
        free(operation);
    }
    while (fault->watches.first)
        free(container_of(list_take_first(&fault->watches), struct fault_watch, link));
    free(fault->refusals);
    free(fault);
}
