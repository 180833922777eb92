/* SPDX-License-Identifier: MIT
 *
 * TLS over one TCP connection of this machine: the contender serves, a forked client on plain
 * OpenSSL takes or gives what it is told to. Everybody's certificate is the same, the cipher TLS
 * 1.3's first.
 */
#ifndef EDDY_BENCH_TLS_TRIAL_H
#define EDDY_BENCH_TLS_TRIAL_H

#include "harness.h"

enum tls_way { TLS_SEND, TLS_RECEIVE };

enum { TLS_CHUNK = 65536, TLS_MIB = 1 << 20 };

struct tls_trial {
    const char *certificate; /* a PEM file with its key */
    int socket;              /* the server's; it closes it */
    enum tls_way way;
    uint64_t size; /* bytes to send, or to receive */
};

/* Handshake, `size` bytes with the stopwatch around them, end: 0, or a negative errno. */
typedef int tls_server(const struct tls_trial *trial, struct sample *ret_sample);

/* contender.run, with the tls_server as context and the way as parameter. */
int tls_trial_run(const struct contender *self, uint64_t operations, struct sample *ret_sample);

#define TLS_CONTENDERS(title, function, floor)                                                     \
    {.group = "tls-send",                                                                          \
     .name = title,                                                                                \
     .is_floor = floor,                                                                            \
     .run = tls_trial_run,                                                                         \
     .context = &(function),                                                                       \
     .parameter = TLS_SEND},                                                                       \
    {                                                                                              \
        .group = "tls-receive", .name = title, .is_floor = floor, .run = tls_trial_run,            \
        .context = &(function), .parameter = TLS_RECEIVE                                           \
    }

#endif
