/* SPDX-License-Identifier: MIT */
/* Traces: adding, comparing, printing. */
#include "program.h"
#include "trace.h"

void trace_add(struct trace *trace, enum event_kind kind, int task, int value, int64_t time)
{
    if (trace->count < MAX_EVENTS)
        trace->events[trace->count] = (struct event){kind, task, value, time};
    trace->count++;
}

static bool same(const struct event *a, const struct event *b)
{
    return a->kind == b->kind && a->task == b->task && a->value == b->value && a->time == b->time;
}

int trace_compare(const struct trace *a, const struct trace *b)
{
    int count = a->count < b->count ? a->count : b->count;
    for (int i = 0; i < count && i < MAX_EVENTS; i++)
        if (!same(&a->events[i], &b->events[i]))
            return i;
    return a->count == b->count ? NONE : count;
}

void trace_print(const struct trace *trace, int upto, FILE *stream)
{
    static const char *const kinds[] = {
        "begins",      "ends",         "ends cancelled", "statement gives",
        "block gives", "is cancelled", "group has",      "tasks alive",
        "report",      "main result",  "lost failures",  "lost handles",
    };
    enum { BEFORE = 40 };
    for (int i = upto > BEFORE ? upto - BEFORE : 0; i <= upto; i++) {
        if (i >= trace->count || i >= MAX_EVENTS) {
            fprintf(stream, "  %4d nothing more\n", i);
            return;
        }
        const struct event *event = &trace->events[i];
        fprintf(stream, "  %4d %5.1f s ", i, 0.5 * (double)event->time);
        if (event->task != NONE)
            fprintf(stream, "task %d ", event->task);
        fprintf(stream, "%s %d\n", kinds[event->kind], event->value);
    }
}
