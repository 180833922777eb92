/* SPDX-License-Identifier: MIT */
/*
 * A web server for the examples that fetch something, so that they need no network. Each answer
 * takes LOCAL_SERVER_SECONDS. It knows these paths:
 *
 *     /hello      200, and a short text
 *     /slow       the same, after a minute
 *     /repos/A/B  200, and the JSON that GitHub has of a repository, as far as its name
 *     any other   404
 *
 * Not a way to write one: it looks at the first line of a request and skips the rest.
 */
#ifndef LOCAL_SERVER_H
#define LOCAL_SERVER_H

#include <stdio.h>
#include <string.h>
#include <eddy.h>

#define LOCAL_SERVER_SECONDS 0.18

static EDDY_ASYNC int local_server_answer(eddy_stream *stream, void *context)
{
    (void)context;
    char request[1024], line[1024];
    ssize_t n;
    while ((n = eddy_stream_read_line(stream, request, sizeof request)) > 0) {
        do {
            n = eddy_stream_read_line(stream, line, sizeof line);
        } while (n > 2); /* the headers, up to an empty line */
        if (n <= 0)
            break;
        bool slow = strncmp(request, "GET /slow ", 10) == 0;
        bool found = slow || strncmp(request, "GET /hello ", 11) == 0;
        int r = eddy_sleep(slow ? 60.0 : LOCAL_SERVER_SECONDS);
        if (r < 0)
            return r;
        char repository[100], body[128] = "Nothing here.\n";
        if (found) {
            (void)snprintf(body, sizeof body, "Hello, world!\n");
        } else if (sscanf(request, "GET /repos/%99[^ ]", repository) == 1) {
            found = true;
            (void)snprintf(body, sizeof body, "{\"full_name\": \"%s\"}", repository);
        }
        const char *status = found ? "200 OK" : "404 Not Found";
        char answer[256];
        int length = snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
                              status, strlen(body), body);
        n = eddy_stream_write(stream, answer, (size_t)length);
        if (n < 0)
            break;
    }
    return (int)n;
}

/* Starts it on a free port; to be closed with eddy_server_close(). */
static EDDY_ASYNC int local_server_open(eddy_server **server)
{
    struct eddy_serve_options options = {.backlog = 1000};
    return eddy_serve("127.0.0.1", 0, local_server_answer, NULL, &options, server);
}

#endif
