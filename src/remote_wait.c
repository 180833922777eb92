/* SPDX-License-Identifier: MIT */
/*
 * Waits that any thread may finish.
 */
#include "remote_wait.h"

bool remote_wait_leave(struct remote_wait *remote)
{
    (void)pthread_mutex_lock(remote->lock);
    bool listed = remote->listed;
    if (listed)
        list_remove(remote->list, &remote->link);
    remote->listed = false;
    (void)pthread_mutex_unlock(remote->lock);
    return listed;
}

static bool remote_abort(struct wait *wait)
{
    struct remote_wait *remote = container_of(wait, struct remote_wait, wait);
    if (!remote->cancelled)
        return remote_wait_leave(remote); /* else it is served, and the post is on its way */
    wait->abort = NULL;
    remote->cancelled(remote);
    return false;
}

int remote_wait_begin(struct remote_wait *remote, enum remote_wait_kind kind, const char *what,
                      const char *call)
{
    remote->loop = loop_self;
    remote->cancelled = NULL;
    remote->claimed = NULL;
    if (!loop_self) {
        (void)sem_init(&remote->served, 0, 0);
        return 0;
    }
    if (!task_current())
        return task_missing(call);
    return kind == REMOTE_WAIT ? wait_begin(&remote->wait, what, remote_abort)
                               : wait_begin_shielded(&remote->wait, what);
}

void remote_wait_drop(struct remote_wait *remote)
{
    if (!remote->loop)
        (void)sem_destroy(&remote->served);
}

void remote_wait_list(struct remote_wait *remote, struct list *list, pthread_mutex_t *lock)
{
    remote->list = list;
    remote->lock = lock;
    remote->listed = true;
    list_append(list, &remote->link);
}

struct remote_wait *remote_wait_take(struct list *list)
{
    struct link *link;
    while ((link = list_take_first(list))) {
        struct remote_wait *remote = container_of(link, struct remote_wait, link);
        remote->listed = false;
        if (!remote->claimed || !atomic_exchange(remote->claimed, true))
            return remote;
    }
    return NULL;
}

int remote_wait_park(struct remote_wait *remote)
{
    if (remote->loop)
        return wait_park(&remote->wait);
    while (sem_wait(&remote->served) < 0) /* EINTR */
        continue;
    remote_wait_drop(remote);
    return remote->result;
}

static void remote_arrive(struct post *post)
{
    struct remote_wait *remote = container_of(post, struct remote_wait, post);
    wait_finish(&remote->wait, remote->result);
}

void remote_wait_finish(struct remote_wait *remote, int result)
{
    remote->result = result;
    if (!remote->loop) {
        (void)sem_post(&remote->served);
    } else if (remote->loop == loop_self) {
        wait_finish(&remote->wait, result);
    } else {
        remote->post.run = remote_arrive;
        loop_post(remote->loop, &remote->post);
    }
}

void remote_wait_finish_all(struct list *list, pthread_mutex_t *lock, int result)
{
    for (;;) {
        (void)pthread_mutex_lock(lock);
        struct remote_wait *first = remote_wait_take(list);
        (void)pthread_mutex_unlock(lock);
        if (!first)
            return;
        remote_wait_finish(first, result);
    }
}
