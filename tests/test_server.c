/* SPDX-License-Identifier: MIT */
/* Servers: connections come and go, failures stay contained, closing. What they refuse is in
 * test_server_limits. */
#define TEST_DEFAULTS .real_system = true
#include <netinet/tcp.h>
#include "server_handlers.h"

/* Sends lines and expects them back. */
struct client {
    int port, lines;
};

static int client(struct client *a)
{
    char line[64], answer[64];
    eddy_stream *stream;
    int r = eddy_connect("127.0.0.1", a->port, &stream);
    if (r < 0)
        return r;
    for (int i = 0; i < a->lines; i++) {
        int length = snprintf(line, sizeof line, "line %d of %d\n", i,
                              eddy_stream_descriptor(stream));
        ssize_t n = eddy_stream_write(stream, line, (size_t)length);
        if (n >= 0)
            n = eddy_stream_read_line(stream, answer, sizeof answer);
        EXPECT_INT(n, length);
        if (n != length) {
            r = n < 0 ? (int)n : -EPROTO;
            break;
        }
        EXPECT_TEXT(answer, line);
    }
    eddy_stream_close(stream);
    return r;
}

EDDY_TEST_WITH(five_hundred_clients, .any_order = true, .heavy = true)
{
    eddy_server *server = serve(echo_lines, NULL, NULL);
    int err;
    eddy_with_group (g, &err) {
        for (int i = 0; i < 500; i++)
            eddy_spawn(g, client, .port = eddy_server_port(server), .lines = 3);
    }
    CHECK_INT(err, 0);
    CHECK(server_reaches(server, 0));
    eddy_server_close(server);
    return 0;
}

static int leave_at_once(eddy_stream *stream, void *context)
{
    (void)stream;
    (void)context;
    return 0;
}

/* Its side of a connection, which it ended first, lingers in the system for a minute. */
TEST(rule_219_a_server_comes_back_to_its_port)
{
    eddy_server *server = serve(leave_at_once, NULL, NULL);
    eddy_stream *stream;
    char c;
    int port = eddy_server_port(server);
    CHECK_INT(eddy_connect("127.0.0.1", port, &stream), 0);
    CHECK_INT(eddy_stream_read(stream, &c, 1), 0);
    eddy_stream_close(stream);
    eddy_server_close(server);
    CHECK_INT(eddy_serve("127.0.0.1", port, echo_lines, NULL, NULL, &server), 0);
    eddy_server_close(server);
    return 0;
}

static bool sends_at_once(eddy_stream *stream)
{
    struct engine *engine = loop_self->engine;
    return engine->call->get_option(engine, eddy_stream_descriptor(stream), IPPROTO_TCP,
                                    TCP_NODELAY) == 1;
}

static int tell_whether_at_once(eddy_stream *stream, void *context)
{
    (void)context;
    return eddy_stream_write(stream, sends_at_once(stream) ? "yes" : "no ", 3) < 0 ? -EPROTO : 0;
}

TEST(both_sides_of_a_connection_send_at_once)
{
    eddy_server *server = serve(tell_whether_at_once, NULL, NULL);
    eddy_stream *stream;
    char answer[4] = "";
    CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &stream), 0);
    CHECK(sends_at_once(stream));
    CHECK_INT(eddy_stream_read_exactly(stream, answer, 3), 3);
    CHECK_TEXT(answer, "yes");
    eddy_stream_close(stream);
    eddy_server_close(server);
    return 0;
}

/* ---- the end ---- */

TEST(closing_cancels_the_handlers_and_waits_for_them)
{
    int ended = 0;
    eddy_server *server = serve(linger, &ended, NULL);
    int port = eddy_server_port(server), clients[5];
    for (int i = 0; i < 5; i++)
        clients[i] = connected_socket(port);
    CHECK(server_reaches(server, 5));
    eddy_server_close(server);
    CHECK_INT(ended, 5);
    char c;
    for (int i = 0; i < 5; i++) {
        CHECK_INT(read(clients[i], &c, 1), 0); /* closed */
        close(clients[i]);
    }
    eddy_stream *stream;
    CHECK_INT(eddy_connect("127.0.0.1", port, &stream), -ECONNREFUSED);
    return 0;
}

/* Takes its time for each line, as long as there are any. */
static int slow_echo(eddy_stream *stream, void *context)
{
    char line[64];
    ssize_t n;
    (void)context;
    while ((n = eddy_stream_read_line(stream, line, sizeof line)) > 0) {
        int r = eddy_sleep(1);
        if (r < 0)
            return r;
        if ((n = eddy_stream_write(stream, line, (size_t)n)) < 0)
            break;
    }
    return (int)n;
}

ANYWHERE_TEST(draining_lets_handlers_end_by_themselves_and_accepts_no_more)
{
    eddy_server *server = serve(slow_echo, NULL, NULL);
    int port = eddy_server_port(server), err;
    eddy_stream *late = NULL;
    eddy_with_group (group, &err) {
        eddy_spawn(group, client, .port = port, .lines = 3);
        CHECK(server_reaches(server, 1));
        int r = eddy_wait_for(eddy_server_drain(server), 0.5);
        CHECK_INT(r, -ETIMEDOUT); /* and may be begun again */
        CHECK_INT(eddy_server_connections(server), 1);
        CHECK_INT(eddy_connect("127.0.0.1", port, &late), -ECONNREFUSED);
        eddy_failure_clear();
        CHECK_INT(eddy_server_drain(server), 0);
        CHECK_INT(eddy_server_connections(server), 0);
        CHECK_INT(eddy_server_drain(server), 0);
    }
    CHECK_INT(err, 0); /* the client got all its answers */
    eddy_server_close(server);
    CHECK_INT(eddy_server_drain(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the server is NULL");
    return 0;
}

TEST(a_connection_that_was_never_handled_is_closed_too)
{
    int ended = 0;
    eddy_server *server = serve(linger, &ended, NULL);
    int first = connected_socket(eddy_server_port(server));
    while (!eddy_server_connections(server))
        turns(1); /* accepted in this turn, its task not yet run */
    eddy_server_close(server);
    CHECK(ended <= 1);
    char c;
    CHECK_INT(read(first, &c, 1), 0);
    close(first);
    server = serve(linger, &ended, NULL);
    eddy_server_close(server); /* before anything */
    eddy_server_close(NULL);
    return 0;
}

/* Goes on for a while after it was cancelled. */
static int say_goodbye(eddy_stream *stream, void *context)
{
    char c;
    (void)context;
    ssize_t n = eddy_stream_read(stream, &c, 1);
    EXPECT_INT(n, -ECANCELED);
    eddy_with_shield (5.0) {
        EXPECT_INT(eddy_sleep(2), 0);
        EXPECT_INT(eddy_stream_write(stream, "bye", 3), 3);
    }
    return (int)n;
}

TEST(closing_takes_as_long_as_the_handlers_do_even_cancelled)
{
    eddy_server *server = serve(say_goodbye, NULL, NULL);
    int one = connected_socket(eddy_server_port(server)), err;
    CHECK(server_reaches(server, 1));
    double begin = eddy_time();
    eddy_with_timeout (1, &err) {
        eddy_server_close(server);
    }
    CHECK(eddy_time() - begin > 1.99);
    char buffer[8];
    CHECK_INT(read(one, buffer, sizeof buffer), 3);
    close(one);
    return 0;
}

struct close_server {
    eddy_server *server;
};

static int close_server(struct close_server *a)
{
    eddy_server_close(a->server);
    return 0;
}

static void close_in_callback(void *server)
{
    eddy_server_close(server);
}

TEST(two_may_close_it_at_once_and_a_callback_may)
{
    eddy_server *server = serve(say_goodbye, NULL, NULL);
    int one = connected_socket(eddy_server_port(server)), err;
    CHECK(server_reaches(server, 1));
    eddy_with_group (g, &err) {
        eddy_spawn(g, close_server, .server = server);
        eddy_spawn(g, close_server, .server = server);
    }
    CHECK_INT(err, 0);
    close(one);
    server = serve(linger, NULL, NULL);
    one = connected_socket(eddy_server_port(server));
    CHECK(server_reaches(server, 1));
    CHECK(eddy_call_soon(close_in_callback, server));
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_all_tasks(NULL, 0), 1);
    close(one);
    return 0;
}

static int close_my_server(eddy_stream *stream, void *context)
{
    (void)stream;
    eddy_server_close(*(eddy_server **)context);
    return 0;
}

struct close_it {
    eddy_server *server;
};

static int close_it(struct close_it *a)
{
    eddy_server_close(a->server);
    return 0;
}

static int close_in_a_group(eddy_stream *stream, void *context)
{
    int err;
    (void)stream;
    eddy_with_group (group, &err) {
        eddy_with_group (inner, &err) {
            eddy_spawn(inner, close_it, .server = *(eddy_server **)context);
        }
    }
    return err;
}

TEST(a_task_that_a_handler_waits_for_can_not_wait_for_that_handlers_end)
{
    eddy_server *server;
    CHECK_INT(eddy_serve("127.0.0.1", 0, close_in_a_group, &server, NULL, &server), 0);
    int one = connected_socket(eddy_server_port(server));
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_server_close: a handler of the server, who waits");
    CHECK(server_reaches(server, 0));
    CHECK(eddy_server_is_serving(server));
    eddy_server_close(server);
    close(one);
    return 0;
}

TEST(a_handler_can_not_wait_for_its_own_end)
{
    eddy_server *server;
    CHECK_INT(eddy_serve("127.0.0.1", 0, close_my_server, &server, NULL, &server), 0);
    CHECK_INT(eddy_server_connections(server), 0);
    int one = connected_socket(eddy_server_port(server));
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_server_close: a handler");
    eddy_server_close(server);
    close(one);
    return 0;
}

static int left_open[3];

static int leave_server_open(void)
{
    eddy_server *server = serve(linger, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        left_open[i] = connected_socket(eddy_server_port(server));
        if (i < 2) /* the third one isn't accepted, or not yet handled */
            CHECK(server_reaches(server, (size_t)i + 1));
    }
    test_state.leftovers = 3;
    return 0;
}

PLAIN_TEST(rule_201_a_server_left_open_ends_with_the_loop)
{
    char c;
    EXPECT_INT(test_run(leave_server_open), 0);
    for (int i = 0; i < 3; i++) {
        EXPECT(read(left_open[i], &c, 1) <= 0);
        close(left_open[i]);
    }
}

static eddy_server *left_to_another;

/* A task that is left over too, and closes the server when it is cancelled. */
static int close_at_the_end(void)
{
    int r = eddy_sleep(EDDY_FOREVER);
    eddy_server_close(left_to_another);
    note("closed");
    return r;
}

ANYWHERE_TEST(a_task_left_over_may_close_the_server)
{
    eddy_task *closer = eddy_create_task(close_at_the_end);
    left_to_another = serve(linger, NULL, NULL);
    test_state.leftovers = 1;
    return eddy_task_release(closer);
}

/* ---- failures ---- */

static int fail_on_demand(eddy_stream *stream, void *context)
{
    char line[16];
    (void)context;
    if (eddy_stream_read_line(stream, line, sizeof line) < 0 || strcmp(line, "fail\n") == 0)
        return eddy_fail(-EPROTO, "asked to fail");
    return (int)eddy_stream_write(stream, line, strlen(line));
}

TEST(rule_217_a_failing_handler_concerns_its_connection_alone)
{
    eddy_server *server = serve(fail_on_demand, NULL, NULL);
    int port = eddy_server_port(server), bad = connected_socket(port),
        good = connected_socket(port);
    char buffer[16];
    CHECK_INT(write(bad, "fail\n", 5), 5);
    CHECK(server_reaches(server, 1));
    struct test_record *record = EXPECT_REPORT(EDDY_LOG_TASK_LOST,
                                               "the connection from 127.0.0.1:");
    CHECK(record);
    CHECK_INT(record->code, -EPROTO);
    CHECK_TEXT(record->failure, "asked to fail");
    CHECK_INT(read(bad, buffer, sizeof buffer), 0);
    CHECK_INT(write(good, "fine\n", 5), 5);
    CHECK(server_reaches(server, 0));
    CHECK_INT(read(good, buffer, sizeof buffer), 5);
    close(bad);
    close(good);
    eddy_stream *next; /* who comes after it is served, too */
    CHECK_INT(eddy_connect("127.0.0.1", port, &next), 0);
    CHECK_INT(eddy_stream_write(next, "fine\n", 5), 5);
    CHECK_INT(eddy_stream_read_exactly(next, buffer, 5), 5);
    eddy_stream_close(next);
    eddy_server_close(server);
    return 0;
}

static int close_early(eddy_stream *stream, void *context)
{
    char c;
    const int *times = context;
    for (int i = 0; i < *times; i++)
        eddy_stream_close(stream);
    EXPECT_INT(eddy_stream_read(stream, &c, 1), -EINVAL); /* it is the server's, too */
    return 0;
}

ANYWHERE_TEST(a_handler_that_closes_its_stream_does_no_harm)
{
    int times = 1;
    eddy_server *server = serve(close_early, &times, NULL);
    for (; times <= 2; times++) {
        eddy_stream *stream;
        char c;
        CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &stream), 0);
        CHECK_INT(eddy_stream_read(stream, &c, 1), 0);
        if (times == 2)
            CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_close: the stream is closed already");
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_read: the stream is closed");
        CHECK(server_reaches(server, 0));
        CHECK_NO_REPORT();
        eddy_stream_close(stream);
    }
    eddy_server_close(server);
    return 0;
}

/* ---- addresses ---- */

TEST(rule_219_address_in_use)
{
    eddy_server *server = serve(echo_lines, NULL, NULL), *second = NULL;
    size_t before = test_count_descriptors();
    char expected[100];
    int port = eddy_server_port(server);
    CHECK_INT(eddy_serve("127.0.0.1", port, echo_lines, NULL, NULL, &second), -EADDRINUSE);
    (void)snprintf(expected, sizeof expected,
                   "can't listen on 127.0.0.1:%d: Address already in use", port);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), expected);
    CHECK(!second);
    CHECK_INT(test_count_descriptors(), before);
    eddy_server_close(server);
    /* The same port again at once. */
    CHECK_INT(eddy_serve("127.0.0.1", port, echo_lines, NULL, NULL, &server), 0);
    eddy_server_close(server);
    const struct eddy_serve_options reuse = {.reuse_port = true};
    CHECK_INT(eddy_serve("127.0.0.1", port, echo_lines, NULL, &reuse, &server), 0);
    CHECK_INT(eddy_serve("127.0.0.1", port, echo_lines, NULL, &reuse, &second), 0);
    eddy_server_close(server);
    eddy_server_close(second);
    CHECK_INT(eddy_serve("192.0.2.1", 0, echo_lines, NULL, NULL, &second), -EADDRNOTAVAIL);
    return 0;
}

ANYWHERE_TEST(rule_219_every_interface_has_the_same_port)
{
    eddy_server *server;
    eddy_stream *stream;
    char line[16];
    CHECK_INT(eddy_serve(NULL, 0, echo_lines, NULL, NULL, &server), 0);
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2", "::1"};
    for (size_t i = 0; i < 3; i++) {
        int r = eddy_connect(hosts[i], eddy_server_port(server), &stream);
        if (i == 2 && r == -EADDRNOTAVAIL)
            break; /* no IPv6 here */
        CHECK_INT(r, 0);
        CHECK_INT(eddy_stream_write(stream, "hello\n", 6), 6);
        CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 6);
        eddy_stream_close(stream);
    }
    eddy_server_close(server);
    return 0;
}

/* ---- bad input ---- */

ANYWHERE_TEST(bad_arguments_are_reported)
{
    eddy_server *server = NULL;
    const struct eddy_serve_options negative = {.backlog = -1};
    CHECK_INT(eddy_serve("127.0.0.1", 0, NULL, NULL, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the handler is NULL");
    CHECK_INT(eddy_serve("127.0.0.1", 0, echo_lines, NULL, NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the server is NULL");
    CHECK_INT(eddy_serve("127.0.0.1", -1, echo_lines, NULL, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "port -1");
    CHECK_INT(eddy_serve("127.0.0.1", 65536, echo_lines, NULL, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "port 65536");
    CHECK_INT(eddy_serve("127.0.0.1", 0, echo_lines, NULL, &negative, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a backlog of -1");
    CHECK_INT(eddy_server_port(NULL), -EINVAL);
    CHECK_INT(eddy_server_connections(NULL), 0);
    CHECK(!server);
    return 0;
}
