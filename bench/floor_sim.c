/* SPDX-License-Identifier: MIT
 *
 * The floor of a simulated network: 500 raw clients and their servers, and a heap of messages by
 * the time at which they arrive.
 *
 *     send: copy 64 bytes into the other's mailbox, draw a delay, push;  wait: pop, switch
 *
 * No streams, no descriptors, no loop: what is left is what any simulator of these messages does.
 * An operation is a millisecond of simulated time.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "floors.h"
#include "raw_task.h"
#include "stopwatch.h"
#include "workload.h"

enum { STACK_STRIDE = 64 * 1024, TASKS = 2 * WORKLOAD_SIM_PAIRS };

struct arrival {
    uint64_t time; /* ns */
    struct end *end;
};

struct end {
    struct raw_task *task;
    struct end *other;
    char mailbox[WORKLOAD_MESSAGE_SIZE];
};

static struct {
    struct arrival heap[TASKS];
    size_t count;
    uint64_t now, until, random, messages;
} net;

static struct end ends[TASKS];
static struct raw_task outside;

static void heap_push(struct arrival arrival)
{
    size_t place = net.count++;
    for (; place > 0 && net.heap[(place - 1) / 2].time > arrival.time; place = (place - 1) / 2)
        net.heap[place] = net.heap[(place - 1) / 2];
    net.heap[place] = arrival;
}

static struct arrival heap_pop(void)
{
    struct arrival first = net.heap[0], last = net.heap[--net.count];
    size_t place = 0;
    for (size_t child; (child = 2 * place + 1) < net.count; place = child) {
        if (child + 1 < net.count && net.heap[child + 1].time < net.heap[child].time)
            child++;
        if (net.heap[child].time >= last.time)
            break;
        net.heap[place] = net.heap[child];
    }
    net.heap[place] = last;
    return first;
}

static uint64_t draw_delay(void)
{
    const uint64_t shortest = WORKLOAD_SIM_DELAY_MIN_US * UINT64_C(1000);
    const uint64_t longest = WORKLOAD_SIM_DELAY_MAX_US * UINT64_C(1000);

    net.random ^= net.random << 13;
    net.random ^= net.random >> 7;
    net.random ^= net.random << 17;
    return shortest + net.random % (longest - shortest);
}

static WORKLOAD_OPAQUE void send_message(struct end *from, const char *message)
{
    memcpy(from->other->mailbox, message, WORKLOAD_MESSAGE_SIZE);
    heap_push((struct arrival){.time = net.now + draw_delay(), .end = from->other});
}

/* False: the time is over, or nothing is under way any more. */
static WORKLOAD_OPAQUE void receive_message(struct end *to, char *ret_message)
{
    struct arrival next = {.time = net.until};
    if (net.count > 0)
        next = heap_pop();
    net.now = next.time;
    if (net.now >= net.until)
        raw_switch(to->task, &outside);
    else if (next.end != to)
        raw_switch(to->task, next.end->task);
    memcpy(ret_message, to->mailbox, WORKLOAD_MESSAGE_SIZE);
    net.messages++;
}

static void client_entry(struct raw_task *self)
{
    struct end *end = self->context;
    char message[WORKLOAD_MESSAGE_SIZE];

    memset(message, 'x', sizeof(message));
    for (;;) {
        send_message(end, message);
        receive_message(end, message);
    }
}

static void server_entry(struct raw_task *self)
{
    struct end *end = self->context;
    char message[WORKLOAD_MESSAGE_SIZE];

    for (;;) {
        receive_message(end, message);
        send_message(end, message);
    }
}

static int run_sim(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    struct raw_stacks stacks;
    struct stopwatch watch;

    (void)self;
    int error = raw_stacks_map(&stacks, TASKS, STACK_STRIDE);
    if (error < 0)
        return error;
    net.count = 0;
    net.now = net.messages = 0;
    net.random = 88172645463325252u;
    net.until = operations * 1000000;
    for (size_t i = 0; i < TASKS; i++) {
        ends[i].task = raw_stacks_task(&stacks, i, raw_stacks_colour(i));
        ends[i].task->context = &ends[i];
        ends[i].other = &ends[i ^ 1];
        raw_task_prepare(ends[i].task, i % 2 == 0 ? client_entry : server_entry);
    }

    stopwatch_start(&watch);
    /* At time 0 each task begins, and runs to its first wait. */
    for (size_t i = 0; i < TASKS; i++)
        heap_push((struct arrival){.time = 0, .end = &ends[i]});
    raw_switch(&outside, heap_pop().end->task);
    stopwatch_stop(&watch, operations, ret_sample);
    raw_stacks_unmap(&stacks);
    snprintf(ret_sample->note, sizeof(ret_sample->note), "%.0f messages a ms",
             (double)net.messages / (double)operations);
    return net.messages > 0 ? 0 : -EBADMSG;
}

const struct contender floor_sim_contenders[] = {
    {.group = "sim", .name = "raw tasks, a heap of messages", .is_floor = true, .run = run_sim},
    {.name = NULL},
};
