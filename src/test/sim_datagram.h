/* SPDX-License-Identifier: MIT */
/*
 * Simulated datagrams: sockets of the type SOCK_DGRAM.
 */
#ifndef EDDY_SRC_TEST_SIM_DATAGRAM_H
#define EDDY_SRC_TEST_SIM_DATAGRAM_H

#include "test/sim_socket.h"

/* From now on it talks to this peer alone: 0 or -EADDRINUSE; or to all again. */
int sim_datagram_connect(struct sim_socket *socket, const struct address *peer);
void sim_datagram_disconnect(struct sim_socket *socket);

/* Those under way, whose timers are set (sim), or those that have arrived (NULL). */
void sim_datagrams_free(struct list *datagrams, struct sim *sim);

/* ---- calls of the engine ---- */

int sim_datagram_send(struct engine *base, int number, struct mmsghdr *messages, unsigned count);
int sim_change_group(struct engine *base, int number, enum group_change change,
                     const struct sockaddr *group, socklen_t size, const char *interface);
int sim_datagram_receive(struct engine *base, int number, struct mmsghdr *messages, unsigned count);

#endif
