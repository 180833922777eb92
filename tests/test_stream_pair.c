/* SPDX-License-Identifier: MIT */
/* Pipes and pairs of sockets of a program's own, on each engine: ends, room, wrong directions. */
#include <eddy/sweep.h>
#include "stream_pairs.h"

TEST(rule_211_the_reader_of_a_pipe_sees_its_end)
{
    eddy_stream *reader, *writer;
    char text[16] = "";
    CHECK_INT(eddy_stream_pipe(&reader, &writer), 0);
    CHECK_INT(eddy_stream_write(writer, "last words", 10), 10);
    eddy_stream_close(writer);
    CHECK_INT(eddy_stream_read(reader, text, sizeof text), 10);
    CHECK_TEXT(text, "last words");
    CHECK_INT(eddy_stream_read(reader, text, sizeof text), 0);
    eddy_stream_close(reader);
    return 0;
}

static bool ends_with_an_exec(eddy_stream *stream)
{
    return fcntl(eddy_stream_descriptor(stream), F_GETFD) == FD_CLOEXEC;
}

REAL_TEST(no_other_program_inherits_them)
{
    eddy_stream *one, *other;
    CHECK_INT(eddy_stream_pair(&one, &other), 0);
    CHECK(ends_with_an_exec(one) && ends_with_an_exec(other));
    eddy_stream_close(one);
    eddy_stream_close(other);
    CHECK_INT(eddy_stream_pipe(&one, &other), 0);
    CHECK(ends_with_an_exec(one) && ends_with_an_exec(other));
    eddy_stream_close(one);
    eddy_stream_close(other);
    return 0;
}

static int write_until(struct say *a)
{
    ssize_t n = 0;
    while (n >= 0)
        n = eddy_stream_write(a->stream, "0123456789", 10);
    EXPECT_INT(n, -EPIPE);
    return 0;
}

HEAVY_TEST(rule_211_the_writer_of_a_pipe_notices_that_the_reader_went_away)
{
    eddy_stream *reader, *writer;
    int err;
    CHECK_INT(eddy_stream_pipe(&reader, &writer), 0);
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, write_until, struct say, .stream = writer);
        CHECK_INT(eddy_sleep(1), 0); /* it is full by now */
        eddy_stream_close(reader);
    }
    eddy_stream_close(writer);
    return err;
}

/* No storm: what is told to wait there would wait for ever. */
HEAVY_TEST(a_pipe_leads_one_way)
{
    eddy_stream *reader, *writer;
    char c;
    CHECK_INT(eddy_stream_pipe(&reader, &writer), 0);
    CHECK_INT(eddy_stream_write(reader, "x", 1), -EBADF);
    CHECK_INT(eddy_stream_read(writer, &c, 1), -EBADF);
    CHECK_INT(eddy_stream_write_end(writer), -ENOTSOCK);
    CHECK_INT(eddy_stream_peer(reader, &c, 1), -ENOTCONN);
    CHECK_INT(eddy_stream_set_nodelay(writer, true), -ENOTSOCK);
    eddy_stream_close(reader);
    eddy_stream_close(writer);
    return 0;
}

static int check_every_byte(eddy_stream *reader, eddy_stream *writer)
{
    const size_t size = 1 << 20;
    char *buffer = malloc(size);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, pour, .stream = writer, .size = size, .piece = 70001);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(eddy_stream_read_exactly(reader, buffer, size), size);
        CHECK(pattern_holds(buffer, size, 0));
    }
    free(buffer);
    eddy_stream_close(reader);
    eddy_stream_close(writer);
    return err;
}

HEAVY_TEST(every_byte_in_its_place)
{
    eddy_stream *one, *other;
    CHECK_INT(eddy_stream_pipe(&one, &other), 0);
    CHECK_INT(check_every_byte(one, other), 0);
    CHECK_INT(eddy_stream_pair(&one, &other), 0);
    CHECK_INT(check_every_byte(one, other), 0);
    CHECK_INT(eddy_stream_pair(&one, &other), 0);
    return check_every_byte(other, one);
}

TEST(a_pair_talks_both_ways_and_ends_one_by_one)
{
    eddy_stream *one, *other;
    char text[32] = "";
    CHECK_INT(eddy_stream_pair(&one, &other), 0);
    CHECK_INT(eddy_stream_write(one, "question\n", 9), 9);
    CHECK_INT(eddy_stream_write_end(one), 0);
    CHECK_INT(eddy_stream_read_line(other, text, sizeof text), 9);
    CHECK_INT(eddy_stream_read(other, text, sizeof text), 0);
    CHECK_INT(eddy_stream_write(other, "answer\n", 7), 7);
    CHECK_INT(eddy_stream_read_line(one, text, sizeof text), 7);
    CHECK_TEXT(text, "answer\n");
    CHECK_INT(eddy_stream_write(one, "x", 1), -EPIPE);
    CHECK_INT(eddy_stream_peer(one, text, sizeof text), 5);
    CHECK_TEXT(text, "unix:");
    CHECK_INT(eddy_stream_write(other, "unread", 6), 6);
    eddy_stream_close(one);
    CHECK_INT(eddy_stream_write(other, "x", 1), -EPIPE);
    eddy_stream_close(other);
    return 0;
}

TEST(nowhere_to_put_them)
{
    eddy_stream *one;
    CHECK_INT(eddy_stream_pipe(&one, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_pipe: nowhere to put a stream");
    CHECK_INT(eddy_stream_pair(NULL, &one), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_pair: nowhere to put a stream");
    return 0;
}

PLAIN_TEST(not_outside_a_loop)
{
    eddy_stream *one, *other;
    test_stderr_begin();
    int r = eddy_stream_pipe(&one, &other);
    EXPECT_CONTAINS(test_stderr_end(), "eddy_stream_pipe: called outside a loop");
    EXPECT_INT(r, -EINVAL);
}

/* A question through one, its answer through the other. */
static int ask(void)
{
    eddy_stream *one, *other, *reader, *writer;
    char line[16];
    int r = eddy_stream_pair(&one, &other);
    if (r < 0)
        return r;
    r = eddy_stream_pipe(&reader, &writer);
    if (r == 0) {
        int err;
        eddy_with_group (g, &err) {
            eddy_spawn_as(g, say_or_end, struct say, .stream = one, .text = "question\n",
                          .seconds = 1);
            ssize_t n = eddy_stream_read_line(other, line, sizeof line);
            if (n > 0)
                n = eddy_stream_write(writer, line, (size_t)n);
            if (n > 0)
                n = eddy_stream_read_exactly(reader, line, (size_t)n);
            err = n < 0 ? (int)n : 0;
        }
        r = err;
        eddy_stream_close(reader);
        eddy_stream_close(writer);
    }
    eddy_stream_close(one);
    eddy_stream_close(other);
    return r;
}

PLAIN_TEST(pairs_swept)
{
    EXPECT_INT(eddy_sweep_cancel(ask, .real = !is_simulated()), 0);
}
