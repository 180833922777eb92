/* SPDX-License-Identifier: MIT */
/*
 * Engines: watches, their edges and levels, and how they end. $EDDY_ENGINE names the engine.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "engine_test.h"

static void test_edges(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int pair[2];
    make_pair(pair);
    struct counter counter;
    begin_edge(engine, &counter, pair[0]);
    settle(engine);
    assert_int_equal(counter.what, READY_WRITE); /* what was so at the beginning is told too */

    forget(&counter);
    settle(engine);
    assert_int_equal(counter.calls, 0);

    for (int i = 0; i < 3; i++) { /* each arrival is an edge, drained or not */
        assert_int_equal(write(pair[1], "x", 1), 1);
        settle(engine);
        assert_int_equal(counter.calls, 1);
        assert_true(counter.what & READY_READ);
        forget(&counter);
        settle(engine);
        assert_int_equal(counter.calls, 0);
    }
    end_pair(engine, &counter, pair);
}

static void test_data_before_the_watch_is_told(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int pair[2];
    make_pair(pair);
    assert_int_equal(write(pair[1], "x", 1), 1);
    struct counter counter;
    begin_edge(engine, &counter, pair[0]);
    assert_int_equal(engine->call->turn(engine, -1), 1);
    assert_int_equal(counter.what, READY_READ | READY_WRITE);
    end_pair(engine, &counter, pair);
}

static void test_room_to_write_is_an_edge(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int pair[2];
    char block[4096] = "";
    make_pair(pair);
    struct counter counter;
    begin_edge(engine, &counter, pair[0]);
    while (engine->call->send(engine, pair[0], block, sizeof block) > 0)
        continue;
    assert_int_equal(engine->call->send(engine, pair[0], block, sizeof block), -EAGAIN);
    settle(engine);
    forget(&counter);
    while (engine->call->receive(engine, pair[1], block, sizeof block) > 0)
        continue;
    assert_true(engine->call->turn(engine, -1) > 0);
    assert_true(counter.what & READY_WRITE);
    end_pair(engine, &counter, pair);
}

/* Both directions, and a bounded number of times: settle() must come to its end. */
static void test_hang_up(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int pair[2];
    make_pair(pair);
    struct counter counter;
    begin_edge(engine, &counter, pair[0]);
    settle(engine);
    forget(&counter);
    (void)close(pair[1]);
    settle(engine);
    assert_int_equal(counter.what, READY_READ | READY_WRITE | READY_HANGUP);
    engine->call->unwatch(engine, &counter.watch);
    (void)close(pair[0]);
}

static void test_half_close_is_an_edge(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int pair[2];
    make_pair(pair);
    struct counter counter;
    begin_edge(engine, &counter, pair[0]);
    settle(engine);
    forget(&counter);
    assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
    settle(engine);
    assert_true(counter.what & READY_READ);
    end_pair(engine, &counter, pair);
}

static void test_levels(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int pair[2];
    char byte;
    make_pair(pair);
    struct counter counter;
    begin(engine, &counter, pair[0], READY_READ, true);
    settle(engine);
    assert_int_equal(counter.calls, 0);

    assert_int_equal(write(pair[1], "x", 1), 1);
    for (int i = 1; i <= 5; i++) { /* again and again while it lasts */
        assert_int_equal(engine->call->turn(engine, -1), 1);
        assert_int_equal(counter.calls, i);
        assert_int_equal(counter.what, READY_READ);
    }
    assert_int_equal(read(pair[0], &byte, 1), 1);
    settle(engine);
    forget(&counter);
    settle(engine);
    assert_int_equal(counter.calls, 0);

    counter.watch.wanted = READY_WRITE;
    assert_int_equal(engine->call->rewatch(engine, &counter.watch), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(engine->call->turn(engine, -1), 1);
        assert_int_equal(counter.what, READY_WRITE);
    }

    counter.watch.wanted = 0; /* rests, even when the peer hangs up */
    assert_int_equal(engine->call->rewatch(engine, &counter.watch), 0);
    (void)close(pair[1]);
    forget(&counter);
    settle(engine);
    assert_int_equal(counter.calls, 0);
    int64_t began = now_ns(); /* nor does it keep turns from waiting */
    assert_int_equal(engine->call->turn(engine, 5 * MILLISECOND), 0);
    assert_true(now_ns() - began >= 5 * MILLISECOND);

    counter.watch.wanted = READY_READ | READY_WRITE;
    assert_int_equal(engine->call->rewatch(engine, &counter.watch), 0);
    assert_int_equal(engine->call->turn(engine, -1), 1);
    assert_int_equal(counter.what, READY_READ | READY_WRITE);
    engine->call->unwatch(engine, &counter.watch);
    (void)close(pair[0]);
}

/* Three are ready, and whoever is called first unwatches the next one. */
static void test_unwatch_within_a_batch(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    for (int level = 0; level < 2; level++) {
        int pairs[3][2];
        struct counter counters[3];
        for (int i = 0; i < 3; i++) {
            make_pair(pairs[i]);
            begin(engine, &counters[i], pairs[i][0], READY_READ | READY_WRITE, level);
        }
        for (int i = 0; i < 3; i++)
            counters[i].unwatch = &counters[(i + 1) % 3];
        while (counters[0].calls + counters[1].calls + counters[2].calls == 0)
            assert_true(engine->call->turn(engine, -1) >= 0);
        for (int i = 0; i < 3; i++) {
            counters[i].unwatch = NULL;
            if (counters[i].watch.ready)
                engine->call->unwatch(engine, &counters[i].watch);
            (void)close(pairs[i][0]);
            (void)close(pairs[i][1]);
        }
        settle(engine);
    }
}

/* A watch may end itself, and its memory be gone before the next event. */
static void test_unwatch_itself(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    for (int level = 0; level < 2; level++) {
        int pair[2];
        make_pair(pair);
        struct counter *counter = test_malloc(sizeof *counter);
        begin(engine, counter, pair[0], READY_READ | READY_WRITE, level);
        counter->unwatch = counter;
        while (counter->calls == 0)
            assert_true(engine->call->turn(engine, -1) >= 0);
        assert_int_equal(counter->calls, 1);
        test_free(counter);
        assert_int_equal(write(pair[1], "x", 1), 1);
        settle(engine);
        (void)close(pair[0]);
        (void)close(pair[1]);
    }
}

/* Number and watch are used again at once, with events of the predecessor still under way. */
static void test_descriptor_reuse(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    struct counter counter;
    for (int i = 0; i < 1000; i++) {
        int pair[2];
        make_pair(pair);
        begin_edge(engine, &counter, pair[0]);
        if (i % 3 > 0)
            assert_true(engine->call->turn(engine, 0) >= 0);
        assert_int_equal(write(pair[1], "x", 1), 1);
        engine->call->unwatch(engine, &counter.watch);
        (void)engine->call->close(engine, pair[0]);
        (void)close(pair[1]);

        int second[2];
        make_pair(second);
        assert_int_equal(second[0], pair[0]);
        begin_edge(engine, &counter, second[0]);
        settle(engine);
        assert_int_equal(counter.what, READY_WRITE); /* nothing of the first one's data */
        engine->call->unwatch(engine, &counter.watch);
        (void)engine->call->close(engine, second[0]);
        (void)close(second[1]);
    }
}

/* No engine may hold a file past close(): the peer sees the end, and a port is free, at once. */
static void test_close_closes(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    for (int level = 0; level < 2; level++) {
        int pair[2];
        char byte;
        make_pair(pair);
        struct counter counter;
        begin(engine, &counter, pair[0], level ? READY_READ : READY_READ | READY_WRITE, level);
        (void)engine->call->turn(engine, 0);
        engine->call->unwatch(engine, &counter.watch);
        if (level)
            assert_int_equal(close(pair[0]), 0); /* the user's own close */
        else
            assert_int_equal(engine->call->close(engine, pair[0]), 0);
        assert_int_equal(read(pair[1], &byte, 1), 0);
        (void)close(pair[1]);
    }

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 20; i++) {
        int descriptor = engine->call->socket(engine, AF_INET, SOCK_STREAM, 0);
        socklen_t size = sizeof address;
        assert_true(descriptor >= 0);
        assert_int_equal(engine->call->bind(engine, descriptor, (struct sockaddr *)&address, size),
                         0);
        assert_int_equal(engine->call->listen(engine, descriptor, 1), 0);
        assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
        struct counter counter;
        begin_edge(engine, &counter, descriptor);
        (void)engine->call->turn(engine, 0);
        engine->call->unwatch(engine, &counter.watch);
        assert_int_equal(engine->call->close(engine, descriptor), 0);
    }
}

static void test_what_has_no_readiness(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    struct counter counter = {.watch = {.ready = count_ready}};
    const char *names[] = {"/proc/self/exe", "/", "/dev/null"};
    for (int i = 0; i < 3; i++) {
        counter.watch.descriptor = open(names[i], O_RDONLY | O_CLOEXEC);
        assert_true(counter.watch.descriptor >= 0);
        assert_int_equal(engine->call->watch(engine, &counter.watch), -EPERM);
        (void)close(counter.watch.descriptor);
    }
    counter.watch.descriptor = -1;
    assert_int_equal(engine->call->watch(engine, &counter.watch), -EBADF);
    settle(engine);
    assert_int_equal(counter.calls, 0);
}

/* Files of the system that have one, and a device when no descriptor is left. */
static void test_what_has_a_readiness_all_the_same(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const char *names[] = {"/proc/self/mounts", "/dev/random"};
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    for (int i = 0; i < 2; i++) {
        struct counter counter;
        int descriptor = open(names[i], O_RDONLY | O_CLOEXEC);
        assert_true(descriptor >= 0);
        if (i == 1)
            assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        begin(engine, &counter, descriptor, READY_READ, true);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(engine->call->turn(engine, -1), 1);
        assert_int_equal(counter.what, READY_READ);
        engine->call->unwatch(engine, &counter.watch);
        (void)close(descriptor);
    }
}

/* More ready at once than fits a batch, or a small ring. */
static void test_many_watches(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    enum { MANY = 400 };
    static int pairs[MANY][2];
    static struct counter counters[MANY];
    for (int i = 0; i < MANY; i++) {
        make_pair(pairs[i]);
        begin_edge(engine, &counters[i], pairs[i][0]);
    }
    settle(engine);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MANY; i++) {
            forget(&counters[i]);
            assert_int_equal(write(pairs[i][1], "x", 1), 1);
        }
        settle(engine);
        for (int i = 0; i < MANY; i++)
            assert_true(counters[i].what & READY_READ);
    }
    for (int i = 0; i < MANY; i++) {
        engine->call->unwatch(engine, &counters[i].watch);
        (void)engine->call->close(engine, pairs[i][0]);
        (void)close(pairs[i][1]);
    }
}

static void make_tcp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair[0], (struct sockaddr *)&address, size), 0);
    pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(pair[1] >= 0);
    (void)close(listener);
}

/* An answer to a hang-up costs each read a call in vain: plain data mustn't be told as one. */
static void test_urgent_data_is_a_hang_up_and_other_data_is_none(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int pair[2];
    char bytes[8];
    make_tcp_pair(pair);
    struct counter counter;
    begin_edge(engine, &counter, pair[0]);
    settle(engine);
    for (int i = 0; i < 3; i++) {
        forget(&counter);
        assert_int_equal(send(pair[1], "data", 4, 0), 4);
        while (!(counter.what & READY_READ)) /* a short wait looks more closely, the first not */
            assert_true(engine->call->turn(engine, i == 0 ? -1 : MILLISECOND) >= 0);
        assert_int_equal(engine->call->turn(engine, MILLISECOND), 0);
        assert_int_equal(counter.what & READY_HANGUP, 0);
        assert_int_equal(engine->call->receive(engine, pair[0], bytes, sizeof bytes), 4);
    }
    for (int i = 0; i < 2; i++) { /* with a wait of any length it's told */
        forget(&counter);
        assert_int_equal(send(pair[1], "!", 1, MSG_OOB), 1);
        while (!(counter.what & READY_HANGUP))
            assert_true(engine->call->turn(engine, i == 0 ? -1 : MILLISECOND) >= 0);
        assert_int_equal(send(pair[1], "data", 4, 0), 4);
        settle(engine);
        while (engine->call->receive(engine, pair[0], bytes, sizeof bytes) > 0)
            continue;
    }
    engine->call->unwatch(engine, &counter.watch);
    (void)engine->call->close(engine, pair[0]);
    (void)close(pair[1]);
}

/* Who is told may read with a call that blocks: what woke the poll isn't enough. */
static void test_a_level_is_told_as_long_as_it_holds(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int pair[2];
    char bytes[8];
    make_tcp_pair(pair);
    struct counter counter;
    begin(engine, &counter, pair[0], READY_READ, true);
    settle(engine);
    assert_int_equal(send(pair[1], "taken", 5, 0), 5);
    assert_int_equal(recv(pair[0], bytes, 5, MSG_WAITALL), 5);
    settle(engine);
    assert_int_equal(counter.calls, 0);
    assert_int_equal(send(pair[1], "!", 1, MSG_OOB), 1);
    while (recv(pair[0], bytes, 1, MSG_OOB | MSG_PEEK) < 0) /* until it is here */
        assert_true(errno == EAGAIN || errno == EINVAL);
    settle(engine);
    assert_int_equal(counter.calls, 0);
    assert_int_equal(send(pair[1], "x", 1, 0), 1);
    while (!counter.calls)
        assert_true(engine->call->turn(engine, -1) >= 0);
    assert_int_equal(counter.what, READY_READ);
    engine->call->unwatch(engine, &counter.watch);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, engine_up, engine_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_edges),
        TEST(test_data_before_the_watch_is_told),
        TEST(test_room_to_write_is_an_edge),
        TEST(test_hang_up),
        TEST(test_half_close_is_an_edge),
        TEST(test_levels),
        TEST(test_unwatch_within_a_batch),
        TEST(test_unwatch_itself),
        TEST(test_descriptor_reuse),
        TEST(test_close_closes),
        TEST(test_what_has_no_readiness),
        TEST(test_what_has_a_readiness_all_the_same),
        TEST(test_many_watches),
        TEST(test_urgent_data_is_a_hang_up_and_other_data_is_none),
        TEST(test_a_level_is_told_as_long_as_it_holds),
    };
    return engine_run(tests, sizeof tests / sizeof *tests);
}
