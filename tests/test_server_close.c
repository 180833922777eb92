/* SPDX-License-Identifier: MIT */
/* Servers: how they end, step by step: stop, wait, grace, cancel, abort, serve_forever. */
#include "connect_names.h"
#include "support/test.h"

static eddy_server *serve(eddy_stream_handler *handler, void *context,
                          const struct eddy_serve_options *options)
{
    eddy_server *server = NULL;
    EXPECT_INT(eddy_serve("127.0.0.1", 0, handler, context, options, &server), 0);
    return server;
}

/* Reads until the end and counts how it came. */
struct ends {
    int ended, cancelled, aborted;
};

static int linger(eddy_stream *stream, void *context)
{
    struct ends *ends = context;
    char c;
    ssize_t n;
    while ((n = eddy_stream_read(stream, &c, 1)) > 0)
        continue;
    ends->ended += n == 0;
    ends->cancelled += n == -ECANCELED;
    return (int)n;
}

/* Takes no notice of its cancellation for `hours`, unless its peer does something. */
static int cling(eddy_stream *stream, void *context)
{
    struct ends *ends = context;
    char c;
    eddy_with_shield (3600.0) {
        ssize_t n = eddy_stream_read(stream, &c, 1);
        ends->ended += n == 0;
        ends->aborted += n == -ECONNABORTED;
        if (n == -ECONNABORTED)
            EXPECT_INT(eddy_stream_write(stream, "x", 1), -ECONNABORTED);
    }
    return 0;
}

static eddy_stream *client_of(const eddy_server *server)
{
    eddy_stream *stream = NULL;
    EXPECT_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &stream), 0);
    return stream;
}

static bool reaches(const eddy_server *server, size_t count)
{
    for (int i = 0; i < 200 && eddy_server_connections(server) != count; i++)
        EXPECT_INT(eddy_sleep(0.01), 0);
    EXPECT_INT(eddy_sleep(0.01), 0); /* the newest ones' handlers have begun */
    return EXPECT_INT(eddy_server_connections(server), count);
}

static bool took(double begin, double seconds)
{
    return fabs(eddy_time() - begin - seconds) < 0.01;
}

/* What a client reads at last: 0 or an error. */
static int end_of(eddy_stream *stream)
{
    char c;
    ssize_t n;
    while ((n = eddy_stream_read(stream, &c, 1)) > 0)
        continue;
    eddy_stream_close(stream);
    return (int)n;
}

/* ---- stopping and waiting ---- */

struct hang_up {
    eddy_stream *stream;
    double seconds;
};
static int hang_up(struct hang_up *a)
{
    int r = eddy_sleep(a->seconds);
    eddy_stream_close(a->stream);
    return r;
}

TEST(rule_214_stop_keeps_connections_and_wait_closed_waits_for_the_last)
{
    struct ends ends = {0};
    int err, r = -1;
    eddy_server *server = serve(linger, &ends, NULL);
    eddy_stream *one = client_of(server), *two = client_of(server), *late = NULL;
    CHECK(reaches(server, 2));
    CHECK(eddy_server_is_serving(server));
    eddy_with_timeout (1, &err) {
        r = eddy_server_wait_closed(server); /* nobody has stopped it */
    }
    CHECK_INT(r, -ECANCELED);
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_server_stop(server), 0);
    CHECK_INT(eddy_server_stop(server), 0); /* twice is fine */
    CHECK(!eddy_server_is_serving(server));
    CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &late), -ECONNREFUSED);
    CHECK_INT(eddy_server_connections(server), 2);
    double begin = eddy_time();
    eddy_with_group (g, &err) {
        eddy_spawn(g, hang_up, .stream = one, .seconds = 1);
        eddy_spawn(g, hang_up, .stream = two, .seconds = 2);
        CHECK_INT(eddy_server_wait_closed(server), 0);
    }
    CHECK_INT(err, 0);
    CHECK(took(begin, 2.0));
    CHECK_INT(ends.ended, 2);
    CHECK_INT(eddy_server_wait_closed(server), 0); /* at once */
    CHECK_INT(eddy_server_serve_forever(server), 0);
    eddy_server_close(server);
    return 0;
}

TEST(rule_215_close_clients_cancels_their_handlers)
{
    struct ends ends = {0};
    eddy_server *server = serve(linger, &ends, NULL);
    eddy_stream *one = client_of(server), *two = client_of(server);
    CHECK(reaches(server, 2));
    CHECK_INT(eddy_server_close_clients(server), 0);
    CHECK(reaches(server, 0));
    CHECK_INT(ends.cancelled, 2);
    CHECK_INT(end_of(one), 0);
    CHECK_INT(end_of(two), 0);
    CHECK(eddy_server_is_serving(server)); /* for others it goes on */
    one = client_of(server);
    CHECK(reaches(server, 1));
    CHECK_INT(eddy_server_stop(server), 0);
    CHECK_INT(eddy_server_close_clients(server), 0);
    CHECK_INT(eddy_server_wait_closed(server), 0);
    CHECK_INT(end_of(one), 0);
    eddy_server_close(server);
    return 0;
}

TEST(rule_215_abort_clients_resets_their_connections)
{
    struct ends ends = {0};
    eddy_server *server = serve(cling, &ends, NULL);
    eddy_stream *one = client_of(server), *two = client_of(server);
    CHECK(reaches(server, 2));
    CHECK_INT(eddy_server_abort_clients(server), 0);
    CHECK(reaches(server, 0));
    CHECK_INT(ends.aborted, 2);
    CHECK_INT(end_of(one), -ECONNRESET);
    CHECK_INT(end_of(two), -ECONNRESET);
    eddy_server_close(server);
    return 0;
}

/* ---- closing ---- */

TEST(rule_214_grace_lets_handlers_end_by_themselves)
{
    struct ends ends = {0};
    const struct eddy_serve_options options = {.grace = 5};
    int err;
    eddy_server *server = serve(linger, &ends, &options);
    eddy_stream *one = client_of(server), *two = client_of(server);
    CHECK(reaches(server, 2));
    double begin = eddy_time();
    eddy_with_group (g, &err) {
        eddy_spawn(g, hang_up, .stream = one, .seconds = 1);
        eddy_server_close(server); /* the other one is cancelled at 5 */
    }
    CHECK_INT(err, 0);
    CHECK(took(begin, 5.0));
    CHECK_INT(ends.ended, 1);
    CHECK_INT(ends.cancelled, 1);
    CHECK_INT(end_of(two), 0);

    server = serve(linger, &ends, &options);
    one = client_of(server);
    CHECK(reaches(server, 1));
    begin = eddy_time();
    eddy_with_group (g, &err) {
        eddy_spawn(g, hang_up, .stream = one, .seconds = 1);
        eddy_server_close(server);
    }
    CHECK(took(begin, 1.0)); /* no longer than they need */
    return 0;
}

TEST(rule_214_who_does_not_go_is_reset_at_last)
{
    struct ends ends = {0};
    const struct eddy_serve_options options = {.grace = 2, .abort_after = 3};
    eddy_server *server = serve(cling, &ends, &options);
    eddy_stream *one = client_of(server);
    CHECK(reaches(server, 1));
    double begin = eddy_time();
    eddy_server_close(server);
    CHECK(took(begin, 5.0));
    CHECK_REPORT(EDDY_LOG_NOTE, "resets 1 connections: their handlers didn't end within 3 s");
    CHECK_INT(ends.aborted, 1);
    CHECK_INT(end_of(one), -ECONNRESET);
    return 0;
}

struct closing {
    eddy_server *server;
};
static int closing(struct closing *a)
{
    eddy_server_close(a->server);
    return 0;
}

TEST(a_closer_waits_beside_others_and_clients_may_be_cut_short_meanwhile)
{
    struct ends ends = {0};
    const struct eddy_serve_options options = {.grace = 3600};
    int err;
    eddy_server *server = serve(linger, &ends, &options);
    eddy_stream *one = client_of(server);
    CHECK(reaches(server, 1));
    double begin = eddy_time();
    eddy_with_group (g, &err) {
        eddy_spawn(g, closing, .server = server);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(eddy_server_close_clients(server), 0);
        CHECK_INT(eddy_server_wait_closed(server), 0);
    }
    CHECK(took(begin, 1.0));
    CHECK_INT(ends.cancelled, 1);
    CHECK_INT(end_of(one), 0);
    return 0;
}

/* ---- while a name is looked up ---- */

struct listening {
    eddy_server *server;
    int port, *result;
};

static int listening(struct listening *a)
{
    *a->result = 1; /* it has begun */
    *a->result = eddy_server_listen(a->server, "late.test", a->port);
    EXPECT_TEXT(eddy_failure_message(eddy_last_failure()), "the server was stopped meanwhile");
    return 0;
}

/* Answers, at an address that is free, when the gate opens: after a second of the simulated system,
 * and of the others when they are let. */
static void answer_later(sem_t *gate)
{
    EXPECT_INT(sem_init(gate, 0, 0), 0);
    names_give("127.0.0.2", NULL, NULL, NULL);
    names_gate = gate;
    if (!eddy_sim_active())
        return;
    EXPECT_INT(eddy_sim_set_name("late.test", "127.0.0.2"), 0);
    EXPECT_INT(eddy_sim_set_resolver(1, 0), 0);
}

static void answer_now(sem_t *gate)
{
    EXPECT_INT(sem_post(gate), 0);
}

/* What becomes of a further address when the server ends meanwhile. */
static int end_while_listening(void (*end)(eddy_server *))
{
    struct ends ends = {0};
    int result = 0, err;
    sem_t gate;
    eddy_server *server = serve(linger, &ends, NULL);
    answer_later(&gate);
    eddy_with_group (g, &err) {
        eddy_spawn(g, listening, .server = server, .port = eddy_server_port(server),
                   .result = &result);
        for (int i = 0; i < 100 && result == 0; i++)
            turns(1);
        EXPECT_INT(result, 1);
        end(server);
        answer_now(&gate);
    }
    CHECK_INT(err, 0);
    CHECK_INT(result, -ECONNABORTED);
    names_gate = NULL;
    names_are_real();
    return sem_destroy(&gate);
}

static eddy_server *stopped;

static void stop_it(eddy_server *server)
{
    stopped = server;
    EXPECT_INT(eddy_server_stop(server), 0);
}

TEST(a_server_that_was_stopped_while_it_looked_up_a_name_does_not_listen_there)
{
    char address[64];
    CHECK_INT(end_while_listening(stop_it), 0);
    CHECK_INT(eddy_server_address(stopped, 1, address, sizeof address), -ENOENT);
    eddy_server_close(stopped);
    return end_while_listening(eddy_server_close);
}

/* ---- serve_forever ---- */

struct forever {
    eddy_server *server;
    int *result;
};
static int forever(struct forever *a)
{
    *a->result = eddy_server_serve_forever(a->server);
    return *a->result;
}

TEST(rule_216_serve_forever_cancelled_closes_and_waits_then_passes_it_on)
{
    struct ends ends = {0};
    int result = 1, second = 1, err;
    eddy_server *server = serve(linger, &ends, NULL);
    eddy_stream *one = client_of(server), *late = NULL;
    CHECK(reaches(server, 1));
    eddy_task *task = eddy_create_task(forever, .server = server, .result = &result);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_server_serve_forever(server), -EBUSY); /* only one at a time */
    CHECK(eddy_task_cancel(task));
    CHECK_INT(eddy_await(task), -ECANCELED);
    CHECK_INT(eddy_task_release(task), 0);
    CHECK_INT(result, -ECANCELED);
    CHECK_INT(ends.cancelled, 1); /* closed, and awaited */
    CHECK_INT(eddy_server_connections(server), 0);
    CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &late), -ECONNREFUSED);
    CHECK_INT(end_of(one), 0);
    eddy_server_close(server);

    server = serve(linger, &ends, NULL);
    eddy_with_group (g, &err) {
        eddy_spawn(g, forever, .server = server, .result = &second);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_server_close(server); /* another task ends it */
    }
    CHECK_INT(err, 0);
    CHECK_INT(second, 0);
    return 0;
}

/* ---- bad input ---- */

static int wait_for_myself(eddy_stream *stream, void *context)
{
    eddy_server *server = *(eddy_server **)context;
    (void)stream;
    EXPECT_INT(eddy_server_wait_closed(server), -EDEADLK);
    EXPECT_INT(eddy_server_serve_forever(server), -EDEADLK);
    return 0;
}

TEST(a_handler_that_would_wait_for_itself_and_other_mistakes)
{
    eddy_server *server = serve(wait_for_myself, &server, NULL);
    eddy_stream *one = client_of(server);
    CHECK_INT(end_of(one), 0);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_server_wait_closed: a handler of the server");
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_server_serve_forever: a handler of the server");
    char address[64];
    CHECK(eddy_server_address(server, 0, address, sizeof address) > 10);
    CHECK_CONTAINS(address, "127.0.0.1:");
    CHECK_INT(eddy_server_address(server, 1, address, sizeof address), -ENOENT);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "no address 1");
    eddy_server_close(server);

    const struct eddy_serve_options negative = {.grace = -1}, nan_ = {.abort_after = NAN};
    CHECK_INT(eddy_serve(NULL, 0, linger, NULL, &negative, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a grace of -1");
    CHECK_INT(eddy_serve(NULL, 0, linger, NULL, &nan_, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "abort_after of nan");
    CHECK_INT(eddy_server_stop(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_server_stop: the server is NULL");
    CHECK_INT(eddy_server_wait_closed(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the server is NULL");
    return 0;
}

TEST(several_addresses_in_one_server)
{
    struct ends ends = {0};
    char address[64], expected[64];
    eddy_stream *stream;
    eddy_server *server = serve(linger, &ends, NULL);
    int port = eddy_server_port(server);
    CHECK_INT(eddy_server_listen(server, "127.0.0.2", port), 0);
    CHECK_INT(eddy_server_listen(server, "127.0.0.2", port), -EADDRINUSE);
    CHECK_INT(eddy_server_listen(server, "127.0.0.3", 65536), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_server_listen: port 65536");
    int length = snprintf(expected, sizeof expected, "127.0.0.2:%d", port);
    CHECK_INT(eddy_server_address(server, 1, address, sizeof address), length);
    CHECK_TEXT(address, expected);
    CHECK_INT(eddy_server_address(server, 2, address, sizeof address), -ENOENT);
    CHECK_INT(eddy_connect("127.0.0.2", port, &stream), 0);
    CHECK(reaches(server, 1));
    eddy_stream_close(stream);
    CHECK_INT(eddy_server_stop(server), 0);
    CHECK_INT(eddy_connect("127.0.0.2", port, &stream), -ECONNREFUSED);
    CHECK_INT(eddy_server_listen(server, "127.0.0.3", port), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_server_listen: the server has stopped");
    eddy_server_close(server);
    return 0;
}
