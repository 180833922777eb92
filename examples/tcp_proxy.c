/* SPDX-License-Identifier: MIT */
/*
 * A TCP proxy: each connection goes on to another host, byte for byte, both ways at once.
 *
 *     tcp_proxy 8080 example.org 80    then: curl -H 'Host: example.org' http://localhost:8080/
 *     tcp_proxy                        shows itself with an echo server behind it
 *
 * A slow receiver slows the sender down: while it takes nothing, nothing is read. When one side
 * ends, the other hears of it and may still answer.
 */
#include <stdio.h>
#include <string.h>
#include <eddy.h>
#include "command_line.h"

struct target {
    const char *host;
    int port;
};

struct pump {
    eddy_stream *from, *to;
};

/* One way, up to the end. The bytes stay in the system: splice(2). */
static EDDY_ASYNC int pump(struct pump *a)
{
    int64_t n = eddy_splice(a->from, a->to, EDDY_SPLICE_ALL);
    return n < 0 ? (int)n : eddy_stream_write_end(a->to);
}

static EDDY_ASYNC int forward(eddy_stream *client, void *context)
{
    const struct target *target = context;
    eddy_stream *server;
    int err = eddy_wait_for(eddy_connect(target->host, target->port, &server), 10.0);
    if (err < 0)
        return err;
    eddy_with_group (g, &err) { /* one way fails: the other is cancelled */
        eddy_spawn(g, pump, .from = client, .to = server);
        eddy_spawn(g, pump, .from = server, .to = client);
    }
    eddy_stream_close(server);
    return err == -ECONNRESET || err == -EPIPE || err == -ENOTCONN ? 0 : err; /* it happens */
}

/* ---- it shows itself ---- */

static EDDY_ASYNC int echo(eddy_stream *stream, void *context)
{
    (void)context;
    return pump(&(struct pump){.from = stream, .to = stream});
}

enum { SIZE = 1 << 20 };

static char sent[SIZE], back[SIZE];

struct send_all {
    eddy_stream *stream;
};

static EDDY_ASYNC int send_all(struct send_all *a)
{
    ssize_t n = eddy_stream_write(a->stream, sent, sizeof sent);
    return n < 0 ? (int)n : eddy_stream_write_end(a->stream);
}

/* Sends a megabyte while it comes back, ends its side, and hears the end. */
static EDDY_ASYNC int try_it(int port)
{
    eddy_stream *stream;
    int err = eddy_connect("127.0.0.1", port, &stream);
    if (err < 0)
        return err;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i % 251);
    eddy_with_group (g, &err) {
        eddy_spawn(g, send_all, .stream = stream);
        ssize_t n = eddy_stream_read_exactly(stream, back, sizeof back);
        char byte;
        if (n > 0 && (n = eddy_stream_read(stream, &byte, 1)) == 0)
            printf("%zu bytes came back, %s\n", sizeof back,
                   memcmp(sent, back, sizeof back) == 0 ? "all the same" : "and not the same");
        err = n < 0 ? (int)n : 0;
    }
    eddy_stream_close(stream);
    return err;
}

static EDDY_ASYNC int show(void)
{
    eddy_server *behind, *proxy;
    int r = eddy_serve("127.0.0.1", 0, echo, NULL, NULL, &behind);
    if (r < 0)
        return r;
    struct target target = {"127.0.0.1", eddy_server_port(behind)};
    r = eddy_serve("127.0.0.1", 0, forward, &target, NULL, &proxy);
    if (r == 0) {
        r = try_it(eddy_server_port(proxy));
        eddy_server_close(proxy);
    }
    eddy_server_close(behind);
    return r;
}

/* ---- it serves ---- */

struct serve {
    int port;
    struct target target;
};

static EDDY_ASYNC int serve(struct serve *a)
{
    eddy_server *server;
    char address[64];
    int r = eddy_serve("127.0.0.1", a->port, forward, &a->target, NULL, &server);
    if (r < 0)
        return r;
    if (eddy_server_address(server, 0, address, sizeof address) > 0)
        fprintf(stderr, "listening on %s\n", address);
    r = eddy_server_serve_forever(server);
    eddy_server_close(server);
    return r;
}

static const char usage[] = "usage: tcp_proxy [PORT HOST HOSTS-PORT]\n"
                            "Passes on what connects to PORT; else shows itself.\n";

int main(int argc, char **argv)
{
    int r;
    if (says_usage(usage, argc, argv, argc == 1 || argc == 4, &r))
        return r;
    if (argc == 1)
        return eddy_run(show) < 0;
    int port = port_of(argv[1]), targets = port_of(argv[3]);
    if (port < 0 || targets < 0)
        return 2;
    return eddy_run(serve, .port = port, .target = {.host = argv[2], .port = targets}) < 0;
}
