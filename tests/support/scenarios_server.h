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
