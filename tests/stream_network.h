/* SPDX-License-Identifier: MIT */
/*
 * A connection of this program with itself over TCP, on any engine: network_open leaves both of its
 * ends in *network, network_close takes all of it down again.
 */
#ifndef EDDY_TESTS_STREAM_NETWORK_H
#define EDDY_TESTS_STREAM_NETWORK_H

#include "support/test.h"

struct network {
    eddy_server *server;
    eddy_stream *client, *peer; /* the peer is the handler's: not to be closed */
    eddy_event accepted, done;
};

TEST_HELPER int network_handler(eddy_stream *stream, void *context)
{
    struct network *network = context;
    network->peer = stream;
    eddy_event_set(&network->accepted);
    return eddy_event_wait(&network->done);
}

TEST_HELPER void network_close(struct network *network)
{
    eddy_event_set(&network->done);
    eddy_stream_close(network->client);
    eddy_server_close(network->server);
}

TEST_HELPER int network_open(struct network *network)
{
    *network = (struct network){.accepted = EDDY_EVENT_INIT, .done = EDDY_EVENT_INIT};
    int r = eddy_serve("127.0.0.1", 0, network_handler, network, NULL, &network->server);
    if (r < 0)
        return r;
    r = eddy_connect("127.0.0.1", eddy_server_port(network->server), &network->client);
    if (r == 0) /* a server that finds no memory for a connection drops it */
        r = eddy_wait_for(eddy_event_wait(&network->accepted),
                          eddy_sim_active() ? 60 : EDDY_FOREVER);
    if (r < 0)
        network_close(network);
    return r;
}

#endif
