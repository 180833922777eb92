/* SPDX-License-Identifier: MIT */
/* Servers on Unix sockets: names in the file system that come, go, or are somebody else's. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "loop.h"
#include "server.h"
#include "support/folder.h"
#include "support/test.h"

#define CALL(name, ...) loop_self->engine->call->name(loop_self->engine, __VA_ARGS__)

static int echo(eddy_stream *stream, void *context)
{
    char line[64];
    (void)context;
    ssize_t n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        n = eddy_stream_write(stream, line, (size_t)n);
    return n < 0 ? (int)n : 0;
}

static int fail_at_once(eddy_stream *stream, void *context)
{
    (void)stream;
    (void)context;
    return eddy_fail(-EPROTO, "asked to fail");
}

/* A folder of this test's own, and a path in it. */
static char folder[TEST_PATH - 8], path[TEST_PATH];

static int make_path(void)
{
    (void)snprintf(folder, sizeof folder, "%s/eddy-server-%d",
                   loop_self && loop_self->engine->call->simulated ? "/tmp" : test_folder(),
                   (int)getpid());
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    if (loop_self)
        return eddy_make_directory(folder, 0700);
    return mkdir(folder, 0700) < 0 ? -errno : 0;
}

static int remove_name(void)
{
    return CALL(path_remove, path);
}

static void remove_path(void)
{
    (void)remove_name();
    EXPECT_INT(eddy_remove_directory(folder), 0);
}

static bool exists(void)
{
    struct stat status;
    return CALL(path_status, path, &status) == 0;
}

/* A file where the socket was, or should be. */
static int make_file(void)
{
    eddy_file *file;
    int r = eddy_file_open(path, O_CREAT | O_WRONLY, 0600, &file);
    return r < 0 ? r : eddy_file_close(file);
}

/* Whether somebody echoes there. */
static bool echoes(const char *name)
{
    char line[16];
    eddy_stream *stream;
    if (!EXPECT_INT(eddy_connect_unix(name, &stream), 0))
        return false;
    bool same = EXPECT_INT(eddy_stream_write(stream, "hello\n", 6), 6) &&
                EXPECT_INT(eddy_stream_read_line(stream, line, sizeof line), 6) &&
                EXPECT_TEXT(line, "hello\n");
    eddy_stream_close(stream);
    return same;
}

/* NULL: it couldn't. */
static eddy_server *serve(const struct eddy_serve_options *options)
{
    eddy_server *server = NULL;
    EXPECT_INT(eddy_serve_unix(path, echo, NULL, options, &server), 0);
    return server;
}

TEST(rule_218_the_name_goes_with_the_server)
{
    char name[128], expected[128];
    CHECK_INT(make_path(), 0);
    eddy_server *server = serve(NULL);
    CHECK(exists());
    CHECK(echoes(path));
    CHECK_INT(eddy_server_port(server), 0);
    (void)snprintf(expected, sizeof expected, "unix:%s", path);
    CHECK(eddy_server_address(server, 0, name, sizeof name) > 0);
    CHECK_TEXT(name, expected);
    eddy_server_close(server);
    CHECK(!exists());

    server = serve(NULL);
    CHECK_INT(eddy_server_stop(server), 0);
    CHECK(!exists()); /* when it stops, not when it is closed */
    eddy_server_close(server);
    remove_path();
    return 0;
}

TEST(rule_218_a_name_that_is_gone_or_somebody_elses_is_let_alone)
{
    CHECK_INT(make_path(), 0);
    eddy_server *server = serve(NULL);
    CHECK_INT(remove_name(), 0);
    eddy_server_close(server);
    CHECK(!exists());

    server = serve(NULL);
    CHECK_INT(remove_name(), 0);
    eddy_server *second = serve(NULL); /* took its name */
    eddy_server_close(server);
    CHECK(exists());
    CHECK(echoes(path));
    CHECK_INT(remove_name(), 0);
    CHECK_INT(make_file(), 0);
    eddy_server_close(second);
    CHECK(exists());
    remove_path();
    return 0;
}

TEST(rule_218_the_name_can_be_kept)
{
    const struct eddy_serve_options keep = {.keep_path = true};
    eddy_stream *nobody;
    CHECK_INT(make_path(), 0);
    eddy_server *server = serve(&keep);
    eddy_server_close(server);
    CHECK(exists());
    CHECK_INT(eddy_connect_unix(path, &nobody), -ECONNREFUSED);
    server = serve(&keep); /* a name that nobody listens on is no obstacle */
    CHECK(echoes(path));
    eddy_server_close(server);
    remove_path();
    return 0;
}

TEST(a_name_that_is_in_use)
{
    eddy_server *second = NULL;
    char expected[160];
    CHECK_INT(make_path(), 0);
    eddy_server *server = serve(NULL);
    size_t before = test_count_descriptors();
    CHECK_INT(eddy_serve_unix(path, echo, NULL, NULL, &second), -EADDRINUSE);
    (void)snprintf(expected, sizeof expected, "can't listen on unix:%s: Address already in use",
                   path);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()), expected);
    CHECK_INT(test_count_descriptors(), before);
    CHECK(echoes(path)); /* asking did it no harm */
    eddy_server_close(server);

    CHECK_INT(make_file(), 0);
    CHECK_INT(eddy_serve_unix(path, echo, NULL, NULL, &second), -EADDRINUSE);
    CHECK(exists()); /* no socket: not ours to remove */
    CHECK(!second);
    remove_path();
    return 0;
}

/* A stream socket with that name, which doesn't listen. */
static int bind_only(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int socket = CALL(socket, AF_UNIX, SOCK_STREAM, 0);
    EXPECT_INT(CALL(bind, socket, (struct sockaddr *)&address, sizeof address), 0);
    return socket;
}

/* One that wants to be connected there: what it is told. */
static int connect_now(int *ret_socket)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    *ret_socket = CALL(socket, AF_UNIX, SOCK_STREAM, 0);
    return CALL(connect, *ret_socket, (struct sockaddr *)&address, sizeof address);
}

TEST(a_name_whose_server_has_no_room_now_is_in_use_too)
{
    enum { MOST = 100 };
    int clients[MOST], count = 0, r = 0;
    eddy_server *second = NULL;
    CHECK_INT(make_path(), 0);
    int listener = bind_only();
    CHECK_INT(CALL(listen, listener, 1), 0);
    while (r == 0 && count < MOST)
        r = connect_now(&clients[count++]);
    CHECK_INT(r, -EAGAIN);
    CHECK_INT(eddy_serve_unix(path, echo, NULL, NULL, &second), -EADDRINUSE);
    CHECK(exists());
    while (count)
        CHECK_INT(CALL(close, clients[--count]), 0);
    CHECK_INT(CALL(close, listener), 0);
    remove_path();
    return 0;
}

REAL_TEST(rule_218_a_forked_child_leaves_the_name_to_its_parent)
{
    CHECK_INT(make_path(), 0);
    eddy_server *server = serve(NULL);
    struct engine *engine = loop_self->engine;
    const struct link *first = server->listeners.first;
    pid_t child = fork();
    if (child == 0) {
        listen_path_remove(engine, container_of(first, const struct listener, link)->socket.path);
        _exit(0);
    }
    int status = -1;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK(exists());
    CHECK(echoes(path));
    eddy_server_close(server);
    CHECK(!exists());
    remove_path();
    return 0;
}

static int take_over(void)
{
    CHECK(exists());
    eddy_server *server = serve(NULL);
    CHECK(echoes(path));
    eddy_server_close(server);
    CHECK(!exists());
    remove_path();
    return 0;
}

REAL_PLAIN_TEST(a_server_that_was_killed_leaves_a_name_that_the_next_one_removes)
{
    EXPECT_INT(make_path(), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        memcpy(address.sun_path, path, strlen(path) + 1);
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        _exit(bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
              listen(listener, 1) < 0);
    }
    int status = -1;
    EXPECT_INT(waitpid(child, &status, 0), child);
    EXPECT_INT(status, 0);
    EXPECT_INT(test_run(take_over), 0);
}

TEST(a_server_that_has_bound_and_is_about_to_listen_is_not_taken_for_dead)
{
    eddy_server *second = NULL;
    CHECK_INT(make_path(), 0);
    int first = bind_only();
    CHECK_INT(eddy_serve_unix(path, echo, NULL, NULL, &second), -EADDRINUSE);
    CHECK(exists());
    CHECK_INT(CALL(listen, first, 1), 0);
    CHECK_INT(eddy_serve_unix(path, echo, NULL, NULL, &second), -EADDRINUSE);
    CHECK(exists());
    CHECK_INT(CALL(close, first), 0);
    second = serve(NULL);
    CHECK(echoes(path));
    eddy_server_close(second);
    remove_path();
    return 0;
}

/* Loops that start servers on a dead one's name at the same time, again and again. */
#define RIVALS 4
#define RACES (TEST_FEW_TASKS ? 20 : 500)

static pthread_barrier_t start;
static _Atomic int winners;

static int say_who(eddy_stream *stream, void *context)
{
    const int *who = context;
    ssize_t n = eddy_stream_write(stream, who, sizeof *who);
    return n < 0 ? (int)n : 0;
}

static void look_who(int who)
{
    int said = -1;
    eddy_stream *stream;
    if (!EXPECT_INT(eddy_connect_unix(path, &stream), 0))
        return;
    EXPECT_INT(eddy_stream_read_exactly(stream, &said, sizeof said), sizeof said);
    EXPECT_INT(said, who);
    eddy_stream_close(stream);
}

static void race(int who)
{
    eddy_server *server = NULL;
    if (who == 0) {
        winners = 0;
        EXPECT_INT(CALL(close, bind_only()), 0);
    }
    (void)pthread_barrier_wait(&start);
    int r = eddy_serve_unix(path, say_who, &who, NULL, &server);
    if (r == 0)
        winners++;
    else
        EXPECT_INT(r, -EADDRINUSE);
    (void)pthread_barrier_wait(&start);
    EXPECT_INT(winners, 1);
    if (server)
        look_who(who);
    eddy_server_close(server);
    EXPECT(!server || !exists());
    (void)pthread_barrier_wait(&start);
}

struct rival {
    int number;
};

static int rival(struct rival *rival)
{
    for (int i = 0; i < RACES; i++)
        race(rival->number);
    return 0;
}

static void *rival_thread(void *number)
{
    EXPECT_INT(eddy_run(rival, .number = *(int *)number), 0);
    return NULL;
}

REAL_PLAIN_TEST(of_servers_that_find_a_dead_ones_name_at_the_same_time_one_gets_it)
{
    pthread_t threads[RIVALS];
    int numbers[RIVALS];
    EXPECT_INT(make_path(), 0);
    EXPECT_INT(pthread_barrier_init(&start, NULL, RIVALS), 0);
    for (int i = 0; i < RIVALS; i++) {
        numbers[i] = i;
        EXPECT_INT(pthread_create(&threads[i], NULL, rival_thread, &numbers[i]), 0);
    }
    for (int i = 0; i < RIVALS; i++)
        EXPECT_INT(pthread_join(threads[i], NULL), 0);
    (void)pthread_barrier_destroy(&start);
    EXPECT_INT(rmdir(folder), 0);
}

TEST(the_mode_of_a_name)
{
    const struct eddy_serve_options private = {.mode = 0600}, odd = {.mode = 04755};
    struct stat status;
    CHECK_INT(make_path(), 0);
    eddy_server *server = serve(&private), *none = NULL;
    CHECK_INT(CALL(path_status, path, &status), 0);
    CHECK_INT(status.st_mode & 0777, 0600);
    eddy_server_close(server);
    CHECK_INT(eddy_serve_unix(path, echo, NULL, &odd, &none), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "eddy_serve_unix: a mode of 04755");
    remove_path();
    return 0;
}

TEST(a_name_outside_the_file_system)
{
    eddy_server *server = NULL, *second = NULL;
    eddy_stream *nobody;
    char name[64];
    (void)snprintf(name, sizeof name, "@eddy-test-%d", (int)getpid());
    CHECK_INT(eddy_serve_unix(name, echo, NULL, NULL, &server), 0);
    CHECK(echoes(name));
    CHECK_INT(eddy_serve_unix(name, echo, NULL, NULL, &second), -EADDRINUSE);
    eddy_server_close(server);
    CHECK_INT(eddy_connect_unix(name, &nobody), -ECONNREFUSED);
    return 0;
}

TEST(paths_and_ports_in_one_server)
{
    char line[16];
    eddy_server *server = NULL;
    CHECK_INT(make_path(), 0);
    CHECK_INT(eddy_serve("127.0.0.1", 0, echo, NULL, NULL, &server), 0);
    CHECK_INT(eddy_server_listen_unix(server, path), 0);
    CHECK(echoes(path));
    eddy_stream *stream;
    CHECK_INT(eddy_connect("127.0.0.1", eddy_server_port(server), &stream), 0);
    CHECK_INT(eddy_stream_write(stream, "hi\n", 3), 3);
    CHECK_INT(eddy_stream_read_line(stream, line, sizeof line), 3);
    eddy_stream_close(stream);
    eddy_server_close(server);
    CHECK(!exists());
    remove_path();
    return 0;
}

TEST(a_failure_of_a_nameless_peer_is_told_with_the_path)
{
    eddy_server *server = NULL;
    char expected[160], c;
    CHECK_INT(make_path(), 0);
    CHECK_INT(eddy_serve_unix(path, fail_at_once, NULL, NULL, &server), 0);
    eddy_stream *stream;
    CHECK_INT(eddy_connect_unix(path, &stream), 0);
    CHECK_INT(eddy_stream_read(stream, &c, 1), 0);
    (void)snprintf(expected, sizeof expected, "a connection to unix:%s failed: Protocol error",
                   path);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, expected);
    eddy_stream_close(stream);
    eddy_server_close(server);
    remove_path();
    return 0;
}

TEST(aborted_clients_of_a_path_hear_the_end)
{
    eddy_server *server = NULL;
    char c;
    CHECK_INT(make_path(), 0);
    server = serve(NULL);
    eddy_stream *stream;
    CHECK_INT(eddy_connect_unix(path, &stream), 0);
    for (int naps = 0; naps < 6000 && !eddy_server_connections(server); naps++)
        CHECK_INT(eddy_sleep(0.01), 0);
    CHECK_INT(eddy_server_connections(server), 1);
    CHECK_INT(eddy_sleep(0.01), 0);
    CHECK_INT(eddy_server_abort_clients(server), 0);
    CHECK_INT(eddy_stream_read(stream, &c, 1), 0);
    while (eddy_server_connections(server))
        CHECK_INT(eddy_sleep(0.01), 0);
    CHECK_REPORT(EDDY_LOG_TASK_LOST, "Software caused connection abort");
    eddy_stream_close(stream);
    eddy_server_close(server);
    remove_path();
    return 0;
}

static int refuse_to_end(eddy_stream *stream, void *context)
{
    (void)stream;
    (void)context;
    int r = 0;
    eddy_with_shield (100.0) {
        r = eddy_sleep(10);
    }
    return r;
}

/* However long its handler takes. */
TEST(rule_215_an_aborted_client_of_a_path_hears_the_end_at_once)
{
    eddy_server *server = NULL;
    eddy_stream *stream;
    char c;
    CHECK_INT(make_path(), 0);
    CHECK_INT(eddy_serve_unix(path, refuse_to_end, NULL, NULL, &server), 0);
    CHECK_INT(eddy_connect_unix(path, &stream), 0);
    CHECK_INT(eddy_sleep(1), 0);
    CHECK_INT(eddy_server_connections(server), 1);
    CHECK_INT(eddy_server_abort_clients(server), 0);
    CHECK_INT(eddy_stream_read(stream, &c, 1), 0);
    CHECK_INT(eddy_server_connections(server), 1);
    eddy_stream_close(stream);
    eddy_server_close(server);
    remove_path();
    return 0;
}

TEST(bad_paths)
{
    eddy_server *server = NULL;
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK_INT(eddy_serve_unix(longer, echo, NULL, NULL, &server), -ENAMETOOLONG);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "199 bytes, at most 107");
    CHECK_INT(eddy_serve_unix("/nowhere/at/all", echo, NULL, NULL, &server), -ENOENT);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "can't listen on unix:/nowhere/at/all: No such file or directory");
    CHECK_INT(eddy_serve_unix("", echo, NULL, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the path is empty");
    CHECK_INT(eddy_serve_unix(NULL, echo, NULL, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the path is NULL");
    CHECK_INT(eddy_serve_unix("@x", NULL, NULL, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the handler is NULL");
    CHECK(!server);
    return 0;
}
