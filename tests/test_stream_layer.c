/* SPDX-License-Identifier: MIT */
/* Layers: every way to read above one, errors, closing under suspended calls, layers on layers. */
#include "stream_drip.h"
#include "stream_pairs.h"
#include <eddy/sweep.h>

TEST(every_way_to_read_works_above_a_layer)
{
    int released = 0;
    struct drip drip = {
        .text = "one\ntwo\n12345rest", .drop = 3, .seconds = 1, .released = &released};
    eddy_stream *stream = drip_stream(&drip);
    char buffer[32] = "";
    CHECK_INT(eddy_stream_read_line(stream, buffer, sizeof buffer), 4);
    CHECK_TEXT(buffer, "one\n");
    CHECK_TIME(2);
    CHECK_INT(eddy_stream_read_line(stream, buffer, sizeof buffer), 4);
    CHECK_TEXT(buffer, "two\n");
    CHECK_TIME(3);
    CHECK_INT(eddy_stream_read_exactly(stream, buffer, 5), 5);
    CHECK(memcmp(buffer, "12345", 5) == 0);
    CHECK_INT(eddy_stream_read(stream, buffer, 1), 1);
    CHECK_INT(eddy_stream_read_exactly(stream, buffer, 5), -ENODATA);
    CHECK_INT(eddy_stream_read(stream, buffer, 5), 0);
    eddy_stream_close(stream);
    CHECK_INT(released, 1);
    return 0;
}

TEST(a_cancelled_read_of_a_layer_loses_nothing)
{
    struct drip drip = {.text = "abcdefghi\n", .drop = 4, .seconds = 1};
    eddy_stream *stream = drip_stream(&drip);
    char buffer[32] = "";
    CHECK_INT(eddy_wait_for((int)eddy_stream_read_exactly(stream, buffer, 10), 1.5), -ETIMEDOUT);
    CHECK_INT(eddy_wait_for((int)eddy_stream_read_line(stream, buffer, 20), 1.4), -ETIMEDOUT);
    CHECK_INT(eddy_stream_read_line(stream, buffer, sizeof buffer), 10);
    CHECK_TEXT(buffer, "abcdefghi\n");
    eddy_stream_close(stream);
    return 0;
}

TEST(writes_and_the_end_go_to_the_layer)
{
    struct drip drip = {.text = "", .drop = 4};
    eddy_stream *stream = drip_stream(&drip);
    CHECK_INT(eddy_stream_write(stream, "hello ", 6), 6);
    CHECK_INT(eddy_stream_write(stream, "", 0), 0);
    CHECK_INT(eddy_stream_write(stream, "there", 6), 6);
    CHECK_TEXT(drip.written, "hello there");
    const struct iovec parts[] = {{", you", 5}, {"", 0}, {NULL, 0}, {" two", 5}};
    drip.written_size--;
    CHECK_INT(eddy_stream_write_vector(stream, parts, 4), 10); /* in drops */
    CHECK_TEXT(drip.written, "hello there, you two");
    CHECK_INT(eddy_stream_write_end(stream), 0);
    CHECK(drip.ended);
    char name[64];
    CHECK_INT(eddy_stream_peer(stream, name, sizeof name), -ENOTCONN);
    CHECK_INT(eddy_stream_descriptor(stream), -ENOTCONN);
    CHECK(eddy_stream_layer_context(stream, &drip_layer) == &drip);
    static const struct eddy_stream_layer other;
    CHECK(!eddy_stream_layer_context(stream, &other));
    CHECK(!eddy_stream_layer_context(NULL, &drip_layer));
    eddy_stream_close(stream);
    return 0;
}

TEST(rule_199_a_failing_layer_concerns_its_stream_alone)
{
    struct drip drip = {.text = "x", .drop = 1, .read_error = -ENOBUFS};
    eddy_stream *stream = drip_stream(&drip);
    char c;
    CHECK_INT(eddy_stream_read(stream, &c, 1), -ENOBUFS);
    drip.read_error = 0;
    CHECK_INT(eddy_stream_read(stream, &c, 1), 1); /* that one passes */
    drip.read_error = -EPROTO;
    CHECK_INT(eddy_stream_read(stream, &c, 1), -EPROTO);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), "the drip is broken");
    drip.read_error = 0;
    CHECK_INT(eddy_stream_read(stream, &c, 1), -EPROTO);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "reading from a stream failed");
    CHECK_INT(eddy_stream_write(stream, "x", 1), 1); /* the other direction goes on */
    drip.write_error = -EPIPE;
    CHECK_INT(eddy_stream_write(stream, "x", 1), -EPIPE);
    drip.write_error = 0;
    CHECK_INT(eddy_stream_write(stream, "x", 1), -EPIPE);
    eddy_stream_close(stream);
    return 0;
}

TEST(a_layer_that_lies_about_sizes_is_found_out)
{
    struct drip drip = {.text = "x", .lie = 7};
    eddy_stream *stream = drip_stream(&drip);
    char buffer[4];
    CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), -EIO);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "read 7 of 4 bytes");
    CHECK_INT(eddy_stream_write(stream, "xy", 2), -EIO);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "wrote 7 of 2 bytes");
    eddy_stream_close(stream);
    return 0;
}

struct reader {
    eddy_stream *stream;
    int expected;
};

static int reader(struct reader *a)
{
    char buffer[8];
    EXPECT_INT(eddy_stream_read(a->stream, buffer, sizeof buffer), a->expected);
    return 0;
}

TEST(the_context_is_released_when_the_last_call_has_left)
{
    int released = 0, err;
    struct drip drip = {.text = "late", .drop = 4, .seconds = 10, .released = &released};
    eddy_stream *stream = drip_stream(&drip);
    eddy_with_group (g, &err) {
        eddy_spawn(g, reader, .stream = stream, .expected = -ECONNABORTED);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_stream_close(stream);
        CHECK_INT(released, 0);
    }
    CHECK_INT(released, 1);
    CHECK_TIME(1);
    return err;
}

static int read_drops(void)
{
    struct drip drip = {.text = "some words\nand more\n", .drop = 3, .seconds = 1};
    eddy_stream *stream = drip_stream(&drip);
    char line[32];
    ssize_t n = eddy_stream_read_line(stream, line, sizeof line);
    if (n >= 0)
        n = eddy_stream_read_exactly(stream, line, 9);
    eddy_stream_close(stream);
    return n < 0 ? (int)n : 0;
}

PLAIN_TEST(reads_of_a_layer_swept)
{
    EXPECT_INT(eddy_sweep_cancel(read_drops), 0);
}

TEST(bad_layers_are_reported)
{
    eddy_stream *stream = NULL;
    struct drip drip = {.text = ""};
    static const struct eddy_stream_layer nothing;
    CHECK_INT(eddy_stream_from_layer(NULL, &drip, &stream), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the layer is NULL");
    CHECK_INT(eddy_stream_from_layer(&drip_layer, &drip, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_from_layer");
    CHECK_INT(eddy_stream_from_layer(&nothing, &drip, &stream), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "lacks a call");
    CHECK(!stream);
    return 0;
}

/* ---- a layer above a stream: each byte is XORed with 0x55 ---- */

struct mask {
    eddy_stream *beneath;
};

static void mask_bytes(char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] ^= 0x55;
}

static ssize_t mask_read(void *context, void *buffer, size_t size)
{
    const struct mask *mask = context;
    ssize_t n = eddy_stream_read(mask->beneath, buffer, size);
    if (n > 0)
        mask_bytes(buffer, (size_t)n);
    return n;
}

static ssize_t mask_write(void *context, const void *data, size_t size)
{
    const struct mask *mask = context;
    char *masked = malloc(size);
    memcpy(masked, data, size);
    mask_bytes(masked, size);
    ssize_t n = eddy_stream_write(mask->beneath, masked, size);
    free(masked);
    return n;
}

static int mask_write_end(void *context)
{
    return eddy_stream_write_end(((struct mask *)context)->beneath);
}

static void mask_close(void *context)
{
    eddy_stream_close(((struct mask *)context)->beneath);
}

static eddy_stream *mask_beneath(void *context)
{
    return ((struct mask *)context)->beneath;
}

static const struct eddy_stream_layer mask_layer = {
    .read = mask_read,
    .write = mask_write,
    .write_end = mask_write_end,
    .close = mask_close,
    .release = free,
    .beneath = mask_beneath,
};

static eddy_stream *masked(eddy_stream *beneath)
{
    struct mask *mask = malloc(sizeof *mask);
    eddy_stream *stream = NULL;
    mask->beneath = beneath;
    EXPECT_INT(eddy_stream_from_layer(&mask_layer, mask, &stream), 0);
    return stream;
}

REAL_TEST(layers_on_layers_carry_every_byte_with_back_pressure)
{
    struct pair pair = stream_pair(PAIR_TCP);
    eddy_stream *a = masked(masked(masked(pair.a))), *b = masked(pair.b);
    const size_t size = 12 << 20;
    char *buffer = malloc(size), peer[64];
    bool done = false;
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, pour, .stream = b, .size = size, .piece = 200000, .done = &done);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK(!done);
        CHECK_INT(eddy_stream_read_exactly(a, buffer, size), size);
        CHECK(pattern_holds(buffer, size, 0));
    }
    CHECK_INT(eddy_stream_write_end(b), 0);
    CHECK_INT(eddy_stream_read(a, buffer, 1), 0);
    CHECK(eddy_stream_peer(a, peer, sizeof peer) > 0);
    CHECK_CONTAINS(peer, "127.0.0.1:");
    CHECK_INT(eddy_stream_descriptor(a), eddy_stream_descriptor(pair.a));
    free(buffer);
    eddy_stream_close(a);
    eddy_stream_close(b);
    return err;
}

REAL_TEST(closing_a_layer_wakes_who_is_suspended_beneath)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    eddy_stream *a = masked(masked(pair.a));
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, reader, .stream = a, .expected = -ECONNABORTED);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_stream_close(a);
    }
    eddy_stream_close(pair.b);
    return err;
}
