/* SPDX-License-Identifier: MIT */
/* Null, closed, foreign, out of place: a documented code and one line, never a crash. What one
 * module's test says about its own arguments isn't repeated here. */
#include "support/test.h"

/* ---- outside a task ---- */

static eddy_task *some_task;
static eddy_future *some_future;
static eddy_lock held_lock = EDDY_LOCK_INIT;
static eddy_semaphore no_permits = EDDY_SEMAPHORE_INIT(0);
static eddy_event unset_event = EDDY_EVENT_INIT;
static eddy_queue empty_queue;

#define EXPECT_REFUSED(call, name)                                                                 \
    do {                                                                                           \
        EXPECT_INT(call, -EINVAL);                                                                 \
        EXPECT_REPORT(EDDY_LOG_MISUSE, name);                                                      \
        EXPECT_INT(eddy_failure_code(eddy_last_failure()), -EINVAL);                               \
    } while (0)

static void awaits_in_callback(void *unused)
{
    (void)unused;
    int item;
    EXPECT_REFUSED(eddy_sleep(1), "eddy_sleep");
    EXPECT_REFUSED(eddy_sleep(0), "eddy_sleep");
    EXPECT_REFUSED(eddy_await(some_task), "eddy_await");
    EXPECT_REFUSED(eddy_task_wait(some_task), "eddy_task_wait");
    EXPECT_REFUSED(eddy_gather(&some_task, 1, NULL, EDDY_RAISE_FIRST), "eddy_gather");
    EXPECT_REFUSED(eddy_future_await(some_future, NULL), "eddy_future_await");
    EXPECT_REFUSED(eddy_lock_acquire(&held_lock), "eddy_lock_acquire");
    EXPECT_REFUSED(eddy_semaphore_acquire(&no_permits), "eddy_semaphore_acquire");
    EXPECT_REFUSED(eddy_event_wait(&unset_event), "eddy_event_wait");
    EXPECT_REFUSED(eddy_queue_get(&empty_queue, &item), "eddy_queue_get");
    EXPECT_REFUSED(eddy_wait_readable(0), "eddy_wait_readable");
    EXPECT_REFUSED(eddy_wait_writable(0), "eddy_wait_writable");
    int err = 0;
    eddy_with_lock (&held_lock, &err) {
        note("never");
    }
    EXPECT_INT(err, -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_lock_acquire");
    EXPECT_NO_REPORT();
}

ORDERED_TEST(awaiting_in_a_callback_says_so_and_names_the_call)
{
    some_task = eddy_create_task(nap, .seconds = 5);
    some_future = eddy_future_new();
    held_lock = (eddy_lock)EDDY_LOCK_INIT; /* a run that was cut short left it held */
    CHECK_INT(eddy_lock_acquire(&held_lock), 0);
    CHECK_INT(eddy_queue_open(&empty_queue, sizeof(int), 1), 0);
    CHECK(eddy_call_soon(awaits_in_callback, NULL));
    turns(2);
    CHECK_NOTES("");
    CHECK_INT(eddy_lock_release(&held_lock), 0);
    eddy_queue_close(&empty_queue);
    eddy_future_release(some_future);
    CHECK_INT(eddy_await(some_task), 0);
    return eddy_task_release(some_task);
}

#define EXPECT_LINE(call, code, name)                                                              \
    do {                                                                                           \
        test_stderr_begin();                                                                       \
        long long result_ = (call);                                                                \
        const char *line_ = test_stderr_end();                                                     \
        EXPECT_INT(result_, code);                                                                 \
        EXPECT_CONTAINS(line_, name);                                                              \
        EXPECT_INT(test_count_lines(line_), 1);                                                    \
    } while (0)

PLAIN_TEST(outside_a_loop_each_call_says_one_line)
{
    static eddy_lock lock = EDDY_LOCK_INIT;
    struct nap *jobs = &(struct nap){.seconds = 1};
    eddy_task *no_task = (eddy_task *)(uintptr_t)1;
    EXPECT_LINE(eddy_sleep(1), -EINVAL, "eddy_sleep");
    EXPECT_LINE(eddy_await(no_task), -EINVAL, "eddy_await");
    EXPECT_LINE(eddy_task_release(no_task), -EINVAL, "eddy_task_release");
    EXPECT_LINE(eddy_task_cancel(no_task), 0, "eddy_task_cancel");
    EXPECT_LINE(eddy_create_task(nap, .seconds = 1) != NULL, 0, "eddy_create_task");
    EXPECT_LINE(eddy_gather(&no_task, 1, NULL, EDDY_RAISE_FIRST), -EINVAL, "eddy_gather");
    EXPECT_LINE(eddy_map(1, nap, jobs, 1, NULL), -EINVAL, "eddy_map");
    EXPECT_LINE(eddy_lock_acquire(&lock), -EINVAL, "eddy_lock_acquire");
    EXPECT_LINE(eddy_event_wait(&unset_event), -EINVAL, "eddy_event_wait");
    EXPECT_LINE(eddy_wait_readable(0), -EINVAL, "eddy_wait_readable");
    EXPECT_LINE(eddy_call_soon(free, NULL) != NULL, 0, "eddy_call_soon");
    EXPECT_LINE(eddy_call_later(1, free, NULL) != NULL, 0, "eddy_call_later");
    EXPECT_LINE(eddy_future_new() != NULL, 0, "eddy_future_new");
    int err = 0;
    test_stderr_begin();
    eddy_with_timeout (1, &err) {
        note("ran");
    }
    EXPECT_INT(test_count_lines(test_stderr_end()), 1);
    EXPECT_INT(err, -EINVAL);
    test_stderr_begin();
    eddy_with_group (g, &err) {
        note("ran");
        (void)g;
    }
    EXPECT_INT(test_count_lines(test_stderr_end()), 1);
    EXPECT_INT(err, -EINVAL);
    EXPECT_NOTES("ran ran");
    eddy_failure_clear();
}

/* ---- NULL ---- */

TEST(NULL_everywhere)
{
    int item = 0;
    char text[10];
    EXPECT_REFUSED(eddy_await(NULL), "eddy_await");
    EXPECT_REFUSED(eddy_task_wait(NULL), "eddy_task_wait");
    EXPECT_REFUSED(eddy_task_result(NULL), "eddy_task_result");
    EXPECT_REFUSED(eddy_task_release(NULL), "eddy_task_release");
    EXPECT_REFUSED(eddy_detach(NULL), "eddy_detach");
    EXPECT_REFUSED(eddy_task_set_name(NULL, "x"), "eddy_task_set_name");
    EXPECT_REFUSED(eddy_task_describe(NULL, text, sizeof text), "eddy_task_describe");
    EXPECT_REFUSED(eddy_lock_acquire(NULL), "eddy_lock_acquire");
    EXPECT_REFUSED(eddy_lock_release(NULL), "eddy_lock_release");
    EXPECT_REFUSED(eddy_semaphore_acquire(NULL), "eddy_semaphore_acquire");
    EXPECT_REFUSED(eddy_semaphore_release(NULL), "eddy_semaphore_release");
    EXPECT_REFUSED(eddy_event_wait(NULL), "eddy_event_wait");
    EXPECT_REFUSED(eddy_queue_put(NULL, &item), "eddy_queue_put");
    EXPECT_REFUSED(eddy_queue_get(NULL, &item), "eddy_queue_get");
    EXPECT_REFUSED(eddy_queue_put_nowait(NULL, &item), "eddy_queue_put_nowait");
    EXPECT_REFUSED(eddy_queue_get_nowait(NULL, &item), "eddy_queue_get_nowait");
    EXPECT_REFUSED(eddy_queue_shutdown(NULL), "eddy_queue_shutdown");
    EXPECT_NO_REPORT();
    CHECK(!eddy_task_cancel(NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_cancel");
    CHECK(!eddy_task_done(NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_done");
    CHECK(!eddy_task_cancelled(NULL));
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_cancelled");
    CHECK_TEXT(eddy_task_name(NULL), "");
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_name");
    eddy_event_set(NULL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_event_set");
    eddy_event_clear(NULL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_event_clear");
    CHECK(!eddy_lock_locked(NULL) && !eddy_semaphore_locked(NULL) && !eddy_event_is_set(NULL));
    CHECK(!eddy_semaphore_value(NULL) && !eddy_queue_size(NULL) && !eddy_queue_full(NULL));
    CHECK(eddy_queue_empty(NULL));
    return 0;
}

TEST(NULL_output_with_a_size_is_not_written_to)
{
    CHECK_INT(eddy_all_tasks(NULL, 5), 1);
    CHECK(eddy_task_describe(eddy_current_task(), NULL, 10) != 0);
    eddy_future *future = eddy_future_new();
    CHECK(eddy_future_describe(future, NULL, 10) != 0);
    eddy_future_release(future);
    while (test_next_report())
        CHECK_REPORT(EDDY_LOG_MISUSE, "describe");
    return 0;
}

TEST(a_NULL_item_is_refused)
{
    eddy_queue queue;
    int *none = NULL;
    CHECK_INT(eddy_queue_open(&queue, sizeof(int), 1), 0);
    EXPECT_REFUSED(eddy_queue_put(&queue, none), "eddy_queue_put");
    EXPECT_REFUSED(eddy_queue_get(&queue, none), "eddy_queue_get");
    eddy_queue_close(&queue);
    return 0;
}

/* ---- what belongs to somebody else ---- */

static int releases_itself(void)
{
    int r = eddy_task_release(eddy_current_task());
    note("%s", r < 0 ? eddy_error_name(r) : "0");
    return 33;
}

PLAIN_TEST(main_can_not_give_away_its_own_handle)
{
    EXPECT_INT(test_run(releases_itself), 33);
    EXPECT_NOTES("EPERM");
    EXPECT_REPORT(EDDY_LOG_MISUSE, "eddy_task_release");
}

TEST(garbage_handles_are_ESRCH)
{
    const uintptr_t garbage[] = {1,
                                 0xffffff,
                                 UINTPTR_MAX,
                                 (uintptr_t)&garbage,
                                 (uintptr_t)1 << 24,
                                 (uintptr_t)0x12345678 << 8};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        eddy_task *task = (eddy_task *)garbage[i];
        if (task == eddy_current_task())
            continue;
        CHECK_INT(eddy_task_result(task), -ESRCH);
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_task_result");
        CHECK(!eddy_handle_cancel((eddy_handle *)garbage[i]));
    }
    return 0;
}

TEST(a_misuse_in_a_task_names_the_task)
{
    CHECK_INT(eddy_task_set_name(eddy_current_task(), "culprit"), 0);
    CHECK_INT(eddy_lock_release(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "culprit");
    return 0;
}
