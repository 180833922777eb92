/* SPDX-License-Identifier: MIT */
/*
 * A server that ends gracefully: at SIGTERM it stops accepting, answers what it is at work on, and
 * cuts what is left after a grace period.
 *
 *     kill -TERM --> stop accepting --> handlers end by themselves --+--> exit
 *                                  \--> ... the grace is over: cancel /
 *
 * That is what systemd, Docker and Kubernetes expect of a service; their own patience (90, 10 and
 * 30 seconds) must be longer than the grace. The clients, and the operator who sends the signal,
 * are tasks here so that the program shows something by itself.
 */
#include <stdio.h>
#include <eddy.h>

#define GRACE 5.0

static bool stopping;

/* A connection: "slow" takes a second to answer. Ends with the first answer once the server
 * stops. */
static int answer(eddy_stream *stream, void *context)
{
    char line[64];
    ssize_t n;
    (void)context;
    while (!stopping && (n = eddy_stream_read_line(stream, line, sizeof line)) > 0) {
        int r = eddy_sleep(1.0); /* the work */
        if (r < 0)
            return r;
        if ((n = eddy_stream_write(stream, "done\n", 5)) < 0)
            return (int)n;
    }
    return 0;
}

/* The recipe. */
static EDDY_ASYNC int serve_until_stopped(eddy_server *server)
{
    eddy_signals *signals;
    int r = eddy_signals_open(&signals, SIGTERM, SIGINT);
    if (r < 0)
        return r;
    r = eddy_signals_next(signals, NULL);
    if (r > 0) {
        printf("%4.1f s  server: signal %d, I stop accepting\n", eddy_time(), r);
        stopping = true;
        r = eddy_wait_for(eddy_server_drain(server), GRACE);
        printf("%4.1f s  server: %s\n", eddy_time(),
               r == 0 ? "all have ended" : "the grace is over, I cut what is left");
    }
    eddy_signals_close(signals); /* from here on another SIGTERM ends the process at once */
    eddy_server_close(server);
    return r == -ETIMEDOUT ? 0 : r;
}

struct client {
    const char *name;
    int port;
    double begin; /* seconds */
    bool asks;
};

static int client(struct client *a)
{
    char line[64];
    eddy_stream *stream;
    int r = eddy_sleep(a->begin);
    if (r < 0)
        return r;
    r = eddy_connect("127.0.0.1", a->port, &stream);
    if (r < 0) {
        printf("%4.1f s  %s: %s\n", eddy_time(), a->name, eddy_error_name(r));
        return 0;
    }
    ssize_t n = 0;
    if (a->asks)
        n = eddy_stream_write(stream, "question\n", 9);
    if (n >= 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    printf("%4.1f s  %s: %s", eddy_time(), a->name, n > 0 ? line : "cut off\n");
    eddy_stream_close(stream);
    return n < 0 ? (int)n : 0;
}

static int operator(void)
{
    int r = eddy_sleep(0.5);
    return r < 0 ? r : raise(SIGTERM);
}

static int program(void)
{
    eddy_server *server;
    int r = eddy_serve("127.0.0.1", 0, answer, NULL, NULL, &server);
    if (r < 0)
        return r;
    int port = eddy_server_port(server);
    eddy_with_group (group, &r) {
        eddy_spawn(group, client, .name = "at work", .port = port, .asks = true);
        eddy_spawn(group, client, .name = "idle", .port = port);
        eddy_spawn(group, client, .name = "too late", .port = port, .begin = 0.7);
        eddy_spawn(group, operator);
        r = serve_until_stopped(server);
    }
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
