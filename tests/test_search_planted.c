/* SPDX-License-Identifier: MIT */
/*
 * Does the search find bugs? Six classic ones, each in a small primitive of the kind that programs
 * write for themselves, behind the switch `planted`. In the order that everything usually runs in
 * none of them shows. Each is to be found within so many seeds, from wherever the search begins,
 * and nothing is to be found when they aren't there.
 */
#include <eddy/search.h>
#include "stream.h"
#include "support/sim_test.h"

static bool planted;

/* ---- 1: lost wake-up ---- */

/* A mailbox for one letter. Its event is cleared, then looked at and waited for. */
static struct mailbox {
    bool full;
    eddy_event changed;
} mailbox;

static int mailbox_receive(void)
{
    while (!mailbox.full) {
        if (planted) { /* what arrives in between is forgotten by the clear */
            int r = eddy_sleep(0);
            if (r < 0)
                return r;
        }
        eddy_event_clear(&mailbox.changed);
        int r = eddy_event_wait(&mailbox.changed);
        if (r < 0)
            return r;
    }
    mailbox.full = false;
    return 0;
}

static int mailbox_send(void)
{
    for (int i = 0; i < 3; i++) { /* it has to write the letter first */
        int r = eddy_sleep(0);
        if (r < 0)
            return r;
    }
    mailbox.full = true;
    eddy_event_set(&mailbox.changed);
    return 0;
}

static int lost_wakeup(void)
{
    int err;
    mailbox = (struct mailbox){.changed = EDDY_EVENT_INIT};
    eddy_with_group (group, &err) {
        (void)eddy_spawn(group, mailbox_receive);
        (void)eddy_spawn(group, mailbox_send);
    }
    return err;
}

/* ---- 2: a value lost on cancel ---- */

static eddy_queue *values;
static int values_got;

/* Takes a value, then looks after the books: a cancel that lands there takes the value with it. */
static int values_take(void)
{
    int value;
    int r = eddy_queue_get(values, &value);
    if (r < 0)
        return r;
    if (planted && (r = eddy_sleep(0)) < 0)
        return r;
    values_got += value;
    return 0;
}

struct values_put {
    int steps;
};
static int values_put(struct values_put *a)
{
    int r = 0, value = 1;
    for (int i = 0; i < a->steps && r == 0; i++)
        r = eddy_sleep(0);
    return r < 0 ? r : eddy_queue_put(values, &value);
}

struct values_stop {
    eddy_task *taker;
};
static int values_stop(struct values_stop *a)
{
    int r = eddy_sleep(0);
    (void)eddy_task_cancel(a->taker);
    return r;
}

static int lost_value(void)
{
    int err, value = 0;
    eddy_queue queue;
    CHECK_INT(eddy_queue_open(&queue, sizeof value, 1), 0);
    values = &queue;
    values_got = 0;
    eddy_with_group (group, &err, .policy = EDDY_RUN_ALL) {
        eddy_task *taker = eddy_spawn(group, values_take);
        (void)eddy_spawn(group, values_stop, .taker = taker);
        (void)eddy_spawn(group, values_put, .steps = 3);
    }
    while (eddy_queue_get_nowait(&queue, &value) == 0)
        values_got += value;
    eddy_queue_close(&queue);
    CHECK_INT(values_got, 1);
    return err == -ECANCELED ? 0 : err;
}

/* ---- 3: double hand-over ---- */

/* One key for all. Whoever brings it back wakes the first who waits. */
enum { KEY_USERS = 3 };
static struct keys {
    bool there;
    int holders;
    eddy_future *waiters[KEY_USERS];
    int waiting, woken;
} keys;

static int key_take(void)
{
    if (keys.there) {
        keys.there = false;
        return 0;
    }
    eddy_future *mine = keys.waiters[keys.waiting++] = eddy_future_new();
    int r = eddy_future_await(mine, NULL);
    eddy_future_release(mine);
    keys.there = false;
    return r;
}

static void key_return(void)
{
    bool wanted = keys.woken < keys.waiting;
    keys.there = !wanted || planted; /* it is promised to somebody */
    if (wanted)
        (void)eddy_future_set_result(keys.waiters[keys.woken++], NULL);
}

struct use_key {
    int before, during;
};
static int use_key(struct use_key *a)
{
    turns(a->before);
    CHECK_INT(key_take(), 0);
    keys.holders++;
    EXPECT_INT(keys.holders, 1);
    turns(a->during);
    keys.holders--;
    key_return();
    return 0;
}

/* The third one comes when the second has the key and, in the usual order, has brought it back. */
static int double_handover(void)
{
    int err;
    keys = (struct keys){.there = true};
    eddy_with_group (group, &err) {
        (void)eddy_spawn(group, use_key, .during = 2);
        (void)eddy_spawn(group, use_key, .before = 1, .during = 1);
        (void)eddy_spawn(group, use_key, .before = 3, .during = 1);
    }
    return err;
}

/* ---- 4: use after the end of a group ---- */

static struct batch {
    bool over;
    int reported;
} batch;

static void batch_report(void *argument)
{
    struct batch *one = argument;
    EXPECT(!one->over);
    one->reported++;
}

/* Reports by a callback, which may come when the group's block is over. */
static int batch_work(void)
{
    int r = eddy_sleep(0);
    if (!planted)
        batch_report(&batch);
    else if (!eddy_call_soon(batch_report, &batch))
        return -ENOMEM;
    return r;
}

static int use_after_end(void)
{
    int err;
    batch = (struct batch){.over = false};
    eddy_with_group (group, &err)
        for (int i = 0; i < 3; i++)
            (void)eddy_spawn(group, batch_work);
    batch.over = true;
    turns(20); /* for stragglers */
    return err;
}

/* ---- 5: a timer missed on a jump of the clock ---- */

enum { ALARMS = 3 };
static int alarms_rung;

/* Rings at 1, 2 and 3 s, late ones at once. */
static int alarms_ring(void)
{
    double next = 1;
    while (next <= ALARMS) {
        int r = eddy_sleep(next - eddy_time());
        for (; next <= ALARMS && next <= eddy_time(); next++)
            alarms_rung++;
        if (r == 0)
            r = eddy_sleep(0); /* the bell takes a moment */
        if (r < 0)
            return r;
        while (planted &&
               next <= eddy_time()) /* what lies ahead now: but the clock may have jumped */
            next++;
    }
    return 0;
}

/* Keeps the thread: then the clock has jumped. */
static int freeze(void)
{
    int r = eddy_sleep(1);
    return r < 0 ? r : eddy_blocking_sleep(1.5);
}

static int missed_timer(void)
{
    int err;
    alarms_rung = 0;
    eddy_with_group (group, &err) {
        (void)eddy_spawn(group, freeze);
        (void)eddy_spawn(group, alarms_ring);
    }
    CHECK_INT(alarms_rung, ALARMS);
    return err;
}

/* ---- 6: a descriptor leaked by a cancelled connect ---- */

static int answer(eddy_stream *stream, void *context)
{
    (void)context;
    ssize_t n = eddy_stream_write(stream, "hello", 5);
    return n < 0 && n != -EPIPE && n != -ECONNRESET ? (int)n : 0;
}

/* What really leaks, so that this program doesn't. */
static struct {
    eddy_stream **streams;
    size_t count, capacity;
} leaked;

static void leaked_keep(eddy_stream *stream)
{
    if (leaked.count == leaked.capacity) {
        leaked.capacity = 2 * leaked.capacity + 64;
        leaked.streams = realloc(leaked.streams, leaked.capacity * sizeof(*leaked.streams));
        if (!leaked.streams)
            abort();
    }
    leaked.streams[leaked.count++] = stream;
}

static void leaked_free(void)
{
    while (leaked.count)
        stream_release(leaked.streams[--leaked.count]);
    free(leaked.streams);
    leaked.streams = NULL;
    leaked.capacity = 0;
}

/* A connection is made when the greeting has come; who leaves before that has to hang up. */
static int greeted_connect(eddy_stream **ret_stream)
{
    eddy_stream *stream;
    char greeting[5];
    int r = eddy_connect("10.0.0.1", 80, &stream);
    if (r < 0)
        return r;
    ssize_t n = eddy_stream_read_exactly(stream, greeting, sizeof greeting);
    if (n == -ECANCELED && planted)
        leaked_keep(stream);
    else if (n < 0)
        eddy_stream_close(stream);
    else
        *ret_stream = stream;
    return n < 0 ? (int)n : 0;
}

static int call(void)
{
    eddy_stream *stream = NULL;
    int r = greeted_connect(&stream);
    if (r == 0)
        eddy_stream_close(stream);
    return r;
}

struct lose_patience {
    eddy_task *caller;
};
static int lose_patience(struct lose_patience *a)
{
    int r = eddy_sleep(1);
    (void)eddy_task_cancel(a->caller);
    return r;
}

static int leaked_descriptor(void)
{
    int err;
    eddy_server *server;
    CHECK_INT(eddy_serve("10.0.0.1", 80, answer, NULL, NULL, &server), 0);
    eddy_with_group (group, &err, .policy = EDDY_RUN_ALL) {
        eddy_task *caller = eddy_spawn(group, call);
        (void)eddy_spawn(group, lose_patience, .caller = caller);
    }
    eddy_server_close(server);
    return err == -ECANCELED ? 0 : err;
}

/* ---- searching ---- */

static const struct bug {
    const char *name;
    int (*scenario)(void);
    int code;           /* by which it shows */
    uint64_t within[2]; /* so many seeds it is found: random, priorities */
    double delay_max;   /* of the network */
} bugs[] = {
    {"lost_wakeup", lost_wakeup, -EDEADLK, {200, 200}, 0},
    {"lost_value", lost_value, -EBADE, {300, 500}, 0},
    {"double_handover", double_handover, -EBADE, {300, 3000}, 0},
    {"use_after_end", use_after_end, -EBADE, {50, 50}, 0},
    {"missed_timer", missed_timer, -EBADE, {100, 100}, 0},
    {"leaked_descriptor", leaked_descriptor, -EBADE, {50, 50}, 1},
};
enum { BUGS = sizeof bugs / sizeof *bugs, BEGINNINGS = 20 };

static struct eddy_search_result found;

static int search(const struct bug *bug, enum eddy_search_strategy strategy, uint64_t first,
                  uint64_t runs)
{
    const struct eddy_search_options what = {
        .name = bug->name,
        .scenario = bug->scenario,
        .strategy = strategy,
        .first_seed = first,
        .runs = runs,
        .quiet = true,
        .sim.link.delay_max = bug->delay_max,
    };
    return eddy_search(&what, &found);
}

PLAIN_TEST(in_the_usual_order_no_bug_shows)
{
    planted = true;
    for (size_t i = 0; i < BUGS; i++)
        for (uint64_t seed = 1; seed <= 20; seed++)
            EXPECT_INT(
                simulate(seed, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, bugs[i].scenario),
                0);
    planted = false;
    leaked_free();
}

static void expect_found(enum eddy_search_strategy strategy, const char *name)
{
    planted = true;
    printf("seeds until found, %s: most and mean of %d searches\n", name, BEGINNINGS);
    for (size_t i = 0; i < BUGS; i++) {
        uint64_t most = 0, sum = 0, within = bugs[i].within[strategy == EDDY_SEARCH_PRIORITIES];
        for (uint64_t beginning = 0; beginning < BEGINNINGS; beginning++) {
            EXPECT_INT(search(&bugs[i], strategy, 1 + 1000 * beginning, within), bugs[i].code);
            most = found.runs > most ? found.runs : most;
            sum += found.runs;
        }
        printf("  %-18s %4llu %7.1f (within %llu)\n", bugs[i].name, (unsigned long long)most,
               (double)sum / BEGINNINGS, (unsigned long long)within);
    }
    planted = false;
    leaked_free();
}

PLAIN_TEST(random_orders_find_each_bug)
{
    expect_found(EDDY_SEARCH_RANDOM, "random");
}

PLAIN_TEST(priorities_find_each_bug)
{
    expect_found(EDDY_SEARCH_PRIORITIES, "priorities");
}

PLAIN_TEST(going_through_all_orders_finds_each_bug_or_none)
{
    for (size_t i = 0; i < BUGS; i++) {
        planted = true;
        EXPECT_INT(search(&bugs[i], EDDY_SEARCH_EXHAUSTIVE, 2, 0), bugs[i].code);
        uint64_t runs = found.runs;
        planted = false;
        EXPECT_INT(search(&bugs[i], EDDY_SEARCH_EXHAUSTIVE, 2, 200000), 0);
        EXPECT(found.complete);
        printf("  %-18s found in order %llu; without it %llu orders\n", bugs[i].name,
               (unsigned long long)runs, (unsigned long long)found.runs);
    }
    leaked_free();
}

PLAIN_TEST(what_is_found_is_small_and_repeats)
{
    planted = true;
    for (size_t i = 0; i < BUGS; i++) {
        EXPECT_INT(search(&bugs[i], EDDY_SEARCH_RANDOM, 1, 0), bugs[i].code);
        const struct eddy_search_result first = found;
        printf("  %s: %s, of %zu choices\n", found.replay, found.why, found.choices);
        EXPECT(first.smallest <= 16);
        (void)setenv("EDDY_REPLAY", first.replay, 1);
        EXPECT_INT(search(&bugs[i], EDDY_SEARCH_RANDOM, 1, 0), bugs[i].code);
        EXPECT_INT(found.runs, 1);
        EXPECT_TEXT(found.replay, first.replay);
        (void)unsetenv("EDDY_REPLAY");
    }
    planted = false;
    leaked_free();
}

PLAIN_TEST(where_no_bug_is_none_is_found)
{
    for (size_t i = 0; i < BUGS; i++) {
        EXPECT_INT(search(&bugs[i], EDDY_SEARCH_RANDOM, 1, 1000), 0);
        EXPECT_INT(found.runs, 1000);
        EXPECT_INT(search(&bugs[i], EDDY_SEARCH_PRIORITIES, 1, 1000), 0);
        EXPECT_INT(found.runs, 1000);
    }
}
