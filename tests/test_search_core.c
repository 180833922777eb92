/* SPDX-License-Identifier: MIT */
/*
 * The library itself under search: small programs whose checks hold in whatever order things run,
 * with cancels that land anywhere.
 */
#include <eddy/search.h>
#include "support/sim_test.h"

/* Cancels a task after so many yields. */
struct canceller {
    eddy_task *task;
    int after;
};
static int canceller(struct canceller *a)
{
    int r = 0;
    for (int i = 0; i < a->after && r == 0; i++)
        r = eddy_sleep(0);
    (void)eddy_task_cancel(a->task);
    return r;
}

/* ---- locks and semaphores ---- */

static eddy_lock lock;
static eddy_semaphore permits;
static int holders, most_holders;

struct hold {
    bool permit;
};
static int hold(struct hold *a)
{
    int err = 0;
    for (int i = 0; i < 2 && err == 0; i++) {
        err = a->permit ? eddy_semaphore_acquire(&permits) : eddy_lock_acquire(&lock);
        if (err < 0)
            break;
        most_holders = ++holders > most_holders ? holders : most_holders;
        err = eddy_sleep(0);
        holders--;
        EXPECT_INT(a->permit ? eddy_semaphore_release(&permits) : eddy_lock_release(&lock), 0);
    }
    return err;
}

static int holders_with_a_cancel(bool permit, int count)
{
    int err;
    eddy_task *first = NULL;
    lock = (eddy_lock)EDDY_LOCK_INIT;
    permits = (eddy_semaphore)EDDY_SEMAPHORE_INIT(2);
    holders = most_holders = 0;
    eddy_with_group (group, &err) {
        for (int i = 0; i < count; i++) {
            eddy_task *task = eddy_spawn(group, hold, .permit = permit);
            first = first ? first : task;
        }
        (void)eddy_spawn(group, canceller, .task = first, .after = 2);
    }
    CHECK_INT(err, 0);
    CHECK(most_holders <= (permit ? 2 : 1));
    CHECK_INT(holders, 0);
    CHECK(!eddy_lock_locked(&lock));
    for (int i = 0; i < 2; i++)
        CHECK_INT(eddy_semaphore_acquire(&permits), 0);
    CHECK(eddy_semaphore_locked(&permits));
    return 0;
}

static int locks(void)
{
    return holders_with_a_cancel(false, 3);
}

static int semaphores(void)
{
    return holders_with_a_cancel(true, 4);
}

static int few_locks(void)
{
    return holders_with_a_cancel(false, 2);
}

/* ---- queues ---- */

static eddy_queue queue;
static int put_in, taken_out;

struct mover {
    int count;
};
static int putter(struct mover *a)
{
    int r = 0, item = 1;
    for (int i = 0; i < a->count && r == 0; i++)
        if ((r = eddy_queue_put(&queue, &item)) == 0)
            put_in++;
    return r;
}

static int getter(struct mover *a)
{
    int r = 0, item;
    for (int i = 0; i < a->count && r == 0; i++)
        if ((r = eddy_queue_get(&queue, &item)) == 0)
            taken_out += item;
    return r;
}

static int queue_with_cancels(int each)
{
    int err, item;
    put_in = taken_out = 0;
    CHECK_INT(eddy_queue_open(&queue, sizeof item, 1), 0);
    eddy_with_group (group, &err) {
        eddy_task *one = eddy_spawn_as(group, getter, struct mover, .count = each);
        eddy_task *other = eddy_spawn_as(group, putter, struct mover, .count = each);
        (void)eddy_spawn(group, canceller, .task = one, .after = 1);
        (void)eddy_spawn(group, canceller, .task = other, .after = 2);
        eddy_task *rest = eddy_spawn_as(group, getter, struct mover, .count = 2 * each);
        (void)eddy_spawn_as(group, putter, struct mover, .count = each);
        EXPECT_INT(eddy_sleep(1), 0); /* nothing moves any more */
        (void)eddy_task_cancel(rest);
    }
    CHECK_INT(err, 0);
    while (eddy_queue_get_nowait(&queue, &item) == 0)
        taken_out += item;
    eddy_queue_close(&queue);
    CHECK_INT(taken_out, put_in); /* none lost, none twice */
    return 0;
}

static int queues(void)
{
    return queue_with_cancels(3);
}

/* ---- futures and events ---- */

static eddy_future *promise;
static eddy_event event;
static int woken;

static int wait_for_both(void)
{
    void *value = NULL;
    int r = eddy_future_await(promise, &value);
    if (r == 0)
        r = eddy_event_wait(&event);
    woken += r == 0 && value == &woken;
    return r;
}

static int fulfil(void)
{
    int r = eddy_sleep(0);
    (void)eddy_future_set_result(promise, &woken);
    if (r == 0)
        r = eddy_sleep(0);
    eddy_event_set(&event);
    return r;
}

static int futures(void)
{
    int err;
    woken = 0;
    event = (eddy_event)EDDY_EVENT_INIT;
    CHECK((promise = eddy_future_new()) != NULL);
    eddy_with_group (group, &err) {
        for (int i = 0; i < 3; i++)
            (void)eddy_spawn(group, wait_for_both);
        (void)eddy_spawn(group, fulfil);
    }
    eddy_future_release(promise);
    CHECK_INT(woken, 3);
    return err;
}

/* A cancelled waiter cancels the future, unless it is done: all see the same outcome. */
static int outcomes[2];

struct look {
    int index;
};
static int look(struct look *a)
{
    outcomes[a->index] = eddy_future_await(promise, NULL);
    return outcomes[a->index];
}

static int cancelled_future(void)
{
    int err;
    CHECK((promise = eddy_future_new()) != NULL);
    outcomes[0] = outcomes[1] = 0;
    eddy_task *other = eddy_create_task(look, .index = 1);
    eddy_with_group (group, &err) {
        eddy_task *one = eddy_spawn(group, look, .index = 0);
        (void)eddy_spawn(group, canceller, .task = one, .after = 1);
        (void)eddy_spawn(group, fulfil);
    }
    bool cancelled = eddy_future_cancelled(promise);
    CHECK_INT(eddy_task_wait(other), 0);
    EXPECT(!cancelled || outcomes[1] == -ECANCELED);
    EXPECT(cancelled || outcomes[1] == 0);
    (void)eddy_task_result(other);
    eddy_future_release(promise);
    return eddy_task_release(other) < 0 ? -EBADE : err;
}

/* ---- groups, timeouts, gather ---- */

struct child {
    double seconds;
    int code;
};
static int child(struct child *a)
{
    int r = eddy_sleep(a->seconds);
    return r < 0 ? r : a->code < 0 ? eddy_fail(a->code, "as told") : a->code;
}

/* Everything at the same instant: the end of one child, the failure of another, two timeouts. */
static int timeouts(void)
{
    int inner = 0, outer, group_error = 0;
    eddy_with_timeout (1, &outer) {
        eddy_with_timeout (1, &inner) {
            eddy_with_group (group, &group_error) {
                (void)eddy_spawn(group, child, .seconds = 1);
                (void)eddy_spawn(group, child, .seconds = 1, .code = -EDOM);
            }
            inner = group_error;
        }
        outer = inner;
    }
    CHECK(outer == -EDOM || outer == -ETIMEDOUT);
    CHECK(inner == -EDOM || inner == -ETIMEDOUT || inner == -ECANCELED);
    CHECK_TIME(1);
    return eddy_sleep(0);
}

static int gathers(void)
{
    int results[3] = {0}, err, r = 1;
    eddy_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = eddy_create_task(child, .seconds = i / 2, .code = i == 1 ? -EDOM : i);
    eddy_with_timeout (1, &err)
        err = r = eddy_gather(tasks, 3, results, EDDY_RETURN_EXCEPTIONS);
    CHECK(r == 0 || r == -ECANCELED);
    CHECK_INT(err, r == 0 ? 0 : -ETIMEDOUT);
    CHECK_INT(results[0], 0);
    CHECK_INT(results[1], -EDOM);
    CHECK(results[2] == 2 || results[2] == -ECANCELED);
    for (int i = 0; i < 3; i++) {
        CHECK(eddy_task_done(tasks[i]));
        CHECK_INT(eddy_task_release(tasks[i]), 0);
    }
    return 0;
}

/* The first failure ends the wait, not the others. */
static int first_failure(void)
{
    int r;
    eddy_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = eddy_create_task(child, .seconds = i / 2, .code = i == 1 ? -EDOM : i);
    r = eddy_gather(tasks, 3, NULL, EDDY_RAISE_FIRST);
    CHECK_INT(r, -EDOM);
    CHECK(!eddy_task_done(tasks[2]));
    for (int i = 0; i < 3; i++) {
        CHECK_INT(eddy_task_wait(tasks[i]), 0);
        CHECK_INT(eddy_task_release(tasks[i]), 0);
    }
    CHECK_TIME(1);
    return 0;
}

static int map_job(int *job)
{
    int r = eddy_sleep(*job % 2);
    return r < 0 ? r : *job == 3 ? eddy_fail(-EDOM, "three") : *job;
}

static int maps(void)
{
    int jobs[5] = {0, 1, 2, 3, 4}, results[5];
    CHECK_INT(eddy_map(2, map_job, jobs, 5, results), 0);
    for (int i = 0; i < 5; i++)
        EXPECT_INT(results[i], i == 3 ? -EDOM : i);
    CHECK_INT(eddy_map(2, map_job, jobs, 5, NULL), -EDOM);
    return 0;
}

/* ---- pools, network ---- */

struct job {
    double seconds;
    int value;
};
static int job(struct job *a)
{
    (void)eddy_blocking_sleep(a->seconds);
    a->value = 7;
    return 0;
}

struct in_pool {
    eddy_pool *pool;
    bool process;
};
static int in_pool(struct in_pool *a)
{
    struct job one = {.seconds = 1};
    int r = a->pool ? eddy_run_in(a->pool, job, &one) : eddy_to_thread_abandon(job, &one);
    EXPECT_INT(one.value, r == 0 ? 7 : 0);
    EXPECT(r == 0 || r == -ECANCELED || (a->process && r == -ECHILD));
    return r == -ECHILD ? 0 : r;
}

static int pools(void)
{
    int err;
    eddy_pool *threads, *processes;
    CHECK_INT(eddy_thread_pool_open(&threads, &(struct eddy_thread_pool_options){.threads = 1}), 0);
    CHECK_INT(
        eddy_process_pool_open(&processes, &(struct eddy_process_pool_options){.processes = 1}), 0);
    eddy_with_group (group, &err)
        for (int i = 0; i < 6; i++) {
            eddy_pool *pool = i % 3 == 0 ? threads : i % 3 == 1 ? processes : NULL;
            eddy_task *task = eddy_spawn(group, in_pool, .pool = pool, .process = i % 3 == 1);
            if (i < 3)
                (void)eddy_spawn(group, canceller, .task = task, .after = i);
        }
    eddy_pool_close(threads);
    eddy_pool_close(processes);
    return err;
}

static int answer(eddy_stream *stream, void *context)
{
    char line[16];
    (void)context;
    ssize_t n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        n = eddy_stream_write(stream, line, (size_t)n);
    return n < 0 && n != -ECONNRESET && n != -EPIPE ? (int)n : 0;
}

static int ask(void)
{
    eddy_stream *stream;
    char line[16] = "";
    int r = eddy_connect("localhost", 80, &stream);
    if (r < 0)
        return r == -ECONNRESET || r == -ECONNREFUSED ? 0 : r;
    ssize_t n = eddy_stream_write(stream, "hello\n", 6);
    if (n > 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    EXPECT(n <= 0 || strcmp(line, "hello\n") == 0);
    eddy_stream_close(stream);
    return n == -ECANCELED ? -ECANCELED : 0;
}

static int network(void)
{
    int err;
    eddy_server *server;
    const struct eddy_serve_options two = {.max_connections = 2};
    CHECK_INT(eddy_serve("localhost", 80, answer, NULL, &two, &server), 0);
    eddy_with_group (group, &err)
        for (int i = 0; i < 4; i++) {
            eddy_task *task = eddy_spawn(group, ask);
            if (i % 2)
                (void)eddy_spawn(group, canceller, .task = task, .after = 2 * i);
        }
    eddy_server_close(server);
    return err;
}

/* ---- searching ---- */

static const struct program {
    const char *name;
    int (*scenario)(void);
    bool small; /* all its orders can be tried */
} programs[] = {
    {"locks", locks, false},
    {"few_locks", few_locks, true},
    {"semaphores", semaphores, false},
    {"queues", queues, false},
    {"futures", futures, false},
    {"cancelled_future", cancelled_future, true},
    {"timeouts", timeouts, true},
    {"gathers", gathers, true},
    {"first_failure", first_failure, true},
    {"maps", maps, false},
    {"pools", pools, false},
    {"network", network, false},
};
enum { PROGRAMS = sizeof programs / sizeof *programs, RUNS = 300, ORDERS_MAX = 50000 };

static void search(const struct program *program, enum eddy_search_strategy strategy, uint64_t runs)
{
    struct eddy_search_result result = {.runs = 0};
    const struct eddy_search_options what = {
        .name = program->name,
        .scenario = program->scenario,
        .strategy = strategy,
        .runs = runs,
        .sim.link = {.delay_max = 0.1, .short_io = 0.3, .reset = 0.02, .refuse = 0.02},
        .sim.job_delay_max = 0.5,
        .sim.worker_death = 0.1,
    };
    EXPECT_INT(eddy_search(&what, &result), 0);
    if (strategy == EDDY_SEARCH_EXHAUSTIVE)
        printf("  %-18s %llu orders%s\n", program->name, (unsigned long long)result.runs,
               result.complete ? ", all" : "");
}

PLAIN_TEST(random_orders_break_nothing)
{
    for (size_t i = 0; i < PROGRAMS; i++)
        search(&programs[i], EDDY_SEARCH_RANDOM, RUNS);
}

PLAIN_TEST(priorities_break_nothing)
{
    for (size_t i = 0; i < PROGRAMS; i++)
        search(&programs[i], EDDY_SEARCH_PRIORITIES, RUNS);
}

PLAIN_TEST(all_orders_of_small_programs_break_nothing)
{
    for (size_t i = 0; i < PROGRAMS; i++)
        if (programs[i].small)
            search(&programs[i], EDDY_SEARCH_EXHAUSTIVE, ORDERS_MAX);
}
