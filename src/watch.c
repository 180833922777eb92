/* SPDX-License-Identifier: MIT */
/*
 * add_reader, add_writer and the waits for readiness: for descriptors that belong to other code
 * (a driver, a library with a socket of its own).
 *
 * One level-triggered watch a descriptor serves both directions; a table by descriptor number
 * finds it. Callbacks go through the ready queue; one that was removed meanwhile doesn't run.
 */
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "memory.h"
#include "task.h"
#include "watch.h"

struct direction {
    eddy_callback *callback; /* NULL: none, or a task waits */
    void *argument;
    struct wait *wait;
    struct work work;
    bool queued, replaced; /* since it was queued */
};

struct descriptor {
    struct watch watch;
    struct direction directions[2]; /* reading, writing */
    bool watching;
};

struct watches {
    size_t capacity;
    struct descriptor **by_number;
    size_t words;    /* of: */
    uint64_t *owned; /* a bit a descriptor of a stream, server or datagram socket */
};

static const unsigned ready_of[2] = {READY_READ, READY_WRITE};

static bool direction_wanted(const struct direction *direction)
{
    return direction->callback || direction->wait;
}

static void descriptor_update(struct eddy_loop *loop, struct descriptor *descriptor)
{
    uint8_t wanted = 0;
    for (int i = 0; i < 2; i++)
        if (direction_wanted(&descriptor->directions[i]))
            wanted |= (uint8_t)ready_of[i];
    if (!descriptor->watching || wanted == descriptor->watch.wanted)
        return;
    descriptor->watch.wanted = wanted;
    if (wanted) {
        (void)loop->engine->call->rewatch(loop->engine, &descriptor->watch);
    } else {
        loop->engine->call->unwatch(loop->engine, &descriptor->watch);
        descriptor->watching = false;
        loop->watched--;
    }
}

static void direction_run(struct direction *direction)
{
    bool replaced = direction->replaced;
    direction->queued = direction->replaced = false;
    if (direction->callback && !replaced)
        direction->callback(direction->argument);
}

static void direction_due(struct work *work)
{
    if (loop_self)
        direction_run(container_of(work, struct direction, work));
}

static void descriptor_ready(struct watch *watch, unsigned what)
{
    struct descriptor *descriptor = container_of(watch, struct descriptor, watch);
    struct eddy_loop *loop = loop_self;
    for (int i = 0; i < 2; i++) {
        struct direction *direction = &descriptor->directions[i];
        if (!(what & ready_of[i]))
            continue;
        if (direction->wait) {
            struct wait *wait = direction->wait;
            direction->wait = NULL;
            wait_finish(wait, 0);
        } else if (direction->callback && !direction->queued) {
            direction->queued = true;
            direction->work.run = direction_due;
            loop_ready(loop, &direction->work);
        }
    }
    descriptor_update(loop, descriptor);
}

static struct watches *watches_get(struct eddy_loop *loop, bool make)
{
    if (!loop->watches && make)
        loop->watches = memory_allocate_zeroed(1, sizeof *loop->watches);
    return loop->watches;
}

static struct descriptor *descriptor_get(struct eddy_loop *loop, int number, bool make)
{
    struct watches *watches = watches_get(loop, make);
    if (!watches)
        return NULL;
    if ((size_t)number >= watches->capacity) {
        if (!make)
            return NULL;
        size_t capacity = watches->capacity ? watches->capacity : 64;
        while (capacity <= (size_t)number)
            capacity *= 2;
        void *grown = memory_reallocate(watches->by_number, capacity * sizeof(*watches->by_number));
        if (!grown)
            return NULL;
        watches->by_number = grown;
        memset(watches->by_number + watches->capacity, 0,
               (capacity - watches->capacity) * sizeof(*watches->by_number));
        watches->capacity = capacity;
    }
    struct descriptor *descriptor = watches->by_number[number];
    if (!descriptor && make && (descriptor = memory_allocate_zeroed(1, sizeof *descriptor))) {
        descriptor->watch.descriptor = number;
        descriptor->watch.level = true;
        descriptor->watch.ready = descriptor_ready;
        watches->by_number[number] = descriptor;
    }
    return descriptor;
}

void watches_destroy(struct eddy_loop *loop)
{
    struct watches *watches = loop->watches;
    if (!watches)
        return;
    for (size_t i = 0; i < watches->capacity; i++) {
        struct descriptor *descriptor = watches->by_number[i];
        if (descriptor && descriptor->watching)
            loop->engine->call->unwatch(loop->engine, &descriptor->watch);
        memory_free(descriptor);
    }
    memory_free(watches->by_number);
    memory_free(watches->owned);
    memory_free(watches);
    loop->watches = NULL;
}

/* ---- descriptors that have an owner ---- */

static size_t word_of(int number)
{
    return (size_t)number / 64;
}

static uint64_t bit_of(int number)
{
    return UINT64_C(1) << (number % 64);
}

void watch_own(struct eddy_loop *loop, int number)
{
    struct watches *watches = number < 0 ? NULL : watches_get(loop, true);
    if (!watches)
        return;
    if (word_of(number) >= watches->words) {
        size_t words = 2 * word_of(number) + 4;
        uint64_t *grown = memory_reallocate(watches->owned, words * sizeof(uint64_t));
        if (!grown)
            return;
        memset(grown + watches->words, 0, (words - watches->words) * sizeof(uint64_t));
        watches->owned = grown;
        watches->words = words;
    }
    watches->owned[word_of(number)] |= bit_of(number);
}

bool watch_is_owned(const struct eddy_loop *loop, int number)
{
    const struct watches *watches = loop->watches;
    return number >= 0 && watches && word_of(number) < watches->words &&
           watches->owned[word_of(number)] & bit_of(number);
}

void watch_disown(struct eddy_loop *loop, int number)
{
    if (watch_is_owned(loop, number))
        loop->watches->owned[word_of(number)] &= ~bit_of(number);
}

static int fail_owned(const char *call, int number)
{
    return eddy_fail(-EBUSY,
                     "%s: descriptor %d belongs to a stream, a server or a datagram socket; read "
                     "it in a task of its own, and wait for that (eddy_case_task) or for what it "
                     "puts into a queue",
                     call, number);
}

/* Makes sure the descriptor is watched for the direction about to be filled in. */
static int descriptor_watch(struct eddy_loop *loop, struct descriptor *descriptor, int direction,
                            const char *call)
{
    uint8_t wanted = (uint8_t)(descriptor->watch.wanted | ready_of[direction]);
    int r;
    if (!descriptor->watching) {
        descriptor->watch.wanted = (uint8_t)ready_of[direction];
        r = loop->engine->call->watch(loop->engine, &descriptor->watch);
        if (r == 0) {
            descriptor->watching = true;
            loop->watched++;
        }
    } else if (wanted != descriptor->watch.wanted) {
        descriptor->watch.wanted = wanted;
        r = loop->engine->call->rewatch(loop->engine, &descriptor->watch);
    } else {
        return 0;
    }
    return r < 0 ? eddy_fail(r, "%s: descriptor %d can't be watched", call,
                             descriptor->watch.descriptor)
                 : 0;
}

static int add_callback(const char *call, int number, int direction, eddy_callback *callback,
                        void *argument)
{
    struct eddy_loop *loop = loop_self;
    if (!loop || number < 0 || !callback)
        return log_misuse(-EINVAL, call,
                          !loop        ? "called outside a loop"
                          : number < 0 ? "descriptor %d"
                                       : "the callback is NULL",
                          number);
    if (watch_is_owned(loop, number))
        return fail_owned(call, number);
    struct descriptor *descriptor = descriptor_get(loop, number, true);
    if (!descriptor)
        return eddy_fail(-ENOMEM, "%s: no memory", call);
    struct direction *one = &descriptor->directions[direction];
    if (one->wait)
        return eddy_fail(-EBUSY, "%s: a task waits for descriptor %d", call, number);
    int r = descriptor_watch(loop, descriptor, direction, call);
    if (r < 0)
        return r;
    one->callback = callback;
    one->argument = argument;
    one->replaced = one->queued;
    return 0;
}

static bool remove_callback(int number, int direction)
{
    struct eddy_loop *loop = loop_self;
    if (!loop || number < 0)
        return false;
    struct descriptor *descriptor = descriptor_get(loop, number, false);
    if (!descriptor || !descriptor->directions[direction].callback)
        return false;
    descriptor->directions[direction].callback = NULL;
    descriptor_update(loop, descriptor);
    return true;
}

int eddy_add_reader(int descriptor, eddy_callback *callback, void *argument)
{
    return add_callback("eddy_add_reader", descriptor, 0, callback, argument);
}

int eddy_add_writer(int descriptor, eddy_callback *callback, void *argument)
{
    return add_callback("eddy_add_writer", descriptor, 1, callback, argument);
}

bool eddy_remove_reader(int descriptor)
{
    return remove_callback(descriptor, 0);
}

bool eddy_remove_writer(int descriptor)
{
    return remove_callback(descriptor, 1);
}

/* ---- waits of tasks ---- */

int watch_listen(struct wait *wait, int number, bool writable, const char *call)
{
    if (number < 0)
        return log_misuse(-EINVAL, call, "descriptor %d", number);
    if (watch_is_owned(loop_self, number))
        return fail_owned(call, number);
    struct descriptor *descriptor = descriptor_get(loop_self, number, true);
    if (!descriptor)
        return eddy_fail(-ENOMEM, "%s: no memory", call);
    struct direction *one = &descriptor->directions[writable];
    if (direction_wanted(one))
        return eddy_fail(-EBUSY, "%s: descriptor %d is being waited for already", call, number);
    int r = descriptor_watch(loop_self, descriptor, writable, call);
    if (r == 0)
        one->wait = wait;
    return r;
}

void watch_ignore(const struct wait *wait, int number, bool writable)
{
    struct descriptor *descriptor = descriptor_get(loop_self, number, false);
    if (!descriptor || descriptor->directions[writable].wait != wait)
        return;
    descriptor->directions[writable].wait = NULL;
    descriptor_update(loop_self, descriptor);
}

struct ready_wait {
    struct wait wait;
    int descriptor;
    bool writable;
};

static bool ready_abort(struct wait *wait)
{
    const struct ready_wait *ready = container_of(wait, struct ready_wait, wait);
    watch_ignore(wait, ready->descriptor, ready->writable);
    return true;
}

static int wait_ready(const char *call, int number, bool writable)
{
    if (!task_current())
        return task_missing(call);
    struct ready_wait ready = {.descriptor = number, .writable = writable};
    int r = wait_begin(&ready.wait, writable ? "a writable descriptor" : "a readable descriptor",
                       ready_abort);
    if (r == 0)
        r = watch_listen(&ready.wait, number, writable, call);
    return r < 0 ? r : wait_park(&ready.wait);
}

int eddy_wait_readable(int descriptor)
{
    return wait_ready("eddy_wait_readable", descriptor, false);
}

int eddy_wait_writable(int descriptor)
{
    return wait_ready("eddy_wait_writable", descriptor, true);
}
