/* SPDX-License-Identifier: MIT */
/*
 * The call graph. A parked task's stack is walked by its frame pointers, within its bounds, so a
 * frame without one ends the walk and does no harm.
 */
#include "debug.h"
#include <stdio.h>
#include <string.h>
#include "eddy/debug.h"
#include "group.h"
#include "lock.h"
#include "log.h"

enum { FRAMES = 32, DEPTH = 32, WAIT_TEXT = 256 };

/* ---- frames ---- */

struct frame {
    const struct frame *caller;
    void *resume;
};

static bool in_stack(const struct task *task, const struct frame *frame)
{
    uintptr_t at = (uintptr_t)frame;
    return at % sizeof(void *) == 0 && at >= (uintptr_t)task->stack->bottom &&
           at + sizeof *frame <= (uintptr_t)task->stack->top;
}

static bool is_task_start(const void *resume)
{
    uintptr_t start = (uintptr_t)eddy_task_start_, at = (uintptr_t)resume;
    return at >= start && at - start < 64;
}

__attribute__((__no_sanitize__("address"))) static size_t walk(const struct task *task,
                                                               const struct frame *frame,
                                                               void **frames, size_t capacity)
{
    size_t count = 0;
    while (count < capacity && in_stack(task, frame) && frame->resume &&
           !is_task_start(frame->resume)) {
        frames[count++] = frame->resume;
        if (frame->caller <= frame)
            break;
        frame = frame->caller;
    }
    /* The outermost one is of the code that starts tasks. */
    return count && in_stack(task, frame) && is_task_start(frame->resume) ? count - 1 : count;
}

static size_t task_frames(const struct task *task, void **frames, size_t capacity)
{
    if (!task->started)
        return 0;
    const void *innermost = task == task_current() ? __builtin_frame_address(0)
                                                   : task->context.frame;
    return walk(task, innermost, frames, capacity);
}

size_t eddy_task_stack(const eddy_task *handle, void **frames, size_t capacity)
{
    int code;
    struct task_slot *slot = slot_find(handle, "eddy_task_stack", &code);
    return slot && slot->task && frames ? task_frames(slot->task, frames, capacity) : 0;
}

/* ---- edges ---- */

/* The task whose group it is in; of the group of a server or a map, too. */
static struct task *group_owner(const struct task *task)
{
    return task->group ? task->group->scope.task : NULL;
}

struct task *debug_lock_holder(const struct task *task)
{
    const struct wait *wait = task->wait;
    if (!wait || strcmp(wait->what, "lock") != 0)
        return NULL;
    const struct waiter *waiter = container_of(wait, struct waiter, wait);
    const struct lock *lock = container_of(waiter->waiters, struct lock, waiters);
    for (struct link *link = task->loop->tasks.first; link; link = link->next) {
        struct task *other = container_of(link, struct task, in_loop);
        if (lock_held_by(lock, other))
            return other;
    }
    return NULL; /* it ended without a release */
}

bool debug_waits_for(const struct task *waiter, const struct task *other)
{
    if (!waiter->wait)
        return false;
    if (waiter->wait->awaits == other || debug_lock_holder(waiter) == other ||
        (other->group && other->group->joiner == waiter->wait))
        return true;
    for (const struct link *link = other->joiners.first; link; link = link->next)
        if (container_of(link, struct join, link)->waiter == waiter)
            return true;
    return false;
}

size_t eddy_task_awaited_by(const eddy_task *handle, eddy_task **tasks, size_t capacity)
{
    int code;
    struct task_slot *slot = slot_find(handle, "eddy_task_awaited_by", &code);
    if (!slot || !slot->task)
        return 0;
    size_t count = 0;
    const struct task *owner = group_owner(slot->task);
    if (owner && count++ < capacity && tasks)
        tasks[0] = task_handle(owner);
    for (const struct link *link = slot->task->joiners.first; link; link = link->next) {
        const struct task *waiter = container_of(link, struct join, link)->waiter;
        if (waiter && count++ < capacity && tasks)
            tasks[count - 1] = task_handle(waiter);
    }
    return count;
}

/* ---- printing ---- */

static const char *task_text(const struct task *task, char name[TASK_NAME_SIZE])
{
    slot_name(task->slot, name);
    return name;
}

void debug_describe_wait(const struct task *task, char *buffer, size_t size)
{
    char name[TASK_NAME_SIZE];
    const struct task *holder = debug_lock_holder(task);
    if (!task->wait)
        (void)snprintf(buffer, size, "%s",
                       !task->started           ? "not begun"
                       : task == task_current() ? "running"
                                                : "ready");
    else if (task->wait->awaits)
        (void)snprintf(buffer, size, "waiting for task '%s'", task_text(task->wait->awaits, name));
    else if (holder)
        (void)snprintf(buffer, size, "waiting for lock held by '%s'", task_text(holder, name));
    else
        (void)snprintf(buffer, size, "waiting for %s", task->wait->what);
}

static void print_head(const struct task *task, FILE *stream, int indent)
{
    char name[TASK_NAME_SIZE], wait[WAIT_TEXT];
    const struct eddy_site_ *site = task->slot->site;
    debug_describe_wait(task, wait, sizeof wait);
    fprintf(stream, "%*s* '%s' %s() at %s:%d, %s", indent, "", task_text(task, name),
            site->function, site_file(site), site->line, wait);
    for (const struct scope *scope = task->scope; scope && scope != &task->root;
         scope = scope->parent)
        fprintf(stream, ", in the %s at %s:%d", scope->site->function, site_file(scope->site),
                scope->site->line);
    fputc('\n', stream);
}

static void print_frames(const struct task *task, FILE *stream, int indent)
{
    void *frames[FRAMES];
    size_t count = task_frames(task, frames, FRAMES);
    for (size_t i = 0; i < count; i++) {
        char text[256];
        (void)eddy_describe_address(frames[i], text, sizeof text);
        fprintf(stream, "%*s| %s\n", indent, "", text);
    }
}

/* The way from the task that was asked for to the one being printed. */
struct path {
    const struct path *before;
    const struct task *task;
};

static void print_task(const struct task *task, FILE *stream, int indent, const struct path *before,
                       bool deep);

static void print_awaiter(const struct path *path, const struct task *awaiter, const char *how,
                          const struct eddy_site_ *site, FILE *stream, int indent, bool deep)
{
    char name[TASK_NAME_SIZE];
    fprintf(stream, "%*s+ awaited by '%s' in %s", indent, "", task_text(awaiter, name), how);
    if (site)
        fprintf(stream, " at %s:%d", site_file(site), site->line);
    bool seen = false;
    for (const struct path *one = path; one; one = one->before)
        seen |= one->task == awaiter;
    fputs(seen ? ", a cycle\n" : "\n", stream);
    if (deep && !seen && indent < 2 * DEPTH)
        print_task(awaiter, stream, indent + 2, path, true);
}

static void print_task(const struct task *task, FILE *stream, int indent, const struct path *before,
                       bool deep)
{
    struct path path = {before, task};
    print_head(task, stream, indent);
    print_frames(task, stream, indent + 2);
    const struct task *owner = group_owner(task);
    if (owner)
        print_awaiter(&path, owner, "the group", task->group->scope.site, stream, indent + 2, deep);
    for (const struct link *link = task->joiners.first; link; link = link->next) {
        const struct task *waiter = container_of(link, struct join, link)->waiter;
        if (waiter)
            print_awaiter(&path, waiter,
                          !waiter->wait || waiter->wait->awaits ? "await" : waiter->wait->what,
                          NULL, stream, indent + 2, deep);
    }
}

void eddy_print_call_graph(eddy_task *handle, FILE *stream)
{
    struct eddy_loop *loop = loop_self;
    int code;
    if (!stream)
        stream = stderr;
    if (!handle && !loop) {
        (void)log_misuse(-EINVAL, "eddy_print_call_graph", "called outside a loop");
        return;
    }
    if (!handle) {
        for (struct link *link = loop->tasks.first; link; link = link->next)
            print_task(container_of(link, struct task, in_loop), stream, 0, NULL, false);
        return;
    }
    struct task_slot *slot = slot_find(handle, "eddy_print_call_graph", &code);
    if (!slot)
        return;
    if (slot->task) {
        print_task(slot->task, stream, 0, NULL, true);
        return;
    }
    char text[256];
    (void)eddy_task_describe(handle, text, sizeof text);
    fprintf(stream, "* %s\n", text);
}

/* ---- debug mode ---- */

bool eddy_get_debug(void)
{
    return loop_self && loop_self->debug;
}

void eddy_set_debug(bool debug)
{
    if (loop_self)
        loop_self->debug = debug;
}
