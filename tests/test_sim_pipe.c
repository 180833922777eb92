/* SPDX-License-Identifier: MIT */
/*
 * Simulated pipes, by the engine's calls, with the answers that Linux gives: ends, directions,
 * whole small writes, splices. And what chance makes of them.
 */
#include <limits.h>
#include <unistd.h>
#include "support/sim_sockets.h"

static char block[1 << 17];

/* [0] reads, [1] writes; neither waits. */
static int make_pipe(int ends[2])
{
    int r = CALL(pipe, ends);
    for (int i = 0; i < 2 && r == 0; i++)
        r = CALL(descriptor_flags, ends[i], O_NONBLOCK);
    return r;
}

static int ends_program(void)
{
    int pipe[2];
    struct counter reads, writes;
    CHECK_INT(make_pipe(pipe), 0);
    CHECK_INT(watch_begin(&reads, pipe[0], false, 3), 0);
    CHECK_INT(watch_begin(&writes, pipe[1], false, 3), 0);
    CHECK_INT(told(&reads), 0);
    CHECK_INT(told(&writes), READY_WRITE);
    CHECK_INT(receive(pipe[0], 9), -EAGAIN);
    CHECK_INT(receive(pipe[1], 9), -EBADF);
    CHECK_INT(sent(pipe[0], "x"), -EBADF);
    CHECK_INT(sent(pipe[1], "hello"), 5);
    CHECK_INT(told(&reads), READY_READ);
    CHECK_INT(receive(pipe[0], 2), 2);
    CHECK_INT(CALL(close, pipe[1]), 0);
    CHECK(told(&reads) & READY_HANGUP);
    CHECK_INT(receive(pipe[0], 9), 3);
    CHECK_INT(receive(pipe[0], 9), 0);
    CHECK_INT(CALL(shutdown, pipe[0], SHUT_RD), -ENOTSOCK);
    CHECK_INT(CALL(get_option, pipe[0], SOL_SOCKET, SO_TYPE), -ENOTSOCK);
    CHECK_INT(CALL(position, pipe[0]), -ESPIPE);
    CHECK_INT(CALL(close, pipe[0]), 0);

    CHECK_INT(make_pipe(pipe), 0);
    CHECK_INT(watch_begin(&writes, pipe[1], false, 3), 0);
    CHECK_INT(sent(pipe[1], "never read"), 10);
    CHECK_INT(told(&writes), READY_WRITE);
    CHECK_INT(CALL(close, pipe[0]), 0);
    CHECK_INT(told(&writes), READY_READ | READY_WRITE | READY_HANGUP);
    CHECK_INT(sent(pipe[1], "x"), -EPIPE);
    return 0;
}

/* What finds no room for all of it waits, if it is small enough to be written whole. */
static int room_program(void)
{
    int pipe[2];
    struct counter writes;
    CHECK_INT(make_pipe(pipe), 0);
    CHECK_INT(CALL(send, pipe[1], block, sizeof block), 65536);
    CHECK_INT(CALL(send, pipe[1], block, 1), -EAGAIN);
    CHECK_INT(receive(pipe[0], 4096), 4096);
    CHECK_INT(CALL(send, pipe[1], block, 4000), 4000);
    CHECK_INT(CALL(send, pipe[1], block, PIPE_BUF), -EAGAIN);
    CHECK_INT(watch_begin(&writes, pipe[1], false, 3), 0);
    CHECK_INT(told(&writes), 0);
    CHECK_INT(receive(pipe[0], sizeof block), 65440);
    CHECK_INT(told(&writes), READY_WRITE);
    CHECK_INT(CALL(send, pipe[1], block, PIPE_BUF), PIPE_BUF);
    return 0;
}

PLAIN_TEST(pipes)
{
    passes_as_on_linux(ends_program);
    passes_as_on_linux(room_program);
}

static int splice_program(void)
{
    int pipe[2], pair[2];
    CHECK_INT(make_pipe(pipe), 0);
    CHECK_INT(CALL(socket_pair, pair), 0);
    CHECK_INT(CALL(receive_into_pipe, pair[0], pipe[1], 10), -EAGAIN);
    CHECK_INT(CALL(send_from_pipe, pipe[0], pair[0], 10), -EAGAIN);
    CHECK_INT(CALL(receive_into_pipe, pair[0], pair[1], 10), -EINVAL); /* no pipe */
    CHECK_INT(CALL(receive_into_pipe, pair[0], pipe[0], 10), -EBADF);
    CHECK_INT(CALL(send_from_pipe, pipe[1], pair[0], 10), -EBADF);
    CHECK_INT(sent(pair[1], "through a pipe"), 14);
    CHECK_INT(CALL(receive_into_pipe, pair[0], pipe[1], 7), 7);
    CHECK_INT(CALL(receive_into_pipe, pair[0], pipe[1], 100), 7);
    CHECK_INT(CALL(send_from_pipe, pipe[0], pair[0], 10), 10);
    CHECK_INT(receive(pair[1], 100), 10);
    CHECK_INT(CALL(take_from_pipe, pipe[0], block, 100), 4);
    CHECK(memcmp(block, "pipe", 4) == 0);
    CHECK_INT(CALL(shutdown, pair[1], SHUT_WR), 0);
    CHECK_INT(CALL(receive_into_pipe, pair[0], pipe[1], 7), 0);
    CHECK_INT(CALL(send, pipe[1], block, sizeof block), 65536);
    CHECK_INT(CALL(receive_into_pipe, pair[0], pipe[1], 7), -EAGAIN); /* full: not even an end */
    CHECK_INT(sent(pair[0], "x"), 1);
    CHECK_INT(CALL(receive_into_pipe, pair[1], pipe[1], 1), -EAGAIN);
    CHECK_INT(CALL(close, pair[1]), 0);
    CHECK_INT(CALL(send_from_pipe, pipe[0], pair[0], 10), -EPIPE);
    CHECK_INT(CALL(close, pipe[1]), 0);
    int other[2];
    CHECK_INT(make_pipe(other), 0);
    CHECK_INT(CALL(receive_into_pipe, pipe[0], other[1], 10), 10); /* from pipe to pipe */
    CHECK_INT(CALL(receive_into_pipe, 1 << 20, other[1], 10), -EBADF);
    CHECK_INT(CALL(close, other[0]), 0);
    CHECK_INT(CALL(receive_into_pipe, pipe[0], other[1], 10), -EPIPE);
    return 0;
}

PLAIN_TEST(splices)
{
    passes_as_on_linux(splice_program);
}

/* ---- chance ---- */

enum { SIZE = 200000 };

struct relay {
    eddy_stream *from, *to;
};

static int relay(struct relay *a)
{
    int64_t n = eddy_splice(a->from, a->to, EDDY_SPLICE_ALL);
    (void)eddy_stream_write_end(a->to);
    return n < 0 ? (int)n : 0;
}

static int feed(struct relay *a)
{
    ssize_t n = 0;
    char part[1000];
    for (int at = 0; at < SIZE && n >= 0; at += (int)sizeof part) {
        for (int i = 0; i < (int)sizeof part; i++)
            part[i] = (char)((at + i) % 251);
        n = eddy_stream_write(a->to, part, sizeof part);
    }
    eddy_stream_close(a->to);
    return n < 0 ? (int)n : 0;
}

/* A writer, a pipe, a splice, a pair, a reader. */
static int chance_program(void)
{
    static char got[SIZE + 1];
    eddy_stream *reader, *writer, *one, *other;
    int err;
    CHECK_INT(eddy_stream_pipe(&reader, &writer), 0);
    CHECK_INT(eddy_stream_pair(&one, &other), 0);
    eddy_with_group (g, &err) {
        eddy_spawn_as(g, feed, struct relay, .to = writer);
        eddy_spawn(g, relay, .from = reader, .to = one);
        ssize_t n = 1;
        size_t have = 0;
        while (n > 0 && have < sizeof got)
            if ((n = eddy_stream_read(other, got + have, sizeof got - have)) > 0)
                have += (size_t)n;
        CHECK_INT(n, 0);
        CHECK_INT(have, SIZE);
    }
    size_t wrong = 0;
    for (int i = 0; i < SIZE; i++)
        wrong += got[i] != (char)(i % 251);
    CHECK_INT(wrong, 0);
    eddy_stream_close(reader);
    eddy_stream_close(one);
    eddy_stream_close(other);
    return err;
}

PLAIN_TEST(no_byte_is_lost_whatever_the_seed_which_gives_the_same_twice)
{
    const struct eddy_sim_options options = {
        .order = EDDY_SIM_SHUFFLED, .link = {.delay_max = 0.01, .short_io = 0.3, .buffer = 5000}};
    uint64_t first = 0, differ = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        if (!sim_passes(seed, options, chance_program))
            return;
        uint64_t hash = eddy_sim_report().hash;
        if (!sim_passes(seed, options, chance_program))
            return;
        EXPECT(eddy_sim_report().hash == hash);
        first = first ? first : hash;
        differ += hash != first;
    }
    EXPECT(differ > 40);
}
