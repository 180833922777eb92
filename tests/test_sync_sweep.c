/* SPDX-License-Identifier: MIT */
/*
 * A small program for each primitive, with a cancel at each of its suspensions, with each
 * allocation failing once, and in 1,000 shuffled orders: nothing is lost, doubled or left, and
 * nothing hangs.
 */
#define TEST_DEFAULTS .real_system = true
#include "support/survive.h"

/* ---- lock and condition ---- */

struct shared {
    eddy_lock lock;
    eddy_condition condition;
    int things, put, taken, inside;
};

static bool has_things(void *shared)
{
    return ((struct shared *)shared)->things > 0;
}

struct consumer {
    struct shared *shared;
};

static int consumer(struct consumer *a)
{
    struct shared *shared = a->shared;
    int err;
    eddy_with_condition (&shared->condition, &err) {
        err = eddy_condition_wait_until(&shared->condition, has_things, shared);
        wrong_if(++shared->inside != 1, "two hold the lock");
        if (err == 0) {
            shared->things--;
            shared->taken++;
        }
        int r = eddy_sleep(0);
        shared->inside--;
        err = err < 0 ? err : r;
    }
    return err;
}

static int producer(struct consumer *a)
{
    struct shared *shared = a->shared;
    int err;
    eddy_with_condition (&shared->condition, &err) {
        wrong_if(++shared->inside != 1, "two hold the lock");
        err = eddy_sleep(0);
        shared->things++;
        shared->put++;
        wrong_if(eddy_condition_notify(&shared->condition, 1) < 0, "notify failed");
        shared->inside--;
    }
    return err;
}

static int scenario_condition(void)
{
    struct shared shared = {.lock = EDDY_LOCK_INIT};
    int err;
    shared.condition = (eddy_condition)EDDY_CONDITION_INIT(&shared.lock);
    eddy_with_timeout (10, &err) { /* a producer that is cancelled leaves its consumer waiting */
        eddy_with_group (g, &err) {
            for (int i = 0; i < 3; i++) {
                eddy_spawn(g, consumer, .shared = &shared);
                eddy_spawn_as(g, producer, struct consumer, .shared = &shared);
            }
        }
    }
    wrong_if(eddy_lock_locked(&shared.lock), "the lock is held at the end");
    wrong_if(shared.put != shared.taken + shared.things, "a thing was lost");
    wrong_if(err == -ETIMEDOUT && shared.things > 0, "a consumer waits beside a thing");
    return err == -ETIMEDOUT ? 0 : err;
}

/* ---- semaphore, event, barrier ---- */

struct member {
    eddy_bounded_semaphore *two;
    eddy_event *event;
    eddy_barrier *barrier;
    int *inside, *through;
};

static int member(struct member *a)
{
    int err, r;
    eddy_with_bounded_semaphore (a->two, &err) {
        wrong_if(++*a->inside > 2, "three have a permit");
        err = eddy_sleep(0);
        --*a->inside;
    }
    if (err < 0 || (r = eddy_event_wait(a->event)) < 0)
        return err < 0 ? err : r;
    r = eddy_barrier_wait(a->barrier);
    if (r >= 0)
        *a->through |= 1 << r;
    return r < 0 ? r : 0;
}

static int scenario_semaphore_event_barrier(void)
{
    eddy_bounded_semaphore two = EDDY_BOUNDED_SEMAPHORE_INIT(2);
    eddy_event event = EDDY_EVENT_INIT;
    eddy_barrier barrier = EDDY_BARRIER_INIT(3);
    int err, inside = 0, through = 0;
    eddy_with_timeout (10, &err) {
        eddy_with_group (g, &err) {
            for (int i = 0; i < 3; i++)
                eddy_spawn(g, member, .two = &two, .event = &event, .barrier = &barrier,
                           .inside = &inside, .through = &through);
            err = eddy_sleep(1);
            eddy_event_set(&event);
        }
    }
    wrong_if(eddy_bounded_semaphore_value(&two) != 2, "a permit was lost");
    wrong_if(eddy_barrier_waiting(&barrier) != 0, "a task that is gone waits at the barrier");
    wrong_if(through != 0 && through != 7, "a part of a round went through");
    return err == -ETIMEDOUT ? 0 : err;
}

/* ---- queues ---- */

static int by_value(const int *a, const int *b)
{
    return *a - *b;
}

struct mover {
    eddy_queue *queue;
    int item;
    int *sum;
};

static int mover(struct mover *a)
{
    int item = a->item;
    int r = item ? eddy_queue_put(a->queue, &item) : eddy_queue_get(a->queue, &item);
    if (r == 0)
        *a->sum += a->item ? item : -item;
    if (r == 0 && !a->item)
        wrong_if(eddy_queue_task_done(a->queue) < 0, "an item wasn't counted");
    return r;
}

static int move(eddy_queue *queue)
{
    int err, item, sum = 0;
    eddy_with_timeout (10, &err) {
        eddy_with_group (g, &err) {
            for (int i = 1; i <= 3; i++) {
                eddy_spawn(g, mover, .queue = queue, .sum = &sum);
                eddy_spawn(g, mover, .queue = queue, .item = i, .sum = &sum);
                eddy_spawn(g, mover, .queue = queue, .item = 10 * i, .sum = &sum);
                eddy_spawn(g, mover, .queue = queue, .sum = &sum);
            }
        }
        if (err == 0)
            err = eddy_queue_join(queue);
    }
    while (eddy_queue_get_nowait(queue, &item) == 0)
        sum -= item;
    wrong_if(sum != 0, "an item was lost or doubled");
    eddy_queue_close(queue);
    return err == -ETIMEDOUT ? 0 : err;
}

static int scenario_queue(void)
{
    eddy_queue queue;
    int r = eddy_queue_open(&queue, sizeof(int), 1);
    return r < 0 ? r : move(&queue);
}

static int scenario_priority_queue(void)
{
    eddy_priority_queue queue;
    int r = eddy_priority_queue_open(&queue, int, 2, by_value);
    return r < 0 ? r : move(&queue);
}

/* ---- rate limiter and retry ---- */

struct trier {
    eddy_rate_limiter *limiter;
    double *last;
};

static int attempt(struct trier *a, int *attempts)
{
    int r = eddy_rate_limiter_acquire(a->limiter, 1);
    if (r < 0)
        return r;
    wrong_if(eddy_time() - *a->last < 0.5 - 1e-6, "too fast");
    *a->last = eddy_time();
    return ++*attempts < 3 ? eddy_fail(-EAGAIN, "not yet") : 0;
}

static int trier(struct trier *a)
{
    int attempts = 0;
    return eddy_retry(attempt(a, &attempts), .attempts = 5);
}

static int scenario_rate_limiter_retry(void)
{
    eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(2, 1);
    double last = -1;
    int err;
    eddy_with_group (g, &err)
        for (int i = 0; i < 3; i++)
            eddy_spawn(g, trier, .limiter = &limiter, .last = &last);
    wrong_if(eddy_time() - last > 30, "too slow");
    return err;
}

/* ---- cache, locals, defer ---- */

static int owned;

static void keep(void *value)
{
    (void)value;
    owned++;
}

static void release(void *value)
{
    (void)value;
    owned--;
}

static eddy_local who = EDDY_LOCAL_INIT;

static int compute(const char *key, int *value, void *unused)
{
    (void)unused;
    int err;
    eddy_with_local (&who, key, &err)
        err = eddy_sleep(1);
    *value = key[0];
    owned += err == 0;
    return err;
}

struct asker {
    eddy_cache *cache;
    const char *key;
};

static int asker(struct asker *a)
{
    int value = 0, r = eddy_local_set(&who, "asker", NULL);
    if (r < 0 || (r = eddy_cache_get(a->cache, a->key, &value)) < 0)
        return r;
    eddy_defer(release, &value);
    wrong_if(value != a->key[0], "the value is another key's");
    wrong_if(strcmp(eddy_local_get(&who), "asker") != 0, "a local leaked");
    return eddy_sleep(0);
}

static int scenario_cache(void)
{
    eddy_cache *cache;
    owned = 0;
    int err, r = eddy_cache_open(&cache, compute, char, int, .capacity = 1, .keep = keep,
                                 .release = release);
    if (r < 0)
        return r;
    eddy_with_group (g, &err)
        for (int i = 0; i < 6; i++)
            eddy_spawn(g, asker, .cache = cache, .key = i % 3 ? "a" : "b");
    eddy_cache_close(cache);
    wrong_if(owned != 0, "a value was not released, or too often");
    return err;
}

/* ---- the runs ---- */

SURVIVES(condition)
SURVIVES(semaphore_event_barrier)
SURVIVES(queue)
SURVIVES(priority_queue)
SURVIVES(rate_limiter_retry)
SURVIVES(cache)
