/* SPDX-License-Identifier: MIT */
/*
 * Cache with single flight.
 *
 *      table: key -> entry       an entry is in the table while somebody may find it
 *      kept:      [oldest use ... newest use]      its value is there
 *      computing: [...]                            its task runs, and tasks may wait for it
 *
 * An entry whose last waiter has left, or that was forgotten, is taken out of the table at once;
 * its memory stays until its task has ended, since that writes the value there.
 */
#include "eddy/cache.h"
#include <math.h>
#include <string.h>
#include "failure.h"
#include "log.h"
#include "memory.h"
#include "waiters.h"

#define CAPACITY_DEFAULT 128
#define FIRST_BUCKETS 16

struct entry {
    struct entry *next; /* in its bucket */
    struct link link;   /* in kept or computing */
    struct eddy_cache *cache;
    struct task *task; /* that computes it, or NULL: it is kept */
    struct join join;
    struct waiters waiters; /* of struct cache_waiter */
    uint64_t hash;
    size_t key_size;
    int64_t made;
    bool found; /* by the table */
    const char *key;
    _Alignas(16) char value[]; /* and the key behind it */
};

struct eddy_cache {
    struct eddy_cache_options options;
    eddy_compute_ *function;
    size_t key_size, value_size; /* key_size 1: text */
    struct entry **buckets;
    size_t bucket_count, found_count;
    struct list kept, computing; /* of struct entry */
    size_t kept_count;
    const struct eddy_loop *loop; /* while something is computed */
    struct wait *closer;
    bool closing;
};

struct cache_waiter {
    struct waiter waiter;
    struct entry *entry;
    void *value; /* to fill */
    struct eddy_failure *failure;
};

/* ---- the table ---- */

static uint64_t key_hash(const char *key, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)key[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

static size_t key_length(const struct eddy_cache *cache, const void *key)
{
    return cache->key_size == 1 ? strlen(key) + 1 : cache->key_size;
}

static struct entry *table_find(const struct eddy_cache *cache, const void *key)
{
    if (!cache->bucket_count)
        return NULL;
    size_t size = key_length(cache, key);
    uint64_t hash = key_hash(key, size);
    struct entry *entry = cache->buckets[hash & (cache->bucket_count - 1)];
    while (entry &&
           !(entry->hash == hash && entry->key_size == size && memcmp(entry->key, key, size) == 0))
        entry = entry->next;
    return entry;
}

static void table_put(struct eddy_cache *cache, struct entry *entry)
{
    struct entry **bucket = &cache->buckets[entry->hash & (cache->bucket_count - 1)];
    entry->next = *bucket;
    *bucket = entry;
}

/* Makes it larger where it is full; without memory a fuller one serves too. */
static int table_grow(struct eddy_cache *cache)
{
    if (cache->found_count < cache->bucket_count)
        return 0;
    struct entry **old = cache->buckets;
    size_t old_count = cache->bucket_count, count = old_count ? 2 * old_count : FIRST_BUCKETS;
    struct entry **buckets = memory_allocate_zeroed(count, sizeof *buckets);
    if (!buckets)
        return old ? 0 : -ENOMEM;
    cache->buckets = buckets;
    cache->bucket_count = count;
    for (size_t i = 0; i < old_count; i++)
        for (struct entry *entry = old[i], *next; entry; entry = next) {
            next = entry->next;
            table_put(cache, entry);
        }
    memory_free(old);
    return 0;
}

static void table_remove(struct entry *entry)
{
    struct eddy_cache *cache = entry->cache;
    if (!entry->found)
        return;
    struct entry **place = &cache->buckets[entry->hash & (cache->bucket_count - 1)];
    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
    entry->found = false;
    cache->found_count--;
}

/* ---- values ---- */

static void value_hand_out(const struct entry *entry, void *ret_value)
{
    const struct eddy_cache *cache = entry->cache;
    memcpy(ret_value, entry->value, cache->value_size);
    if (cache->options.keep)
        cache->options.keep(ret_value);
}

/* Frees an entry that holds a value and is in no list. */
static void value_drop(struct entry *entry)
{
    if (entry->cache->options.release)
        entry->cache->options.release(entry->value);
    memory_free(entry);
}

static void kept_drop(struct entry *entry)
{
    table_remove(entry);
    list_remove(&entry->cache->kept, &entry->link);
    entry->cache->kept_count--;
    value_drop(entry);
}

static void kept_append(struct entry *entry)
{
    struct eddy_cache *cache = entry->cache;
    list_append(&cache->kept, &entry->link);
    if (++cache->kept_count > cache->options.capacity)
        kept_drop(container_of(cache->kept.first, struct entry, link));
}

/* Is its time over? A clock that is behind is that of another run. */
static bool kept_too_old(const struct entry *entry)
{
    double ttl = entry->cache->options.ttl;
    int64_t age = loop_now(loop_self) - entry->made;
    return ttl > 0 && (age < 0 || (double)age >= ttl * NANOSECONDS);
}

/* ---- computing ---- */

static void cache_free(struct eddy_cache *cache)
{
    memory_free(cache->buckets);
    memory_free(cache);
}

/* What must happen when no computation is left. */
static void cache_idle(struct eddy_cache *cache)
{
    if (cache->computing.first || !cache->closing)
        return;
    if (cache->closer)
        wait_finish(cache->closer, 0);
    else
        cache_free(cache);
}

/* The task has ended. */
static void entry_computed(struct join *join, const struct task_slot *slot)
{
    struct entry *entry = container_of(join, struct entry, join);
    struct eddy_cache *cache = entry->cache;
    int code = slot->result < 0 ? slot->result : 0;
    entry->task = NULL;
    list_remove(&cache->computing, &entry->link);
    struct waiter *first;
    while ((first = waiters_take(&entry->waiters))) {
        struct cache_waiter *waiter = container_of(first, struct cache_waiter, waiter);
        if (code == 0)
            value_hand_out(entry, waiter->value);
        else
            waiter->failure = failure_keep(slot->failure);
        wait_finish(&first->wait, code);
    }
    if (code < 0) {
        table_remove(entry);
        memory_free(entry);
    } else if (!entry->found) {
        value_drop(entry);
    } else {
        entry->made = loop_now(loop_self);
        kept_append(entry);
    }
    cache_idle(cache);
}

struct cache_job {
    struct entry *entry;
};

/* The function has another type than this one says: its arguments point to some types. */
static CALLS_ERASED int entry_compute(struct cache_job *job)
{
    struct entry *entry = job->entry;
    struct eddy_cache *cache = entry->cache;
    return cache->function(entry->key, entry->value, cache->options.context);
}

static struct entry *entry_make(struct eddy_cache *cache, const void *key)
{
    size_t key_size = key_length(cache, key);
    size_t value_size = (cache->value_size + 15) & ~(size_t)15;
    size_t size = sizeof(struct entry) + value_size + key_size;
    struct entry *entry = table_grow(cache) == 0
                              ? memory_allocate_aligned(16, (size + 15) & ~(size_t)15)
                              : NULL;
    if (!entry) {
        eddy_fail(-ENOMEM, "no memory for one more value in a cache");
        return NULL;
    }
    memset(entry, 0, size);
    entry->cache = cache;
    entry->key_size = key_size;
    entry->key = memcpy(entry->value + value_size, key, key_size);
    entry->hash = key_hash(key, key_size);
    return entry;
}

/* Begins to compute the value for a key: its entry, or NULL with *code set. */
static struct entry *entry_start(struct eddy_cache *cache, const void *key, int *code)
{
    struct entry *entry = entry_make(cache, key);
    if (!entry) {
        *code = -ENOMEM;
        return NULL;
    }
    const struct cache_job job = {entry};
    eddy_task *handle = eddy_create_task_(NULL, (eddy_function_ *)(void (*)(void))entry_compute,
                                          &job, sizeof job, EDDY_COPIED_, cache->options.site_);
    struct task_slot *slot = handle ? slot_find(handle, "eddy_cache_get", code) : NULL;
    if (!slot) {
        *code = eddy_failure_code(eddy_last_failure());
        memory_free(entry);
        return NULL;
    }
    entry->task = slot->task;
    entry->join.done = entry_computed;
    list_append(&entry->task->joiners, &entry->join.link);
    (void)eddy_detach(handle);
    cache->loop = loop_self;
    list_append(&cache->computing, &entry->link);
    entry->found = true;
    cache->found_count++;
    table_put(cache, entry);
    return entry;
}

/* Nobody wants it any more. */
static void entry_cancel(struct entry *entry)
{
    table_remove(entry);
    task_cancel(entry->task);
}

static bool cache_wait_abort(struct wait *wait)
{
    struct entry *entry = container_of(wait, struct cache_waiter, waiter.wait)->entry;
    (void)waiters_leave(wait);
    if (!entry->waiters.count && entry->task)
        entry_cancel(entry);
    return true;
}

/* ---- public ---- */

int eddy_cache_open_(eddy_cache **ret_cache, eddy_compute_ *function, size_t key_size,
                     size_t value_size, const struct eddy_cache_options *options)
{
    if (!ret_cache || !function)
        return log_misuse(-EINVAL, "eddy_cache_open", "the %s is NULL",
                          function ? "cache" : "function");
    if (!(options->ttl >= 0))
        return log_misuse(-EINVAL, "eddy_cache_open", "values that are good for %g s",
                          options->ttl);
    struct eddy_cache *cache = memory_allocate_zeroed(1, sizeof *cache);
    if (!cache)
        return eddy_fail(-ENOMEM, "no memory for a cache");
    cache->options = *options;
    if (!cache->options.capacity)
        cache->options.capacity = CAPACITY_DEFAULT;
    cache->function = function;
    cache->key_size = key_size;
    cache->value_size = value_size;
    *ret_cache = cache;
    return 0;
}

/* 0, or why the call can't be right. */
static int cache_check(const eddy_cache *cache, const void *key, size_t key_size, const char *call)
{
    if (!cache || !key)
        return log_misuse(-EINVAL, call, "the %s is NULL", cache ? "key" : "cache");
    if (key_size != cache->key_size)
        return log_misuse(-EINVAL, call, "a key of %zu bytes for a cache of keys of %zu bytes",
                          key_size, cache->key_size);
    if (cache->computing.first && cache->loop != loop_self)
        return waiters_misuse(call);
    if (cache->closing)
        return log_misuse(-EPIPE, call, "the cache is closing");
    return 0;
}

int eddy_cache_get_(eddy_cache *cache, const void *key, size_t key_size, void *value,
                    size_t value_size)
{
    int r = cache_check(cache, key, key_size, "eddy_cache_get");
    if (r < 0)
        return r;
    if (!value || value_size != cache->value_size)
        return log_misuse(-EINVAL, "eddy_cache_get",
                          "%zu bytes for a value of a cache of values of %zu bytes",
                          value ? value_size : 0, cache->value_size);
    if (!task_current())
        return task_missing("eddy_cache_get");
    struct entry *entry = table_find(cache, key);
    if (entry && !entry->task) {
        if (!kept_too_old(entry)) {
            list_remove(&cache->kept, &entry->link);
            list_append(&cache->kept, &entry->link);
            value_hand_out(entry, value);
            return 0;
        }
        kept_drop(entry);
        entry = NULL;
    }
    if (entry && entry->task == task_current())
        return log_misuse(-EDEADLK, "eddy_cache_get",
                          "the function asks for the key that it is computing");
    struct cache_waiter waiter = {.value = value};
    r = wait_begin(&waiter.waiter.wait, "cache", cache_wait_abort);
    if (r < 0 || (!entry && !(entry = entry_start(cache, key, &r))))
        return r;
    waiter.entry = entry;
    waiter.waiter.wait.awaits = entry->task;
    waiters_append(&entry->waiters, &waiter.waiter);
    r = wait_park(&waiter.waiter.wait);
    if (waiter.failure)
        failure_set(waiter.failure);
    return r;
}

bool eddy_cache_forget_(eddy_cache *cache, const void *key, size_t key_size)
{
    if (cache_check(cache, key, key_size, "eddy_cache_forget") < 0)
        return false;
    struct entry *entry = table_find(cache, key);
    bool kept = entry && !entry->task;
    if (kept)
        kept_drop(entry);
    else if (entry)
        table_remove(entry);
    return kept;
}

void eddy_cache_clear(eddy_cache *cache)
{
    if (cache_check(cache, "", cache ? cache->key_size : 0, "eddy_cache_clear") < 0)
        return;
    while (cache->kept.first)
        kept_drop(container_of(cache->kept.first, struct entry, link));
    for (struct link *link = cache->computing.first; link; link = link->next)
        table_remove(container_of(link, struct entry, link));
}

size_t eddy_cache_size(const eddy_cache *cache)
{
    return cache ? cache->kept_count : 0;
}

/* Is the current task one of the cache's own? */
static bool cache_is_inside(const eddy_cache *cache)
{
    for (struct link *link = cache->computing.first; link; link = link->next)
        if (container_of(link, struct entry, link)->task == task_current())
            return true;
    return false;
}

void eddy_cache_close(eddy_cache *cache)
{
    if (!cache || cache_check(cache, "", cache->key_size, "eddy_cache_close") < 0)
        return;
    eddy_cache_clear(cache);
    cache->closing = true;
    for (struct link *link = cache->computing.first; link; link = link->next) {
        struct entry *entry = container_of(link, struct entry, link);
        waiters_wake_all(&entry->waiters, -EPIPE);
        entry_cancel(entry);
    }
    if (cache->computing.first) {
        struct wait closer;
        if (!task_current() || cache_is_inside(cache))
            return;
        (void)wait_begin_shielded(&closer, "a cache to close");
        cache->closer = &closer;
        (void)wait_park(&closer);
    }
    cache_free(cache);
}
