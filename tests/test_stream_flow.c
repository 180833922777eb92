/* SPDX-License-Identifier: MIT */
/* Streams under load: back-pressure, every byte in its place, fairness, an end behind the data. */
#define TEST_DEFAULTS .real_system = true
#include <limits.h>
#include <sys/time.h>
#include "stream_pairs.h"

/* ---- back-pressure ---- */

static int check_back_pressure(enum pair_kind kind)
{
    struct pair pair = stream_pair(kind);
    const size_t size = 10 << 20;
    char *buffer = malloc(size);
    bool done = false;
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, pour, .stream = pair.b, .size = size, .piece = 300000, .done = &done);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK(!done); /* suspended: nobody reads */
        CHECK_INT(eddy_stream_read_exactly(pair.a, buffer, size), size);
        CHECK(pattern_holds(buffer, size, 0));
    }
    CHECK(done);
    pair_close(&pair);
    free(buffer);
    return err;
}

TEST(rule_187_a_write_suspends_while_nobody_reads)
{
    return check_back_pressure(PAIR_TCP);
}

TEST(rule_186_what_nobody_reads_stays_with_the_system)
{
    return check_back_pressure(PAIR_UNIX);
}

TEST(back_pressure_over_a_pipe)
{
    return check_back_pressure(PAIR_PIPE);
}

struct pour_some {
    eddy_stream *stream;
    size_t size;
    int *cancelled;
};

/* As pour, but what a cancel interrupts goes on where it was. */
static int pour_some(struct pour_some *a)
{
    char buffer[5000];
    for (size_t position = 0; position < a->size;) {
        size_t size = a->size - position < sizeof buffer ? a->size - position : sizeof buffer;
        pattern_fill(buffer, size, position);
        ssize_t n = 0;
        int err;
        eddy_with_timeout (0.01, &err)
            n = eddy_stream_write_some(a->stream, buffer, size);
        if (n == -ECANCELED) {
            ++*a->cancelled;
            continue;
        }
        CHECK(n > 0);
        position += (size_t)n;
    }
    return 0;
}

static int check_write_some(enum pair_kind kind)
{
    struct pair pair = stream_pair(kind);
    const size_t size = 6 << 20;
    char *buffer = malloc(size);
    int cancelled = 0, err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, pour_some, .stream = pair.b, .size = size, .cancelled = &cancelled);
        for (size_t have = 0; have < size; have += 600000) {
            size_t more = size - have < 600000 ? size - have : 600000;
            CHECK_INT(eddy_sleep(0.1), 0);
            CHECK_INT(eddy_stream_read_exactly(pair.a, buffer + have, more), more);
        }
    }
    CHECK(pattern_holds(buffer, size, 0));
    CHECK(cancelled > 0); /* how often is up to the system's buffers */
    CHECK_INT(eddy_stream_write_some(pair.b, NULL, 0), 0);
    CHECK_INT(eddy_stream_write_some(pair.b, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the data is NULL");
    pair_close(&pair);
    free(buffer);
    return err;
}

TEST(a_cancelled_write_some_has_written_nothing)
{
    CHECK_INT(check_write_some(PAIR_TCP), 0);
    CHECK_INT(check_write_some(PAIR_UNIX), 0);
    CHECK_INT(check_write_some(PAIR_PIPE), 0);
    return 0;
}

/* ---- interruptions ---- */

static void interrupt(int number)
{
    (void)number;
}

TEST(rule_198_interrupted_calls_are_made_again)
{
    const struct sigaction handler = {.sa_handler = interrupt}; /* no SA_RESTART */
    struct sigaction before;
    const struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    CHECK_INT(sigaction(SIGALRM, &handler, &before), 0);
    CHECK_INT(setitimer(ITIMER_REAL, &often, NULL), 0);
    int r = check_back_pressure(PAIR_TCP);
    r = r ? r : check_back_pressure(PAIR_PIPE);
    (void)setitimer(ITIMER_REAL, &never, NULL);
    (void)sigaction(SIGALRM, &before, NULL);
    return r;
}

/* ---- several parts ---- */

struct pour_parts {
    eddy_stream *stream;
    size_t size;
};

/* Parts of any size and number, also more than one system call takes, also empty ones. */
static int pour_parts(struct pour_parts *a)
{
    char *buffer = malloc(a->size);
    struct iovec parts[200];
    unsigned seed = 7;
    pattern_fill(buffer, a->size, 0);
    for (size_t position = 0; position < a->size;) {
        size_t count = random_next(&seed) % 201, total = 0;
        for (size_t i = 0; i < count; i++) {
            size_t size = random_next(&seed) % 3 ? random_next(&seed) % 3000 : 0;
            if (size > a->size - position - total)
                size = a->size - position - total;
            parts[i] = (struct iovec){size ? buffer + position + total : NULL, size};
            total += size;
        }
        EXPECT_INT(eddy_stream_write_vector(a->stream, parts, count), total);
        position += total;
    }
    free(buffer);
    return 0;
}

static int check_parts(enum pair_kind kind)
{
    struct pair pair = stream_pair(kind);
    const size_t size = 5 << 20;
    char *buffer = malloc(size);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, pour_parts, .stream = pair.b, .size = size);
        CHECK_INT(eddy_stream_read_exactly(pair.a, buffer, size), size);
    }
    CHECK(pattern_holds(buffer, size, 0));
    pair_close(&pair);
    free(buffer);
    return err;
}

TEST(rule_191_vectored_writes_keep_the_order)
{
    CHECK_INT(check_parts(PAIR_TCP), 0);
    CHECK_INT(check_parts(PAIR_UNIX), 0);
    CHECK_INT(check_parts(PAIR_PIPE), 0);
    return 0;
}

TEST(a_cancelled_vectored_write_tells_how_much_went_out)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char *buffer = malloc(1 << 20);
    struct iovec parts[2] = {{buffer, 1 << 20}, {buffer, 1 << 20}};
    pattern_fill(buffer, 1 << 20, 0);
    CHECK_INT(eddy_wait_for((int)eddy_stream_write_vector(pair.b, parts, 2), 1.0), -ETIMEDOUT);
    size_t sent = eddy_stream_partial_write(pair.b);
    CHECK(sent > 0 && sent < 1 << 20);
    eddy_stream_close(pair.b);
    CHECK_INT(eddy_stream_read_exactly(pair.a, buffer, 1 << 20), -ENODATA);
    CHECK_INT(eddy_stream_partial_read(pair.a), sent);
    CHECK_INT(eddy_stream_write_vector(pair.a, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the parts are NULL");
    CHECK_INT(eddy_stream_write_vector(pair.a, (struct iovec[]){{NULL, 1}}, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "part 0 is NULL");
    parts[0].iov_len = SSIZE_MAX;
    CHECK_INT(eddy_stream_write_vector(pair.a, parts, 2), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "part 1 has a size of");
    free(buffer);
    eddy_stream_close(pair.a);
    return 0;
}

/* ---- every way to read, at any moment, with cancels ---- */

struct trickle {
    eddy_stream *stream;
    size_t size;
    unsigned seed;
};

/* Pieces of any size, with and without pauses. */
static int trickle(struct trickle *a)
{
    char buffer[8000];
    for (size_t position = 0; position < a->size;) {
        size_t most = random_next(&a->seed) % 16 ? 40 : sizeof buffer;
        size_t size = 1 + random_next(&a->seed) % most;
        if (size > a->size - position)
            size = a->size - position;
        pattern_fill(buffer, size, position);
        EXPECT_INT(eddy_stream_write(a->stream, buffer, size), size);
        position += size;
        if (random_next(&a->seed) % 3 == 0)
            EXPECT_INT(eddy_sleep(random_next(&a->seed) % 2 ? 0 : 0.01), 0);
    }
    eddy_stream_close(a->stream);
    return 0;
}

/* One read of some kind, perhaps within a timeout: what it returned. */
static ssize_t read_any_way(eddy_stream *stream, char *buffer, size_t size, unsigned *seed)
{
    ssize_t n = 0;
    int err;
    unsigned way = random_next(seed) % 3;
    size_t most = random_next(seed) % 4 ? 50 : size - 2;
    double seconds = 0.005 * (random_next(seed) % 3);
    size = 2 + random_next(seed) % most;
    eddy_with_timeout (random_next(seed) % 2 ? seconds : EDDY_FOREVER, &err) {
        n = way == 0   ? eddy_stream_read(stream, buffer, size)
            : way == 1 ? eddy_stream_read_line(stream, buffer, size)
                       : eddy_stream_read_exactly(stream, buffer, size);
    }
    if (n == -ENODATA) {
        int had = 0;
        EXPECT_INT(
            sscanf(eddy_failure_message(eddy_last_failure()), "the stream ended after %d", &had),
            1);
        n = had;
    }
    return n;
}

static size_t cancelled, too_long;

static int check_every_way(enum pair_kind kind, unsigned seed)
{
    struct pair pair = stream_pair(kind);
    const size_t size = 60000;
    char buffer[5000];
    size_t position = 0;
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, trickle, .stream = pair.b, .size = size, .seed = seed);
        while (position < size) {
            ssize_t n = read_any_way(pair.a, buffer, sizeof buffer, &seed);
            cancelled += n == -ECANCELED;
            too_long += n == -EMSGSIZE;
            if (n == -ECANCELED || n == -EMSGSIZE)
                continue;
            CHECK(n > 0);
            CHECK(pattern_holds(buffer, (size_t)n, position));
            position += (size_t)n;
        }
        CHECK_INT(eddy_stream_read(pair.a, buffer, sizeof buffer), 0);
    }
    CHECK_INT(position, size);
    eddy_stream_close(pair.a);
    return err;
}

TEST(no_byte_is_lost_whatever_reads_and_is_cancelled)
{
    for (unsigned seed = 1; seed <= 3; seed++) {
        CHECK_INT(check_every_way(PAIR_TCP, seed), 0);
        CHECK_INT(check_every_way(PAIR_UNIX, seed), 0);
        CHECK_INT(check_every_way(PAIR_PIPE, seed), 0);
    }
    CHECK(cancelled > 100 && too_long > 100); /* or nothing was tested */
    return 0;
}

struct ping {
    eddy_stream *stream;
    int rounds;
    bool first;
};

static int ping(struct ping *a)
{
    char line[64], expected[64];
    for (int i = 0; i < a->rounds; i++) {
        int length = snprintf(expected, sizeof expected, "round %d\n", i);
        if (a->first)
            EXPECT_INT(eddy_stream_write(a->stream, expected, (size_t)length), length);
        EXPECT_INT(eddy_stream_read_line(a->stream, line, sizeof line), length);
        EXPECT_TEXT(line, expected);
        if (!a->first)
            EXPECT_INT(eddy_stream_write(a->stream, expected, (size_t)length), length);
    }
    return 0;
}

TEST(ping_pong)
{
    struct pair pair = stream_pair(PAIR_TCP);
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, ping, .stream = pair.a, .rounds = 2000, .first = true);
        eddy_spawn(g, ping, .stream = pair.b, .rounds = 2000);
    }
    pair_close(&pair);
    return err;
}

/* ---- fairness ---- */

struct ticker {
    int *ticks;
};

static int ticker(struct ticker *a)
{
    while (eddy_sleep(0) == 0)
        ++*a->ticks;
    return 0;
}

TEST(a_stream_that_never_runs_dry_leaves_room_for_others)
{
    struct pair pair = stream_pair(PAIR_UNIX);
    char buffer[64000];
    int ticks = 0, err;
    pattern_fill(buffer, sizeof buffer, 0);
    CHECK_INT(eddy_stream_write(pair.b, buffer, sizeof buffer), sizeof buffer);
    eddy_with_group (g, &err) {
        eddy_spawn(g, ticker, .ticks = &ticks);
        for (int i = 0; i < 32000; i++)
            CHECK_INT(eddy_stream_read(pair.a, buffer, 1), 1);
        CHECK(ticks > 32000 / 80 && ticks < 32000 / 40);
        ticks = 0;
        CHECK_INT(eddy_stream_read_line(pair.a, buffer, 2), -EMSGSIZE); /* from the buffer now */
        for (int i = 0; i < 16000; i++)
            CHECK_INT(eddy_stream_read(pair.a, buffer, 1), 1);
        CHECK(ticks > 16000 / 80 && ticks < 16000 / 40);
        ticks = 0;
        for (int i = 0; i < 200; i++)
            CHECK_INT(eddy_stream_write(pair.a, "x", 1), 1);
        CHECK(ticks >= 200 / 80 && ticks <= 200 / 40);
        eddy_group_cancel(g);
    }
    pair_close(&pair);
    return err;
}

struct flooded {
    eddy_stream *from, *to;
    int way;
    bool *done;
};

static int64_t find_something_to_do(const struct flooded *a)
{
    char buffer[512] = "";
    switch (a->way) {
    case 0:
        return eddy_stream_read(a->from, buffer, sizeof buffer);
    case 1:
        return eddy_stream_read_exactly(a->from, buffer, sizeof buffer);
    case 2:
        return eddy_stream_write(a->to, buffer, sizeof buffer);
    default:
        return eddy_splice(a->from, a->to, (int64_t)4 << 30);
    }
}

/* None of its calls ever waits. */
static int flooded(struct flooded *a)
{
    int64_t n = 1;
    for (int i = 0; i < 100000 && n > 0; i += a->way < 3 ? 1 : 50000)
        n = find_something_to_do(a);
    EXPECT_INT(n, -ECANCELED);
    *a->done = true;
    return 0;
}

TEST(who_is_flooded_can_be_cancelled)
{
    for (int way = 0; way < 4; way++) {
        eddy_stream *from = stream_of(open("/dev/zero", O_RDONLY | O_CLOEXEC));
        eddy_stream *to = stream_of(open("/dev/null", O_WRONLY | O_CLOEXEC));
        bool done = false;
        int err;
        eddy_with_group (g, &err) {
            eddy_spawn(g, flooded, .from = from, .to = to, .way = way, .done = &done);
            turns(5);
            CHECK(!done);
            eddy_group_cancel(g);
        }
        CHECK(done);
        eddy_stream_close(from);
        eddy_stream_close(to);
    }
    return 0;
}

/* ---- an end that came with the data ---- */

/* The reader is parked, or about to read again, when data and end arrive as one. */
static int check_end_behind_data(enum pair_kind kind, bool parked, bool reset)
{
    int descriptors[2], err;
    char buffer[64];
    const struct linger linger = {.l_onoff = 1};
    descriptor_pair(kind, descriptors);
    eddy_stream *stream = stream_of(descriptors[0]);
    CHECK_INT(eddy_wait_for((int)eddy_stream_read(stream, buffer, sizeof buffer), 0.01),
              -ETIMEDOUT);
    eddy_task *reader = NULL;
    eddy_with_group (g, &err) {
        if (parked) {
            reader = eddy_spawn(g, ping, .stream = stream, .rounds = 1);
            CHECK_INT(eddy_sleep(0), 0);
        }
        CHECK_INT(write(descriptors[1], "round 0\n", 8), 8);
        if (parked) /* its answer must not be lost on a closed peer */
            CHECK_INT(shutdown(descriptors[1], SHUT_WR), 0);
        else if (reset)
            CHECK_INT(setsockopt(descriptors[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
        if (!parked)
            close(descriptors[1]);
        if (reader)
            CHECK_INT(eddy_await(reader), 0);
        else
            CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), 8);
    }
    CHECK_INT(eddy_wait_for((int)eddy_stream_read(stream, buffer, sizeof buffer), 5.0),
              reset ? -ECONNRESET : 0);
    if (parked)
        close(descriptors[1]);
    eddy_stream_close(stream);
    return err;
}

TEST(an_end_behind_the_data_is_seen)
{
    for (int i = 0; i < 20; i++) {
        CHECK_INT(check_end_behind_data(PAIR_TCP, true, false), 0);
        CHECK_INT(check_end_behind_data(PAIR_TCP, false, false), 0);
        CHECK_INT(check_end_behind_data(PAIR_TCP, false, true), 0);
        CHECK_INT(check_end_behind_data(PAIR_UNIX, true, false), 0);
        CHECK_INT(check_end_behind_data(PAIR_UNIX, false, false), 0);
        CHECK_INT(check_end_behind_data(PAIR_PIPE, false, false), 0);
    }
    return 0;
}

/* The whole life of a short connection, in the order that streams like least. */
TEST(an_end_after_the_edge_of_the_data_is_seen)
{
    for (int i = 0; i < 20; i++) {
        int descriptors[2];
        char buffer[64];
        descriptor_pair(i % 2 ? PAIR_TCP : PAIR_UNIX, descriptors);
        eddy_stream *stream = stream_of(descriptors[0]);
        CHECK_INT(eddy_wait_for((int)eddy_stream_read(stream, buffer, sizeof buffer), 0.01),
                  -ETIMEDOUT);
        CHECK_INT(write(descriptors[1], "data", 4), 4);
        CHECK_INT(eddy_sleep(0.01), 0); /* the edge is delivered, to nobody */
        close(descriptors[1]);
        CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), 4);
        CHECK_INT(eddy_wait_for((int)eddy_stream_read(stream, buffer, sizeof buffer), 5.0), 0);
        eddy_stream_close(stream);
    }
    return 0;
}

/* ---- urgent data ---- */

/* A read ends at its mark, whatever comes behind it. */
TEST(what_comes_behind_urgent_data_is_read)
{
    struct pair pair = stream_pair(PAIR_TCP);
    char buffer[16] = "";
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, say, .stream = pair.a, .text = "x");
        CHECK_INT(eddy_stream_read(pair.b, buffer, 16), 1); /* it is watched from here on */
    }
    CHECK_INT(eddy_stream_write(pair.a, "ab", 2), 2);
    CHECK_INT(send(eddy_stream_descriptor(pair.a), "!", 1, MSG_OOB), 1);
    CHECK_INT(eddy_stream_write(pair.a, "cd", 2), 2);
    CHECK_INT(eddy_sleep(1), 0); /* whatever it is told of them, it is told by now */
    CHECK_INT(eddy_wait_for(eddy_stream_read_exactly(pair.b, buffer, 4), 1), 4);
    CHECK(memcmp(buffer, "abcd", 4) == 0);
    pair_close(&pair);
    return err;
}
