/* SPDX-License-Identifier: MIT */
/*
 * What the client's tests share. Each test is the main task of a loop of its own, real clock,
 * talking to server.h on 127.0.0.1; also reachable as one.test, two.test (names the resolver
 * is told here) and slow.test, whose look-up takes two seconds.
 */
#ifndef EDDY_TESTS_CLIENT_HARNESS_H
#define EDDY_TESTS_CLIENT_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <eddy.h>
#include <eddy/client.h>
#include "server.h"

/* Defines test `name`, whose body runs in the main task and ends with `return 0`. */
#define CLIENT_TEST(name)                                                                          \
    static int name##_main(void);                                                                  \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        harness_run(name##_main);                                                                  \
    }                                                                                              \
    static int name##_main(void)

/* Runs it, and checks that no descriptor is left behind. */
void harness_run(int (*test)(void));

extern struct server *harness_server;

/* "http://host:port/path" of the server; in one of eight buffers that take turns. */
const char *at_host(const char *host, const char *path);
const char *at(const char *path); /* of 127.0.0.1 */

eddy_http_session *open_session(struct eddy_http_options options);
#define session_with(...) open_session((struct eddy_http_options){__VA_ARGS__})

/* The body of a GET, which must succeed: for free(). Status may be NULL. */
char *get_text(eddy_http_session *session, const char *url, int *status);

/* The last failure's message contains the text. */
void assert_says(const char *text);

/* Waits up to twenty seconds for a condition that another thread makes true. */
#define eventually(condition)                                                                      \
    do {                                                                                           \
        for (int tries_ = 0; !(condition) && tries_ < 2000; tries_++)                              \
            assert_int_equal(eddy_sleep(0.01), 0);                                                 \
        assert_true(condition);                                                                    \
    } while (0)

int open_descriptors(void);

/* Starts the server, runs the tests, stops it. */
int harness_main(const struct server_path *paths, const struct CMUnitTest *tests, size_t count);
#define HARNESS_MAIN(paths, tests) harness_main(paths, tests, sizeof(tests) / sizeof *(tests))

#endif
