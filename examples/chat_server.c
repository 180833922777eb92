/* SPDX-License-Identifier: MIT */
/*
 * A chat: what one says, all others hear.
 *
 *     chat_server 7000            serves port 7000, until Ctrl-C; talk to it with: nc localhost 7000
 *     chat_server unix:/tmp/chat  or a path; started by a service manager, its sockets (LISTEN_FDS)
 *     chat_server                 talks to itself, to show what it does
 *
 * Each member has a task that reads and one that writes, and a queue between the writer and all
 * others. The queue is bounded: who doesn't read misses lines, and holds nobody up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <eddy.h>
#include "command_line.h"

enum { NAME_SIZE = 24, LINE_SIZE = 256, LINES_WAITING = 32, SOCKETS = 8 };

struct line {
    char text[LINE_SIZE];
};

struct member {
    struct member *next;
    eddy_stream *stream;
    eddy_queue lines; /* to be written */
    char name[NAME_SIZE];
};

static struct member *members;

static void tell_others(const struct member *speaker, const char *what)
{
    struct line line;
    snprintf(line.text, sizeof line.text, "%s%.*s\n", speaker->name, LINE_SIZE - NAME_SIZE - 1,
             what);
    for (struct member *member = members; member; member = member->next)
        if (member != speaker && eddy_queue_put_nowait(&member->lines, &line) < 0)
            continue; /* it has enough to read */
}

struct write_lines {
    struct member *member;
};

static EDDY_ASYNC int write_lines(struct write_lines *a)
{
    struct line line;
    int r;
    while ((r = eddy_queue_get(&a->member->lines, &line)) == 0) {
        ssize_t n = eddy_stream_write(a->member->stream, line.text, strlen(line.text));
        if (n < 0)
            return (int)n;
    }
    return r;
}

static EDDY_ASYNC int read_lines(struct member *member)
{
    char text[LINE_SIZE - NAME_SIZE - 8], said[LINE_SIZE];
    ssize_t n;
    while ((n = eddy_stream_read_line(member->stream, text, sizeof text)) > 0) {
        text[strcspn(text, "\r\n")] = '\0';
        snprintf(said, sizeof said, ": %s", text);
        tell_others(member, said);
    }
    return (int)n;
}

static EDDY_ASYNC int take_part(struct member *member)
{
    int err;
    member->next = members;
    members = member;
    tell_others(member, " is here");
    eddy_with_group (g, &err) {
        eddy_spawn(g, write_lines, .member = member);
        err = read_lines(member);
        eddy_group_cancel(g);
    }
    struct member **place = &members;
    while (*place != member)
        place = &(*place)->next;
    *place = member->next;
    tell_others(member, " has gone");
    return err == -ECONNRESET || err == -EPIPE ? 0 : err; /* just another way to go */
}

/* A task a connection. The first line is the member's name. */
static EDDY_ASYNC int chat(eddy_stream *stream, void *context)
{
    (void)context;
    struct member member = {.stream = stream};
    ssize_t n = eddy_wait_for(eddy_stream_read_line(stream, member.name, sizeof member.name), 60);
    if (n <= 0)
        return n == -ETIMEDOUT || n == -ECONNRESET ? 0 : (int)n;
    member.name[strcspn(member.name, "\r\n")] = '\0';
    int r = eddy_queue_open(&member.lines, sizeof(struct line), LINES_WAITING);
    if (r < 0)
        return r;
    r = take_part(&member);
    eddy_queue_close(&member.lines);
    return r;
}

/* ---- it talks to itself ---- */

struct talk {
    int port;
    const char *text;
    double after; /* seconds */
};

static EDDY_ASYNC int talk(struct talk *a)
{
    eddy_stream *stream;
    char line[LINE_SIZE];
    int err, r = eddy_sleep(a->after);
    if (r == 0)
        r = eddy_connect("127.0.0.1", a->port, &stream);
    if (r < 0)
        return r;
    ssize_t n = eddy_stream_write(stream, a->text, strlen(a->text));
    eddy_with_timeout (3.5 - a->after, &err) {
        while (n >= 0 && (n = eddy_stream_read_line(stream, line, sizeof line)) > 0)
            printf("%-5.*s hears  %s", (int)strcspn(a->text, "\n"), a->text, line);
    }
    eddy_stream_close(stream);
    return err == -ETIMEDOUT ? 0 : n < 0 ? (int)n : err;
}

static EDDY_ASYNC int talk_to_itself(void)
{
    eddy_server *server;
    int err, r = eddy_serve("127.0.0.1", 0, chat, NULL, NULL, &server);
    if (r < 0)
        return r;
    int port = eddy_server_port(server);
    eddy_with_group (g, &err) {
        eddy_spawn(g, talk, .port = port, .text = "Ada\n", .after = 0);
        eddy_spawn(g, talk, .port = port, .text = "Bob\nhello\nanybody?\n", .after = 1);
        eddy_spawn(g, talk, .port = port, .text = "Carol\nme\n", .after = 2);
    }
    eddy_server_close(server);
    return err;
}

/* ---- it serves ---- */

static EDDY_ASYNC int open_server(const char *where, eddy_server **server)
{
    int given[SOCKETS], count = eddy_listen_descriptors(NULL, given, SOCKETS);
    if (count < 0)
        return count;
    if (count > 0)
        return eddy_serve_descriptors(given, (size_t)(count < SOCKETS ? count : SOCKETS), chat,
                                      NULL, NULL, server);
    if (strncmp(where, "unix:", 5) == 0)
        return eddy_serve_unix(where + 5, chat, NULL, NULL, server);
    int port = port_of(where);
    return port < 0 ? port : eddy_serve(NULL, port, chat, NULL, NULL, server);
}

struct serve {
    const char *where;
};

static EDDY_ASYNC int serve(struct serve *a)
{
    eddy_server *server;
    char address[128];
    int r = open_server(a->where, &server);
    if (r < 0)
        return r;
    if (eddy_server_address(server, 0, address, sizeof address) > 0)
        fprintf(stderr, "listening on %s\n", address);
    r = eddy_server_serve_forever(server);
    eddy_server_close(server);
    return r;
}

static const char usage[] = "usage: chat_server [PORT | unix:PATH]\n"
                            "Serves a chat there, or on LISTEN_FDS; else talks to itself.\n";

int main(int argc, char **argv)
{
    int r;
    if (says_usage(usage, argc, argv, argc <= 2, &r))
        return r;
    r = argc > 1 || getenv("LISTEN_FDS") ? eddy_run(serve, .where = argc > 1 ? argv[1] : "")
                                         : eddy_run(talk_to_itself);
    return r < 0;
}
