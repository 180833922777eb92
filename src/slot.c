/* SPDX-License-Identifier: MIT */
/*
 * Slots: what a task handle names. A handle is loop id, generation and slot number, never an
 * address, so one that outlived its task is recognised however late it is used.
 *
 * The slots of a loop lie in one reserved array, touched as far as it is used: they never move.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "cancellation.h"
#include "log.h"
#include "memory.h"
#include "task.h"

static size_t slots_bytes(const struct eddy_loop *loop)
{
    return 2 * loop->max_tasks * sizeof(struct task_slot); /* half for finished ones still held */
}

int slots_create(struct eddy_loop *loop)
{
    void *memory = MAP_FAILED;
    if (!memory_refused(slots_bytes(loop)))
        memory = mmap(NULL, slots_bytes(loop), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return eddy_fail(-ENOMEM, "no room for the slots of %zu tasks", loop->max_tasks);
    loop->slots = memory;
    return 0;
}

void slot_report_lost(struct eddy_loop *loop, struct task_slot *slot)
{
    if (slot->result >= 0 || slot->cancelled || slot->seen)
        return;
    slot->seen = true;
    char name[TASK_NAME_SIZE], message[256];
    slot_name(slot, name);
    (void)snprintf(message, sizeof message,
                   "task '%s' (%s, spawned at %s:%d) failed and nobody waited for it", name,
                   slot->site->function, slot->site->file, slot->site->line);
    log_record(loop, &(struct eddy_log_record){.level = EDDY_LOG_ERROR,
                                               .event = EDDY_LOG_TASK_LOST,
                                               .message = message,
                                               .task = name,
                                               .code = slot->result,
                                               .failure = slot->failure});
}

void slots_destroy(struct eddy_loop *loop)
{
    for (uint32_t i = 0; i < loop->slots_made; i++) {
        struct task_slot *slot = &loop->slots[i];
        if (!slot->site)
            continue;
        slot_report_lost(loop, slot);
        char name[TASK_NAME_SIZE];
        slot_name(slot, name);
        log_say(loop, EDDY_LOG_WARNING, EDDY_LOG_HANDLE_LOST,
                "the handle of task '%s' (%s, created at %s:%d) was never released; use "
                "eddy_task_release or eddy_detach",
                name, slot->site->function, slot->site->file, slot->site->line);
        slot_free(loop, slot);
    }
    (void)munmap(loop->slots, slots_bytes(loop));
}

struct task_slot *slot_take(struct eddy_loop *loop)
{
    struct task_slot *slot = loop->free_slot;
    if (slot) {
        loop->free_slot = slot->next;
        return slot;
    }
    if (loop->slots_made == 2 * loop->max_tasks)
        return NULL;
    slot = &loop->slots[loop->slots_made++];
    slot->generation = loop->first_generation;
    return slot;
}

void slot_free(struct eddy_loop *loop, struct task_slot *slot)
{
    if (slot->failure)
        eddy_failure_release(slot->failure);
    if (slot->why)
        cancellation_release(slot->why);
    if (slot->name)
        memory_free(slot->name);
    *slot = (struct task_slot){.generation = slot->generation + 1, .next = loop->free_slot};
    loop->free_slot = slot;
}

eddy_task *slot_handle(const struct eddy_loop *loop, const struct task_slot *slot)
{
    return (eddy_task *)((uintptr_t)loop->id << 56 | (uintptr_t)slot->generation << 24 |
                         (uintptr_t)(slot - loop->slots + 1));
}

eddy_task *task_handle(const struct task *task)
{
    return slot_handle(task->loop, task->slot);
}

struct task_slot *slot_missing(const eddy_task *handle, const char *call, int *code)
{
    const struct eddy_loop *loop = loop_self;
    if (!handle || !loop)
        *code = log_misuse(-EINVAL, call, !handle ? "the task is NULL" : "called outside a loop");
    else
        *code = log_misuse(-ESRCH, call,
                           (uintptr_t)handle >> 56 == loop->id
                               ? "this task's handle was released, or its group has ended"
                               : "this task belongs to another loop, or to one that ended");
    return NULL;
}

const char *site_file(const struct eddy_site_ *site)
{
    const char *slash = strrchr(site->file, '/');
    return slash ? slash + 1 : site->file;
}

void slot_name(const struct task_slot *slot, char name[TASK_NAME_SIZE])
{
    if (slot->name)
        (void)snprintf(name, TASK_NAME_SIZE, "%s", slot->name);
    else
        (void)snprintf(name, TASK_NAME_SIZE, "Task-%llu", (unsigned long long)slot->sequence);
}

void task_current_name(char name[TASK_NAME_SIZE])
{
    struct task *task = task_current();
    if (task)
        slot_name(task->slot, name);
    else
        name[0] = '\0';
}
