/* SPDX-License-Identifier: MIT
 *
 * eddy's TCP echo: a task per connection, eddy_stream_read and eddy_stream_write, as anybody would
 * write it. Two rows, one an engine; where io_uring is refused its row says so.
 */
#include <string.h>

#include "echo_trial.h"
#include "eddy_contenders.h"

enum { BACKLOG = 4096 };

static int echo_by(eddy_stream *stream, char *buffer, size_t size)
{
    ssize_t length;

    while ((length = eddy_stream_read(stream, buffer, size)) > 0) {
        length = eddy_stream_write(stream, buffer, (size_t)length);
        if (length < 0)
            break;
    }
    /* The load ends by a kill, which resets its connections: nothing to report. */
    return length == -ECONNRESET ? 0 : (int)length;
}

static int echo(eddy_stream *stream, void *context)
{
    char buffer[WORKLOAD_BUFFER_SIZE];

    (void)context;
    return echo_by(stream, buffer, sizeof(buffer));
}

static int echo_large(eddy_stream *stream, void *context)
{
    char buffer[WORKLOAD_LARGE_BUFFER_SIZE];

    (void)context;
    return echo_by(stream, buffer, sizeof(buffer));
}

struct echo_main {
    const char *engine;
    uint16_t port;
    size_t size;
};

static int echo_main(struct echo_main *arguments)
{
    const struct eddy_serve_options options = {.backlog = BACKLOG, .max_connections = SIZE_MAX};
    eddy_stream_handler *handler = arguments->size > WORKLOAD_MESSAGE_SIZE ? echo_large : echo;
    eddy_server *server;

    if (strcmp(eddy_engine_name(), arguments->engine) != 0)
        return -ENOTSUP;
    int error = eddy_serve("127.0.0.1", arguments->port, handler, NULL, &options, &server);
    if (error < 0)
        return error;
    error = eddy_sleep(EDDY_FOREVER);
    eddy_server_close(server);
    return error;
}

static int serve(const char *engine, uint16_t port, size_t size)
{
    struct eddy_options options = EDDY_BENCH_OPTIONS;
    options.engine = engine;
    options.slow_step = 0; /* a server has its watchdog */
    return eddy_run_with(&options, echo_main, .engine = engine, .port = port, .size = size);
}

static int serve_epoll(int listener, uint16_t port, size_t size)
{
    (void)listener;
    return serve("epoll", port, size);
}

static int serve_uring(int listener, uint16_t port, size_t size)
{
    (void)listener;
    return serve("uring", port, size);
}

static const struct echo_server on_epoll = {.serve = serve_epoll, .binds_itself = true};
static const struct echo_server on_uring = {.serve = serve_uring, .binds_itself = true};

const struct contender eddy_echo_contenders[] = {
    ECHO_CONTENDERS("eddy, epoll", on_epoll, false),
    ECHO_CONTENDERS("eddy, io_uring", on_uring, false),
    IDLE_CONTENDER("eddy, epoll", on_epoll, false),
    IDLE_CONTENDER("eddy, io_uring", on_uring, false),
    {.name = NULL},
};
