/* SPDX-License-Identifier: MIT */
/* From stream to stream: every byte, in order, whatever is between, and whatever breaks. */
#include <eddy/sweep.h>
#include "stream.h"
#include "stream_drip.h"
#include "stream_pairs.h"

/* Two pairs of non-blocking sockets or pipes, [0] of the second reading, joined in the middle. */
struct chain {
    struct pair in, out; /* what is written to in.b comes from out.a, if in.a is spliced to out.b */
};

static struct chain chain_make(enum pair_kind first, enum pair_kind second, bool blocking)
{
    int in[2], out[2];
    descriptor_pair(first, in);
    descriptor_pair(second, out);
    for (int i = 0; i < 2 && !blocking && !is_simulated(); i++) {
        EXPECT_INT(fcntl(in[i], F_SETFL, O_NONBLOCK), 0);
        EXPECT_INT(fcntl(out[i], F_SETFL, O_NONBLOCK), 0);
    }
    return (struct chain){{stream_of(in[0]), stream_of(in[1])},
                          {stream_of(out[0]), stream_of(out[1])}};
}

static void chain_close(struct chain *chain)
{
    pair_close(&chain->in);
    pair_close(&chain->out);
}

struct relay {
    eddy_stream *from, *to;
    int64_t size, expected;
};

static int relay(struct relay *a)
{
    EXPECT_INT(eddy_splice(a->from, a->to, a->size), a->expected);
    return 0;
}

static int check_chain(enum pair_kind first, enum pair_kind second, bool blocking)
{
    struct chain chain = chain_make(first, second, blocking);
    const size_t size = 3 << 20;
    char *buffer = malloc(size), rest[8];
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, pour, .stream = chain.in.b, .size = size, .piece = 70000);
        eddy_spawn(g, relay, .from = chain.in.a, .to = chain.out.b, .size = (int64_t)size - 3,
                   .expected = (int64_t)size - 3);
        CHECK_INT(eddy_sleep(1), 0); /* all are full by now */
        CHECK_INT(eddy_stream_read_exactly(chain.out.a, buffer, size - 3), size - 3);
        CHECK(pattern_holds(buffer, size - 3, 0));
    }
    CHECK_INT(eddy_stream_read_exactly(chain.in.a, rest, 3), 3); /* not one more was taken */
    CHECK(pattern_holds(rest, 3, size - 3));
    chain_close(&chain);
    free(buffer);
    return err;
}

HEAVY_TEST(every_byte_between_any_two_kinds)
{
    for (enum pair_kind first = PAIR_UNIX; first <= PAIR_PIPE; first++)
        for (enum pair_kind second = PAIR_UNIX; second <= PAIR_PIPE; second++) {
            CHECK_INT(check_chain(first, second, false), 0);
            CHECK_INT(check_chain(first, second, true), 0);
        }
    return 0;
}

TEST(bytes_left_over_go_first_and_the_end_ends_it)
{
    struct chain chain = chain_make(PAIR_TCP, PAIR_TCP, false);
    char line[32] = "";
    CHECK_INT(eddy_stream_write(chain.in.b, "CONNECT\nrest of it", 18), 18);
    CHECK_INT(eddy_stream_read_line(chain.in.a, line, sizeof line), 8);
    CHECK_INT(eddy_splice(chain.in.a, chain.out.b, 4), 4);
    CHECK_INT(eddy_stream_write_end(chain.in.b), 0);
    CHECK_INT(eddy_splice(chain.in.a, chain.out.b, EDDY_SPLICE_ALL), 6);
    CHECK_INT(eddy_splice(chain.in.a, chain.out.b, EDDY_SPLICE_ALL), 0);
    CHECK_INT(eddy_splice(chain.in.a, chain.out.b, 0), 0);
    CHECK_INT(eddy_stream_read_exactly(chain.out.a, line, 10), 10);
    CHECK(memcmp(line, "rest of it", 10) == 0);
    chain_close(&chain);
    return 0;
}

TEST(who_waits_for_the_first_byte_holds_no_pipe)
{
    struct chain chain = chain_make(PAIR_UNIX, PAIR_UNIX, false);
    int err;
    size_t before = test_count_descriptors();
    eddy_with_group (g, &err) {
        eddy_spawn(g, relay, .from = chain.in.a, .to = chain.out.b, .size = 5, .expected = 5);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(test_count_descriptors(), before);
        CHECK_INT(eddy_stream_write(chain.in.b, "hello", 5), 5);
    }
    CHECK_INT(test_count_descriptors(), before);
    chain_close(&chain);
    return err;
}

HEAVY_TEST(a_stream_may_be_its_own_echo)
{
    struct pair pair = stream_pair(PAIR_TCP);
    char buffer[8];
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, relay, .from = pair.a, .to = pair.a, .size = EDDY_SPLICE_ALL, .expected = 10);
        for (int i = 0; i < 2; i++) {
            CHECK_INT(eddy_stream_write(pair.b, "hello", 5), 5);
            CHECK_INT(eddy_stream_read_exactly(pair.b, buffer, 5), 5);
        }
        CHECK_INT(eddy_stream_write_end(pair.b), 0);
    }
    pair_close(&pair);
    return err;
}

/* ---- cancels and failures ---- */

/* Whatever was moved or not, the bytes are all there, once, in order. */
static int check_cancelled(bool blocking)
{
    struct chain chain = chain_make(PAIR_UNIX, PAIR_UNIX, blocking);
    const size_t size = 2 << 20;
    char *buffer = malloc(size);
    int err;
    int64_t r = 0;
    eddy_with_group (g, &err) {
        eddy_spawn(g, pour, .stream = chain.in.b, .size = size, .piece = 9999);
        int inner;
        eddy_with_timeout (1, &inner) {
            r = eddy_splice(chain.in.a, chain.out.b, EDDY_SPLICE_ALL);
        }
        CHECK_INT(r, -ECANCELED);
        size_t moved = eddy_stream_partial_write(chain.out.b);
        CHECK(moved > 0 && moved < size);
        CHECK_INT(eddy_stream_read_exactly(chain.in.a, buffer + moved, size - moved), size - moved);
        CHECK_INT(eddy_stream_read_exactly(chain.out.a, buffer, moved), moved);
        CHECK(pattern_holds(buffer, size, 0));
    }
    chain_close(&chain);
    free(buffer);
    return err;
}

HEAVY_TEST(a_cancelled_splice_loses_nothing)
{
    CHECK_INT(check_cancelled(false), 0);
    return check_cancelled(true);
}

TEST(what_could_not_be_written_stays_to_be_read)
{
    struct chain chain = chain_make(PAIR_TCP, PAIR_UNIX, false);
    char buffer[16] = "";
    eddy_stream_close(chain.out.a);
    CHECK_INT(eddy_stream_write(chain.in.b, "still here", 10), 10);
    CHECK_INT(eddy_splice(chain.in.a, chain.out.b, EDDY_SPLICE_ALL), -EPIPE); /* and no signal */
    CHECK_INT(eddy_stream_read(chain.in.a, buffer, sizeof buffer), 10);
    CHECK_TEXT(buffer, "still here");
    pair_close(&chain.in);
    eddy_stream_close(chain.out.b);
    return 0;
}

HEAVY_TEST(closing_either_stream_ends_it)
{
    for (int which = 0; which < 2; which++) {
        struct chain chain = chain_make(PAIR_UNIX, PAIR_UNIX, false);
        int err;
        eddy_with_group (g, &err) {
            eddy_spawn(g, relay, .from = chain.in.a, .to = chain.out.b, .size = EDDY_SPLICE_ALL,
                       .expected = -ECONNABORTED);
            CHECK_INT(eddy_sleep(1), 0);
            CHECK_INT(eddy_splice(chain.in.a, chain.out.a, 1), -EBUSY);
            CHECK_INT(eddy_splice(chain.out.a, chain.out.b, 1), -EBUSY);
            eddy_stream_close(which ? chain.out.b : chain.in.a);
            CHECK_INT(eddy_stream_write(chain.in.b, "x", 1), which ? 1 : -EPIPE);
        }
        eddy_stream_close(which ? chain.in.a : chain.out.b);
        eddy_stream_close(chain.in.b);
        eddy_stream_close(chain.out.a);
    }
    return 0;
}

TEST(layers_are_copied)
{
    struct drip from = {.text = "through the program's memory", .drop = 5, .seconds = 1};
    struct drip to = {.text = "", .drop = 3};
    eddy_stream *a = drip_stream(&from), *b = drip_stream(&to);
    CHECK_INT(eddy_splice(a, b, 7), 7);
    CHECK_INT(eddy_wait_for((int)eddy_splice(a, b, EDDY_SPLICE_ALL), 2.5), -ETIMEDOUT);
    int64_t moved = 7 + (int64_t)eddy_stream_partial_write(b);
    CHECK(moved > 7 && moved < 28);
    CHECK_INT(eddy_splice(a, b, EDDY_SPLICE_ALL), 28 - moved);
    CHECK_TEXT(to.written, "through the program's memory");
    CHECK_INT(eddy_splice(a, b, -1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_splice: -1 bytes");
    CHECK_INT(eddy_splice(NULL, b, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the stream is NULL");
    CHECK_INT(eddy_splice(a, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the stream is NULL");
    eddy_stream_close(a);
    eddy_stream_close(b);
    return 0;
}

/* A proxy between two clients, both ways. */
static int proxy(void)
{
    struct chain chain = chain_make(PAIR_UNIX, PAIR_TCP, false);
    char buffer[8];
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, relay, .from = chain.in.a, .to = chain.out.b, .size = 5, .expected = 5);
        eddy_spawn(g, relay, .from = chain.out.b, .to = chain.in.a, .size = 3, .expected = 3);
        ssize_t n = eddy_stream_write(chain.in.b, "hello", 5);
        if (n > 0)
            n = eddy_stream_read_exactly(chain.out.a, buffer, 5);
        if (n > 0)
            n = eddy_stream_write(chain.out.a, "bye", 3);
        if (n > 0)
            n = eddy_stream_read_exactly(chain.in.b, buffer, 3);
        err = n < 0 ? (int)n : 0;
    }
    chain_close(&chain);
    return err;
}

HEAVY_TEST(both_ways_at_once)
{
    return proxy();
}

static int swept_relay(struct relay *a)
{
    int64_t r = eddy_splice(a->from, a->to, a->size);
    if (r != a->size)
        (void)eddy_stream_write_end(a->to);
    return r < 0 ? (int)r : 0;
}

static int swept(void)
{
    struct chain chain = chain_make(PAIR_UNIX, PAIR_UNIX, false);
    char buffer[8];
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, swept_relay, struct relay, .from = chain.in.a, .to = chain.out.b,
                      .size = 5);
        ssize_t n = eddy_sleep(1);
        if (n == 0)
            n = eddy_stream_write(chain.in.b, "hello", 5);
        if (n > 0)
            n = eddy_stream_read_exactly(chain.out.a, buffer, 5);
        err = n < 0 ? (int)n : 0;
    }
    chain_close(&chain);
    return err;
}

PLAIN_TEST(splices_swept)
{
    struct eddy_sweep_result result;
    const struct eddy_sweep_options sweep = {.scenario = swept, .real = !is_simulated()};
    EXPECT_INT(eddy_sweep(&sweep, &result), 0);
    EXPECT(result.points > 1);
}
