/* SPDX-License-Identifier: MIT */
/* Streams: the ways to read, cancels that lose nothing, one reader and one writer, closing. */
#include <netinet/tcp.h>
#define TEST_DEFAULTS .real_system = true
#include "stream_pairs.h"
#include "stream.h"

/* ---- reading ---- */

TEST(rule_176_read_takes_what_is_there)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char buffer[100];
    CHECK_INT(eddy_stream_read(pair.a, buffer, 0), 0);
    CHECK_INT(eddy_stream_write(pair.b, "hello", 5), 5);
    CHECK_INT(eddy_stream_write(pair.b, "", 0), 0);
    CHECK_INT(eddy_stream_read(pair.a, buffer, 2), 2);
    CHECK_INT(eddy_stream_read(pair.a, buffer + 2, sizeof buffer), 3);
    CHECK(memcmp(buffer, "hello", 5) == 0);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, say, .stream = pair.b, .text = "later", .seconds = 1);
        CHECK_INT(eddy_stream_read(pair.a, buffer, sizeof buffer), 5);
        CHECK_TIME(1);
    }
    eddy_stream_close(pair.b);
    for (int i = 0; i < 3; i++)
        CHECK_INT(eddy_stream_read(pair.a, buffer, sizeof buffer), 0);
    eddy_stream_close(pair.a);
    return err;
}

TEST(lines_arrive_in_pieces_and_several_at_once)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char line[32];
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, say, .stream = pair.b, .text = "one\ntwo\n\nth", .seconds = 1);
        eddy_spawn(g, say, .stream = pair.b, .text = "re", .seconds = 2);
        eddy_spawn(g, say, .stream = pair.b, .text = "e\nlast", .seconds = 3);
        CHECK_INT(eddy_stream_read_line(pair.a, line, sizeof line), 4);
        CHECK_TEXT(line, "one\n");
        CHECK_TIME(1);
        CHECK_INT(eddy_stream_read_line(pair.a, line, sizeof line), 4);
        CHECK_TEXT(line, "two\n");
        CHECK_INT(eddy_stream_read_line(pair.a, line, sizeof line), 1);
        CHECK_TEXT(line, "\n");
        CHECK_INT(eddy_stream_read_line(pair.a, line, sizeof line), 6);
        CHECK_TEXT(line, "three\n");
        CHECK_TIME(3);
    }
    eddy_stream_close(pair.b);
    CHECK_INT(eddy_stream_read_line(pair.a, line, sizeof line), 4);
    CHECK_TEXT(line, "last");
    CHECK(!pair.a->buffer); /* no more bytes left over, no more buffer */
    CHECK_INT(eddy_stream_read_line(pair.a, line, sizeof line), 0);
    CHECK_TEXT(line, "");
    eddy_stream_close(pair.a);
    return err;
}

TEST(rule_182_a_line_too_long_stays_unread)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char line[16];
    CHECK_INT(eddy_stream_write(pair.b, "0123456789\nabc\n", 15), 15);
    CHECK_INT(eddy_stream_read_line(pair.a, line, 11), -EMSGSIZE);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "more than 10 bytes");
    CHECK_INT(eddy_stream_read_line(pair.a, line, 11), -EMSGSIZE);
    CHECK_INT(eddy_stream_read_line(pair.a, line, 12), 11);
    CHECK_TEXT(line, "0123456789\n");
    CHECK_INT(eddy_stream_read_line(pair.a, line, 3), -EMSGSIZE);
    CHECK_INT(eddy_stream_read(pair.a, line, sizeof line), 4);
    CHECK(memcmp(line, "abc\n", 4) == 0);
    pair_close(&pair);
    return 0;
}

TEST(rule_182_a_line_is_limited_however_large_the_buffer)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    const size_t limit = EDDY_STREAM_LIMIT, size = 4 * limit;
    char *line = malloc(size), *data = malloc(size);
    memset(data, 'x', size);
    data[limit - 1] = '\n';
    CHECK_INT(eddy_stream_write(pair.b, data, limit), limit);
    CHECK_INT(eddy_stream_read_line(pair.a, line, size), limit);
    data[limit - 1] = 'x';
    CHECK_INT(eddy_stream_write(pair.b, data, limit), limit); /* the '\n' doesn't count */
    CHECK_INT(eddy_stream_write(pair.b, "\n", 1), 1);
    CHECK_INT(eddy_stream_read_line(pair.a, line, size), limit + 1);
    CHECK_INT(eddy_stream_write(pair.b, data, limit + 1), limit + 1);
    CHECK_INT(eddy_stream_write(pair.b, "\n", 1), 1);
    CHECK_INT(eddy_stream_read_line(pair.a, line, size), -EMSGSIZE);
    CHECK_INT(eddy_stream_read_exactly(pair.a, line, limit + 2), limit + 2);
    CHECK(memcmp(line, data, limit + 1) == 0 && line[limit + 1] == '\n');
    free(line);
    free(data);
    pair_close(&pair);
    return 0;
}

TEST(a_large_limit_takes_memory_as_data_comes)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char buffer[3000];
    const void *data;
    pattern_fill(buffer, sizeof buffer, 0);
    CHECK_INT(eddy_stream_set_limit(pair.a, EDDY_STREAM_LIMIT_MAX), 0);
    CHECK_INT(eddy_stream_write(pair.b, buffer, sizeof buffer), sizeof buffer);
    CHECK(eddy_stream_peek(pair.a, &data, 1) >= 1);
    CHECK_INT(eddy_stream_peek(pair.a, &data, sizeof buffer), sizeof buffer);
    CHECK(pattern_holds(data, sizeof buffer, 0));
    CHECK(pair.a->capacity <= 2 * EDDY_STREAM_LIMIT);
    pair_close(&pair);
    return 0;
}

TEST(rule_178_exactly_or_the_stream_ends_before)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char buffer[32] = "";
    int err;
    CHECK_INT(eddy_stream_read_exactly(pair.a, buffer, 0), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, say, .stream = pair.b, .text = "01234", .seconds = 1);
        eddy_spawn(g, say, .stream = pair.b, .text = "56789\nrest", .seconds = 2);
        CHECK_INT(eddy_stream_read_exactly(pair.a, buffer, 8), 8);
        CHECK_TEXT(buffer, "01234567");
        CHECK_TIME(2);
    }
    CHECK_INT(eddy_stream_read_line(pair.a, buffer, sizeof buffer), 3);
    CHECK_TEXT(buffer, "89\n");
    eddy_stream_close(pair.b);
    CHECK_INT(eddy_stream_read_exactly(pair.a, buffer, 10), -ENODATA);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "after 4 of 10 bytes");
    CHECK(memcmp(buffer, "rest", 4) == 0);
    CHECK_INT(eddy_stream_read(pair.a, buffer, 10), 0);
    eddy_stream_close(pair.a);
    return err;
}

/* ---- cancels ---- */

TEST(rule_082_a_timeout_on_a_read_is_prompt_and_takes_nothing)
{
    struct pair pair = stream_pair(PAIR_TCP);
    char buffer[16];
    CHECK_INT(eddy_wait_for((int)eddy_stream_read(pair.a, buffer, sizeof buffer), 1.0), -ETIMEDOUT);
    CHECK_TIME(1);
    CHECK_INT(eddy_stream_write(pair.b, "kept", 4), 4);
    CHECK_INT(eddy_stream_read(pair.a, buffer, sizeof buffer), 4);
    pair_close(&pair);
    return 0;
}

TEST(a_cancelled_exact_read_gives_back_what_it_has)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char buffer[32] = "";
    CHECK_INT(eddy_stream_write(pair.b, "part", 4), 4);
    CHECK_INT(eddy_wait_for((int)eddy_stream_read_exactly(pair.a, buffer, 10), 1.0), -ETIMEDOUT);
    CHECK_INT(eddy_wait_for((int)eddy_stream_read_line(pair.a, buffer, 20), 1.0), -ETIMEDOUT);
    CHECK_INT(eddy_stream_write(pair.b, "ly\n", 3), 3);
    CHECK_INT(eddy_stream_read_line(pair.a, buffer, sizeof buffer), 7);
    CHECK_TEXT(buffer, "partly\n");
    CHECK(!pair.a->buffer);
    pair_close(&pair);
    return 0;
}

TEST(in_a_cancelled_scope_data_at_hand_is_read)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char buffer[200];
    int err;
    memset(buffer, 'x', sizeof buffer);
    CHECK_INT(eddy_stream_write(pair.b, buffer, sizeof buffer), sizeof buffer);
    eddy_task *other = eddy_create_task(nap, .name = "other");
    eddy_with_timeout (0, &err) {
        for (size_t i = 0; i < sizeof buffer; i++)
            CHECK_INT(eddy_stream_read(pair.a, buffer, 1), 1);
        CHECK_INT(eddy_stream_write(pair.a, "out", 3), 3);
        CHECK_NOTES(""); /* nobody else ran */
        CHECK_INT(eddy_stream_read(pair.a, buffer, 1), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(eddy_await(other), 0);
    CHECK_NOTES("other");
    pair_close(&pair);
    return eddy_task_release(other);
}

TEST(a_cancelled_write_tells_how_much_went_out)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    const size_t size = 4 << 20;
    char *data = malloc(size), message[100];
    pattern_fill(data, size, 0);
    int err;
    ssize_t r = 0;
    eddy_with_timeout (1, &err) {
        r = eddy_stream_write(pair.b, data, size);
        CHECK_INT(r, -ECANCELED);
        (void)snprintf(message, sizeof message, "%s", eddy_failure_message(eddy_last_failure()));
    }
    CHECK_INT(err, -ETIMEDOUT);
    size_t sent = 0, of = 0;
    CHECK_INT(sscanf(message, "cancelled after %zu of %zu bytes", &sent, &of), 2);
    CHECK(sent > 0 && sent < size && of == size);
    eddy_stream_close(pair.b);
    CHECK_INT(eddy_stream_read_exactly(pair.a, data, size), -ENODATA);
    CHECK(pattern_holds(data, sent, 0));
    (void)snprintf(message, sizeof message, "after %zu of", sent);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), message);
    free(data);
    eddy_stream_close(pair.a);
    return 0;
}

/* ---- one reader, one writer ---- */

struct use {
    eddy_stream *stream;
    bool write;
    int expected;
};

static int use(struct use *a)
{
    static char data[4 << 20];
    ssize_t n = a->write ? eddy_stream_write(a->stream, data, sizeof data)
                         : eddy_stream_read(a->stream, data, sizeof data);
    EXPECT_INT(n, a->expected);
    return 0;
}

TEST(rule_184_a_second_reader_or_writer_is_refused)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, use, .stream = pair.a, .expected = -ECANCELED);
        eddy_spawn(g, use, .stream = pair.a, .write = true, .expected = -ECANCELED);
        CHECK_INT(eddy_sleep(1), 0);
        char c;
        CHECK_INT(eddy_stream_read(pair.a, &c, 1), -EBUSY);
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "another task reads");
        CHECK_INT(eddy_stream_read_line(pair.a, &c, 1), -EBUSY);
        CHECK_INT(eddy_stream_write(pair.a, "c", 1), -EBUSY);
        CHECK_INT(eddy_stream_write_end(pair.a), -EBUSY);
        eddy_group_cancel(g);
    }
    pair_close(&pair);
    return err;
}

TEST(rule_190_closing_wakes_reader_and_writer)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, use, .stream = pair.a, .expected = -ECONNABORTED);
        eddy_spawn(g, use, .stream = pair.a, .write = true, .expected = -ECONNABORTED);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_stream_close(pair.a);
    }
    /* Also when the data that they waited for came in the same turn. */
    pair_close(&(struct pair){.b = pair.b});
    pair = stream_pair(PAIR_UNIX);
    eddy_with_group (g, &err) {
        eddy_spawn(g, use, .stream = pair.a, .expected = -ECONNABORTED);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(eddy_stream_write(pair.b, "x", 1), 1);
        eddy_stream_close(pair.a);
    }
    eddy_stream_close(pair.b);
    return err;
}

/* As long as a call is in it, it is known to be closed; after that it is gone. */
TEST(a_stream_that_is_closed_again_is_told)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, use, .stream = pair.a, .expected = -ECONNABORTED);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_stream_close(pair.a);
        eddy_stream_close(pair.a);
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_close: the stream is closed already");
        CHECK_INT(eddy_stream_write_end(pair.a), -EINVAL); /* else of who has its number now */
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_write_end: the stream is closed");
        CHECK_INT(eddy_stream_set_nodelay(pair.a, true), -EINVAL);
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_set_nodelay: the stream is closed");
        CHECK_INT(eddy_stream_consume(pair.a, 0), -EINVAL);
        CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_consume: the stream is closed");
    }
    eddy_stream_close(pair.b);
    return err;
}

/* ---- names, bad input, the loop's end ---- */

TEST(peers)
{
    char name[64];
    struct pair pair = stream_pair(PAIR_TCP);
    int length = eddy_stream_peer(pair.a, name, sizeof name);
    CHECK_CONTAINS(name, "127.0.0.1:");
    CHECK_INT(length, strlen(name));
    CHECK_INT(eddy_stream_peer(pair.a, NULL, 0), length);
    CHECK(eddy_stream_descriptor(pair.a) > 2);
    pair_close(&pair);
    pair = stream_pair(PAIR_UNIX);
    CHECK_INT(eddy_stream_peer(pair.a, name, sizeof name), 5);
    CHECK_TEXT(name, "unix:");
    pair_close(&pair);
    return 0;
}

TEST(local_addresses_and_options)
{
    char name[64], peer[64];
    struct pair pair = stream_pair(PAIR_TCP);
    int on = 0;
    socklen_t size = sizeof on;
    CHECK(eddy_stream_local_address(pair.a, name, sizeof name) > 0);
    CHECK(eddy_stream_peer(pair.b, peer, sizeof peer) > 0);
    CHECK_TEXT(name, peer);
    int descriptor = eddy_stream_descriptor(pair.a);
    CHECK_INT(getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    CHECK(on); /* from the beginning */
    CHECK_INT(eddy_stream_set_nodelay(pair.a, false), 0);
    CHECK_INT(getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    CHECK(!on);
    CHECK_INT(eddy_stream_set_keepalive(pair.a, 60, 7.6, 3), 0);
    CHECK_INT(getsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    CHECK(on);
    CHECK_INT(getsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &on, &size), 0);
    CHECK_INT(on, 60);
    CHECK_INT(getsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &on, &size), 0);
    CHECK_INT(on, 8);
    CHECK_INT(getsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &on, &size), 0);
    CHECK_INT(on, 3);
    CHECK_INT(eddy_stream_set_keepalive(pair.a, EDDY_FOREVER, 0, 0), 0);
    CHECK_INT(getsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    CHECK(!on);
    pair_close(&pair);
    pair = stream_pair(PAIR_UNIX);
    CHECK_INT(eddy_stream_local_address(pair.a, name, sizeof name), 5);
    CHECK_INT(eddy_stream_set_nodelay(pair.a, true), -EOPNOTSUPP);
    pair_close(&pair);
    pair = stream_pair(PAIR_PIPE);
    CHECK_INT(eddy_stream_local_address(pair.a, name, sizeof name), -ENOTCONN);
    CHECK_INT(eddy_stream_set_nodelay(pair.a, true), -ENOTSOCK);
    pair_close(&pair);
    return 0;
}

TEST(what_is_no_stream)
{
    eddy_stream *stream = NULL;
    int port, file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
        listener = listening_socket(&port);
    CHECK_INT(eddy_stream_from_descriptor(file, &stream), -EPERM);
    CHECK_INT(eddy_stream_from_descriptor(datagram, &stream), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "datagram");
    CHECK_INT(eddy_stream_from_descriptor(listener, &stream), -EINVAL);
    close(file);
    close(datagram);
    close(listener);
    CHECK_INT(eddy_stream_from_descriptor(listener, &stream), -EBADF);
    CHECK(!stream);
    CHECK_INT(eddy_stream_from_descriptor(-1, &stream), -EBADF);
    CHECK_REPORT(EDDY_LOG_MISUSE, "descriptor -1");
    CHECK_INT(eddy_stream_from_descriptor(0, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_from_descriptor");
    return 0;
}

static void read_in_callback(void *stream)
{
    char c;
    EXPECT_INT(eddy_stream_read(stream, &c, 1), -EINVAL);
}

TEST(bad_arguments_are_reported)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char c;
    CHECK_INT(eddy_stream_read(NULL, &c, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_read: the stream is NULL");
    CHECK_INT(eddy_stream_read(pair.a, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the buffer is NULL");
    CHECK_INT(eddy_stream_read_exactly(pair.a, &c, SIZE_MAX), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "a size of");
    CHECK_INT(eddy_stream_read_line(pair.a, &c, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no room for a line");
    CHECK_INT(eddy_stream_write(pair.a, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the data is NULL");
    CHECK_INT(eddy_stream_write_end(NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_write_end");
    CHECK_INT(eddy_stream_peer(NULL, &c, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_peer");
    eddy_stream_close(NULL);
    CHECK(eddy_call_soon(read_in_callback, pair.a));
    turns(1);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_stream_read: awaited outside a task");
    pair_close(&pair);
    return 0;
}

static struct pair survivors;

static int leave_open(void)
{
    char c;
    survivors = stream_pair(PAIR_UNIX);
    EXPECT_INT(eddy_wait_for((int)eddy_stream_read(survivors.a, &c, 1), 1.0), -ETIMEDOUT);
    return 0;
}

static int close_survivor(void)
{
    char c;
    EXPECT_INT(eddy_stream_read(survivors.a, &c, 1), -EINVAL);
    EXPECT_REPORT(EDDY_LOG_MISUSE, "another loop");
    eddy_stream_close(survivors.a);
    return 0;
}

PLAIN_TEST(a_stream_can_be_closed_after_its_loop)
{
    eddy_test_allow_leftovers(1);
    EXPECT_INT(test_run(leave_open), 0);
    EXPECT_INT(test_run(close_survivor), 0);
    eddy_stream_close(survivors.b);
}
