/* SPDX-License-Identifier: MIT */
/* Servers on sockets that listen already: one's own, or a service manager's. */
#include <sys/un.h>
#include <sys/wait.h>
#define TEST_DEFAULTS .real_system = true
#include "stream_pairs.h"

static int greet(eddy_stream *stream, void *context)
{
    const char *text = context;
    ssize_t n = eddy_stream_write(stream, text, strlen(text));
    return n < 0 ? (int)n : 0;
}

static char hello[] = "hello";

static bool greets(int port)
{
    char buffer[8] = "";
    eddy_stream *stream = stream_of(connected_socket(port));
    bool same = EXPECT_INT(eddy_stream_read_exactly(stream, buffer, 5), 5) &&
                EXPECT_TEXT(buffer, hello);
    eddy_stream_close(stream);
    return same;
}

TEST(two_sockets_of_ones_own)
{
    eddy_server *server = NULL;
    char address[64], expected[64];
    int ports[2];
    int descriptors[2] = {listening_socket(&ports[0]), listening_socket(&ports[1])};
    int shared = dup(descriptors[0]);
    CHECK_INT(eddy_serve_descriptors(descriptors, 2, greet, hello, NULL, &server), 0);
    CHECK_INT(eddy_server_port(server), ports[0]);
    (void)snprintf(expected, sizeof expected, "127.0.0.1:%d", ports[1]);
    CHECK(eddy_server_address(server, 1, address, sizeof address) > 0);
    CHECK_TEXT(address, expected);
    CHECK(greets(ports[0]));
    CHECK(greets(ports[1]));
    CHECK(fcntl(shared, F_GETFL) & O_NONBLOCK);
    eddy_server_close(server);
    CHECK_INT(fcntl(descriptors[0], F_GETFD), -1);
    close(shared);
    return 0;
}

/* As a process that is to take over, or one of several: were the socket blocking now, the second
 * try to accept would keep the loop. */
TEST(who_shares_a_socket_goes_on_when_the_first_stops)
{
    eddy_server *first = NULL, *second = NULL;
    int port, listener = listening_socket(&port), shared = dup(listener);
    CHECK_INT(eddy_serve_descriptors(&listener, 1, greet, hello, NULL, &first), 0);
    CHECK_INT(eddy_serve_descriptors(&shared, 1, greet, hello, NULL, &second), 0);
    eddy_server_close(first);
    CHECK(fcntl(shared, F_GETFL) & O_NONBLOCK);
    CHECK(greets(port));
    CHECK(greets(port));
    eddy_server_close(second);
    return 0;
}

TEST(what_can_not_be_served_stays_the_callers)
{
    eddy_server *server = NULL;
    int port, listener = listening_socket(&port);
    int client = connected_socket(port), datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct {
        int descriptors[2], code;
    } cases[] = {
        {{listener, client}, -EINVAL},   {{listener, datagrams}, -EINVAL},
        {{listener, 9999}, -EBADF},      {{listener, STDIN_FILENO}, -ENOTSOCK},
        {{listener, listener}, -EEXIST},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_INT(eddy_serve_descriptors(cases[i].descriptors, 2, greet, hello, NULL, &server),
                  cases[i].code);
        CHECK(fcntl(listener, F_GETFD) >= 0);
        CHECK(!(fcntl(listener, F_GETFL) & O_NONBLOCK));
    }
    eddy_server *other = NULL;
    CHECK_INT(eddy_serve_descriptors(&listener, 1, greet, hello, NULL, &other), 0);
    CHECK_INT(eddy_serve_descriptors(&listener, 1, greet, hello, NULL, &server), -EEXIST);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "already");
    eddy_server_close(other);
    listener = listening_socket(&port);
    CHECK_INT(eddy_serve_descriptors(NULL, 2, greet, hello, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the descriptors are NULL");
    CHECK_INT(eddy_serve_descriptors(&listener, 0, greet, hello, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "no descriptors");
    CHECK(!server);
    close(client);
    close(datagrams);
    close(listener);
    return 0;
}

/* ---- socket activation: in a child, whose descriptors from 3 on are the test's to give ---- */

static int ports[3];

static int serve_activated(void)
{
    int found[3] = {-1, -1, -1};
    eddy_server *server = NULL;
    CHECK_INT(eddy_listen_descriptors(NULL, found, 3), 3);
    CHECK_INT(found[0], 3);
    CHECK_INT(found[2], 5);
    CHECK(fcntl(4, F_GETFD) & FD_CLOEXEC);
    CHECK_INT(eddy_listen_descriptors(NULL, found, 1), 3); /* as snprintf */
    CHECK_INT(eddy_listen_descriptors("admin", found, 3), 1);
    CHECK_INT(found[0], 4);
    CHECK_INT(eddy_listen_descriptors("http", found, 3), 2);
    CHECK_INT(found[0], 3);
    CHECK_INT(found[1], 5);
    CHECK_INT(eddy_listen_descriptors("htt", found, 3), 0);
    CHECK_INT(eddy_listen_descriptors("httpx", found, 3), 0);
    CHECK_INT(eddy_serve_descriptors(found, 2, greet, hello, NULL, &server), 0);
    CHECK(greets(ports[0]));
    CHECK(greets(ports[2]));
    eddy_server_close(server);
    return 0;
}

static int malformed(void)
{
    int found[1];
    const char *const wrong[] = {"", "x", "3x", "-1", "99999999999999999999", "2147483647"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("LISTEN_FDS", wrong[i], 1);
        CHECK_INT(eddy_listen_descriptors(NULL, found, 1), -EINVAL);
        CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), wrong[i]);
    }
    setenv("LISTEN_FDS", "1000000", 1);
    CHECK_INT(eddy_listen_descriptors(NULL, found, 1), -EBADF);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "isn't open");
    setenv("LISTEN_FDS", "2000000000", 1); /* nor are all looked at for one of this name */
    CHECK_INT(eddy_listen_descriptors("absent", found, 1), -EBADF);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_PID", "1", 1);
    CHECK_INT(eddy_listen_descriptors(NULL, found, 1), 0); /* for another process */
    unsetenv("LISTEN_PID");
    CHECK_INT(eddy_listen_descriptors(NULL, found, 1), 0);
    CHECK_INT(eddy_listen_descriptors(NULL, NULL, 1), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the array is NULL");
    return 0;
}

static int activated(void)
{
    int r = serve_activated();
    return r < 0 ? r : malformed();
}

/* To be called at once in the child: its descriptors are nobody's any more. */
static int be_activated(void)
{
    char process[16];
    int high[3];
    for (int i = 0; i < 3; i++)
        high[i] = fcntl(listening_socket(&ports[i]), F_DUPFD_CLOEXEC, 100);
    for (int i = 0; i < 3; i++)
        if (dup2(high[i], 3 + i) < 0)
            return -errno;
    (void)snprintf(process, sizeof process, "%d", (int)getpid());
    setenv("LISTEN_PID", process, 1);
    setenv("LISTEN_FDS", "3", 1);
    setenv("LISTEN_FDNAMES", "http:admin:http", 1);
    return test_run(activated);
}

PLAIN_TEST(a_service_managers_sockets)
{
    pid_t child = fork();
    if (child == 0) {
        int r = be_activated();
        if (test_state.file)
            fprintf(stderr, "%s:%d: %s\n", test_state.file, test_state.line, test_state.why);
        _exit(r != 0 || test_state.file);
    }
    int status = -1;
    EXPECT_INT(waitpid(child, &status, 0), child);
    EXPECT_INT(status, 0);
}
