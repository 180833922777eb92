/* SPDX-License-Identifier: MIT */
/*
 * Small programs that together use the whole runtime: those of servers and datagrams. See
 * scenarios_task.h.
 */
#ifndef EDDY_TESTS_SUPPORT_SCENARIOS_SERVER_H
#define EDDY_TESTS_SUPPORT_SCENARIOS_SERVER_H

#include <sys/stat.h>
#include "folder.h"
#include "scenarios_task.h"
#include "test/fault_plan.h"

/* ---- datagrams: questions, and one who answers several at a time ---- */

struct answer_all {
    eddy_datagram *socket;
};
TEST_HELPER int answer_all(struct answer_all *a)
{
    char texts[4][16];
    struct eddy_datagram_message messages[4];
    ssize_t n = 0;
    while (n >= 0) {
        for (int i = 0; i < 4; i++)
            messages[i] = (struct eddy_datagram_message){.data = texts[i],
                                                         .capacity = sizeof texts[i]};
        n = eddy_datagram_receive_many(a->socket, messages, 4);
        if (n > 0)
            n = eddy_datagram_send_many(a->socket, messages, (size_t)n);
    }
    return (int)n;
}

TEST_HELPER int ask_three(const struct eddy_address *address)
{
    eddy_datagram *socket;
    char text[16];
    int r = eddy_datagram_connect("127.0.0.1", eddy_address_port(address), NULL, &socket);
    ssize_t n = r;
    for (int i = 0; i < 3 && n >= 0; i++)
        n = eddy_datagram_send(socket, "question", (size_t)i);
    for (int i = 0; i < 3 && n >= 0; i++) {
        n = eddy_datagram_receive(socket, text, sizeof text, NULL);
        if (n > 2 || (n > 0 && memcmp(text, "qu", (size_t)n) != 0))
            wrong("an answer of %zd bytes", n);
    }
    if (r == 0)
        eddy_datagram_close(socket);
    return n < 0 ? (int)n : 0;
}

TEST_HELPER int scenario_datagram(void)
{
    eddy_datagram *socket;
    struct eddy_address address;
    int error, r = eddy_datagram_open("127.0.0.1", 0, NULL, &socket);
    if (r < 0)
        return r;
    r = eddy_datagram_local(socket, &address);
    if (r == 0) {
        eddy_with_group (group, &error) {
            eddy_task *task = eddy_spawn(group, answer_all, .socket = socket);
            error = task ? ask_three(&address) : 0;
            if (error == 0)
                eddy_group_cancel(group);
        }
        r = error;
    }
    eddy_datagram_close(socket);
    return r;
}

/* ---- a server's end: grace, cancel, reset ---- */

TEST_HELPER int hold_on(eddy_stream *stream, void *context)
{
    char byte;
    ssize_t n = 0;
    (void)context;
    eddy_with_shield (100.0) {
        n = eddy_stream_read(stream, &byte, 1);
    }
    return n == -ECONNABORTED || n == -ECANCELED ? 0 : (int)n;
}

TEST_HELPER int scenario_server_end(void)
{
    const struct eddy_serve_options options = {.grace = 1, .abort_after = 2};
    eddy_server *server;
    eddy_stream *stream = NULL;
    char byte;
    int r = eddy_serve("127.0.0.1", 0, hold_on, NULL, &options, &server);
    if (r < 0)
        return r;
    r = eddy_server_listen(server, "127.0.0.2", 0);
    if (r == 0)
        r = eddy_connect("127.0.0.1", eddy_server_port(server), &stream);
    if (r == 0)
        r = eddy_sleep(1);
    eddy_server_close(server);
    if (r == 0)
        r = (int)eddy_stream_read(stream, &byte, 1);
    eddy_stream_close(stream);
    return r == -ECONNRESET ? 0 : r;
}

/* ---- names, and who waits for a server ---- */

struct serve_forever {
    eddy_server *server;
};
TEST_HELPER int serve_forever(struct serve_forever *a)
{
    return eddy_server_serve_forever(a->server);
}

/* A line and back, from an address of the client's own. */
TEST_HELPER int talk_from(const char *local, int port)
{
    const struct eddy_connect_options from = {.local_host = local};
    eddy_stream *stream;
    char line[8];
    ssize_t n = eddy_connect_with("localhost", port, &from, &stream);
    if (n < 0)
        return (int)n;
    n = eddy_stream_write(stream, "line\n", 5);
    if (n > 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    eddy_stream_close(stream);
    return n > 0 ? 0 : n < 0 ? (int)n : -ENODATA;
}

/* Until its task is cancelled, on addresses that have names. */
TEST_HELPER int scenario_serve_forever(void)
{
    eddy_server *server;
    int error, r = eddy_serve("localhost", 0, echo_lines, NULL, NULL, &server);
    if (r < 0)
        return r;
    r = eddy_server_listen(server, "localhost", 0);
    if (r == 0) {
        eddy_with_group (group, &error) {
            eddy_task *task = eddy_spawn(group, serve_forever, .server = server);
            error = task ? talk_from("localhost", eddy_server_port(server)) : -ENOMEM;
            eddy_group_cancel(group);
        }
        r = error;
        if (r == 0 && eddy_server_is_serving(server))
            wrong("a server serves whose task has ended");
    }
    eddy_server_close(server);
    return r;
}

/* Cancelled before it has begun it leaves nothing, and the stream to whoever looks after it. */
struct leave_late {
    eddy_stream **stream;
};
TEST_HELPER int leave_late(struct leave_late *a)
{
    int r = eddy_sleep(2);
    eddy_stream_close(*a->stream);
    *a->stream = NULL;
    return r;
}

/* One waits for a server that is then drained, which waits for its client. */
TEST_HELPER int drain_beside(eddy_server *server, eddy_stream *client)
{
    int error = 0, r;
    eddy_with_group (group, &error) {
        eddy_task *late = eddy_spawn(group, leave_late, .stream = &client);
        r = late ? eddy_sleep(0.5) : -ENOMEM; /* it has been accepted */
        if (r == 0 && (r = eddy_wait_for(eddy_server_wait_closed(server), 0.5)) == -ETIMEDOUT)
            r = eddy_server_drain(server);
        if (r == 0 && eddy_server_connections(server))
            wrong("a server that was drained has connections");
        error = r;
    }
    eddy_stream_close(client);
    return error;
}

TEST_HELPER int scenario_drain(void)
{
    eddy_server *server;
    eddy_stream *client;
    int r = eddy_serve("127.0.0.1", 0, echo_lines, NULL, NULL, &server);
    if (r < 0)
        return r;
    r = eddy_connect("127.0.0.1", eddy_server_port(server), &client);
    if (r == 0)
        r = drain_beside(server, client);
    eddy_server_close(server);
    return r;
}

/* By names, each of which may fail to be one. */
TEST_HELPER int scenario_datagram_names(void)
{
    eddy_datagram *one, *other;
    struct eddy_address address, resolved;
    char letter = '\0';
    int r = eddy_datagram_open("localhost", 0, NULL, &one);
    if (r < 0)
        return r;
    r = eddy_datagram_local(one, &address);
    if (r == 0)
        r = eddy_address_resolve("localhost", eddy_address_port(&address), &resolved);
    if (r == 0 && eddy_address_port(&resolved) != eddy_address_port(&address))
        wrong("a name's port isn't what was asked for");
    if (r == 0 && (r = eddy_datagram_open("localhost", 0, NULL, &other)) == 0) {
        ssize_t n = eddy_datagram_send_to(other, "x", 1, &address);
        if (n > 0)
            n = eddy_datagram_receive(one, &letter, 1, NULL);
        if (n > 0 && letter != 'x')
            wrong("a datagram is '%c'", letter);
        eddy_datagram_close(other);
        r = n < 0 ? (int)n : 0;
    }
    if (r == 0 && (r = eddy_datagram_connect("localhost", 9, NULL, &other)) == 0)
        eddy_datagram_close(other);
    eddy_datagram_close(one);
    return r;
}

/* ---- a path ---- */

TEST_HELPER void check_name_is_gone(const char *path)
{
    struct stat status;
    struct engine *engine = loop_self->engine;
    const struct fault_plan *plan = session_self ? session_self->fault : NULL;
    if (plan && plan->failed_call && strncmp(plan->failed_call, "path_", 5) == 0)
        return; /* it couldn't be removed */
    if (engine->call->path_status(engine, path, &status) == 0)
        wrong("%s was left behind", path);
}

TEST_HELPER int scenario_path(void)
{
    eddy_server *server;
    struct engine *engine = loop_self->engine;
    char path[TEST_PATH];
    (void)snprintf(path, sizeof path, "%s/eddy-scenario-path-%d",
                   scenario_simulated() ? "/tmp" : test_folder(), (int)getpid());
    (void)engine->call->path_remove(engine, path); /* of a process of that number that was killed */
    int r = eddy_serve_unix(path, hold_on, NULL, &(struct eddy_serve_options){.mode = 0600},
                            &server);
    if (r == 0) {
        r = eddy_sleep(1);
        eddy_server_close(server);
    }
    check_name_is_gone(path);
    return r;
}

#endif
