/* SPDX-License-Identifier: MIT */
/*
 * What the tests of engines share: an engine for each test, the one that $EDDY_ENGINE names, and
 * watches that count what they are told.
 */
#ifndef EDDY_TESTS_ENGINE_TEST_H
#define EDDY_TESTS_ENGINE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "engine/engine.h"

static inline const char *engine_wanted(void)
{
    const char *name = getenv("EDDY_ENGINE");
    return name && *name ? name : "epoll";
}

/* Running the tests of one engine on another would be a pass for nothing: a skip then, and said. */
static inline int engine_up(void **state)
{
    struct engine *engine;
    char why[128];
    assert_int_equal(engine_create(engine_wanted(), &engine, why, sizeof why), 0);
    if (strcmp(engine->call->name, engine_wanted()) != 0) {
        engine->call->destroy(engine);
        print_message("SKIP: no %s here: %s\n", engine_wanted(), why);
        *state = NULL;
        return 0;
    }
    *state = engine;
    return 0;
}

static inline int engine_down(void **state)
{
    struct engine *engine = *state;
    if (engine)
        engine->call->destroy(engine);
    return 0;
}

/* First thing in a test. */
#define ENGINE_OR_SKIP(state)                                                                      \
    ({                                                                                             \
        if (!*(state))                                                                             \
            skip();                                                                                \
        (struct engine *)*(state);                                                                 \
    })

/* ---- watches that count ---- */

enum { MILLISECOND = 1000000 };

static inline int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* A watch that counts what it was told. */
struct counter {
    struct watch watch;
    int calls;
    unsigned what;           /* all of it so far */
    struct engine *engine;   /* for callbacks that unwatch */
    struct counter *unwatch; /* whom to unwatch when called */
};

static inline void count_ready(struct watch *watch, unsigned what)
{
    struct counter *counter = (struct counter *)watch;
    counter->calls++;
    counter->what |= what;
    if (counter->unwatch) {
        counter->engine->call->unwatch(counter->engine, &counter->unwatch->watch);
        counter->unwatch->watch.ready = NULL; /* a call would crash */
        counter->unwatch = NULL;
    }
}

static inline void begin(struct engine *engine, struct counter *counter, int descriptor,
                         unsigned wanted, bool level)
{
    *counter = (struct counter){
        .watch = {.descriptor = descriptor,
                  .wanted = (uint8_t)wanted,
                  .level = level,
                  .ready = count_ready},
        .engine = engine,
    };
    assert_int_equal(engine->call->watch(engine, &counter->watch), 0);
}

static inline void begin_edge(struct engine *engine, struct counter *counter, int descriptor)
{
    begin(engine, counter, descriptor, READY_READ | READY_WRITE, false);
}

static inline void forget(struct counter *counter)
{
    counter->calls = 0;
    counter->what = 0;
}

/* Turns until nothing more is there at once. */
static inline void settle(struct engine *engine)
{
    int quiet = 0;
    for (int i = 0; quiet < 3; i++) {
        int r = engine->call->turn(engine, 0);
        assert_true(r >= 0);
        quiet = r > 0 ? 0 : quiet + 1;
        assert_true(i < 1000);
    }
}

static inline void make_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

/* The watch of a pair's first end, and the pair. */
static inline void end_pair(struct engine *engine, struct counter *counter, const int pair[2])
{
    engine->call->unwatch(engine, &counter->watch);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

/* All of it; with a ring, then again through the smallest one. */
static inline int engine_run(const struct CMUnitTest *tests, size_t count)
{
    int failed = _cmocka_run_group_tests("engine", tests, count, NULL, NULL);
    if (strcmp(engine_wanted(), "uring") == 0) {
        (void)setenv("EDDY_URING_ENTRIES", "1", 1);
        failed += _cmocka_run_group_tests("engine with one entry", tests, count, NULL, NULL);
    }
    return failed;
}

#endif
