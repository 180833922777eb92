/* SPDX-License-Identifier: MIT */
/*
 * Small programs that together use the whole runtime: those of streams above streams, of looking
 * ahead, and of writes that wait in other ways. See scenarios_task.h.
 */
#ifndef EDDY_TESTS_SUPPORT_SCENARIOS_LAYER_H
#define EDDY_TESTS_SUPPORT_SCENARIOS_LAYER_H

#include <eddy/stream_layer.h>
#include "scenarios_stream.h"

/* ---- a layer above a stream: each byte is XORed with 0x55 ---- */

struct scenario_mask {
    eddy_stream *beneath;
};

TEST_HELPER void scenario_mask_bytes(char *bytes, const char *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = from[i] ^ 0x55;
}

TEST_HELPER ssize_t scenario_mask_read(void *context, void *buffer, size_t size)
{
    const struct scenario_mask *mask = context;
    ssize_t n = eddy_stream_read(mask->beneath, buffer, size);
    if (n > 0)
        scenario_mask_bytes(buffer, buffer, (size_t)n);
    return n;
}

/* All or nothing of it went out, so a cancel leaves nothing half done. */
TEST_HELPER ssize_t scenario_mask_write(void *context, const void *data, size_t size)
{
    const struct scenario_mask *mask = context;
    char masked[8192];
    size_t piece = size < sizeof masked ? size : sizeof masked;
    scenario_mask_bytes(masked, data, piece);
    return eddy_stream_write_some(mask->beneath, masked, piece);
}

TEST_HELPER int scenario_mask_write_end(void *context)
{
    return eddy_stream_write_end(((struct scenario_mask *)context)->beneath);
}

TEST_HELPER void scenario_mask_close(void *context)
{
    eddy_stream_close(((struct scenario_mask *)context)->beneath);
}

TEST_HELPER eddy_stream *scenario_mask_beneath(void *context)
{
    return ((struct scenario_mask *)context)->beneath;
}

static const struct eddy_stream_layer scenario_mask_layer = {
    .read = scenario_mask_read,
    .write = scenario_mask_write,
    .write_end = scenario_mask_write_end,
    .close = scenario_mask_close,
    .release = free,
    .beneath = scenario_mask_beneath,
};

/* In place of the stream, which stays what it is on a failure. */
TEST_HELPER int put_mask_on(eddy_stream **stream)
{
    struct scenario_mask *mask = malloc(sizeof *mask);
    if (!mask)
        return -ENOMEM;
    mask->beneath = *stream;
    int r = eddy_stream_from_layer(&scenario_mask_layer, mask, stream);
    if (r < 0)
        free(mask);
    return r;
}

/* Two connected streams, the first below one mask, the second below three. */
TEST_HELPER int masked_pair(eddy_stream *pair[2])
{
    int r = eddy_stream_pair(&pair[0], &pair[1]);
    if (r < 0)
        return r;
    r = put_mask_on(&pair[0]);
    for (int i = 0; i < 3 && r == 0; i++) /* as good as one */
        r = put_mask_on(&pair[1]);
    if (r < 0) {
        eddy_stream_close(pair[0]);
        eddy_stream_close(pair[1]);
    }
    return r;
}

/* Each call waits beneath a layer, for data as for room. */
TEST_HELPER int scenario_layer(void)
{
    return say_through_new(masked_pair, 1, flood, drink);
}

/* ---- separators and looking ahead ---- */

TEST_HELPER int say_slowly(eddy_stream *stream, void *context)
{
    static const char *const pieces[] = {"one:", ":tw", "o\nand thr", "ee"};
    ssize_t r = 0;
    (void)context;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0] && r >= 0; i++) {
        r = eddy_stream_write(stream, pieces[i], strlen(pieces[i]));
        if (r >= 0)
            r = eddy_sleep(1);
    }
    return (int)r;
}

TEST_HELPER ssize_t expect_part(eddy_stream *stream, const char *expected)
{
    static const struct eddy_separator ends[] = {{"::", 2}, {"\n", 1}};
    char part[32];
    ssize_t n = eddy_stream_read_until(stream, part, sizeof part, ends, 2);
    if (n > 0 && ((size_t)n != strlen(expected) || memcmp(part, expected, (size_t)n) != 0))
        wrong("a part is '%.*s', not '%s'", (int)n, part, expected);
    return n == 0 ? -ENODATA : n;
}

/* Whatever ends a look ahead, it takes nothing. */
TEST_HELPER int hear_slowly(eddy_stream *stream)
{
    const void *ahead = "";
    char rest[16];
    ssize_t n = expect_part(stream, "one::");
    if (n > 0) {
        int cut = eddy_wait_for((int)eddy_stream_peek(stream, &ahead, 100), 0.5);
        if (cut != -ETIMEDOUT)
            return cut < 0 ? cut : -EPROTO;
        n = eddy_stream_peek(stream, &ahead, 4);
    }
    if (n >= 4 && memcmp(ahead, "two\n", 4) != 0)
        wrong("ahead is '%.4s'", (const char *)ahead);
    if (n > 0)
        n = expect_part(stream, "two\n");
    if (n > 0)
        n = eddy_stream_read_exactly(stream, rest, 9);
    if (n > 0 && memcmp(rest, "and three", 9) != 0)
        wrong("the rest is '%.9s'", rest);
    return n < 0 ? (int)n : 0;
}

TEST_HELPER int scenario_separators(void)
{
    return say_through_new(plain_pair, 1, say_slowly, hear_slowly);
}

/* From a layer to a layer: what is read and can't be written yet is kept. */
TEST_HELPER int scenario_layer_splice(void)
{
    return say_through_new(masked_pair, 2, say_slowly, hear_slowly);
}

/* ---- a descriptor that waits for room ---- */

/* Up to the point where the next write would wait. */
TEST_HELPER size_t fill_up(eddy_stream *stream)
{
    static const char block[4096];
    size_t filled = 0;
    eddy_with_timeout (0, NULL) {
        ssize_t n;
        while ((n = eddy_stream_write_some(stream, block, sizeof block)) > 0)
            filled += (size_t)n;
    }
    return filled;
}

struct send_one {
    eddy_stream *stream;
    size_t *sent;
};
TEST_HELPER int send_one(struct send_one *a)
{
    const int number = eddy_stream_descriptor(a->stream);
    ssize_t n = eddy_stream_send_descriptors(a->stream, "x", 1, &number, 1);
    *a->sent = n > 0;
    return first_of(n < 0 ? (int)n : 0, eddy_stream_write_end(a->stream));
}

TEST_HELPER int empty(eddy_stream *stream, size_t *bytes, size_t *numbers)
{
    char block[4096];
    ssize_t n = 1;
    while (n > 0) {
        int number;
        size_t count = 1;
        n = eddy_stream_receive_descriptors(stream, block, sizeof block, &number, &count);
        if (n > 0 && count)
            close_number(number);
        *bytes += n > 0 ? (size_t)n : 0;
        *numbers += n > 0 ? count : 0;
    }
    return (int)n;
}

/* Once it was sent it arrives, with its byte. */
TEST_HELPER int scenario_descriptors_wait(void)
{
    eddy_stream *one, *other;
    size_t bytes = 0, numbers = 0, sent = 0;
    int error, r = eddy_stream_pair(&one, &other);
    if (r < 0)
        return r;
    size_t filled = fill_up(one);
    eddy_with_group (group, &error) {
        eddy_task *task = eddy_spawn(group, send_one, .stream = one, .sent = &sent);
        error = task ? eddy_sleep(1) : -ENOMEM; /* until it waits */
        if (error == 0)
            error = empty(other, &bytes, &numbers);
        else
            eddy_group_cancel(group);
    }
    if (error == 0 && (bytes != filled + sent || numbers != sent))
        wrong("%zu descriptors came with %zu bytes of %zu", numbers, bytes, filled + sent);
    eddy_stream_close(one);
    eddy_stream_close(other);
    return error;
}

#endif
