/* SPDX-License-Identifier: MIT */
/*
 * No allocation on a hot path: each piece of work is done twice, and the second time must not ask
 * for memory at all, neither from the allocator nor as a mapping (src/memory.h asks for both).
 */
#include "support/test.h"
#include "memory.h"

enum { TIMES = 300, MANY = TEST_FEW_TASKS ? 100 : 1000, QUEUE_LIMIT = 128 };

/* Counts what is asked for, on top of the kit's watcher. */
struct counter {
    struct memory_watcher watcher;
    struct memory_watcher *below;
    size_t allocations;
};

static bool counter_allows(struct memory_watcher *watcher, size_t size)
{
    struct counter *counter = (struct counter *)watcher;
    counter->allocations++;
    return counter->below->allows(counter->below, size);
}

static void counter_count(struct memory_watcher *watcher, int change)
{
    struct counter *counter = (struct counter *)watcher;
    counter->below->count(counter->below, change);
}

/* Work returns 0; whoever fails in it has said so. */
static int check_allocates_nothing(int (*work)(void))
{
    struct counter counter = {{counter_allows, counter_count}, memory_watcher, 0};
    CHECK(memory_watcher);
    CHECK_INT(work(), 0);
    memory_watcher = &counter.watcher;
    int r = work();
    memory_watcher = counter.below;
    CHECK_INT(r, 0);
    CHECK_INT((long)counter.allocations, 0);
    return 0;
}

static int one_allocation(void)
{
    eddy_future *future = eddy_future_new();
    eddy_future_release(future);
    return future ? 0 : -ENOMEM;
}

HEAVY_TEST(what_allocates_is_counted)
{
    struct counter counter = {{counter_allows, counter_count}, memory_watcher, 0};
    CHECK(memory_watcher);
    memory_watcher = &counter.watcher;
    int r = one_allocation();
    memory_watcher = counter.below;
    CHECK_INT(r, 0);
    CHECK_INT((long)counter.allocations, 1);
    return 0;
}

/* ---- tasks ---- */

static int nothing(void)
{
    return 0;
}

static int yields(void)
{
    int r = 0;
    for (int i = 0; i < TIMES && r == 0; i++)
        r = eddy_sleep(0);
    return r;
}

static int yielding(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, yields);
        eddy_spawn(g, yields);
    }
    return err;
}

HEAVY_TEST(a_yield_allocates_nothing)
{
    return check_allocates_nothing(yielding);
}

static int spawning(void)
{
    int err = 0;
    for (int i = 0; i < TIMES && err == 0; i++) {
        eddy_with_group (g, &err) {
            eddy_spawn(g, nothing);
            eddy_spawn_eager(g, nothing);
        }
    }
    return err;
}

HEAVY_TEST(spawn_and_join_allocate_nothing)
{
    return check_allocates_nothing(spawning);
}

static int creating(void)
{
    int r = 0;
    for (int i = 0; i < TIMES && r == 0; i++) {
        eddy_task *task = eddy_create_task(nothing);
        r = task ? eddy_await(task) : -ENOMEM;
        if (task)
            (void)eddy_task_release(task);
    }
    return r;
}

HEAVY_TEST(create_await_and_release_allocate_nothing)
{
    return check_allocates_nothing(creating);
}

static int gathering(void)
{
    static eddy_task *tasks[MANY];
    static int results[MANY];
    size_t made = 0;
    while (made < MANY && (tasks[made] = eddy_create_task(nothing)))
        made++;
    int r = eddy_gather(tasks, made, results, EDDY_RAISE_FIRST);
    for (size_t i = 0; i < made; i++)
        (void)eddy_task_release(tasks[i]);
    return made == MANY ? r : -ENOMEM;
}

HEAVY_TEST(gather_of_a_thousand_allocates_nothing)
{
    return check_allocates_nothing(gathering);
}

static int sleeper(void)
{
    return eddy_sleep(3600);
}

static int cancelling(void)
{
    int r = 0;
    for (int i = 0; i < TIMES && r == 0; i++) {
        eddy_task *task = eddy_create_task(sleeper);
        if (!task)
            return -ENOMEM;
        r = eddy_sleep(0);
        EXPECT(eddy_task_cancel(task));
        EXPECT_INT(eddy_await(task), -ECANCELED);
        (void)eddy_task_release(task);
    }
    return r;
}

HEAVY_TEST(cancel_and_join_of_a_sleeping_task_allocate_nothing)
{
    return check_allocates_nothing(cancelling);
}

/* ---- time ---- */

static int sleeping(void)
{
    int r = 0;
    for (int i = 0; i < TIMES && r == 0; i++)
        r = eddy_sleep(i * 0.001);
    return r;
}

HEAVY_TEST(a_sleep_allocates_nothing)
{
    return check_allocates_nothing(sleeping);
}

static int entering(void)
{
    int err = 0;
    for (int i = 0; i < TIMES && err == 0; i++)
        eddy_with_timeout (1 + i, &err)
            err = 0;
    return err;
}

HEAVY_TEST(a_timeout_block_allocates_nothing)
{
    return check_allocates_nothing(entering);
}

static void ignore(void *argument)
{
    (void)argument;
}

static int calling(void)
{
    for (int i = 0; i < TIMES; i++) {
        eddy_handle *handle = eddy_call_later(1 + i, ignore, NULL);
        if (!handle || !eddy_handle_cancel(handle))
            return -ENOMEM;
    }
    return 0;
}

HEAVY_TEST(a_timer_set_and_cancelled_allocates_nothing)
{
    return check_allocates_nothing(calling);
}

/* ---- waiting for each other ---- */

static eddy_lock lock = EDDY_LOCK_INIT;

static int holds(void)
{
    int err = 0;
    for (int i = 0; i < TIMES && err == 0; i++)
        eddy_with_lock (&lock, &err)
            err = eddy_sleep(0); /* the other one comes to wait */
    return err;
}

static int contending(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, holds);
        eddy_spawn(g, holds);
    }
    return err;
}

static int locking(void)
{
    int r = 0;
    for (int i = 0; i < TIMES && r == 0; i++) {
        r = eddy_lock_acquire(&lock);
        if (r == 0)
            r = eddy_lock_release(&lock);
    }
    return r;
}

HEAVY_TEST(a_free_lock_allocates_nothing)
{
    return check_allocates_nothing(locking);
}

HEAVY_TEST(the_hand_over_of_a_lock_allocates_nothing)
{
    return check_allocates_nothing(contending);
}

struct takes_turns {
    eddy_event *own, *other;
};
static int takes_turns(struct takes_turns *a)
{
    int r = 0;
    for (int i = 0; i < TIMES && r == 0; i++) {
        r = eddy_event_wait(a->own);
        eddy_event_clear(a->own);
        eddy_event_set(a->other);
    }
    return r;
}

static int waking(void)
{
    eddy_event left = EDDY_EVENT_INIT, right = EDDY_EVENT_INIT;
    int err;
    eddy_event_set(&left);
    eddy_with_group (g, &err) {
        eddy_spawn(g, takes_turns, .own = &left, .other = &right);
        eddy_spawn(g, takes_turns, .own = &right, .other = &left);
    }
    return err;
}

HEAVY_TEST(the_wake_up_by_an_event_allocates_nothing)
{
    return check_allocates_nothing(waking);
}

static eddy_queue to_right, to_left;

static int serves(void)
{
    int r = 0;
    for (int i = 0, item = 0; i < TIMES && r == 0; i++) {
        r = eddy_queue_get(&to_right, &item);
        if (r == 0)
            r = eddy_queue_put(&to_left, &item);
    }
    return r;
}

static int returns(void)
{
    int r = 0;
    for (int i = 0, item = 0; i < TIMES && r == 0; i++) {
        r = eddy_queue_put(&to_right, &i);
        if (r == 0)
            r = eddy_queue_get(&to_left, &item);
        EXPECT_INT(item, i);
    }
    return r;
}

static int playing(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, serves);
        eddy_spawn(g, returns);
    }
    return err;
}

/* A queue's memory grows with what is in it. */
static int open_and_fill(eddy_queue *queue, size_t limit)
{
    int item = 0;
    CHECK_INT(eddy_queue_open(queue, sizeof item, limit), 0);
    while (!eddy_queue_full(queue))
        CHECK_INT(eddy_queue_put(queue, &item), 0);
    while (!eddy_queue_empty(queue))
        CHECK_INT(eddy_queue_get(queue, &item), 0);
    return 0;
}

static int check_queues(size_t limit, int (*work)(void))
{
    int r = open_and_fill(&to_right, limit);
    if (r == 0)
        r = open_and_fill(&to_left, limit);
    if (r == 0)
        r = check_allocates_nothing(work);
    eddy_queue_close(&to_right);
    eddy_queue_close(&to_left);
    return r;
}

HEAVY_TEST(a_ping_pong_of_queues_allocates_nothing)
{
    return check_queues(1, playing);
}

static int produces(void)
{
    int r = 0;
    for (int i = 0; i < 5 * QUEUE_LIMIT && r == 0; i++)
        r = eddy_queue_put(&to_right, &i);
    return r;
}

static int consumes(void)
{
    int r = 0;
    for (int i = 0, item = 0; i < 5 * QUEUE_LIMIT && r == 0; i++) {
        r = eddy_queue_get(&to_right, &item);
        EXPECT_INT(item, i);
    }
    return r;
}

static int streaming(void)
{
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, produces);
        eddy_spawn(g, consumes);
    }
    return err;
}

HEAVY_TEST(streaming_through_a_queue_allocates_nothing)
{
    return check_queues(QUEUE_LIMIT, streaming);
}
