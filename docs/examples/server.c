/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <eddy.h>

static int greet(eddy_stream *stream, void *context) /* a task a connection */
{
    char name[64], answer[80];
    int err;
    eddy_with_timeout (5.0, &err) { /* no stranger keeps a task for ever */
        ssize_t n = eddy_stream_read_line(stream, name, sizeof name);
        if (n > 0) {
            name[strcspn(name, "\r\n")] = '\0';
            n = snprintf(answer, sizeof answer, "%s, %s!\n", (const char *)context, name);
            n = eddy_stream_write(stream, answer, (size_t)n);
        }
        err = n < 0 ? (int)n : 0;
    }
    return err;
} /* the server closes the stream */

static int call(int port, const char *name)
{
    eddy_stream *stream;
    char line[80];
    int r = eddy_connect("127.0.0.1", port, &stream);
    if (r < 0)
        return r;
    ssize_t n = eddy_stream_write(stream, name, strlen(name));
    if (n >= 0)
        n = eddy_stream_read_line(stream, line, sizeof line);
    if (n > 0)
        printf("%s", line);
    eddy_stream_close(stream);
    return n < 0 ? (int)n : 0;
}

static int program(void)
{
    static char greeting[] = "Hello";
    eddy_server *server;
    int r = eddy_serve("127.0.0.1", 0, greet, greeting, NULL, &server);
    if (r < 0)
        return r;
    r = call(eddy_server_port(server), "Ada\n");
    if (r == 0)
        r = call(eddy_server_port(server), "Grace\n");
    eddy_server_close(server); /* no more connections; waits for those at work */
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
