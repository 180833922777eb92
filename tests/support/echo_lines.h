/* SPDX-License-Identifier: MIT */
/* A server's handler: gives each line back, until the other side ends. */
#ifndef EDDY_TESTS_SUPPORT_ECHO_LINES_H
#define EDDY_TESTS_SUPPORT_ECHO_LINES_H

#include <eddy/stream.h>
#include "test.h"

TEST_HELPER int echo_lines(eddy_stream *stream, void *context)
{
    char line[256];
    ssize_t n;
    (void)context;
    while ((n = eddy_stream_read_line(stream, line, sizeof line)) > 0)
        if ((n = eddy_stream_write(stream, line, (size_t)n)) < 0)
            break;
    return (int)n;
}

#endif
