/* SPDX-License-Identifier: MIT */
/*
 * A server on several threads: a loop a processor, each with a listening socket of its own on the
 * same port, so the system shares out the connections and no loop ever waits for another one's
 * lock.
 *
 *      main loop: signals, statistics                 loop 0   loop 1   loop 2 ...
 *         |                                             |        |        |
 *         +--- eddy_cluster_stop ---------------------->+------->+------->+
 *         ^                                             |        |        |
 *         +--------- channel: connections served <------+--------+--------+
 *
 * State of a loop (here: how many it served) is a variable of its main function, without any lock;
 * what all are to know goes through a channel.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <eddy.h>

enum { LOOPS = 4, CLIENTS = 200 };

/* ---- a loop of the cluster ---- */

static int answer(eddy_stream *stream, void *context)
{
    char line[64];
    int *served = context;
    ssize_t n = eddy_stream_read_line(stream, line, sizeof line);
    if (n <= 0)
        return (int)n;
    ++*served;
    return (int)eddy_stream_write(stream, line, (size_t)n);
}

struct serve {
    int port;
    eddy_channel *ready, *served;
};

static int serve(struct serve *a)
{
    int served = 0; /* this loop's alone */
    const struct eddy_serve_options options = {.reuse_port = true, .backlog = CLIENTS};
    eddy_server *server;
    int r = eddy_serve("127.0.0.1", a->port, answer, &served, &options, &server);
    if (r < 0)
        return r;
    r = eddy_channel_put(a->ready, &a->port);
    if (r == 0)
        r = eddy_sleep(EDDY_FOREVER); /* until the cluster is stopped */
    eddy_server_close(server);
    int told = eddy_channel_put_nowait(a->served, &served);
    return r == -ECANCELED ? r : told;
}

/* ---- the main loop ---- */

struct client {
    int port;
};

static int client(struct client *a)
{
    char line[64];
    eddy_stream *stream;
    int r = eddy_connect("127.0.0.1", a->port, &stream);
    if (r < 0)
        return r;
    ssize_t n = eddy_stream_write(stream, "hello\n", 6);
    if (n > 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    eddy_stream_close(stream);
    return n < 0 ? (int)n : n == 6 ? 0 : -EPROTO;
}

/* Waits until all listen, lets clients come, and has an operator end it all. */
static int use(eddy_channel *ready)
{
    int port = 0, r = 0;
    eddy_signals *signals;
    for (int i = 0; i < LOOPS && r == 0; i++)
        r = eddy_channel_get(ready, &port);
    if (r == 0)
        r = eddy_signals_open(&signals, SIGTERM);
    if (r < 0)
        return r;
    eddy_with_group (group, &r, .limit = 32) {
        for (int i = 0; i < CLIENTS; i++)
            eddy_spawn(group, client, .port = port);
    }
    if (r == 0) {
        printf("%d clients have their answers\n", CLIENTS);
        raise(SIGTERM); /* the operator */
        r = eddy_signals_next(signals, NULL);
    }
    eddy_signals_close(signals);
    return r < 0 ? r : 0;
}

/* Keeps a free port for the loops: bound, and not listening. */
static int reserve_port(int *descriptor)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int yes = 1;
    *descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*descriptor < 0 ||
        setsockopt(*descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) < 0 ||
        bind(*descriptor, (struct sockaddr *)&address, size) < 0 ||
        getsockname(*descriptor, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    return ntohs(address.sin_port);
}

static int program(void)
{
    const struct eddy_cluster_options options = {.loops = LOOPS};
    int descriptor, served = 0, one, port = reserve_port(&descriptor);
    if (port < 0)
        return port;
    struct serve a = {.port = port,
                      .ready = eddy_channel_new(sizeof(int), LOOPS),
                      .served = eddy_channel_new(sizeof(int), LOOPS)};
    eddy_cluster *cluster = eddy_cluster_start(&options, serve, .port = port, .ready = a.ready,
                                               .served = a.served);
    if (!cluster)
        return -EAGAIN;
    int r = use(a.ready);
    eddy_cluster_stop(cluster);
    int end = eddy_cluster_wait(cluster);
    while (eddy_channel_get_nowait(a.served, &one) == 0)
        served += one;
    printf("%zu loops have served %d\n", eddy_cluster_size(cluster), served);
    eddy_cluster_close(cluster);
    eddy_channel_release(a.ready);
    eddy_channel_release(a.served);
    close(descriptor);
    return r < 0 ? r : end;
}

int main(void)
{
    return eddy_run(program) < 0;
}
