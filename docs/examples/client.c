/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <eddy.h>
#include <eddy/client.h>

/* A web server, as far as this program needs one. */
static int serve_page(eddy_stream *stream, void *context)
{
    (void)context;
    char line[1024];
    ssize_t n;
    while ((n = eddy_stream_read_line(stream, line, sizeof line)) > 2)
        ;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n"
                                 "Connection: close\r\n\r\nhello\n";
    if (n > 0)
        n = eddy_stream_write(stream, answer, sizeof answer - 1);
    return n < 0 ? (int)n : 0;
}

static int fetch(eddy_http_session *session, const char *url)
{
    eddy_http_response *response;
    int r = eddy_http_get(session, url, &response);
    if (r < 0)
        return r;
    printf("status %d\n", eddy_http_status(response));
    char chunk[EDDY_HTTP_CHUNK];
    ssize_t n;
    while ((n = eddy_http_read_chunk(response, chunk, sizeof chunk)) > 0)
        printf("%.*s", (int)n, chunk);
    eddy_http_close(response);
    return (int)n;
}

static int program(void)
{
    eddy_server *server;
    int r = eddy_serve("127.0.0.1", 0, serve_page, NULL, NULL, &server);
    if (r < 0)
        return r;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", eddy_server_port(server));

    eddy_http_session *session;
    r = eddy_http_session_open(&session, NULL);
    if (r == 0) {
        r = fetch(session, url);
        eddy_http_session_close(session);
    }
    eddy_server_close(server);
    return r;
}

int main(void)
{
    return eddy_run(program) < 0;
}
