/* SPDX-License-Identifier: MIT */
/*
 * The order of what is ready, and the count of steps.
 *
 * First in, first out leaves the loop's queue as it is: what is in it when a turn begins runs in
 * this turn, so it is counted and hashed here. The other orders make each step a turn of its own:
 *
 *      ready queue   [a]->[b]->[c]->[d]      index 2 is chosen
 *                    [c]->[a]->[b]->[d]      c goes to the front, and the turn ends behind it
 *
 * To reach any place at once, `ready` mirrors the queue: an entry each, in the same order. The
 * queue only changes by what is taken from its front here and what is appended while that runs.
 *
 * Priorities are 16 random bits a task; of equal ones the oldest entry runs. A task that yields
 * draws a new one: else the highest would spin for ever in `while (!done) eddy_sleep(0)`. At each
 * change point the task that would run falls below all others, the first point's lowest of all, as
 * in the paper. A callback counts as a new task each time.
 *
 * Timers with one deadline fire in an order that is chosen, too.
 */
#include "test/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "test/session.h"

#define PRIORITY_CHANGES 3
#define PRIORITY_CHANGES_MAX 1000
#define PRIORITY_STEPS 1000
#define PRIORITY_LEVELS 65536

/* Turns in a row in which nothing happened, then nothing ever will. */
#define IDLE_TURNS 10000

/* Steps after which even the lowest priority gets its turn. */
#define PATIENCE 10000

struct ready {
    struct work *work;
    int32_t priority;
    uint32_t since; /* the step before which it came */
};

/* What was drawn for the task in a slot. */
struct slot_priority {
    uint64_t task; /* its sequence number; 0: none */
    int32_t priority;
};

struct sim_order {
    uint32_t loop; /* its first generation, which no other loop has */
    bool main_ended;
    struct ready *ready; /* from `first`: what is before has gone */
    size_t first, count, capacity;
    struct work *ran; /* in the step before */
    uint64_t step;    /* of this loop */
    struct slot_priority *slots;
    size_t slots_capacity;
    struct timer **ties; /* of equal deadlines */
    size_t ties_capacity;
    unsigned change_count;
    uint64_t changes[PRIORITY_CHANGES_MAX]; /* steps; 0: none */
};

/* The array with room for so many elements more of that size. */
static void *grow(void *array, size_t *capacity, size_t wanted, size_t size)
{
    if (wanted <= *capacity)
        return array;
    size_t more = *capacity ? 2 * *capacity : 64;
    while (more < wanted)
        more *= 2;
    char *grown = realloc(array, more * size);
    if (!grown)
        log_abort("no memory for the order of %zu tasks", wanted);
    memset(grown + *capacity * size, 0, (more - *capacity) * size);
    *capacity = more;
    return grown;
}

static const struct task *task_of(struct work *work)
{
    return work->run ? NULL : container_of(work, struct task, work);
}

/* ---- steps ---- */

static void count_step(struct sim *sim, struct work *work)
{
    const struct task *task = task_of(work);
    sim->report.steps++;
    if (task)
        choices_note(&sim->choices, SIM_EVENT(SIM_EVENT_TASK), task->slot->sequence);
    else
        choices_note(&sim->choices, SIM_EVENT(SIM_EVENT_CALLBACK), 0);
}

static void count_time(struct sim *sim, const struct eddy_loop *loop)
{
    if (sim->now == loop->virtual_now)
        return;
    sim->now = loop->virtual_now;
    sim->report.seconds = (double)sim->now / NANOSECONDS;
    choices_note(&sim->choices, SIM_EVENT(SIM_EVENT_TIME), (uint64_t)sim->now);
}

/* ---- priorities ---- */

static int32_t draw_priority(struct sim *sim)
{
    return (int32_t)choose(&sim->choices, PRIORITY_LEVELS);
}

static struct slot_priority *slot_priority(struct sim *sim, const struct task *task)
{
    struct sim_order *order = sim->order;
    size_t index = (size_t)(task->slot - task->loop->slots);
    order->slots = grow(order->slots, &order->slots_capacity, index + 1, sizeof *order->slots);
    struct slot_priority *slot = &order->slots[index];
    if (slot->task != task->slot->sequence)
        *slot = (struct slot_priority){task->slot->sequence, draw_priority(sim)};
    return slot;
}

/* Of an entry that has just come. */
static int32_t priority_of(struct sim *sim, struct work *work)
{
    const struct task *task = task_of(work);
    if (!task)
        return draw_priority(sim);
    struct slot_priority *slot = slot_priority(sim, task);
    if (work == sim->order->ran && slot->priority >= 0)
        slot->priority = draw_priority(sim); /* it yielded */
    return slot->priority;
}

static void set_priority(struct sim *sim, struct ready *ready, int32_t priority)
{
    const struct task *task = task_of(ready->work);
    ready->priority = priority;
    if (task)
        slot_priority(sim, task)->priority = priority;
}

static size_t highest(const struct sim_order *order)
{
    const struct ready *ready = &order->ready[order->first];
    size_t best = 0;
    for (size_t i = 1; i < order->count; i++)
        if (ready[i].priority > ready[best].priority)
            best = i;
    return best;
}

static size_t pick_by_priority(struct sim *sim)
{
    struct sim_order *order = sim->order;
    struct ready *ready = &order->ready[order->first];
    if ((uint32_t)order->step - ready->since > PATIENCE)
        return 0;
    size_t best = highest(order);
    for (unsigned i = 0; i < order->change_count; i++)
        if (order->changes[i] == order->step) {
            set_priority(sim, &ready[best], (int32_t)i - (int32_t)order->change_count);
            best = highest(order);
        }
    return best;
}

static void draw_changes(struct sim *sim)
{
    struct sim_order *order = sim->order;
    unsigned count = sim->options.priority_changes;
    uint64_t steps = sim->options.priority_steps;
    order->change_count = !count                         ? PRIORITY_CHANGES
                          : count > PRIORITY_CHANGES_MAX ? PRIORITY_CHANGES_MAX
                                                         : count;
    if (!steps)
        steps = PRIORITY_STEPS;
    for (unsigned i = 0; i < order->change_count; i++)
        order->changes[i] = choose(&sim->choices,
                                   steps < UINT32_MAX ? (uint32_t)steps + 1 : UINT32_MAX);
}

/* ---- ties of timers ---- */

/* A number of the list's timers, linked anew in an order that chance gives: what is left is always
 * in the order in which they were set, so zeros leave it at that. */
static void shuffle(struct choices *choices, struct timer **ties, size_t count,
                    struct timer_link *list)
{
    while (count) {
        size_t index = choose_order(choices, (uint32_t)count);
        struct timer *timer = ties[index];
        memmove(&ties[index], &ties[index + 1], (--count - index) * sizeof *ties);
        timer_append(list, timer);
    }
}

/* The timers that are about to fire: which of equal deadlines comes first is not to be relied
 * on. */
static void shuffle_ties(struct timer_wheel *wheel)
{
    struct eddy_loop *loop = container_of(wheel, struct eddy_loop, timers);
    struct sim *sim = session_self->sim;
    struct sim_order *order = sim->order;
    struct timer *timer = wheel->due.first;
    if (!order || sim->loop != loop || !timer || !timer->next)
        return;
    wheel->due = (struct timer_link){NULL, NULL};
    while (timer) {
        int64_t deadline = timer->deadline;
        size_t count = 0;
        for (; timer && timer->deadline == deadline; timer = timer->next) {
            order->ties = grow(order->ties, &order->ties_capacity, count + 1, sizeof(*order->ties));
            order->ties[count++] = timer;
        }
        shuffle(&sim->choices, order->ties, count, &wheel->due);
    }
}

/* ---- the mirror ---- */

static void append(struct sim_order *order, struct ready entry)
{
    if (order->first + order->count == order->capacity) {
        if (order->first <= order->count)
            order->ready = grow(order->ready, &order->capacity, order->first + order->count + 1,
                                sizeof *order->ready);
        memmove(order->ready, &order->ready[order->first], order->count * sizeof *order->ready);
        order->first = 0;
    }
    order->ready[order->first + order->count++] = entry;
}

static void mirror_from(struct sim *sim, struct work *work)
{
    bool priorities = sim->options.order == EDDY_SIM_PRIORITIES;
    for (; work; work = work->next) {
        int32_t priority = priorities ? priority_of(sim, work) : 0;
        append(sim->order, (struct ready){work, priority, (uint32_t)sim->order->step});
    }
}

/* What is ready when the main task has ended runs without a turn: then the mirror is of no use. */
static void mirror(struct sim *sim, struct eddy_loop *loop)
{
    struct sim_order *order = sim->order;
    if (!loop->main && !order->main_ended) {
        order->main_ended = true;
        order->first = order->count = 0;
    }
    const size_t end = order->first + order->count;
    mirror_from(sim, order->count ? order->ready[end - 1].work->next : loop->ready_first);
}

static struct work *to_the_front(struct sim_order *order, struct eddy_loop *loop, size_t index)
{
    struct ready *ready = &order->ready[order->first];
    struct work *work = ready[index].work;
    if (index) {
        struct work *before = ready[index - 1].work;
        before->next = work->next;
        if (loop->ready_last == work)
            loop->ready_last = before;
        work->next = loop->ready_first;
        loop->ready_first = work;
    }
    order->count--;
    if (index < order->count / 2) { /* the shorter side moves up */
        memmove(&ready[1], &ready[0], index * sizeof *ready);
        order->first++;
    } else {
        memmove(&ready[index], &ready[index + 1], (order->count - index) * sizeof *ready);
    }
    return work;
}

/* ---- turns ---- */

static void describe(const struct work *work, char text[TASK_NAME_SIZE])
{
    const struct task *task = task_of((struct work *)(uintptr_t)work);
    if (task)
        slot_name(task->slot, text);
    else
        (void)snprintf(text, TASK_NAME_SIZE, "a callback");
}

static void narrate(const struct sim *sim, size_t index)
{
    const struct ready *ready = &sim->order->ready[sim->order->first];
    char first[TASK_NAME_SIZE], chosen[TASK_NAME_SIZE];
    describe(ready[0].work, first);
    describe(ready[index].work, chosen);
    fprintf(stderr, "eddy:   step %llu, at %.6f s: %s goes before %s\n",
            (unsigned long long)sim->report.steps + 1, sim->report.seconds, chosen, first);
}

static void begin_loop(struct sim *sim, struct eddy_loop *loop)
{
    struct sim_order *order = sim->order;
    if (!order && !(order = sim->order = calloc(1, sizeof *order)))
        log_abort("no memory for the order of tasks");
    if (order->step && order->loop == loop->first_generation)
        return;
    order->loop = loop->first_generation;
    loop->timers.ties = shuffle_ties;
    order->main_ended = false;
    order->first = order->count = 0;
    order->ran = NULL;
    order->step = 0;
    if (order->slots_capacity)
        memset(order->slots, 0, order->slots_capacity * sizeof *order->slots);
    if (sim->options.order == EDDY_SIM_PRIORITIES)
        draw_changes(sim);
}

static void take_one(struct sim *sim, struct eddy_loop *loop)
{
    begin_loop(sim, loop);
    struct sim_order *order = sim->order;
    order->step++;
    mirror(sim, loop);
    if (!order->count)
        return;
    size_t index = sim->options.order == EDDY_SIM_PRIORITIES
                       ? pick_by_priority(sim)
                       : choose_order(&sim->choices, (uint32_t)order->count);
    if (sim->narrated && index)
        narrate(sim, index);
    order->ran = loop->snapshot_last = to_the_front(order, loop, index);
    count_step(sim, order->ran);
}

void sim_turned(struct sim *sim, struct eddy_loop *loop)
{
    const int64_t before = sim->now;
    sim->loop = loop;
    count_time(sim, loop);
    /* Real threads, of a pool that was opened outside of the run, take real time. */
    bool idle = !loop->ready_first && sim->now == before && !atomic_load(&loop->offloaded);
    sim->idle = idle ? sim->idle + 1 : 0;
    if (sim->options.order == EDDY_SIM_FIFO)
        for (struct work *work = loop->ready_first; work; work = work->next)
            count_step(sim, work);
    else
        take_one(sim, loop);
    if (sim->report.steps >= sim->step_limit || sim->idle == IDLE_TURNS)
        sim_give_up(sim, -ELOOP);
}

void sim_order_free(struct sim_order *order)
{
    if (!order)
        return;
    free(order->ready);
    free(order->slots);
    free(order->ties);
    free(order);
}
