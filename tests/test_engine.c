/* SPDX-License-Identifier: MIT */
/*
 * Engines: turns, wakes, and the calls on descriptors. Watches are in test_engine_watch.c, files in
 * test_engine_file.c, how one is chosen in test_engine_choice.c. $EDDY_ENGINE names the engine.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "engine_test.h"

/* ---- turn and wake ---- */

static void test_timeout_is_never_early(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const int64_t timeouts[] = {
        1, 1000, 50 * 1000, MILLISECOND - 1, MILLISECOND + 1, 7 * MILLISECOND};
    for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        int64_t began = now_ns();
        assert_int_equal(engine->call->turn(engine, timeouts[i]), 0);
        assert_true(now_ns() - began >= timeouts[i]);
    }
}

static void test_no_timeout_does_not_wait(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int64_t began = now_ns();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(engine->call->turn(engine, 0), 0);
    assert_true(now_ns() - began < 1000 * MILLISECOND);
}

static void *wake_later(void *argument)
{
    struct engine *engine = argument;
    (void)usleep(10 * 1000);
    engine->call->wake(engine);
    return NULL;
}

static void test_wake_from_a_thread(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wake_later, engine), 0);
        assert_int_equal(engine->call->turn(engine, -1), 0); /* else the test hangs */
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static void test_wake_before_the_turn(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    for (int i = 0; i < 100; i++) {
        for (int j = 0; j <= i % 3; j++)
            engine->call->wake(engine);
        assert_int_equal(engine->call->turn(engine, -1), 0);
    }
    int64_t began = now_ns(); /* all of it was used up */
    assert_int_equal(engine->call->turn(engine, 5 * MILLISECOND), 0);
    assert_true(now_ns() - began >= 5 * MILLISECOND);
}

/* In a turn that has much else to do, and for which a small ring must be entered more than once. */
static void test_wake_among_new_watches(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    enum { MANY = 10 };
    int pairs[MANY][2];
    struct counter counters[MANY];
    assert_int_equal(engine->call->turn(engine, 0), 0);
    for (int i = 0; i < MANY; i++) {
        make_pair(pairs[i]);
        begin(engine, &counters[i], pairs[i][0], READY_READ, true);
    }
    engine->call->wake(engine);
    assert_int_equal(engine->call->turn(engine, -1), 0); /* else the test hangs */
    for (int i = 0; i < MANY; i++) {
        engine->call->unwatch(engine, &counters[i].watch);
        (void)close(pairs[i][0]);
        (void)close(pairs[i][1]);
    }
}

struct ping {
    struct engine *engine;
    atomic_int posted;
};

static void *post_many(void *argument)
{
    struct ping *ping = argument;
    for (int i = 0; i < 20000; i++) {
        atomic_fetch_add(&ping->posted, 1);
        ping->engine->call->wake(ping->engine);
    }
    return NULL;
}

/* Who posts before he wakes is seen: no turn sleeps with something posted. */
static void test_no_wake_is_lost(void **state)
{
    struct ping ping = {.engine = ENGINE_OR_SKIP(state)};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, &ping), 0);
    while (atomic_load(&ping.posted) < 60000)
        assert_true(ping.engine->call->turn(ping.engine, -1) >= 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static struct engine *signalled;

static void wake_in_handler(int number)
{
    (void)number;
    signalled->call->wake(signalled);
}

static void test_wake_from_a_signal_handler(void **state)
{
    signalled = ENGINE_OR_SKIP(state);
    struct sigaction action = {.sa_handler = wake_in_handler, .sa_flags = SA_RESTART}, before;
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    for (int i = 0; i < 3; i++) {
        struct itimerval timer = {.it_value.tv_usec = 5000};
        assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
        assert_true(signalled->call->turn(signalled, -1) >= 0);
    }
    assert_int_equal(raise(SIGALRM), 0); /* between turns */
    assert_true(signalled->call->turn(signalled, -1) >= 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

/* A child that neither turns nor destroys its parent's engine leaves it in peace, and so does one
 * that destroys it. */
static void test_fork(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    int pair[2];
    make_pair(pair);
    struct counter counter;
    begin_edge(engine, &counter, pair[0]);
    settle(engine);
    for (int destroys = 0; destroys < 2; destroys++) {
        pid_t child = fork();
        if (child == 0) {
            if (destroys)
                engine->call->destroy(engine);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        forget(&counter);
        assert_int_equal(write(pair[1], "x", 1), 1);
        while (counter.calls == 0)
            assert_true(engine->call->turn(engine, -1) >= 0);
        engine->call->wake(engine);
        assert_int_equal(engine->call->turn(engine, -1), 0);
    }
    end_pair(engine, &counter, pair);
}

/* ---- calls on descriptors ---- */

static void test_sockets(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const struct engine_vtable *call = engine->call;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = call->socket(engine, AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_true(fcntl(listener, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(listener, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(call->bind(engine, listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(call->listen(engine, listener, 5), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(call->accept(engine, listener, NULL, NULL), -EAGAIN);

    struct counter watch;
    begin_edge(engine, &watch, listener);
    int client = call->socket(engine, AF_INET, SOCK_STREAM, 0);
    int r = call->connect(engine, client, (struct sockaddr *)&address, size);
    assert_true(r == 0 || r == -EINPROGRESS);
    while (!(watch.what & READY_READ))
        assert_true(call->turn(engine, -1) >= 0);
    int server = call->accept(engine, listener, NULL, NULL);
    assert_true(server >= 0);
    assert_true(fcntl(server, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(server, F_GETFD) & FD_CLOEXEC);

    char byte;
    assert_int_equal(call->receive(engine, server, &byte, 1), -EAGAIN);
    assert_int_equal(call->send(engine, client, "x", 1), 1);
    assert_int_equal(call->shutdown(engine, client, SHUT_WR), 0);
    while ((r = (int)call->receive(engine, server, &byte, 1)) == -EAGAIN)
        continue;
    assert_int_equal(r, 1);
    while ((r = (int)call->receive(engine, server, &byte, 1)) == -EAGAIN)
        continue;
    assert_int_equal(r, 0);
    engine->call->unwatch(engine, &watch.watch);
    assert_int_equal(call->close(engine, client), 0);
    assert_int_equal(call->close(engine, server), 0);
    assert_int_equal(call->close(engine, listener), 0);
    assert_int_equal(call->close(engine, listener), -EBADF);
    assert_int_equal(call->receive(engine, listener, &byte, 1), -EBADF);
}

static void test_broken_pipes_raise_nothing(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    struct sigaction action = {.sa_handler = SIG_DFL}, before;
    assert_int_equal(sigaction(SIGPIPE, &action, &before), 0); /* would kill us */
    int pair[2], ends[2];
    char byte;
    make_pair(pair);
    (void)close(pair[1]);
    assert_int_equal(engine->call->send(engine, pair[0], "x", 1), -EPIPE);
    (void)close(pair[0]);

    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(engine->call->receive(engine, ends[0], &byte, 1), -EAGAIN);
    assert_int_equal(engine->call->send(engine, ends[1], "x", 1), 1);
    assert_int_equal(engine->call->receive(engine, ends[0], &byte, 1), 1);
    (void)close(ends[0]);
    assert_int_equal(engine->call->send(engine, ends[1], "x", 1), -EPIPE);

    /* One that was pending before isn't ours to take. */
    sigset_t sigpipe, mask, pending;
    (void)sigemptyset(&sigpipe);
    (void)sigaddset(&sigpipe, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &sigpipe, &mask), 0);
    assert_int_equal(raise(SIGPIPE), 0);
    assert_int_equal(engine->call->send(engine, ends[1], "x", 1), -EPIPE);
    assert_int_equal(sigpending(&pending), 0);
    assert_true(sigismember(&pending, SIGPIPE));
    int number;
    assert_int_equal(sigwait(&sigpipe, &number), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
    (void)close(ends[1]);
    assert_int_equal(sigaction(SIGPIPE, &before, NULL), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, engine_up, engine_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_timeout_is_never_early),
        TEST(test_no_timeout_does_not_wait),
        TEST(test_wake_from_a_thread),
        TEST(test_wake_before_the_turn),
        TEST(test_wake_among_new_watches),
        TEST(test_no_wake_is_lost),
        TEST(test_wake_from_a_signal_handler),
        TEST(test_fork),
        TEST(test_sockets),
        TEST(test_broken_pipes_raise_nothing),
    };
    return engine_run(tests, sizeof tests / sizeof *tests);
}
