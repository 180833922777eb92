/* SPDX-License-Identifier: MIT
 *
 * One echo measurement: a server process on one core, the load's process on another, and the
 * server's CPU time between the moment all is connected and warm and the moment the last echo is
 * home. User and system time per request is the figure that survives a busy machine.
 *
 *     bench ---fork---> server (core 0)   <== loopback ==>   load (core 1) <---fork--- bench
 */
#ifndef EDDY_BENCH_ECHO_TRIAL_H
#define EDDY_BENCH_ECHO_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "harness.h"
#include "workload.h"

struct echo_server {
    /* Runs in its own process, single-threaded so far, and echoes messages of `size` bytes until
     * it's killed. `listener` is a non-blocking listening socket on 127.0.0.1:port, or -1 if
     * binds_itself. Returns only on failure, with a negative errno. */
    int (*serve)(int listener, uint16_t port, size_t size);
    bool binds_itself; /* for a server that only takes a host and a port */
};

/* A contender's run function: self->context is a struct echo_server, self->parameter the number of
 * connections, self->size that of a message. */
int echo_trial_run(const struct contender *self, uint64_t operations, struct sample *ret_sample);

/* The same, but the figure is the server's memory: so many connections, of which each echoed one
 * message of self->size and has been idle since. */
int echo_trial_run_idle(const struct contender *self, uint64_t connections,
                        struct sample *ret_sample);

#define ECHO_CONTENDER(group_name, server_name, server, floor, connections, message_size)          \
    {                                                                                              \
        .group = group_name, .name = server_name, .is_floor = floor, .run = echo_trial_run,        \
        .context = &(server), .parameter = connections, .size = message_size                       \
    }

#define IDLE_CONTENDER(server_name, server, floor)                                                 \
    {                                                                                              \
        .group = "idle", .name = server_name, .is_floor = floor, .run = echo_trial_run_idle,       \
        .context = &(server), .size = WORKLOAD_MESSAGE_SIZE                                        \
    }

/* A server's entries in the echo groups. */
#define ECHO_CONTENDERS(name, server, floor)                                                       \
    ECHO_CONTENDER("echo-1", name, server, floor, 1, WORKLOAD_MESSAGE_SIZE),                       \
        ECHO_CONTENDER("echo-50", name, server, floor, 50, WORKLOAD_MESSAGE_SIZE),                 \
        ECHO_CONTENDER("echo-1000", name, server, floor, 1000, WORKLOAD_MESSAGE_SIZE),             \
        ECHO_CONTENDER("echo-4k-1", name, server, floor, 1, WORKLOAD_LARGE_MESSAGE_SIZE),          \
        ECHO_CONTENDER("echo-4k-50", name, server, floor, 50, WORKLOAD_LARGE_MESSAGE_SIZE),        \
        ECHO_CONTENDER("echo-4k-1000", name, server, floor, 1000, WORKLOAD_LARGE_MESSAGE_SIZE)

#endif
