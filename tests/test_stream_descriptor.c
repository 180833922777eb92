/* SPDX-License-Identifier: MIT */
/* Descriptors over Unix sockets: they arrive once, with their bytes, and never leak. */
#include <eddy/sweep.h>
#include <sys/resource.h>
#include "stream_pairs.h"

/* A pipe's writing end, whose reading end tells when the last copy is closed. */
struct token {
    int ends[2];
};

static struct token token_make(void)
{
    struct token token;
    if (pipe2(token.ends, O_CLOEXEC | O_NONBLOCK) < 0)
        abort();
    return token;
}

/* Every copy of the writing end is closed. */
static bool token_is_gone(struct token *token)
{
    char c;
    return read(token->ends[0], &c, 1) == 0;
}

TEST(descriptors_arrive_with_their_bytes)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    struct token token = token_make();
    char buffer[16] = "";
    int got[4];
    size_t count = 4;
    CHECK_INT(eddy_stream_write(pair.a, "ab", 2), 2);
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "cd", 2, (int[]){token.ends[1], 0}, 2), 2);
    CHECK_INT(eddy_stream_write(pair.a, "ef", 2), 2);
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, buffer, 16, got, &count), 4);
    CHECK(memcmp(buffer, "abcd", 4) == 0);
    CHECK_INT(count, 2);
    CHECK(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
    CHECK(got[0] != token.ends[1]);
    CHECK_INT(write(got[0], "x", 1), 1);
    CHECK_INT(read(token.ends[0], buffer, 2), 1);
    close(token.ends[1]);
    CHECK(!token_is_gone(&token));
    close(got[0]);
    close(got[1]);
    CHECK(token_is_gone(&token));
    close(token.ends[0]);
    eddy_stream_close(pair.a);
    count = 4;
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, buffer, 16, got, &count), 2);
    CHECK_INT(count, 0);
    count = 4;
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, buffer, 16, got, &count), 0);
    CHECK_INT(count, 0);
    eddy_stream_close(pair.b);
    return 0;
}

/* A pair's end is sent through another pair while there is something in it, and used over there. */
TEST(a_stream_travels)
{
    struct pair pair = stream_pair(PAIR_UNIX), sent = stream_pair(PAIR_UNIX);
    eddy_stream *stream;
    char line[16] = "";
    int number = eddy_stream_descriptor(sent.a), got[1];
    size_t count = 1;
    CHECK_INT(eddy_stream_write(sent.b, "early\n", 6), 6);
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "!", 1, &number, 1), 1);
    eddy_stream_close(sent.a);
    CHECK_INT(eddy_stream_write(sent.b, "later\n", 6), 6); /* it is open on its way */
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, line, 1, got, &count), 1);
    CHECK_INT(count, 1);
    CHECK_INT(eddy_stream_from_descriptor(got[0], &stream), 0);
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 6);
    CHECK_TEXT(line, "early\n");
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 6);
    CHECK_TEXT(line, "later\n");
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, say_or_end, struct say, .stream = sent.b, .text = "last\n", .seconds = 1);
        CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 5);
    }
    eddy_stream_close(stream);
    CHECK_INT(eddy_stream_write(sent.b, "x", 1), -EPIPE);
    eddy_stream_close(sent.b);
    pair_close(&pair);
    return err;
}

/* Two numbers of one pipe's end: both are told, and only the last close is its end. */
TEST(a_copy_is_as_good_as_its_original)
{
    struct pair pair = stream_pair(PAIR_UNIX), pipe = stream_pair(PAIR_PIPE);
    eddy_stream *copy;
    char line[16];
    int number = eddy_stream_descriptor(pipe.b), got[1];
    size_t count = 1;
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "!", 1, &number, 1), 1);
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, line, 1, got, &count), 1);
    CHECK(got[0] != number);
    CHECK_INT(eddy_stream_from_descriptor(got[0], &copy), 0);
    CHECK_INT(eddy_stream_write(copy, "from the copy\n", 14), 14);
    eddy_stream_close(copy);
    CHECK_INT(eddy_stream_write(pipe.b, "both\n", 5), 5);
    eddy_stream_close(pipe.b);
    CHECK_INT(eddy_stream_read_line(pipe.a, line, sizeof line), 14);
    CHECK_INT(eddy_stream_read_line(pipe.a, line, sizeof line), 5);
    CHECK_INT(eddy_stream_read(pipe.a, line, sizeof line), 0);
    eddy_stream_close(pipe.a);
    pair_close(&pair);
    return 0;
}

/* What nobody receives is closed with the socket that it is on its way to, also one that is on its
 * way itself. */
TEST(what_is_on_its_way_is_closed_with_it)
{
    struct pair pair = stream_pair(PAIR_UNIX), inner = stream_pair(PAIR_UNIX);
    struct pair last = stream_pair(PAIR_UNIX);
    int number = eddy_stream_descriptor(last.a);
    char c;
    CHECK_INT(eddy_stream_send_descriptors(inner.a, "!", 1, &number, 1), 1);
    number = eddy_stream_descriptor(inner.b);
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "!", 1, &number, 1), 1);
    eddy_stream_close(last.a);
    eddy_stream_close(inner.b);
    CHECK_INT(eddy_stream_write(last.b, "x", 1), 1); /* still open */
    pair_close(&pair);
    CHECK_INT(eddy_stream_read(last.b, &c, 1), -ECONNRESET); /* that byte was never read */
    eddy_stream_close(last.b);
    eddy_stream_close(inner.a);
    return 0;
}

TEST(as_many_as_there_may_be)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    struct token token = token_make();
    int many[EDDY_STREAM_DESCRIPTORS + 1], got[EDDY_STREAM_DESCRIPTORS];
    size_t count = EDDY_STREAM_DESCRIPTORS;
    char c;
    for (size_t i = 0; i <= EDDY_STREAM_DESCRIPTORS; i++)
        many[i] = token.ends[1];
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "x", 1, many, count), 1);
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "x", 1, many, count + 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "254 descriptors");
    close(token.ends[1]);
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, &c, 1, got, &count), 1);
    CHECK_INT(count, EDDY_STREAM_DESCRIPTORS);
    for (size_t i = 0; i < count; i++)
        close(got[i]);
    CHECK(token_is_gone(&token));
    close(token.ends[0]);
    pair_close(&pair);
    return 0;
}

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

/* Who sent them, by its number and by a descriptor of its own. */
REAL_TEST(what_options_of_the_socket_add_is_in_nobodys_way)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    int many[EDDY_STREAM_DESCRIPTORS], got[EDDY_STREAM_DESCRIPTORS];
    const int on = 1, socket = eddy_stream_descriptor(pair.b);
    size_t count = EDDY_STREAM_DESCRIPTORS, before = test_count_descriptors();
    char c;
    CHECK_INT(setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    (void)setsockopt(socket, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on); /* since Linux 6.5 */
    for (size_t i = 0; i < count; i++)
        many[i] = STDERR_FILENO;
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "x", 1, many, count), 1);
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, &c, 1, got, &count), 1);
    CHECK_INT(count, EDDY_STREAM_DESCRIPTORS);
    for (size_t i = 0; i < count; i++)
        close(got[i]);
    CHECK_INT(test_count_descriptors(), before);
    pair_close(&pair);
    return 0;
}

TEST(too_many_for_the_room_are_closed_and_their_data_stays)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    struct token token = token_make();
    char buffer[16] = "";
    int got[1];
    size_t count = 1;
    const int sent[] = {token.ends[1], token.ends[1]};
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "data", 4, sent, 2), 4);
    close(token.ends[1]);
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, buffer, 16, got, &count), -EMSGSIZE);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()),
                   "2 descriptors arrived with room for 1");
    CHECK(token_is_gone(&token));
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, buffer, 16, got, &count), 4);
    CHECK(memcmp(buffer, "data", 4) == 0);
    CHECK_INT(count, 0);
    close(token.ends[0]);
    pair_close(&pair);
    return 0;
}

REAL_TEST(a_process_without_room_for_descriptors_says_so_and_keeps_the_data)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    struct token token = token_make();
    char buffer[16] = "";
    int got[4];
    size_t count = 4;
    struct rlimit before, none;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "data", 4, token.ends, 2), 4);
    none = (struct rlimit){0, before.rlim_max};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    ssize_t n = eddy_stream_receive_descriptors(pair.b, buffer, 16, got, &count);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_INT(n, -EMFILE);
    CHECK_INT(eddy_stream_read(pair.b, buffer, 16), 4);
    close(token.ends[1]);
    CHECK(token_is_gone(&token));
    close(token.ends[0]);
    pair_close(&pair);
    return 0;
}

/* The system ends a read behind descriptors, whatever comes after them. */
TEST(other_reads_get_what_comes_behind_descriptors)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char buffer[16];
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, say, .stream = pair.a, .text = "x");
        CHECK_INT(eddy_stream_read(pair.b, buffer, 16), 1); /* it is watched from here on */
    }
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "ab", 2, (int[]){0}, 1), 2);
    CHECK_INT(eddy_stream_write(pair.a, "cd", 2), 2);
    CHECK_INT(eddy_sleep(1), 0); /* whatever it is told of them, it is told by now */
    CHECK_INT(eddy_stream_read(pair.b, buffer, 16), 2);
    CHECK_INT(eddy_wait_for(eddy_stream_read(pair.b, buffer, 16), 1), 2);
    CHECK(memcmp(buffer, "cd", 2) == 0);
    pair_close(&pair);
    return err;
}

struct send_much {
    eddy_stream *stream;
    const char *data;
    size_t size;
    int descriptor;
};

static int send_much(struct send_much *a)
{
    EXPECT_INT(eddy_stream_send_descriptors(a->stream, a->data, a->size, &a->descriptor, 1),
               a->size);
    EXPECT_INT(eddy_stream_write_end(a->stream), 0);
    return 0;
}

/* With the first of them come the descriptors, once. */
TEST(more_bytes_than_there_is_room_for_follow_theirs)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    struct token token = token_make();
    const size_t size = 2 << 20;
    char *data = malloc(size), *buffer = malloc(size);
    int got[2], err;
    size_t count = 2;
    pattern_fill(data, size, 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, send_much, .stream = pair.a, .data = data, .size = size,
                   .descriptor = token.ends[1]);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(eddy_stream_receive_descriptors(pair.b, buffer, 10, got, &count), 10);
        CHECK_INT(count, 1);
        CHECK_INT(eddy_stream_read_exactly(pair.b, buffer + 10, size - 10), size - 10);
        CHECK(pattern_holds(buffer, size, 0));
        /* An end that couldn't be said, as faults have it, never comes. */
        CHECK_INT(
            eddy_wait_for(eddy_stream_receive_descriptors(pair.b, buffer, 10, got + 1, &count), 60),
            0);
        CHECK_INT(count, 0);
    }
    close(got[0]);
    close(token.ends[1]);
    CHECK(token_is_gone(&token));
    close(token.ends[0]);
    pair_close(&pair);
    free(data);
    free(buffer);
    return err;
}

TEST(other_reads_drop_them)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    struct token token = token_make();
    char buffer[16] = "";
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "line\n", 5, &token.ends[1], 1), 5);
    close(token.ends[1]);
    CHECK(!token_is_gone(&token)); /* it is on its way */
    CHECK_INT(eddy_stream_read_line(pair.b, buffer, 16), 5);
    CHECK(token_is_gone(&token));
    close(token.ends[0]);
    pair_close(&pair);
    return 0;
}

TEST(what_can_not_be_sent)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    int none = -1, input = 0;
    size_t count = 1;
    char c;
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "x", 1, &none, 1), -EBADF);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "1 descriptors can't be sent");
    CHECK_INT(eddy_stream_write(pair.a, "y", 1), 1); /* the stream is none the worse */
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "", 0, &input, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "at least one byte");
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "x", 1, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the descriptors are NULL");
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "x", 1, &input, 0), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "0 descriptors");
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, &c, 1, &input, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the count is NULL");
    pair_close(&pair);
    pair = stream_pair(PAIR_TCP);
    CHECK_INT(eddy_stream_send_descriptors(pair.a, "x", 1, &input, 1), -EOPNOTSUPP);
    CHECK_INT(eddy_stream_receive_descriptors(pair.b, &c, 1, &input, &count), -EOPNOTSUPP);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "no Unix socket");
    pair_close(&pair);
    return 0;
}

/* ---- cancels: a descriptor is at most at one of three places, and in the end nowhere ---- */

struct courier {
    eddy_stream *stream;
    const struct token *token;
};

static int courier(struct courier *a)
{
    ssize_t n = 0;
    for (int i = 0; i < 4 && n >= 0; i++) {
        n = eddy_stream_send_descriptors(a->stream, "12", 2, &a->token->ends[1], 1);
        if (n >= 0)
            n = eddy_sleep(i % 2);
    }
    (void)eddy_stream_write_end(a->stream);
    return n < 0 ? (int)n : 0;
}

static int pass_descriptors(void)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    struct token token = token_make();
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, courier, .stream = pair.a, .token = &token);
        ssize_t n = 1;
        while (n > 0) {
            char c;
            int got[2];
            size_t count = 2;
            n = eddy_stream_receive_descriptors(pair.b, &c, 1, got, &count);
            for (size_t i = 0; n >= 0 && i < count; i++)
                close(got[i]);
        }
        err = n < 0 ? (int)n : 0;
    }
    pair_close(&pair);
    close(token.ends[1]);
    EXPECT(token_is_gone(&token));
    close(token.ends[0]);
    return err;
}

PLAIN_TEST(passing_descriptors_swept)
{
    struct eddy_sweep_result result;
    const struct eddy_sweep_options sweep = {.scenario = pass_descriptors, .real = !is_simulated()};
    EXPECT_INT(eddy_sweep(&sweep, &result), 0);
    EXPECT(result.points > 4);
}
