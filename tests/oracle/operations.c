/* SPDX-License-Identifier: MIT */
/*
 * The operations of the oracle's programs, and the run of one.
 *
 * `hop` is where asyncio takes one turn of the loop more than we do until the waiter runs: its
 * gather, shield and TaskGroup are told by a callback of the child's, and tell the waiter by a
 * future. Other deliberate differences have a comment of their own.
 */
#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "program.h"

enum { FAIL_BASE = 1000, RETURNED = 1 };

struct op *bodies[BODIES];
bool gather_always_suspends;
static eddy_task *tasks[BODIES];
static bool is_child[BODIES];
static bool over;
static eddy_lock locks[2];
static eddy_semaphore permits[2];
static eddy_event events[2];
static eddy_queue queues[2];

struct frame {
    int body, value;
    eddy_group *group;
};

static void note(const struct frame *frame, int id, const char *what)
{
    if (!over)
        printf("%lld %d %d %s\n", (long long)(eddy_time() * 1e6 + 0.5), frame->body, id, what);
}

/* ---- names of errors ---- */

static size_t add(char *text, size_t used, size_t size, const char *more)
{
    int n = snprintf(text + used, size - used, "%s", more);
    return used + (size_t)n < size ? used + (size_t)n : size - 1;
}

static size_t name_code(char *text, size_t used, size_t size, int code)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", -code - FAIL_BASE);
    return add(text, used, size,
               code == -ETIMEDOUT   ? "timeout"
               : code == -ECANCELED ? "cancelled"
                                    : number);
}

static size_t name_failure(char *text, size_t used, size_t size, const eddy_failure *failure)
{
    size_t count = eddy_failure_count(failure);
    if (!count)
        return name_code(text, used, size, eddy_failure_code(failure));
    used = add(text, used, size, "[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            used = add(text, used, size, " ");
        used = name_failure(text, used, size, eddy_failure_child(failure, i));
    }
    return add(text, used, size, "]");
}

/* "caught [1 [2 timeout]]": the last failure if it is the code's, as Python's exceptions have
 * it. */
static const char *name(const char *before, int code)
{
    static char text[512];
    const eddy_failure *failure = eddy_last_failure();
    size_t used = add(text, 0, sizeof text, before);
    if (failure && eddy_failure_code(failure) == code)
        (void)name_failure(text, used, sizeof text, failure);
    else
        (void)name_code(text, used, sizeof text, code);
    return text;
}

/* ---- operations ---- */

static int run_ops(struct op *ops, struct frame *frame);

struct body {
    int number;
};
static int body(struct body *a)
{
    struct frame frame = {.body = a->number};
    note(&frame, 0, "begins");
    int r = run_ops(bodies[a->number], &frame);
    char text[32];
    (void)snprintf(text, sizeof text, "ends with %d", frame.value);
    note(&frame, 0, r >= 0 ? text : r == -ECANCELED ? "ends cancelled" : name("ends ", r));
    return r < 0 ? r : frame.value;
}

static void hop(void)
{
    eddy_with_shield (EDDY_FOREVER)
        (void)!eddy_sleep(0);
}

/* Deliberate difference: what has ended beats a cancel that comes before its task runs; in asyncio
 * the cancel beats it. So here such a cancel is taken at once, as asyncio's would be. */
static int beaten(int r, bool cancelled_before)
{
    return r >= 0 && !cancelled_before && eddy_cancelled() ? -ECANCELED : r;
}

static eddy_task *known(const struct frame *frame, const struct op *op, int number)
{
    eddy_task *task = tasks[number];
    if (!task || task == eddy_current_task()) {
        note(frame, op->id, "none");
        return NULL;
    }
    return task;
}

/* A cancelled task's awaiter isn't cancelled itself: noted, and it goes on. */
static int outcome(struct frame *frame, const struct op *op, const eddy_task *task, int r)
{
    if (r < 0 && !(r == -ECANCELED && eddy_task_cancelled(task) && !eddy_cancelled()))
        return r;
    char text[32];
    (void)snprintf(text, sizeof text, r < 0 ? "was cancelled" : "gave %d", r);
    note(frame, op->id, text);
    return 0;
}

static int do_sleep(struct op *op, struct frame *frame)
{
    bool cancelled = eddy_cancelled();
    int r = beaten(eddy_sleep(op->number / 1e6), cancelled);
    if (r == 0)
        note(frame, op->id, "slept");
    return r;
}

static int do_spawn(struct op *op, struct frame *frame)
{
    (void)frame;
    tasks[op->number] = eddy_create_task(body, .number = op->number);
    return tasks[op->number] ? 0 : -ENOMEM;
}

static int do_child(struct op *op, struct frame *frame)
{
    is_child[op->number] = true;
    tasks[op->number] = eddy_spawn(frame->group, body, .number = op->number);
    if (!tasks[op->number])
        note(frame, op->id, "refused");
    return 0;
}

static int do_await(struct op *op, struct frame *frame)
{
    bool cancelled = eddy_cancelled();
    eddy_task *task = known(frame, op, op->number);
    if (!task)
        return 0;
    int r = eddy_await(task);
    return beaten(r, cancelled) == -ECANCELED && r >= 0 ? -ECANCELED : outcome(frame, op, task, r);
}

static int do_shield(struct op *op, struct frame *frame)
{
    eddy_task *task = known(frame, op, op->number);
    if (!task)
        return 0;
    bool waits = !eddy_task_done(task), cancelled = eddy_cancelled();
    int r = beaten(eddy_task_wait(task), cancelled);
    if (r < 0)
        return r;
    if (waits)
        hop();
    return outcome(frame, op, task, eddy_task_result(task));
}

static int do_waitfor(struct op *op, struct frame *frame)
{
    eddy_task *task = known(frame, op, op->number);
    return task ? outcome(frame, op, task, eddy_wait_for(eddy_await(task), op->second / 1e6)) : 0;
}

static int do_gather(struct op *op, struct frame *frame)
{
    eddy_task *many[LIST];
    int results[LIST];
    bool all_known = true, all_done = true, cancelled = eddy_cancelled();
    for (int i = 0; i < op->number; i++) {
        all_known &= (many[i] = known(frame, op, op->list[i])) != NULL;
        all_done &= !many[i] || eddy_task_done(many[i]);
    }
    if (!all_known)
        return 0;
    int r = eddy_gather(many, (size_t)op->number, results, EDDY_RETURN_EXCEPTIONS);
    if (!all_done || gather_always_suspends)
        hop();
    if (all_done && gather_always_suspends)
        hop();
    r = beaten(r, cancelled);
    if (r < 0)
        return r;
    char text[512];
    size_t used = add(text, 0, sizeof text, "gathered");
    for (int i = 0; i < op->number; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "%d", results[i]);
        used = add(text, used, sizeof text, " ");
        if (results[i] < 0)
            (void)eddy_task_result(many[i]);
        used = add(text, used, sizeof text, results[i] < 0 ? name("", results[i]) : number);
    }
    note(frame, op->id, text);
    return 0;
}

static int do_cancel(struct op *op, struct frame *frame)
{
    eddy_task *task = known(frame, op, op->number);
    if (task)
        note(frame, op->id, eddy_task_cancel(task) ? "cancel 1" : "cancel 0");
    if (eddy_cancelled()) /* it came round: asyncio suspends once before it says so */
        hop();
    return 0;
}

static int do_lock(struct op *op, struct frame *frame)
{
    bool cancelled = eddy_cancelled();
    int r = eddy_lock_acquire(&locks[op->number]);
    if (r < 0)
        return r;
    if (beaten(r, cancelled) < 0) {
        (void)eddy_lock_release(&locks[op->number]);
        return -ECANCELED;
    }
    note(frame, op->id, "locked");
    r = run_ops(op->block, frame);
    (void)eddy_lock_release(&locks[op->number]);
    return r;
}

static int do_permit(struct op *op, struct frame *frame)
{
    bool cancelled = eddy_cancelled();
    int r = eddy_semaphore_acquire(&permits[op->number]);
    if (r < 0)
        return r;
    if (beaten(r, cancelled) < 0) {
        (void)eddy_semaphore_release(&permits[op->number]);
        return -ECANCELED;
    }
    note(frame, op->id, "permitted");
    r = run_ops(op->block, frame);
    (void)eddy_semaphore_release(&permits[op->number]);
    return r;
}

static int do_set(struct op *op, struct frame *frame)
{
    (void)frame;
    eddy_event_set(&events[op->number]);
    return 0;
}

static int do_clear(struct op *op, struct frame *frame)
{
    (void)frame;
    eddy_event_clear(&events[op->number]);
    return 0;
}

static int do_wait(struct op *op, struct frame *frame)
{
    bool cancelled = eddy_cancelled();
    int r = beaten(eddy_event_wait(&events[op->number]), cancelled);
    if (r == 0)
        note(frame, op->id, "event");
    return r;
}

static int do_put(struct op *op, struct frame *frame)
{
    bool cancelled = eddy_cancelled();
    int r = beaten(eddy_queue_put(&queues[op->number], &op->id), cancelled);
    if (r == 0)
        note(frame, op->id, "put");
    return r;
}

static int do_get(struct op *op, struct frame *frame)
{
    int item;
    bool cancelled = eddy_cancelled();
    int r = beaten(eddy_queue_get(&queues[op->number], &item), cancelled);
    if (r < 0)
        return r;
    char text[32];
    (void)snprintf(text, sizeof text, "got %d", item);
    note(frame, op->id, text);
    return 0;
}

static int do_timeout(struct op *op, struct frame *frame)
{
    int r = 0, body_code = 0;
    eddy_with_timeout (op->number / 1e6, &r)
        body_code = r = run_ops(op->block, frame);
    return r < 0 ? r : body_code; /* the body's cancel, if it was do_sleep's own */
}

static int do_group(struct op *op, struct frame *frame)
{
    int r = 0, body_code = 0;
    bool waited = false;
    eddy_group *outer = frame->group;
    eddy_with_group (group, &r) {
        frame->group = group;
        body_code = run_ops(op->block, frame);
        r = body_code < 0 ? body_code : 0;
        waited = eddy_group_size(group) > 0;
    }
    frame->group = outer;
    if (waited)
        hop();
    if (r == 0 && body_code == 0)
        note(frame, op->id, "joined");
    return r < 0 ? r : body_code;
}

static int do_try(struct op *op, struct frame *frame)
{
    int r = run_ops(op->block, frame);
    if (r >= 0 || r == -ECANCELED)
        return r;
    note(frame, op->id, name("caught ", r));
    return 0;
}

static int do_finally(struct op *op, struct frame *frame)
{
    int r = run_ops(op->block, frame);
    note(frame, op->id, "cleaned up");
    return r;
}

static int do_fail(struct op *op, struct frame *frame)
{
    (void)frame;
    return eddy_fail(-FAIL_BASE - op->number, "failed on purpose");
}

static int do_return(struct op *op, struct frame *frame)
{
    frame->value = op->number;
    return RETURNED;
}

/* ---- words ---- */

static const struct {
    const char *word;
    int (*run)(struct op *op, struct frame *frame);
    enum shape shape;
} words[] = {
    {"sleep", do_sleep, NUMBER},
    {"spawn", do_spawn, NUMBER},
    {"child", do_child, NUMBER},
    {"await", do_await, NUMBER},
    {"shield", do_shield, NUMBER},
    {"cancel", do_cancel, NUMBER},
    {"set", do_set, NUMBER},
    {"clear", do_clear, NUMBER},
    {"wait", do_wait, NUMBER},
    {"put", do_put, NUMBER},
    {"get", do_get, NUMBER},
    {"fail", do_fail, NUMBER},
    {"return", do_return, NUMBER},
    {"gather", do_gather, MANY},
    {"waitfor", do_waitfor, TWO_NUMBERS},
    {"lock", do_lock, BLOCK},
    {"permit", do_permit, BLOCK},
    {"timeout", do_timeout, BLOCK},
    {"group", do_group, BLOCK},
    {"try", do_try, BLOCK},
    {"finally", do_finally, BLOCK},
};

static size_t find_word(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0)
            return i;
    fprintf(stderr, "unknown word '%s'\n", word);
    exit(2);
}

enum shape word_shape(const char *word)
{
    return words[find_word(word)].shape;
}

static int run_ops(struct op *ops, struct frame *frame)
{
    for (struct op *op = ops; op; op = op->next) {
        int r = words[find_word(op->word)].run(op, frame);
        if (r != 0)
            return r;
    }
    return 0;
}

/* ---- a run ---- */

static int program(void)
{
    int r = 0;
    for (int i = 0; i < 2; i++) {
        locks[i] = (eddy_lock)EDDY_LOCK_INIT;
        permits[i] = (eddy_semaphore)EDDY_SEMAPHORE_INIT(2);
        events[i] = (eddy_event)EDDY_EVENT_INIT;
        if (eddy_queue_open(&queues[i], sizeof(int), (size_t)i + 1) < 0)
            return -ENOMEM;
    }
    struct body main_body = {.number = 0};
    eddy_with_timeout (1000, &r)
        r = body(&main_body);
    if (r == -ETIMEDOUT && eddy_time() >= 1000)
        note(&(struct frame){.body = 0}, 0, "stuck");
    over = true;
    for (int i = 0; i < BODIES; i++) {
        if (!tasks[i])
            continue;
        (void)eddy_task_result(tasks[i]); /* seen: nobody is to report it */
        eddy_task_cancel(tasks[i]);
        if (!is_child[i])
            (void)eddy_task_release(tasks[i]);
    }
    for (int i = 0; i < 2; i++)
        eddy_queue_shutdown(&queues[i]);
    return 0;
}

static void quiet(void *context, const struct eddy_log_record *record)
{
    (void)context;
    (void)record;
}

int program_run(void)
{
    over = false;
    memset(tasks, 0, sizeof tasks);
    memset(is_child, 0, sizeof is_child);
    const struct eddy_options options = {.virtual_clock = true, .quiet = true, .log = quiet};
    int r = eddy_run_with(&options, program);
    if (r < 0)
        return r;
    for (int i = 0; i < 2; i++)
        eddy_queue_close(&queues[i]);
    return 0;
}
