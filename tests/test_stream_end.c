/* SPDX-License-Identifier: MIT */
/* Ends and errors of streams: half closed, reset, of pipes and of terminals. */
#define TEST_DEFAULTS .real_system = true
#include <sys/wait.h>
#include "stream_pairs.h"
#include "support/terminal.h"

TEST(rule_192_half_close)
{
    struct pair pair = stream_pair(PAIR_TCP);
    char buffer[8] = "";
    CHECK_INT(eddy_stream_write(pair.a, "ask", 3), 3);
    CHECK_INT(eddy_stream_write_end(pair.a), 0);
    CHECK_INT(eddy_stream_write_end(pair.a), 0);
    CHECK_INT(eddy_stream_write(pair.a, "x", 1), -EPIPE);
    CHECK_INT(eddy_stream_read_exactly(pair.b, buffer, 3), 3);
    CHECK_INT(eddy_stream_read(pair.b, buffer, 8), 0);
    CHECK_INT(eddy_stream_write(pair.b, "answer", 6), 6);
    CHECK_INT(eddy_stream_read(pair.a, buffer, 8), 6);
    pair_close(&pair);
    return 0;
}

TEST(rule_193_after_the_peers_end_writing_goes_on)
{
    struct pair pair = stream_pair(PAIR_TCP);
    char buffer[8];
    CHECK_INT(eddy_stream_write_end(pair.b), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(eddy_stream_read(pair.a, buffer, 8), 0);
        CHECK_INT(eddy_stream_write(pair.a, "more", 4), 4);
        CHECK_INT(eddy_stream_read_exactly(pair.b, buffer, 4), 4);
    }
    pair_close(&pair);
    return 0;
}

TEST(rule_194_what_was_written_before_a_close_arrives)
{
    struct pair pair = stream_pair(PAIR_TCP);
    static char data[100000];
    CHECK_INT(eddy_stream_write(pair.a, data, sizeof data), sizeof data);
    eddy_stream_close(pair.a);
    CHECK_INT(eddy_stream_read_exactly(pair.b, data, sizeof data), sizeof data);
    CHECK_INT(eddy_stream_read(pair.b, data, 1), 0);
    eddy_stream_close(pair.b);
    return 0;
}

TEST(rule_189_writes_to_a_closed_peer_come_to_an_error)
{
    for (enum pair_kind kind = PAIR_UNIX; kind <= PAIR_PIPE; kind++) {
        struct pair pair = stream_pair(kind);
        ssize_t n = 0;
        int writes = 0;
        eddy_stream_close(pair.a);
        while (n >= 0 && writes++ < 100)
            n = eddy_stream_write(pair.b, "x", 1);
        CHECK(n == -EPIPE || n == -ECONNRESET);
        CHECK_INT(eddy_stream_write(pair.b, "x", 1), n);
        eddy_stream_close(pair.b);
    }
    return 0;
}

TEST(rule_185_a_reset_is_every_later_calls_error)
{
    int descriptors[2];
    char buffer[8];
    descriptor_pair(PAIR_TCP, descriptors);
    eddy_stream *stream = stream_of(descriptors[0]);
    struct linger reset = {.l_onoff = 1};
    CHECK_INT(eddy_wait_for((int)eddy_stream_read(stream, buffer, 8), 1.0), -ETIMEDOUT);
    CHECK_INT(setsockopt(descriptors[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(descriptors[1]);
    for (int i = 0; i < 3; i++)
        CHECK_INT(eddy_stream_read(stream, buffer, 8), -ECONNRESET);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "reading from 127.0.0.1:");
    CHECK_INT(eddy_stream_write(stream, "x", 1), -EPIPE);
    CHECK(eddy_stream_peer(stream, buffer, sizeof buffer) > 10); /* still known */
    eddy_stream_close(stream);
    return 0;
}

TEST(a_reset_that_the_writer_saw_is_no_end_to_the_reader)
{
    int descriptors[2];
    char buffer[8];
    descriptor_pair(PAIR_TCP, descriptors);
    eddy_stream *stream = stream_of(descriptors[0]);
    struct linger reset = {.l_onoff = 1};
    CHECK_INT(setsockopt(descriptors[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(descriptors[1]);
    CHECK_INT(eddy_stream_write(stream, "x", 1), -ECONNRESET);
    CHECK_INT(eddy_stream_write(stream, "x", 1), -ECONNRESET);
    CHECK_INT(eddy_stream_read(stream, buffer, 8), -ECONNRESET);
    eddy_stream_close(stream);
    return 0;
}

TEST(rule_211_pipes)
{
    int descriptors[2];
    char buffer[8];
    descriptor_pair(PAIR_PIPE, descriptors);
    struct pair pair = {stream_of(descriptors[0]), stream_of(descriptors[1])};
    CHECK_INT(eddy_wait_for((int)eddy_stream_read(pair.a, buffer, 8), 1.0), -ETIMEDOUT);
    CHECK_INT(eddy_stream_write(pair.b, "hello", 5), 5);
    CHECK_INT(eddy_stream_read(pair.a, buffer, 8), 5);
    CHECK_INT(eddy_stream_peer(pair.a, buffer, 8), -ENOTCONN);
    CHECK_INT(eddy_stream_write_end(pair.b), -ENOTSOCK);
    int copy = dup(descriptors[1]);
    CHECK(fcntl(copy, F_GETFL) & O_NONBLOCK);
    eddy_stream_close(pair.b);
    CHECK(!(fcntl(copy, F_GETFL) & O_NONBLOCK)); /* as it was before */
    close(copy);
    CHECK_INT(eddy_stream_read(pair.a, buffer, 8), 0);
    eddy_stream_close(pair.a);

    pair = stream_pair(PAIR_PIPE);
    eddy_stream_close(pair.a);
    CHECK_INT(eddy_stream_write(pair.b, "x", 1), -EPIPE); /* and no signal */
    eddy_stream_close(pair.b);
    return 0;
}

static bool is_nonblocking(int descriptor)
{
    return fcntl(descriptor, F_GETFL) & O_NONBLOCK;
}

/* As a terminal's 0, 1 and 2: the same open file. Were it blocking for the one that is left, a read
 * would keep the loop. */
TEST(what_several_streams_share_blocks_again_with_the_last_one)
{
    int ends[2], other[2];
    descriptor_pair(PAIR_PIPE, ends);
    descriptor_pair(PAIR_PIPE, other);
    const int second = dup(ends[0]), third = dup(ends[0]), copy = dup(ends[0]);
    CHECK_INT(fcntl(other[0], F_SETFL, O_NONBLOCK), 0);
    eddy_stream *streams[] = {stream_of(ends[0]), stream_of(other[0]), stream_of(second),
                              stream_of(third)};
    eddy_stream_close(streams[2]);
    CHECK(is_nonblocking(copy));
    eddy_stream_close(streams[0]);
    CHECK(is_nonblocking(copy));
    eddy_stream_close(streams[1]);
    CHECK(is_nonblocking(copy));
    eddy_stream_close(streams[3]);
    CHECK(!is_nonblocking(copy));
    close(copy);
    close(ends[1]);
    close(other[1]);
    return 0;
}

/* Both would close it, the second one whatever has its number by then. */
TEST(a_descriptor_has_one_stream)
{
    struct pair pair = stream_pair(PAIR_PIPE);
    const int descriptor = eddy_stream_descriptor(pair.a);
    eddy_stream *second = NULL;
    CHECK_INT(eddy_stream_from_descriptor(descriptor, &second), -EEXIST);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "is a stream's already");
    CHECK(is_nonblocking(descriptor));
    const int copy = dup(descriptor);
    CHECK_INT(eddy_stream_from_descriptor(copy, &second), 0);
    eddy_stream_close(second);
    pair_close(&pair);
    return 0;
}

/* Else the loop would wait in its next read. */
TEST(a_forked_child_that_closes_a_stream_leaves_it_to_its_parent)
{
    int ends[2], status = -1;
    descriptor_pair(PAIR_PIPE, ends);
    eddy_stream *stream = stream_of(ends[0]);
    const int copy = dup(ends[0]);
    pid_t child = fork();
    if (child == 0) {
        eddy_stream_close(stream);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    CHECK_INT(status, 0);
    CHECK(is_nonblocking(copy));
    eddy_stream_close(stream);
    CHECK(!is_nonblocking(copy));
    close(copy);
    close(ends[1]);
    return 0;
}

TEST(what_is_not_shared_stays_as_it_was)
{
    int ends[2], other[2];
    descriptor_pair(PAIR_PIPE, ends);
    descriptor_pair(PAIR_PIPE, other);
    const int copy = dup(other[0]);
    CHECK_INT(fcntl(copy, F_SETFL, O_NONBLOCK), 0);
    eddy_stream *found_so = stream_of(other[0]), *made_so = stream_of(ends[0]);
    eddy_stream_close(made_so);
    eddy_stream_close(found_so);
    CHECK(is_nonblocking(copy));
    close(copy);
    close(ends[1]);
    close(other[1]);
    return 0;
}

/* A read gives one packet, however many there are. */
TEST(rule_211_packets_of_a_pipe)
{
    int ends[2];
    char buffer[8];
    CHECK_INT(pipe2(ends, O_CLOEXEC | O_DIRECT), 0);
    eddy_stream *reader = stream_of(ends[0]);
    CHECK_INT(eddy_wait_for((int)eddy_stream_read(reader, buffer, 8), 1.0), -ETIMEDOUT);
    CHECK_INT(write(ends[1], "one", 3), 3);
    CHECK_INT(write(ends[1], "more", 4), 4);
    CHECK_INT(eddy_stream_read(reader, buffer, 8), 3);
    CHECK_INT(eddy_wait_for((int)eddy_stream_read(reader, buffer, 8), 1.0), 4);
    eddy_stream_close(reader);
    close(ends[1]);
    return 0;
}

TEST(a_terminal_gives_one_line_a_read)
{
    int master, slave;
    char line[32];
    if (!terminal_open(&master, &slave))
        return 0;
    eddy_stream *stream = stream_of(slave);
    CHECK_INT(eddy_wait_for((int)eddy_stream_read(stream, line, sizeof line), 1.0), -ETIMEDOUT);
    CHECK_INT(write(master, "one\ntwo\nthree\n", 14), 14);
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 4);
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 4);
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 6);
    CHECK_TEXT(line, "three\n");
    eddy_stream_close(stream);
    close(master);
    return 0;
}

/* Linux calls it EIO. */
TEST(a_terminal_that_nobody_has_open_any_more_is_at_its_end)
{
    int master, slave;
    char line[32];
    if (!terminal_open(&master, &slave))
        return 0;
    eddy_stream *stream = stream_of(master);
    CHECK_INT(write(slave, "bye", 3), 3);
    close(slave);
    CHECK_INT(eddy_stream_read(stream, line, sizeof line), 3);
    CHECK_INT(eddy_stream_read(stream, line, sizeof line), 0);
    eddy_stream_close(stream);
    return 0;
}

/* Its reader finds the end, whatever a writer was told before. */
TEST(a_terminal_that_has_hung_up_is_no_broken_connection)
{
    int master, slave;
    char line[32];
    if (!terminal_open(&master, &slave))
        return 0;
    eddy_stream *stream = stream_of(slave);
    close(master);
    CHECK_INT(eddy_stream_write(stream, "x", 1), -EIO);
    CHECK_INT(eddy_stream_read(stream, line, sizeof line), 0);
    eddy_stream_close(stream);
    return 0;
}

TEST(a_terminal_is_spliced_until_nobody_has_it_open_any_more)
{
    int master, slave;
    char line[32];
    eddy_stream *reader = NULL, *writer = NULL;
    if (!terminal_open(&master, &slave))
        return 0;
    eddy_stream *stream = stream_of(master);
    CHECK_INT(eddy_stream_pipe(&reader, &writer), 0);
    CHECK_INT(write(slave, "bye", 3), 3);
    close(slave);
    CHECK_INT(eddy_splice(stream, writer, EDDY_SPLICE_ALL), 3);
    CHECK_INT(eddy_stream_read(reader, line, sizeof line), 3);
    eddy_stream_close(stream);
    eddy_stream_close(writer);
    eddy_stream_close(reader);
    return 0;
}

/* ---- how far a call came ---- */

static ssize_t write_in_vain(eddy_stream *stream)
{
    return eddy_wait_for((int)eddy_stream_write_some(stream, "x", 1), 1.0);
}

static ssize_t write_nothing(eddy_stream *stream)
{
    return eddy_stream_write(stream, NULL, 1);
}

static ssize_t send_nothing(eddy_stream *stream)
{
    const int input = STDIN_FILENO;
    return eddy_stream_send_descriptors(stream, "", 0, &input, 1);
}

/* Who goes on after a failure with what is left would skip as much once more. */
TEST(a_write_that_moved_nothing_tells_nothing_of_the_one_before)
{
    const struct {
        ssize_t (*write)(eddy_stream *stream);
        int result;
        const char *report;
    } cases[] = {{write_in_vain, -ETIMEDOUT, NULL},
                 {write_nothing, -EINVAL, "the data is NULL"},
                 {send_nothing, -EINVAL, "at least one byte"}};
    const size_t size = 4 << 20;
    char *buffer = calloc(1, size);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair pair = stream_pair(PAIR_UNIX);
        CHECK_INT(eddy_wait_for((int)eddy_stream_write(pair.b, buffer, size), 1.0), -ETIMEDOUT);
        CHECK(eddy_stream_partial_write(pair.b) > 0);
        CHECK_INT(cases[i].write(pair.b), cases[i].result);
        if (cases[i].report)
            CHECK_REPORT(EDDY_LOG_MISUSE, cases[i].report);
        CHECK_INT(eddy_stream_partial_write(pair.b), 0);
        pair_close(&pair);
    }
    free(buffer);
    return 0;
}

TEST(a_read_that_moved_nothing_tells_nothing_of_the_one_before)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char line[8];
    CHECK_INT(eddy_stream_write(pair.b, "abc", 3), 3);
    eddy_stream_close(pair.b);
    CHECK_INT(eddy_stream_read_exactly(pair.a, line, 8), -ENODATA);
    CHECK_INT(eddy_stream_partial_read(pair.a), 3);
    CHECK_INT(eddy_stream_read_line(pair.a, line, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no room for a line");
    CHECK_INT(eddy_stream_partial_read(pair.a), 0);
    eddy_stream_close(pair.a);
    return 0;
}
