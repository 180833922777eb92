/* SPDX-License-Identifier: MIT */
/* Servers of tests: handlers, and waiting for connections to come and go. */
#ifndef EDDY_TESTS_SERVER_HANDLERS_H
#define EDDY_TESTS_SERVER_HANDLERS_H

#include "stream_pairs.h"
#include "support/echo_lines.h"

/* Stays until it is cancelled. */
TEST_HELPER int linger(eddy_stream *stream, void *context)
{
    char c;
    ssize_t n = eddy_stream_read(stream, &c, 1);
    if (context)
        ++*(int *)context;
    return (int)n;
}

TEST_HELPER eddy_server *serve(eddy_stream_handler *handler, void *context,
                               const struct eddy_serve_options *options)
{
    eddy_server *server = NULL;
    EXPECT_INT(eddy_serve("127.0.0.1", 0, handler, context, options, &server), 0);
    return server;
}

/* Lets the loop run until the server has so many connections. */
TEST_HELPER bool server_reaches(eddy_server *server, size_t count)
{
    for (int i = 0; i < 1000 && eddy_server_connections(server) != count; i++)
        EXPECT_INT(eddy_sleep(0.01), 0);
    return EXPECT_INT(eddy_server_connections(server), count);
}

#endif
