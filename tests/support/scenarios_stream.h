/* SPDX-License-Identifier: MIT */
/*
 * Small programs that together use the whole runtime: those of streams, connections and foreign
 * descriptors. See scenarios_task.h.
 */
#ifndef EDDY_TESTS_SUPPORT_SCENARIOS_STREAM_H
#define EDDY_TESTS_SUPPORT_SCENARIOS_STREAM_H

#include <fcntl.h>
#include "scenarios_task.h"
#include "echo_lines.h"

/* ---- a server and its clients ---- */

/* To a port, or to a path. */
struct talk {
    int port, lines;
    const char *path;
};
TEST_HELPER int talk(struct talk *a)
{
    eddy_stream *stream;
    char line[64], back[64];
    ssize_t r = a->path ? eddy_connect_unix(a->path, &stream)
                        : eddy_connect("127.0.0.1", a->port, &stream);
    if (r < 0)
        return (int)r;
    for (int i = 0; i < a->lines && r >= 0; i++) {
        int size = snprintf(line, sizeof line, "line %d\n", i);
        r = eddy_stream_write(stream, line, (size_t)size);
        if (r >= 0)
            r = eddy_stream_read_line(stream, back, sizeof back);
        if (r == 0)
            r = -ENODATA;
        if (r > 0 && strcmp(line, back) != 0 && back[r - 1] == '\n')
            wrong("'%s' came back as '%s'", line, back);
    }
    if (r >= 0 && (r = eddy_stream_write_end(stream)) == 0)
        r = eddy_stream_read(stream, back, sizeof back);
    eddy_stream_close(stream);
    return r > 0 ? -EPROTO : (int)r;
}

TEST_HELPER int scenario_echo(void)
{
    eddy_server *server;
    int error, r = eddy_serve("127.0.0.1", 0, echo_lines, NULL,
                              &(struct eddy_serve_options){.max_connections = 1}, &server);
    if (r < 0)
        return r;
    eddy_with_group (group, &error) {
        eddy_spawn(group, talk, .port = eddy_server_port(server), .lines = 2);
        eddy_spawn(group, talk, .port = eddy_server_port(server), .lines = 1);
    }
    eddy_server_close(server);
    return error;
}

/* Ends while its handlers are at work, and listens on two addresses. */
TEST_HELPER int scenario_server(void)
{
    eddy_server *server;
    eddy_stream *stream = NULL;
    char byte;
    int r = eddy_serve("localhost", 0, echo_lines, NULL, NULL, &server);
    if (r < 0)
        return r;
    r = eddy_connect("localhost", eddy_server_port(server), &stream);
    if (r == 0 && (r = (int)eddy_stream_write(stream, "half a li", 9)) > 0)
        r = eddy_sleep(1);
    size_t handlers = eddy_server_connections(server);
    if (r == 0 && handlers > 1)
        wrong("%zu handlers for one connection", handlers);
    eddy_server_close(server);
    if (r == 0)
        r = (int)eddy_stream_read(stream, &byte, 1);
    eddy_stream_close(stream);
    return r == -ECONNRESET ? 0 : r;
}

/* A handler at work for one client, who is a function, too. */
TEST_HELPER int serve_one(eddy_stream_handler *handler, void *context,
                          int (*client)(eddy_stream *stream))
{
    eddy_server *server;
    eddy_stream *stream;
    int r = eddy_serve("127.0.0.1", 0, handler, context, NULL, &server);
    if (r < 0)
        return r;
    r = eddy_connect("127.0.0.1", eddy_server_port(server), &stream);
    if (r == 0) {
        r = client(stream);
        eddy_stream_close(stream);
    }
    eddy_server_close(server);
    return r;
}

/* ---- bytes left over ---- */

/* Several lines at once, one that is longer than any buffer begins with, pauses within a record. */
TEST_HELPER int dictate(eddy_stream *stream, void *context)
{
    static const char start[] = "one\ntwo\nthr", end[] = "ee\n";
    char line[5000];
    (void)context;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    ssize_t r = eddy_stream_write(stream, start, sizeof start - 1);
    if (r >= 0)
        r = eddy_sleep(1);
    if (r >= 0)
        r = eddy_stream_write(stream, end, sizeof end - 1);
    if (r >= 0)
        r = eddy_stream_write(stream, line, sizeof line);
    if (r >= 0)
        r = eddy_stream_write(stream, "reco", 4);
    if (r >= 0)
        r = eddy_sleep(2);
    if (r >= 0)
        r = eddy_stream_write(stream, "rd and more", 11);
    return r < 0 ? (int)r : 0;
}

TEST_HELPER ssize_t expect_line(eddy_stream *stream, const char *expected)
{
    char line[64];
    ssize_t r = eddy_stream_read_line(stream, line, sizeof line);
    if (r == 0 || (r > 0 && line[r - 1] != '\n')) /* the other end has failed */
        return -ENODATA;
    if (r > 0 && strcmp(line, expected) != 0)
        wrong("a line is '%s', not '%s'", line, expected);
    return r;
}

TEST_HELPER int take_down(eddy_stream *stream)
{
    char line[6000];
    ssize_t r = expect_line(stream, "one\n");
    if (r > 0)
        r = expect_line(stream, "two\n");
    if (r > 0)
        r = expect_line(stream, "three\n");
    if (r > 0 && (r = eddy_stream_read_line(stream, line, sizeof line)) > 0 && r != 5000)
        wrong("a line of 5000 bytes has %zd", r);
    if (r > 0) { /* what a read that is cut short has got stays for the next one */
        int cut = eddy_wait_for((int)eddy_stream_read_exactly(stream, line, 6), 1);
        if (cut != -ETIMEDOUT)
            return cut < 0 ? cut : -EPROTO;
        r = eddy_stream_read_exactly(stream, line, 6);
    }
    if (r > 0 && memcmp(line, "record", 6) != 0)
        wrong("a record is '%.6s'", line);
    return r < 0 ? (int)r : 0;
}

TEST_HELPER int scenario_lines(void)
{
    return serve_one(dictate, NULL, take_down);
}

/* ---- much data ---- */

enum { FLOOD = 300000, FLOOD_BLOCK = 30000 };

TEST_HELPER char flood_byte(size_t place)
{
    return (char)(place * 7 + place / 251);
}

TEST_HELPER int flood(eddy_stream *stream, void *context)
{
    char block[FLOOD_BLOCK];
    (void)context;
    for (size_t sent = 0; sent < FLOOD; sent += sizeof block) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = flood_byte(sent + i);
        ssize_t r = eddy_stream_write(stream, block, sizeof block);
        if (r < 0)
            return (int)r;
    }
    return 0;
}

TEST_HELPER int drink(eddy_stream *stream)
{
    char block[FLOOD_BLOCK];
    for (size_t place = 0; place < FLOOD; place += sizeof block) {
        ssize_t r = eddy_stream_read_exactly(stream, block, sizeof block);
        if (r < 0)
            return (int)r;
        for (size_t i = 0; i < sizeof block; i++)
            if (block[i] != flood_byte(place + i)) {
                wrong("byte %zu of a stream is wrong", place + i);
                return -EPROTO;
            }
        if (place == 0 && (r = eddy_sleep(1)) < 0) /* let it fill the buffers */
            return (int)r;
    }
    return 0;
}

TEST_HELPER int scenario_flood(void)
{
    return serve_one(flood, NULL, drink);
}

/* The same in parts, some of them empty, more than one call takes. */
TEST_HELPER int flood_in_parts(eddy_stream *stream, void *context)
{
    enum { PARTS = 30 };
    struct iovec parts[PARTS];
    char *block = malloc(FLOOD);
    ssize_t n = block ? 0 : -ENOMEM;
    (void)context;
    for (size_t i = 0; block && i < FLOOD; i++)
        block[i] = flood_byte(i);
    size_t at = 0;
    for (size_t i = 0; i < PARTS; i++) {
        size_t size = i % 3 == 2 ? 0 : i + 1 < PARTS - 1 ? 1 + 900 * i : FLOOD - at;
        parts[i] = (struct iovec){block ? block + at : NULL, size};
        at += size;
    }
    if (block)
        n = eddy_stream_write_vector(stream, parts, PARTS);
    free(block);
    if (n >= 0 && n != FLOOD)
        wrong("of %d bytes in parts %zd were written", FLOOD, n);
    return n < 0 ? (int)n : 0;
}

TEST_HELPER int scenario_write_vector(void)
{
    return serve_one(flood_in_parts, NULL, drink);
}

/* ---- from pair to pair ---- */

struct say_into {
    eddy_stream *stream;
    eddy_stream_handler *say;
};
TEST_HELPER int say_into(struct say_into *a)
{
    int r = a->say(a->stream, NULL);
    return first_of(r, eddy_stream_write_end(a->stream));
}

struct pass_on {
    eddy_stream *from, *to;
};
TEST_HELPER int pass_on(struct pass_on *a)
{
    int64_t n = eddy_splice(a->from, a->to, EDDY_SPLICE_ALL);
    int end = eddy_stream_write_end(a->to);
    return n < 0 ? (int)n : end;
}

/* What one task says into the first end is heard from the second; through pairs in between, if
 * there are any, a task each moves it on. Closes them all. */
TEST_HELPER int say_through(eddy_stream *pairs[][2], int count, eddy_stream_handler *say,
                            int (*hear)(eddy_stream *stream))
{
    int error;
    eddy_with_group (group, &error) {
        eddy_task *task = eddy_spawn(group, say_into, .stream = pairs[0][0], .say = say);
        for (int i = 1; i < count && task; i++)
            task = eddy_spawn(group, pass_on, .from = pairs[i - 1][1], .to = pairs[i][0]);
        error = task ? hear(pairs[count - 1][1]) : -ENOMEM;
        if (error < 0)
            eddy_group_cancel(group);
    }
    for (int i = count; i-- > 0;) {
        eddy_stream_close(pairs[i][0]);
        eddy_stream_close(pairs[i][1]);
    }
    return error;
}

/* The same with new pairs, one or two. */
TEST_HELPER int say_through_new(int (*pair)(eddy_stream *ends[2]), int count,
                                eddy_stream_handler *say, int (*hear)(eddy_stream *stream))
{
    eddy_stream *pairs[2][2];
    int r = pair(pairs[0]);
    if (r == 0 && count > 1 && (r = pair(pairs[1])) < 0) {
        eddy_stream_close(pairs[0][0]);
        eddy_stream_close(pairs[0][1]);
    }
    return r < 0 ? r : say_through(pairs, count, say, hear);
}

TEST_HELPER int plain_pair(eddy_stream *ends[2])
{
    return eddy_stream_pair(&ends[0], &ends[1]);
}

TEST_HELPER int scenario_splice(void)
{
    return say_through_new(plain_pair, 2, flood, drink);
}

/* ---- descriptors that travel ---- */

TEST_HELPER void close_number(int number)
{
    (void)loop_self->engine->call->close(loop_self->engine, number);
}

struct send_end {
    eddy_stream *stream, *end;
};
TEST_HELPER int send_end(struct send_end *a)
{
    ssize_t r = 0;
    for (int i = 0; i < 3 && r >= 0; i++) {
        const int numbers[] = {eddy_stream_descriptor(a->end), eddy_stream_descriptor(a->end)};
        r = eddy_stream_send_descriptors(a->stream, "bytes", 5, numbers, 2);
        if (r >= 0)
            r = eddy_sleep(i % 2);
    }
    return first_of((int)r, eddy_stream_write_end(a->stream));
}

TEST_HELPER int receive_ends(eddy_stream *stream)
{
    ssize_t r = 1;
    size_t bytes = 0, numbers = 0;
    while (r > 0) {
        char buffer[4];
        int got[2];
        size_t count = 2;
        r = eddy_stream_receive_descriptors(stream, buffer, sizeof buffer, got, &count);
        for (size_t i = 0; r >= 0 && i < count; i++)
            close_number(got[i]);
        bytes += r > 0 ? (size_t)r : 0;
        numbers += r > 0 ? count : 0;
    }
    if (r == 0 && numbers * 5 != bytes * 2)
        wrong("%zu descriptors came with %zu bytes", numbers, bytes);
    return (int)r;
}

/* Copies of a pipe's end: it has ended when the last one is closed, wherever that is. */
TEST_HELPER int scenario_descriptors(void)
{
    eddy_stream *reader, *writer, *one, *other;
    char byte;
    int error, r = eddy_stream_pipe(&reader, &writer);
    if (r < 0)
        return r;
    r = eddy_stream_pair(&one, &other);
    if (r == 0) {
        eddy_with_group (group, &error) {
            eddy_task *task = eddy_spawn(group, send_end, .stream = one, .end = writer);
            error = task ? receive_ends(other) : 0;
        }
        r = error;
        eddy_stream_close(one);
        eddy_stream_close(other);
    }
    eddy_stream_close(writer);
    if (r == 0)
        r = (int)eddy_stream_read(reader, &byte, 1);
    eddy_stream_close(reader);
    return r;
}

/* ---- connecting ---- */

TEST_HELPER int scenario_connect(void)
{
    eddy_server *server;
    eddy_stream *stream;
    int r = eddy_serve("127.0.0.1", 0, echo_lines, NULL, NULL, &server);
    if (r < 0)
        return r;
    int port = eddy_server_port(server);
    eddy_server_close(server);
    r = eddy_connect("127.0.0.1", port, &stream);
    if (r == 0) {
        wrong("connected to nobody");
        eddy_stream_close(stream);
    }
    return r == -ECONNREFUSED ? 0 : r;
}

/* More clients than a queue of one has room for, then nobody there any more. */
TEST_HELPER int scenario_connect_unix(void)
{
    const struct eddy_serve_options options = {.max_connections = 1, .backlog = 1};
    eddy_server *server;
    eddy_stream *stream;
    char path[64];
    (void)snprintf(path, sizeof path, "@eddy-scenario-%d", (int)getpid());
    int error, r = eddy_serve_unix(path, echo_lines, NULL, &options, &server);
    if (r < 0)
        return r;
    eddy_with_group (group, &error)
        for (int i = 0; i < 4; i++)
            eddy_spawn(group, talk, .path = path, .lines = 1);
    eddy_server_close(server);
    if (error < 0)
        return error;
    r = eddy_connect_unix(path, &stream);
    if (r == 0) {
        wrong("connected to nobody");
        eddy_stream_close(stream);
    }
    return r == -ECONNREFUSED ? 0 : r;
}

/* Both ends of a pipe as streams. */
struct write_late {
    eddy_stream *stream;
};
TEST_HELPER int write_late(struct write_late *a)
{
    int r = eddy_sleep(1);
    return r < 0 ? r : (int)eddy_stream_write(a->stream, "one\ntwo\n", 8);
}

struct read_lines {
    eddy_stream *stream;
};
TEST_HELPER int read_lines(struct read_lines *a)
{
    char line[16] = "";
    ssize_t r = eddy_stream_read_line(a->stream, line, sizeof line);
    if (r > 0 && strcmp(line, "one\n") != 0)
        wrong("the first line of a pipe is '%s'", line);
    if (r > 0)
        r = eddy_stream_read_line(a->stream, line, sizeof line);
    if (r > 0 && strcmp(line, "two\n") != 0)
        wrong("the second line of a pipe is '%s'", line);
    return (int)r;
}

TEST_HELPER int scenario_pipe(void)
{
    eddy_stream *reader, *writer;
    int error, r = eddy_stream_pipe(&reader, &writer);
    if (r < 0)
        return r;
    eddy_with_group (group, &error) {
        eddy_task *late = eddy_spawn(group, write_late, .stream = writer);
        eddy_task *lines = eddy_spawn(group, read_lines, .stream = reader);
        if (late && lines)
            error = eddy_task_wait(late); /* who ends early, by a cancel, ends both */
        if (error < 0 || (late && eddy_task_cancelled(late)))
            eddy_group_cancel(group);
    }
    eddy_stream_close(reader);
    eddy_stream_close(writer);
    return error;
}

TEST_HELPER void write_byte(void *argument)
{
    if (write(*(int *)argument, "x", 1) < 0)
        wrong("no room in a pipe");
}

TEST_HELPER void readable(void *argument)
{
    eddy_event_set(argument);
}

TEST_HELPER int scenario_watch(void)
{
    int ends[2], r = pipe2(ends, O_CLOEXEC | O_NONBLOCK);
    if (r < 0)
        return -errno;
    eddy_event event = EDDY_EVENT_INIT;
    eddy_handle *handle = eddy_call_later(1, write_byte, &ends[1]);
    r = handle ? eddy_wait_readable(ends[0]) : -ENOMEM;
    if (r == 0)
        r = eddy_wait_writable(ends[1]);
    if (r == 0)
        r = eddy_add_reader(ends[0], readable, &event);
    if (r == 0 && (r = eddy_add_writer(ends[1], readable, &event)) == 0) {
        r = eddy_event_wait(&event);
        (void)eddy_remove_writer(ends[1]);
    }
    (void)eddy_remove_reader(ends[0]);
    (void)eddy_handle_cancel(handle);
    close(ends[0]);
    close(ends[1]);
    return r;
}

#endif
