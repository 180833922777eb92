/* SPDX-License-Identifier: MIT */
/*
 * Channels from inside, for eddy_select.
 */
#ifndef EDDY_SRC_CHANNEL_H
#define EDDY_SRC_CHANNEL_H

#include "eddy/channel.h"
#include "remote_wait.h"

struct channel_wait {
    struct remote_wait remote;
    void *item; /* to fill, or to take from */
};

/* Gets in line with a wait that has a `claimed`: 0. What can be done at once is claimed and done:
 * 1, or -EALREADY if the claim came too late. -EPIPE after shutdown. */
int channel_listen(eddy_channel *channel, bool put, struct channel_wait *waiting);

#endif
