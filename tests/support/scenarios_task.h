/* SPDX-License-Identifier: MIT */
/*
 * Small programs that together use the whole runtime, to be run with every fault and every cancel
 * there is: those of tasks, scopes and what synchronises them. Each may fail at any call, so it
 * looks at every result and cleans up; what must never happen, whatever failed, it reports by
 * wrong().
 */
#ifndef EDDY_TESTS_SUPPORT_SCENARIOS_TASK_H
#define EDDY_TESTS_SUPPORT_SCENARIOS_TASK_H

#define TEST_OWN_MAIN
#include "test.h"
#include "test/session.h"

static char scenario_wrong[160];

/* Something that no failure excuses: a value lost or handed over twice, a lock held by two. */
TEST_HELPER void __attribute__((__format__(__printf__, 1, 2))) wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!scenario_wrong[0])
        (void)vsnprintf(scenario_wrong, sizeof scenario_wrong, format, arguments);
    va_end(arguments);
}

/* The check after each run. */
TEST_HELPER int scenario_check(void)
{
    if (!scenario_wrong[0])
        return 0;
    fprintf(stderr, "wrong: %s\n", scenario_wrong);
    scenario_wrong[0] = '\0';
    return -EILSEQ;
}

/* Whether the test under way is the one on the simulated system. */
TEST_HELPER bool scenario_simulated(void)
{
    return session_self && session_self->sim;
}

/* Of a program with the scenarios, which use process pools. */
TEST_HELPER int scenario_main(int argc, char **argv)
{
    if (eddy_process_pool_init() < 0) {
        eddy_failure_print(eddy_last_failure(), stderr);
        return 1;
    }
    return eddy_test_main(argc, argv);
}

/* The first error of two. */
TEST_HELPER int first_of(int r, int next)
{
    return r < 0 ? r : next < 0 ? next : r;
}

/* ---- groups, gather, map ---- */

struct doze {
    double seconds;
    int result;
};
TEST_HELPER int doze(struct doze *a)
{
    int r = eddy_sleep(a->seconds);
    return r < 0           ? r
           : a->result < 0 ? eddy_fail(a->result, "a doze of %g s", a->seconds)
                           : a->result;
}

struct brood {
    int depth;
};
TEST_HELPER int brood(struct brood *a)
{
    int error;
    eddy_with_group (group, &error) {
        eddy_spawn(group, doze, .seconds = 1);
        eddy_spawn(group, doze, .seconds = 2);
        if (a->depth > 0)
            eddy_spawn(group, brood, .depth = a->depth - 1);
    }
    return error;
}

TEST_HELPER int scenario_group(void)
{
    int error, failing;
    eddy_with_group (group, &error)
        eddy_spawn(group, brood, .depth = 2);
    eddy_with_group (group, &failing, .policy = EDDY_RUN_ALL) {
        eddy_spawn(group, doze, .seconds = 3, .result = -EDOM);
        eddy_spawn(group, doze, .seconds = 1, .result = -ERANGE);
        eddy_spawn(group, doze, .seconds = 2);
    }
    if (failing == 0)
        wrong("two tasks of a group failed and it says nothing");
    return failing == -ERANGE ? error : failing;
}

struct dozers {
    size_t count;
    eddy_task *tasks[4];
};

TEST_HELPER int dozers_begin(struct dozers *dozers)
{
    static const int results[] = {1, -EDOM, 2, 3};
    for (dozers->count = 0; dozers->count < 4; dozers->count++) {
        eddy_task *task = eddy_create_task(doze, .seconds = (double)dozers->count,
                                           .result = results[dozers->count]);
        if (!task)
            return eddy_failure_code(eddy_last_failure());
        dozers->tasks[dozers->count] = task;
    }
    return 0;
}

TEST_HELPER void dozers_end(struct dozers *dozers)
{
    for (size_t i = 0; i < dozers->count; i++) {
        (void)eddy_task_cancel(dozers->tasks[i]);
        if (eddy_task_release(dozers->tasks[i]) < 0)
            wrong("a handle can't be released");
    }
}

TEST_HELPER int scenario_gather(void)
{
    struct dozers dozers;
    int results[4] = {0};
    int r = dozers_begin(&dozers);
    if (r == 0)
        r = eddy_gather(dozers.tasks, dozers.count, results, EDDY_RETURN_EXCEPTIONS);
    dozers_end(&dozers);
    if (r < 0)
        return r;
    r = dozers_begin(&dozers);
    if (r == 0)
        r = eddy_gather(dozers.tasks, dozers.count, results, EDDY_RAISE_FIRST);
    dozers_end(&dozers);
    return r == -EDOM ? 0 : r;
}

struct square {
    int number, square;
};
TEST_HELPER int square(struct square *a)
{
    int r = eddy_sleep(0.1 * a->number);
    if (r < 0)
        return r;
    a->square = a->number * a->number;
    return 0;
}

TEST_HELPER int scenario_map(void)
{
    struct square jobs[5] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}};
    int results[5];
    int r = eddy_map(2, square, jobs, 5, results);
    for (int i = 0; i < 5 && r == 0; i++)
        if ((results[i] == 0) != (jobs[i].square == jobs[i].number * jobs[i].number))
            wrong("job %d: result %d, square %d", i, results[i], jobs[i].square);
    for (int i = 0; i < 5 && r == 0; i++)
        r = results[i];
    return r < 0 ? r : eddy_map(3, square, jobs, 5, NULL);
}

/* ---- what tasks wait for together ---- */

struct trade {
    eddy_queue queue;
    int put, got; /* how many calls said that they did */
};

/* Who leaves early sees to it that nobody waits for him. */
TEST_HELPER int trade_ends(struct trade *trade, int r)
{
    (void)eddy_queue_shutdown(&trade->queue);
    return r;
}

struct put_some {
    struct trade *trade;
    int count;
};
TEST_HELPER int put_some(struct put_some *a)
{
    for (int i = 0; i < a->count; i++) {
        int r = eddy_queue_put(&a->trade->queue, &i);
        if (r < 0)
            return trade_ends(a->trade, r);
        a->trade->put++;
    }
    return 0;
}

struct get_some {
    struct trade *trade;
    int count;
};
TEST_HELPER int get_some(struct get_some *a)
{
    for (int i = 0; i < a->count; i++) {
        int item, r = eddy_queue_get(&a->trade->queue, &item);
        if (r < 0)
            return trade_ends(a->trade, r);
        a->trade->got++;
        r = eddy_sleep(0.1);
        if (r < 0)
            return trade_ends(a->trade, r);
    }
    return 0;
}

TEST_HELPER int scenario_queue(void)
{
    struct trade trade = {.put = 0};
    int error, r = eddy_queue_open(&trade.queue, sizeof(int), 2);
    if (r < 0)
        return r;
    eddy_with_group (group, &error) {
        eddy_spawn(group, get_some, .trade = &trade, .count = 3);
        eddy_spawn(group, put_some, .trade = &trade, .count = 5);
        eddy_spawn(group, get_some, .trade = &trade, .count = 2);
        eddy_spawn(group, put_some, .trade = &trade, .count = 2);
        eddy_spawn(group, get_some, .trade = &trade, .count = 2);
    }
    int left = (int)eddy_queue_size(&trade.queue);
    if (trade.put != trade.got + left)
        wrong("%d items put, %d got, %d left", trade.put, trade.got, left);
    eddy_queue_close(&trade.queue);

    r = eddy_queue_open(&trade.queue, 40, EDDY_UNBOUNDED); /* its ring has to grow */
    for (int i = 0; i < 40 && r == 0; i++)
        r = eddy_queue_put_nowait_(&trade.queue, (char[40]){0}, 40);
    eddy_queue_close(&trade.queue);
    return first_of(error, r);
}

struct room {
    eddy_lock lock;
    eddy_semaphore semaphore;
    int in_lock, in_semaphore, entered;
};

struct enter {
    struct room *room;
};
TEST_HELPER int enter_lock(struct enter *a)
{
    int error;
    eddy_with_lock (&a->room->lock, &error) {
        if (a->room->in_lock++)
            wrong("two tasks hold the lock");
        error = eddy_sleep(1);
        a->room->in_lock--;
    }
    return error;
}

TEST_HELPER int enter_semaphore(struct enter *a)
{
    int error;
    eddy_with_semaphore (&a->room->semaphore, &error) {
        if (a->room->in_semaphore++ == 2)
            wrong("three tasks hold a semaphore of two permits");
        error = eddy_sleep(1);
        a->room->in_semaphore--;
    }
    return error;
}

TEST_HELPER int scenario_lock(void)
{
    struct room room = {.lock = EDDY_LOCK_INIT};
    int error;
    eddy_with_group (group, &error)
        for (int i = 0; i < 3; i++)
            eddy_spawn_as(group, enter_lock, struct enter, .room = &room);
    if (eddy_lock_locked(&room.lock))
        wrong("the lock is held by nobody");
    return error;
}

TEST_HELPER int scenario_semaphore(void)
{
    struct room room = {.semaphore = EDDY_SEMAPHORE_INIT(2)};
    int error;
    eddy_with_group (group, &error)
        for (int i = 0; i < 5; i++)
            eddy_spawn_as(group, enter_semaphore, struct enter, .room = &room);
    if (eddy_semaphore_value(&room.semaphore) != 2)
        wrong("%zu permits of 2", eddy_semaphore_value(&room.semaphore));
    return error;
}

struct await_event {
    eddy_event *event;
};
TEST_HELPER int await_event(struct await_event *a)
{
    return eddy_event_wait(a->event);
}

struct ring_event {
    eddy_event *event;
};
TEST_HELPER int ring_event(struct ring_event *a)
{
    int r = eddy_sleep(1);
    eddy_event_set(a->event);
    return r;
}

TEST_HELPER int scenario_event(void)
{
    eddy_event event = EDDY_EVENT_INIT;
    int error;
    eddy_with_group (group, &error) {
        eddy_spawn(group, await_event, .event = &event);
        eddy_spawn(group, ring_event, .event = &event);
        eddy_spawn(group, await_event, .event = &event);
    }
    return error;
}

/* ---- futures, callbacks ---- */

TEST_HELPER void future_is_done(eddy_future *future, void *argument)
{
    (void)future;
    (*(int *)argument)++;
}

struct await_future {
    eddy_future *future;
};
TEST_HELPER int await_future(struct await_future *a)
{
    void *value = NULL;
    int r = eddy_future_await(a->future, &value);
    if (r == 0 && value != a->future)
        wrong("a future's value was lost");
    return r;
}

TEST_HELPER void finish_future(void *argument)
{
    (void)eddy_future_set_result(argument, argument);
}

TEST_HELPER int scenario_future(void)
{
    eddy_future *future = eddy_future_new();
    int called = 0, error = 0;
    if (!future)
        return -ENOMEM;
    int added = eddy_future_add_done_callback(future, future_is_done, &called);
    if (!eddy_call_later(1, finish_future, future))
        error = eddy_failure_code(eddy_last_failure());
    if (error < 0)
        (void)eddy_future_cancel(future);
    else
        eddy_with_group (group, &error) {
            eddy_spawn(group, await_future, .future = future);
            eddy_spawn(group, await_future, .future = future);
        }
    if (error < 0)
        (void)eddy_future_cancel(future);
    int r = eddy_sleep(2); /* the call_later needs the future until then */
    if (r == 0 && called != (added == 0))
        wrong("a done callback was called %d times", called);
    if (r < 0)
        eddy_with_shield (EDDY_FOREVER)
            if (eddy_sleep(2) < 0)
                wrong("a cancel came through a shield");
    eddy_future_release(future);
    return first_of(first_of(added, error), r);
}

TEST_HELPER void count_call(void *argument)
{
    (*(int *)argument)++;
}

TEST_HELPER int scenario_calls(void)
{
    static int calls; /* one posted by a thread comes even when the task has ended */
    calls = 0;
    eddy_handle *handles[] = {
        eddy_call_soon(count_call, &calls),
        eddy_call_later(0.5, count_call, &calls),
        eddy_call_at(eddy_time() + 0.25, count_call, &calls),
        eddy_call_later(1, count_call, &calls),
    };
    int expected = eddy_call_soon_threadsafe(eddy_current_loop(), count_call, &calls) == 0;
    for (int i = 0; i < 3; i++)
        expected += handles[i] != NULL;
    if (handles[3] && !eddy_handle_cancel(handles[3]))
        wrong("a call can't be taken back");
    int r = eddy_sleep(2);
    if (r == 0 && calls != expected)
        wrong("%d calls of %d came", calls, expected);
    for (int i = 0; i < 3; i++)
        (void)eddy_handle_cancel(handles[i]);
    return r < 0 ? r : expected < 4 ? -ENOMEM : 0;
}

/* ---- scopes, handles, failures ---- */

TEST_HELPER int scenario_timeout(void)
{
    int error, r = eddy_wait_for(eddy_sleep(5), 1);
    if (r != -ETIMEDOUT)
        return r;
    eddy_with_timeout (1, &error) {
        eddy_with_timeout (2, NULL)
            r = eddy_sleep(3);
        r = eddy_sleep(0);
    }
    if (error != -ETIMEDOUT)
        return first_of(error, r);
    eddy_with_timeout_at (eddy_time() + 1, &error)
        error = eddy_sleep(0.5);
    return error;
}

TEST_HELPER int scenario_shield(void)
{
    int r = eddy_sleep(1), shielded = -ECANCELED, error = 0;
    eddy_with_shield (10)
        shielded = eddy_sleep(1);
    if (shielded < 0)
        wrong("a cancel came through a shield: %d", shielded);
    eddy_with_shield (EDDY_FOREVER)
        eddy_with_group (group, &error) {
            eddy_spawn(group, doze, .seconds = 1);
            eddy_spawn(group, doze, .seconds = 1);
        }
    return first_of(r, error);
}

struct fail_deep {
    int depth;
};
TEST_HELPER int fail_deep(struct fail_deep *a)
{
    if (!a->depth)
        return eddy_fail(-EDOM, "at the bottom");
    eddy_task *task = eddy_create_task(fail_deep, .depth = a->depth - 1);
    if (!task)
        return eddy_failure_code(eddy_last_failure());
    char text[128];
    (void)eddy_task_set_name(task, "a deep one");
    (void)eddy_task_describe(task, text, sizeof text);
    int r = eddy_await(task);
    (void)eddy_task_name(task);
    if (eddy_task_release(task) < 0)
        wrong("a handle can't be released");
    return eddy_fail_from(r, "at %d", a->depth);
}

TEST_HELPER int scenario_failure(void)
{
    struct fail_deep deep = {3};
    int r = fail_deep(&deep);
    if (r >= 0)
        wrong("a failure was lost");
    eddy_task *task = eddy_create_task(doze, .seconds = 1, .result = 7);
    if (!task)
        return eddy_failure_code(eddy_last_failure());
    int waited = eddy_task_wait(task), result = eddy_task_result(task);
    if (waited == 0 && result != 7 && result >= 0)
        wrong("a result of 7 became %d", result);
    (void)eddy_task_cancel(task);
    (void)eddy_detach(task);
    return first_of(r == -EDOM ? 0 : r, waited);
}

#endif
