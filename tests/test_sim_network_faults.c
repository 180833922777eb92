/* SPDX-License-Identifier: MIT */
/*
 * What the simulated network does to programs with streams and servers: delays, narrow links,
 * resets, refusals, black holes, partitions, half-open connections.
 */
#include "support/sim_test.h"

#define HOST "10.0.0.1"
#define PORT 80

static const struct eddy_sim_options plain;

static int echo(eddy_stream *stream, void *context)
{
    char buffer[4096];
    ssize_t n;
    (void)context;
    while ((n = eddy_stream_read(stream, buffer, sizeof buffer)) > 0)
        if ((n = eddy_stream_write(stream, buffer, (size_t)n)) < 0)
            break;
    return n == -ECONNRESET || n == -EPIPE ? 0 : (int)n;
}

static int serve(eddy_stream_handler *handler, void *context)
{
    eddy_server *server;
    return eddy_serve(HOST, PORT, handler, context, NULL, &server);
}

static int connected(eddy_stream **ret_stream)
{
    return eddy_connect(HOST, PORT, ret_stream);
}

/* ---- delays ---- */

static int delay_program(void)
{
    eddy_stream *stream;
    char text[8];
    CHECK_INT(serve(echo, NULL), 0);
    CHECK_INT(connected(&stream), 0);
    CHECK_TIME(0.1);
    CHECK_INT(eddy_stream_write(stream, "hello", 5), 5);
    CHECK_TIME(0.1); /* writing takes no time, */
    CHECK_INT(eddy_stream_read(stream, text, sizeof text), 5);
    CHECK_TIME(0.3); /* there and back does */
    CHECK_INT(eddy_stream_write_end(stream), 0);
    CHECK_INT(eddy_stream_read(stream, text, sizeof text), 0);
    CHECK_TIME(0.5);
    eddy_stream_close(stream);
    CHECK_INT(eddy_connect(HOST, PORT + 1, &stream), -ECONNREFUSED);
    CHECK_TIME(0.6);
    return 0;
}

PLAIN_TEST(delays)
{
    (void)sim_passes(1, (struct eddy_sim_options){.link = {.delay_min = 0.1, .delay_max = 0.1}},
                     delay_program);
}

static int arrivals[2], arrived;

static int note_arrival(eddy_stream *stream, void *context)
{
    char number;
    (void)context;
    ssize_t n = eddy_stream_read(stream, &number, 1);
    if (n == 1 && arrived < 2)
        arrivals[arrived++] = number;
    return n < 0 ? (int)n : 0;
}

static int two_program(void)
{
    eddy_stream *streams[2];
    arrived = 0;
    CHECK_INT(serve(note_arrival, NULL), 0);
    for (int i = 0; i < 2; i++)
        CHECK_INT(connected(&streams[i]), 0);
    for (char i = 0; i < 2; i++)
        CHECK_INT(eddy_stream_write(streams[(int)i], &i, 1), 1);
    CHECK_INT(eddy_sleep(2), 0);
    CHECK_INT(arrived, 2);
    for (int i = 0; i < 2; i++)
        eddy_stream_close(streams[i]);
    return 0;
}

/* Between connections the order is chance's. */
PLAIN_TEST(connections_overtake_each_other)
{
    int overtook = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        (void)sim_passes(seed, (struct eddy_sim_options){.link.delay_max = 1}, two_program);
        overtook += arrivals[0] == 1;
    }
    EXPECT(overtook > 25 && overtook < 75);
}

/* ---- narrow links and small buffers ---- */

static size_t swallowed;

/* Reads at most so many bytes every second; NULL: what there is. */
static int swallow(eddy_stream *stream, void *context)
{
    static char buffer[1 << 16];
    size_t size = context ? *(size_t *)context : sizeof buffer;
    ssize_t n;
    while ((n = eddy_stream_read(stream, buffer, size)) > 0) {
        swallowed += (size_t)n;
        if (context && (n = eddy_sleep(1)) < 0)
            break;
    }
    return n == -ECONNRESET ? 0 : (int)n;
}

static int bandwidth_program(void)
{
    static const char block[10000];
    eddy_stream *stream;
    swallowed = 0;
    CHECK_INT(serve(swallow, NULL), 0);
    CHECK_INT(connected(&stream), 0);
    CHECK_INT(eddy_stream_write(stream, block, sizeof block), sizeof block);
    CHECK_INT(eddy_sleep(5.1), 0);
    CHECK(swallowed > 4000 && swallowed < 5200); /* it trickles in */
    CHECK_INT(eddy_sleep(4.8), 0);
    CHECK(swallowed < sizeof block);
    CHECK_INT(eddy_sleep(0.2), 0);
    CHECK_INT(swallowed, sizeof block);
    eddy_stream_close(stream);
    return 0;
}

PLAIN_TEST(bandwidth)
{
    (void)sim_passes(1, (struct eddy_sim_options){.link.bandwidth = 1000}, bandwidth_program);
}

static int slow_reader_program(void)
{
    static const char block[5000];
    static size_t a_second = 500;
    eddy_stream *stream;
    swallowed = 0;
    CHECK_INT(serve(swallow, &a_second), 0);
    CHECK_INT(connected(&stream), 0);
    CHECK_INT(eddy_stream_write(stream, block, sizeof block), sizeof block);
    CHECK(eddy_time() > 6.9 &&
          eddy_time() < 9); /* all but what the buffer of 1000 holds was read */
    CHECK(sizeof block - swallowed <= 1000);
    CHECK_INT(eddy_sleep(3), 0);
    CHECK_INT(swallowed, sizeof block);

    /* More room, and who waited for it hears of that. */
    int err = 0;
    swallowed = 0;
    eddy_with_timeout (0.5, &err) {
        CHECK_INT(eddy_stream_write(stream, block, sizeof block), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    const struct eddy_sim_link wide = {.buffer = 1 << 20};
    CHECK_INT(eddy_sim_set_link(HOST, &wide), 0);
    double before = eddy_time();
    CHECK_INT(eddy_stream_write(stream, block, sizeof block), sizeof block);
    CHECK(eddy_time() == before);
    eddy_stream_close(stream);
    return 0;
}

PLAIN_TEST(slow_readers_hold_the_writer_back)
{
    (void)sim_passes(1, (struct eddy_sim_options){.link.buffer = 1000}, slow_reader_program);
}

static int short_program(void)
{
    char text[300], back[sizeof text];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)i;
    eddy_stream *stream;
    CHECK_INT(serve(echo, NULL), 0);
    CHECK_INT(connected(&stream), 0);
    CHECK_INT(eddy_stream_write(stream, text, sizeof text), sizeof text);
    CHECK(eddy_stream_read(stream, back, sizeof text) < (ssize_t)sizeof text);
    CHECK_INT(eddy_stream_write(stream, text, sizeof text), sizeof text);
    CHECK_INT(eddy_stream_read_exactly(stream, back, sizeof text), sizeof text);
    eddy_stream_close(stream);
    return 0;
}

/* A short read says that there is no more: so an edge has to follow. */
static int send_at_once(eddy_stream *stream, void *context)
{
    char byte;
    (void)context;
    ssize_t n = eddy_stream_write(stream, "0123456789", 10);
    return n < 0 ? (int)n : (int)eddy_stream_read(stream, &byte, 1);
}

static int short_reads_program(void)
{
    const struct eddy_sim_link bad = {.short_io = 1};
    eddy_stream *stream;
    char text[10];
    CHECK_INT(serve(send_at_once, NULL), 0);
    CHECK_INT(connected(&stream), 0);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_sim_set_link(HOST, &bad), 0);
    CHECK_INT(eddy_stream_read_exactly(stream, text, sizeof text), sizeof text);
    eddy_stream_close(stream);
    return 0;
}

PLAIN_TEST(short_transfers)
{
    (void)sim_passes(1, (struct eddy_sim_options){.link.short_io = 1}, short_program);
    (void)sim_passes(1, plain, short_reads_program);
}

/* ---- resets and refusals ---- */

static int reset_result;

static int read_to_the_end(eddy_stream *stream, void *context)
{
    char buffer[64];
    ssize_t n;
    (void)context;
    while ((n = eddy_stream_read(stream, buffer, sizeof buffer)) > 0)
        continue;
    reset_result = (int)n;
    return 0;
}

static int reset_by_chance_program(void)
{
    eddy_stream *stream;
    char byte;
    reset_result = 1;
    CHECK_INT(serve(read_to_the_end, NULL), 0);
    CHECK_INT(connected(&stream), 0);
    CHECK_INT(eddy_stream_write(stream, "x", 1), 1);
    CHECK_INT(eddy_stream_read(stream, &byte, 1), -ECONNRESET);
    CHECK_TIME(1);
    CHECK_INT(eddy_sleep(0), 0);
    CHECK_INT(reset_result, -ECONNRESET); /* both ends */
    CHECK(eddy_stream_write(stream, "x", 1) < 0);
    eddy_stream_close(stream);
    return 0;
}

static int reset_program(void)
{
    eddy_stream *streams[3];
    char byte;
    reset_result = 1;
    CHECK_INT(serve(read_to_the_end, NULL), 0);
    CHECK_INT(eddy_sim_reset(HOST), 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(connected(&streams[i]), 0);
    CHECK_INT(eddy_sleep(0), 0);
    CHECK_INT(eddy_sim_reset("10.0.0.2"), 0);
    CHECK_INT(eddy_sim_reset(HOST), 3);
    CHECK_INT(eddy_sim_reset(HOST), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(eddy_stream_read(streams[i], &byte, 1), -ECONNRESET);
        eddy_stream_close(streams[i]);
    }
    CHECK_INT(eddy_sleep(0), 0);
    CHECK_INT(reset_result, -ECONNRESET);
    return 0;
}

PLAIN_TEST(resets)
{
    (void)sim_passes(
        1, (struct eddy_sim_options){.link = {.reset = 1, .delay_min = 0.5, .delay_max = 0.5}},
        reset_by_chance_program);
    (void)sim_passes(1, plain, reset_program);
}

static int half_open_program(void)
{
    eddy_stream *stream;
    char byte;
    int err = 0;
    reset_result = 1;
    CHECK_INT(serve(read_to_the_end, NULL), 0);
    CHECK_INT(connected(&stream), 0);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_sim_half_open(HOST), 1);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(reset_result, -ECONNRESET); /* the listening end is gone, */
    eddy_with_timeout (1000, &err) {      /* and the other one hears nothing of it */
        CHECK_INT(eddy_stream_read(stream, &byte, 1), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_stream_write(stream, "x", 1), 1); /* until it sends */
    CHECK_INT(eddy_stream_read(stream, &byte, 1), -ECONNRESET);
    eddy_stream_close(stream);
    CHECK_INT(eddy_sim_half_open(HOST), 0);
    return 0;
}

PLAIN_TEST(half_open_is_found_out_by_sending)
{
    (void)sim_passes(1, plain, half_open_program);
}

static int refused_program(void)
{
    eddy_stream *stream;
    CHECK_INT(serve(echo, NULL), 0);
    CHECK_INT(connected(&stream), -ECONNREFUSED);
    const struct eddy_sim_link friendly = {.refuse = 0};
    CHECK_INT(eddy_sim_set_link(HOST, &friendly), 0);
    CHECK_INT(connected(&stream), 0);
    eddy_stream_close(stream);
    return 0;
}

PLAIN_TEST(refusals)
{
    (void)sim_passes(1, (struct eddy_sim_options){.link.refuse = 1}, refused_program);
}

/* ---- black holes and partitions ---- */

static int black_hole_program(void)
{
    const struct eddy_sim_link black_hole = {.black_hole = true};
    eddy_stream *stream;
    int err = 0;
    CHECK_INT(serve(echo, NULL), 0);
    CHECK_INT(eddy_sim_set_link(HOST, &black_hole), 0);
    eddy_with_timeout (3, &err) {
        CHECK_INT(connected(&stream), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_TIME(3);
    CHECK_INT(connected(&stream), -ETIMEDOUT); /* without a limit of ours, TCP's */
    CHECK_TIME(130);
    CHECK_INT(eddy_connect("10.0.0.2", PORT, &stream), -ECONNREFUSED); /* another host */
    CHECK_TIME(130);
    return 0;
}

PLAIN_TEST(black_holes)
{
    (void)sim_passes(1, plain, black_hole_program);
}

static int heal(void)
{
    const struct eddy_sim_link whole = {.delay_min = 0.1, .delay_max = 0.1};
    int r = eddy_sleep(100);
    return r < 0 ? r : eddy_sim_set_link(HOST, &whole);
}

static int partition_program(void)
{
    const struct eddy_sim_link cut = {.delay_min = 0.1, .delay_max = 0.1, .cut = true};
    eddy_stream *stream, *later;
    char text[16] = "";
    CHECK_INT(serve(echo, NULL), 0);
    CHECK_INT(connected(&stream), 0);
    CHECK_TIME(0.1);
    CHECK_INT(eddy_stream_write(stream, "one ", 4), 4);
    CHECK_INT(eddy_sleep(0.05), 0);
    CHECK_INT(eddy_sim_set_link(HOST, &cut), 0);
    CHECK_INT(eddy_stream_write(stream, "two", 3), 3);
    int err = 0;
    eddy_with_group (group, &err) {
        eddy_spawn(group, heal);          /* at 100.15 s */
        EXPECT_INT(connected(&later), 0); /* waits as everything does */
        EXPECT_INT(eddy_stream_read_exactly(stream, text, 7), 7);
    }
    CHECK_INT(err, 0);
    CHECK(strcmp(text, "one two") == 0);
    CHECK_TIME(100.25); /* there when it healed, and back */
    eddy_stream_close(later);
    eddy_stream_close(stream);
    return 0;
}

static int cut_connect_program(void)
{
    const struct eddy_sim_link cut = {.cut = true};
    eddy_stream *stream;
    CHECK_INT(serve(echo, NULL), 0);
    CHECK_INT(eddy_sim_set_link(HOST, &cut), 0);
    CHECK_INT(connected(&stream), -ETIMEDOUT);
    CHECK_TIME(127);
    return 0;
}

static int cut_for_ever_program(void)
{
    const struct eddy_sim_link cut = {.cut = true};
    eddy_stream *stream;
    char byte;
    CHECK_INT(serve(echo, NULL), 0);
    CHECK_INT(connected(&stream), 0);
    CHECK_INT(eddy_sim_set_link(HOST, &cut), 0);
    CHECK_INT(eddy_stream_write(stream, "x", 1), 1);
    int r = (int)eddy_stream_read(stream, &byte, 1);
    eddy_stream_close(stream);
    return r;
}

PLAIN_TEST(partitions)
{
    (void)sim_passes(1, (struct eddy_sim_options){.link = {.delay_min = 0.1, .delay_max = 0.1}},
                     partition_program);
    (void)sim_passes(1, plain, cut_connect_program);
    EXPECT_INT(simulate(1, plain, cut_for_ever_program), -EDEADLK);
    EXPECT_REPORT(EDDY_LOG_NOTE, "deadlock");
}

/* ---- calls that can't be right ---- */

static int bad_calls_program(void)
{
    const struct eddy_sim_link good = {.delay_max = 1}, bad = {.reset = 1.5},
                               backwards = {.delay_min = -1};
    CHECK_INT(eddy_sim_set_link(HOST, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_link: the link is NULL");
    CHECK_INT(eddy_sim_set_link(NULL, &good), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_link: the host is NULL");
    CHECK_INT(eddy_sim_set_link("somewhere", &good), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_link: 'somewhere' is no address");
    CHECK_INT(eddy_sim_set_link(HOST, &bad), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_link: a link's chances");
    CHECK_INT(eddy_sim_set_link(HOST, &backwards), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_link: a link's delay");
    CHECK_INT(eddy_sim_reset("nowhere"), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_reset: 'nowhere' is no address");
    CHECK_INT(eddy_sim_half_open(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_half_open: the host is NULL");
    CHECK_INT(eddy_sim_set_link("::1", &good), 0);
    return 0;
}

PLAIN_TEST(bad_calls)
{
    (void)sim_passes(1, plain, bad_calls_program);
}

static int outside_program(void)
{
    const struct eddy_sim_link good = {.delay_max = 1};
    const struct eddy_sim_disk disk = {.delay_max = 1};
    CHECK_INT(eddy_sim_set_link(HOST, &good), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_link: called outside a simulated run");
    CHECK_INT(eddy_sim_reset(HOST), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_reset: called outside a simulated run");
    CHECK_INT(eddy_sim_half_open(HOST), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_half_open: called outside a simulated run");
    CHECK_INT(eddy_sim_set_disk(&disk), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_sim_set_disk: called outside a simulated run");
    return 0;
}

PLAIN_TEST(calls_outside_of_a_run)
{
    EXPECT_INT(test_run(outside_program), 0);
}
