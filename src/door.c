/* SPDX-License-Identifier: MIT */
/*
 * Doors: posts into a loop that may have gone, and sleep on its virtual clock.
 *
 * Why the virtual clock is exact: `offloaded` goes down for a sleeper only after its timer is set,
 * and up again before the sleeper is woken, both on the loop's thread, where the clock is moved.
 * So the clock never moves while a thread works, and never past a sleeper.
 */
#include <semaphore.h>
#include <stdlib.h>
#include "door.h"
#include "memory.h"

struct door *door_here(void)
{
    static atomic_uint_fast64_t last_id;
    if (loop_self->door)
        return loop_self->door;
    struct door *door = memory_allocate_zeroed(1, sizeof *door);
    if (!door)
        return NULL;
    (void)pthread_mutex_init(&door->lock, NULL);
    door->loop = loop_self;
    door->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    atomic_init(&door->references, 1);
    return loop_self->door = door;
}

struct door *door_keep(struct door *door)
{
    atomic_fetch_add_explicit(&door->references, 1, memory_order_relaxed);
    return door;
}

void door_release(struct door *door)
{
    if (atomic_fetch_sub_explicit(&door->references, 1, memory_order_acq_rel) > 1)
        return;
    (void)pthread_mutex_destroy(&door->lock);
    memory_free(door);
}

bool door_post(struct door *door, struct post *post)
{
    (void)pthread_mutex_lock(&door->lock);
    bool open = door->loop != NULL;
    if (open)
        loop_post(door->loop, post);
    (void)pthread_mutex_unlock(&door->lock);
    return open;
}

void door_leave(struct door *door)
{
    (void)pthread_mutex_lock(&door->lock);
    struct eddy_loop *loop = door->loop;
    if (loop) {
        atomic_fetch_sub(&loop->offloaded, 1);
        if (loop->virtual_clock)
            loop->engine->call->wake(loop->engine);
    }
    (void)pthread_mutex_unlock(&door->lock);
    door_release(door);
}

/* ---- sleeping on the virtual clock ---- */

/* On the sleeping thread's stack. */
struct sleeper {
    struct post post;
    struct timer timer;
    struct link link; /* in door->sleepers */
    struct door *door;
    int64_t deadline;
    struct sleep_watcher *watcher;
    sem_t over;
};

static void sleeper_due(struct timer *timer)
{
    struct sleeper *sleeper = container_of(timer, struct sleeper, timer);
    list_remove(&sleeper->door->sleepers, &sleeper->link);
    atomic_fetch_add(&sleeper->door->loop->offloaded, 1);
    sleeper->watcher->tell(sleeper->watcher, false);
    (void)sem_post(&sleeper->over);
}

static void sleeper_arrive(struct post *post)
{
    struct sleeper *sleeper = container_of(post, struct sleeper, post);
    struct door *door = sleeper->door;
    if (!door->loop) { /* closed since the post was sent */
        (void)sem_post(&sleeper->over);
        return;
    }
    timer_init(&sleeper->timer, sleeper_due);
    timer_set(&door->loop->timers, &sleeper->timer, sleeper->deadline);
    list_append(&door->sleepers, &sleeper->link);
    sleeper->watcher->tell(sleeper->watcher, true);
    atomic_fetch_sub(&door->loop->offloaded, 1);
}

void door_sleep(struct door *door, int64_t deadline, struct sleep_watcher *watcher)
{
    struct sleeper sleeper = {
        .post.run = sleeper_arrive, .door = door, .deadline = deadline, .watcher = watcher};
    (void)sem_init(&sleeper.over, 0, 0);
    if (door_post(door, &sleeper.post))
        while (sem_wait(&sleeper.over) < 0)
            continue;
    (void)sem_destroy(&sleeper.over);
}

void door_close(void)
{
    struct eddy_loop *loop = loop_self;
    struct door *door = loop->door;
    if (!door)
        return;
    loop->door = NULL;
    (void)pthread_mutex_lock(&door->lock);
    door->loop = NULL;
    (void)pthread_mutex_unlock(&door->lock);
    struct link *link;
    while ((link = list_take_first(&door->sleepers))) {
        struct sleeper *sleeper = container_of(link, struct sleeper, link);
        timer_cancel(&loop->timers, &sleeper->timer);
        sleeper->watcher->tell(sleeper->watcher, false);
        (void)sem_post(&sleeper->over);
    }
    door_release(door);
}
