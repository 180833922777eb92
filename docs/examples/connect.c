/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static int greet(eddy_stream *stream, void *context)
{
    (void)context;
    return (int)eddy_stream_write(stream, "welcome\n", 8);
}

static int visit(int port)
{
    eddy_stream *stream;
    char line[100];
    int r = eddy_wait_for(eddy_connect("localhost", port, &stream), 10.0);
    if (r < 0)
        return r;
    ssize_t n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        printf("%s", line);
    eddy_stream_close(stream);
    return n < 0 ? (int)n : 0;
}

static int program(void)
{
    eddy_server *server;
    eddy_stream *stream;
    int r = eddy_serve("localhost", 0, greet, NULL, NULL, &server);
    if (r < 0)
        return r;
    r = visit(eddy_server_port(server));
    eddy_server_close(server);
    if (eddy_connect_unix("/nowhere/at-all", &stream) < 0)
        printf("%s\n", eddy_failure_message(eddy_last_failure()));
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
