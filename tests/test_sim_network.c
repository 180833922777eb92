/* SPDX-License-Identifier: MIT */
/*
 * Simulated connections on links that do nothing to them: data, ends, resets, and what watches
 * hear. What links do is in test_sim_network_faults.c.
 */
#include "support/sim_sockets.h"

/* ---- data, ends, resets ---- */

static int data_program(void)
{
    int pair[2];
    CHECK(make_pair(pair) >= 0);
    CHECK_INT(receive(pair[1], 10), -EAGAIN);
    CHECK_INT(sent(pair[0], "hello"), 5);
    settle();
    CHECK_INT(receive(pair[1], 0), 0);
    CHECK_INT(receive(pair[1], 2), 2);
    CHECK_INT(receive(pair[1], 10), 3);
    CHECK_INT(receive(pair[1], 10), -EAGAIN);
    CHECK_INT(CALL(send, pair[0], "x", 0), 0);
    CHECK_INT(receive(pair[1], 10), -EAGAIN);
    return 0;
}

/* Bounded: and the writer hears when a third is free again. */
static int window_program(void)
{
    int pair[2];
    static char block[100000];
    struct counter watch;
    CHECK(make_pair(pair) >= 0);
    CHECK_INT(sent(pair[0], "hello"), 5);
    CHECK_INT(receive(pair[1], 10), -EAGAIN); /* it takes a turn at least */
    settle();
    CHECK_INT(receive(pair[1], 10), 5);
    CHECK_INT(watch_begin(&watch, pair[0], false, 3), 0);
    CHECK_INT(told(&watch), READY_WRITE);
    CHECK_INT(CALL(send, pair[0], block, sizeof block), 65536);
    CHECK_INT(CALL(send, pair[0], block, sizeof block), -EAGAIN);
    CHECK_INT(told(&watch), 0);
    CHECK_INT(receive(pair[1], 21845), 21845);
    CHECK_INT(told(&watch), 0);
    CHECK_INT(receive(pair[1], 1), 1);
    CHECK_INT(told(&watch), READY_WRITE);
    CHECK_INT(told(&watch), 0);
    CHECK_INT(CALL(send, pair[0], block, sizeof block), 21846);
    settle();
    CHECK_INT(receive(pair[1], 1 << 17), 65536);
    return 0;
}

/* One half ends, the other goes on. */
static int halves_program(void)
{
    int pair[2];
    struct counter watch;
    CHECK(make_pair(pair) >= 0);
    CHECK_INT(watch_begin(&watch, pair[0], false, 3), 0);
    CHECK_INT(CALL(shutdown, pair[0], 7), -EINVAL);
    CHECK_INT(CALL(shutdown, pair[0], SHUT_WR), 0);
    CHECK_INT(sent(pair[0], "x"), -EPIPE);
    settle();
    CHECK_INT(receive(pair[1], 1), 0);
    CHECK_INT(receive(pair[1], 1), 0);
    CHECK_INT(sent(pair[1], "still"), 5);
    (void)told(&watch);
    CHECK_INT(receive(pair[0], 10), 5);
    CHECK_INT(receive(pair[0], 10), -EAGAIN);
    CHECK_INT(CALL(close, pair[1]), 0);
    CHECK_INT(told(&watch), READY_READ | READY_WRITE | READY_HANGUP);
    CHECK_INT(receive(pair[0], 10), 0);
    CALL(unwatch, &watch.watch);

    CHECK(make_pair(pair) >= 0);
    CHECK_INT(sent(pair[1], "kept"), 4);
    settle();
    CHECK_INT(CALL(shutdown, pair[0], SHUT_RD), 0); /* of one's own reading */
    CHECK_INT(receive(pair[0], 10), 4);
    CHECK_INT(receive(pair[0], 10), 0);
    CHECK_INT(sent(pair[0], "x"), 1);
    return 0;
}

/* Data that the other one has closed on: a reset comes back, and what it says depends on whether an
 * end had come before. */
static int broken_program(void)
{
    int pair[2];
    CHECK(make_pair(pair) >= 0);
    CHECK_INT(CALL(close, pair[1]), 0);
    settle();
    CHECK_INT(sent(pair[0], "x"), 1);
    settle();
    CHECK_INT(sent(pair[0], "x"), -EPIPE);
    CHECK_INT(receive(pair[0], 1), 0);

    CHECK(make_pair(pair) >= 0);
    CHECK_INT(CALL(close, pair[1]), 0);
    settle();
    CHECK_INT(sent(pair[0], "x"), 1);
    settle();
    CHECK_INT(receive(pair[0], 1), 0); /* the end is all that a reader hears of */
    CHECK_INT(sent(pair[0], "x"), -EPIPE);

    CHECK(make_pair(pair) >= 0);
    CHECK_INT(sent(pair[0], "unread"), 6);
    CHECK_INT(sent(pair[1], "before"), 6);
    settle();
    CHECK_INT(sent(pair[1], " and behind"), 11);
    CHECK_INT(CALL(close, pair[1]), 0); /* with unread data: a reset */
    settle();
    CHECK_INT(receive(pair[0], 100), 17); /* what came before it can be read */
    CHECK_INT(receive(pair[0], 100), -ECONNRESET);
    CHECK_INT(receive(pair[0], 100), 0);
    CHECK_INT(sent(pair[0], "x"), -EPIPE);
    CHECK_INT(CALL(shutdown, pair[0], SHUT_WR), -ENOTCONN);
    struct address peer = {.size = sizeof(peer.v6)};
    CHECK_INT(CALL(peer_address, pair[0], &peer.any, &peer.size), -ENOTCONN);

    CHECK(make_pair(pair) >= 0);
    CHECK_INT(sent(pair[0], "unread"), 6);
    settle();
    CHECK_INT(CALL(close, pair[1]), 0);
    settle();
    CHECK_INT(sent(pair[0], "x"), -ECONNRESET); /* the writer asks first, */
    CHECK_INT(sent(pair[0], "x"), -EPIPE);
    CHECK_INT(receive(pair[0], 1), 0); /* so the reader isn't told */
    return 0;
}

PLAIN_TEST(transfers)
{
    passes_as_on_linux(data_program);
    passes(window_program);
    passes_as_on_linux(halves_program);
    passes_as_on_linux(broken_program);
}

/* ---- watches ---- */

static int edges_program(void)
{
    int pair[2];
    struct counter edge, second;
    CHECK(make_pair(pair) >= 0);
    CHECK_INT(sent(pair[0], "early"), 5);
    settle();
    CHECK_INT(watch_begin(&edge, pair[1], false, 3), 0);
    if (eddy_sim_active())
        CHECK_INT(watch_begin(&second, pair[1], false, 3), -EEXIST);
    CHECK_INT(told(&edge), READY_READ | READY_WRITE); /* what was so at the beginning */
    CHECK_INT(told(&edge), 0);
    for (int i = 0; i < 3; i++) { /* each arrival is an edge, drained or not */
        edge.calls = 0;
        CHECK_INT(sent(pair[0], "x"), 1);
        CHECK(told(&edge) & READY_READ);
        CHECK_INT(edge.calls, 1);
    }
    CALL(unwatch, &edge.watch);
    CHECK_INT(sent(pair[0], "x"), 1);
    CHECK_INT(told(&edge), 0);
    CHECK_INT(watch_begin(&edge, pair[0], false, 3), 0);
    CALL(unwatch, &edge.watch); /* before it was told what is so */
    CHECK_INT(told(&edge), 0);
    return 0;
}

/* A short transfer says that there was no more, or no more room: so an edge has to follow. */
static int short_program(void)
{
    const struct eddy_sim_link bad = {.short_io = 1, .cut = true};
    int pair[2];
    struct counter edges[2];
    CHECK(make_pair(pair) >= 0);
    CHECK_INT(sent(pair[1], "0123456789"), 10);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(watch_begin(&edges[i], pair[i], false, 3), 0);
        (void)told(&edges[i]);
    }
    CHECK_INT(eddy_sim_set_link(HOST, &bad), 0);
    CHECK(receive(pair[0], 10) < 10);
    CHECK(told(&edges[0]) & READY_READ);
    CHECK(sent(pair[1], "0123456789") < 10);
    CHECK(told(&edges[1]) & READY_WRITE);
    CHECK_INT(sent(pair[1], "x"), 1); /* one byte is whole */
    CHECK_INT(told(&edges[1]), 0);
    return 0;
}

static struct counter *to_unwatch;

static void unwatch_other(struct watch *watch, unsigned what)
{
    count_ready(watch, what);
    if (to_unwatch)
        CALL(unwatch, &to_unwatch->watch);
    to_unwatch = NULL;
}

static int levels_program(void)
{
    int pair[2], other[2];
    struct counter level, next;
    CHECK(make_pair(pair) >= 0);
    CHECK(make_pair(other) >= 0);
    CHECK_INT(watch_begin(&level, pair[1], true, READY_READ), 0);
    CHECK_INT(told(&level), 0);
    CHECK_INT(sent(pair[0], "x"), 1);
    (void)told(&level);
    level.calls = 0;
    settle(); /* again and again while it lasts */
    CHECK(level.calls >= 5);
    CHECK_INT(told(&level), READY_READ);
    CHECK_INT(receive(pair[1], 1), 1);
    CHECK_INT(told(&level), 0);
    level.watch.wanted = READY_WRITE;
    CHECK_INT(CALL(rewatch, &level.watch), 0);
    CHECK_INT(told(&level), READY_WRITE);
    level.watch.wanted = 0; /* rests, even when the peer hangs up */
    CHECK_INT(CALL(rewatch, &level.watch), 0);
    CHECK_INT(CALL(close, pair[0]), 0);
    CHECK_INT(told(&level), 0);
    CHECK_INT(eddy_sleep(1), 0); /* nor does it keep the clock from going on */
    level.watch.wanted = 3;
    CHECK_INT(CALL(rewatch, &level.watch), 0);
    CHECK_INT(told(&level), READY_READ | READY_WRITE);

    /* One callback ends the watch that would be called next, or its own. */
    CHECK_INT(watch_begin(&next, other[0], true, READY_WRITE), 0);
    level.watch.ready = unwatch_other;
    to_unwatch = &next;
    CHECK_INT(told(&next), 0);
    to_unwatch = &level;
    (void)told(&level);
    CHECK_INT(told(&level), 0);
    CHECK_INT(CALL(rewatch, &level.watch), -ENOENT);
    return 0;
}

/* A user's descriptor callbacks, on a stream's number. */
static int reads;

static void readable(void *argument)
{
    reads += receive(*(int *)argument, 10) > 0;
}

static int reader_program(void)
{
    int pair[2];
    CHECK(make_pair(pair) >= 0);
    reads = 0;
    CHECK_INT(eddy_add_reader(pair[1], readable, &pair[1]), 0);
    CHECK_INT(sent(pair[0], "x"), 1);
    settle();
    CHECK_INT(reads, 1);
    CHECK(eddy_remove_reader(pair[1]));
    CHECK_INT(eddy_wait_writable(pair[1]), 0);
    CHECK_INT(sent(pair[0], "x"), 1);
    CHECK_INT(eddy_wait_readable(pair[1]), 0);
    return 0;
}

PLAIN_TEST(watches)
{
    passes_as_on_linux(edges_program);
    passes(short_program);
    passes(levels_program);
    passes(reader_program);
}

/* ---- wakes, and nothing to come ---- */

static int nap_of_three(void)
{
    return eddy_sleep(3);
}

static int wakes_program(void)
{
    eddy_task *task = eddy_create_task(nap_of_three);
    CHECK_INT(eddy_sleep(0), 0);
    CHECK_INT(CALL(turn, -1), 0); /* what is to come keeps it from giving up */
    loop_self->engine->call->wake(loop_self->engine);
    CHECK_INT(eddy_await(task), 0);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_TIME(3);
    CHECK(strcmp(loop_self->engine->call->name, "sim") == 0);
    CHECK(loop_self->engine->call->submits && loop_self->engine->call->simulated);
    CHECK_INT(loop_self->engine->pending, 0);
    return 0;
}

PLAIN_TEST(wakes)
{
    passes(wakes_program);
}

static int stuck_program(void)
{
    int pair[2];
    CHECK(make_pair(pair) >= 0);
    return eddy_wait_readable(pair[0]); /* nobody writes */
}

PLAIN_TEST(nothing_to_come_is_a_deadlock)
{
    EXPECT_INT(simulate(1, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, stuck_program),
               -EDEADLK);
    EXPECT(eddy_sim_report().deadlock);
    EXPECT_REPORT(EDDY_LOG_NOTE, "deadlock");
}
