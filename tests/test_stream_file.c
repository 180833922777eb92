/* SPDX-License-Identifier: MIT */
/* Files to streams: exact counts, order, layers, what goes wrong in the middle. */
#include <eddy/sweep.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include "loop.h"
#include "stream_drip.h"
#include "stream_network.h"
#include "support/folder.h"

#define FILE_SIZE 300000

static char data_at(size_t position)
{
    return (char)((position * 2654435761u) >> 16);
}

static char path[TEST_PATH];

/* A file of this size; NULL if it was cancelled. */
static eddy_file *make_file(size_t size)
{
    eddy_file *file = NULL;
    char *data = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        data[i] = data_at(i);
    (void)snprintf(path, sizeof path, "%s/eddy-stream-file-%d",
                   loop_self->engine->call->simulated ? "/tmp" : test_folder(), (int)getpid());
    int r = eddy_file_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600, &file);
    if (r == 0 && eddy_file_write(file, data, size) < 0) {
        (void)eddy_file_close(file);
        file = NULL;
    }
    free(data);
    return file;
}

static void drop_file(eddy_file *file)
{
    (void)eddy_file_close(file);
    eddy_with_shield (EDDY_FOREVER) {
        EXPECT_INT(eddy_unlink(path), 0);
    }
}

struct sender {
    eddy_stream *stream;
    eddy_file *file;
    uint64_t offset;
    size_t size;
    ssize_t *sent;
};

static int sender(struct sender *a)
{
    ssize_t n = eddy_stream_write(a->stream, "head:", 5);
    if (n >= 0)
        n = *a->sent = eddy_sendfile(a->stream, a->file, a->offset, a->size);
    if (n >= 0)
        n = eddy_stream_write(a->stream, ":tail", 5);
    int ended = eddy_stream_write_end(a->stream); /* also when cancelled: the reader waits for it */
    return n < 0 ? (int)n : ended;
}

/* So much of the file arrives between head and tail. */
static int check_sent(uint64_t offset, size_t size, size_t expected)
{
    struct network network;
    eddy_file *file = make_file(FILE_SIZE);
    CHECK_INT(network_open(&network), 0);
    char *buffer = malloc(expected + 11);
    ssize_t sent = 0, n = 0;
    int err;
    eddy_with_group (g, &err) {
        eddy_spawn(g, sender, .stream = network.peer, .file = file, .offset = offset, .size = size,
                   .sent = &sent);
        n = eddy_stream_read_exactly(network.client, buffer, expected + 11);
        if (n != -ENODATA)
            eddy_group_cancel(g); /* nobody reads what it sends */
    }
    CHECK_INT(n, -ENODATA);
    CHECK_INT(eddy_stream_partial_read(network.client), expected + 10);
    CHECK_INT(sent, expected);
    CHECK(memcmp(buffer, "head:", 5) == 0 && memcmp(buffer + expected + 5, ":tail", 5) == 0);
    size_t wrong = 0;
    for (size_t i = 0; i < expected; i++)
        wrong += buffer[5 + i] != data_at((size_t)offset + i);
    CHECK_INT(wrong, 0);
    free(buffer);
    CHECK_INT(eddy_file_seek(file, 0, SEEK_CUR), FILE_SIZE); /* where it was */
    drop_file(file);
    network_close(&network);
    return err;
}

TEST(rule_210_exact_count_from_an_offset_in_order_with_writes)
{
    CHECK_INT(check_sent(0, FILE_SIZE, FILE_SIZE), 0);
    CHECK_INT(check_sent(1, 1, 1), 0);
    CHECK_INT(check_sent(12345, 100000, 100000), 0);
    CHECK_INT(check_sent(5, 0, 0), 0);
    return 0;
}

TEST(rule_210_a_file_that_ends_before_gives_fewer)
{
    CHECK_INT(check_sent(FILE_SIZE - 7, 1000, 7), 0);
    CHECK_INT(check_sent(0, SIZE_MAX, FILE_SIZE), 0);
    CHECK_INT(check_sent(FILE_SIZE, 10, 0), 0);
    CHECK_INT(check_sent(INT64_MAX, 10, 0), 0);
    return 0;
}

TEST(rule_210_it_falls_back_to_a_copy_for_layers)
{
    eddy_file *file = make_file(50);
    struct drip drip = {.text = "", .drop = 7};
    eddy_stream *stream = drip_stream(&drip);
    CHECK_INT(eddy_sendfile(stream, file, 10, 30), 30);
    CHECK_INT(drip.written_size, 30);
    for (size_t i = 0; i < 30; i++)
        CHECK(drip.written[i] == data_at(10 + i));
    CHECK_INT(eddy_sendfile(stream, file, 0, 50), -EMSGSIZE); /* the layer's own */
    CHECK_INT(eddy_stream_partial_write(stream), 28);
    eddy_stream_close(stream);
    drop_file(file);
    return 0;
}

/* A system that says of files whether they are in memory, and has no sendfile. */
static struct engine_vtable odd;
static size_t asked_to_send;
static bool in_memory;
static int refusal;

static ssize_t read_now_or_not(struct engine *engine, int descriptor, void *buffer, size_t size,
                               int64_t offset)
{
    (void)engine;
    (void)descriptor;
    (void)buffer;
    (void)offset;
    return in_memory && size == 1 ? 1 : -EAGAIN; /* a question, not a reading */
}

static ssize_t refuse_to_send(struct engine *engine, int descriptor, int file, int64_t offset,
                              size_t size)
{
    (void)engine;
    (void)descriptor;
    (void)file;
    (void)offset;
    (void)size;
    asked_to_send++;
    return refusal;
}

static int check_copied(bool memory, int code, size_t asked)
{
    struct engine *engine = loop_self->engine;
    const struct engine_vtable *real = engine->call;
    odd = *real;
    odd.read_now = read_now_or_not;
    odd.send_file = refuse_to_send;
    asked_to_send = 0;
    in_memory = memory;
    refusal = code;
    engine->call = &odd;
    int r = check_sent(12345, 200000, 200000);
    engine->call = real;
    CHECK_INT(asked_to_send, asked);
    return r;
}

/* Sent by the system it would keep the loop waiting for the disk. */
TEST(rule_210_what_is_not_in_memory_is_copied)
{
    return check_copied(false, 0, 0);
}

TEST(rule_210_it_falls_back_to_a_copy_where_the_system_can_not_send_it)
{
    return check_copied(true, -EINVAL, 1); /* asks once */
}

/* Where the system finds fault with the file, that isn't the stream's error: reading it tells. */
TEST(rule_210_an_error_of_the_file_does_the_stream_no_harm)
{
    struct network network;
    CHECK_INT(check_copied(true, -EIO, 1), 0);
    eddy_file *file = make_file(50);
    CHECK_INT(network_open(&network), 0);
    CHECK_INT(eddy_sendfile(network.peer, file, INT64_MAX - 5, 50), 0); /* behind its end */
    CHECK_INT(eddy_sendfile(network.peer, file, 40, SIZE_MAX), 10);
    CHECK_INT(eddy_stream_write(network.peer, "x", 1), 1);
    drop_file(file);
    network_close(&network);
    return 0;
}

struct endless {
    eddy_stream *stream;
    eddy_file *file;
    int expected;
    size_t *partial;
};

/* Nobody reads it. */
static int endless(struct endless *a)
{
    ssize_t n = 0;
    while (n >= 0)
        n = eddy_sendfile(a->stream, a->file, 0, FILE_SIZE);
    EXPECT_INT(n, a->expected);
    if (a->partial)
        *a->partial = eddy_stream_partial_write(a->stream);
    (void)eddy_stream_write_end(a->stream); /* others needn't wait for it any more */
    return 0;
}

TEST(rule_210_a_second_sender_is_refused_and_a_cancelled_one_tells_how_far_it_came)
{
    struct network network;
    eddy_file *file = make_file(FILE_SIZE);
    size_t partial = 0;
    int err;
    CHECK_INT(network_open(&network), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, endless, .stream = network.peer, .file = file, .expected = -ECANCELED,
                   .partial = &partial);
        CHECK_INT(eddy_sleep(1), 0);
        CHECK_INT(eddy_stream_write(network.peer, "x", 1), -EBUSY);
        CHECK_INT(eddy_sendfile(network.peer, file, 0, 1), -EBUSY);
        eddy_group_cancel(g);
    }
    CHECK(partial < FILE_SIZE);
    drop_file(file);
    network_close(&network);
    return err;
}

TEST(rule_210_a_peer_that_closes_in_the_middle_is_an_error)
{
    struct network network;
    eddy_file *file = make_file(FILE_SIZE);
    char buffer[100];
    int err;
    CHECK_INT(network_open(&network), 0);
    eddy_with_group (g, &err) {
        eddy_spawn(g, endless, .stream = network.peer, .file = file, .expected = -ECONNRESET);
        CHECK_INT(eddy_stream_read_exactly(network.client, buffer, 100), 100);
        CHECK_INT(eddy_sleep(1), 0);
        eddy_stream_close(network.client); /* with data unread */
        network.client = NULL;
    }
    drop_file(file);
    network_close(&network);
    return err;
}

TEST(rule_210_a_reader_that_has_gone_is_an_error_and_no_signal)
{
    eddy_file *file = make_file(50);
    eddy_stream *reader, *writer;
    CHECK_INT(eddy_stream_pipe(&reader, &writer), 0);
    eddy_stream_close(reader);
    CHECK_INT(eddy_sendfile(writer, file, 0, 50), -EPIPE);
    eddy_stream_close(writer);
    drop_file(file);
    return 0;
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

static void *read_some_and_leave(void *descriptor)
{
    static char buffer[65536];
    ssize_t n;
    for (size_t have = 0; have < 300000; have += (size_t)n)
        if ((n = read(*(int *)descriptor, buffer, sizeof buffer)) <= 0)
            break;
    (void)close(*(int *)descriptor);
    return NULL;
}

/* How often nobody knows: the call then tells of bytes, and not of the signal that it raised. */
REAL_PLAIN_TEST(rule_210_a_peer_that_leaves_while_the_system_sends_raises_no_signal)
{
    struct sigaction before, counting = {.sa_handler = count_signal};
    const int file = memfd_create("eddy", MFD_CLOEXEC), size = 8 << 20;
    EXPECT_INT(ftruncate(file, size), 0);
    (void)sigaction(SIGPIPE, &counting, &before);
    for (int i = 0; i < 150; i++) {
        int ends[2];
        pthread_t thread;
        ssize_t n;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
            abort();
        (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
        if (pthread_create(&thread, NULL, read_some_and_leave, &ends[1]) != 0)
            abort();
        while ((n = engine_socket_send_file(NULL, ends[0], file, 0, (size_t)size)) != -EPIPE) {
            struct pollfd room = {.fd = ends[0], .events = POLLOUT};
            if (n == -EAGAIN)
                (void)poll(&room, 1, -1);
        }
        (void)pthread_join(thread, NULL);
        (void)close(ends[0]);
    }
    (void)sigaction(SIGPIPE, &before, NULL);
    EXPECT_INT(signals, 0);
    (void)close(file);
}

TEST(rule_210_a_closed_stream_sends_no_file)
{
    eddy_file *file = make_file(50);
    struct drip drip = {.text = ""};
    eddy_stream *stream = drip_stream(&drip);
    CHECK_INT(eddy_sendfile(NULL, file, 0, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the stream is NULL");
    CHECK_INT(eddy_sendfile(stream, NULL, 0, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the file is NULL");
    CHECK_INT(eddy_sendfile(stream, file, UINT64_MAX, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "beyond INT64_MAX");
    CHECK_INT(eddy_sendfile(stream, file, 0, 0), 0);
    eddy_stream_close(stream);
    drop_file(file);
    return 0;
}

/* The handler's task may be the one that is cancelled: the stream is its own. */
static int send_to_client(eddy_stream *stream, void *file)
{
    ssize_t n = eddy_sendfile(stream, file, 1000, 2000);
    EXPECT(n == 2000 || (n < 0 && eddy_stream_partial_write(stream) < 2000));
    return n < 0 ? (int)n : 0;
}

static int send_a_file(void)
{
    eddy_server *server;
    eddy_stream *stream = NULL;
    char buffer[2000];
    eddy_file *file = make_file(3000);
    if (!file)
        return -ECANCELED;
    int r = eddy_serve("127.0.0.1", 0, send_to_client, file, NULL, &server);
    if (r == 0) {
        r = eddy_connect("127.0.0.1", eddy_server_port(server), &stream);
        if (r == 0)
            r = (int)eddy_stream_read_exactly(stream, buffer, sizeof buffer);
        eddy_stream_close(stream);
        eddy_server_close(server);
    }
    (void)eddy_file_close(file);
    return r < 0 ? r : 0;
}

ANYWHERE_PLAIN_TEST(sendfile_swept)
{
    EXPECT_INT(eddy_sweep_cancel(send_a_file), 0);
    (void)unlink(path);
}
