/* SPDX-License-Identifier: MIT */
/* Servers: who waits for their end, and what wakes him. How they end is in test_server_close. */
#include <pthread.h>
#include "server_handlers.h"

static eddy_stream *client_of(const eddy_server *server)
{
    eddy_stream *stream = NULL;
    EXPECT_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &stream), 0);
    return stream;
}

struct waiting {
    eddy_server *server;
    const char *name;
};

static int wait_closed(struct waiting *a)
{
    int r = eddy_server_wait_closed(a->server);
    note("%s", a->name);
    return r;
}

static int drain(struct waiting *a)
{
    int r = eddy_server_drain(a->server);
    note("%s", a->name);
    return r;
}

TEST(rule_214_the_last_connection_ends_no_wait_before_the_server_has_stopped)
{
    eddy_server *server = serve(linger, NULL, NULL);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, wait_closed, struct waiting, .server = server, .name = "closed");
        eddy_stream *one = client_of(server);
        EXPECT(server_reaches(server, 1));
        eddy_stream_close(one);
        EXPECT(server_reaches(server, 0));
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_NOTES("");
        EXPECT_INT(eddy_server_stop(server), 0); /* nobody is left to end it for them */
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("closed");
    eddy_server_close(server);
    return 0;
}

TEST(a_drain_of_an_idle_server_wakes_those_who_wait_already)
{
    eddy_server *server = serve(linger, NULL, NULL);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, wait_closed, struct waiting, .server = server, .name = "closed");
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_INT(eddy_server_drain(server), 0);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("closed");
    eddy_server_close(server);
    return 0;
}

TEST(several_may_drain_and_one_who_gives_up_disturbs_no_other)
{
    eddy_server *server = serve(linger, NULL, NULL);
    eddy_stream *one = client_of(server);
    int err;
    CHECK(server_reaches(server, 1));
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, drain, struct waiting, .server = server, .name = "drained");
        eddy_spawn_as(g, drain, struct waiting, .server = server, .name = "drained");
        EXPECT_INT(eddy_wait_for(eddy_server_drain(server), 1.0), -ETIMEDOUT);
        EXPECT_NOTES("");
        eddy_stream_close(one);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("drained drained");
    eddy_server_close(server);
    return 0;
}

/* Goes on for two seconds after it was cancelled. */
static int leave_slowly(eddy_stream *stream, void *context)
{
    char c;
    (void)context;
    ssize_t n = eddy_stream_read(stream, &c, 1);
    eddy_with_shield (5.0) {
        EXPECT_INT(eddy_sleep(2), 0);
    }
    return (int)n;
}

static int serve_forever(struct waiting *a)
{
    return eddy_server_serve_forever(a->server);
}

TEST(rule_216_serve_forever_waits_for_the_slowest_handler_and_may_be_called_again)
{
    eddy_server *server = serve(leave_slowly, NULL, NULL);
    eddy_stream *one = client_of(server);
    CHECK(server_reaches(server, 1));
    CHECK_INT(eddy_sleep(1), 0);
    eddy_task *task = eddy_create_task_as(serve_forever, struct waiting, .server = server);
    CHECK_INT(eddy_sleep(1), 0);
    double begin = eddy_time();
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK(fabs(eddy_time() - begin - 2) < 0.01);
    CHECK_INT(eddy_server_connections(server), 0);
    CHECK_INT(eddy_server_serve_forever(server), 0); /* at once: it has stopped */
    eddy_stream_close(one);
    eddy_server_close(server);
    return 0;
}

static int sleep_for_ever(eddy_stream *stream, void *context)
{
    (void)stream;
    (void)context;
    return eddy_sleep(EDDY_FOREVER);
}

TEST(rule_215_abort_clients_ends_those_who_do_something_else_than_read)
{
    eddy_server *server = serve(sleep_for_ever, NULL, NULL);
    eddy_stream *one = client_of(server);
    CHECK(server_reaches(server, 1));
    CHECK_INT(eddy_server_abort_clients(server), 0);
    CHECK(server_reaches(server, 0));
    eddy_stream_close(one);
    eddy_server_close(server);
    return 0;
}

static int close_and_stay(eddy_stream *stream, void *context)
{
    *(int *)context = eddy_stream_descriptor(stream);
    eddy_stream_close(stream);
    return eddy_sleep(EDDY_FOREVER);
}

TEST(rule_215_abort_clients_leaves_alone_who_got_the_number_of_one_that_is_closed)
{
    int number = -1;
    char line[8];
    eddy_server *server = serve(close_and_stay, &number, NULL),
                *other = serve(echo_lines, NULL, NULL);
    eddy_stream *one = client_of(server);
    CHECK_INT(eddy_stream_read(one, line, sizeof line), 0);
    eddy_stream *two = client_of(other);
    if (!eddy_sim_active()) /* it gives no number again so soon */
        CHECK_INT(eddy_stream_descriptor(two), number);
    CHECK_INT(eddy_server_abort_clients(server), 0);
    CHECK(server_reaches(server, 0));
    CHECK_INT(eddy_stream_write(two, "line\n", 5), 5);
    CHECK_INT(eddy_stream_read_line(two, line, sizeof line), 5);
    eddy_stream_close(two);
    eddy_stream_close(one);
    eddy_server_close(other);
    eddy_server_close(server);
    return 0;
}

static int sleep_shielded(eddy_stream *stream, void *context)
{
    (void)stream;
    (void)context;
    eddy_with_shield (EDDY_FOREVER) {
        EXPECT_INT(eddy_sleep(1000), 0);
    }
    return 0;
}

TEST(rule_214_with_abort_after_for_ever_nobody_is_reset)
{
    const struct eddy_serve_options options = {.abort_after = EDDY_FOREVER};
    eddy_server *server = serve(sleep_shielded, NULL, &options);
    eddy_stream *one = client_of(server);
    CHECK(server_reaches(server, 1));
    CHECK_INT(eddy_sleep(1), 0);
    double begin = eddy_time();
    eddy_server_close(server);
    CHECK(eddy_time() - begin > 900);
    CHECK_NO_REPORT();
    eddy_stream_close(one);
    return 0;
}

/* ---- mistakes ---- */

static eddy_server *left_open;

static int leave_it_open(void)
{
    left_open = serve(linger, NULL, NULL);
    eddy_test_allow_leftovers(1);
    return 0;
}

ANYWHERE_PLAIN_TEST(a_server_is_not_looked_at_when_its_loop_has_ended)
{
    EXPECT_INT(test_run(leave_it_open), 0);
    test_stderr_begin();
    EXPECT_INT(eddy_server_stop(left_open), -EINVAL);
    EXPECT_CONTAINS(test_stderr_end(),
                    "eddy_server_stop: called outside a loop: a server ends with its loop");
}

static int stop_it(void)
{
    return eddy_server_stop(left_open);
}

static void *run_another_loop(void *result)
{
    *(int *)result = eddy_run(stop_it);
    return NULL;
}

REAL_TEST(a_server_of_another_loop_is_left_alone)
{
    pthread_t thread;
    int result = 0;
    left_open = serve(linger, NULL, NULL);
    test_stderr_begin(); /* that loop has no other log */
    CHECK_INT(pthread_create(&thread, NULL, run_another_loop, &result), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_CONTAINS(test_stderr_end(), "eddy_server_stop: the server belongs to another loop");
    CHECK_INT(result, -EINVAL);
    CHECK(eddy_server_is_serving(left_open));
    eddy_server_close(left_open);
    return 0;
}
