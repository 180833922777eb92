/* SPDX-License-Identifier: MIT
 *
 * An echo server and 500 clients on eddy-test's simulated system: 1000 tasks, their streams, the
 * simulated network, and the hash of every event. An operation is a millisecond of simulated time.
 */
#include <eddy/sim.h>
#include <string.h>

#include "eddy_contenders.h"
#include "stopwatch.h"
#include "workload.h"

static uint64_t messages;

static int echo(eddy_stream *stream, void *context)
{
    char buffer[1024];
    ssize_t length;

    (void)context;
    while ((length = eddy_stream_read(stream, buffer, sizeof(buffer))) > 0) {
        messages++;
        length = eddy_stream_write(stream, buffer, (size_t)length);
        if (length < 0)
            break;
    }
    return (int)length;
}

struct client {
    int port;
    double until;
};

static int client(struct client *arguments)
{
    char message[WORKLOAD_MESSAGE_SIZE];
    eddy_stream *stream;
    ssize_t length = 0;

    int error = eddy_connect("10.0.0.1", arguments->port, &stream);
    if (error < 0)
        return error;
    memset(message, 'x', sizeof(message));
    while (eddy_time() < arguments->until && length >= 0) {
        length = eddy_stream_write(stream, message, sizeof(message));
        if (length >= 0)
            length = eddy_stream_read_exactly(stream, message, sizeof(message));
        messages += length > 0;
    }
    eddy_stream_close(stream);
    return length < 0 ? (int)length : 0;
}

struct sim_main {
    uint64_t milliseconds;
    struct sample *ret_sample;
};

static int sim_main(struct sim_main *arguments)
{
    double until = eddy_time() + (double)arguments->milliseconds / 1000;
    struct stopwatch watch;
    eddy_server *server;

    int error = eddy_serve("10.0.0.1", 0, echo, NULL, NULL, &server);
    if (error < 0)
        return error;
    stopwatch_start(&watch);
    eddy_with_group (clients, &error) {
        for (size_t i = 0; i < WORKLOAD_SIM_PAIRS; i++)
            eddy_spawn(clients, client, .port = eddy_server_port(server), .until = until);
    }
    stopwatch_stop(&watch, arguments->milliseconds, arguments->ret_sample);
    eddy_server_close(server);
    return error;
}

static int run_sim(const struct contender *self, uint64_t operations, struct sample *ret_sample)
{
    const struct eddy_sim_options options = {
        .link = {.delay_min = WORKLOAD_SIM_DELAY_MIN_US / 1e6,
                 .delay_max = WORKLOAD_SIM_DELAY_MAX_US / 1e6},
        .max_steps = UINT64_MAX,
        .loop = EDDY_BENCH_OPTIONS,
    };

    (void)self;
    messages = 0;
    int error = eddy_sim_run(1, &options, sim_main, .milliseconds = operations,
                             .ret_sample = ret_sample);
    snprintf(ret_sample->note, sizeof(ret_sample->note), "%.0f messages a ms",
             (double)messages / (double)operations);
    return error == 0 && messages == 0 ? -EBADMSG : error;
}

const struct contender eddy_sim_contenders[] = {
    {.group = "sim", .name = "eddy_sim_run, streams", .run = run_sim},
    {.name = NULL},
};
