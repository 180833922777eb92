/* SPDX-License-Identifier: MIT */
/* Connecting: names, several addresses, failures that tell, cancels that leave nothing open. */
#define TEST_DEFAULTS .real_system = true
#include "connect_names.h"
#include "address.h"
#include "stream_pairs.h"
#include "support/folder.h"

/* A port of 127.0.0.1 on which nobody listens. */
static int closed_port(void)
{
    int port;
    close(listening_socket(&port));
    return port;
}

TEST(a_numeric_address_needs_no_thread)
{
    int port, listener = listening_socket(&port);
    eddy_stream *stream;
    int asked = names_asked;
    CHECK_INT(eddy_connect("127.0.0.1", port, &stream), 0);
    CHECK_INT(names_asked, asked);
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char buffer[8], name[64], expected[64];
    CHECK_INT(write(peer, "hello", 5), 5);
    CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), 5);
    CHECK_INT(eddy_stream_write(stream, "ok", 2), 2);
    CHECK_INT(read(peer, buffer, sizeof buffer), 2);
    (void)snprintf(expected, sizeof expected, "127.0.0.1:%d", port);
    CHECK_INT(eddy_stream_peer(stream, name, sizeof name), strlen(expected));
    CHECK_TEXT(name, expected);
    eddy_stream_close(stream);
    close(peer);
    close(listener);
    return 0;
}

TEST(a_refused_connection_names_the_address)
{
    eddy_stream *stream = NULL;
    char expected[100];
    int port = closed_port();
    CHECK_INT(eddy_connect("127.0.0.1", port, &stream), -ECONNREFUSED);
    (void)snprintf(expected, sizeof expected, "can't connect to 127.0.0.1:%d: Connection refused",
                   port);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), expected);
    CHECK_INT(eddy_failure_count(eddy_last_failure()), 0);
    CHECK(!stream);
    return 0;
}

TEST(rule_205_every_address_is_tried_and_listed)
{
    eddy_stream *stream = NULL;
    char expected[100];
    int port = closed_port();
    names_give("127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.3");
    CHECK_INT(eddy_connect("many.test", port, &stream), -ECONNREFUSED);
    const eddy_failure *failure = eddy_last_failure();
    CHECK_CONTAINS(eddy_failure_message(failure), "can't connect to many.test port");
    CHECK_INT(eddy_failure_count(failure), 3); /* each once */
    for (int i = 0; i < 3; i++) {
        (void)snprintf(expected, sizeof expected,
                       "can't connect to many.test (127.0.0.%d:%d): Connection refused", i + 1,
                       port);
        CHECK_TEXT(eddy_failure_message(eddy_failure_child(failure, (size_t)i)), expected);
        CHECK_INT(eddy_failure_code(eddy_failure_child(failure, (size_t)i)), -ECONNREFUSED);
    }
    CHECK(!stream);
    return 0;
}

TEST(the_first_address_that_answers_is_taken)
{
    int port, listener = listening_socket(&port); /* on 127.0.0.1 alone */
    eddy_stream *stream;
    char name[64];
    names_give("127.0.0.2", "127.0.0.3", "127.0.0.1", NULL);
    CHECK_INT(eddy_connect("many.test", port, &stream), 0);
    CHECK(eddy_stream_peer(stream, name, sizeof name) > 0);
    CHECK_CONTAINS(name, "127.0.0.1:");
    eddy_stream_close(stream);
    close(listener);
    return 0;
}

/* Also where nobody knows it (RFC 6761, 6.3). */
TEST(localhost_is_a_name)
{
    int port, listener = listening_socket(&port);
    eddy_stream *stream;
    names_are_real();
    CHECK_INT(eddy_connect("localhost", port, &stream), 0);
    eddy_stream_close(stream);
    names_fail(EAI_NONAME, 0);
    const char *const names[] = {"localhost", "LocalHost.", "eddy.localhost", "a.b.LOCALHOST."};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK_INT(eddy_connect(names[i], port, &stream), 0);
        eddy_stream_close(stream);
    }
    CHECK_INT(eddy_connect("notlocalhost", port, &stream), -ENOENT);
    CHECK_INT(eddy_connect("localhost.test", port, &stream), -ENOENT);
    CHECK_INT(eddy_connect(".", port, &stream), -ENOENT);
    close(listener);
    return 0;
}

TEST(a_name_that_does_not_exist)
{
    eddy_stream *stream = NULL;
    char name[400];
    names_fail(EAI_NONAME, 0);
    CHECK_INT(eddy_connect("nobody.invalid", 80, &stream), -ENOENT);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "can't resolve 'nobody.invalid': Name or service not known");
    names_fail(EAI_AGAIN, 0);
    CHECK_INT(eddy_connect("nobody.invalid", 80, &stream), -EAGAIN);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "can't resolve 'nobody.invalid': Temporary failure in name resolution");
    names_fail(EAI_SYSTEM, EMFILE);
    CHECK_INT(eddy_connect("nobody.invalid", 80, &stream), -EMFILE);
    names_fail(EAI_MEMORY, 0);
    CHECK_INT(eddy_connect("nobody.invalid", 80, &stream), -ENOMEM);
    names_fail(EAI_FAIL, 0);
    CHECK_INT(eddy_connect("nobody.invalid", 80, &stream), -EIO);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK_INT(eddy_connect(name, 80, &stream), -ENOENT);
    CHECK_INT(eddy_connect("", 80, &stream), -ENOENT);
    CHECK(!stream);
    names_are_real();
    int r = eddy_connect("nobody.invalid", 80, &stream);
    CHECK(r == -ENOENT || r == -EAGAIN); /* without a network it may not get to know */
    return 0;
}

TEST(rule_207_a_local_address_of_another_machine_is_an_error)
{
    int port, listener = listening_socket(&port);
    eddy_stream *stream = NULL;
    char text[64];
    struct eddy_connect_options from = {.local_host = "127.0.0.5"};
    CHECK_INT(eddy_connect_with("127.0.0.1", port, &from, &stream), 0);
    CHECK(eddy_stream_local_address(stream, text, sizeof text) > 0);
    CHECK_CONTAINS(text, "127.0.0.5:");
    eddy_stream_close(stream);
    stream = NULL;
    from.local_host = "192.0.2.1";
    CHECK_INT(eddy_connect_with("127.0.0.1", port, &from, &stream), -EADDRNOTAVAIL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), " from 192.0.2.1:0: ");
    from = (struct eddy_connect_options){.local_host = "127.0.0.1", .local_port = port};
    CHECK_INT(eddy_connect_with("127.0.0.1", port, &from, &stream), -EADDRINUSE);
    CHECK(!stream);
    close(listener);
    return 0;
}

/* ---- Unix sockets ---- */

/* Listens at the path, or in the abstract name space for "@name"; backlog 0 has room for one. */
static int unix_listener(const char *path, int type)
{
    struct sockaddr_un address;
    socklen_t size;
    int listener = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (address_unix(path, &address, &size) < 0 ||
        bind(listener, (struct sockaddr *)&address, size) < 0 ||
        (type == SOCK_STREAM && listen(listener, 0) < 0))
        abort();
    return listener;
}

static char unix_path[TEST_PATH];

/* With '@' for the folder the name is an abstract one. */
static const char *unix_name(const char *folder)
{
    char name[32];
    (void)snprintf(name, sizeof name, "eddy-connect-%d", (int)getpid());
    return test_path(unix_path, folder, name);
}

static int check_unix(const char *path)
{
    int listener = unix_listener(path, SOCK_STREAM);
    eddy_stream *stream;
    char buffer[8], name[120], expected[120];
    CHECK_INT(eddy_connect_unix(path, &stream), 0);
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK_INT(write(peer, "hello", 5), 5);
    CHECK_INT(eddy_stream_read(stream, buffer, sizeof buffer), 5);
    (void)snprintf(expected, sizeof expected, "unix:%s", path);
    CHECK_INT(eddy_stream_peer(stream, name, sizeof name), strlen(expected));
    CHECK_TEXT(name, expected);
    CHECK_INT(eddy_stream_local_address(stream, name, sizeof name), 5);
    eddy_stream_close(stream);
    close(peer);
    close(listener);
    return 0;
}

TEST(unix_sockets_by_path_and_by_abstract_name)
{
    CHECK_INT(check_unix(unix_name(test_folder())), 0);
    CHECK_INT(unlink(unix_path), 0);
    return check_unix(unix_name("@"));
}

TEST(what_no_unix_connection_comes_of)
{
    eddy_stream *stream = NULL;
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK_INT(eddy_connect_unix("/nowhere/socket", &stream), -ENOENT);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "can't connect to unix:/nowhere/socket: No such file or directory");
    CHECK_INT(eddy_connect_unix(longer, &stream), -ENAMETOOLONG);
    CHECK_INT(eddy_connect_unix("", &stream), -EINVAL);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "an empty path");
    CHECK_INT(eddy_connect_unix("@eddy-nobody-there", &stream), -ECONNREFUSED);
    CHECK_INT(eddy_connect_unix(NULL, &stream), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the path is NULL");
    CHECK_INT(eddy_connect_unix("/tmp", NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the stream is NULL");
    int datagrams = unix_listener(unix_name(test_folder()), SOCK_DGRAM);
    CHECK_INT(eddy_connect_unix(unix_path, &stream), -EPROTOTYPE);
    CHECK_INT(unlink(unix_path), 0);
    close(datagrams);
    CHECK(!stream);
    return 0;
}

TEST(a_full_queue_of_a_unix_socket_is_waited_for)
{
    int listener = unix_listener(unix_name("@"), SOCK_STREAM);
    eddy_stream *first, *second = NULL;
    CHECK_INT(eddy_connect_unix(unix_path, &first), 0);
    size_t before = test_count_descriptors();
    CHECK_INT(eddy_wait_for(eddy_connect_unix(unix_path, &second), 3.0), -ETIMEDOUT);
    CHECK_TIME(3);
    CHECK(!second);
    CHECK_INT(test_count_descriptors(), before);
    close(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    CHECK_INT(eddy_connect_unix(unix_path, &second), 0);
    eddy_stream_close(first);
    eddy_stream_close(second);
    close(listener);
    return 0;
}

static struct {
    const struct engine_vtable *real;
    struct engine_vtable table;
    int connects;
} counted;

static int count_connect(struct engine *engine, int descriptor, const struct sockaddr *address,
                         socklen_t size)
{
    counted.connects++;
    return counted.real->connect(engine, descriptor, address, size);
}

static void count_connects(struct engine *engine)
{
    counted.real = engine->call;
    counted.table = *engine->call;
    counted.table.connect = count_connect;
    counted.connects = 0;
    engine->call = &counted.table;
}

static int until_the_end(eddy_stream *stream, void *context)
{
    char c;
    (void)context;
    return (int)eddy_stream_read(stream, &c, 1);
}

struct connect_late {
    const char *path;
    eddy_stream **stream;
};
static int connect_late(struct connect_late *a)
{
    return eddy_wait_for(eddy_connect_unix(a->path, a->stream), 60.0);
}

/* Where nothing tells that there is room the pauses grow, but not beyond 64 ms. */
ANYWHERE_TEST(a_full_queue_is_tried_at_short_intervals_however_long_it_takes)
{
    enum { MOST = 8, LONGEST_MS = 64, FULL_MS = 1500 };
    const struct eddy_serve_options options = {.max_connections = 1, .backlog = 1};
    eddy_server *server = NULL;
    eddy_stream *streams[MOST] = {NULL}, *late = NULL;
    const char *path = unix_name("@");
    int count = 0, err;
    CHECK_INT(eddy_serve_unix(path, until_the_end, NULL, &options, &server), 0);
    while (count < MOST && eddy_wait_for(eddy_connect_unix(path, &streams[count]), 0.1) == 0)
        count++;
    CHECK(count > 0 && count < MOST);
    eddy_failure_clear();
    double begin = eddy_time();
    struct engine *engine = eddy_current_loop()->engine;
    count_connects(engine);
    eddy_with_group (g, &err) {
        eddy_spawn(g, connect_late, .path = path, .stream = &late);
        EXPECT_INT(eddy_sleep(1e-3 * FULL_MS), 0);
        EXPECT(!late);
        eddy_stream_close(streams[0]); /* the next one gets its place, which leaves room */
    }
    engine->call = counted.real;
    CHECK_INT(err, 0);
    double took = 1000 * (eddy_time() - begin);
    CHECK(took >= FULL_MS && took <= FULL_MS + LONGEST_MS + 1);
    CHECK(counted.connects <= 10 + FULL_MS / LONGEST_MS);
    for (int i = 1; i < count; i++)
        eddy_stream_close(streams[i]);
    eddy_stream_close(late);
    eddy_server_close(server);
    return 0;
}

/* ---- cancels ---- */

/* A listener whose queue is full: further connections neither succeed nor fail. */
struct full {
    int listener, port, count;
    int clients[8];
};

static struct full full_listener(void)
{
    struct full full = {.count = 0};
    full.listener = listening_socket(&full.port);
    (void)listen(full.listener, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)full.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    while (full.count < 8) {
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(client, (struct sockaddr *)&address, sizeof address);
        full.clients[full.count++] = client;
    }
    return full;
}

static void full_close(struct full *full)
{
    while (full->count)
        close(full->clients[--full->count]);
    close(full->listener);
}

TEST(rule_206_a_cancelled_connect_closes_its_socket)
{
    struct full full = full_listener();
    size_t before = test_count_descriptors();
    eddy_stream *stream = NULL;
    CHECK_INT(eddy_wait_for(eddy_connect("127.0.0.1", full.port, &stream), 2.0), -ETIMEDOUT);
    CHECK_TIME(2);
    CHECK(!stream);
    CHECK_INT(test_count_descriptors(), before);
    /* also from the middle of several addresses */
    names_give("127.0.0.9", "127.0.0.1", "127.0.0.2", NULL);
    CHECK_INT(eddy_wait_for(eddy_connect("many.test", full.port, &stream), 2.0), -ETIMEDOUT);
    CHECK_INT(test_count_descriptors(), before);
    full_close(&full);
    return 0;
}

ANYWHERE_TEST(in_a_cancelled_scope_nothing_is_begun)
{
    eddy_stream *stream = NULL;
    int port, listener = listening_socket(&port), asked = names_asked, err;
    eddy_with_timeout (0, &err) {
        CHECK_INT(eddy_connect("many.test", port, &stream), -ECANCELED);
    }
    CHECK_INT(err, -ETIMEDOUT);
    CHECK_INT(names_asked, asked);
    close(listener);
    return 0;
}

/* ---- bad input ---- */

ANYWHERE_TEST(bad_arguments_are_reported)
{
    eddy_stream *stream = NULL;
    CHECK_INT(eddy_connect(NULL, 80, &stream), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_connect: the host is NULL");
    CHECK_INT(eddy_connect("127.0.0.1", 80, NULL), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_connect: the stream is NULL");
    CHECK_INT(eddy_connect("127.0.0.1", 0, &stream), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "port 0");
    CHECK_INT(eddy_connect("127.0.0.1", 65536, &stream), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "port 65536");
    struct eddy_connect_options bad = {.delay = -1};
    CHECK_INT(eddy_connect_with("127.0.0.1", 80, &bad, &stream), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_connect_with: a delay of -1 seconds");
    bad = (struct eddy_connect_options){.local_port = 65536};
    CHECK_INT(eddy_connect_with("127.0.0.1", 80, &bad, &stream), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "local port 65536");
    CHECK(!stream);
    return 0;
}

ANYWHERE_PLAIN_TEST(outside_a_task)
{
    eddy_stream *stream = NULL;
    test_stderr_begin();
    int r = eddy_connect("127.0.0.1", 80, &stream);
    const char *said = test_stderr_end();
    EXPECT_INT(r, -EINVAL);
    EXPECT_CONTAINS(said, "eddy_connect: awaited outside a task");
    EXPECT_INT(test_count_lines(said), 1);
}
