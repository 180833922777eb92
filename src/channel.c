/* SPDX-License-Identifier: MIT */
/*
 * Channels: a ring of items and two lines of waiters, under one lock that is held for the copy of
 * an item and no longer.
 *
 *      getters wait: the ring is empty       putters wait: the ring is full
 *
 * So a put either serves the first getter, or fills a place, or waits; a get takes the oldest item
 * and puts the first putter's into the place that is free now. Whom it served it finishes when the
 * lock is released again: waking a sleeping loop is a system call.
 */
#include "channel.h"
#include <string.h>
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "task.h"

struct eddy_channel {
    pthread_mutex_t lock; /* guards the rest */
    atomic_uint references;
    size_t item_size, limit, head, count;
    bool shut;
    struct list getters, putters; /* of struct channel_wait; never both non-empty */
    _Alignas(16) char items[];
};

enum channel_side { CHANNEL_PUT, CHANNEL_GET };

/* ---- life ---- */

eddy_channel *eddy_channel_new(size_t item_size, size_t limit)
{
    const char *call = "eddy_channel_new";
    size_t size;
    if (!item_size || !limit) {
        log_misuse(-EINVAL, call, item_size ? "a limit of 0" : "items of 0 bytes");
        return NULL;
    }
    if (__builtin_mul_overflow(item_size, limit, &size) ||
        size > PTRDIFF_MAX - sizeof(eddy_channel)) {
        eddy_fail(-EOVERFLOW, "%s: %zu items of %zu bytes", call, limit, item_size);
        return NULL;
    }
    eddy_channel *channel = memory_allocate(sizeof *channel + size);
    if (!channel) {
        eddy_fail(-ENOMEM, "%s: no memory for %zu items of %zu bytes", call, limit, item_size);
        return NULL;
    }
    *channel = (struct eddy_channel){.item_size = item_size, .limit = limit};
    (void)pthread_mutex_init(&channel->lock, NULL);
    atomic_init(&channel->references, 1);
    return channel;
}

eddy_channel *eddy_channel_keep(eddy_channel *channel)
{
    if (channel)
        atomic_fetch_add_explicit(&channel->references, 1, memory_order_relaxed);
    return channel;
}

void eddy_channel_release(eddy_channel *channel)
{
    if (!channel || atomic_fetch_sub_explicit(&channel->references, 1, memory_order_acq_rel) > 1)
        return;
    (void)pthread_mutex_destroy(&channel->lock);
    memory_free(channel);
}

/* ---- items, under the lock ---- */

static void *channel_place(eddy_channel *channel, size_t index)
{
    size_t place = channel->head + index;
    return channel->items +
           (place < channel->limit ? place : place - channel->limit) * channel->item_size;
}

static struct channel_wait *wait_of(struct remote_wait *remote)
{
    return container_of(remote, struct channel_wait, remote);
}

/* 0: there is a place (an item). Or -EAGAIN, -EPIPE. While a getter waits, the ring is empty. */
static int channel_ready(const eddy_channel *channel, enum channel_side side)
{
    bool ready = side == CHANNEL_PUT ? channel->count < channel->limit : channel->count > 0;
    if (channel->shut && (side == CHANNEL_PUT || !ready))
        return -EPIPE;
    return ready ? 0 : -EAGAIN;
}

/* Whom it has served, or NULL. */
static struct remote_wait *ready_put(eddy_channel *channel, const void *item)
{
    struct remote_wait *served = remote_wait_take(&channel->getters);
    memcpy(served ? wait_of(served)->item : channel_place(channel, channel->count++), item,
           channel->item_size);
    return served;
}

static struct remote_wait *ready_get(eddy_channel *channel, void *item)
{
    memcpy(item, channel_place(channel, 0), channel->item_size);
    channel->head = channel->head + 1 == channel->limit ? 0 : channel->head + 1;
    channel->count--;
    struct remote_wait *served = remote_wait_take(&channel->putters);
    if (served)
        memcpy(channel_place(channel, channel->count++), wait_of(served)->item, channel->item_size);
    return served;
}

static struct remote_wait *ready_do(eddy_channel *channel, enum channel_side side, void *item)
{
    return side == CHANNEL_PUT ? ready_put(channel, item) : ready_get(channel, item);
}

static struct list *channel_line(eddy_channel *channel, enum channel_side side)
{
    return side == CHANNEL_PUT ? &channel->putters : &channel->getters;
}

/* ---- put and get ---- */

static int channel_check(const eddy_channel *channel, const void *item, size_t size,
                         const char *call)
{
    if (!channel || !item)
        return log_misuse(-EINVAL, call, channel ? "the item is NULL" : "the channel is NULL");
    if (size != channel->item_size)
        return log_misuse(-EINVAL, call, "an item of %zu bytes for a channel of items of %zu bytes",
                          size, channel->item_size);
    return 0;
}

/* One try; if `waiting` isn't NULL and it has to wait, that gets in line. */
static int channel_try(eddy_channel *channel, enum channel_side side, void *item,
                       struct channel_wait *waiting)
{
    struct remote_wait *served = NULL;
    (void)pthread_mutex_lock(&channel->lock);
    int r = channel_ready(channel, side);
    if (r == 0)
        served = ready_do(channel, side, item);
    else if (r == -EAGAIN && waiting)
        remote_wait_list(&waiting->remote, channel_line(channel, side), &channel->lock);
    (void)pthread_mutex_unlock(&channel->lock);
    if (served)
        remote_wait_finish(served, 0);
    return r;
}

int channel_listen(eddy_channel *channel, bool put, struct channel_wait *waiting)
{
    enum channel_side side = put ? CHANNEL_PUT : CHANNEL_GET;
    struct remote_wait *served = NULL;
    (void)pthread_mutex_lock(&channel->lock);
    int r = channel_ready(channel, side);
    if (r == -EAGAIN) {
        remote_wait_list(&waiting->remote, channel_line(channel, side), &channel->lock);
        r = 0;
    } else if (r == 0 && atomic_exchange(waiting->remote.claimed, true)) {
        r = -EALREADY;
    } else if (r == 0) {
        served = ready_do(channel, side, waiting->item);
        r = 1;
    }
    (void)pthread_mutex_unlock(&channel->lock);
    if (served)
        remote_wait_finish(served, 0);
    return r;
}

/* Other threads may keep a task here supplied for ever: so it makes way for others of its loop once
 * in a while. */
static int channel_wait(eddy_channel *channel, enum channel_side side, void *item, const char *call)
{
    unsigned *streak = task_current() ? &loop_self->channel_streak : NULL;
    int r = streak ? task_pace(streak) : 0;
    if (r == 0)
        r = channel_try(channel, side, item, NULL);
    if (r != -EAGAIN)
        return r;
    if (streak)
        *streak = 0;
    struct channel_wait waiting = {.item = item};
    r = remote_wait_begin(&waiting.remote, REMOTE_WAIT,
                          side == CHANNEL_PUT ? "channel put" : "channel get", call);
    if (r < 0)
        return r;
    r = channel_try(channel, side, item, &waiting);
    if (r == -EAGAIN)
        return remote_wait_park(&waiting.remote);
    remote_wait_drop(&waiting.remote);
    return r;
}

int eddy_channel_put_(eddy_channel *channel, const void *item, size_t size)
{
    const char *call = "eddy_channel_put";
    int r = channel_check(channel, item, size, call);
    return r < 0 ? r : channel_wait(channel, CHANNEL_PUT, (void *)(uintptr_t)item, call);
}

int eddy_channel_get_(eddy_channel *channel, void *item, size_t size)
{
    const char *call = "eddy_channel_get";
    int r = channel_check(channel, item, size, call);
    return r < 0 ? r : channel_wait(channel, CHANNEL_GET, item, call);
}

int eddy_channel_put_nowait_(eddy_channel *channel, const void *item, size_t size)
{
    int r = channel_check(channel, item, size, "eddy_channel_put_nowait");
    return r < 0 ? r : channel_try(channel, CHANNEL_PUT, (void *)(uintptr_t)item, NULL);
}

int eddy_channel_get_nowait_(eddy_channel *channel, void *item, size_t size)
{
    int r = channel_check(channel, item, size, "eddy_channel_get_nowait");
    return r < 0 ? r : channel_try(channel, CHANNEL_GET, item, NULL);
}

int eddy_channel_shutdown(eddy_channel *channel)
{
    if (!channel)
        return log_misuse(-EINVAL, "eddy_channel_shutdown", "the channel is NULL");
    (void)pthread_mutex_lock(&channel->lock);
    channel->shut = true;
    (void)pthread_mutex_unlock(&channel->lock);
    remote_wait_finish_all(&channel->getters, &channel->lock, -EPIPE);
    remote_wait_finish_all(&channel->putters, &channel->lock, -EPIPE);
    return 0;
}

size_t eddy_channel_size(eddy_channel *channel)
{
    if (!channel)
        return 0;
    (void)pthread_mutex_lock(&channel->lock);
    size_t count = channel->count;
    (void)pthread_mutex_unlock(&channel->lock);
    return count;
}
