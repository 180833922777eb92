/* SPDX-License-Identifier: MIT */
/*
 * Datagrams on a descriptor, as both engines on real descriptors receive and send them. Neither waits,
 * and an interrupted call is made again.
 */
#include <errno.h>
#include <stddef.h>
#include "engine/engine.h"

int engine_socket_receive_datagrams(struct engine *engine, int descriptor, struct mmsghdr *messages,
                                    unsigned count)
{
    (void)engine;
    for (;;) {
        /* MSG_TRUNC: tell the size of what arrived, not of what was kept */
        int received = recvmmsg(descriptor, messages, count, MSG_DONTWAIT | MSG_TRUNC, NULL);
        if (received >= 0)
            return received;
        if (errno != EINTR)
            return -errno;
    }
}

int engine_socket_send_datagrams(struct engine *engine, int descriptor, struct mmsghdr *messages,
                                 unsigned count)
{
    (void)engine;
    for (;;) {
        int sent = sendmmsg(descriptor, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            return sent;
        if (errno != EINTR)
            return -errno;
    }
}
