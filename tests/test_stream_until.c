/* SPDX-License-Identifier: MIT */
/* Reading up to separators, looking ahead, limits: over streams that drip, on any engine. */
#include <eddy/sweep.h>
#include "stream.h"
#include "stream_drip.h"

static const struct eddy_separator crlf[] = {{"\r\n", 2}};
static const struct eddy_separator ends[] = {{"END", 3}, {"\n", 1}, {"::", 2}};

#define UNTIL(separators) separators, sizeof(separators) / sizeof *(separators)

/* The next part is so. */
static void expect_until(eddy_stream *stream, const struct eddy_separator *separators, size_t count,
                         const char *text)
{
    char buffer[64];
    ssize_t n = eddy_stream_read_until(stream, buffer, sizeof buffer - 1, separators, count);
    EXPECT_INT(n, strlen(text));
    buffer[n > 0 ? n : 0] = '\0';
    EXPECT_TEXT(buffer, text);
}

/* ---- separators ---- */

TEST(rule_180_a_separator_is_found_split_over_any_chunks)
{
    for (size_t drop = 1; drop < 16; drop++) {
        struct drip drip = {.text = "one\r\n\r\ntwo\rthree\nfour\r\nrest", .drop = drop};
        eddy_stream *stream = drip_stream(&drip);
        expect_until(stream, UNTIL(crlf), "one\r\n");
        expect_until(stream, UNTIL(crlf), "\r\n");
        expect_until(stream, UNTIL(crlf), "two\rthree\nfour\r\n");
        eddy_stream_close(stream);
    }
    return 0;
}

TEST(rule_180_of_several_separators_the_shortest_match_wins)
{
    static const struct eddy_separator either[] = {{"aaa", 3}, {"ab", 2}, {"b", 1}};
    for (size_t drop = 1; drop < 20; drop++) {
        struct drip drip = {.text = "1\n2::3END4\n::5:6EN7ENDaabxaaab", .drop = drop};
        eddy_stream *stream = drip_stream(&drip);
        expect_until(stream, UNTIL(ends), "1\n");
        expect_until(stream, UNTIL(ends), "2::");
        expect_until(stream, UNTIL(ends), "3END");
        expect_until(stream, UNTIL(ends), "4\n");
        expect_until(stream, UNTIL(ends), "::");
        expect_until(stream, UNTIL(ends), "5:6EN7END");
        expect_until(stream, UNTIL(either), "aab");
        expect_until(stream, UNTIL(either), "xaaa");
        expect_until(stream, UNTIL(either), "b");
        eddy_stream_close(stream);
    }
    return 0;
}

/* What a straightforward search says. */
static size_t first_end(const char *data, size_t size, const struct eddy_separator *separators,
                        size_t count)
{
    for (size_t end = 1; end <= size; end++)
        for (size_t i = 0; i < count; i++)
            if (separators[i].size <= end && memcmp(data + end - separators[i].size,
                                                    separators[i].bytes, separators[i].size) == 0)
                return end;
    return 0;
}

TEST(rule_180_random_data_random_separators)
{
    unsigned seed = 1;
    for (int round = 0; round < 300; round++) {
        char data[200], bytes[3][4], buffer[201];
        struct eddy_separator separators[3];
        size_t count = 1 + (size_t)round % 3, at = 0;
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (char)('a' + ((seed = seed * 1664525u + 1013904223u) >> 24) % 2);
        for (size_t i = 0; i < count; i++) {
            separators[i] = (struct eddy_separator){bytes[i], 1 + (seed >> (8 + i)) % 4};
            for (size_t j = 0; j < 4; j++)
                bytes[i][j] = (char)('a' + ((seed = seed * 1664525u + 1013904223u) >> 24) % 3);
        }
        struct drip drip = {.text = data, .size = sizeof data, .drop = 1 + (size_t)round % 17};
        eddy_stream *stream = drip_stream(&drip);
        for (size_t end; (end = first_end(data + at, sizeof data - at, separators, count)) > 0;) {
            CHECK_INT(eddy_stream_read_until(stream, buffer, sizeof buffer, separators, count),
                      end);
            CHECK(memcmp(buffer, data + at, end) == 0);
            at += end;
        }
        ssize_t rest = eddy_stream_read_until(stream, buffer, sizeof buffer, separators, count);
        CHECK_INT(rest, at == sizeof data ? 0 : -ENODATA);
        CHECK(at == sizeof data || eddy_stream_partial_read(stream) == sizeof data - at);
        eddy_stream_close(stream);
    }
    return 0;
}

/* ---- limits ---- */

TEST(rule_181_exactly_the_limit_is_fine_and_more_stays_unread)
{
    for (size_t drop = 1; drop < 16; drop++) {
        struct drip drip = {.text = "12345\r\n123456\r\nx", .drop = drop};
        eddy_stream *stream = drip_stream(&drip);
        char buffer[32] = "";
        CHECK_INT(eddy_stream_set_limit(stream, 5), 0);
        expect_until(stream, UNTIL(crlf), "12345\r\n");
        CHECK_INT(eddy_stream_read_until(stream, buffer, sizeof buffer, UNTIL(crlf)), -EMSGSIZE);
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "within 5 bytes");
        CHECK_INT(eddy_stream_set_limit(stream, 6), 0);
        CHECK_INT(eddy_stream_read_until(stream, buffer, 7, UNTIL(crlf)), -EMSGSIZE);
        expect_until(stream, UNTIL(crlf), "123456\r\n");
        eddy_stream_close(stream);
    }
    return 0;
}

/* As soon as no separator can begin within the limit any more, not only with the byte after. */
TEST(rule_181_the_limit_is_passed_without_a_byte_more_than_tells)
{
    struct drip drip = {.text = "123456\r more", .drop = 7, .seconds = 1};
    eddy_stream *stream = drip_stream(&drip);
    char buffer[32];
    CHECK_INT(eddy_stream_set_limit(stream, 5), 0);
    CHECK_INT(eddy_stream_read_until(stream, buffer, sizeof buffer, UNTIL(crlf)), -EMSGSIZE);
    CHECK_TIME(1);
    CHECK_INT(eddy_stream_read_line(stream, buffer, sizeof buffer), -EMSGSIZE);
    CHECK_TIME(1);
    eddy_stream_close(stream);
    return 0;
}

/* Of those that end together the first in the list: only the limit sees where it begins. */
TEST(rule_181_what_counts_is_where_the_first_separator_begins)
{
    static const struct eddy_separator shorter[] = {{"\n", 1}, {"\r\n", 2}};
    static const struct eddy_separator longer[] = {{"\r\n", 2}, {"\n", 1}};
    for (size_t drop = 1; drop < 8; drop++) {
        struct drip drip = {.text = "12345\r\n", .drop = drop};
        eddy_stream *stream = drip_stream(&drip);
        char buffer[32];
        CHECK_INT(eddy_stream_set_limit(stream, 5), 0);
        CHECK_INT(eddy_stream_read_until(stream, buffer, sizeof buffer, UNTIL(shorter)), -EMSGSIZE);
        expect_until(stream, UNTIL(longer), "12345\r\n");
        eddy_stream_close(stream);
    }
    return 0;
}

TEST(rule_181_a_separator_that_never_comes_costs_bounded_memory)
{
    static char data[1 << 20];
    memset(data, 'x', sizeof data);
    struct drip drip = {.text = data, .size = sizeof data, .drop = 5000};
    eddy_stream *stream = drip_stream(&drip);
    char *buffer = malloc(sizeof data);
    for (int i = 0; i < 3; i++)
        CHECK_INT(eddy_stream_read_until(stream, buffer, sizeof data, UNTIL(crlf)), -EMSGSIZE);
    CHECK(stream->capacity <= 2 * EDDY_STREAM_LIMIT + 5000);
    CHECK_INT(eddy_stream_read_exactly(stream, buffer, sizeof data), sizeof data); /* rule 179 */
    CHECK_INT(eddy_stream_read(stream, buffer, 1), 0);
    free(buffer);
    eddy_stream_close(stream);
    return 0;
}

TEST(rule_179_exactly_may_exceed_the_limit)
{
    struct drip drip = {.text = "0123456789", .drop = 3};
    eddy_stream *stream = drip_stream(&drip);
    char buffer[16] = "";
    CHECK_INT(eddy_stream_set_limit(stream, 2), 0);
    CHECK_INT(eddy_stream_read_exactly(stream, buffer, 10), 10);
    CHECK_TEXT(buffer, "0123456789");
    eddy_stream_close(stream);
    return 0;
}

/* ---- ends ---- */

TEST(rule_183_an_end_without_a_separator_gives_all_there_is)
{
    struct drip drip = {.text = "one\r\ntail", .drop = 3};
    eddy_stream *stream = drip_stream(&drip);
    char buffer[16] = "";
    expect_until(stream, UNTIL(crlf), "one\r\n");
    CHECK_INT(eddy_stream_read_until(stream, buffer, sizeof buffer, UNTIL(crlf)), -ENODATA);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "after 4 bytes without a separator");
    CHECK_INT(eddy_stream_partial_read(stream), 4);
    CHECK(memcmp(buffer, "tail", 4) == 0);
    CHECK_INT(eddy_stream_read_until(stream, buffer, sizeof buffer, UNTIL(crlf)), 0);
    eddy_stream_close(stream);
    return 0;
}

TEST(rule_177_the_end_comes_when_the_buffer_is_empty_too)
{
    struct drip drip = {.text = "left over", .drop = 100};
    eddy_stream *stream = drip_stream(&drip);
    const void *data = NULL;
    char buffer[16];
    CHECK_INT(eddy_stream_peek(stream, &data, 100), 9); /* the end was seen */
    CHECK_INT(eddy_stream_read(stream, buffer, 4), 4);
    CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), 5);
    CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), 0);
    eddy_stream_close(stream);
    return 0;
}

/* ---- looking ahead ---- */

TEST(a_look_ahead_takes_nothing)
{
    struct drip drip = {.text = "abcdefgh", .drop = 3, .seconds = 1};
    eddy_stream *stream = drip_stream(&drip);
    const void *data = NULL;
    char buffer[16] = "";
    CHECK_INT(eddy_stream_peek(stream, &data, 1), 3);
    CHECK_TIME(1);
    CHECK(memcmp(data, "abc", 3) == 0);
    CHECK_INT(eddy_stream_peek(stream, &data, 3), 3);
    CHECK_TIME(1);
    CHECK_INT(eddy_stream_peek(stream, &data, 4), 6);
    CHECK(memcmp(data, "abcdef", 6) == 0);
    CHECK_INT(eddy_stream_consume(stream, 2), 0);
    CHECK_INT(eddy_stream_read(stream, buffer, 2), 2);
    CHECK_TEXT(buffer, "cd");
    CHECK_INT(eddy_wait_for((int)eddy_stream_peek(stream, &data, 9), 0.5), -ETIMEDOUT);
    CHECK_INT(eddy_stream_peek(stream, &data, 9), 4); /* the end */
    CHECK(memcmp(data, "efgh", 4) == 0);
    CHECK_INT(eddy_stream_consume(stream, 4), 0);
    data = buffer;
    CHECK_INT(eddy_stream_peek(stream, &data, 1), 0);
    CHECK(data == buffer);
    CHECK(!stream->buffer);
    eddy_stream_close(stream);
    return 0;
}

TEST(a_byte_a_second_makes_a_line_in_its_time)
{
    struct drip drip = {.text = "slow but sure\n", .drop = 1, .seconds = 1};
    eddy_stream *stream = drip_stream(&drip);
    char line[32];
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 14);
    CHECK_TEXT(line, "slow but sure\n");
    CHECK_TIME(14);
    CHECK(!stream->buffer);
    eddy_stream_close(stream);
    return 0;
}

/* ---- cancels ---- */

static int read_all_ways(void)
{
    struct drip drip = {.text = "part one::and two\nabc", .drop = 2, .seconds = 1};
    eddy_stream *stream = drip_stream(&drip);
    const void *data;
    char buffer[32];
    ssize_t n = eddy_stream_read_until(stream, buffer, sizeof buffer, UNTIL(ends));
    if (n >= 0)
        n = eddy_stream_peek(stream, &data, 6);
    if (n >= 0)
        n = eddy_stream_read_line(stream, buffer, sizeof buffer);
    eddy_stream_close(stream);
    return n < 0 ? (int)n : 0;
}

PLAIN_TEST(reads_up_to_separators_swept)
{
    EXPECT_INT(eddy_sweep_cancel(read_all_ways), 0);
}

TEST(a_cancelled_read_until_keeps_every_byte)
{
    const char *text = "part one::and two\nabc";
    struct drip drip = {.text = text, .drop = 2, .seconds = 1};
    eddy_stream *stream = drip_stream(&drip);
    char buffer[32] = "";
    for (int i = 0; i < 4; i++)
        CHECK_INT(eddy_wait_for(
                      (int)eddy_stream_read_until(stream, buffer, sizeof buffer, UNTIL(ends)), 1.1),
                  -ETIMEDOUT);
    expect_until(stream, UNTIL(ends), "part one::");
    CHECK_INT(eddy_stream_read_exactly(stream, buffer, 11), 11);
    CHECK(memcmp(buffer, text + 10, 11) == 0);
    eddy_stream_close(stream);
    return 0;
}

/* ---- bad input ---- */

TEST(bad_arguments_are_reported)
{
    struct drip drip = {.text = "text", .drop = 4};
    eddy_stream *stream = drip_stream(&drip);
    static const struct eddy_separator empty[] = {{"x", 1}, {"", 0}};
    const void *data;
    char buffer[4];
    CHECK_INT(eddy_stream_read_until(stream, buffer, 4, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no separators");
    CHECK_INT(eddy_stream_read_until(stream, buffer, 4, crlf, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no separators");
    CHECK_INT(eddy_stream_read_until(stream, buffer, 4, UNTIL(empty)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "separator 1 is empty");
    CHECK_INT(eddy_stream_read_until(stream, buffer, 1, UNTIL(crlf)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a separator of 2 bytes for a buffer of 1");
    CHECK_INT(eddy_stream_read_until(stream, NULL, 4, UNTIL(crlf)), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the buffer is NULL");
    CHECK_INT(eddy_stream_peek(stream, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_peek");
    CHECK_INT(eddy_stream_peek(stream, &data, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_peek");
    CHECK_INT(eddy_stream_peek(stream, &data, EDDY_STREAM_LIMIT + 1), -EMSGSIZE);
    CHECK_INT(eddy_stream_consume(stream, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "1 bytes, but there are 0");
    CHECK_INT(eddy_stream_consume(NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_consume");
    CHECK_INT(eddy_stream_set_limit(stream, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_set_limit: 0 bytes");
    CHECK_INT(eddy_stream_set_limit(NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_set_limit");
    CHECK_INT(eddy_stream_partial_read(NULL), 0);
    CHECK_INT(eddy_stream_set_nodelay(stream, true), -ENOTSOCK);
    CHECK_INT(eddy_stream_set_keepalive(stream, 0, 1, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_set_keepalive");
    CHECK_INT(eddy_stream_set_keepalive(stream, 1, 1, 128), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_set_keepalive");
    eddy_stream_close(stream);
    return 0;
}
