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

struct echo_server {
    /* Runs in its own process, single-threaded so far, and echoes until it's killed. `listener` is
     * a non-blocking listening socket on 127.0.0.1:port, or -1 if binds_itself. Returns only on
     * failure, with a negative errno. */
    int (*serve)(int listener, uint16_t port);
    bool binds_itself; /* for a server that only takes a host and a port */
};

/* A contender's run function: self->context is a struct echo_server, self->parameter the number of
 * connections. */
int echo_trial_run(const struct contender *self, uint64_t operations, struct sample *ret_sample);

/* A server's entries in the three echo groups. */
#define ECHO_CONTENDERS(server_name, server, floor)                                                \
    {.group = "echo-1",                                                                            \
     .name = server_name,                                                                          \
     .is_floor = floor,                                                                            \
     .run = echo_trial_run,                                                                        \
     .context = &(server),                                                                         \
     .parameter = 1},                                                                              \
        {.group = "echo-50",                                                                       \
         .name = server_name,                                                                      \
         .is_floor = floor,                                                                        \
         .run = echo_trial_run,                                                                    \
         .context = &(server),                                                                     \
         .parameter = 50},                                                                         \
    {                                                                                              \
        .group = "echo-1000", .name = server_name, .is_floor = floor, .run = echo_trial_run,       \
        .context = &(server), .parameter = 1000                                                    \
    }

#endif
