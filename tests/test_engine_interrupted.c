/* SPDX-License-Identifier: MIT */
/*
 * Engines: system calls that a signal interrupts. Those that needn't wait hardly ever are, so it is
 * made up here: the program's own definitions of these functions go before the C library's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include "engine_test.h"

/* How many of the next calls are interrupted: before they have done anything, or (what has an
 * effect all the same) after. */
static int interruptions;

static bool interrupt(void)
{
    if (!interruptions)
        return false;
    interruptions--;
    errno = EINTR;
    return true;
}

#define REAL(name)                                                                                 \
    ({                                                                                             \
        __typeof__(&interrupted_##name) real_;                                                     \
        *(void **)&real_ = dlsym(RTLD_NEXT, #name);                                                \
        real_;                                                                                     \
    })

/* Under other names of their own: the headers' declarations differ from one C library to
 * another. */
#define INTERRUPTED_BEFORE(result, name, parameters, arguments)                                    \
    result interrupted_##name parameters __asm__(#name);                                           \
    result interrupted_##name parameters                                                           \
    {                                                                                              \
        return interrupt() ? -1 : REAL(name) arguments;                                            \
    }
#define INTERRUPTED_AFTER(result, name, parameters, arguments)                                     \
    result interrupted_##name parameters __asm__(#name);                                           \
    result interrupted_##name parameters                                                           \
    {                                                                                              \
        result r = REAL(name) arguments;                                                           \
        return interrupt() ? -1 : r;                                                               \
    }

INTERRUPTED_BEFORE(ssize_t, recv, (int s, void *b, size_t n, int f), (s, b, n, f))
INTERRUPTED_BEFORE(ssize_t, send, (int s, const void *b, size_t n, int f), (s, b, n, f))
INTERRUPTED_BEFORE(ssize_t, recvmsg, (int s, struct msghdr *m, int f), (s, m, f))
INTERRUPTED_BEFORE(ssize_t, sendmsg, (int s, const struct msghdr *m, int f), (s, m, f))
INTERRUPTED_BEFORE(int, recvmmsg, (int s, struct mmsghdr *m, unsigned n, int f, struct timespec *t),
                   (s, m, n, f, t))
INTERRUPTED_BEFORE(int, sendmmsg, (int s, struct mmsghdr *m, unsigned n, int f), (s, m, n, f))
INTERRUPTED_BEFORE(ssize_t, splice, (int in, loff_t *io, int out, loff_t *oo, size_t n, unsigned f),
                   (in, io, out, oo, n, f))
INTERRUPTED_BEFORE(ssize_t, sendfile, (int out, int in, off_t *o, size_t n), (out, in, o, n))
INTERRUPTED_BEFORE(ssize_t, sendfile64, (int out, int in, int64_t *o, size_t n), (out, in, o, n))
INTERRUPTED_BEFORE(int, accept4, (int s, struct sockaddr *a, socklen_t *n, int f), (s, a, n, f))
INTERRUPTED_AFTER(int, connect, (int s, const struct sockaddr *a, socklen_t n), (s, a, n))
INTERRUPTED_AFTER(int, close, (int descriptor), (descriptor))

/* The call's result, of which the first three attempts were interrupted. */
#define INTERRUPTED(call)                                                                          \
    ({                                                                                             \
        interruptions = 3;                                                                         \
        long long r_ = (call);                                                                     \
        assert_int_equal(interruptions, 0);                                                        \
        r_;                                                                                        \
    })

static void test_bytes(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const struct engine_vtable *call = engine->call;
    int pair[2];
    char text[8] = "";
    struct iovec part = {.iov_base = text, .iov_len = sizeof text};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    make_pair(pair);
    assert_int_equal(INTERRUPTED(call->send(engine, pair[0], "one", 3)), 3);
    assert_int_equal(INTERRUPTED(call->receive(engine, pair[1], text, sizeof text)), 3);
    assert_string_equal(text, "one");
    part.iov_len = 2;
    assert_int_equal(INTERRUPTED(call->send_message(engine, pair[0], &message)), 2);
    part = (struct iovec){.iov_base = text + 4, .iov_len = 4};
    assert_int_equal(INTERRUPTED(call->receive_message(engine, pair[1], &message)), 2);
    assert_string_equal(text + 4, "on");
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void test_files_and_pipes(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const struct engine_vtable *call = engine->call;
    int pair[2], ends[2];
    char text[8] = "";
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_true(fputs("text", file) >= 0);
    assert_int_equal(fflush(file), 0);
    make_pair(pair);
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(INTERRUPTED(call->send_file(engine, pair[0], fileno(file), 1, 3)), 3);
    assert_int_equal(INTERRUPTED(call->receive_into_pipe(engine, pair[1], ends[1], 3)), 3);
    assert_int_equal(INTERRUPTED(call->send_from_pipe(engine, ends[0], pair[0], 3)), 3);
    assert_int_equal(call->receive(engine, pair[1], text, sizeof text), 3);
    assert_string_equal(text, "ext");
    (void)fclose(file);
    for (int i = 0; i < 2; i++) {
        (void)close(pair[i]);
        (void)close(ends[i]);
    }
}

static void test_datagrams(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const struct engine_vtable *call = engine->call;
    int pair[2];
    char text[8] = "ab";
    struct iovec part = {.iov_base = text, .iov_len = 2};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(INTERRUPTED(call->send_datagrams(engine, pair[0], &message, 1)), 1);
    part.iov_base = text + 4;
    assert_int_equal(INTERRUPTED(call->receive_datagrams(engine, pair[1], &message, 1)), 1);
    assert_string_equal(text + 4, "ab");
    (void)close(pair[0]);
    (void)close(pair[1]);
}

/* A connect goes on by itself; to close again would hit whoever got the number in between. */
static void test_connections(void **state)
{
    struct engine *engine = ENGINE_OR_SKIP(state);
    const struct engine_vtable *call = engine->call;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr *any = (const struct sockaddr *)&address;
    socklen_t size = sizeof address;
    int listener = call->socket(engine, AF_INET, SOCK_STREAM, 0), r;
    assert_int_equal(call->bind(engine, listener, any, size), 0);
    assert_int_equal(call->listen(engine, listener, 5), 0);
    assert_int_equal(call->local_address(engine, listener, (struct sockaddr *)&address, &size), 0);
    int client = call->socket(engine, AF_INET, SOCK_STREAM, 0), server;
    struct counter at_listener, at_client;
    begin_edge(engine, &at_listener, listener);
    interruptions = 1;
    assert_int_equal(call->connect(engine, client, any, size), -EINPROGRESS);
    assert_int_equal(interruptions, 0);
    begin_edge(engine, &at_client, client);
    while (!(at_client.what & READY_WRITE) || !(at_listener.what & READY_READ))
        assert_true(call->turn(engine, -1) >= 0);
    r = call->connect(engine, client, any, size);
    assert_true(r == 0 || r == -EISCONN);
    server = (int)INTERRUPTED(call->accept(engine, listener, NULL, NULL));
    assert_true(server >= 0);
    engine->call->unwatch(engine, &at_client.watch);
    engine->call->unwatch(engine, &at_listener.watch);
    interruptions = 1;
    assert_int_equal(call->close(engine, server), 0);
    assert_int_equal(interruptions, 0);
    assert_int_equal(fcntl(server, F_GETFD), -1);
    (void)close(client);
    (void)close(listener);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, engine_up, engine_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bytes),
        TEST(test_files_and_pipes),
        TEST(test_datagrams),
        TEST(test_connections),
    };
    return engine_run(tests, sizeof tests / sizeof *tests);
}
