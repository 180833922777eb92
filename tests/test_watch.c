/* SPDX-License-Identifier: MIT */
/* Readers, writers, and tasks that wait for a descriptor. */
#include <fcntl.h>
#include <sys/socket.h>
#define TEST_DEFAULTS .real_system = true
#include "support/test.h"

struct pipe_reader {
    int descriptor;
    int calls;
    const char *name;
};

static void read_one(void *argument)
{
    struct pipe_reader *a = argument;
    char c;
    a->calls++;
    EXPECT_INT(read(a->descriptor, &c, 1), 1);
    note("%s%c", a->name, c);
}

static void only_count(void *argument)
{
    ((struct pipe_reader *)argument)->calls++;
}

static int put(int descriptor, const char *text)
{
    return (int)write(descriptor, text, strlen(text));
}

/* A non-blocking pair of sockets; both ends read and write. */
static int pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
}

static void close_pair(const int ends[2])
{
    (void)close(ends[0]);
    (void)close(ends[1]);
}

TEST(a_reader_is_called_whenever_there_is_something_until_removed)
{
    int ends[2];
    CHECK_INT(pair(ends), 0);
    struct pipe_reader reader = {.descriptor = ends[0], .name = ""};
    CHECK_INT(eddy_add_reader(ends[0], read_one, &reader), 0);
    CHECK_INT(put(ends[1], "abc"), 3);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("a b c"); /* level-triggered: once a byte, though written at once */
    CHECK_INT(put(ends[1], "d"), 1);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("d");
    CHECK(eddy_remove_reader(ends[0]));
    CHECK(!eddy_remove_reader(ends[0]));
    CHECK_INT(put(ends[1], "e"), 1);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("");
    close_pair(ends);
    return 0;
}

TEST(rule_021_readers_and_writers_are_independent_and_a_second_one_replaces)
{
    int ends[2];
    CHECK_INT(pair(ends), 0);
    struct pipe_reader first = {.name = "1"}, second = {.descriptor = ends[0], .name = "2"};
    struct pipe_reader writer = {.name = "w"};
    CHECK_INT(eddy_add_reader(ends[0], only_count, &first), 0);
    CHECK_INT(eddy_add_reader(ends[0], read_one, &second), 0);
    CHECK_INT(put(ends[1], "x"), 1);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("2x");
    CHECK_INT(first.calls, 0);
    CHECK(!eddy_remove_writer(ends[0]));
    CHECK_INT(eddy_add_writer(ends[0], only_count, &writer), 0);
    turns(3);
    CHECK(writer.calls >= 2);
    CHECK_INT(second.calls, 1);
    CHECK(eddy_remove_writer(ends[0]));
    writer.calls = 0;
    CHECK_INT(put(ends[1], "y"), 1); /* the reader is still there */
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("2y");
    CHECK_INT(writer.calls, 0);
    CHECK(eddy_remove_reader(ends[0]));
    close_pair(ends);
    return 0;
}

struct remover {
    int other;
    int own;
    int calls;
};
static void remove_other(void *argument)
{
    struct remover *a = argument;
    a->calls++;
    EXPECT(eddy_remove_reader(a->other));
    EXPECT(eddy_remove_reader(a->own));
}

TEST(rule_005_removed_in_the_same_turn_it_does_not_run)
{
    int a[2], b[2];
    CHECK_INT(pair(a), 0);
    CHECK_INT(pair(b), 0);
    struct remover first = {.own = a[0], .other = b[0]}, second = {.own = b[0], .other = a[0]};
    CHECK_INT(eddy_add_reader(a[0], remove_other, &first), 0);
    CHECK_INT(eddy_add_reader(b[0], remove_other, &second), 0);
    CHECK_INT(put(a[1], "x") + put(b[1], "x"), 2);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(first.calls + second.calls, 1); /* both were ready; one removed the other */
    close_pair(a);
    close_pair(b);
    return 0;
}

struct replacer {
    int own, other;
    struct pipe_reader *replacement;
};
static void drain_and_replace(void *argument)
{
    struct replacer *a = argument;
    char c;
    EXPECT_INT(read(a->other, &c, 1), 1); /* nothing is readable there any more */
    EXPECT_INT(eddy_add_reader(a->other, only_count, a->replacement), 0);
    EXPECT(eddy_remove_reader(a->own));
}

TEST(rule_021_a_replacement_waits_for_a_readiness_of_its_own)
{
    int a[2], b[2];
    CHECK_INT(pair(a), 0);
    CHECK_INT(pair(b), 0);
    struct pipe_reader replacement = {.name = "r"};
    struct replacer first = {.own = a[0], .other = b[0], .replacement = &replacement};
    struct replacer second = {.own = b[0], .other = a[0], .replacement = &replacement};
    CHECK_INT(eddy_add_reader(a[0], drain_and_replace, &first), 0);
    CHECK_INT(eddy_add_reader(b[0], drain_and_replace, &second), 0);
    CHECK_INT(put(a[1], "x") + put(b[1], "x"), 2);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(replacement.calls, 0); /* the old one's turn is not its turn */
    CHECK(eddy_remove_reader(a[0]) || eddy_remove_reader(b[0]));
    close_pair(a);
    close_pair(b);
    return 0;
}

/* ---- tasks ---- */

struct waits {
    int descriptor;
    bool writing;
    const char *name;
};
static int waits(struct waits *a)
{
    int r = a->writing ? eddy_wait_writable(a->descriptor) : eddy_wait_readable(a->descriptor);
    note("%s%s", r < 0 ? "!" : "", a->name);
    return r;
}

TEST(a_task_waits_for_readable_and_writable)
{
    int ends[2], err;
    CHECK_INT(pair(ends), 0);
    CHECK_INT(eddy_wait_writable(ends[0]), 0); /* at once: there is room */
    eddy_with_group (g, &err) {
        eddy_spawn(g, waits, .descriptor = ends[0], .name = "read");
        eddy_spawn(g, waits, .descriptor = ends[0], .writing = true, .name = "write");
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_NOTES("write");
        EXPECT_INT(put(ends[1], "x"), 1);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("read");
    CHECK_INT(eddy_wait_readable(ends[0]), 0); /* still */
    (void)close(ends[1]);
    CHECK_INT(eddy_wait_readable(ends[0]), 0); /* and at the end of the stream */
    return close(ends[0]);
}

TEST(what_another_has_taken_meanwhile_isnt_readable)
{
    int ends[2], err;
    char c;
    CHECK_INT(pair(ends), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, waits, .descriptor = ends[0], .name = "read");
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_INT(put(ends[1], "x"), 1);
        EXPECT_INT(read(ends[0], &c, 1), 1);
        EXPECT_INT(eddy_sleep(1), 0);
        EXPECT_NOTES("");
        EXPECT_INT(put(ends[1], "y"), 1);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("read");
    close_pair(ends);
    return 0;
}

TEST(a_second_wait_for_the_same_thing_is_EBUSY)
{
    int ends[2], err;
    struct pipe_reader reader = {.name = "r"};
    CHECK_INT(pair(ends), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, waits, .descriptor = ends[0], .name = "first");
        turns(1);
        EXPECT_INT(eddy_wait_readable(ends[0]), -EBUSY);
        EXPECT_INT(eddy_add_reader(ends[0], only_count, &reader), -EBUSY);
        EXPECT(!eddy_remove_reader(ends[0]));
        EXPECT_INT(eddy_wait_writable(ends[0]), 0); /* the other direction is free */
        EXPECT_INT(put(ends[1], "x"), 1);
    }
    CHECK_INT(err, 0);
    CHECK_NOTES("first");
    CHECK_INT(eddy_add_reader(ends[0], only_count, &reader), 0);
    CHECK_INT(eddy_wait_readable(ends[0]), -EBUSY);
    CHECK(eddy_remove_reader(ends[0]));
    close_pair(ends);
    return 0;
}

TEST(rule_082_a_cancelled_wait_leaves_nothing_registered)
{
    int ends[2];
    CHECK_INT(pair(ends), 0);
    for (int i = 0; i < 10; i++)
        CHECK_INT(eddy_wait_for(eddy_wait_readable(ends[0]), 1), -ETIMEDOUT);
    CHECK_TIME(10);
    struct pipe_reader reader = {.descriptor = ends[0], .name = ""};
    CHECK_INT(eddy_add_reader(ends[0], read_one, &reader), 0); /* nobody is in the way */
    CHECK_INT(put(ends[1], "x"), 1);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_NOTES("x");
    CHECK(eddy_remove_reader(ends[0]));
    CHECK_INT(put(ends[1], "y"), 1);
    CHECK_INT(eddy_wait_readable(ends[0]), 0); /* the data are still there */
    close_pair(ends);
    return 0;
}

TEST(a_number_used_again_by_another_file_works)
{
    for (int i = 0; i < 20; i++) {
        int ends[2];
        CHECK_INT(pair(ends), 0);
        CHECK_INT(put(ends[1], "x"), 1);
        CHECK_INT(eddy_wait_readable(ends[0]), 0);
        struct pipe_reader reader = {.descriptor = ends[0], .name = ""};
        CHECK_INT(eddy_add_reader(ends[0], read_one, &reader), 0);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_NOTES("x");
        CHECK(eddy_remove_reader(ends[0]));
        close_pair(ends);
    }
    return 0;
}

TEST(bad_descriptors)
{
    CHECK_INT(eddy_add_reader(-1, only_count, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_add_reader");
    CHECK_INT(eddy_add_writer(INT32_MIN, only_count, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_add_writer");
    CHECK_INT(eddy_add_reader(0, NULL, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_add_reader");
    CHECK_INT(eddy_wait_readable(-1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_wait_readable");
    CHECK_INT(eddy_wait_writable(-7), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_wait_writable");
    CHECK(!eddy_remove_reader(-1) && !eddy_remove_writer(99999) && !eddy_remove_reader(INT32_MAX));
    int closed = dup(0);
    CHECK_INT(close(closed), 0);
    CHECK_INT(eddy_add_reader(closed, only_count, NULL), -EBADF);
    CHECK_INT(eddy_wait_readable(closed), -EBADF);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK_INT(eddy_add_reader(file, only_count, NULL), -EPERM);
    CHECK_INT(eddy_wait_readable(file), -EPERM);
    CHECK(!eddy_remove_reader(file));
    return close(file);
}

static int leaves_reader(void)
{
    static int ends[2];
    CHECK_INT(pair(ends), 0);
    CHECK_INT(eddy_add_reader(ends[0], only_count, NULL), 0);
    CHECK_INT(eddy_add_writer(ends[1], only_count, NULL), 0);
    close_pair(ends); /* "remove before closing": forgotten here, and still no harm at the end */
    return 0;
}

PLAIN_TEST(readers_left_over_go_with_the_loop)
{
    eddy_test_allow_leftovers(2);
    EXPECT_INT(test_run(leaves_reader), 0);
}

PLAIN_TEST(rule_023_outside_a_loop_adding_fails_and_removing_is_harmless)
{
    test_stderr_begin();
    EXPECT_INT(eddy_add_reader(0, only_count, NULL), -EINVAL);
    EXPECT_CONTAINS(test_stderr_end(), "eddy_add_reader: called outside a loop");
    EXPECT(!eddy_remove_reader(0));
    EXPECT(!eddy_remove_writer(0));
}

static int never_called(eddy_stream *stream, void *context)
{
    (void)stream;
    return context ? 1 : 0;
}

ANYWHERE_TEST(rule_022_a_descriptor_of_a_stream_or_server_is_refused)
{
    struct pipe_reader unused = {.name = ""};
    eddy_server *server;
    eddy_stream *stream;
    CHECK_INT(eddy_serve("127.0.0.1", 0, never_called, NULL, NULL, &server), 0);
    CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &stream), 0);
    int descriptor = eddy_stream_descriptor(stream);
    CHECK_INT(eddy_add_reader(descriptor, only_count, &unused), -EBUSY);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "belongs to a stream");
    CHECK_INT(eddy_add_writer(descriptor, only_count, &unused), -EBUSY);
    CHECK_INT(eddy_wait_readable(descriptor), -EBUSY);
    CHECK(!eddy_remove_reader(descriptor));
    eddy_failure_clear();
    eddy_stream_close(stream);
    eddy_server_close(server);
    return 0;
}

TEST(rule_022_the_number_is_free_again_after_the_close)
{
    int ends[2];
    eddy_stream *stream;
    struct pipe_reader counter = {.name = ""};
    CHECK_INT(pair(ends), 0);
    int other = fcntl(ends[0], F_DUPFD_CLOEXEC, 200);
    CHECK_INT(other, 200);
    CHECK_INT(eddy_stream_from_descriptor(other, &stream), 0);
    CHECK_INT(eddy_add_writer(other, only_count, &counter), -EBUSY);
    eddy_failure_clear();
    eddy_stream_close(stream);
    CHECK_INT(fcntl(ends[0], F_DUPFD_CLOEXEC, 200), other);
    CHECK_INT(eddy_add_writer(other, only_count, &counter), 0);
    turns(3);
    CHECK(counter.calls > 0);
    CHECK(eddy_remove_writer(other));
    (void)close(other);
    close_pair(ends);
    return 0;
}
