/* SPDX-License-Identifier: MIT */
/* Rule 165: while tasks wait in a primitive it belongs to their loop, and a call from elsewhere is
 * refused, reported and changes nothing. */
#include <pthread.h>
#define TEST_DEFAULTS .real_system = true
#include "support/test.h"

static eddy_lock lock = EDDY_LOCK_INIT;
static eddy_condition condition = EDDY_CONDITION_INIT(&lock);
static eddy_semaphore semaphore = EDDY_SEMAPHORE_INIT(0);
static eddy_event event = EDDY_EVENT_INIT;
static eddy_barrier barrier = EDDY_BARRIER_INIT(3);
static eddy_rate_limiter limiter = EDDY_RATE_LIMITER_INIT(1, 1);
static eddy_queue queue;
static eddy_cache *cache;

static int refused, calls;
static char said[2000];

static void count_log(void *unused, const struct eddy_log_record *record)
{
    (void)unused;
    if (record->event != EDDY_LOG_MISUSE || !strstr(record->message, "tasks of another loop"))
        return;
    refused++;
    (void)snprintf(said + strlen(said), sizeof said - strlen(said), "%.*s ",
                   (int)strcspn(record->message, ":"), record->message);
}

#define REFUSED(call) (calls++, EXPECT_INT(call, -EINVAL))

static int use_from_elsewhere(void)
{
    int item = 1;
    long value;
    REFUSED(eddy_lock_acquire(&lock));
    REFUSED(eddy_lock_release(&lock));
    REFUSED(eddy_condition_notify_all(&condition));
    REFUSED(eddy_semaphore_acquire(&semaphore));
    REFUSED(eddy_semaphore_release(&semaphore));
    REFUSED(eddy_event_wait(&event));
    eddy_event_set(&event);
    calls++;
    REFUSED(eddy_barrier_wait(&barrier));
    REFUSED(eddy_barrier_reset(&barrier));
    REFUSED(eddy_rate_limiter_acquire(&limiter, 1));
    REFUSED(eddy_rate_limiter_acquire_nowait(&limiter, 1));
    REFUSED(eddy_queue_get(&queue, &item));
    REFUSED(eddy_queue_put(&queue, &item));
    REFUSED(eddy_queue_put_nowait(&queue, &item));
    REFUSED(eddy_queue_shutdown(&queue));
    REFUSED(eddy_queue_task_done(&queue));
    eddy_queue_close(&queue);
    calls++;
    REFUSED(eddy_cache_get(cache, "a", &value));
    eddy_cache_close(cache);
    calls++;
    return 0;
}

static void *elsewhere(void *unused)
{
    const struct eddy_options options = {.log = count_log, .quiet = true};
    EXPECT_INT(eddy_run_with(&options, use_from_elsewhere), 0);
    return unused;
}

static int lock_waiter(void)
{
    int err;
    eddy_with_lock (&lock, &err) {
        note("lock");
    }
    return err;
}

static int condition_waiter(void)
{
    int err;
    eddy_with_condition (&condition, &err) {
        err = eddy_condition_wait(&condition);
    }
    note("condition");
    return err;
}

static int semaphore_waiter(void)
{
    int r = eddy_semaphore_acquire(&semaphore);
    note("semaphore");
    return r;
}

static int event_waiter(void)
{
    int r = eddy_event_wait(&event);
    note("event");
    return r;
}

static int barrier_waiter(void)
{
    int r = eddy_barrier_wait(&barrier);
    note("barrier");
    return r < 0 ? r : 0;
}

static int limiter_waiter(void)
{
    int r = eddy_rate_limiter_acquire(&limiter, 1);
    note("limiter");
    return r;
}

static int queue_waiter(void)
{
    int item = 0, r = eddy_queue_get(&queue, &item);
    note("queue%d", item);
    return r;
}

static int compute(const char *key, long *value, void *unused)
{
    (void)unused;
    *value = key[0];
    return eddy_sleep(1);
}

static int cache_waiter(void)
{
    long value = 0;
    int r = eddy_cache_get(cache, "a", &value);
    note("cache%ld", value);
    return r;
}

TEST(rule_165_a_call_from_another_loop_is_refused_and_changes_nothing)
{
    pthread_t thread;
    int err, item = 5;
    refused = calls = 0; /* again for each engine */
    said[0] = '\0';
    eddy_event_clear(&event);
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    CHECK_INT(eddy_cache_open(&cache, compute, char, long), 0);
    limiter = (eddy_rate_limiter)EDDY_RATE_LIMITER_INIT(1, 1);
    CHECK_INT(eddy_rate_limiter_acquire(&limiter, 1), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, condition_waiter);
        turns(1);
        EXPECT_INT(eddy_lock_acquire(&lock), 0);
        eddy_spawn(g, lock_waiter);
        eddy_spawn(g, semaphore_waiter);
        eddy_spawn(g, event_waiter);
        eddy_spawn(g, barrier_waiter);
        eddy_spawn(g, barrier_waiter);
        eddy_spawn(g, limiter_waiter);
        eddy_spawn(g, queue_waiter);
        eddy_spawn(g, cache_waiter);
        turns(2);
        EXPECT_INT(pthread_create(&thread, NULL, elsewhere, NULL), 0);
        EXPECT_INT(pthread_join(thread, NULL), 0);
        EXPECT_INT(refused, calls);
        EXPECT_TEXT(said, "eddy_lock_acquire eddy_lock_release eddy_condition_notify_all "
                          "eddy_semaphore_acquire eddy_semaphore_release eddy_event_wait "
                          "eddy_event_set eddy_barrier_wait eddy_barrier_reset "
                          "eddy_rate_limiter_acquire eddy_rate_limiter_acquire_nowait "
                          "eddy_queue_get eddy_queue_put eddy_queue_put_nowait eddy_queue_shutdown "
                          "eddy_queue_task_done eddy_queue_close eddy_cache_get eddy_cache_close ");
        turns(2);
        EXPECT_NOTES("");
        EXPECT_INT(eddy_condition_notify_all(&condition), 0);
        EXPECT_INT(eddy_lock_release(&lock), 0);
        EXPECT_INT(eddy_semaphore_release(&semaphore), 0);
        eddy_event_set(&event);
        EXPECT_INT(eddy_barrier_wait(&barrier), 2);
        EXPECT_INT(eddy_queue_put(&queue, &item), 0);
        turns(3);
        EXPECT_NOTES("lock semaphore event barrier barrier queue5 condition");
    }
    CHECK_NOTES("limiter cache97");
    CHECK(!eddy_lock_locked(&lock));
    eddy_queue_close(&queue);
    eddy_cache_close(cache);
    return err;
}

static int one_run(void)
{
    int err;
    eddy_event_clear(&event);
    eddy_with_group (g, &err) {
        eddy_spawn(g, event_waiter);
        eddy_spawn(g, semaphore_waiter);
        turns(1);
        eddy_event_set(&event);
        EXPECT_INT(eddy_semaphore_release(&semaphore), 0);
    }
    return err;
}

PLAIN_TEST(rule_165_one_run_after_the_other_is_fine)
{
    EXPECT_INT(test_run(one_run), 0);
    EXPECT_INT(test_run(one_run), 0);
    EXPECT_NOTES("event semaphore event semaphore");
}
