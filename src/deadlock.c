/* SPDX-License-Identifier: MIT */
/*
 * The deadlock report. Only what is certain is reported: tasks that wait for each other in a
 * circle, or a program in which no other thread is there that could call.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "debug.h"
#include "eddy/debug.h"
#include "eddy/pool.h"
#include "log.h"
#include "signals.h"

enum { TASKS = 64, TEXT = 440 };

enum { KERNELS_WORKER = 0x10 }; /* PF_IO_WORKER, which no program can give itself */

/* Waits that end without anybody's doing, or by somebody outside the loop. */
static bool waits_for_the_world(const struct task *task)
{
    static const char *const worldly[] = {"sleep", "a thread", "a worker process",
                                          "a pool to close", "a signal"};
    for (size_t i = 0; i < sizeof worldly / sizeof worldly[0]; i++)
        if (strcmp(task->wait->what, worldly[i]) == 0)
            return true;
    return false;
}

/* ---- others ---- */

/* A thread that the kernel has put into the process to work for io_uring: it calls nobody. */
static bool is_kernels(int id)
{
    char line[128];
    unsigned flags = 0;
    watchdog_read(id, "stat", line, sizeof line);
    return sscanf(line, "%*d (iou-%*[^)]) %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
           flags & KERNELS_WORKER;
}

/* Whether the process has more threads than so many without the kernel's. An answer that can't be
 * had is yes. */
static bool more_threads_than(size_t own)
{
    char entries[1024] __attribute__((__aligned__(8)));
    int folder = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long size = -1;
    size_t count = 0;
    while (folder >= 0 && count <= own &&
           (size = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0)
        for (long at = 0; at < size && count <= own;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(entries + at);
            int id = atoi(entry->d_name);
            at += entry->d_reclen;
            count += id > 0 && !is_kernels(id);
        }
    if (folder >= 0)
        (void)close(folder);
    return size < 0 || count > own;
}

/* Whether there is a thread beside this one, the watchdog, and the idle ones of the loop's pool. */
static bool others_could_call(const struct eddy_loop *loop)
{
    struct stat tasks;
    size_t own = 1 + (size_t)watchdog_runs() + eddy_pool_workers(loop->threads);
    if (stat("/proc/self/task", &tasks) < 0)
        return true;
    if (tasks.st_nlink - 2 > own && (!loop->engine->call->submits || more_threads_than(own)))
        return true;
    return atomic_load(&loop->posts) ||
           atomic_load(&loop->interrupts) /* one called, and has gone */ || signals_expected(loop);
}

/* ---- the cycle ---- */

struct search {
    const struct task *tasks[TASKS];
    bool passed[TASKS];
    size_t count;
    size_t way[TASKS], length; /* tasks that wait for each other, in this order */
};

static bool search_from(struct search *search, size_t at)
{
    for (size_t i = 0; i < search->length; i++)
        if (search->way[i] == at) {
            search->length -= i;
            memmove(search->way, search->way + i, search->length * sizeof search->way[0]);
            return true;
        }
    if (search->passed[at])
        return false;
    search->passed[at] = true;
    search->way[search->length++] = at;
    for (size_t next = 0; next < search->count; next++)
        if (debug_waits_for(search->tasks[at], search->tasks[next]) && search_from(search, next))
            return true;
    search->length--;
    return false;
}

static bool find_cycle(struct search *search)
{
    for (size_t i = 0; i < search->count; i++)
        if (search_from(search, i))
            return true;
    return false;
}

/* ---- the report ---- */

static size_t add_task(char *text, size_t used, const struct task *task)
{
    char name[TASK_NAME_SIZE], wait[256];
    slot_name(task->slot, name);
    debug_describe_wait(task, wait, sizeof wait);
    int length = snprintf(text + used, TEXT - used, "%s'%s' (%s at %s:%d) is %s", used ? ", " : "",
                          name, task->slot->site->function, site_file(task->slot->site),
                          task->slot->site->line, wait);
    return length < 0 || used + (size_t)length >= TEXT ? TEXT - 1 : used + (size_t)length;
}

static void report(struct eddy_loop *loop, const struct search *search, bool cycle)
{
    char text[TEXT] = "";
    size_t used = 0, count = cycle ? search->length : search->count;
    for (size_t i = 0; i < count && used + 1 < TEXT; i++)
        used = add_task(text, used, search->tasks[cycle ? search->way[i] : i]);
    loop->stuck = true;
    log_say(loop, EDDY_LOG_WARNING, EDDY_LOG_DEADLOCK, "deadlock: %s: %s",
            cycle ? "tasks wait for each other in a circle" : "nothing can wake any task", text);
    if (!loop->log)
        eddy_print_call_graph(NULL, stderr);
}

void deadlock_check(struct eddy_loop *loop)
{
    struct search search = {.count = 0};
    if (loop->stuck || !loop->task_count ||
        loop->engine->call->simulated) /* which does it itself */
        return;
    for (struct link *link = loop->tasks.first; link; link = link->next) {
        const struct task *task = container_of(link, struct task, in_loop);
        if (!task->wait || waits_for_the_world(task))
            return;
        if (search.count < TASKS)
            search.tasks[search.count++] = task;
    }
    bool cycle = find_cycle(&search);
    if (cycle || !others_could_call(loop))
        report(loop, &search, cycle);
}
