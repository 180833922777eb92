/* SPDX-License-Identifier: MIT
 *
 * The load of the echo benchmarks: connections that play ping-pong with messages of one size and
 * check every byte that comes back. It measures nothing; whoever runs it does.
 */
#ifndef EDDY_BENCH_ECHO_LOAD_H
#define EDDY_BENCH_ECHO_LOAD_H

#include <stddef.h>
#include <stdint.h>

struct echo_load;

/* Connects to 127.0.0.1, again and again for a few seconds while the server isn't up yet. The size
 * of a message is a multiple of 8, at most WORKLOAD_LARGE_MESSAGE_SIZE. 0, or a negative errno. */
int echo_load_open(uint16_t port, size_t connections, size_t size, struct echo_load **ret_load);

/* Plays until so many messages have come back, or so many seconds have passed; either may be 0 for
 * "no limit". Each connection has one message under way. -EBADMSG: an echo differed. */
int echo_load_play(struct echo_load *load, uint64_t messages, double seconds,
                   uint64_t *ret_messages);

void echo_load_close(struct echo_load *load);

#endif
