/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <eddy.h>

static int echo(eddy_stream *stream, void *context) /* a task a connection */
{
    (void)context;
    char line[1024];
    ssize_t n;
    while ((n = eddy_stream_read_line(stream, line, sizeof line)) > 0)
        if ((n = eddy_stream_write(stream, line, (size_t)n)) < 0)
            break;
    return (int)n;
}

static int talk(int port)
{
    eddy_stream *stream;
    int r = eddy_connect("127.0.0.1", port, &stream);
    if (r < 0)
        return r;
    char line[1024];
    ssize_t n = eddy_stream_write(stream, "hello\n", 6);
    if (n >= 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        printf("%s", line);
    eddy_stream_close(stream);
    return n < 0 ? (int)n : 0;
}

static int program(void)
{
    eddy_server *server;
    int r = eddy_serve("127.0.0.1", 0, echo, NULL, NULL, &server);
    if (r < 0)
        return r;
    r = talk(eddy_server_port(server));
    eddy_server_close(server);
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
