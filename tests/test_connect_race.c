/* SPDX-License-Identifier: MIT */
/* Connecting to hosts with several addresses, on the simulated network: happy eyeballs to the
 * instant. */
#include <eddy/connect.h>
#include <eddy/sweep.h>
#include "support/sim_test.h"

static void passes(int (*program)(void))
{
    (void)sim_passes(1, (struct eddy_sim_options){.order = EDDY_SIM_FIFO}, program);
}

static int hold(eddy_stream *stream, void *context)
{
    char c;
    (void)context;
    return (int)eddy_stream_read(stream, &c, 1);
}

static eddy_server *serve_on(const char *host)
{
    eddy_server *server = NULL;
    EXPECT_INT(eddy_serve(host, 80, hold, NULL, NULL, &server), 0);
    return server;
}

static void set_link(const char *host, struct eddy_sim_link link)
{
    EXPECT_INT(eddy_sim_set_link(host, &link), 0);
}

static void black_hole(const char *host)
{
    set_link(host, (struct eddy_sim_link){.black_hole = true});
}

/* Up to four addresses of host.test. */
static void name(const char *a, const char *b, const char *c, const char *d)
{
    const char *const addresses[] = {a, b, c, d};
    for (int i = 0; i < 4 && addresses[i]; i++)
        EXPECT_INT(eddy_sim_set_name("host.test", addresses[i]), 0);
}

/* Connects, sees where to and when, and closes. */
static int check_connect(const struct eddy_connect_options *options, const char *peer,
                         double seconds)
{
    eddy_stream *stream = NULL;
    char text[64];
    CHECK_INT(eddy_connect_with("host.test", 80, options, &stream), 0);
    CHECK(eddy_stream_peer(stream, text, sizeof text) > 0);
    CHECK_TEXT(text, peer);
    CHECK_TIME(seconds);
    eddy_stream_close(stream);
    return 0;
}

/* ---- who is tried when ---- */

static int unanswered(void)
{
    eddy_server *server = serve_on("10.0.0.2");
    name("10.0.0.1", "10.0.0.2", NULL, NULL);
    black_hole("10.0.0.1");
    int r = check_connect(NULL, "10.0.0.2:80", 0.25);
    eddy_server_close(server);
    return r;
}

PLAIN_TEST(rule_205_an_address_that_does_not_answer_costs_the_delay)
{
    passes(unanswered);
}

static int families(void)
{
    eddy_server *server = serve_on("10.0.0.1");
    name("fd00::1", "fd00::2", "fd00::3", "10.0.0.1");
    black_hole("fd00::1");
    black_hole("fd00::2");
    black_hole("fd00::3");
    int r = check_connect(NULL, "10.0.0.1:80", 0.25); /* second, not fourth */
    eddy_server_close(server);
    return r;
}

PLAIN_TEST(rule_205_families_take_turns)
{
    passes(families);
}

static int turns_of_families(void)
{
    eddy_stream *stream = NULL;
    const char *const order[] = {"10.0.0.1:80", "[fd00::1]:80", "10.0.0.2:80", "10.0.0.3:80"};
    name("10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1");
    CHECK_INT(eddy_connect("host.test", 80, &stream), -ECONNREFUSED);
    CHECK_TIME(0);
    const eddy_failure *failure = eddy_last_failure();
    CHECK_INT(eddy_failure_count(failure), 4);
    for (size_t i = 0; i < 4; i++)
        CHECK_CONTAINS(eddy_failure_message(eddy_failure_child(failure, i)), order[i]);
    CHECK(!stream);
    return 0;
}

PLAIN_TEST(rule_205_refused_ones_cost_nothing_and_all_are_listed_in_their_turn)
{
    passes(turns_of_families);
}

static int late_answer(void)
{
    eddy_server *first = serve_on("10.0.0.1"), *second = serve_on("10.0.0.2");
    name("10.0.0.1", "10.0.0.2", NULL, NULL);
    set_link("10.0.0.1", (struct eddy_sim_link){.delay_min = 0.4, .delay_max = 0.4});
    set_link("10.0.0.2", (struct eddy_sim_link){.delay_min = 0.3, .delay_max = 0.3});
    int r = check_connect(NULL, "10.0.0.1:80", 0.4); /* the other one would have taken 0.55 */
    eddy_server_close(first);
    eddy_server_close(second);
    return r;
}

PLAIN_TEST(rule_205_an_attempt_goes_on_beside_the_next_one)
{
    passes(late_answer);
}

/* Both are there in the same instant: one is taken, the other one's connection ends. */
static int at_once(void)
{
    eddy_server *first = serve_on("10.0.0.1"), *second = serve_on("10.0.0.2");
    name("10.0.0.1", "10.0.0.2", NULL, NULL);
    set_link("10.0.0.1", (struct eddy_sim_link){.delay_min = 0.5, .delay_max = 0.5});
    set_link("10.0.0.2", (struct eddy_sim_link){.delay_min = 0.25, .delay_max = 0.25});
    int r = check_connect(NULL, "10.0.0.1:80", 0.5);
    eddy_server_close(first);
    eddy_server_close(second);
    return r; /* the run checks that no socket is left */
}

PLAIN_TEST(rule_206_of_two_that_are_connected_at_once_one_is_closed)
{
    passes(at_once);
}

static int own_delay(void)
{
    eddy_server *server = serve_on("10.0.0.3");
    name("10.0.0.1", "10.0.0.2", "10.0.0.3", NULL);
    black_hole("10.0.0.1");
    black_hole("10.0.0.2");
    CHECK_INT(check_connect(&(struct eddy_connect_options){.delay = 2}, "10.0.0.3:80", 4), 0);
    int r = check_connect(&(struct eddy_connect_options){.delay = EDDY_FOREVER}, "10.0.0.3:80",
                          4 + 2 * 127);
    eddy_server_close(server);
    return r;
}

PLAIN_TEST(rule_205_the_delay_is_an_option_and_without_end_one_is_tried_after_the_other)
{
    passes(own_delay);
}

static int mixed_errors(void)
{
    eddy_stream *stream = NULL;
    name("10.0.0.1", "10.0.0.2", NULL, NULL);
    black_hole("10.0.0.2");
    CHECK_INT(eddy_connect("host.test", 80, &stream), -ETIMEDOUT);
    CHECK_TIME(127);
    const eddy_failure *failure = eddy_last_failure();
    CHECK_CONTAINS(eddy_failure_message(failure), "host.test port 80 at any of 2 addresses");
    CHECK_INT(eddy_failure_code(eddy_failure_child(failure, 0)), -ECONNREFUSED);
    CHECK_INT(eddy_failure_code(eddy_failure_child(failure, 1)), -ETIMEDOUT);
    return 0;
}

PLAIN_TEST(rule_205_different_errors_are_told_together)
{
    passes(mixed_errors);
}

/* ---- where from ---- */

static int from_a_local_address(void)
{
    eddy_stream *stream = NULL;
    eddy_server *server = serve_on("10.0.0.1"), *other = serve_on("fd00::1");
    char text[64];
    struct eddy_connect_options from = {.local_host = "10.0.0.77", .local_port = 4000};
    name("fd00::1", "10.0.0.1", NULL, NULL);
    CHECK_INT(eddy_connect_with("host.test", 80, &from, &stream), 0);
    CHECK(eddy_stream_local_address(stream, text, sizeof text) > 0);
    CHECK_TEXT(text, "10.0.0.77:4000");
    eddy_stream_close(stream);
    CHECK_TIME(0);
    from.local_host = NULL; /* any address, this port */
    from.local_port = 4001;
    CHECK_INT(eddy_connect_with("host.test", 80, &from, &stream), 0);
    CHECK(eddy_stream_local_address(stream, text, sizeof text) > 0);
    CHECK_CONTAINS(text, "]:4001");
    eddy_stream_close(stream);
    eddy_server_close(server);
    eddy_server_close(other);
    return 0;
}

PLAIN_TEST(rule_207_families_without_a_local_address_are_skipped)
{
    passes(from_a_local_address);
}

static int from_another_family(void)
{
    eddy_stream *stream = NULL;
    eddy_server *server = serve_on("10.0.0.1");
    name("10.0.0.1", NULL, NULL, NULL);
    struct eddy_connect_options from = {.local_host = "fd00::77"};
    CHECK_INT(eddy_connect_with("host.test", 80, &from, &stream), -EADDRNOTAVAIL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()),
                   "(10.0.0.1:80): the local address is of another family");
    from.local_host = "nobody.test";
    CHECK_INT(eddy_connect_with("host.test", 80, &from, &stream), -ENOENT);
    CHECK(!stream);
    eddy_server_close(server);
    return 0;
}

PLAIN_TEST(rule_207_none_left_is_an_error)
{
    passes(from_another_family);
}

static int one_port_for_all(void)
{
    eddy_stream *stream = NULL;
    eddy_server *server = serve_on("10.0.0.2");
    char text[64];
    const struct eddy_connect_options from = {.local_port = 4000};
    name("10.0.0.1", "10.0.0.2", NULL, NULL);
    black_hole("10.0.0.1");
    CHECK_INT(eddy_connect_with("host.test", 80, &from, &stream), 0);
    CHECK_TIME(0.25);
    CHECK(eddy_stream_local_address(stream, text, sizeof text) > 0);
    CHECK_CONTAINS(text, ":4000");
    eddy_stream_close(stream);
    eddy_server_close(server);
    return 0;
}

PLAIN_TEST(rule_205_attempts_from_one_port_are_not_in_each_others_way)
{
    passes(one_port_for_all);
}

/* ---- cancels ---- */

static int cancelled(void)
{
    eddy_stream *stream = NULL;
    name("10.0.0.1", "fd00::1", "10.0.0.2", NULL);
    black_hole("10.0.0.1");
    black_hole("fd00::1");
    black_hole("10.0.0.2");
    CHECK_INT(eddy_wait_for(eddy_connect("host.test", 80, &stream), 0.4), -ETIMEDOUT);
    CHECK_TIME(0.4);
    CHECK(!stream);
    return 0; /* the run checks that no socket is left */
}

PLAIN_TEST(rule_206_a_cancel_closes_the_sockets_of_all_attempts)
{
    passes(cancelled);
}

static int race_of_three(void)
{
    eddy_stream *stream = NULL;
    eddy_server *server;
    int r = eddy_serve("10.0.0.2", 80, hold, NULL, NULL, &server);
    if (r < 0)
        return r;
    name("10.0.0.1", "fd00::1", "10.0.0.2", NULL);
    black_hole("10.0.0.1");
    set_link("10.0.0.2", (struct eddy_sim_link){.delay_min = 0.1, .delay_max = 0.1});
    r = eddy_connect("host.test", 80, &stream);
    EXPECT((r == 0) == (stream != NULL));
    eddy_stream_close(stream);
    eddy_server_close(server);
    return r;
}

PLAIN_TEST(rule_206_connects_swept)
{
    struct eddy_sweep_result result;
    const struct eddy_sweep_options sweep = {.scenario = race_of_three};
    EXPECT_INT(eddy_sweep(&sweep, &result), 0);
    EXPECT(result.points > 3);
}
