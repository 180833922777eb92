/* SPDX-License-Identifier: MIT */
/* Servers on Unix sockets: names in the file system that come and go, and their clients. */
#include <sys/wait.h>
#include "server.h"
#include "server_path.h"

static int fail_at_once(eddy_stream *stream, void *context)
{
    (void)stream;
    (void)context;
    return eddy_fail(-EPROTO, "asked to fail");
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

TEST(the_mode_of_a_name)
{
    const struct eddy_serve_options private = {.mode = 0600}, odd = {.mode = 04755};
    struct stat status;
    CHECK_INT(make_path(), 0);
    eddy_server *server = serve(&private), *none = NULL;
    CHECK_INT(CALL(path_status, path, &status), 0);
    CHECK_INT(status.st_mode & 0777, 0600);
    eddy_server_close(server);
    CHECK_INT(eddy_serve_unix(path, echo_lines, NULL, &odd, &none), -EINVAL);
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
    CHECK_INT(eddy_serve_unix(name, echo_lines, NULL, NULL, &server), 0);
    CHECK(echoes(name));
    CHECK_INT(eddy_serve_unix(name, echo_lines, NULL, NULL, &second), -EADDRINUSE);
    eddy_server_close(server);
    CHECK_INT(eddy_connect_unix(name, &nobody), -ECONNREFUSED);
    return 0;
}

TEST(paths_and_ports_in_one_server)
{
    char line[16];
    eddy_server *server = NULL;
    CHECK_INT(make_path(), 0);
    CHECK_INT(eddy_serve("127.0.0.1", 0, echo_lines, NULL, NULL, &server), 0);
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
    CHECK_INT(eddy_serve_unix(longer, echo_lines, NULL, NULL, &server), -ENAMETOOLONG);
    CHECK_CONTAINS(eddy_failure_message(eddy_last_failure()), "199 bytes, at most 107");
    CHECK_INT(eddy_serve_unix("/nowhere/at/all", echo_lines, NULL, NULL, &server), -ENOENT);
    CHECK_TEXT(eddy_failure_message(eddy_last_failure()),
               "can't listen on unix:/nowhere/at/all: No such file or directory");
    CHECK_INT(eddy_serve_unix("", echo_lines, NULL, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the path is empty");
    CHECK_INT(eddy_serve_unix(NULL, echo_lines, NULL, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the path is NULL");
    CHECK_INT(eddy_serve_unix("@x", NULL, NULL, NULL, &server), -EINVAL);
    CHECK_REPORT(EDDY_LOG_MISUSE, "the handler is NULL");
    CHECK(!server);
    return 0;
}
